// SPDX-License-Identifier: Apache-2.0
// What /v1/status and the numbers of the site tell, asked every few seconds while somebody looks.

import { Failure, ask } from "./api.js";

const STATUS_MS = 5000, TROUBLE_MS = 2000, KEPT_MS = 600000;

export class Service extends EventTarget {
  status = null;
  site = null;          // the newest numbers of the whole site
  rates = null;         // {events, late, malformed}
  #samples = [];
  #asking = false;
  #askedSite = 0;
  #timer = 0;

  constructor(live) {
    super();
    this.live = live;
    live.addEventListener("numbers", () => this.#askSite());
    live.addEventListener("state", () => this.ask());
    this.ask();
  }

  /** The window that is asked for where an address names none. */
  windowName(name) {
    return name || (this.status?.windows.find((one) => one.preferred)?.name ?? "");
  }

  compares(window) {
    const name = this.windowName(window);
    return this.status?.windows.some((one) => one.name === name && one.before) ?? false;
  }

  /** A view could not load something: whether the service is there is told by the stream. */
  failed(error) {
    if (!(error instanceof Failure)) throw error; // a mistake of the page's own
    if (error.kind === "token" && this.live.state === "open") this.live.restart(); // it has expired
    this.trouble = error.kind === "other" || error.kind === "scope" ? error.message : "";
    this.dispatchEvent(new Event("change"));
  }

  async ask() {
    clearTimeout(this.#timer);
    if (this.live.state === "paused" || this.live.state === "token" || this.#asking) return;
    this.#asking = true;
    try {
      this.#take(await ask("/v1/status", {}, { patience: 4000 }));
    } catch {
      // The strip shows the state of the stream, and status as old as it is.
    } finally {
      this.#asking = false;
    }
    const calm = this.live.state === "open" && this.status?.state === "live";
    this.#timer = setTimeout(() => this.ask(), calm ? STATUS_MS : TROUBLE_MS);
  }

  #take(status) {
    const sum = (name) => status.partitions.reduce((total, one) => total + one[name], 0);
    const sample = { at: performance.now(), started: status.started, read: sum("read"), late: sum("late"),
      malformed: sum("malformed") };
    if (this.#samples.at(-1)?.started !== sample.started) this.#samples = []; // another process
    this.#samples.push(sample);
    this.#samples = this.#samples.filter((one) => sample.at - one.at < KEPT_MS);
    this.status = status;
    this.taken = sample.at;
    this.rates = this.#rates(sample);
    this.dispatchEvent(new Event("change"));
  }

  /** Events a second of the last quarter of a minute; faults of the last ten minutes, or of all that was
   * read where that is little. */
  #rates(now) {
    const recent = this.#samples.find((one) => now.at - one.at < 16000 && now.at - one.at > 1500);
    const first = now.read - this.#samples[0].read >= 1000 ? this.#samples[0] : { read: 0, late: 0, malformed: 0 };
    const part = (name) => (now.read > first.read ? (now[name] - first[name]) / (now.read - first.read) : 0);
    return { events: recent ? (1000 * (now.read - recent.read)) / (now.at - recent.at) : null, late: part("late"),
      malformed: part("malformed") };
  }

  async #askSite() {
    const { event } = this.live;
    if (performance.now() - this.#askedSite < 900) return;
    this.#askedSite = performance.now();
    try {
      const alone = event.items.length === 1 && event.items[0].page == null && event.items[0].box == null;
      this.site = alone ? { ...event.items[0], window: event.window } : await ask("/v1/ctr", { window: event.window });
      this.dispatchEvent(new Event("change"));
    } catch { /* the next event asks again */ }
  }
}
