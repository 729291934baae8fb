// SPDX-License-Identifier: Apache-2.0
// node screenshots.mjs --binary LIVECTR --tools FOLDER --output FOLDER: the pictures of README and docs.

import path from "node:path";
import { parseArgs } from "node:util";

import { DARK, PHONE, openBrowser, openPage, state } from "./harness.mjs";
import { build } from "./places.mjs";
import { until } from "./world.mjs";

const { values } = parseArgs({ options: { binary: { type: "string" }, tools: { type: "string" }, output: { type: "string" } } });
const SIZE = { viewport: { width: 1280, height: 720 } };
const CHART = "#/chart?page=/offer/show&box=offer.buy&compare=1d";

const opened = [];
try {
  const browser = await openBrowser();
  opened.push(() => browser.close());
  const { world, service } = await build(values);
  opened.push(() => world.close());

  /** One picture, once its view has everything. */
  const take = async (name, hash, options = {}, before = async () => {}) => {
    const one = await openPage(browser, service.url, hash, { ...SIZE, ...options });
    await state(one.page, "live");
    await one.page.waitForSelector(".row[data-to], .chart .line.now, .movers li", { state: "attached" });
    await one.page.waitForFunction(() => /\d/.test(document.querySelector(".fact.events dd").innerText));
    const sparks = () => one.page.evaluate(() => [...document.querySelectorAll(".row:not([hidden]) .spark .line")].every((line) => line.getAttribute("d")));
    await until("the lines of all rows", sparks);
    await before(one.page);
    await one.page.evaluate(() => scrollTo(0, 0));
    await one.page.screenshot({ path: path.join(values.output, `${name}.png`) });
    await one.close();
  };
  await take("dashboard-light", "#/placements");
  await take("dashboard-dark", "#/page?page=/", DARK);
  await take("dashboard-chart", CHART, { viewport: { width: 1280, height: 850 } }, async (page) => {
    await page.focus(".plot");
    for (let at = 0; at < 20; at++) await page.keyboard.press("ArrowLeft");
    await page.evaluate(() => document.activeElement.blur());
  });
  await take("dashboard-movers", "#/movers");
  const overlay = await openPage(browser, service.url, "dashboard/overlay.html", SIZE);
  await overlay.page.waitForFunction(() => document.querySelector("livectr-overlay")?.shadowRoot.querySelectorAll(".badge:not([hidden])").length >= 6);
  await overlay.page.screenshot({ path: path.join(values.output, "overlay.png") });
  await overlay.close();
  await take("dashboard-phone", "#/placements", { ...PHONE, deviceScaleFactor: 1.5 });
  await take("dashboard-stale", "#/pages", {}, async (page) => {
    world.mock.kill("SIGSTOP");
    await state(page, "stale", 60000);
  });
  world.mock.kill("SIGCONT");
} finally {
  for (const close of opened.reverse()) await close();
}
