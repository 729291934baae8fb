// SPDX-License-Identifier: Apache-2.0
// The one number the service does not send: how many views are missing until a ratio means something.
// The rule is that of `enough` in the answers: at least one click, and a Wilson interval (95 %, Wilson
// 1927) whose half-width is at most a fifth of the ratio.

const Z = 1.959963984540054, ENOUGH = 0.2;

function halfWidth(p, n) {
  return (Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n))) / (1 + (Z * Z) / n);
}

/** About how many more views a row needs at its present ratio, or at what its siblings have where
 * nobody has clicked yet; null where that cannot be told. */
export function viewsMissing(item) {
  const p = item.clicks > 0 ? item.ctr : item.smoothed_ctr || item.prior_ctr;
  if (!(p > 0) || p >= 1) return null;
  let low = Math.max(1, item.impressions), high = 1e9;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (halfWidth(p, middle) > ENOUGH * p) low = middle;
    else high = middle;
  }
  return Math.max(1, high - item.impressions);
}

/** Rounded so that it does not look more certain than it is: 1,234 is "about 1,200". */
export function roughly(number) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(number)) - 1);
  return Math.ceil(number / unit) * unit;
}
