// SPDX-License-Identifier: Apache-2.0
//
// An example of what a page sends so that click-through rates mean something: copy it, change it.
//
//   <script src="/tracker.js" defer data-collector="https://collect.example/events"></script>
//   <div data-box-name="opbox.carousel.1"> … </div>
//
// A page view when the page is first shown. A box view when half of the box has been visible for one
// second in a row (the Media Rating Council's rule for display ads), once a page view. A click when
// a link or button in a box, or elsewhere on the page, is followed. The collector gets lines of
// JSON, one event a line, and writes each line to Kafka as one record, keyed by the visitor.
//
// data-collector  where events are posted to; answers are not read
// data-page       the page's id; else the URL's path
// data-attribute  which attribute names a box (data-box-name)
// data-visitor    an id of the visitor that tells nobody who that is; without it no person is counted
(() => {
  "use strict";

  const VISIBLE_SHARE = 0.5;
  const VISIBLE_MS = 1000;
  const FLUSH_MS = 2000; // views wait for company; clicks do not
  const BEACON_BYTES = 60000; // browsers refuse a beacon beyond 64 KiB

  const { collector, page = location.pathname, attribute = "data-box-name", visitor } = document.currentScript.dataset;
  const known = new WeakSet();
  const unseen = new Set();
  const waiting = new Map(); // box element -> timer that ends when it was visible for long enough
  let queue = [];
  let timer = 0;

  function event(type, box) {
    const made = { id: crypto.randomUUID(), type, ts: Date.now(), page };
    if (box) made.box = box;
    if (visitor) made.visitor = visitor;
    queue.push(JSON.stringify(made));
  }

  // A beacon outlives the page; text/plain asks for no preflight.
  function flush() {
    clearTimeout(timer);
    timer = 0;
    while (queue.length > 0) {
      let count = 0;
      for (let bytes = 0; count < queue.length && (count === 0 || bytes + 3 * queue[count].length < BEACON_BYTES); count += 1) {
        bytes += 3 * queue[count].length; // at most three bytes a character
      }
      if (!navigator.sendBeacon(collector, new Blob([queue.slice(0, count).join("\n")], { type: "text/plain" }))) {
        later(); // the browser's own queue is full
        return;
      }
      queue = queue.slice(count);
    }
  }

  function later() {
    timer ||= setTimeout(flush, FLUSH_MS);
  }

  function seen(target) {
    observer.unobserve(target);
    waiting.delete(target);
    unseen.delete(target);
    event("view", target.getAttribute(attribute));
    later();
  }

  function forget(target) {
    clearTimeout(waiting.get(target));
    waiting.delete(target);
  }

  // A box taller than two screens is never half visible; half a screen of it is as good.
  function isVisible({ intersectionRatio, intersectionRect, rootBounds }) {
    return intersectionRatio >= VISIBLE_SHARE
      || (rootBounds !== null && intersectionRect.height >= VISIBLE_SHARE * rootBounds.height);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (document.hidden || !isVisible(entry)) forget(entry.target);
      else if (!waiting.has(entry.target)) waiting.set(entry.target, setTimeout(seen, VISIBLE_MS, entry.target));
    }
  }, { threshold: Array.from({ length: 11 }, (_, step) => step * 0.05) });

  function watch() {
    for (const target of document.querySelectorAll(`[${CSS.escape(attribute)}]`)) {
      if (known.has(target)) continue;
      known.add(target);
      unseen.add(target);
      observer.observe(target);
    }
  }

  function clicked({ target }) {
    const followed = target.closest?.("a[href], button, [role=button], input[type=submit]");
    if (!followed) return;
    event("click", followed.closest(`[${CSS.escape(attribute)}]`)?.getAttribute(attribute));
    flush(); // the page may be gone in a moment
  }

  // What nobody looks at is not seen: the second begins anew when the tab is shown again.
  function turned() {
    if (document.hidden) {
      for (const target of [...waiting.keys()]) forget(target);
      flush();
      return;
    }
    for (const target of unseen) {
      observer.unobserve(target); // observed anew, it is reported at once
      observer.observe(target);
    }
  }

  event("view");
  later();
  watch();
  new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", clicked, { capture: true });
  document.addEventListener("auxclick", (press) => press.button === 1 && clicked(press), { capture: true });
  document.addEventListener("visibilitychange", turned);
  addEventListener("pagehide", flush);
})();
