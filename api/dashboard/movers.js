// SPDX-License-Identifier: Apache-2.0
// What rose and what fell beyond noise, against the window before.

import { ask } from "./api.js";
import { el, setAttribute, setText } from "./dom.js";
import { count, difference, minuteOfDay, percent, timeOfDay } from "./format.js";
import { change, keyOf, rowAddress } from "./route.js";

const LEVELS = [["placement", "Placements"], ["box", "Boxes"], ["page", "Pages"]];
const LIMIT = 25, AGAIN_MS = 5000;
const SIDES = [["rise", "Rising"], ["fall", "Falling"]];

export class Movers {
  #asked = -Infinity;
  #loading = new AbortController();

  constructor({ live, service }) {
    Object.assign(this, { live, service });
    this.levels = LEVELS.map(([level, words]) => el("button", { type: "button", "data-level": level,
      onclick: () => change({ level }, false) }, words));
    this.note = el("p", { class: "summary" });
    this.sides = SIDES.map(([by, title]) => {
      const list = el("ol", { "data-by": by });
      const empty = el("p", { class: "empty", hidden: true });
      return { by, list, empty, node: el("section", { class: by, "aria-label": title }, el("h2", {}, title), list, empty) };
    });
    this.node = el("section", { class: "movers" }, el("h1", { class: "unseen", tabindex: -1 }, "What rose and what fell"), el("div", { class: "controls" },
      el("div", { class: "segments", role: "group", "aria-label": "Of what" }, ...this.levels), this.note),
    el("div", { class: "sides" }, ...this.sides.map((side) => side.node)));
  }

  destroy() {
    this.#loading.abort();
  }

  route(values) {
    this.level = LEVELS.find(([level]) => level === values.level)?.[0] ?? "placement";
    this.window = values.window;
    for (const button of this.levels) setAttribute(button, "aria-pressed", String(button.dataset.level === this.level));
    this.live.follow(this.window, []);
    this.#asked = -Infinity;
    this.#load();
  }

  numbers() {
    this.#load();
  }

  async #load() {
    if (performance.now() - this.#asked < AGAIN_MS) return;
    if (this.service.status && !this.service.compares(this.window)) return this.#cannot();
    this.#asked = performance.now();
    this.#loading.abort();
    const { signal } = (this.#loading = new AbortController());
    try {
      for (const side of this.sides) {
        const answer = await ask("/v1/top", { level: this.level, by: side.by, window: this.window, limit: LIMIT }, { signal });
        this.#show(side, answer);
      }
    } catch (error) {
      if (!signal.aborted) this.service.failed(error);
    }
  }

  #cannot() {
    const able = this.service.status.windows.filter((one) => one.before).map((one) => one.name);
    const name = this.service.windowName(this.window);
    setText(this.note, `What came before the window ${name} is not known: the setting windows needs one of twice its length.` +
      (able.length > 0 ? ` It is known for ${able.join(", ")}.` : ""));
    for (const side of this.sides) {
      side.list.replaceChildren();
      side.empty.hidden = true;
    }
  }

  #show(side, answer) {
    const { before } = answer;
    const partly = before.coverage < 1;
    setText(this.note, `${minuteOfDay(Date.parse(answer.from))} – ${timeOfDay(Date.parse(answer.to))} against ` +
      `${minuteOfDay(Date.parse(before.from))} – ${minuteOfDay(Date.parse(before.to))}, ${count(answer.compared)} compared` +
      (partly ? `; only ${percent(before.coverage)} of the time before has been read` : "") +
      ". By chance about one in forty would rise, and one in forty fall.");
    side.empty.hidden = answer.items.length > 0;
    setText(side.empty, "Nothing beyond noise.");
    side.list.replaceChildren(...answer.items.map((item) => this.#item(item)));
    setAttribute(side.list, "data-to", answer.to);
  }

  #item(item) {
    const was = item.before.impressions > 0 ? item.before.clicks / item.before.impressions : null;
    return el("li", { "data-key": keyOf(item) },
      el("a", { href: rowAddress(item, this.window) }, item.box ?? item.page),
      item.box != null && item.page != null && el("span", { class: "under" }, `on ${item.page}`),
      el("span", { class: "change", "data-moved": item.difference.ctr > 0 ? "up" : "down",
        title: `95 %: ${difference(item.difference.ctr_low)} to ${difference(item.difference.ctr_high)}` },
      `${item.difference.ctr > 0 ? "▲" : "▼"} ${difference(item.difference.ctr)}`),
      el("span", { class: "under" }, `${percent(was)} → ${percent(item.ctr)}, ${count(item.impressions)} impressions`));
  }
}
