// SPDX-License-Identifier: Apache-2.0
//
// Paints the live click-through rate of each box on the page it stands on. For editors: include it
// on their pages, or run it from a bookmark (a second run takes it off again).
//
//   <script src="http://livectr.example:8080/dashboard/overlay.js" defer data-page="/offer/list"></script>
//
// data-page       the page's id in the events; else <meta name="livectr-page">, else the URL's path
// data-attribute  which attribute of an element names its box (data-box-name)
// data-window     one of the service's windows (its default)
// data-every      seconds between two questions (5)
// data-token      a token with the scope "read", where the service wants one
//
// Polite to the page: one request for all boxes, none while nobody looks; nothing of the page is
// changed or measured twice a frame; clicks go through; styles stay in a shadow tree of its own.
(() => {
  "use strict";

  const BOXES_MAX = 1000; // of one batch; the first in the document are asked for
  const WAIT_MAX_S = 60; // between two tries while the service is away
  const RELATIVE_HALF_WIDTH = 0.2; // what `enough` means: docs/definitions.md, "Rates"
  const Z_95 = 1.96;
  const STYLE = `
    :host { all: initial; position: fixed; inset: 0; overflow: hidden; pointer-events: none; z-index: 2147483647;
      font: 12px/1.3 system-ui, sans-serif; }
    .badge, .strip { position: absolute; left: 0; top: 0; box-sizing: border-box; border-radius: 4px; color: #12263a;
      background: #fffffff2; box-shadow: 0 0 0 1px #12263a55, 0 1px 4px #0004; padding: 3px 6px; white-space: nowrap; }
    .badge[hidden], .strip[hidden] { display: none; }
    .rate { font-weight: 700; font-variant-numeric: tabular-nums; }
    .detail { display: block; white-space: pre-line; color: #4a5b6c; font-variant-numeric: tabular-nums; }
    .few .rate { color: #6b7885; font-weight: 400; }
    .old { opacity: .55; }
    svg { display: block; width: 116px; height: 7px; margin: 2px 0 1px; }
    .track { fill: #d9e0e7; } .band { fill: #7fb2e5; } .point { fill: #0b4f9c; }
    .few .band { fill: #c3ccd5; } .few .point { fill: #7b8894; }
    .strip { left: auto; top: auto; right: 8px; bottom: 8px; background: #7a1f1f; color: #fff; }
    @media (prefers-color-scheme: dark) {
      .badge { color: #e9f1f8; background: #16222eef; box-shadow: 0 0 0 1px #9db4c955, 0 1px 4px #000a; }
      .detail { color: #a9bac9; } .few .rate { color: #98a5b1; }
      .track { fill: #34434f; } .band { fill: #2f6aa8; } .point { fill: #9fd0ff; }
      .few .band { fill: #46535e; } .few .point { fill: #93a0ab; }
    }`;

  if (window.livectrOverlay) {
    window.livectrOverlay.stop();
    return;
  }

  function settings() {
    const script = document.currentScript;
    const given = script ? script.dataset : {};
    const meta = document.querySelector('meta[name="livectr-page"]');
    return {
      url: new URL("/v1/ctr:batchGet", script ? script.src : location.href).href,
      page: given.page ?? meta?.content ?? location.pathname,
      attribute: given.attribute || "data-box-name",
      window: given.window,
      everyMs: 1000 * Math.max(1, Number(given.every) || 5),
      token: given.token,
    };
  }

  const options = settings();
  const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 2 });
  const whole = new Intl.NumberFormat();
  const host = document.createElement("livectr-overlay");
  const root = host.attachShadow({ mode: "open" });
  const strip = element("div", "strip");
  const badges = new Map(); // element of the page -> its badge
  const stopping = new AbortController();
  let timer = 0;
  let frame = 0;
  let failures = 0;
  let asking = false;

  function element(tag, className, parent) {
    const made = document.createElement(tag);
    made.className = className;
    parent?.append(made);
    return made;
  }

  // ---- what is on the page ----------------------------------------------------------------------

  function nameOf(target) {
    return target.getAttribute(options.attribute);
  }

  function find() {
    const found = document.querySelectorAll(`[${CSS.escape(options.attribute)}]`);
    const seen = new Set();
    for (const target of found) {
      if (!nameOf(target)) continue;
      seen.add(target);
      if (!badges.has(target)) badges.set(target, makeBadge());
    }
    for (const [target, badge] of badges) {
      if (seen.has(target)) continue;
      badge.top.remove();
      badges.delete(target);
    }
    place();
  }

  function makeBadge() {
    const top = element("div", "badge", root);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const parts = {};
    for (const part of ["track", "band", "point"]) {
      parts[part] = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      parts[part].setAttribute("class", part);
      parts[part].setAttribute("height", "7");
      svg.append(parts[part]);
    }
    parts.track.setAttribute("width", "100%");
    parts.point.setAttribute("width", "2");
    top.hidden = true;
    const rate = element("span", "rate", top);
    top.append(svg);
    return { top, rate, svg, ...parts, detail: element("span", "detail", top), name: null };
  }

  // All places are read before any badge is moved, so the page is laid out once.
  function place() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const places = [...badges.keys()].map((target) => target.getBoundingClientRect());
      let at = 0;
      for (const badge of badges.values()) {
        const { left, top, right, bottom, width, height } = places[at++];
        const seen = width > 0 && height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
        badge.top.hidden = !seen || badge.name === null;
        badge.top.style.transform = `translate(${Math.round(Math.max(left, 0) + 4)}px, ${Math.round(Math.max(top, 0) + 4)}px)`;
      }
    });
  }

  // ---- what the service says --------------------------------------------------------------------

  function paint(badge, name, row, scale) {
    const few = !row.enough;
    badge.name = name;
    badge.top.classList.toggle("few", few);
    badge.rate.textContent = row.ctr === null ? "no views" : percent.format(row.ctr);
    badge.svg.style.display = row.ctr === null ? "none" : "";
    badge.detail.textContent = few ? wanting(row) : `${whole.format(row.clicks)} of ${whole.format(row.impressions)}`;
    if (row.ctr === null) return;
    badge.band.setAttribute("x", `${(100 * row.ctr_low) / scale}%`);
    badge.band.setAttribute("width", `${(100 * (row.ctr_high - row.ctr_low)) / scale}%`);
    badge.point.setAttribute("x", `${(99 * row.ctr) / scale}%`);
  }

  // Views for an interval whose half-width is a fifth of the rate: z² (1 - p) / (0.2² p), of the
  // smoothed rate where nobody has clicked yet.
  function wanting(row) {
    const rate = row.ctr || row.smoothed_ctr;
    const views = rate ? Math.ceil(((Z_95 / RELATIVE_HALF_WIDTH) ** 2 * (1 - rate)) / rate) - row.impressions : 0;
    const seen = `${whole.format(row.clicks)} of ${whole.format(row.impressions)}`;
    return views > 0 ? `${seen}\nneeds about ${whole.format(Number(views.toPrecision(2)))} more` : seen;
  }

  function show(items) {
    const rows = new Map(items.map((item) => [item.box, item]));
    const scale = Math.max(...items.map((item) => item.ctr_high ?? 0), Number.MIN_VALUE);
    for (const [target, badge] of badges) {
      const row = rows.get(nameOf(target));
      if (row) paint(badge, row.box, row, scale);
    }
    place();
  }

  function say(text) {
    strip.textContent = text;
    strip.hidden = !text;
    for (const badge of badges.values()) badge.top.classList.toggle("old", Boolean(text));
  }

  async function question() {
    const names = [...new Set([...badges.keys()].map(nameOf))].slice(0, BOXES_MAX);
    const body = { items: names.map((box) => ({ page: options.page, box })) };
    const headers = { "Content-Type": "application/json" };
    if (options.window) body.window = options.window;
    if (options.token) headers.Authorization = `Bearer ${options.token}`;
    const response = await fetch(options.url, {
      method: "POST", headers, body: JSON.stringify(body), credentials: "omit", signal: stopping.signal,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail || answer.title || String(response.status));
    return answer;
  }

  async function ask() {
    let waitMs = options.everyMs;
    clearTimeout(timer);
    if (document.hidden || asking) return; // a visible page asks again; one question at a time
    asking = true;
    find();
    try {
      if (badges.size > 0) {
        const answer = await question();
        const old = answer.state === "live" || answer.state === "backfilling" ? "" : `livectr: ${answer.state.replace("_", " ")}`;
        show(answer.items);
        say(old);
        failures = 0;
      }
    } catch (error) {
      if (stopping.signal.aborted) return;
      failures += 1;
      waitMs = Math.min(options.everyMs * 2 ** (failures - 1), 1000 * WAIT_MAX_S);
      say(`livectr: no answer (${error.message})`);
    } finally {
      asking = false;
    }
    timer = setTimeout(ask, waitMs);
  }

  // ---- life -------------------------------------------------------------------------------------

  function start() {
    const { signal } = stopping;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet]; // a page's policy may forbid <style>
    host.setAttribute("aria-hidden", "true");
    strip.hidden = true;
    root.append(strip);
    document.documentElement.append(host);
    addEventListener("scroll", place, { capture: true, passive: true, signal });
    addEventListener("resize", place, { passive: true, signal });
    document.addEventListener("visibilitychange", () => document.hidden || ask(), { signal });
    const changes = new MutationObserver(place);
    changes.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style", "hidden"] });
    signal.addEventListener("abort", () => changes.disconnect());
    ask();
  }

  window.livectrOverlay = {
    ask,
    stop() {
      stopping.abort();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      host.remove();
      delete window.livectrOverlay;
    },
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
  else start();
})();
