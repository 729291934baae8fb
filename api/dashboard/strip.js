// SPDX-License-Identifier: Apache-2.0
// The strip that always says how fresh the numbers are, in words before figures.

import { el, setAttribute, setText } from "./dom.js";
import { count, faults, percent, short, span, timeOfDay } from "./format.js";

const LATE_MS = 5000;

/** [mood, word, sentence]; moods: good, busy, bad. */
export function feeling(live, service) {
  const { event, state } = live, { status } = service;
  const stand = event ? ` Numbers stand at ${timeOfDay(Date.parse(event.to))}.` : "";
  if (state === "paused") return ["busy", "Paused", "The tab is hidden."];
  if (state === "token") return ["bad", "Locked", "The service wants a token."];
  if (state === "connecting" && !event) return ["busy", "Connecting", "Asking the service for numbers."];
  if (state === "away") return ["bad", "Away", `The service does not answer since ${timeOfDay(live.since)}; trying again.${stand}`];
  if (state === "starting") return ["busy", "Starting", "There are no numbers yet: the event log has not been read far enough."];
  if (event.state === "stale") {
    const why = status?.source.error ? ` The Kafka client says: ${status.source.error}.` : "";
    return ["bad", "Stale", `No sign of life from Kafka.${stand}${why}`];
  }
  if (event.state === "backfilling") {
    const left = status?.backfill?.remaining_ms;
    return ["busy", "Backfilling", `The newest numbers are right for what has been read (${percent(event.coverage)} of the window); ` +
      `a gap is being worked through${left ? `, ${span(left)} to go` : ""}.`];
  }
  if (event.state === "catching_up") return ["busy", "Catching up", `Right for their time, which lies behind.${stand}`];
  if (live.age() > LATE_MS) return ["busy", "Delayed", `Numbers are older than usual.${stand}`];
  if (event.coverage < 1) return ["good", "Live", `So far ${percent(event.coverage)} of the window has been read.`];
  return ["good", "Live", "Exact up to the time shown."];
}

export class Strip {
  constructor(live, service) {
    Object.assign(this, { live, service });
    this.word = el("strong");
    this.sentence = el("span", { class: "sentence" });
    this.facts = {};
    const fact = (name, title, help) => {
      this.facts[name] = el("dd");
      return el("div", { class: `fact ${name}` }, el("dt", { title: help }, title), this.facts[name]);
    };
    this.node = el("section", { class: "strip", "aria-label": "State of the service" },
      el("p", { class: "state", role: "status" }, el("i", { class: "lamp", "aria-hidden": "true" }), this.word, " ", this.sentence),
      el("div", { class: "facts", tabindex: 0, role: "group", "aria-label": "Figures of the service" }, el("dl", {}, fact("to", "Up to", "the end of the window that is shown"), fact("age", "Age", "how old that is now"),
        fact("ctr", "Site CTR", "of the whole site"), fact("events", "Events/s", "records read, over the last seconds"),
        fact("people", "People", "distinct visitors of the site in the window"),
        fact("saved", "Saved", "when the last snapshot was written"), fact("late", "Late", "of the records read, too late to count"),
        fact("malformed", "Malformed", "of the records read, those that are no event"))));
    live.addEventListener("state", () => this.draw());
    live.addEventListener("numbers", () => this.draw());
    service.addEventListener("change", () => this.draw());
    setInterval(() => document.hidden || this.draw(), 500);
    this.draw();
  }

  draw() {
    const { live, service, facts } = this;
    const [mood, word, sentence] = feeling(live, service);
    setAttribute(document.documentElement, "data-mood", mood);
    setAttribute(document.documentElement, "data-state", word.toLowerCase().replace(" ", "-"));
    setText(this.word, word);
    setText(this.sentence, service.trouble && mood === "good" ? service.trouble : sentence);
    setText(facts.to, live.event ? timeOfDay(Date.parse(live.event.to)) : "–");
    setText(facts.age, live.event ? span(live.age()) : "–");
    const { site, rates, status } = service;
    setText(facts.ctr, percent(site?.ctr));
    setText(facts.people, count(site?.viewers));
    setText(facts.events, rates?.events == null ? "–" : short(rates.events));
    setText(facts.late, rates ? faults(rates.late) : "–");
    setText(facts.malformed, rates ? faults(rates.malformed) : "–");
    const saved = status?.snapshot.at ? Date.parse(status.snapshot.at) : null;
    const since = saved && Date.now() - saved;
    setText(facts.saved, status && !status.snapshot.persisting ? "failing" : since == null ? "–" : `${span(Math.max(0, since), 0)} ago`);
    setAttribute(facts.saved, "data-bad", status && !status.snapshot.persisting ? "" : null);
    setAttribute(facts.late, "data-bad", rates?.late > 0.01 ? "" : null);
    setAttribute(facts.malformed, "data-bad", rates?.malformed > 0.01 ? "" : null);
  }
}
