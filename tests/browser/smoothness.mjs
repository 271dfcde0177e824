// How smoothly a million events pan and zoom: frame times of the timeline against those of an empty canvas in the same page and run.
//
// Figures are printed. What is asserted is a ratio with wide room: a timeline whose frames cost by the event is hundreds of times slower.

import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { assert, drop, openPage, out, ready, scratch } from "./harness.mjs";

const EVENTS = 1_000_000;
const FRAMES = 150;
const MOST_TIMES_EMPTY = 8;

/** Events over some days, in bursts, from four guests. */
function agentLogs(folder) {
  let seed = 1;
  const random = () => { seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648; return seed / 2_147_483_648; };
  for (let host = 1; host <= 4; host += 1) {
    const file = openSync(join(folder, `web0${host}-waagent.log`), "w");
    let time = Date.parse("2024-05-01T00:00:00Z") + host * 60_000;
    let lines = [];
    for (let n = 0; n < EVENTS / 4; n += 1) {
      time += random() < 0.0005 ? 3_600_000 * random() : 400 * random();
      lines.push(`${new Date(time).toISOString().replace("Z", "000Z")} INFO ExtHandler ExtHandler [HEARTBEAT] Agent is running ${n}\n`);
      if (lines.length === 20_000) {
        writeSync(file, lines.join(""));
        lines = [];
      }
    }
    writeSync(file, lines.join(""));
    closeSync(file);
  }
}

/** Times between frames while something is done in each of them. */
export function frames([count, what]) {
  return new Promise((resolve) => {
    const canvas = document.querySelector("[data-test=timeline]");
    const empty = document.createElement("canvas");
    [empty.width, empty.height] = [canvas.width, canvas.height];
    empty.style.cssText = "position:fixed;left:0;top:0;pointer-events:none";
    if (what === "empty") document.body.append(empty);
    const context = empty.getContext("2d");
    const box = canvas.getBoundingClientRect();
    const times = [];
    let before = null;
    const wheel = (deltaX, deltaY) => canvas.dispatchEvent(new WheelEvent("wheel", { deltaX, deltaY, clientX: box.left + box.width / 2, clientY: box.top + 150, bubbles: true, cancelable: true }));
    const step = (now) => {
      if (before !== null) times.push(now - before);
      before = now;
      if (times.length === count) {
        empty.remove();
        resolve(times);
        return;
      }
      const at = times.length;
      if (what === "pan") wheel(at < count / 2 ? 30 : -30, 0);
      else if (what === "zoom") wheel(0, at < count / 2 ? -25 : 25);
      else context.clearRect(0, 0, empty.width, empty.height);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

export const figures = (times) => {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { median: at(0.5), p95: at(0.95), most: sorted.at(-1) };
};

export const tests = [
  {
    name: "smoothness: a million events pan and zoom like an empty canvas",
    schemes: ["file"],
    run: async (context) => {
      const folder = scratch();
      const opened = await openPage(context.browser, context.address);
      try {
        agentLogs(folder.path);
        const { page } = opened;
        await drop(page, [folder.path]);
        await ready(page, 300_000);
        await page.locator("[data-test=timeline]").waitFor();
        await page.locator("[data-test=lanes-source]").click();
        await page.waitForTimeout(2_000);
        await page.screenshot({ path: join(out, "smoothness.png") });
        const said = [];
        const measured = {};
        for (const what of ["empty", "pan", "zoom"]) {
          measured[what] = figures(await page.evaluate(frames, [FRAMES, what]));
        }
        for (const [what, { median, p95, most }] of Object.entries(measured)) said.push(`${what}: median ${median.toFixed(1)} ms, 95 % ${p95.toFixed(1)} ms, most ${most.toFixed(0)} ms`);
        for (const what of ["pan", "zoom"]) {
          const times = measured[what].median / measured.empty.median;
          assert(times < MOST_TIMES_EMPTY, `${what}: ${times.toFixed(1)} times an empty canvas (${said.join("; ")})`);
        }
        return said.join("; ");
      } finally {
        await opened.close();
        folder.remove();
      }
    },
  },
];
