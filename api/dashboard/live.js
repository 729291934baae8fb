// SPDX-License-Identifier: Apache-2.0
// One stream of numbers for the whole page, and what is known of the service's health from it.
//
//   open      events come            silent   no sign of life for longer than it should take
//   away      no answer              starting 503 until there are numbers
//   token     a token is needed      paused   the tab is hidden
//
// A token without the scope `stream`, or a service with as many streams as may be, is polled instead.

import { Failure, ask, open, readEvents } from "./api.js";

const SILENT_MS = 3500, PROBE_MS = 2000, POLL_MS = 2000, KEYS_MAX = 100, TARGET_MAX = 7600;

export class Live extends EventTarget {
  state = "connecting";
  since = Date.now();       // of the state
  event = null;             // the newest numbers
  arrived = 0;              // when, by performance.now()
  #wanted = { window: "", keys: [] };
  #current = null;          // {abort} of the stream that is open
  #retry = 0;
  #pause = 1000;
  #heard = performance.now();
  #probing = false;

  constructor() {
    super();
    setInterval(() => this.#watch(), 500);
    document.addEventListener("visibilitychange", () => this.#visibility());
    addEventListener("online", () => this.restart());
  }

  /** How old the newest numbers are now. */
  age() {
    return this.event ? this.event.lag_ms + performance.now() - this.arrived : null;
  }

  /** Which keys to tell about; cheap to call again with the same. */
  follow(window, keys) {
    const fit = [];
    let length = 0;
    for (const key of keys) {
      length += encodeURIComponent(key).length + 5;
      if (fit.length === KEYS_MAX || length > TARGET_MAX) break;
      fit.push(key);
    }
    const same = this.#wanted.window === window && this.#wanted.keys.length === fit.length &&
      this.#wanted.keys.every((key, at) => key === fit[at]);
    this.#wanted = { window, keys: fit };
    if (!same || !this.#current) this.restart();
  }

  restart() {
    clearTimeout(this.#retry);
    if (document.hidden) return this.#become("paused");
    const old = this.#current;
    const current = (this.#current = new AbortController());
    this.#run(current, () => old?.abort()).catch(() => {});
  }

  #become(state, words = "") {
    if (this.state === state && this.words === words) return;
    if (this.state !== state) this.since = Date.now();
    Object.assign(this, { state, words });
    this.dispatchEvent(new Event("state"));
  }

  #target() {
    const query = new URLSearchParams();
    if (this.#wanted.window) query.set("window", this.#wanted.window);
    for (const key of this.#wanted.keys) query.append("key", key);
    return `/v1/stream?${query}`;
  }

  /** One stream from its beginning to its end. The one before it goes when this one has begun to
   * speak, so that there is no gap while somebody scrolls. */
  async #run(current, begun) {
    this.#heard = performance.now();
    try {
      const opened = await open(this.#target(), { signal: current.signal });
      await readEvents(opened, (event) => {
        if (current !== this.#current) return;
        begun();
        this.#take(event);
      }, () => (this.#heard = performance.now()));
      throw new Failure("away", "The service ended the stream.");
    } catch (error) {
      begun();
      if (current !== this.#current || current.signal.aborted) return;
      await this.#failed(error, current);
    }
  }

  #take(event) {
    this.#pause = 1000;
    this.event = event;
    this.arrived = this.#heard = performance.now();
    this.#become("open");
    this.dispatchEvent(new Event("numbers"));
  }

  async #failed(error, current) {
    if (error.kind === "scope" || error.problem === "busy") return this.#poll(current);
    if (error.kind === "token") return this.#become("token", error.message);
    this.#become(error.problem === "starting" ? "starting" : "away", error.message);
    this.#retry = setTimeout(() => this.restart(), this.#pause);
    this.#pause = Math.min(4000, this.#pause * 1.5);
  }

  async #poll(current) {
    const items = this.#wanted.keys.length === 0 ? [{}] : this.#wanted.keys.map((key) => {
      const [page, box] = key.split("\t");
      return { ...(page && { page }), ...(box && { box }) };
    });
    while (current === this.#current && !current.signal.aborted) {
      try {
        this.#take(await ask("/v1/ctr:batchGet", {}, { signal: current.signal, patience: PROBE_MS,
          body: { ...(this.#wanted.window && { window: this.#wanted.window }), items } }));
      } catch (error) {
        if (current === this.#current && !current.signal.aborted) {
          this.#become(error.kind === "token" ? "token" : "away", error.message);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** A process that stands still keeps its connections open: silence is looked into. */
  async #watch() {
    const silent = performance.now() - this.#heard;
    if (this.state !== "open" || silent < SILENT_MS || this.#probing) return;
    this.#probing = true;
    try {
      await (await open("/livez", { patience: PROBE_MS })).response.text();
    } catch (error) {
      if (this.state === "open" && performance.now() - this.#heard >= SILENT_MS) {
        const current = this.#current;
        this.#current = null;
        current?.abort();
        this.#become("away", "The service does not answer.");
        this.restart();
      }
    } finally {
      setTimeout(() => (this.#probing = false), PROBE_MS);
    }
  }

  #visibility() {
    if (!document.hidden) return this.restart();
    clearTimeout(this.#retry);
    this.#current?.abort();
    this.#current = null;
    this.#become("paused");
  }
}
