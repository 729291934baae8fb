// SPDX-License-Identifier: Apache-2.0
// Asks for a token where the service wants one. It stays in this tab (sessionStorage) and is sent as
// Authorization: Bearer, never in an address.

import { token } from "./api.js";
import { el, setText } from "./dom.js";

export class Locked {
  constructor(live, onToken) {
    this.live = live;
    this.input = el("input", { type: "password", id: "token", autocomplete: "off", required: true, spellcheck: "false" });
    this.why = el("p", { class: "why" });
    this.form = el("form", {}, el("h2", { id: "locked" }, "A token is needed"), this.why,
      el("label", { for: "token" }, "Token"), this.input,
      el("p", { class: "under" }, "It needs the scope read, and stream to be told live. It is kept until this tab is closed."),
      el("button", { type: "submit" }, "Show the numbers"));
    this.node = el("dialog", { class: "locked", "aria-labelledby": "locked" }, this.form);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      token.set(this.input.value.trim());
      this.input.value = "";
      onToken();
    });
    this.node.addEventListener("cancel", (event) => event.preventDefault());
    live.addEventListener("state", () => this.#state());
  }

  #state() {
    if (this.live.state === "token") {
      setText(this.why, token.get() ? "The service does not take this token." : "The service shows its numbers to those with a token.");
      if (!this.node.open) this.node.showModal();
    } else if (this.node.open && this.live.state !== "paused") this.node.close();
  }
}
