// SPDX-License-Identifier: Apache-2.0
// Whole lists: page after page of a listing, and what moved since the window before.

import { ask } from "./api.js";
import { keyOf } from "./route.js";

const PAGE = 1000;
export const ROWS_MAX = 10000, PLACEMENTS_MAX = 1000;

/** {items, total, head}: of pages, of boxes, or of the boxes of one page, the first ROWS_MAX by
 * impressions; of placements the first PLACEMENTS_MAX by `by`. */
export async function loadRows({ level, page, window, min, by }, signal) {
  if (level === "placements") {
    const head = await ask("/v1/top", { level: "placement", window, by, limit: PLACEMENTS_MAX, min_impressions: min },
      { signal });
    return { head, items: head.items, total: head.total };
  }
  const items = [];
  let head = null, cursor = "";
  do {
    head = await ask(level === "pages" ? "/v1/pages" : "/v1/boxes",
      { window, page, limit: PAGE, min_impressions: min, cursor }, { signal });
    items.push(...head.items);
    cursor = head.next_cursor;
  } while (cursor && items.length < ROWS_MAX);
  return { head, items, total: head.total };
}

const LEVELS = { pages: "page", boxes: "box", placements: "placement" };

/** {key: difference} of what rose or fell beyond noise. */
export async function loadMoved({ level, page, window }, signal) {
  const moved = new Map();
  for (const by of ["rise", "fall"]) {
    const answer = await ask("/v1/top", { level: page == null ? LEVELS[level] : "placement", page, window, by,
      limit: PAGE }, { signal });
    for (const item of answer.items) moved.set(keyOf(item), item.difference);
  }
  return moved;
}
