// SPDX-License-Identifier: Apache-2.0
// The numbers of one key as a row of cards, with the interval drawn.

import { changeCell, thinWords } from "./columns.js";
import { el, setAttribute, setText } from "./dom.js";
import { count, percent, range } from "./format.js";
import { intervalMark } from "./marks.js";

function card(title, help, ...nodes) {
  return el("div", { class: "card" }, el("dt", { title: help }, title), el("dd", {}, ...nodes));
}

export class Figures {
  constructor(changes = true) {
    this.ratio = el("span", { class: "ratio" });
    this.under = el("span", { class: "under" });
    this.mark = intervalMark();
    this.impressions = el("span");
    this.clicks = el("span");
    this.people = el("span");
    this.unique = el("span", { class: "under" });
    this.day = changeCell();
    this.week = changeCell();
    this.ctr = card("CTR", "clicks / impressions in the window", this.ratio, this.mark.node, this.under);
    this.node = el("dl", { class: "figures" }, this.ctr,
      card("Impressions", "views counted in the window", this.impressions),
      card("Clicks", "clicks counted in the window", this.clicks),
      card("People", "distinct visitors who saw it, and the part of them who clicked", this.people, this.unique),
      changes && card("vs yesterday", "the stretch shown against the same a day before", ...this.day.nodes),
      changes && card("vs last week", "the stretch shown against the same a week before", ...this.week.nodes));
  }

  show(item, to) {
    setAttribute(this.node, "data-to", to);
    setAttribute(this.ctr, "data-thin", item.enough ? null : "");
    setText(this.ratio, percent(item.ctr));
    setText(this.under, item.enough ? `95 %: ${range(item.ctr_low, item.ctr_high)}` : thinWords(item));
    // The scale holds still while numbers move: it is changed only where they leave it.
    const high = item.ctr_high ?? item.ctr ?? 0;
    if (!(this.max > high && this.max < high * 4)) this.max = Math.min(1, high * 1.6) || 1;
    this.mark.draw(item, this.max);
    setText(this.impressions, count(item.impressions));
    setText(this.clicks, count(item.clicks));
    setText(this.people, count(item.viewers));
    setText(this.unique, item.viewers == null ? missing[item.people_missing] ?? ""
      : `${percent(item.unique_ctr)} of them clicked`);
  }

  compare(series) {
    for (const one of series.compare) {
      (one.shift === "1d" ? this.day : this.week).fill(one.difference, "–");
    }
  }
}

const missing = { people_horizon: "not kept for so long a window", max_visitors: "too many to keep",
  coverage: "not all of it is read yet" };
