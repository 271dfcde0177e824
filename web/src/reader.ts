// A reader worker: reads, unpacks, searches or hashes one item at a time.
//
// Bytes come by slices of the Blob, two in flight ahead of parsing; batches leave as they fill. A trap of the core ends this worker: it says
// so once and is replaced. SHA-256 is the browser's where it has one that fits, which is several times faster, else the core's.
//
// Rejected: `stream()`. Slices of 8 MiB were measured faster, and a slice can be asked for again.

import type { Core, Segment } from "./core.js";
import { type ItemBytes, partOf, sizeOf } from "./item_bytes.js";
import type { Done, Job } from "./jobs.js";

const SLICE_BYTES = 8 << 20;
/** A segment's bytes come in smaller ones; behind its border only the rest of a record is wanted. */
const SEGMENT_SLICE_BYTES = 4 << 20;
const BEHIND_BORDER_BYTES = 256 << 10;
/** The core takes so many at once. Its memory never shrinks, and it holds what it was given beside the events that it made of it. */
const TAKEN_BYTES = 128 << 10;
/** The first slice of a large item: little, so that its first rows are seen and other readers begin at once. */
const FIRST_SLICE_BYTES = 256 << 10;
/** A member of a container up to this size needs no Blob, until each reader has given so many bytes of them: they stay in the memory of the tab. */
const SMALL_BYTES = 64 << 10;
const SMALL_TOTAL_BYTES = 128 << 20;
/** Says whether an item is a container. */
const HEAD_BYTES = 512;
/** Slices of a segment on their way at once: parsing is faster than one slice after the other arrives. */
const AHEAD = 3;
/** Items of one slice are hashed while they are read; larger ones afterwards, so that no hash delays a timeline. */
const HASH_ALONG_BYTES = SLICE_BYTES;
/** The browser's own SHA-256 is several times faster than the core's and runs beside this worker, but wants all bytes at once. */
const HASH_WHOLE_BYTES = 256 << 20;
/** Handing less than this over costs more than it saves. */
const HASH_HERE_BYTES = 64 << 10;
const PROGRESS_MS = 100;
/** Containers' bytes are read in windows of this size. */
const WINDOW_BYTES = 1 << 20;

/** Workers may read a Blob without waiting; the type library of pages does not know it. */
declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

type Send = (done: Done, transfer?: Transferable[]) => void;

/** The slices of an item in order, the next one always on its way; the first one may be already. */
async function* slices(file: ItemBytes, first?: Promise<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const slice = (from: number): Promise<Uint8Array<ArrayBuffer>> => partOf(file, from, from + SLICE_BYTES);
  const size = sizeOf(file);
  let next = first ?? slice(0);
  for (let at = 0; at < size; at += SLICE_BYTES) {
    const now = next;
    if (at + SLICE_BYTES < size) {
      next = slice(at + SLICE_BYTES);
      // A failure is met where the slice is awaited.
      next.catch(() => undefined);
    }
    yield await now;
  }
}

/** The same bytes in pieces that the core takes. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += TAKEN_BYTES) yield bytes.subarray(at, at + TAKEN_BYTES);
}

/** Whether the browser hashes so many bytes: it has no SHA-256 for a page that came without encryption from elsewhere. */
function hashedByBrowser(bytes: number): boolean {
  return (crypto as Partial<Crypto>).subtle !== undefined && bytes >= HASH_HERE_BYTES && bytes <= HASH_WHOLE_BYTES;
}

/** SHA-256 by the browser, in hex. */
async function digest(bytes: BufferSource): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function plain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function startReader(core: Core): void {
  const scope = self as unknown as { postMessage(message: unknown, transfer: Transferable[]): void };
  const send: Send = (done, transfer = []) => {
    scope.postMessage(done, transfer);
  };
  self.onmessage = (event: MessageEvent<Job>) => {
    const job = event.data;
    const doing = job.job === "read" ? read(core, job, send) : job.job === "segment" ? readSegment(core, job, job.segment, send) : job.job === "search" ? search(core, job, send) : hash(core, job, send);
    void doing.catch((error: unknown) => {
      // What the core throws is a trap and ends the instance; the rest is the file's.
      if (error instanceof WebAssembly.RuntimeError) send({ done: "trapped", item: job.item, text: plain(error) });
      else send({ done: "unreadable", item: job.item, text: plain(error) });
    });
  };
}

async function read(core: Core, job: Extract<Job, { job: "read" }>, send: Send): Promise<void> {
  const { item, file } = job;
  const size = sizeOf(file);
  const isSegmented = size > core.whole_bytes();
  // Asked for with what says whether it is a container: asking costs as much as reading a small file.
  const first = partOf(file, 0, isSegmented ? FIRST_SLICE_BYTES : SLICE_BYTES);
  const kind = core.container_kind((await first).subarray(0, HEAD_BYTES));
  if (kind !== undefined) {
    unpack(core, kind, job, send);
    return;
  }
  if (isSegmented) {
    await readSegment(core, job, null, send, first);
    return;
  }
  const reader = new core.Reader(job.path, size, job.modified_ms ?? undefined, job.settings);
  const along = size <= HASH_ALONG_BYTES;
  const hasher = along && !hashedByBrowser(size) ? new core.Hasher() : null;
  let hashing: Promise<string> | null = null;
  let [bytes, told] = [0, performance.now()];
  for await (const slice of slices(file, first)) {
    if (along && hasher === null) {
      // Its only slice. A failure is met where the hash is awaited.
      hashing = digest(slice);
      hashing.catch(() => undefined);
    }
    for (const piece of pieces(slice)) {
      reader.push(piece);
      hasher?.update(piece);
      if (job.trap) reader.trap();
      for (let batch = reader.take_batch(); batch !== undefined; batch = reader.take_batch()) {
        send({ done: "batch", item, batch }, [batch.buffer as ArrayBuffer]);
      }
    }
    bytes += slice.length;
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      send({ done: "progress", item, bytes });
    }
  }
  const finish = reader.finish();
  const sha256 = hasher?.finish() ?? (await hashing);
  reader.free();
  hasher?.free();
  send({ done: "read", item, finish, sha256 }, [finish.buffer as ArrayBuffer]);
}

/** Reads one segment of a large item, `null` being the first, of which `first` is on its way. */
async function readSegment(core: Core, job: Extract<Job, { job: "read" | "segment" }>, segment: Segment | null, send: Send, first?: Promise<Uint8Array<ArrayBuffer>>): Promise<void> {
  const { item, file } = job;
  const size = sizeOf(file);
  const [number, from, until] = [segment?.number ?? 0, segment?.from ?? 0, segment?.until ?? Infinity];
  const reader = new core.SegmentReader(job.path, size, job.modified_ms ?? undefined, job.settings, segment ?? undefined);
  const coming: Promise<Uint8Array<ArrayBuffer>>[] = first === undefined ? [] : [first];
  let asked = first === undefined ? from : FIRST_SLICE_BYTES;
  const ask = (): void => {
    // What lies behind the border may not be needed.
    while (asked < size && coming.length < (asked < until ? AHEAD : 1)) {
      const length = asked < until ? SEGMENT_SLICE_BYTES : BEHIND_BORDER_BYTES;
      const bytes = partOf(file, asked, asked + length);
      // A failure is met where the slice is awaited.
      bytes.catch(() => undefined);
      coming.push(bytes);
      asked += length;
    }
  };
  let [at, told, said] = [from, performance.now(), segment?.exact ?? true];
  for (let done = false; !done; ) {
    ask();
    const bytes = (await coming.shift()) ?? new Uint8Array(0);
    if (bytes.length === 0) throw new Error("the file ends before its size");
    at += bytes.length;
    ask();
    for (const piece of pieces(bytes)) {
      if (done) break;
      done = reader.push(piece);
      const plan = reader.take_plan();
      if (plan !== undefined) send({ done: "plan", item, plan }, [plan.buffer as ArrayBuffer]);
      const begun = said ? undefined : reader.begun();
      if (begun !== undefined) {
        said = true;
        send({ done: "segment-begun", item, number, at: begun });
      }
      if (job.job === "read" && job.trap) reader.trap();
      for (let batch = reader.take_batch(); batch !== undefined; batch = reader.take_batch()) {
        send({ done: "segment-batch", item, number, batch }, [batch.buffer as ArrayBuffer]);
      }
    }
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      send({ done: "segment-progress", item, number, bytes: at - from });
    }
  }
  const finish = reader.finish();
  reader.free();
  send({ done: "segment-read", item, number, finish }, [finish.buffer as ArrayBuffer]);
}

async function hash(core: Core, job: Extract<Job, { job: "hash" }>, send: Send): Promise<void> {
  const size = sizeOf(job.file);
  if (!job.old && hashedByBrowser(size)) {
    send({ done: "hashed", item: job.item, sha256: await digest(await partOf(job.file, 0, size)) });
    return;
  }
  const hasher = job.old ? new core.OldHasher() : new core.Hasher();
  let told = performance.now();
  for await (const slice of slices(job.file)) {
    hasher.update(slice);
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      send({ done: "progress", item: job.item, bytes: size });
    }
  }
  const hashes = hasher.finish();
  if (typeof hashes === "string") send({ done: "hashed", item: job.item, sha256: hashes });
  else send({ done: "old-hashed", item: job.item, ...hashes });
  hasher.free();
}

async function search(core: Core, job: Extract<Job, { job: "search" }>, send: Send): Promise<void> {
  const scanner = new core.Scanner(job.needles);
  for await (const slice of slices(job.file)) {
    const hits = scanner.push(slice);
    // Without hits too: it says that this reader is alive.
    send({ done: "hits", item: job.item, search: job.search, hits }, [hits.buffer as ArrayBuffer]);
  }
  scanner.free();
  send({ done: "searched", item: job.item, search: job.search });
}

/** So many bytes of small members this reader has given as they are. */
let given = 0;

function member(parts: BlobPart[], bytes: number): ItemBytes {
  const only = parts.length === 1 ? parts[0] : undefined;
  if (!(only instanceof Uint8Array) || bytes > SMALL_BYTES || given + bytes > SMALL_TOTAL_BYTES) return new Blob(parts);
  given += bytes;
  return only as Uint8Array<ArrayBuffer>;
}

/** Unpacks a container: each member becomes a Blob, which the browser may keep on disk, but for small ones, which go as they are. */
function unpack(core: Core, kind: string, job: Extract<Job, { job: "read" }>, send: Send): void {
  const { file, item } = job;
  const size = sizeOf(file);
  const files = new FileReaderSync();
  let [from, window] = [0, new Uint8Array(0)];
  const readAt = (offset: number, length: number): Uint8Array => {
    if (!(file instanceof Blob)) return file.subarray(offset, offset + length);
    if (offset < from || offset + length > from + window.length) {
      from = offset;
      window = new Uint8Array(files.readAsArrayBuffer(file.slice(offset, offset + Math.max(length, WINDOW_BYTES))));
    }
    return window.subarray(offset - from, offset - from + length);
  };
  let [parts, path, modified, unpacked, told]: [BlobPart[], string, number | null, number, number] = [[], "", null, 0, performance.now()];
  let gathered = 0;
  const problems = core.unpack(kind, job.path, size, job.modified_ms ?? undefined, job.settings, readAt,
    (name, modified_ms) => {
      [parts, path, modified, gathered] = [[], name, modified_ms ?? null, 0];
    },
    (bytes) => {
      parts.push(bytes.slice());
      unpacked += bytes.length;
      gathered += bytes.length;
      if (gathered > 64 << 20) {
        // Many parts become one Blob, so that the worker's own memory stays small.
        [parts, gathered] = [[new Blob(parts)], 0];
      }
      if (performance.now() - told > PROGRESS_MS) {
        told = performance.now();
        send({ done: "progress", item, bytes: Math.min(size, unpacked) });
      }
    },
    (problems) => {
      send({ done: "member", item, path, modified_ms: modified, file: member(parts, gathered), problems });
      parts = [];
    },
  );
  send({ done: "unpacked", item, problems, sha256: null });
}
