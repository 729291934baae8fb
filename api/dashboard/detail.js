// SPDX-License-Identifier: Apache-2.0
// One page, box or placement over time.

import { Chart, stretchWords } from "./chart.js";
import { el, setAttribute, setText, settled } from "./dom.js";
import { DAY, HOUR, MINUTE } from "./format.js";
import { Figures } from "./figures.js";
import { listen } from "./gestures.js";
import { Past } from "./past.js";
import { Reading, Table } from "./readout.js";
import { address, change, keyOf } from "./route.js";

const RANGES = [["1h", "1 h"], ["3h", "3 h"], ["6h", "6 h"], ["24h", "24 h"], ["7d", "7 d"], ["30d", "30 d"]];
const SHIFTS = [["1d", "yesterday"], ["7d", "last week"]];
const FULL_MS = 60000, SPAN_MIN = 10 * MINUTE, SPAN_MAX = 400 * DAY;
const UNITS = { m: MINUTE, h: HOUR, d: DAY };

function spanOf(range) {
  const found = /^(\d{1,6})([mhd])$/.exec(range ?? "");
  return found ? Math.min(SPAN_MAX, Math.max(SPAN_MIN, found[1] * UNITS[found[2]])) : HOUR;
}

export class Detail {
  #fixed = null;        // [from, to] where the stretch is not the newest
  #span = HOUR;
  #loading = new AbortController();
  #full = 0;
  #tail = 0;
  #asking = false;

  constructor({ live, service }, { page, box, window }) {
    Object.assign(this, { live, service, window });
    this.key = { ...(page && { page }), ...(box && { box }) };
    this.name = [box, page].filter(Boolean).join(" on ") || "The whole site";
    this.past = new Past(this.key);
    this.figures = new Figures();
    this.chart = new Chart(`Click-through rate of ${this.name} over time`);
    this.reading = new Reading(this.key);
    this.table = new Table();
    this.node = el("section", { class: "detail" }, this.#title(page, box), this.figures.node, this.#controls(),
      legend(), this.chart.node, this.reading.node, this.table.node);
    listen(this.chart, this.#wants());
    this.settle = settled(() => this.#settled(), 250);
    this.live.follow(window, Object.keys(this.key).length > 0 ? [keyOf(this.key)] : []);
  }

  destroy() {
    this.#loading.abort();
    this.settle.cancel();
    this.past.series = null;
  }

  #title(page, box) {
    const { window } = this;
    return el("header", { class: "title" }, el("nav", { "aria-label": "Where this is" },
      el("a", { href: address({ view: box && !page ? "boxes" : "pages", window }) }, box && !page ? "Boxes" : "Pages"),
      page && box ? " › " : "",
      page && box && el("a", { href: address({ view: "page", page, window }) }, page)),
    el("h1", { tabindex: -1 }, box ?? page ?? "The whole site"),
    page && !box && el("a", { class: "more", href: address({ view: "page", page, window }) }, "Its boxes"));
  }

  #controls() {
    const button = (label, title, act) => el("button", { type: "button", title, "aria-label": title, onclick: act }, label);
    const wants = this.#wants();
    this.ranges = RANGES.map(([range, words]) => el("button", { type: "button", "data-range": range,
      onclick: () => change({ range, from: "", to: "" }, false) }, words));
    this.shifts = SHIFTS.map(([shift, words]) => {
      const box = el("input", { type: "checkbox", value: shift, onchange: () => this.#compared() });
      return el("label", { class: `toggle shift-${shift}` }, box, ` ${words}`);
    });
    return el("div", { class: "controls", role: "group", "aria-label": "What the chart shows" },
      el("div", { class: "segments", role: "group", "aria-label": "Stretch" }, ...this.ranges),
      el("div", { class: "toggles", role: "group", "aria-label": "Compare with" }, ...this.shifts),
      el("div", { class: "segments", role: "group", "aria-label": "Zoom and pan" },
        button("‹", "Earlier", () => wants.pan(-0.5)), button("−", "Zoom out", () => wants.zoom(2)),
        button("+", "Zoom in", () => wants.zoom(0.5)), button("›", "Later", () => wants.pan(0.5)),
        (this.now = button("Now", "Back to now", () => wants.reset()))));
  }

  // ---- what is shown ----

  route(values) {
    const from = Number(values.from), to = Number(values.to);
    this.#fixed = values.from && to - from >= SPAN_MIN && from > 0 ? [from, Math.min(to, from + SPAN_MAX)] : null;
    this.#span = this.#fixed ? to - from : spanOf(values.range);
    for (const button of this.ranges) {
      setAttribute(button, "aria-pressed", String(!this.#fixed && (values.range || "1h") === button.dataset.range));
    }
    const compare = (values.compare ?? "").split(",");
    for (const label of this.shifts) label.firstChild.checked = compare.includes(label.firstChild.value);
    this.load();
  }

  #compared() {
    const chosen = this.shifts.map((label) => label.firstChild).filter((box) => box.checked);
    change({ compare: chosen.map((box) => box.value).join() });
  }

  #domain() {
    if (this.#fixed) return this.#fixed;
    const { series } = this.past;
    const end = series ? Math.ceil(series.to / series.step.ms) * series.step.ms : Date.now();
    return [end - this.#span, end];
  }

  async load() {
    this.#loading.abort();
    const { signal } = (this.#loading = new AbortController());
    const margin = this.#fixed ? this.#span / 2 : 0;
    const [from, to] = this.#fixed ?? [Date.now() - this.#span, null];
    this.#full = performance.now();
    try {
      await this.past.load([from - margin, to == null || to + margin > Date.now() ? null : to + margin], signal);
      if (!signal.aborted) this.#show();
    } catch (error) {
      if (!signal.aborted) this.service.failed(error);
    }
  }

  #show() {
    const { series } = this.past;
    if (!series) return;
    for (const one of series.compare) one.shown = this.shifts.some((label) => label.firstChild.checked &&
      label.firstChild.value === one.shift);
    for (const label of this.shifts) {
      const there = series.compare.find((one) => one.shift === label.firstChild.value);
      label.toggleAttribute("data-none", !there?.points.some((point) => point.impressions > 0));
    }
    this.chart.series = series;
    this.chart.domain = this.#domain();
    this.chart.root.setAttribute("aria-label", `Click-through rate of ${this.name}, ${stretchWords(this.chart.domain)}; ` +
      "the same numbers are in the table below");
    this.chart.draw();
    setAttribute(this.now, "disabled", this.#fixed ? null : "");
    this.figures.compare(series);
    this.reading.again(series);
    this.table.show(series, this.chart.domain);
    setAttribute(this.node, "data-counted-to", new Date(series.to).toISOString());
  }

  numbers(event) {
    const item = event.items.find((one) => one.page === this.key.page && one.box === this.key.box);
    if (item) this.figures.show(item, event.to);
    if (!this.#fixed) this.#follow();
  }

  /** The end of the series moves with the numbers; now and then all of it is loaded again. */
  async #follow() {
    const { series } = this.past, now = performance.now();
    if (!series || this.#asking || now - this.#tail < Math.max(1900, series.step.ms / 60)) return;
    if (now - this.#full > FULL_MS) return this.load();
    this.#asking = true;
    this.#tail = now;
    try {
      await this.past.follow(this.#loading.signal);
      if (series === this.past.series) this.#show();
    } catch (error) {
      if (!this.#loading.signal.aborted) this.service.failed(error);
    } finally {
      this.#asking = false;
    }
  }

  // ---- gestures ----

  #wants() {
    return {
      zoom: (factor, centre) => this.#zoom(factor, centre),
      pan: (share) => this.#move(share),
      select: (from, to) => to - from >= this.past.series.step.ms && this.#put(from, Math.max(to, from + SPAN_MIN)),
      reset: () => change({ from: "", to: "" }, false),
      read: (at) => this.#read(at, false),
      step: (by) => this.#step(by),
    };
  }

  #zoom(factor, centre) {
    const [from, to] = this.#domain();
    const span = Math.min(SPAN_MAX, Math.max(SPAN_MIN, (to - from) * factor));
    const at = centre ?? (this.#fixed ? (from + to) / 2 : to);
    const left = at - ((at - from) / (to - from)) * span;
    this.#put(left, left + span);
  }

  #move(share) {
    const [from, to] = this.#domain();
    this.#put(from + share * (to - from), to + share * (to - from));
  }

  /** Nothing lies in the future: a stretch that reaches there ends now. */
  #put(from, to) {
    const end = this.past.series ? Math.ceil(this.past.series.to / MINUTE) * MINUTE : Date.now();
    const over = Math.max(0, to - Math.max(end, Date.now()));
    this.#fixed = [Math.round(from - over), Math.round(to - over)];
    this.#span = to - from;
    this.chart.domain = this.#fixed;
    this.chart.draw();
    this.settle();
  }

  #settled() {
    if (this.#fixed) change({ range: "", from: this.#fixed[0], to: this.#fixed[1] });
  }

  #read(at, byKey) {
    if (this.chart.cursor === at) return;
    this.chart.cursor = at;
    this.chart.draw();
    this.reading.show(this.past.series, at, byKey);
  }

  #step(by) {
    const { series } = this.past;
    if (!series) return;
    const [from, to] = this.chart.domain;
    const first = series.points.findIndex((point) => point.t + series.step.ms > from);
    const last = series.points.findLastIndex((point) => point.t < to);
    const at = this.chart.cursor ?? (by < 0 ? last + 1 : first - 1);
    this.#read(Math.max(first, Math.min(last, at + by)), true);
  }
}

function legend() {
  const mark = (name, words) => el("span", {}, el("i", { class: `key ${name}` }), words);
  return el("p", { class: "legend" }, mark("now", "CTR"), mark("band", "95 % band"), mark("final", "final"),
    mark("closing", "closing"), mark("live", "live"), mark("missing", "not read"), mark("corrected", "corrected late"));
}
