// Runs the browser tests:   node run.mjs --page dist/runlens.html [--only NAME] [--pictures]
//
// Each test runs by file:// and by http unless it says otherwise. Figures are printed, never asserted. A test that fails while the browser draws no frame of a page
// that answers is run once more in a new browser, and that is printed (stall.mjs); every other failure is one.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileAddress, launch, serve, stalls } from "./harness.mjs";
import * as behaviour from "./behaviour.mjs";
import * as bench from "./bench/bench.mjs";
import * as evidence from "./evidence.mjs";
import * as filter from "./filter.mjs";
import * as executions from "./executions.mjs";
import * as findings from "./findings.mjs";
import * as guide from "./guide.mjs";
import * as egress from "./egress/egress.mjs";
import * as hostile from "./hostile.mjs";
import * as share from "./share.mjs";
import * as overview from "./overview.mjs";
import * as sigma from "./sigma.mjs";
import * as smoothness from "./smoothness.mjs";
import * as stall from "./stall.mjs";
import * as workbench from "./workbench.mjs";

const flag = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : undefined;
};
const page = resolve(flag("page") ?? "dist/runlens.html");
const only = flag("only");
/** Keeps the pictures of the guide that this run takes. */
const pictures = process.argv.includes("--pictures");
const bytes = readFileSync(page);
const tests = [...behaviour.tests, ...evidence.tests, ...executions.tests, ...filter.tests, ...findings.tests, ...guide.tests, ...hostile.tests, ...overview.tests, ...share.tests, ...sigma.tests, ...workbench.tests, ...smoothness.tests, ...stall.tests, ...bench.tests, ...egress.tests].filter((test) => only === undefined || test.name.includes(only));
if (tests.length === 0) {
  console.error(`no test is named ${only}`);
  process.exit(2);
}

const server = await serve(bytes);
let browser = await launch();
console.log(`page: ${bytes.length} bytes, Chromium ${browser.version()}`);
let failed = 0;

async function passes(test, scheme, address, again = false) {
  const began = performance.now();
  stalls.length = 0;
  try {
    const said = await test.run({ browser, address, scheme, page, pictures });
    console.log(`ok    ${scheme}  ${test.name}  ${((performance.now() - began) / 1000).toFixed(1)} s${said ? `  ${said}` : ""}`);
    return true;
  } catch (error) {
    console.log(`FAIL  ${scheme}  ${test.name}${stalls.length === 0 ? "" : `  (stalled: ${stalls.join(", ")})`}\n      ${error.stack ?? error}`);
    if (again || !stalls.includes("frames")) return false;
  }
  console.log("      the browser drew no frame of the page, whose script answers: once more in a new browser");
  await browser.close();
  browser = await launch();
  return passes(test, scheme, address, true);
}

try {
  for (const test of tests) {
    for (const [scheme, address] of [["file", fileAddress(page)], ["http", server.address]]) {
      if (test.schemes !== undefined && !test.schemes.includes(scheme)) continue;
      failed += await passes(test, scheme, address) ? 0 : 1;
    }
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(failed === 0 ? "all passed" : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
