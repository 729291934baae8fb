// SPDX-License-Identifier: Apache-2.0
// Slips planted in the files on their way to the browser, and the test that must notice each:
// [test, file of the dashboard or path, what is there, what comes instead]. run.mjs --self-test

const noise = () => Array.from({ length: 20000 }, () => Math.random().toString(36)).join("");

export const BITES = [
  ["every number of the list", "columns.js", "count(row.impressions)", "count(row.impressions + 1)"],
  ["numbers move by the stream", "list.js", "const RELOAD_MS = 10000", "const RELOAD_MS = 300"],
  ["a page's boxes stand", "columns.js", "row.clicks / context.clicks", "row.clicks / (context.clicks + 100)"],
  ["too little data is grey", "stats.js", "ENOUGH = 0.2", "ENOUGH = 0.3"],
  ["movers are those", "movers.js", "${difference(item.difference.ctr)}`)", "${difference(item.difference.ctr_low)}`)"],
  ["the strip says", "strip.js", "count(site?.viewers)", "count(site?.clickers)"],
  ["a list is sorted", "list.js", "(left < right ? -sign : sign)", "(left < right ? sign : -sign)"],
  ["a least number", "load.js", "min_impressions: min, cursor", "cursor"],
  ["keys alone", "rows.js", "ArrowDown: 1", "ArrowDown: 2"],
  ["the chart has the series", "chart.js", "one.revision > 0", "one.revision > 1e9"],
  ["the chart zooms", "gestures.js", "wants.select(Math.min(t, drag.t)", "wants.select(Math.max(t, drag.t)"],
  ["what was not read", "chart.js", "(point.impressions == null ? \"missing\" : point.state)", "point.state"],
  ["what did not count", "readout.js", "\"Everything counted.\"", "\"\""],
  ["the locale's", "format.js", "new Intl.NumberFormat();", "new Intl.NumberFormat(\"en\");"],
  ["five thousand", "rows.js", "SPARE = 6", "SPARE = 500"],
  ["accessible: light", "style.css", "--dim: #566073", "--dim: #b0b6c0"],
  ["accessible: dark", "style.css", "--dim: #9aa6b9", "--dim: #3a4250"],
  ["accessible: on a phone", "style.css", "--dim: #566073", "--dim: #b0b6c0"],
  ["dark is dark", "main.js", "localStorage.setItem(", "void ("],
  ["wider than a phone", "style.css", ".facts { overflow-x: auto;", ".facts {"],
  ["every column", "style.css", "204px", "120px"],
  ["a first visit", "stats.js", "const Z =", () => `/* ${noise()} */ const Z =`],
  ["the policy holds", "", "", ""],
  ["a service that stands still", "live.js", "SILENT_MS = 3500", "SILENT_MS = 1e9"],
  ["a service that dies", "live.js", "\"starting\" : \"away\"", "\"starting\" : \"open\""],
  ["a Kafka that hangs", "strip.js", "event.state === \"stale\"", "event.state === \"never\""],
  ["a hidden tab", "live.js", "if (!document.hidden) return this.restart();", "return;"],
  ["tokens: asked for", "api.js", "`Bearer ${", "`Basic ${"],
  ["without the scope stream", "live.js", "error.kind === \"scope\" || ", ""],
  ["the overlay paints", "overlay.js", "whole.format(row.clicks)", "whole.format(row.clicks + 1)"],
  ["the overlay follows", "overlay.js", "addEventListener(\"scroll\", place", "addEventListener(\"never\", place"],
  ["the overlay asks for nothing", "overlay.js", "document.hidden || asking", "asking"],
  ["the overlay says", "overlay.js", "say(`livectr: no answer", "void (`livectr: no answer"],
  ["the overlay's own page", "overlay_page.js", "find(\"page\").textContent = page", "find(\"page\").textContent = \"\""],
  ["the tracker sends", "/tracker.js", "VISIBLE_MS = 1000", "VISIBLE_MS = 0"],
];

/** Serves a page with the slip in it. Without a file: the page's policy is gone. */
export async function plant(context, [, file, from, to]) {
  if (file === "") {
    await context.route((url) => url.pathname === "/" && url.hostname === "127.0.0.1", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": "default-src * 'unsafe-inline'" } });
    });
    return;
  }
  await context.route(file.startsWith("/") ? `**${file}` : `**/dashboard/${file}`, async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    await route.fulfill({ response, body: text.replaceAll(from, to) });
  });
}
