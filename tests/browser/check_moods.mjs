// SPDX-License-Identifier: Apache-2.0
// The service stands still, dies, comes back, loses its Kafka, or wants a token: the page says so at once and
// goes on by itself.

import { check, equal, openPage, state, test } from "./harness.mjs";
import { until } from "./world.mjs";

/** What the network says about a service that is not there is no complaint of ours. */
const own = (complaints) => complaints.filter((one) => !/ERR_|Failed to load resource|NetworkError|net::/.test(one));
const to = (page) => page.evaluate(() => document.querySelector(".row[data-to]")?.dataset.to ?? "");

async function opened(browser, service, path = "#/pages", options = {}) {
  const one = await openPage(browser, service.url, path, options);
  await state(one.page, "live");
  await one.page.waitForSelector(".row[data-to]");
  one.loads = () => one.requests.filter((request) => request.isNavigationRequest()).length;
  return one;
}

async function movesOn(one, before) {
  await state(one.page, "live");
  await until("newer numbers", async () => (await to(one.page)) > before);
  equal(one.loads(), 1, "the page was loaded again");
}

export function moodsTests({ browser, service, world }) {
  test("a service that stands still is away within seven seconds, and back by itself", async () => {
    const one = await opened(browser, service);
    const before = await to(one.page), begun = Date.now();
    service.stand();
    try {
      await state(one.page, "away", 15000);
      check(Date.now() - begun < 7000, `said after ${Date.now() - begun} ms`);
      check(/^Away: /.test(await one.page.title()), await one.page.title());
      equal(await one.page.evaluate(() => document.documentElement.dataset.mood), "bad", "mood");
      check((await one.page.evaluate(() => getComputedStyle(document.querySelector("main")).filter)).includes("grayscale"), "old numbers look like new ones");
      check(/does not answer since/.test(await one.page.innerText("[role=status]")), "the words");
    } finally {
      service.go();
    }
    await movesOn(one, before);
    equal(own(one.complaints), [], "complaints");
    await one.close();
  });

  test("a service that dies is away at once, and another start is found", async () => {
    const one = await opened(browser, service);
    const before = await to(one.page), begun = Date.now();
    await service.kill();
    try {
      await state(one.page, "away", 10000);
      check(Date.now() - begun < 2500, `said after ${Date.now() - begun} ms`);
    } finally {
      await service.again();
    }
    await movesOn(one, before);
    equal(own(one.complaints), [], "complaints");
    await one.close();
  });

  test("a Kafka that hangs makes numbers stale, in words, and live again", async () => {
    const one = await opened(browser, service);
    const before = await to(one.page);
    world.mock.kill("SIGSTOP");
    try {
      await state(one.page, "delayed", 20000); // older than usual before it is known why
      await state(one.page, "stale", 30000);
      check(/No sign of life from Kafka\. Numbers stand at /.test(await one.page.innerText("[role=status]")), await one.page.innerText("[role=status]"));
      await one.page.waitForFunction(() => parseFloat(document.querySelector(".fact.age dd").innerText) > 9);
    } finally {
      world.mock.kill("SIGCONT");
    }
    await movesOn(one, before);
    equal(own(one.complaints), [], "complaints");
    await one.close();
  });

  test("a hidden tab asks for nothing, and goes on when it is looked at", async () => {
    const one = await opened(browser, service);
    const before = await to(one.page);
    const hide = (hidden) => one.page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
    await hide(true);
    await state(one.page, "paused");
    const asked = one.requests.length;
    // Four seconds of the service's own time, in which a page in view would ask often.
    const start = (await service.ask("/v1/ctr")).to;
    await until("time passing", async () => Date.parse((await service.ask("/v1/ctr")).to) - Date.parse(start) >= 6000);
    check(one.requests.length - asked <= 1, `${one.requests.length - asked} requests while hidden`);
    await hide(false);
    await movesOn(one, before);
    await one.close();
  });

  test("tokens: asked for, refused, taken, kept in the tab and out of addresses", async () => {
    const { token, line } = await world.token("read", "stream");
    const guarded = await world.guarded("guarded", [line]);
    const one = await openPage(browser, guarded.url, "#/pages");
    await one.page.waitForSelector("dialog[open]");
    equal(await one.page.evaluate(() => document.activeElement.id), "token", "focus");
    await one.page.fill("#token", "not-one");
    await one.page.keyboard.press("Enter");
    await one.page.waitForFunction(() => /does not take this token/.test(document.querySelector("dialog .why").innerText));
    await one.page.fill("#token", token);
    await one.page.keyboard.press("Enter");
    await state(one.page, "live");
    await one.page.waitForSelector(".row[data-to]");
    check(!(await one.page.evaluate(() => document.querySelector("dialog").open)), "the dialog stays");
    equal(await one.page.evaluate(() => [sessionStorage.getItem("livectr.token") !== null, JSON.stringify(localStorage).includes("lct") || location.href.includes("token=")]),
      [true, false], "where the token is");
    check(one.requests.every((request) => !request.url().includes(token)), "the token is in an address");
    check(one.requests.some((request) => request.url().includes("/v1/stream") && request.headers().authorization === `Bearer ${token}`), "no stream with the token");
    equal(one.complaints.filter((words) => !/401/.test(words)), [], "complaints");
    await one.close();
    await guarded.kill();
  });

  test("a token without the scope stream is asked for numbers instead", async () => {
    const { token, line } = await world.token("read");
    const guarded = await world.guarded("polled", [line]);
    const one = await openPage(browser, guarded.url, "#/pages");
    await one.page.waitForSelector("dialog[open]");
    await one.page.fill("#token", token);
    await one.page.keyboard.press("Enter");
    await state(one.page, "live");
    await one.page.waitForSelector(".row[data-to]");
    const before = await to(one.page);
    await until("newer numbers", async () => (await to(one.page)) > before);
    check(one.requests.some((request) => request.url().endsWith("/v1/ctr:batchGet")), "nothing was asked");
    await one.close();
    await guarded.kill();
  });
}
