// The warmer: a worker that makes the core quick before anything is dropped.
//
// A browser compiles a function of the core plainly when it is first called and well once it has proven hot, for all workers at once. So while
// a person looks for files, this worker reads the page's own example again and again and draws its conclusions: what is dropped then finds
// compiled code. It is ended with the first drop, at once, and all its memory with it; nothing it made is ever seen.
//
// Rejected: warming in the readers themselves. A drop would wait for them, and their memory never shrinks.

import type { Core, CoreCase } from "./core.js";
import { exampleFiles } from "./example.js";
import type { AskName, Asks } from "./protocol.js";

/** So long a page works for itself at most. */
const WARM_FOR_MS = 4_000;
/** What the page asks when a case opens. */
const QUESTIONS: readonly { readonly [N in AskName]: readonly [name: N, ask: Asks[N]] }[AskName][] = [
  ["overview", {}],
  ["brief", { hosts: true }],
  ["rows", { first: 0, count: 100 }],
  ["executions", { first: 0, count: 100, sort: "time", descending: false, filters: {} }],
  ["incidents", {}],
  ["hosts", {}],
  ["actors", {}],
];

export async function startWarmer(core: Core, example: ArrayBuffer): Promise<void> {
  const all = await Promise.all(exampleFiles(example).map(async ({ path, file, modified_ms }) => ({ path, bytes: new Uint8Array(await file.arrayBuffer()), modified_ms: modified_ms ?? undefined })));
  for (const began = performance.now(); performance.now() - began < WARM_FOR_MS; ) {
    const one = new core.Case("");
    for (const { path, bytes, modified_ms } of all) read(core, one, path, bytes, modified_ms);
    one.refresh();
    one.conclude();
    for (const [name, ask] of QUESTIONS) one.answer(name, ask);
    one.free();
  }
  // Its memory goes with it; what was compiled stays.
  self.close();
}

function read(core: Core, into: CoreCase, path: string, bytes: Uint8Array, modified_ms: number | undefined): void {
  const item = into.add_item(path, bytes.length, modified_ms);
  const reader = new core.Reader(path, bytes.length, modified_ms, "");
  reader.push(bytes);
  for (let batch = reader.take_batch(); batch !== undefined; batch = reader.take_batch()) into.add_batch(item, batch);
  into.finish_item(item, reader.finish());
  reader.free();
}
