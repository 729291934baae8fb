// SPDX-License-Identifier: Apache-2.0
// A sortable, filterable list of pages, boxes or placements. The whole of it is loaded now and then; rows
// in view are kept live by the stream. The order changes when it is loaded, not under the reader's eyes.

import { COLUMNS } from "./columns.js";
import { el, setAttribute, setText, settled } from "./dom.js";
import { count, roundPercent, timeOfDay } from "./format.js";
import { ROWS_MAX, loadMoved, loadRows } from "./load.js";
import { change, keyOf } from "./route.js";
import { Rows } from "./rows.js";
import { Sparks } from "./series.js";

const RELOAD_MS = 10000, RELOAD_ROW_MS = 3; // longer lists less often

export class List {
  #all = new Map();     // key -> row
  #values = {};
  #loading = null;
  #timer = 0;
  #loaded = 0;
  #toMs = 0;
  #context;
  #slots = new Map();   // key -> slot of a row in view

  /** options: {level, page, sort, label}; onFollow(rows): what should be live. */
  constructor({ live, service }, options, onFollow) {
    Object.assign(this, { live, service, options, onFollow });
    this.sparks = new Sparks((row) => this.#slots.get(row.key)?.fill(row));
    this.#context = { level: options.level, sparks: this.sparks, moved: new Map(), compares: false, max: 1, clicks: 0,
      window: "" };
    this.columns = COLUMNS.filter((column) => !column.only || column.only === options.kind);
    this.rows = new Rows(() => this.#make(), (rows) => this.#view(rows));
    this.follow = settled((rows) => this.onFollow(rows), 250);
    this.wantSparks = settled((rows) => this.sparks.want(rows, this.#toMs), 300);
    this.node = el("div", { class: "list", "data-kind": options.kind ?? "all" },
      !options.kind && el("h1", { class: "unseen", tabindex: -1 }, options.label), this.#controls(),
      (this.empty = el("p", { class: "empty", hidden: true })),
      (this.grid = el("div", { role: "grid", "aria-label": options.label }, this.#header(), this.rows.node)));
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#loading?.abort();
    this.follow.cancel();
    this.wantSparks.cancel();
    this.sparks.stop();
    this.rows.destroy();
  }

  // ---- what the reader asks for ----

  #controls() {
    const typed = settled(() => change({ q: this.filter.value }), 120);
    const least = settled(() => change({ min: this.min.value }), 300);
    this.filter = el("input", { type: "search", id: "filter", placeholder: "Filter by name", "aria-label": "Filter by name",
      oninput: typed });
    this.min = el("input", { type: "number", id: "min", min: 0, placeholder: "0", inputmode: "numeric", oninput: least });
    this.summary = el("p", { class: "summary" });
    return el("div", { class: "controls" }, this.filter,
      el("label", { class: "min" }, "At least ", this.min, " impressions"), this.summary);
  }

  #header() {
    this.heads = this.columns.map((column) => {
      const words = column.sort ? el("button", { type: "button", title: column.help,
        onclick: () => this.#sortBy(column) }, column.title) : el("span", { title: column.help }, column.title);
      const head = el("div", { role: "columnheader", class: `c-${column.name}` }, words);
      if (column.name === "ctr_low") head.append((this.scale = el("span", { class: "scale", "aria-hidden": "true" })));
      return head;
    });
    return el("div", { role: "rowgroup", class: "head" }, el("div", { role: "row", "aria-rowindex": 1 }, ...this.heads));
  }

  #sortBy(column) {
    const { sort, dir } = this.#order();
    const first = column.ascending ? "asc" : "desc", other = column.ascending ? "desc" : "asc";
    change({ sort: column.name, dir: sort === column.name && dir === first ? other : "" });
  }

  #order() {
    const sort = this.columns.find((column) => column.sort && column.name === this.#values.sort)?.name ?? this.options.sort;
    const first = this.columns.find((column) => column.name === sort).ascending ? "asc" : "desc";
    return { sort, dir: ["asc", "desc"].includes(this.#values.dir) ? this.#values.dir : first };
  }

  /** The arguments of the address: {sort, dir, q, min, window}. */
  route(values) {
    const before = this.#values;
    this.#values = values;
    this.#context.window = values.window;
    if (document.activeElement !== this.filter) this.filter.value = values.q ?? "";
    if (document.activeElement !== this.min) this.min.value = values.min ?? "";
    const asked = !this.#loading || ["window", "min"].some((name) => before[name] !== values[name]);
    if (asked || (this.options.level === "placements" && before.sort !== values.sort)) this.load();
    else this.#arrange();
  }

  // ---- loading ----

  async load() {
    clearTimeout(this.#timer);
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    const { level, page } = this.options, { window, min } = this.#values;
    let wait = 2000;
    try {
      const by = ["ctr", "ctr_low", "clicks", "impressions"].find((name) => name === this.#order().sort) ?? "impressions";
      const found = await loadRows({ level, page, window, min: /^\d+$/.test(min ?? "") ? min : "", by }, signal);
      if (signal.aborted) return;
      this.#fill(found);
      wait = Math.max(RELOAD_MS, found.items.length * RELOAD_ROW_MS);
      this.#context.compares = this.service.compares(found.head.window);
      if (this.#context.compares) this.#context.moved = await loadMoved({ level, page, window }, signal);
      if (!signal.aborted) this.#arrange();
    } catch (error) {
      if (signal.aborted) return;
      this.service.failed(error);
    }
    if (!signal.aborted) this.#timer = setTimeout(() => (document.hidden ? this.#later() : this.load()), wait);
  }

  #later() {
    document.addEventListener("visibilitychange", () => this.load(), { once: true });
  }

  #fill({ head, items, total }) {
    const old = this.#all;
    this.#all = new Map();
    for (const item of items) {
      const key = keyOf(item), row = old.get(key) ?? { key };
      // What the stream has told since is newer.
      if (!(row.to > head.to)) Object.assign(row, item, { to: head.to });
      this.#all.set(key, row);
    }
    this.total = total;
    this.#toMs = Date.parse(head.to);
    this.#loaded = performance.now();
    this.#arrange();
  }

  /** New numbers of rows in view. */
  numbers(event) {
    this.#toMs = Date.parse(event.to);
    for (const item of event.items) {
      const row = this.#all.get(keyOf(item));
      if (!row) continue;
      Object.assign(row, item, { to: event.to });
      this.#slots.get(row.key)?.fill(row);
    }
    this.#summarize();
  }

  /** Of the page, for the share of each of its boxes. */
  clicks(clicks) {
    this.#context.clicks = clicks;
  }

  // ---- showing ----

  #arrange() {
    const { sort, dir } = this.#order();
    const read = this.columns.find((column) => column.name === sort).sort;
    const needle = (this.#values.q ?? "").trim().toLowerCase();
    const rows = [...this.#all.values()].filter((row) => needle === "" ||
      `${row.page ?? ""}\n${row.box ?? ""}`.toLowerCase().includes(needle));
    const sign = dir === "asc" ? 1 : -1;
    const value = (row) => read(row, this.#context);
    rows.sort((a, b) => {
      const left = value(a), right = value(b);
      if (left == null || right == null) return (left == null) - (right == null) || (a.key < b.key ? -1 : 1);
      return left === right ? (a.key < b.key ? -1 : 1) : (left < right ? -sign : sign);
    });
    this.#context.max = scaleOf(rows);
    setText(this.scale, `0 … ${roundPercent(this.#context.max)}`);
    this.columns.forEach((column, at) => setAttribute(this.heads[at], "aria-sort",
      column.name !== sort ? null : dir === "asc" ? "ascending" : "descending"));
    this.shown = rows.length;
    setAttribute(this.grid, "aria-rowcount", String(rows.length + 1));
    this.#slots.clear();
    this.rows.set(rows);
    this.#summarize();
  }

  #summarize() {
    if (!this.#loaded) return;
    const what = this.options.level;
    const loaded = this.#all.size, cut = loaded < this.total && this.total > loaded;
    setText(this.summary, [
      this.shown === loaded ? `${count(loaded)} ${what}` : `${count(this.shown)} of ${count(loaded)} ${what}`,
      cut && `the first ${count(Math.min(loaded, ROWS_MAX))} of ${count(this.total)}`,
      `numbers up to ${timeOfDay(this.#toMs)}`].filter(Boolean).join(" · "));
    this.empty.hidden = this.shown > 0;
    setText(this.empty, loaded === 0 ? `There are no ${what} with views in this window.`
      : "Nothing here has that in its name.");
    setAttribute(this.node, "aria-busy", null);
  }

  #make() {
    const cells = this.columns.map((column) => ({ ...column.make(), name: column.name }));
    const node = el("div", { role: "row", class: "row" },
      ...cells.map((cell) => el("div", { role: "gridcell", class: `c-${cell.name}` }, ...cell.nodes)));
    const slot = { node, link: cells[0].link, fill: (row) => {
      this.#slots.set(row.key, slot);
      slot.key = row.key;
      setAttribute(node, "data-key", row.key);
      setAttribute(node, "data-to", row.to);
      setAttribute(node, "data-thin", row.enough ? null : "");
      for (const cell of cells) cell.fill(row, this.#context);
    } };
    return slot;
  }

  #view(rows) {
    const keys = new Set(rows.map((row) => row.key));
    for (const key of this.#slots.keys()) {
      if (!keys.has(key)) this.#slots.delete(key);
    }
    this.follow(rows);
    this.wantSparks(rows);
  }
}

/** The end of the scale that all intervals of a list share: nearly all of those that mean something fit. */
function scaleOf(rows) {
  const sure = rows.filter((row) => row.enough).map((row) => row.ctr_high);
  const ends = (sure.length > 0 ? sure : rows.map((row) => row.ctr ?? 0)).sort((a, b) => a - b);
  const end = ends[Math.min(ends.length - 1, Math.floor(ends.length * 0.92))] || 0.01;
  const unit = 10 ** Math.floor(Math.log10(end));
  return Math.min(1, [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((top) => top >= end * 0.999) ?? 1);
}
