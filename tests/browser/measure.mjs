// SPDX-License-Identifier: Apache-2.0
// node measure.mjs --binary LIVECTR --tools FOLDER [--minutes N]: what the dashboard costs a browser, as JSON
// lines: bytes and requests of a first visit, time to the first number, frames while 5,000 rows are scrolled,
// memory while it streams for N (10) minutes.

import { parseArgs } from "node:util";

import { openBrowser, state } from "./harness.mjs";
import { build, buildMany } from "./places.mjs";

const { values } = parseArgs({ options: { binary: { type: "string" }, tools: { type: "string" }, minutes: { type: "string", default: "10" } } });
const say = (what, figures) => console.log(JSON.stringify({ what, ...figures }));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function firstVisit(browser, url) {
  const times = [];
  let requests = 0, bytes = 0;
  for (let at = 0; at < 5; at++) {
    const context = await browser.newContext({ viewport: { width: 1366, height: 820 } });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    requests = bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      requests += 1;
      bytes += encodedDataLength;
    });
    await page.goto(url);
    await page.waitForFunction(() => /\d/.test(document.querySelector(".row .ratio")?.textContent ?? "") &&
      (window.first ??= performance.now()), null, { polling: "raf" });
    times.push(await page.evaluate(() => window.first));
    await context.close();
  }
  say("first visit, until the first number", { requests, bytes, ms: Math.round(median(times)) });
}

async function scrolling(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 820 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("[role=grid]").getAttribute("aria-rowcount") === "5001");
  const frames = await page.evaluate(() => new Promise((done) => {
    const gaps = [];
    let last = performance.now(), at = 0;
    const turn = (now) => {
      gaps.push(now - last);
      last = now;
      scrollBy(0, 240);
      at += 1;
      if (at < 600) requestAnimationFrame(turn);
      else done(gaps.slice(5));
    };
    requestAnimationFrame(turn);
  }));
  const over = frames.filter((gap) => gap > 25).length;
  say("600 frames of scrolling 5,000 rows, five rows a frame", { dropped: over, longest_ms: Math.round(Math.max(...frames)),
    median_ms: Number(median(frames).toFixed(1)) });
  await context.close();
}

async function memory(browser, url, minutes) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 820 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await page.goto(`${url}/#/pages`);
  await state(page, "live");
  const look = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return { kb: Math.round(usedSize / 1024), nodes, listeners: jsEventListeners };
  };
  const first = Date.now();
  const beforeTo = await page.evaluate(() => document.querySelector(".fact.to dd").innerText);
  for (let minute = 0; minute <= minutes; minute++) {
    const left = first + minute * 60000 - Date.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    say("streaming", { minute, ...(await look()) });
  }
  say("streamed", { from: beforeTo, to: await page.evaluate(() => document.querySelector(".fact.to dd").innerText) });
  await context.close();
}

const opened = [];
try {
  const browser = await openBrowser();
  opened.push(() => browser.close());
  const one = await build(values);
  opened.push(() => one.world.close());
  await firstVisit(browser, one.service.url);
  const many = await buildMany(values, 5000);
  await scrolling(browser, many.service.url);
  many.world.close();
  await memory(browser, one.service.url, Number(values.minutes));
} finally {
  for (const close of opened.reverse()) await close();
}
