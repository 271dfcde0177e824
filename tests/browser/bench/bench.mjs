// The measurements of `cargo xtask bench tab` on a megabyte each: that they measure what they say. Nothing is asserted of times.

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, equal, scratch } from "../harness.mjs";
import { answers, inWorkers, read, timeline } from "./measure.mjs";

const LINES = 8_000;
const ROWS = 700;

function agentLog(words) {
  const from = Date.parse("2024-05-01T00:00:00Z");
  return Array.from({ length: LINES }, (_, n) => `${new Date(from + n * 900).toISOString().replace("Z", "000Z")} INFO ExtHandler ExtHandler [HEARTBEAT] Agent is running, number ${n}, ${words}\n`).join("");
}

const row = (n) => ({
  eventTimestamp: new Date(Date.parse("2024-05-01T00:00:00Z") + n * 900).toISOString(),
  correlationId: `c-${n}`,
  operationName: { value: "Microsoft.Compute/virtualMachines/runCommand/action" },
  status: { value: "Succeeded" },
  resourceId: `/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web${n % 40}`,
  properties: { message: "ü".repeat(300) },
});

export const tests = [
  {
    name: "measuring: hand-over and JSON.parse see every byte and every record",
    schemes: ["file"],
    run: async () => {
      const folder = scratch();
      try {
        const rows = Array.from({ length: ROWS }, (_, n) => row(n));
        const [lines, array] = [join(folder.path, "rows.json"), join(folder.path, "array.json")];
        writeFileSync(lines, rows.map((one) => `${JSON.stringify(one)}\n`).join(""));
        writeFileSync(array, `[\n  ${rows.map((one) => JSON.stringify(one, null, 2).replaceAll("\n", "\n  ")).join(",\n  ")}\n]\n`);
        const over = (workers, how) => ({ ask: "hand-over", workers, slice_bytes: 100_000, how });
        const taken = await inWorkers(lines, [over(1, "sync"), over(2, "sync"), over(2, "async")]);
        for (const { bytes } of taken) equal(bytes, statSync(lines).size, "bytes handed over");
        for (const [file, shape] of [[lines, "lines"], [array, "array"]]) {
          const [{ records }] = await inWorkers(file, [{ ask: "parse", workers: 2, slice_bytes: 100_000, shape }]);
          equal(records, ROWS, `records of ${shape}`);
        }
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "measuring: reading, its memory, its hashes, first rows and frames are seen",
    schemes: ["file"],
    run: async ({ address }) => {
      const folder = scratch();
      try {
        const [log, other] = [join(folder.path, "waagent.log"), join(folder.path, "waagent.log.1")];
        // Evidence that is there twice is one.
        for (const path of [log, other]) writeFileSync(path, agentLog(path));
        for (const readers of [1, 2]) {
          const seen = await read(address, [log, other], { readers, rested: readers === 2 });
          equal(seen.events, 2 * LINES, "events");
          // The coordinator and each reader have an instance.
          equal(seen.instances, readers + 1, "instances");
          assert(seen.wasm_bytes > 1_000_000 && seen.seconds > 0 && seen.processor_seconds > 0 && seen.hashes_seconds >= seen.seconds && seen.longest_ms >= 16, JSON.stringify(seen));
        }
        const answered = await answers(address, [log], { readers: 2 });
        assert(answered.first_rows_seconds > 0, JSON.stringify(answered));
        const measured = await timeline(address, [log], { readers: 2, frames: 20 });
        equal(measured.events, LINES, "events of the timeline");
        assert(measured.empty.median > 0 && measured.pan.median > 0 && measured.zoom.median > 0, JSON.stringify(measured));
      } finally {
        folder.remove();
      }
    },
  },
];
