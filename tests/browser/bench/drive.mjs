// Measures on demand: one JSON question a line on standard input, one JSON answer a line on standard output. `cargo xtask bench tab` asks.
//
// Rounds, medians and tables are the asker's; here is only what takes a browser.

import { createInterface } from "node:readline";
import { answers, inWorkers, read, timeline, version } from "./measure.mjs";

const measurements = {
  version: () => version(),
  "hand-over": async ({ files, workers }) => {
    // Ways to get the bytes of a File; the fastest counts.
    const ways = [["async", 8], ["async", 32], ["sync", 8]].map(([how, mebibytes]) => ({ ask: "hand-over", workers, slice_bytes: mebibytes << 20, how }));
    const measured = await inWorkers(files[0], ways);
    return measured.reduce((best, one) => (one.seconds < best.seconds ? one : best));
  },
  "json-parse": async ({ files, workers, shape }) => (await inWorkers(files[0], [{ ask: "parse", workers, slice_bytes: 8 << 20, shape }]))[0],
  read: ({ address, files, readers, hashes, rested }) => read(address, files, { readers, hashes, rested }),
  answers: ({ address, files, readers, rested }) => answers(address, files, { readers, rested }),
  timeline: ({ address, files, readers }) => timeline(address, files, { readers }),
};

/** Longest that one measurement may take; a page that hangs is said and not waited for. */
const MOST_MS = 3_600_000;

function inTime(measured) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => { reject(new Error(`no answer for ${MOST_MS / 60_000} minutes`)); }, MOST_MS);
    measured.then(resolve, reject).finally(() => { clearTimeout(late); });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    console.log(JSON.stringify(await inTime(measurements[asked.measure](asked))));
  } catch (error) {
    console.log(JSON.stringify({ error: error.stack ?? String(error) }));
  }
}
