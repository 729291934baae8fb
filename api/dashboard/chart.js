// SPDX-License-Identifier: Apache-2.0
// One key over time: CTR with its 95 % band, a lane that says what each step is worth, impressions and
// clicks below. Drawn as SVG, so that style.css has the colours and text is text.

import { el, svg } from "./dom.js";
import { moment, roundPercent, short } from "./format.js";
import { stretches } from "./marks.js";
import { ticksUpTo, timeTicks } from "./scale.js";

const LEFT = 52, RIGHT = 12, TOP = 10, CTR = 230, LANE = 8, BARS = 58, GAP = 16, AXIS = 22;
const LANE_TOP = TOP + CTR + 8, VIEWS_TOP = LANE_TOP + LANE + GAP, CLICKS_TOP = VIEWS_TOP + BARS + GAP;
export const HEIGHT = CLICKS_TOP + BARS + AXIS;

export class Chart {
  width = 800;
  domain = [0, 1];
  series = null;        // {step, points: [{t, ...}], compare: [{shift, points}]}
  cursor = null;        // index of the point that is read

  constructor(label) {
    this.root = svg("svg", { class: "chart", role: "img", "aria-label": label, height: HEIGHT });
    this.node = el("div", { class: "plot" }, this.root);
    new ResizeObserver(([entry]) => {
      this.width = Math.max(280, entry.contentRect.width);
      this.draw();
    }).observe(this.node);
  }

  x(t) {
    const [from, to] = this.domain;
    return LEFT + ((t - from) / (to - from)) * (this.width - LEFT - RIGHT);
  }

  time(x) {
    const [from, to] = this.domain;
    return from + ((x - LEFT) / (this.width - LEFT - RIGHT)) * (to - from);
  }

  /** The point whose step holds the time. */
  at(t) {
    const { points, step } = this.series ?? { points: [] };
    const found = points.findIndex((point) => t >= point.t && t < point.t + step.ms);
    return found < 0 ? null : found;
  }

  draw() {
    const { root, width } = this;
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    root.setAttribute("width", width);
    root.replaceChildren();
    if (!this.series) return;
    const clip = svg("clipPath", { id: "plot" }, svg("rect", { x: LEFT, y: 0, width: width - LEFT - RIGHT, height: HEIGHT }));
    const layer = svg("g", { "clip-path": "url(#plot)" });
    root.append(clip, this.#axes(), layer);
    layer.append(...this.#gaps(), ...this.#compared(), ...this.#rate(), ...this.#lane(),
      ...this.#bars("impressions", VIEWS_TOP), ...this.#bars("clicks", CLICKS_TOP), ...this.#reading());
  }

  #inView(points = this.series.points) {
    const [from, to] = this.domain;
    return points.filter((point) => point.t + this.series.step.ms > from && point.t < to);
  }

  /** High enough for the line and for nearly all of the band: one empty minute must not flatten the rest. */
  #top() {
    const shown = [this.#inView(), ...this.series.compare.filter((one) => one.shown).map((one) => this.#inView(one.points))];
    const points = shown.flat().filter((point) => point.ctr != null);
    const highs = points.map((point) => point.ctr_high ?? point.ctr).sort((a, b) => a - b);
    return Math.max(0.0005, 1.05 * Math.max(...points.map((point) => point.ctr), highs[Math.floor(highs.length * 0.9)] ?? 0));
  }

  #axes() {
    const group = svg("g", { class: "axes", "aria-hidden": "true" });
    const right = this.width - RIGHT;
    this.ctrTop = this.#top();
    for (const tick of ticksUpTo(this.ctrTop, 5)) {
      const y = this.#y(tick);
      group.append(svg("line", { x1: LEFT, x2: right, y1: y, y2: y }),
        svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, roundPercent(tick)));
    }
    for (const { t, words } of timeTicks(...this.domain, Math.max(2, this.width / 95))) {
      const x = this.x(t);
      if (x < LEFT || x > right) continue;
      group.append(svg("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - AXIS, class: "vertical" }),
        svg("text", { x: Math.min(x, right - 16), y: HEIGHT - 6, "text-anchor": "middle" }, words));
    }
    return group;
  }

  #y(ratio) {
    return TOP + CTR - Math.min(1, ratio / this.ctrTop) * CTR;
  }

  #middle(point) {
    return this.x(point.t + this.series.step.ms / 2).toFixed(1);
  }

  /** Stretches that nobody read: hatched, never a line through them. */
  #gaps() {
    const { points, step } = this.series;
    const marks = [];
    const shade = (fits, name) => {
      for (const [begin, end] of stretches(points, fits)) {
        const x = this.x(points[begin].t), x2 = this.x(points[end - 1].t + step.ms);
        marks.push(svg("rect", { class: name, x, width: Math.max(1, x2 - x), y: TOP, height: HEIGHT - AXIS - TOP }));
      }
    };
    shade((point) => point.impressions == null, "missing");
    shade((point) => point.state !== "live" && point.impressions != null && point.coverage < 1, "partial");
    return marks;
  }

  #line(points, name) {
    const d = stretches(points, (point) => point.ctr != null).map(([begin, end]) => "M" + points.slice(begin, end)
      .map((point) => `${this.#middle(point)} ${this.#y(point.ctr).toFixed(1)}`).join("L") +
      (end - begin === 1 ? "h.01" : "")).join("");
    return svg("path", { class: name, d });
  }

  #band(points, name) {
    const edge = (part, read) => part.map((point) => `${this.#middle(point)} ${this.#y(read(point)).toFixed(1)}`);
    const d = stretches(points, (point) => point.ctr_low != null).map(([begin, end]) => {
      const part = points.slice(begin, end);
      return `M${edge(part, (point) => point.ctr_high).join("L")}L${edge(part, (point) => point.ctr_low).reverse().join("L")}Z`;
    }).join("");
    return svg("path", { class: name, d });
  }

  #compared() {
    return this.series.compare.filter((one) => one.shown).flatMap((one) =>
      [this.#line(one.points, `line shift-${one.shift}`)]);
  }

  #rate() {
    const { points } = this.series;
    const dots = this.#inView().filter((point) => point.ctr != null && point.state !== "final").map((point) =>
      svg("circle", { class: `dot ${point.state}`, cx: this.#middle(point), cy: this.#y(point.ctr), r: 3.5 }));
    return [this.#band(points, "band"), this.#line(points, "line now"), ...dots];
  }

  /** One mark a step: final, closing, live, missing; above it a triangle where late events corrected it. */
  #lane() {
    const { points, step } = this.series;
    const marks = [];
    for (const state of ["final", "closing", "live", "missing"]) {
      const fits = (point) => (point.impressions == null ? "missing" : point.state) === state;
      for (const [begin, end] of stretches(points, fits)) {
        const x = this.x(points[begin].t), x2 = this.x(points[end - 1].t + step.ms);
        marks.push(svg("rect", { class: `lane ${state}`, x: x + 0.5, width: Math.max(1, x2 - x - 1), y: LANE_TOP, height: LANE }));
      }
    }
    for (const point of this.#inView().filter((one) => one.revision > 0)) {
      const x = Number(this.#middle(point));
      marks.push(svg("path", { class: "corrected", d: `M${x - 4} ${LANE_TOP + LANE + 8}h8l-4 -7z` },
        svg("title", {}, `corrected by late events: revision ${point.revision}`)));
    }
    return marks;
  }

  #bars(name, top) {
    const { points, step } = this.series;
    const max = Math.max(1, ...this.#inView().map((point) => point[name] ?? 0));
    const parts = { final: "", closing: "", live: "" };
    for (const point of points) {
      if (!point[name]) continue;
      const x = this.x(point.t), wide = this.x(point.t + step.ms) - x;
      const height = (point[name] / max) * (BARS - 12);
      parts[point.state] += `M${(x + Math.min(1, wide / 8)).toFixed(1)} ${top + BARS}v${-height.toFixed(1)}h${Math.max(0.5, wide - Math.min(2, wide / 4)).toFixed(1)}V${top + BARS}z`;
    }
    return [...Object.entries(parts).map(([state, d]) => svg("path", { class: `bars ${name} ${state}`, d })),
      svg("line", { class: "base", x1: LEFT, x2: this.width - RIGHT, y1: top + BARS, y2: top + BARS }),
      svg("text", { class: "name", x: LEFT + 4, y: top + 8 }, `${name}, up to ${short(max)} ${step.words}`)];
  }

  #reading() {
    const point = this.cursor == null ? null : this.series.points[this.cursor];
    if (!point) return [];
    const x = this.#middle(point);
    return [svg("line", { class: "cursor", x1: x, x2: x, y1: TOP, y2: HEIGHT - AXIS }),
      point.ctr != null && svg("circle", { class: "cursor", cx: x, cy: this.#y(point.ctr), r: 4.5 })].filter(Boolean);
  }
}

/** A stretch in words, for labels. */
export const stretchWords = ([from, to]) => `${moment(from)} to ${moment(to)}`;
