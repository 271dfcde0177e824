// What can be measured of the page and of the browser itself. Each measurement has a browser of its own, so that none inherits another's memory.
//
// Files are set by path, as the dialog of a file button sets them: the page gets the same `File` as from a drop.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { choose, fileAddress, here, launch, openPage } from "../harness.mjs";
import { figures, frames } from "../smoothness.mjs";
import { cancel, keepsMemories, watch } from "./watch.mjs";

const baseline = fileAddress(join(here, "bench/baseline.html"));
let launched = 0;

/** A browser that is gone afterwards, and the word by which its processes are known. */
async function inBrowser(work) {
  launched += 1;
  const mark = `--bench-mark=${process.pid}-${launched}`;
  const browser = await launch([mark]);
  try {
    return await work(browser, mark);
  } finally {
    await browser.close();
  }
}

function text(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A browser's processes, by their ids; none where the system does not tell. */
function processes(mark) {
  const all = new Map();
  let folders = [];
  try {
    folders = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  for (const id of folders) {
    const parent = Number(/^PPid:\s+(\d+)/m.exec(text(`/proc/${id}/status`))?.[1] ?? 0);
    all.set(Number(id), { id, parent, line: text(`/proc/${id}/cmdline`) });
  }
  const ours = (id) => {
    const one = all.get(id);
    return one !== undefined && id > 1 && (one.line.includes(mark) || ours(one.parent));
  };
  return [...all.values()].filter(({ id }) => ours(Number(id)));
}

/** Peak of resident memory of the largest renderer, in bytes. */
function rendererPeak(mark) {
  const peaks = processes(mark)
    .filter(({ line }) => line.includes("--type=renderer"))
    .map(({ id }) => Number(/^VmHWM:\s+(\d+)/m.exec(text(`/proc/${id}/status`))?.[1] ?? 0) * 1024);
  return peaks.length === 0 ? null : Math.max(...peaks);
}

/** Processor time of a browser so far, all its processes, in seconds to a hundredth; null where the system does not tell. */
function processor(mark) {
  const ticks = processes(mark).map(({ id }) => {
    const fields = text(`/proc/${id}/stat`).split(")").at(-1).trim().split(" ");
    return fields.length > 12 ? Number(fields[11]) + Number(fields[12]) : 0;
  });
  return ticks.length === 0 ? null : ticks.reduce((sum, one) => sum + one, 0) / 100;
}

/** What workers get of a file, or what they parse of it; several ways, one after the other. */
export function inWorkers(file, ways) {
  return inBrowser(async (browser, mark) => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(baseline);
    await page.locator("input").setInputFiles(file);
    const measured = [];
    for (const asked of ways) {
      const before = processor(mark);
      const answer = await page.evaluate((words) => measure(words), asked);
      measured.push({ ...answer, processor_seconds: processor(mark) - before });
    }
    return measured;
  });
}

/** So long a page has stood open where it `rested`: people open it and then look for their files, and it uses the time. */
const RESTED_MS = 8_000;

async function opened(browser, mark, address, files, { readers, timeline = false, rested = false }) {
  const context = { newContext: async (options) => {
    const made = await browser.newContext(options);
    await made.addInitScript(watch, { timeline });
    return made;
  } };
  const { page } = await openPage(context, address, { readers, workers: keepsMemories });
  if (rested) await page.waitForTimeout(RESTED_MS);
  const before = processor(mark);
  await choose(page, false, files);
  return { page, before };
}

/** Sizes of all wasm memories, which never shrink, and how many instances there are. */
async function memories(page) {
  const sizes = await Promise.all(page.workers().map((worker) => worker.evaluate(() => (self.__memories ?? []).map(({ buffer }) => buffer.byteLength))));
  const all = sizes.flat();
  return { wasm_bytes: all.reduce((sum, size) => sum + size, 0), instances: all.length };
}

const events = (page) => page.evaluate(() => Number(/([\d,. ]+)/.exec(document.getElementById("tab-timeline")?.textContent.split("·")[1] ?? "")?.[1].replace(/\D/g, "") ?? 0));

/** From the files' arrival to all conclusions, and to all hashes. */
export function read(address, files, { readers, hashes = true, rested = false }) {
  return inBrowser(async (browser, mark) => {
    const { page, before } = await opened(browser, mark, address, files, { readers, rested });
    await page.evaluate(() => window.__bench.when("ready"));
    const processor_seconds = processor(mark) - before;
    const memory = await memories(page);
    if (hashes) await page.evaluate(() => window.__bench.when("hashes"));
    await page.waitForTimeout(600);
    const seen = await page.evaluate(() => window.__bench);
    return {
      seconds: (seen.ready - seen.opened) / 1000,
      hashes_seconds: hashes ? (seen.hashes - seen.opened) / 1000 : null,
      longest_ms: seen.longest_ms,
      slow: seen.slow,
      events: await events(page),
      processor_seconds,
      renderer_peak_bytes: rendererPeak(mark),
      ...memory,
    };
  });
}

/** With the timeline open: first rows, answering, and cancelling in the middle. */
export function answers(address, files, { readers, rested = false }) {
  return inBrowser(async (browser, mark) => {
    const { page } = await opened(browser, mark, address, files, { readers, timeline: true, rested });
    await page.evaluate(() => window.__bench.when("rows"));
    await page.waitForTimeout(300);
    const cancelled = await page.evaluate(cancel);
    const seen = await page.evaluate(() => window.__bench);
    return { first_rows_seconds: (seen.rows - seen.opened) / 1000, longest_ms: seen.longest_ms, ...(cancelled ?? { said_ms: null, concluded_ms: null }) };
  });
}

/** Times of frames of the timeline, in ms, beside those of an empty canvas. */
export function timeline(address, files, { readers, frames: count = 150 }) {
  return inBrowser(async (browser, mark) => {
    const { page } = await opened(browser, mark, address, files, { readers });
    await page.evaluate(() => window.__bench.when("ready"));
    await page.getByRole("tab", { name: /^Timeline/ }).click();
    await page.locator("[data-test=timeline]").waitFor();
    await page.locator("[data-test=lanes-source]").click();
    await page.waitForTimeout(2_000);
    const measured = { events: await events(page) };
    for (const what of ["empty", "pan", "zoom"]) measured[what] = figures(await page.evaluate(frames, [count, what]));
    return measured;
  });
}

export const version = () => inBrowser((browser) => Promise.resolve({ chromium: browser.version() }));
