// SPDX-License-Identifier: Apache-2.0
// A list of any length of which only what is in view exists: rows are moved and filled anew while the
// window scrolls. One tab stop; arrow keys go from row to row.

import { el, setAttribute } from "./dom.js";

const SPARE = 6; // rows beyond each edge

export class Rows {
  #rows = [];
  #pool = [];           // {node, link, fill, at}
  #frame = 0;
  #active = 0;
  #onScroll = () => this.#soon();

  /** make(): {node, link, fill(row)}; onView(rows): those in view now. */
  constructor(make, onView) {
    this.make = make;
    this.onView = onView;
    this.node = el("div", { class: "rows", role: "rowgroup", onkeydown: (event) => this.#key(event),
      onfocusin: (event) => this.#focused(event) });
    addEventListener("scroll", this.#onScroll, { passive: true });
    addEventListener("resize", this.#onScroll);
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    removeEventListener("scroll", this.#onScroll);
    removeEventListener("resize", this.#onScroll);
  }

  set(rows) {
    this.#rows = rows;
    this.draw();
  }

  /** Fills what is in view again. */
  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#place(true);
  }

  inView() {
    return this.#pool.filter((slot) => slot.at >= 0).sort((a, b) => a.at - b.at).map((slot) => this.#rows[slot.at]);
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#place(false);
    });
  }

  #height() {
    return parseFloat(getComputedStyle(this.node).getPropertyValue("--row")) || 44;
  }

  #place(refill) {
    const height = this.#height();
    const top = -this.node.getBoundingClientRect().top;
    const first = Math.max(0, Math.min(this.#rows.length, Math.floor(top / height) - SPARE));
    const last = Math.min(this.#rows.length, Math.ceil((top + innerHeight) / height) + SPARE);
    this.#active = Math.max(0, Math.min(this.#active, this.#rows.length - 1));
    this.node.style.height = `${this.#rows.length * height}px`;
    const free = [];
    const there = new Set();
    for (const slot of this.#pool) {
      if (slot.at < first || slot.at >= last) free.push(slot);
      else there.add(slot.at);
    }
    let moved = false;
    for (let at = first; at < last; at++) {
      if (there.has(at)) continue;
      this.#put(free.pop() ?? this.#grow(), at, height);
      moved = true;
    }
    for (const slot of free) this.#hide(slot);
    if (refill) {
      for (const slot of this.#pool) {
        if (slot.at >= 0) this.#put(slot, slot.at, height);
      }
    }
    if (moved || refill) this.onView(this.inView());
  }

  #grow() {
    const slot = { ...this.make(), at: -1 };
    slot.node.row = slot;
    this.#pool.push(slot);
    this.node.append(slot.node);
    return slot;
  }

  #put(slot, at, height) {
    const focused = slot.at !== at && slot.node.contains(document.activeElement);
    if (focused) document.activeElement.blur();
    slot.at = at;
    slot.node.hidden = false;
    slot.node.style.transform = `translateY(${at * height}px)`;
    setAttribute(slot.node, "aria-rowindex", String(at + 2)); // the header is the first
    setAttribute(slot.link, "tabindex", at === this.#active ? "0" : "-1");
    slot.fill(this.#rows[at]);
  }

  #hide(slot) {
    slot.at = -1;
    slot.node.hidden = true;
  }

  #focused(event) {
    const slot = event.target.closest("[role=row]")?.row;
    if (!slot || slot.at === this.#active) return;
    for (const other of this.#pool) setAttribute(other.link, "tabindex", other === slot ? "0" : "-1");
    this.#active = slot.at;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.#height()) - 4);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focus(Math.max(0, Math.min(this.#rows.length - 1, this.#active + step)));
  }

  /** Brings a row into view and puts the focus on its link. */
  focus(at) {
    if (this.#rows.length === 0) return;
    const height = this.#height();
    const top = this.node.getBoundingClientRect().top + at * height;
    const head = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
    if (top < head) scrollBy(0, top - head - 8);
    else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight + 8);
    this.#active = at;
    this.draw();
    this.#pool.find((slot) => slot.at === at)?.link.focus({ preventScroll: true });
  }
}
