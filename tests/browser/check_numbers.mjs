// SPDX-License-Identifier: Apache-2.0
// What is shown is what the API says at the same `to`.

import { listen, shows, whole } from "./ear.mjs";
import { check, equal, openPage, state, test } from "./harness.mjs";
import { MINUTE, SITE, until } from "./world.mjs";

/** The rows in view, as they stand in one moment. */
const rowsOf = (page) => page.evaluate(() => [...document.querySelectorAll(".row:not([hidden])")].map((row) => {
  const text = (name) => row.querySelector(`.c-${name}`)?.innerText ?? "";
  return { key: row.dataset.key, to: row.dataset.to, thin: row.hasAttribute("data-thin"), ratio: row.querySelector(".ratio").innerText,
    under: row.querySelector(".c-ctr .under").innerText, impressions: text("impressions"), clicks: text("clicks"),
    viewers: text("viewers"), share: text("share") };
}));

function compare(rows, heard) {
  for (const row of rows) {
    const item = heard.get(row.to)[row.key];
    check(item, `${row.key} is not in the stream at ${row.to}`);
    equal([whole(row.impressions), whole(row.clicks), whole(row.viewers)], [item.impressions, item.clicks, item.viewers],
      `${row.key} at ${row.to}`);
    check(shows(row.ratio, item.ctr), `${row.key} at ${row.to}: ${row.ratio} shown, ${item.ctr} said`);
    equal(row.thin, !item.enough, `${row.key} is grey`);
    if (item.enough) {
      const [low, high] = row.under.split("–");
      check(shows(low, item.ctr_low) && shows(high, item.ctr_high), `${row.key}: ${row.under}, ${item.ctr_low} ${item.ctr_high} said`);
    }
  }
}

/** Looks at the page `times` times, each at another `to`, once the stream has told of all that is shown. */
async function follow(page, heard, times, each) {
  let last = "";
  for (let at = 0; at < times; at++) {
    let rows = [];
    await until("rows at a `to` that the stream has told of", async () => {
      rows = await rowsOf(page);
      return rows.length > 0 && rows[0].to > last && rows.every((row) => heard.has(row.to));
    });
    last = rows[0].to;
    each(rows);
  }
}

export function numbersTests({ browser, service }) {
  test("every number of the list is the stream's at the same to", async () => {
    const opened = await openPage(browser, service.url, "#/pages");
    const ear = await listen(service.url, Object.keys(SITE));
    await state(opened.page, "live");
    await follow(opened.page, ear.heard, 4, (rows) => {
      equal(rows.length, Object.keys(SITE).length, "rows");
      compare(rows, ear.heard);
    });
    await ear.stop();
    equal(opened.complaints, [], "complaints");
    await opened.close();
  });

  test("numbers move by the stream and nothing is loaded again for them", async () => {
    const opened = await openPage(browser, service.url, "#/pages");
    await state(opened.page, "live");
    await opened.page.waitForSelector(".row[data-to]");
    const seen = new Set();
    const count = (path) => opened.requests.filter((one) => one.url().includes(path)).length;
    const lists = count("/v1/pages"), streams = count("/v1/stream");
    await until("five seconds of numbers", async () => {
      seen.add(await opened.page.getAttribute(".row", "data-to"));
      return seen.size > 5;
    });
    check(count("/v1/pages") - lists <= 1, `${count("/v1/pages") - lists} lists were loaded meanwhile`);
    check(count("/v1/stream") - streams <= 1, `${count("/v1/stream") - streams} streams were begun meanwhile`);
    await opened.close();
  });

  test("a page's boxes stand by clicks, with their share of its clicks", async () => {
    const keys = Object.keys(SITE["/"][1]).map((box) => `/\t${box}`);
    const opened = await openPage(browser, service.url, "#/page?page=/");
    const ear = await listen(service.url, ["/", ...keys]);
    await state(opened.page, "live");
    await opened.page.waitForSelector(".row[data-to]");
    equal((await rowsOf(opened.page)).map((row) => whole(row.clicks)).toSorted((a, b) => b - a).length, keys.length, "boxes");
    await follow(opened.page, ear.heard, 3, (rows) => {
      compare(rows, ear.heard);
      for (const row of rows) {
        const all = ear.heard.get(row.to);
        check(shows(row.share, all[row.key].clicks / all["/"].clicks), `share of ${row.key}: ${row.share}`);
      }
    });
    await opened.page.reload();
    await opened.page.waitForSelector(".row[data-to]");
    const clicks = (await rowsOf(opened.page)).map((row) => whole(row.clicks));
    equal(clicks, clicks.toSorted((a, b) => b - a), "order of clicks");
    await ear.stop();
    await opened.close();
  });

  test("too little data is grey, and says how much is missing", async () => {
    const opened = await openPage(browser, service.url, "#/pages");
    await state(opened.page, "live");
    const ear = await listen(service.url, Object.keys(SITE));
    await follow(opened.page, ear.heard, 1, (rows) => {
      const thin = rows.filter((row) => row.thin), sure = rows.filter((row) => !row.thin);
      check(thin.length > 0 && sure.length > 0, `${thin.length} thin rows, ${sure.length} others`);
      for (const row of thin) {
        const item = ear.heard.get(row.to)[row.key];
        if (item.clicks === 0) continue;
        const told = whole(/needs about (.*) more views/.exec(row.under)[1]);
        const wanted = missing(item);
        check(Math.abs(told - wanted) <= 0.13 * wanted + 1, `${row.key}: ${told} told, ${wanted.toFixed()} by bisection`);
      }
    });
    const [grey, black] = await opened.page.evaluate(() => ["[data-thin]", ":not([data-thin])"].map((which) =>
      getComputedStyle(document.querySelector(`.row:not([hidden])${which} .ratio`)).color));
    check(grey !== black, `both are ${grey}`);
    await ear.stop();
    await opened.close();
  });

  test("movers are those of /v1/top at the same to", async () => {
    const answers = new Map();
    const opened = await openPage(browser, service.url);
    opened.page.on("response", async (response) => {
      if (!response.url().includes("/v1/top") || response.status() !== 200) return;
      const body = await response.json().catch(() => null);
      if (body) answers.set(`${body.by} ${body.to}`, body);
    });
    await opened.page.evaluate(() => (location.hash = "#/movers"));
    await opened.page.waitForSelector(".movers [data-by=fall] li");
    let shown;
    await until("what is shown to have been answered", async () => {
      shown = await opened.page.evaluate(() => ["rise", "fall"].map((by) => {
        const list = document.querySelector(`[data-by=${by}]`);
        return { by, to: list.dataset.to, items: [...list.children].map((item) => ({ key: item.dataset.key, change: item.querySelector(".change").innerText })) };
      }));
      return shown.every((side) => answers.has(`${side.by} ${side.to}`));
    });
    for (const side of shown) {
      const said = answers.get(`${side.by} ${side.to}`).items;
      equal(side.items.map((item) => item.key), said.map((item) => `${item.page}\t${item.box}`), side.by);
      side.items.forEach((item, at) => check(shows(item.change, Math.abs(said[at].difference.ctr)), `${item.key}: ${item.change}`));
    }
    check(shown[1].items.some((item) => item.key === "/\topbox.banner.main"), "the banner that was made to fall is not among those that fell");
    equal(opened.complaints, [], "complaints");
    await opened.close();
  });

  test("the strip says what the status says", async () => {
    const opened = await openPage(browser, service.url);
    await state(opened.page, "live");
    await opened.page.waitForFunction(() => Number(document.querySelector(".fact.events dd").innerText.replace(/\D/g, "")) > 0);
    const shown = await opened.page.evaluate(() => Object.fromEntries([...document.querySelectorAll(".fact")].map((fact) =>
      [fact.className.replace("fact ", ""), fact.querySelector("dd").innerText])));
    const site = await service.ask("/v1/ctr");
    check(Math.abs(whole(shown.people) - site.viewers) < 0.02 * site.viewers, `${shown.people} people, ${site.viewers} said`);
    check(Math.abs(parseFloat(shown.ctr) / 100 - site.ctr) < 0.01, `${shown.ctr}, ${site.ctr} said`);
    const [saved] = /^\d+ s ago$/.exec(shown.saved) ?? [];
    check(saved, `saved ${shown.saved}`);
    check(parseFloat(shown.age) < 5, `age ${shown.age}`);
    const status = await service.ask("/v1/status");
    check(status.partitions.reduce((sum, one) => sum + one.malformed, 0) > 0 && shown.malformed !== "0%", `malformed ${shown.malformed}`);
    equal(shown.late, "0%", "late");
    await opened.close();
  });
}

/** How many more views until the interval's half-width is a fifth of the ratio: by bisection. */
function missing({ ctr, impressions }) {
  const z = 1.959963984540054;
  const half = (n) => (z * Math.sqrt((ctr * (1 - ctr)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  let low = impressions, high = 1e9;
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    if (half(middle) > 0.2 * ctr) low = middle;
    else high = middle;
  }
  return high - impressions;
}
