// SPDX-License-Identifier: Apache-2.0
// Zoom and pan of a chart: by pointer, wheel, fingers and keys. It says what is wanted; who owns the chart
// decides.

import { el } from "./dom.js";

/** wants: {zoom(factor, centre), pan(share), select(from, to), reset(), read(index), step(by)} */
export function listen(chart, wants) {
  const { node } = chart;
  const fingers = new Map(); // pointer id -> x
  let drag = null;           // {x, t, mode}
  const marked = el("div", { class: "selection", hidden: true });
  node.append(marked);
  node.tabIndex = 0;
  const xOf = (event) => event.clientX - node.getBoundingClientRect().left;
  const share = (x) => x / chart.width;

  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, xOf(event));
    drag = { x: xOf(event), last: xOf(event), t: chart.time(xOf(event)), pans: event.pointerType !== "mouse" || event.shiftKey };
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    const x = xOf(event);
    if (!drag || !fingers.has(event.pointerId)) {
      wants.read(chart.at(chart.time(x)));
      return;
    }
    if (fingers.size === 2) return pinch(event.pointerId, x);
    fingers.set(event.pointerId, x);
    if (drag.pans) {
      wants.pan(-share(x - drag.last));
      drag.last = x;
    } else if (Math.abs(x - drag.x) > 4) {
      marked.hidden = false;
      marked.style.left = `${Math.min(x, drag.x)}px`;
      marked.style.width = `${Math.abs(x - drag.x)}px`;
    }
  });
  const done = (event) => {
    fingers.delete(event.pointerId);
    if (drag && !marked.hidden && event.type === "pointerup") {
      const t = chart.time(xOf(event));
      wants.select(Math.min(t, drag.t), Math.max(t, drag.t));
    } else if (drag && event.type === "pointerup" && Math.abs(xOf(event) - drag.x) < 5) {
      wants.read(chart.at(chart.time(xOf(event))));
    }
    marked.hidden = true;
    drag = null;
  };
  node.addEventListener("pointerup", done);
  node.addEventListener("pointercancel", done);
  node.addEventListener("pointerleave", () => !drag && wants.read(null));
  node.addEventListener("dblclick", () => wants.reset());
  node.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return; // else the page scrolls
    event.preventDefault();
    if (event.shiftKey) wants.pan((event.deltaX || event.deltaY) / 800);
    else wants.zoom(Math.exp(event.deltaY / 300), chart.time(xOf(event)));
  }, { passive: false });

  function pinch(id, x) {
    const [a, b] = [...fingers.values()];
    fingers.set(id, x);
    const [c, d] = [...fingers.values()];
    wants.zoom(Math.max(10, Math.abs(a - b)) / Math.max(10, Math.abs(c - d)), chart.time((c + d) / 2));
  }

  const keys = {
    ArrowLeft: () => wants.step(-1), ArrowRight: () => wants.step(1), Home: () => wants.step(-Infinity),
    End: () => wants.step(Infinity), PageUp: () => wants.pan(-0.5), PageDown: () => wants.pan(0.5),
    "+": () => wants.zoom(0.5), "=": () => wants.zoom(0.5), "-": () => wants.zoom(2), 0: () => wants.reset(),
    Escape: () => wants.read(null),
  };
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = event.shiftKey && event.key === "ArrowLeft" ? () => wants.pan(-0.25)
      : event.shiftKey && event.key === "ArrowRight" ? () => wants.pan(0.25) : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
