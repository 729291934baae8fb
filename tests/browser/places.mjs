// SPDX-License-Identifier: Apache-2.0
// The services that the tests and the screenshots look at.

import { DAY, MINUTE, World, dice, visits } from "./world.mjs";

/** A site with a past (the last 80 minutes, yesterday, a week ago), and traffic that goes on. */
export async function build(options, settings = {}) {
  const world = new World(options);
  try {
    await world.kafka();
    const now = Date.now(), events = [];
    for (const [days, factor] of [[7, 0.92], [1, 1.06]]) {
      for (const event of visits(now - days * DAY - 70 * MINUTE, now - days * DAY + 20 * MINUTE, 3, days, factor)) events.push(event);
    }
    for (const event of visits(now - 80 * MINUTE, now, 12, 3, 1, now)) {
      if (event.ts < now) events.push(event);
    }
    const count = await world.produce(events, ["not an event", "", "{}"]);
    const service = await world.serve("live", settings);
    await service.ready(count);
    world.flow(12);
    return { world, service };
  } catch (error) {
    world.close();
    throw error;
  }
}

/** As many pages as are asked for, with a few views each and some that go on coming. */
export async function buildMany(options, count) {
  const world = new World(options);
  try {
    await world.kafka();
    const next = dice(11), now = Date.now(), events = [];
    const view = (page, ts) => ({ type: "view", ts: Math.floor(ts), page: `/product/${String(page).padStart(5, "0")}`, visitor: `v${Math.floor(next() * 9000)}` });
    for (let page = 0; page < count; page++) {
      const views = 2 + Math.floor(300 / (1 + page * 0.02));
      for (let at = 0; at < views; at++) {
        const one = view(page, now - next() * 8 * MINUTE);
        events.push(one);
        if (next() < 0.03 + 0.2 * ((page % 17) / 17)) events.push({ ...one, type: "click" });
      }
    }
    const sent = await world.produce(events);
    const service = await world.serve("many");
    await service.ready(sent);
    const producer = world.producer();
    const timer = setInterval(() => {
      for (let at = 0; at < 20; at++) producer.send(view(Math.floor(next() * count), Date.now()));
    }, 200);
    timer.unref();
    return { world, service };
  } catch (error) {
    world.close();
    throw error;
  }
}
