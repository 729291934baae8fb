// SPDX-License-Identifier: Apache-2.0
// Where axes have their ticks, and which step a stretch of time is shown in.

import { DAY, HOUR, MINUTE, date, minuteOfDay } from "./format.js";

const POINTS_MAX = 200;
/** What /v1/series takes, from fine to coarse: [name, ms]. */
const STEPS = [["1m", MINUTE], ["2m", 2 * MINUTE], ["5m", 5 * MINUTE], ["10m", 10 * MINUTE], ["30m", 30 * MINUTE],
  ["1h", HOUR], ["3h", 3 * HOUR], ["6h", 6 * HOUR], ["12h", 12 * HOUR], ["1d", DAY]];

export function stepFor(spanMs) {
  const [name, ms] = STEPS.find(([, ms]) => spanMs / ms <= POINTS_MAX) ?? STEPS.at(-1);
  return { name, ms };
}

/** About `wanted` round values from 0 to `max`, at least two. */
export function ticksUpTo(max, wanted, least = 0) {
  const raw = max / wanted, unit = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(least, [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= raw * 0.999));
  const ticks = [];
  for (let at = 0; at <= max * 1.0001; at += step) ticks.push(at);
  return ticks.length > 1 ? ticks : [0, max];
}

const GRIDS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 7 * DAY];

/** [{t, words}] within [from, to], at round times of the reader's own clock. */
export function timeTicks(from, to, wanted) {
  const grid = GRIDS.find((ms) => (to - from) / ms <= wanted) ?? 30 * DAY;
  const ticks = [];
  for (let t = Math.ceil(local(from) / grid) * grid; t <= local(to); t += grid) {
    const at = t - (local(from) - from);
    const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
    ticks.push({ t: at, words: grid >= DAY || midnight ? date(at) : minuteOfDay(at) });
  }
  return ticks;
}

const local = (ms) => ms - new Date(ms).getTimezoneOffset() * MINUTE;
