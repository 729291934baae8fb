// SPDX-License-Identifier: Apache-2.0
// What a chart says in words: the step under the cursor, with its account, and all steps as a table.

import { ask } from "./api.js";
import { el, setAttribute, setText } from "./dom.js";
import { MINUTE, count, moment, percent, range } from "./format.js";

const REASONS = { duplicates: "copies", late: "too late", future: "from the future", filtered: "filtered",
  repeated: "repeated clicks", held: "not applied yet" };

function stateWords(point) {
  if (point.impressions == null) return "not read";
  return point.state + (point.revision > 0 ? `, corrected by late events (revision ${point.revision})` : "") +
    (point.coverage < 1 ? `, ${percent(point.coverage)} of it read` : "");
}

function words(point) {
  if (point.impressions == null) return `${moment(point.t)}: not read, nothing is known of it`;
  const ratio = point.ctr == null ? "no views" : `CTR ${percent(point.ctr)} (${range(point.ctr_low, point.ctr_high)})`;
  return `${moment(point.t)}: ${ratio}, ${count(point.impressions)} impressions, ${count(point.clicks)} clicks, ${stateWords(point)}`;
}

const HINT = "Point at the chart, or focus it and use the arrow keys; drag, + and − zoom, Shift and drag pan, 0 is now.";

export class Reading {
  #at = null;

  constructor(key) {
    this.key = key;
    this.line = el("span", {}, HINT);
    this.spoken = el("span", { class: "unseen", "aria-live": "polite" });
    this.why = el("button", { type: "button", hidden: true, onclick: () => this.#explain() }, "What did not count?");
    this.account = el("span", { class: "account" });
    this.node = el("p", { class: "reading" }, this.line, " ", this.why, " ", this.account, this.spoken);
  }

  show(series, at, byKey) {
    this.#at = at == null ? null : series.points[at]?.t;
    setText(this.account, "");
    this.again(series);
    if (byKey) setText(this.spoken, this.line.textContent);
  }

  again(series) {
    const point = this.#at == null ? null : series.points.find((one) => one.t === this.#at);
    setText(this.line, point ? words(point) : HINT);
    this.why.hidden = !point || series.step.ms !== MINUTE;
  }

  async #explain() {
    const at = this.#at;
    try {
      const answer = await ask("/v1/explain", { ...this.key, minute: new Date(at).toISOString() });
      const found = Object.entries(REASONS).filter(([name]) => answer[name] > 0)
        .map(([name, what]) => `${count(answer[name])} ${what}`);
      if (at === this.#at) setText(this.account, found.length > 0 ? found.join(", ") : "Everything counted.");
    } catch (error) {
      if (at === this.#at) setText(this.account, error.message);
    }
  }
}

const TITLES = ["Begin", "CTR", "95 %", "Impressions", "Clicks", "People (10 min)", "State"];

export class Table {
  constructor() {
    this.body = el("tbody");
    this.node = el("details", { class: "table", ontoggle: () => this.#fill() }, el("summary", {}, "The same as a table"),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The chart as a table" },
        el("table", {}, el("caption", { class: "unseen" }, "Every step of the chart, the newest first"),
          el("thead", {}, el("tr", {}, ...TITLES.map((title) => el("th", { scope: "col" }, title)))), this.body)));
  }

  show(series, [from, to]) {
    this.points = series.points.filter((point) => point.t + series.step.ms > from && point.t < to).reverse();
    this.#fill();
  }

  #fill() {
    if (!this.node.open || !this.points) return;
    const rows = [...this.body.children];
    this.points.forEach((point, at) => {
      const row = rows[at] ?? this.body.appendChild(el("tr", {}, el("th", { scope: "row" }), ...TITLES.slice(1).map(() => el("td"))));
      const values = [moment(point.t), percent(point.ctr), range(point.ctr_low, point.ctr_high), count(point.impressions),
        count(point.clicks), count(point.viewers_10m), stateWords(point)];
      values.forEach((value, cell) => setText(row.children[cell], value));
      setAttribute(row, "data-state", point.impressions == null ? "missing" : point.state);
    });
    for (const row of rows.slice(this.points.length)) row.remove();
  }
}
