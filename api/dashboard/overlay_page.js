// SPDX-License-Identifier: Apache-2.0
//
// The overlay on tiles that stand for the boxes of the busiest page, whatever service this is.

const BOXES_SHOWN = 24;
const RETRY_MS = 2000;
const find = (id) => document.getElementById(id);

async function get(path, parameters) {
  const response = await fetch(`${path}?${new URLSearchParams(parameters)}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail || answer.title);
  return answer.items;
}

async function busiest() {
  const [first] = await get("/v1/pages", { sort: "impressions", limit: 1 });
  if (!first) throw new Error("No page has been seen in the window yet; this page tries again.");
  return { page: first.page, boxes: await get("/v1/boxes", { page: first.page, sort: "impressions", limit: BOXES_SHOWN }) };
}

function tile({ box }) {
  const made = document.createElement("div");
  made.dataset.boxName = box;
  made.textContent = box;
  return made;
}

function overlay(page) {
  const script = document.createElement("script");
  script.src = "/dashboard/overlay.js";
  script.dataset.page = page;
  script.addEventListener("load", () => {
    script.remove();
    find("toggle").setAttribute("aria-pressed", String(Boolean(window.livectrOverlay)));
    find("toggle").textContent = window.livectrOverlay ? "Overlay on" : "Overlay off";
  });
  document.head.append(script);
}

function explain() {
  const source = new URL("/dashboard/overlay.js", location.href).href;
  find("include").textContent = `<script src="${source}" defer></script>`;
  find("bookmark").href = `javascript:void document.head.append(Object.assign(document.createElement("script"),{src:${JSON.stringify(source)}}))`;
  find("bookmark").addEventListener("click", (press) => press.preventDefault());
}

async function start() {
  try {
    const { page, boxes } = await busiest();
    find("problem").hidden = true;
    find("page").textContent = page;
    find("boxes").replaceChildren(...boxes.filter(({ box }) => box).map(tile));
    find("toggle").addEventListener("click", () => overlay(page));
    overlay(page);
  } catch (error) {
    find("problem").textContent = error.message;
    find("problem").hidden = false;
    setTimeout(start, RETRY_MS);
  }
}

explain();
start();
