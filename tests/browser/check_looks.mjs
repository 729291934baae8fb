// SPDX-License-Identifier: Apache-2.0
// Colours, widths, accessibility, and what a first visit costs.

import { DARK, PHONE, accessible, check, equal, openContext, openPage, state, test } from "./harness.mjs";
import { until } from "./world.mjs";

const VIEWS = ["#/pages", "#/boxes", "#/placements", "#/page?page=/", "#/chart?page=/&box=opbox.banner.main&compare=1d,7d", "#/movers"];
const READY = ".row[data-to], .chart .line.now, .movers [data-to]";

async function opened(browser, service, path, options) {
  const one = await openPage(browser, service.url, path, options);
  await state(one.page, "live");
  await one.page.waitForSelector(READY, { state: "attached" });
  return one;
}

export function looksTests({ browser, service }) {
  for (const [name, options] of [["light", {}], ["dark", DARK], ["on a phone", PHONE]]) {
    test(`every view is accessible: ${name}`, async () => {
      for (const path of VIEWS) {
        const one = await opened(browser, service, path, options);
        if (path.startsWith("#/chart")) await one.page.locator("summary").click();
        await accessible(one.page, `${path} ${name}`);
        equal(one.complaints, [], `${path} ${name}`);
        await one.close();
      }
    });
  }

  test("dark is dark, and the reader may choose", async () => {
    const one = await opened(browser, service, "#/pages", DARK);
    const light = () => one.page.evaluate(() => {
      const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
      return (red + green + blue) / 3 > 128;
    });
    equal(await light(), false, "light");
    await one.page.selectOption("#theme", "light");
    equal(await light(), true, "light by choice");
    await one.page.reload();
    await one.page.waitForSelector(READY);
    equal(await light(), true, "light by choice, after a reload");
    await one.close();
  });

  test("nothing is wider than a phone", async () => {
    for (const path of VIEWS) {
      const one = await opened(browser, service, path, PHONE);
      const [wide, room] = await one.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      check(wide <= room && room === 390, `${path}: ${wide} in ${room}`);
      await one.close();
    }
  });

  test("every column has its place, whatever the width", async () => {
    for (const width of [1600, 1280, 1180, 1024, 800]) {
      for (const path of ["#/placements", "#/page?page=/"]) {
        const one = await opened(browser, service, path, { viewport: { width, height: 700 } });
        const wrong = await one.page.evaluate(() => {
          const end = document.querySelector("[role=grid]").getBoundingClientRect().right;
          return [...document.querySelectorAll("[role=columnheader], .row:not([hidden]) [role=gridcell]")].filter((cell) => {
            const box = cell.getBoundingClientRect();
            return box.width > 0 && (box.right > end || cell.scrollWidth > Math.ceil(box.width) + 1 && !cell.matches(".c-id"));
          }).map((cell) => `${cell.className} ${cell.innerText}`);
        });
        equal(wrong, [], `${path} in ${width}`);
        await one.close();
      }
    }
  });

  test("a first visit costs less than 100 KB, a second one nothing but questions", async () => {
    const context = await openContext(browser);
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    const sizes = new Map(), names = new Map(), statuses = [];
    session.on("Network.requestWillBeSent", ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(names.get(requestId), encodedDataLength));
    session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => statuses.push([requestId, statusCode]));
    await page.goto(service.url);
    await page.waitForSelector(READY);
    const files = [...sizes].filter(([name]) => name === "/" || name.startsWith("/dashboard/"));
    const bytes = files.reduce((sum, [, size]) => sum + size, 0);
    check(files.length > 20 && bytes < 100000, `${files.length} files, ${bytes} bytes`);
    console.log(`   ${files.length} files, ${bytes} bytes with headers`);
    statuses.length = 0;
    await page.reload();
    await page.waitForSelector(READY);
    // What a request is for may be told after its answer's status.
    const again = () => statuses.map(([id, status]) => [names.get(id), status])
      .filter(([name]) => name === "/" || name?.startsWith("/dashboard/"));
    await until("all files are asked for again", () => again().length >= files.length);
    check(again().every(([, status]) => status === 304), JSON.stringify(again()));
    await context.close();
  });

  test("the policy holds: no script, style or request from elsewhere", async () => {
    const one = await opened(browser, service, "#/pages");
    const refused = await one.page.evaluate(async (place) => {
      const found = [];
      addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "window.planted = true";
      document.head.append(script);
      document.body.insertAdjacentHTML("beforeend", "<b style='color:red'>x</b>");
      await fetch(place).catch(() => {});
      for (let at = 0; new Set(found).size < 3 && at < 200; at++) await new Promise((done) => setTimeout(done, 20));
      return [...new Set(found)].sort().concat(String(window.planted));
    }, "http://localhost:1/");
    equal(refused, ["connect-src", "script-src-elem", "style-src-attr", "undefined"], "what was refused");
    await one.close();
  });
}
