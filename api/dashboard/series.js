// SPDX-License-Identifier: Apache-2.0
// The last hour of the rows that can be seen, asked for a few at a time and kept for a minute.

import { ask } from "./api.js";
import { HOUR } from "./format.js";
import { keyOf } from "./route.js";

const FRESH_MS = 60000, KEPT = 300, AT_ONCE = 3;
export const SPARK_STEP = "2m";

/** Whether a stretch of points has any number in it. */
const known = (points) => points.some((point) => point.impressions > 0);

export class Sparks {
  #kept = new Map();    // key -> {at, points, day, week}; the oldest first
  #queue = [];
  #asking = 0;

  constructor(onNew) {
    this.onNew = onNew;
  }

  get(row) {
    return this.#kept.get(keyOf(row));
  }

  /** The rows that are in view now; what was waiting for others is forgotten. */
  want(rows, toMs) {
    this.toMs = toMs;
    this.#queue = rows.filter((row) => !(performance.now() - (this.get(row)?.at ?? -FRESH_MS) < FRESH_MS));
    this.#next();
  }

  stop() {
    this.#queue = [];
    this.onNew = () => {};
  }

  #next() {
    while (this.#asking < AT_ONCE && this.#queue.length > 0 && !document.hidden) {
      this.#asking += 1;
      this.#ask(this.#queue.shift()).finally(() => {
        this.#asking -= 1;
        this.#next();
      });
    }
  }

  async #ask(row) {
    const key = keyOf(row);
    try {
      const series = await ask("/v1/series", { page: row.page, box: row.box, step: SPARK_STEP, compare: "1d,7d",
        from: new Date(this.toMs - HOUR).toISOString() });
      const [day, week] = series.compare.map((one) => (known(one.points) ? one.difference : null));
      // The step that is not over yet is mostly noise.
      const points = series.points.filter((point) => point.state !== "live").map((point) => [point.ctr, point.ctr_low, point.ctr_high]);
      this.#kept.delete(key);
      this.#kept.set(key, { at: performance.now(), points, day, week });
      for (const old of this.#kept.keys()) {
        if (this.#kept.size <= KEPT) break;
        this.#kept.delete(old);
      }
      this.onNew(row);
    } catch {
      // Without it the row has no line; whether the service answers is told by the strip.
    }
  }
}
