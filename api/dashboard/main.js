// SPDX-License-Identifier: Apache-2.0
// Puts the page together: strip, navigation, and the view that the address names.

import { Detail } from "./detail.js";
import { el, setAttribute, setText } from "./dom.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { Locked } from "./locked.js";
import { Movers } from "./movers.js";
import { Page } from "./page.js";
import { address, change, read } from "./route.js";
import { Service } from "./service.js";
import { Strip, feeling } from "./strip.js";

const TABS = [["pages", "Pages"], ["boxes", "Boxes"], ["placements", "Placements"], ["movers", "Movers"]];
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

const live = new Live();
const service = new Service(live);
const context = { live, service };
const locked = new Locked(live, () => {
  live.restart();
  service.ask();
  show(true);
});
let view = null, shown = "";

function make(route) {
  if (route.view === "movers") return new Movers(context);
  if (route.view === "page" && route.page) return new Page(context, route);
  if (route.view === "chart") return new Detail(context, route);
  const level = ["boxes", "placements"].includes(route.view) ? route.view : "pages";
  live.follow(route.window ?? "", []);
  return new List(context, { level, sort: "impressions", label: TABS.find(([name]) => name === level)[1] },
    (rows) => live.follow(read().window ?? "", rows.map((row) => row.key)));
}

/** What a view is made for; the rest of an address changes within it. */
const identity = ({ view, page, box, window }) => JSON.stringify([view, page, box, window]);

function show(anew = false) {
  const route = read();
  const main = document.querySelector("main");
  if (anew || shown !== identity(route)) {
    const first = shown === "";
    shown = identity(route);
    view?.destroy();
    view = make(route);
    main.replaceChildren(view.node);
    scrollTo(0, 0);
    if (!first && !anew) (main.querySelector("h1") ?? main).focus({ preventScroll: true });
  }
  view.route(route);
  navigation(route);
}

const tabs = TABS.map(([name, words]) => el("a", { "data-view": name }, words));
const windows = el("select", { id: "window", "aria-label": "Window", onchange: () => change({ window: windows.value }, false) });
const theme = el("select", { id: "theme", "aria-label": "Colours", onchange: () => paint(theme.value) },
  ...Object.entries(THEMES).map(([value, words]) => el("option", { value }, words)));

function navigation(route) {
  const current = ["page", "chart"].includes(route.view) ? (route.box && !route.page ? "boxes" : "pages") : route.view;
  for (const tab of tabs) {
    tab.href = address({ view: tab.dataset.view, window: route.window });
    setAttribute(tab, "aria-current", tab.dataset.view === current ? "page" : null);
  }
  const name = service.windowName(route.window);
  const names = service.status?.windows.map((one) => one.name) ?? [];
  if (windows.children.length !== names.length) windows.replaceChildren(...names.map((one) => el("option", { value: one }, one)));
  windows.value = name;
  document.title = `${title(route)} · livectr`;
}

function title(route) {
  const [mood, word] = feeling(live, service);
  const what = route.box ?? route.page ?? TABS.find(([name]) => name === route.view)?.[1] ?? "Site";
  return mood === "good" ? what : `${word}: ${what}`;
}

function paint(value) {
  theme.value = value in THEMES ? value : "auto";
  setAttribute(document.documentElement, "data-theme", theme.value === "auto" ? null : theme.value);
  localStorage.setItem("livectr.theme", theme.value);
}

function keys(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const filter = document.getElementById("filter");
  if (!filter) return;
  event.preventDefault();
  filter.focus();
}

document.querySelector("#top nav").append(...tabs);
document.querySelector("#tools").append(el("label", {}, "Window ", windows), theme);
document.querySelector("#strip").replaceWith(new Strip(live, service).node);
document.body.append(locked.node);
paint(localStorage.getItem("livectr.theme") ?? "auto");
addEventListener("hashchange", () => show());
addEventListener("keydown", keys);
// An address of its own would be a view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("main").focus();
});
// The head of a list sticks below whatever height the top has.
new ResizeObserver(([entry]) => document.documentElement.style.setProperty("--top", `${entry.borderBoxSize[0].blockSize}px`))
  .observe(document.getElementById("top"));
let hadStatus = false, wasAway = false;
live.addEventListener("numbers", () => view.numbers(live.event));
live.addEventListener("state", () => {
  navigation(read());
  // What a view knows is as old as the service was away: all of it is asked for again.
  if (live.state === "open" && wasAway) view.load?.();
  wasAway = live.state !== "open";
});
service.addEventListener("change", () => {
  if (hadStatus || !service.status) return;
  hadStatus = true; // windows are known now, and which of them can be compared
  navigation(read());
  view.load?.();
});
show();
