// SPDX-License-Identifier: Apache-2.0
// A stand-in for Kafka, made-up traffic with a past, and services on it that can be hurt.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

export const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const PARTITIONS = 16; // the stand-in keeps some 5 MiB of each

/** SplitMix64 cut to 32 bits would do; mulberry32 does. */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** page: [part of the visits, {box: [how likely it is seen, CTR]}] */
export const SITE = {
  "/": [0.26, { "header.search": [1, 0.11], "opbox.banner.main": [0.95, 0.021], "opbox.carousel.1": [0.7, 0.046],
    "opbox.categories": [0.5, 0.083], "opbox.deals.today": [0.45, 0.061], "opbox.brands": [0.2, 0.017] }],
  "/offer/list": [0.24, { "header.search": [1, 0.058], "listing.filters": [0.55, 0.14], "opbox.ads.top": [0.9, 0.012],
    "opbox.carousel.1": [0.75, 0.031], "listing.sort": [0.4, 0.072] }],
  "/offer/show": [0.2, { "offer.buy": [0.85, 0.19], "opbox.recommended": [0.55, 0.068], "offer.gallery": [0.8, 0.12],
    "opbox.ads.bottom": [0.3, 0.006] }],
  "/category/electronics": [0.09, { "opbox.banner.main": [0.9, 0.027], "opbox.carousel.1": [0.6, 0.052], "listing.filters": [0.5, 0.12] }],
  "/category/garden": [0.06, { "opbox.banner.main": [0.9, 0.033], "opbox.carousel.1": [0.6, 0.04], "opbox.deals.today": [0.5, 0.055] }],
  "/category/fashion": [0.06, { "opbox.banner.main": [0.9, 0.019], "opbox.carousel.1": [0.6, 0.064] }],
  "/basket": [0.05, { "basket.pay": [0.95, 0.42], "opbox.recommended": [0.6, 0.03] }],
  "/magazine/autumn-garden": [0.02, { "article.teaser": [0.7, 0.08], "opbox.carousel.1": [0.4, 0.03] }],
  "/magazine/phones-compared": [0.012, { "article.teaser": [0.7, 0.1] }],
  "/campaign/black-week": [0.006, { "campaign.hero": [0.9, 0.15], "campaign.grid": [0.7, 0.2] }],
  "/help/returns": [0.002, { "help.chat": [0.5, 0.06] }],
};

/** What changed lately: a banner that stopped working and a list of deals that took off. */
function drift(page, box, ago, ctr) {
  if (ago > 0 && ago < 10 * MINUTE) {
    if (page === "/" && box === "opbox.banner.main") return ctr * 0.25;
    if (page === "/" && box === "opbox.deals.today") return ctr * 1.8;
    if (page === "/category/garden" && box === "opbox.carousel.1") return ctr * 1.6;
  }
  return ctr;
}

/** The events of visits in [begin, end), oldest first within a visit. */
export function* visits(begin, end, rate, seed, factor = 1, now = 0) {
  const next = dice(seed);
  const pages = Object.entries(SITE);
  for (let at = begin; at < end; at += (-Math.log(1 - next()) * 1000) / rate) {
    let left = next();
    const [page, [, boxes]] = pages.find(([, [part]]) => (left -= part) < 0) ?? pages[0];
    const visitor = `v${Math.floor(next() * 20000)}`;
    const event = (type, ms, box) => ({ type, ts: Math.floor(ms), page, ...(box && { box }), visitor });
    yield event("view", at);
    for (const [box, [seen, ctr]] of Object.entries(boxes)) {
      if (next() >= seen) continue;
      const view = at + next() * 2000, wave = 1 + 0.15 * Math.sin(at / (14 * MINUTE));
      yield event("view", view, box);
      if (next() < drift(page, box, now && now - at, ctr) * wave * factor) yield event("click", view + 200 + next() * 2000, box);
    }
  }
}

const worlds = new Set();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    for (const world of worlds) world.close();
    process.exit(1);
  });
}

export class World {
  #children = new Set();

  constructor({ binary, tools }) {
    Object.assign(this, { binary, tools, home: mkdtempSync(path.join(tmpdir(), "livectr-browser-")) });
    worlds.add(this);
  }

  #start(command, argv) {
    const child = spawn(command, argv, { stdio: ["pipe", "pipe", openSync(path.join(this.home, "log"), "a")],
      env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("LIVECTR_"))) });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  async kafka() {
    const child = this.#start(path.join(this.tools, "mock_kafka"), ["events", String(PARTITIONS)]);
    [this.brokers] = await once(createInterface({ input: child.stdout }), "line");
    this.mock = child;
  }

  producer() {
    const { home } = this;
    const child = this.#start(path.join(this.tools, "ktool"), ["produce", "-b", this.brokers]);
    let at = 0;
    const ended = once(child, "exit");
    child.stdout.resume();
    child.stdin.on("error", () => {}); // its exit code says it
    return {
      /** recorded: when the record is said to be written; the event's own time by default. */
      send: (event, recorded = event.ts) =>
        child.stdin.write(`events\t${at++ % PARTITIONS}\t${Math.floor(recorded)}\traw\t${typeof event === "string" ? event : JSON.stringify(event)}\n`),
      /** Waits until everything has been acknowledged. */
      async close() {
        child.stdin.end();
        const [code] = await ended;
        if (code !== 0) throw new Error(`ktool ended with ${code}: ${readFileSync(path.join(home, "log"))}`);
      },
    };
  }

  /** Everything of a list, as if each had been written when it happened; `broken`: records that are no
   * events, of now. How many records that was. */
  async produce(events, broken = []) {
    const sorted = events.sort((a, b) => a.ts - b.ts);
    const producer = this.producer();
    for (const event of sorted) producer.send(event);
    for (const text of broken) producer.send(text, Date.now());
    await producer.close();
    return sorted.length + broken.length;
  }

  /** Goes on producing until it is stopped: what is due, five times a second. */
  flow(rate, seed = 7) {
    const producer = this.producer();
    let waiting = [], until = Date.now();
    const next = dice(seed);
    const timer = setInterval(() => {
      const now = Date.now();
      waiting.push(...visits(until, now, rate, (seed += 1), 1, now + 1));
      until = now;
      for (const event of waiting.filter((one) => one.ts <= now)) producer.send(event);
      waiting = waiting.filter((one) => one.ts > now);
      // Now and then something turns up minutes late, and something is no event.
      if (next() < 0.1) producer.send({ type: "view", ts: now - 6 * MINUTE, page: "/", box: "opbox.banner.main", visitor: "late" }, now);
      if (next() < 0.02) producer.send("{\"type\":\"view\"", now);
    }, 200);
    return { stop: () => {
      clearInterval(timer);
      return producer.close();
    } };
  }

  async serve(name, settings = {}) {
    const all = { brokers: this.brokers, topics: "events", start: "earliest", late: "off", scout_after: "off",
      windows: "1m,10m,20m,1h,24h", drain: "0s", listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0",
      data_dir: path.join(this.home, name), snapshot_interval: "2s", access_log: "off", ...settings };
    const child = this.#start(this.binary, ["serve", ...Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)])]);
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), once(child, "exit")]);
    const found = /listening http=(\S+):(\d+)/.exec(line);
    if (!found) throw new Error(`${name} did not start: ${readFileSync(path.join(this.home, "log"))}`);
    return new Running(this, child, name, { ...settings, listen: `${found[1]}:${found[2]}` });
  }

  async token(...scopes) {
    const child = spawn(this.binary, ["token", "--name", "test", "--scope", scopes.join()]);
    let token = "", line = "";
    child.stdout.on("data", (data) => (token += data));
    child.stderr.on("data", (data) => (line += data));
    await once(child, "close");
    return { token: token.trim(), line };
  }

  /** A service that wants one of these tokens. */
  async guarded(name, lines) {
    const tokens = path.join(this.home, `${name}.tokens`);
    writeFileSync(tokens, lines.join(""), { mode: 0o600 });
    return this.serve(name, { tokens });
  }

  close() {
    worlds.delete(this);
    for (const child of this.#children) {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

class Running {
  constructor(world, child, name, settings) {
    Object.assign(this, { world, child, name, settings, url: `http://${settings.listen}` });
  }

  async ask(target, headers = {}) {
    const response = await fetch(this.url + target, { headers });
    if (!response.ok) throw new Error(`${target}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Until it is live and has read so many records. */
  async ready(count, headers = {}) {
    await until(`${this.name} has read ${count} records`, async () => {
      const status = await this.ask("/v1/status", headers);
      return status.state === "live" && status.partitions.reduce((sum, one) => sum + one.read, 0) >= count;
    });
  }

  stand() { this.child.kill("SIGSTOP"); }
  go() { this.child.kill("SIGCONT"); }

  async kill() {
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }

  async again() {
    const next = await this.world.serve(this.name, this.settings);
    this.child = next.child;
  }
}

/** Waits for a condition, never for a time. */
export async function until(what, holds, ms = 60000) {
  const deadline = Date.now() + ms;
  let last = "";
  while (Date.now() < deadline) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${ms / 1000} s: ${what} ${last}`);
}
