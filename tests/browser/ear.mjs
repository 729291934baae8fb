// SPDX-License-Identifier: Apache-2.0
// What the API says, second by second, to hold the page against: numbers by `to` and key.

export async function listen(url, keys, headers = {}) {
  const query = new URLSearchParams(keys.map((key) => ["key", key]));
  const stop = new AbortController();
  const response = await fetch(`${url}/v1/stream?${query}`, { headers, signal: stop.signal });
  const heard = new Map(); // to -> {key: item}
  const done = (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block);
        if (!data) continue;
        const event = JSON.parse(data[1]);
        heard.set(event.to, Object.fromEntries(event.items.map((item) =>
          [item.box == null ? item.page : `${item.page ?? ""}\t${item.box}`, item])));
      }
    }
  })().catch(() => {});
  return { heard, stop: () => {
    stop.abort();
    return done;
  } };
}

/** Whether a shown ratio is the ratio, to the digits shown. "5.31 %", "12,4 %" */
export function shows(text, ratio) {
  const digits = text.replace(/[^\d.,]/g, "").replace(",", ".");
  const decimals = (digits.split(".")[1] ?? "").length;
  return Math.abs(Number(digits) - ratio * 100) <= 0.5000001 * 10 ** -decimals;
}

export const whole = (text) => Number(text.replace(/[^\d]/g, ""));
