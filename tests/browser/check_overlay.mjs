// SPDX-License-Identifier: Apache-2.0
// The overlay on a page of another origin, and the example of a tracker.

import { check, equal, openPage, test } from "./harness.mjs";
import { SITE, until } from "./world.mjs";

const PAGE = "/";
const BOXES = [...Object.keys(SITE[PAGE][1]), "opbox.never.seen"];
const SHOWN = ".badge:not([hidden])";

const badges = (page) => page.evaluate((shown) => [...document.querySelector("livectr-overlay")?.shadowRoot.querySelectorAll(shown) ?? []]
  .map((badge) => ({ text: badge.innerText, few: badge.classList.contains("few"), old: badge.classList.contains("old"), at: badge.getBoundingClientRect().y })), SHOWN);

const strip = (page) => page.evaluate(() => {
  const found = document.querySelector("livectr-overlay").shadowRoot.querySelector(".strip");
  return found.hidden ? "" : found.innerText;
});

async function opened(browser, site, service, options) {
  const answers = [];
  const one = await openPage(browser, site.url, "", options);
  // The service is the one other whom such a page may ask.
  one.complained = () => one.complaints.filter((text) => text !== `asked elsewhere: ${service.url}/dashboard/overlay.js` &&
    text !== `asked elsewhere: ${service.url}/v1/ctr:batchGet`);
  one.page.on("response", async (response) => {
    if (response.url().endsWith("batchGet") && response.request().method() === "POST") answers.push(await response.json().catch(() => null));
  });
  one.answers = answers;
  await one.page.waitForFunction(() => document.querySelector("livectr-overlay")?.shadowRoot.querySelector(".badge:not([hidden])"));
  return one;
}

const asked = (one) => one.requests.filter((request) => request.url().endsWith("batchGet") && request.method() === "POST");

function overlayTests({ browser, site, service, stop, again }) {
  const show = (every = 1) => site.show({ page: PAGE, boxes: BOXES, service: service.url, every });

  test("the overlay paints what the service says, in one question for all boxes", async () => {
    show();
    const one = await opened(browser, site, service, { viewport: { width: 1000, height: 6000 } });
    equal(JSON.parse(asked(one)[0].postData()), { items: BOXES.map((box) => ({ page: PAGE, box })) }, "the question");
    await until("an answer painted", async () => {
      const rows = Object.fromEntries(one.answers.at(-1)?.items.map((row) => [row.box, row]) ?? []);
      const painted = await badges(one.page);
      return painted.length === BOXES.length + 1 && [...BOXES, BOXES.at(-1)].every((box, at) => {
        const row = rows[box], { text, few } = painted[at];
        const counts = `${row.clicks.toLocaleString("en-GB")} of ${row.impressions.toLocaleString("en-GB")}`;
        const rate = row.ctr === null ? "no views" : `${(100 * row.ctr).toFixed(2).replace(/0$/, "")}%`;
        return few === !row.enough && text.includes(counts) && text.startsWith(rate);
      });
    });
    const painted = await badges(one.page);
    check(painted.some(({ few }) => !few) && painted.some(({ text }) => /needs about [\d,]+ more/.test(text)), `both kinds: ${JSON.stringify(painted)}`);
    check(/^no views/.test(painted.at(-1).text), painted.at(-1).text);
    equal(one.complained(), [], "complaints");
    await one.close();
  });

  test("the overlay follows its boxes and lets clicks through", async () => {
    show(600); // what is asked paints anew, too
    const one = await opened(browser, site, service);
    const [first] = await badges(one.page);
    await one.page.evaluate(() => scrollBy(0, 60));
    await until("the badge moves with its box", async () => Math.abs((await badges(one.page))[0].at - (first.at - 60)) <= 1);
    await one.page.evaluate(() => scrollTo(0, 0));
    await until("and back", async () => Math.abs((await badges(one.page))[0].at - first.at) <= 1);
    await one.page.mouse.click(60, first.at + 6); // on the badge, under which the box's link lies
    await one.page.waitForFunction((name) => location.hash === `#${name}`, BOXES[0]);
    equal(one.complained(), [], "complaints");
    await one.close();
  });

  test("the overlay asks for nothing while nobody looks, and a second run takes it off", async () => {
    show();
    const one = await opened(browser, site, service);
    const hide = (hidden) => one.page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
    await hide(true);
    const count = asked(one).length, start = Date.parse((await service.ask("/v1/ctr")).to);
    await until("time passing", async () => Date.parse((await service.ask("/v1/ctr")).to) - start >= 4000);
    check(asked(one).length - count <= 1, `${asked(one).length - count} questions while hidden`);
    await hide(false);
    await until("it goes on", () => asked(one).length >= count + 2);
    await one.page.addScriptTag({ url: `${service.url}/dashboard/overlay.js` });
    equal(await one.page.evaluate(() => [document.querySelector("livectr-overlay"), window.livectrOverlay ?? null]), [null, null], "what is left");
    equal(one.complained(), [], "complaints");
    await one.close();
  });

  test("the overlay says that the service is away, and goes on when it is back", async () => {
    show();
    const one = await opened(browser, site, service);
    await stop();
    try {
      await until("it says so", async () => /no answer/.test(await strip(one.page)));
      check((await badges(one.page)).every(({ old }) => old), "badges look as if nothing were");
    } finally {
      await again();
    }
    await until("it goes on", async () => (await strip(one.page)) === "" && (await badges(one.page)).every(({ old }) => !old));
    await one.close();
  });

  test("the overlay's own page shows the busiest page's boxes", async () => {
    const one = await openPage(browser, service.url, "dashboard/overlay.html");
    await one.page.waitForFunction((shown) => document.querySelector("livectr-overlay")?.shadowRoot.querySelectorAll(shown).length >= 3, SHOWN);
    equal(await one.page.innerText("#page"), PAGE, "the busiest page");
    equal(await one.page.getAttribute("#toggle", "aria-pressed"), "true", "the button");
    await one.page.click("#toggle");
    await one.page.waitForFunction(() => !document.querySelector("livectr-overlay") && document.querySelector("#toggle").getAttribute("aria-pressed") === "false");
    equal(one.complaints, [], "complaints");
    await one.close();
  });
}

function trackerTests({ browser, site, service, world }) {
  test("the tracker sends a view for what was seen for a second, and a click with its box", async () => {
    site.events.length = 0;
    site.show({ page: "/tracked", boxes: BOXES.slice(0, 3), tracker: true });
    const one = await openPage(browser, site.url);
    const sent = (type) => site.events.filter((event) => event.type === type).map((event) => event.box ?? null);
    await until("the page and the box in view", () => sent("view").length >= 2);
    equal(sent("view"), [null, BOXES[0]], "views before scrolling"); // the second box shows less than half of itself
    // Past the second box, which is drawn but not for a second, to the third.
    await one.page.evaluate(async () => {
      for (const at of [1, 2]) {
        scrollTo(0, document.querySelectorAll(".box")[at].offsetTop - 20);
        for (let drawn = 0; drawn < 10; drawn++) await new Promise(requestAnimationFrame);
      }
    });
    await until("the third box", () => sent("view").includes(BOXES[2]));
    check(!sent("view").includes(BOXES[1]), "the second box was not seen for a second");
    await one.page.click(`section[data-box-name="${BOXES[2]}"] >> nth=0 >> a`);
    await until("the click", () => sent("click").length === 1);
    equal(sent("click"), [BOXES[2]], "the clicked box");
    const ids = new Set(site.events.map((event) => event.id));
    equal(ids.size, site.events.length, "ids");
    equal(one.complaints, [], "complaints");
    await one.close();

    const producer = world.producer();
    for (const event of site.events) producer.send(event, Date.now());
    await producer.close();
    await until("they count", async () => {
      const answer = await service.ask(`/v1/ctr?page=/tracked&box=${BOXES[2]}`);
      return answer.clicks === 1 && answer.impressions >= 1 && answer.viewers === 1 && answer.clickers === 1;
    });
  });
}

/** On a service of its own that lets the editors' site ask it. */
export async function editorsTests({ browser, site, world, service: other }) {
  const service = await world.serve("overlaid", { cors_origins: site.url });
  const read = (status) => status.partitions.reduce((sum, one) => sum + one.read, 0);
  await service.ready(read(await other.ask("/v1/status")));
  const stage = { browser, site, world, service, stop: () => service.kill(), again: () => service.again() };
  overlayTests(stage);
  trackerTests(stage);
}
