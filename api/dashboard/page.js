// SPDX-License-Identifier: Apache-2.0
// One page: its numbers, and its boxes by their part of its clicks.

import { el } from "./dom.js";
import { Figures } from "./figures.js";
import { List } from "./list.js";
import { address } from "./route.js";

export class Page {
  constructor(context, { page, window }) {
    this.live = context.live;
    this.page = page;
    this.window = window;
    this.figures = new Figures(false);
    this.list = new List(context, { level: "boxes", kind: "page", page, sort: "clicks", label: `Boxes of ${page}` },
      (rows) => this.live.follow(this.window, [page, ...rows.map((row) => row.key)]));
    this.node = el("section", { class: "page" }, el("header", { class: "title" },
      el("nav", { "aria-label": "Where this is" }, el("a", { href: address({ view: "pages", window }) }, "Pages")),
      el("h1", { tabindex: -1 }, page),
      el("a", { class: "more", href: address({ view: "chart", page, window }) }, "CTR over time")),
    this.figures.node, this.list.node);
    this.live.follow(window, [page]);
  }

  route(values) {
    this.list.route(values);
  }

  numbers(event) {
    const own = event.items.find((item) => item.page === this.page && item.box == null);
    if (own) {
      this.figures.show(own, event.to);
      this.list.clicks(own.clicks);
    }
    this.list.numbers({ ...event, items: event.items.filter((item) => item.box != null) });
  }

  load() {
    this.list.load();
  }

  destroy() {
    this.list.destroy();
  }
}
