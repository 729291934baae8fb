// SPDX-License-Identifier: Apache-2.0
// Sorting, filtering, addresses, keys, the chart, and a list of thousands.

import { shows, whole } from "./ear.mjs";
import { check, equal, openPage, state, test } from "./harness.mjs";
import { until } from "./world.mjs";

const keysOf = (page) => page.evaluate(() => [...document.querySelectorAll(".row:not([hidden])")]
  .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex")).map((row) => row.dataset.key));
const cells = (page, name) => page.evaluate((name) => [...document.querySelectorAll(".row:not([hidden])")]
  .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex")).map((row) => row.querySelector(name).innerText), name);
const falling = (numbers) => numbers.every((one, at) => at === 0 || numbers[at - 1] >= one);

async function opened(browser, service, path) {
  const one = await openPage(browser, service.url, path);
  await state(one.page, "live");
  await one.page.waitForSelector(".row[data-to], .chart .line.now", { state: "attached" });
  return one;
}

export function viewsTests({ browser, service, many, world }) {
  test("a list is sorted and filtered, and its address says so", async () => {
    const { page, complaints, close } = await opened(browser, service, "#/boxes");
    check(falling((await cells(page, ".c-impressions")).map(whole)), "not by impressions at first");
    await page.getByRole("button", { name: "CTR", exact: true }).click();
    await page.waitForFunction(() => document.querySelector("[aria-sort]").innerText.startsWith("CTR"));
    await page.getByRole("button", { name: "CTR", exact: true }).click();
    await page.waitForFunction(() => document.querySelector("[aria-sort]").getAttribute("aria-sort") === "ascending");
    check(falling((await cells(page, ".ratio")).map(parseFloat).reverse()), "not by CTR, ascending");
    await page.fill("#filter", "CAROUSEL");
    await page.waitForFunction(() => document.querySelectorAll(".row:not([hidden])").length === 1);
    equal(await keysOf(page), ["\topbox.carousel.1"], "filtered");
    check((await page.evaluate(() => location.hash)).includes("q=CAROUSEL&sort") || (await page.evaluate(() => location.hash)).includes("q=CAROUSEL"), "the address");
    await page.reload();
    await page.waitForSelector(".row[data-to]");
    equal([await keysOf(page), await page.inputValue("#filter"), await page.getAttribute("[aria-sort]", "aria-sort")],
      [["\topbox.carousel.1"], "CAROUSEL", "ascending"], "after the address was opened anew");
    await page.fill("#filter", "no such name");
    await page.waitForSelector(".empty:not([hidden])");
    equal(complaints, [], "complaints");
    await close();
  });

  test("a least number of impressions is asked of the service", async () => {
    const { page, requests, close } = await opened(browser, service, "#/pages?min=400");
    const said = await service.ask("/v1/pages?min_impressions=400");
    equal((await keysOf(page)).toSorted(), said.items.map((one) => one.page).toSorted(), "pages");
    check(requests.some((one) => one.url().includes("min_impressions=400")), "not asked");
    await close();
  });

  test("keys alone lead from the list to a chart and through it", async () => {
    const { page, complaints, close } = await opened(browser, service, "#/pages");
    await page.keyboard.press("/");
    equal(await page.evaluate(() => document.activeElement.id), "filter", "after a slash");
    await page.keyboard.press("Tab");
    for (let at = 0; at < 20 && !(await page.evaluate(() => document.activeElement.matches(".id"))); at++) await page.keyboard.press("Tab");
    const [first, second] = await keysOf(page);
    equal(await page.evaluate(() => document.activeElement.innerText), first, "the one tab stop of the rows");
    await page.keyboard.press("ArrowDown");
    equal(await page.evaluate(() => document.activeElement.innerText), second, "a row further down");
    await page.keyboard.press("End");
    equal(await page.evaluate(() => document.activeElement.innerText), (await keysOf(page)).at(-1), "the last row");
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1");
    equal(await page.evaluate(() => document.activeElement.innerText), first, "the heading of the page has the focus");
    await page.getByRole("link", { name: "CTR over time" }).press("Enter");
    await page.waitForSelector(".chart .line.now");
    await page.focus(".plot");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    const spoken = await page.innerText(".reading [aria-live]");
    check(/CTR .*impressions.*clicks/.test(spoken), `spoken: ${spoken}`);
    await page.keyboard.press("+");
    await page.waitForFunction(() => location.hash.includes("from="));
    await page.keyboard.press("0");
    await page.waitForFunction(() => !location.hash.includes("from="));
    await page.goBack();
    equal(complaints, [], "complaints");
    await close();
  });

  test("the chart has the series, its band, its states and what was corrected late", async () => {
    const { page, complaints, close } = await opened(browser, service, "#/chart?page=/&box=opbox.banner.main&compare=1d");
    await page.locator("summary").click();
    for (const name of ["final", "closing", "live"]) await page.waitForSelector(`.lane.${name}`, { state: "attached" });
    await page.waitForSelector(".chart .corrected", { state: "attached" });
    await page.waitForSelector(".line.shift-1d", { state: "attached" });
    const [band, line] = await page.evaluate(() => [".chart .band", ".line.now"].map((which) => document.querySelector(which).getAttribute("d").split("L").length));
    check(line >= 55 && band >= 2 * line - 4, `a line of ${line} points, a band of ${band}`);
    const series = await service.ask("/v1/series?page=/&box=opbox.banner.main");
    const rows = await page.evaluate(() => [...document.querySelectorAll(".table tbody tr")].map((row) => [...row.children].map((cell) => cell.innerText)));
    let compared = 0;
    for (const point of series.points.filter((one) => one.state === "final" && one.revision === 0)) {
      const words = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Warsaw" }).format(Date.parse(point.start));
      const row = rows.find(([begin]) => begin.endsWith(words));
      if (!row) continue;
      compared += 1;
      equal([whole(row[3]), whole(row[4]), row[6]], [point.impressions, point.clicks, "final"], `the minute ${words}`);
      check(shows(row[1], point.ctr) && shows(row[2].split("–")[1], point.ctr_high), `the minute ${words}: ${row}`);
    }
    check(compared > 40, `only ${compared} minutes were compared`);
    equal(complaints, [], "complaints");
    await close();
  });

  test("the chart zooms by a drag and pans, both into its address", async () => {
    const { page, complaints, close } = await opened(browser, service, "#/chart?page=/offer/list&range=3h");
    const box = await page.locator(".plot").boundingBox();
    await page.mouse.move(box.x + 0.4 * box.width, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.7 * box.width, box.y + 100, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => location.hash.includes("from="));
    const domain = () => page.evaluate(() => ["from", "to"].map((name) => Number(new URLSearchParams(location.hash.split("?")[1]).get(name))));
    const [from, to] = await domain();
    check(Math.abs((to - from) / 60000 - 0.3 * 180) < 6, `zoomed to ${(to - from) / 60000} minutes`);
    await page.getByRole("button", { name: "Earlier" }).click();
    await until("another stretch in the address", async () => (await domain())[1] < to);
    const [left, right] = await domain();
    check(Math.abs(right - left - (to - from)) < 2000 && Math.abs(from - left - (to - from) / 2) < 2000, "panned by half");
    await page.getByRole("button", { name: "Back to now" }).click();
    await page.waitForFunction(() => !location.hash.includes("from="));
    equal(complaints, [], "complaints");
    await close();
  });

  test("what was not read is hatched and called so", async () => {
    const young = await world.serve("young", { start: "latest" });
    const { page, close } = await opened(browser, young, "#/chart?page=/");
    await page.waitForSelector(".lane.missing", { state: "attached" });
    await page.locator("summary").click();
    check((await page.innerText(".table tbody tr:last-child")).includes("not read"), "the table does not say so");
    await close();
    await young.kill();
  });

  test("what did not count is told for a minute", async () => {
    const { page, close } = await opened(browser, service, "#/chart?page=/&box=opbox.banner.main");
    const box = await page.locator(".plot").boundingBox();
    await page.mouse.click(box.x + 0.5 * box.width, box.y + 100);
    await page.getByRole("button", { name: "What did not count?" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".account").innerText !== "");
    equal(await page.innerText(".account"), "Everything counted.", "account");
    await close();
  });

  test("numbers and times are the locale's", async () => {
    const one = await openPage(browser, service.url, "#/pages", { locale: "de-DE" });
    await one.page.waitForSelector(".row[data-to]");
    check(/^\d\.\d{3}$/.test((await cells(one.page, ".c-impressions"))[0]), (await cells(one.page, ".c-impressions"))[0]);
    check(/^\d+,\d+\s%$/.test((await cells(one.page, ".ratio"))[0]), (await cells(one.page, ".ratio"))[0]);
    equal(one.complaints, [], "complaints");
    await one.close();
  });

  test("five thousand rows are there, and few of them exist", async () => {
    const { page, complaints, close } = await opened(browser, many, "#/pages");
    await page.waitForFunction(() => Number(document.querySelector("[role=grid]").getAttribute("aria-rowcount")) === 5001, null, { timeout: 60000 });
    const seen = new Set();
    for (let at = 0; at <= 20; at++) {
      await page.evaluate((part) => scrollTo(0, part * document.documentElement.scrollHeight), at / 20);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const keys = await keysOf(page);
      check(keys.length > 10 && keys.length < 60, `${keys.length} rows exist`);
      for (const key of keys) seen.add(key);
    }
    check(seen.size > 300, `${seen.size} different rows were seen`);
    const last = await page.evaluate(() => Math.max(...[...document.querySelectorAll(".row:not([hidden])")].map((row) => Number(row.getAttribute("aria-rowindex")))));
    equal(last, 5001, "the last row");
    // Those in view are live wherever the reader is.
    const key = (await keysOf(page)).at(-1);
    const before = await page.getAttribute(`[data-key="${key}"]`, "data-to");
    await page.waitForFunction(([key, before]) => document.querySelector(`[data-key="${key}"]`).dataset.to > before, [key, before]);
    equal(complaints, [], "complaints");
    await close();
  });
}
