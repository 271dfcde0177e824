// The bridge between page and coordinator: one request, one reply, and notes unasked. It knows no format.
//
// The core travels compressed inside the page. It is decoded and compiled once; the compiled module is handed to every worker.

import type { AskName, Asks, Answers, Note, Reply } from "./protocol.js";
import type { Role, WorkingRole } from "./jobs.js";
import { startWorker } from "./workers.js";

/** `Uint8Array.fromBase64` where the browser has it; else a table, which is fast enough for megabytes. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native !== undefined) return native.call(Uint8Array, base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** The bytes of a data block of this page; `null` where the build left it out. */
export async function dataBlock(name: "core" | "worker" | "example"): Promise<ArrayBuffer | null> {
  const element = document.getElementById(`data-${name}`);
  if (element === null) return null;
  const packed = new Blob([bytesOf(element.textContent)]);
  return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** What this browser lacks, in one line; `null` where it lacks nothing. */
export function missingInBrowser(): string | null {
  const simd = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);
  const lacks = [
    typeof Worker === "undefined" ? "workers" : "",
    typeof WebAssembly === "undefined" ? "WebAssembly" : WebAssembly.validate(simd) ? "" : "WebAssembly SIMD",
    typeof DecompressionStream === "undefined" ? "DecompressionStream" : "",
  ].filter((part) => part !== "");
  return lacks.length === 0 ? null : `This browser lacks ${lacks.join(", ")}. Use a current Chromium, Edge or Firefox.`;
}

/** The page is drawn and readers are made before the core is warmed. */
const WARM_MS = 600;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Bridge {
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private opened = false;
  private warmer: Worker | null = null;

  private constructor(private readonly worker: Worker, noted: (note: Note) => void) {
    worker.onmessage = (event: MessageEvent<Reply | Note>) => {
      const message = event.data;
      if ("note" in message) {
        noted(message);
        return;
      }
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if ("error" in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.answer);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.fail(event.message, noted);
    };
  }

  /** Compiles the core and starts the coordinator. */
  static async start(noted: (note: Note) => void): Promise<Bridge> {
    const [core, script] = await Promise.all([dataBlock("core"), dataBlock("worker")]);
    if (core === null || script === null) throw new Error("this copy of the page is incomplete; get the whole file again");
    const module = await WebAssembly.compile(core);
    const code = new Blob([script], { type: "text/javascript" });
    const worker = startWorker(code, "coordinator");
    const role: WorkingRole = { role: "coordinator", module, script: code };
    worker.postMessage(role);
    const bridge = new Bridge(worker, noted);
    setTimeout(() => void bridge.warm(module, code), WARM_MS);
    return bridge;
  }

  /** Makes the core quick while nothing is dropped. */
  private async warm(module: WebAssembly.Module, script: Blob): Promise<void> {
    const example = this.opened ? null : await dataBlock("example");
    if (example === null || this.opened) return;
    this.warmer = startWorker(script, "warmer");
    // It has nothing to tell: without it the first drop is slower, and that is all.
    this.warmer.onerror = (event) => { event.preventDefault(); };
    const role: Role = { role: "warmer", module, example };
    this.warmer.postMessage(role, [example]);
  }

  ask<N extends AskName>(name: N, ask: Asks[N]): Promise<Answers[N]> {
    const id = this.next;
    this.next += 1;
    if (name === "open") {
      this.opened = true;
      this.warmer?.terminate();
    }
    return new Promise<Answers[N]>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.worker.postMessage({ id, name, ask });
    });
  }

  /** The coordinator is gone: every open question fails, and the page says so. */
  private fail(text: string, noted: (note: Note) => void): void {
    for (const waiting of this.waiting.values()) waiting.reject(new Error(text));
    this.waiting.clear();
    noted({ note: "failed", text });
  }
}
