// SPDX-License-Identifier: Apache-2.0
// A site of somebody else's: a page with boxes that includes the overlay and the example tracker, and the
// collector that the tracker posts to.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const TRACKER = new URL("../../docs/examples/tracker.js", import.meta.url);

/** The page: boxes one under another, each higher than half a screen of 820 pixels, the last one twice. */
function html({ page, boxes, overlay, tracker, every }) {
  const box = (name) => `<section data-box-name="${name}" class="box"><a href="#${name}">${name}</a></section>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Offers</title><link rel="stylesheet" href="/style.css">
${overlay ? `<script src="${overlay}" defer data-page="${page}" data-every="${every}"></script>` : ""}
${tracker ? `<script src="/tracker.js" defer data-page="${page}" data-collector="/events" data-visitor="v-editor"></script>` : ""}
</head><body><h1>Offers</h1>${[...boxes, boxes.at(-1)].map(box).join("\n")}</body></html>`;
}

export class Site {
  /** What was posted to the collector, line by line. */
  events = [];

  async open() {
    this.server = createServer((request, response) => this.#answer(request, response)).listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://localhost:${this.server.address().port}`; // another origin, and a secure one
    return this;
  }

  /** What is shown at /. `service`: whose overlay; the page's policy allows that and nothing else. */
  show({ service, ...page }) {
    this.page = html({ ...page, overlay: service && `${service}/dashboard/overlay.js` });
    this.policy = `default-src 'none'; base-uri 'none'; style-src 'self'; script-src 'self' ${service ?? ""}; connect-src 'self' ${service ?? ""}`;
  }

  async #answer(request, response) {
    if (request.method === "POST") {
      let text = "";
      for await (const part of request) text += part;
      this.events.push(...text.split("\n").map((line) => JSON.parse(line)));
      response.writeHead(204).end();
    } else if (request.url === "/tracker.js") {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(readFileSync(TRACKER));
    } else if (request.url === "/style.css") {
      response.writeHead(200, { "Content-Type": "text/css" }).end(".box { height: 560px; margin: 2rem; background: #dde6ee; } .box a { display: block; height: 3rem; }");
    } else if (request.url === "/") {
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": this.policy }).end(this.page);
    } else {
      response.writeHead(404).end();
    }
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
