// SPDX-License-Identifier: Apache-2.0
// node run.mjs --binary LIVECTR --tools FOLDER [--only TEXT,...] [--self-test]: the dashboard, the overlay and
// the example tracker in a real browser, on services of their own. --self-test plants a slip for each test and
// fails where it is not noticed. LIVECTR_BROWSER_MODULES: where playwright-core and axe-core are installed;
// LIVECTR_CHROMIUM: the browser. The last line is "N passed, N failed".

import { parseArgs } from "node:util";

import { looksTests } from "./check_looks.mjs";
import { moodsTests } from "./check_moods.mjs";
import { numbersTests } from "./check_numbers.mjs";
import { editorsTests } from "./check_overlay.mjs";
import { viewsTests } from "./check_views.mjs";
import { Site } from "./editors.mjs";
import { biteAll, openBrowser, runAll } from "./harness.mjs";
import { build, buildMany } from "./places.mjs";

const { values } = parseArgs({ options: { binary: { type: "string" }, tools: { type: "string" }, only: { type: "string" },
  "self-test": { type: "boolean", default: false } } });
if (!values.binary || !values.tools) {
  console.error("usage: node run.mjs --binary LIVECTR --tools FOLDER [--only TEXT,...] [--self-test]");
  process.exit(2);
}
let good = false;
const opened = [];
try {
  const { world, service } = await build(values);
  opened.push(() => world.close());
  const other = await buildMany(values, 5000);
  opened.push(() => other.world.close());
  const site = await new Site().open();
  opened.push(() => site.close());
  const browser = await openBrowser();
  opened.push(() => browser.close());
  const stage = { browser, service, world, many: other.service };
  numbersTests(stage);
  viewsTests(stage);
  looksTests(stage);
  moodsTests(stage);
  await editorsTests({ ...stage, site });
  good = await (values["self-test"] ? biteAll : runAll)(values.only);
} catch (error) {
  console.error(error);
} finally {
  for (const close of opened.reverse()) await close();
}
process.exit(good ? 0 : 1);
