// SPDX-License-Identifier: Apache-2.0
// Tests in a real browser: each on a page of its own, on which nothing may complain and from which nothing
// may be asked of anybody else.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";

import { BITES, plant } from "./bites.mjs";

const require = createRequire(`${process.env.LIVECTR_BROWSER_MODULES}/`);
const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const DESKTOP = { viewport: { width: 1366, height: 820 }, colorScheme: "light", locale: "en-GB", timezoneId: "Europe/Warsaw" };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
export const DARK = { colorScheme: "dark" };

export async function openBrowser() {
  const executablePath = process.env.LIVECTR_CHROMIUM ?? PLACES.find(existsSync);
  // Inside most containers, and as root, Chromium's own sandbox cannot be made.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"] });
}

let slip = null;

/** A context of its own, in a self-test with the slip that is planted. */
export async function openContext(browser, options = {}) {
  const context = await browser.newContext({ ...DESKTOP, ...options });
  if (slip) await plant(context, slip);
  return context;
}

/** A page with its complaints: {page, complaints, requests, close}. `path` begins with a # or a /. */
export async function openPage(browser, url, path = "", options = {}) {
  const context = await openContext(browser, options);
  const page = await context.newPage();
  const complaints = [], requests = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) &&
    complaints.push(`console: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    requests.push(request);
    if (!request.url().startsWith(url)) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  page.setDefaultTimeout(slip ? 12000 : 30000);
  await page.goto(`${url}/${path}`);
  return { page, complaints, requests, url, close: () => context.close() };
}

export function check(holds, words) {
  if (!holds) throw new Error(words);
}

export function equal(got, wanted, words) {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) {
    throw new Error(`${words}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
  }
}

/** Waits until the page is in a state: "live", "away", "stale", ... */
export const state = (page, name, timeout = 30000) =>
  page.waitForFunction((wanted) => document.documentElement.dataset.state === wanted, name, { timeout, polling: 50 });

/** What axe-core finds by WCAG 2.2 A and AA and its best practices. */
export async function accessible(page, where) {
  await page.evaluate(await (await import("node:fs/promises")).readFile(AXE, "utf8"));
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  check(found.passes.length > 10, `${where}: axe-core looked at nothing`);
  equal(found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`),
    [], `${where}: accessibility`);
}

/** Plants each slip and runs the test that must notice; every test has one. */
export async function biteAll(only) {
  let passed = 0, failed = 0;
  for (const { name, run } of tests.filter((one) => !only || only.split(",").some((part) => one.name.includes(part)))) {
    slip = BITES.find(([part]) => name.includes(part));
    let noticed = "";
    if (slip) await run().catch((error) => (noticed = String(error.message).split("\n")[0].slice(0, 150)));
    if (noticed) passed += 1;
    else failed += 1;
    console.log(noticed ? `ok ${name}: ${noticed}` : `FAILED ${name}: ${slip ? "did not notice" : "there is no slip for it"}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}

const tests = [];
export const test = (name, run, options = {}) => tests.push({ name, run, ...options });

/** Runs those whose name fits; the last line is "N passed, N failed". */
export async function runAll(only) {
  let passed = 0, failed = 0;
  for (const { name, run } of tests.filter((one) => !only || only.split(",").some((part) => one.name.includes(part)))) {
    const begun = Date.now();
    try {
      await run();
      passed += 1;
      console.log(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}\n${String(error.stack).slice(0, 3000).replace(/^/gm, "    ")}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}
