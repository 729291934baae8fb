// SPDX-License-Identifier: Apache-2.0
// The columns of a list: what each is called, how it is sorted, and how a cell is filled.

import { el, setAttribute, setText } from "./dom.js";
import { count, difference, percent, range } from "./format.js";
import { intervalMark, sparkMark } from "./marks.js";
import { rowAddress } from "./route.js";
import { roughly, viewsMissing } from "./stats.js";

/** What a thin row says instead of pretending. */
export function thinWords(item) {
  if (item.impressions === 0) return "no views";
  const missing = viewsMissing(item);
  return missing === null ? "too few views" : `needs about ${count(roughly(missing))} more views`;
}

const text = (className) => () => {
  const node = el("span", { class: className });
  return { nodes: [node], fill: (words) => setText(node, words) };
};

function nameCell() {
  const link = el("a", { class: "id" }), under = el("span", { class: "under" });
  return { nodes: [link, under], link, fill(row, { level, window }) {
    setText(link, row.box ?? row.page);
    setText(under, level === "placements" ? `on ${row.page}` : "");
    setAttribute(link, "href", rowAddress(row, window));
    setAttribute(link, "title", row.box == null ? row.page : `${row.box}${row.page == null ? "" : ` on ${row.page}`}`);
  } };
}

function ctrCell() {
  const ratio = el("span", { class: "ratio" }), under = el("span", { class: "under" });
  return { nodes: [ratio, under], fill(row) {
    setText(ratio, percent(row.ctr));
    setText(under, row.enough ? range(row.ctr_low, row.ctr_high) : thinWords(row));
    setAttribute(under, "title", row.enough ? null : `95 %: ${range(row.ctr_low, row.ctr_high)}`);
  } };
}

/** A difference in words and colour: coloured only where its interval does not hold 0. */
export function changeCell() {
  const node = el("span", { class: "change" });
  return { nodes: [node], fill(change, words) {
    const sure = change && (change.ctr_low > 0 || change.ctr_high < 0);
    setText(node, change?.ctr == null ? words : `${sure ? (change.ctr > 0 ? "▲ " : "▼ ") : ""}${difference(change.ctr)}`);
    setAttribute(node, "data-moved", sure ? (change.ctr > 0 ? "up" : "down") : null);
    setAttribute(node, "title", change?.ctr_low == null ? null
      : `95 %: ${difference(change.ctr_low)} to ${difference(change.ctr_high)}${sure ? "" : ", within noise"}`);
  } };
}

function simple(read) {
  return () => {
    const cell = text("number")();
    return { ...cell, fill: (row, context) => cell.fill(read(row, context)) };
  };
}

function changed(read, none) {
  return () => {
    const cell = changeCell();
    return { ...cell, fill: (row, context) => cell.fill(read(row, context), none(row, context)) };
  };
}

function intervalCell() {
  const mark = intervalMark();
  return { nodes: [mark.node], fill: (row, context) => mark.draw(row, context.max) };
}

function sparkCell() {
  const mark = sparkMark();
  return { nodes: [mark.node], fill: (row, context) => mark.draw(context.sparks.get(row)) };
}

function shareCell() {
  const bar = el("span", { class: "bar" }), words = el("span", { class: "number" });
  return { nodes: [bar, words], fill(row, context) {
    const share = context.clicks > 0 ? row.clicks / context.clicks : null;
    setText(words, percent(share));
    const width = `${Math.min(100, (share ?? 0) * 100).toFixed(1)}%`;
    if (bar.style.width !== width) bar.style.width = width;
  } };
}

const spark = (row, context) => context.sparks.get(row);

/** name, title, help, sort(row) where it can be sorted by; `only`: where it stands. */
export const COLUMNS = [
  { name: "id", title: "Name", make: nameCell, sort: (row) => row.box ?? row.page, ascending: true },
  { name: "ctr", title: "CTR", help: "clicks / impressions in the window, with its 95 % interval", make: ctrCell,
    sort: (row) => row.ctr },
  { name: "ctr_low", title: "95 % interval", help: "sorts by the lower end: what is surely good comes first",
    make: intervalCell, sort: (row) => row.ctr_low },
  { name: "spark", title: "Last hour", make: sparkCell },
  { name: "impressions", title: "Impressions", make: simple((row) => count(row.impressions)),
    sort: (row) => row.impressions },
  { name: "clicks", title: "Clicks", make: simple((row) => count(row.clicks)), sort: (row) => row.clicks },
  { name: "share", title: "Share", help: "of all clicks on the page", make: shareCell, only: "page" },
  { name: "viewers", title: "People", help: "distinct visitors who saw it in the window",
    make: simple((row) => count(row.viewers)), sort: (row) => row.viewers },
  { name: "before", title: "vs before", help: "against the window before, where it moved beyond noise",
    make: changed((row, context) => context.moved.get(row.key), (row, context) => (context.compares ? "≈" : "–")),
    sort: (row, context) => context.moved.get(row.key)?.ctr ?? (context.moved.size > 0 ? 0 : null) },
  { name: "day", title: "vs yesterday", help: "the last hour against the same hour yesterday",
    make: changed((row, context) => spark(row, context)?.day, (row, context) => (spark(row, context) ? "–" : "")) },
  { name: "week", title: "vs last week", help: "the last hour against the same hour a week ago",
    make: changed((row, context) => spark(row, context)?.week, (row, context) => (spark(row, context) ? "–" : "")) },
];
