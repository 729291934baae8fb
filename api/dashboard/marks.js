// SPDX-License-Identifier: Apache-2.0
// The small drawings of a row: an interval on the scale of its column, and the line of the last hour.

import { setAttribute, svg } from "./dom.js";

const WIDTH = 100, HEIGHT = 24;

/** A 95 % interval as a bar with a tick at the ratio. draw(item, max): max is the end of the scale. */
export function intervalMark() {
  const band = svg("rect", { class: "band", y: 7, height: 10, rx: 2 });
  const tick = svg("line", { class: "tick", y1: 3, y2: 21 });
  const over = svg("path", { class: "over", d: `M${WIDTH - 6} 6L${WIDTH - 1} 12L${WIDTH - 6} 18` });
  const node = svg("svg", { class: "interval", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    "aria-hidden": "true" },
  svg("line", { class: "rail", x1: 0, x2: WIDTH, y1: 12, y2: 12 }), band, tick, over);
  return { node, draw(item, max) {
    const x = (ratio) => Math.min(WIDTH, (ratio / max) * WIDTH);
    const has = item.ctr_low != null && max > 0;
    setAttribute(node, "data-empty", has ? null : "");
    if (!has) return;
    setAttribute(band, "x", x(item.ctr_low).toFixed(1));
    setAttribute(band, "width", Math.max(1, x(item.ctr_high) - x(item.ctr_low)).toFixed(1));
    setAttribute(tick, "x1", x(item.ctr).toFixed(1));
    setAttribute(tick, "x2", x(item.ctr).toFixed(1));
    setAttribute(over, "visibility", item.ctr_high > max ? "visible" : "hidden");
  } };
}

/** The CTR of the last hour; a stretch that was not read, or had no views, is a gap. */
export function sparkMark() {
  const area = svg("path", { class: "area" }), line = svg("path", { class: "line" });
  const node = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    "aria-hidden": "true" }, area, line);
  return { node, draw(spark) {
    if (node.spark === spark) return;
    node.spark = spark;
    const { over, along } = spark ? paths(spark.points) : { over: "", along: "" };
    setAttribute(area, "d", over);
    setAttribute(line, "d", along);
  } };
}

function paths(points) {
  const max = 1.1 * Math.max(0.0001, ...points.map(([ctr]) => ctr ?? 0));
  const x = (at) => ((at / Math.max(1, points.length - 1)) * WIDTH).toFixed(1);
  const y = (ratio) => (HEIGHT - 1 - Math.min(1, ratio / max) * (HEIGHT - 2)).toFixed(1);
  let along = "", over = "";
  for (const [begin, end] of stretches(points, ([ctr]) => ctr != null)) {
    const part = points.slice(begin, end);
    along += "M" + part.map(([ctr], at) => `${x(begin + at)} ${y(ctr)}`).join("L") + (part.length === 1 ? "h.01" : "");
    over += "M" + part.map(([, , high], at) => `${x(begin + at)} ${y(high ?? 0)}`).join("L") +
      "L" + part.map(([, low], at) => `${x(begin + at)} ${y(low ?? 0)}`).reverse().join("L") + "Z";
  }
  return { over, along };
}

/** [[begin, end)] of the items that fit, in one piece each. */
export function stretches(items, fits) {
  const found = [];
  let begin = -1;
  items.forEach((item, at) => {
    if (fits(item) && begin < 0) begin = at;
    if (!fits(item) && begin >= 0) {
      found.push([begin, at]);
      begin = -1;
    }
  });
  if (begin >= 0) found.push([begin, items.length]);
  return found;
}
