// SPDX-License-Identifier: Apache-2.0
// Numbers and times as the reader's locale writes them.

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const percents = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat(undefined, {
  style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayTime = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const points = [1, 2].map((digits) => new Intl.NumberFormat(undefined, {
  minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" }));

const DASH = "–";
export const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

export const count = (number) => (number == null ? DASH : whole.format(number));
export const short = (number) => (number == null ? DASH : number < 10000 ? whole.format(Math.round(number)) : compact.format(number));

/** A ratio with two or three digits that mean something. */
export function percent(ratio) {
  if (ratio == null) return DASH;
  const digits = ratio === 0 ? 0 : ratio < 0.01 ? 3 : ratio < 0.1 ? 2 : ratio < 10 ? 1 : 0;
  return percents[digits].format(ratio);
}

/** The same for round values: 20 %, 2.5 %. */
const round = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 3 });
export const roundPercent = (ratio) => round.format(ratio);

/** A rate of faults: nothing is 0 %, and a little is not nothing. */
export const faults = (ratio) => (ratio === 0 ? percents[0].format(0) : ratio < 0.00005
  ? "<" + percents[2].format(0.0001) : percents[ratio < 0.1 ? 2 : 1].format(ratio));

export const range = (low, high) => (low == null || high == null ? "" : `${percent(low)} – ${percent(high)}`);

/** A difference of two ratios, in percentage points. */
export function difference(value) {
  if (value == null) return DASH;
  return `${points[Math.abs(value) < 0.01 ? 1 : 0].format(value * 100).replace("-", "−")} pp`;
}

export const timeOfDay = (ms) => clock.format(ms);
export const minuteOfDay = (ms) => hourMinute.format(ms);
export const moment = (ms) => dayTime.format(ms);
export const date = (ms) => day.format(ms);

const seconds = [0, 1].map((digits) => new Intl.NumberFormat(undefined, {
  minimumFractionDigits: digits, maximumFractionDigits: digits }));

/** How long: "0.6 s", "42 s", "3 min", "5 h", "2 d". */
export function span(ms, digits = 1) {
  if (ms == null) return DASH;
  if (ms < 9950) return `${seconds[digits].format(Math.max(0, ms) / 1000)} s`;
  if (ms < 100000) return `${Math.round(ms / 1000)} s`;
  if (ms < 100 * MINUTE) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 48 * HOUR) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}
