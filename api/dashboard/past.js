// SPDX-License-Identifier: Apache-2.0
// The series behind a chart: loaded for a stretch, then kept up to date at its end.

import { ask } from "./api.js";
import { DAY } from "./format.js";
import { stepFor } from "./scale.js";

const SHIFTS = [["1d", DAY], ["7d", 7 * DAY]];

const pointOf = (point, shiftMs = 0) => ({ ...point, t: Date.parse(point.start) + shiftMs });

export class Past {
  series = null;        // as chart.js wants it, and counted_to
  #end = 0;             // the first step that may still change

  constructor(key) {
    this.key = key;
  }

  /** Loads [from, to), `to` null: up to now. */
  async load([from, to], signal) {
    const step = stepFor((to ?? Date.now()) - from);
    const shifts = SHIFTS.filter(([, ms]) => ms % step.ms === 0);
    const answer = await ask("/v1/series", { ...this.key, step: step.name, from: new Date(from).toISOString(),
      to: to == null ? "" : new Date(Math.ceil(to / step.ms) * step.ms).toISOString(),
      compare: shifts.map(([name]) => name).join() }, { signal });
    const words = step.name === "1m" ? "a minute" : `in ${step.name.replace(/(\d+)/, "$1 ")}`;
    this.series = {
      step: { ...step, words }, to: Date.parse(answer.counted_to), key: this.key, points: answer.points.map((point) => pointOf(point)),
      compare: answer.compare.map((one, at) => ({ shift: one.shift, difference: one.difference,
        points: one.points.map((point) => pointOf(point, shifts[at][1])) })),
    };
    this.#mark();
    return this.series;
  }

  /** Only what may have changed since. */
  async follow(signal) {
    const { series } = this;
    const answer = await ask("/v1/series", { ...this.key, step: series.step.name, from: new Date(this.#end).toISOString() },
      { signal });
    const fresh = answer.points.map((point) => pointOf(point));
    if (fresh.length === 0 || series !== this.series) return;
    series.points = [...series.points.filter((point) => point.t < fresh[0].t), ...fresh];
    series.to = Date.parse(answer.counted_to);
    this.#mark();
  }

  /** Late events may correct a step that was final a moment ago: some are asked for again. */
  #mark() {
    const { points, step } = this.series;
    const open = points.findIndex((point) => point.state !== "final");
    const at = Math.max(0, (open < 0 ? points.length : open) - 3);
    this.#end = points[at]?.t ?? Date.now() - step.ms;
  }

  get newest() {
    return this.series?.points.at(-1)?.t ?? 0;
  }
}
