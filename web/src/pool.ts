// The pool of reader workers: hands out jobs, replaces readers that die, and ends them all on cancel.
//
// Jobs wait in four queues: segments of items under way and other reading first, then searching, for which somebody waits, and hashing when nothing else is left. The largest item is read first, so that one long file does
// not stand alone at the end; the last reader takes the smallest, so that small files never wait for a large one.

import { sizeOf } from "./item_bytes.js";
import type { Done, Job, WorkingRole } from "./jobs.js";
import { startWorker } from "./workers.js";

/** A reader that says nothing for so long is taken for hung. */
const SILENT_MS = 120_000;
/** The page is drawn before readers are made ready for what may be dropped. */
const WARM_MS = 300;

interface Reader {
  readonly worker: Worker;
  job: Job | null;
  heard: number;
}

export class Pool {
  private readonly readers: (Reader | null)[];
  /** Smallest first. */
  private reads: { readonly job: Job; readonly size: number }[] = [];
  private segments: Job[] = [];
  private searches: Job[] = [];
  private hashes: Job[] = [];
  /** Hashing that waits for no reader but for conclusions: the browser hashes on cores of its own choice, and there are two. */
  private spare: Job[] = [];
  private readonly watch: number;
  /** Nothing starts before this moment. */
  private from = 0;

  constructor(
    private readonly role: WorkingRole,
    size: number,
    private readonly heard: (done: Done) => void,
  ) {
    this.readers = Array.from({ length: size }, () => null);
    this.watch = setInterval(() => {
      this.endHung();
    }, 5_000);
    setTimeout(() => {
      this.readers.forEach((reader, at) => {
        if (reader === null) this.open(at);
      });
    }, WARM_MS);
  }

  /** Adds jobs and starts as many as there are readers free. */
  add(jobs: readonly Job[]): void {
    const queues = { segment: this.segments, search: this.searches, hash: this.hashes };
    for (const job of jobs) {
      if (job.job !== "read") queues[job.job].push(job);
      else this.reads.splice(this.placeOf(sizeOf(job.file)), 0, { job, size: sizeOf(job.file) });
    }
    this.start();
  }

  /** Where an item of this size belongs among those to be read: a container's members come one by one, and sorting them all each time would take as long as reading. */
  private placeOf(size: number): number {
    let [from, to] = [0, this.reads.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.reads[middle]?.size ?? 0) <= size) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Keeps jobs for when conclusions are drawn. */
  addSpare(jobs: readonly Job[]): void {
    this.spare.push(...jobs);
  }

  /** Starts what waited for conclusions. */
  startSpare(): void {
    this.add(this.spare.splice(0));
  }

  /** Starts nothing for so long: the page has something to draw, and readers would take every core. */
  rest(ms: number): void {
    this.from = performance.now() + ms;
    setTimeout(() => {
      this.start();
    }, ms + 1);
  }

  get size(): number {
    return this.readers.length;
  }

  /** Ends the reading of these segments of an item, or of all of them and the item itself. */
  stop(item: number, numbers: readonly number[] | "all"): void {
    const stopped = (job: Job): boolean => job.item === item && (job.job === "segment" ? numbers === "all" || numbers.includes(job.segment.number) : numbers === "all" && job.job === "read");
    this.segments = this.segments.filter((job) => !stopped(job));
    this.readers.forEach((reader, at) => {
      if (reader?.job != null && stopped(reader.job)) this.end(at);
    });
    this.start();
  }

  get idle(): boolean {
    return this.reads.length === 0 && this.segments.length === 0 && this.searches.length === 0 && this.hashes.length === 0 && this.spare.length === 0 && this.readers.every((reader) => reader?.job == null);
  }

  /** Whether something is still to be read, or a SHA-256 of one of these items is still to come. One that was spare is started: another item came that may be the same. */
  awaits(hashOf: (item: number) => boolean): boolean {
    if (this.reads.length > 0 || this.segments.length > 0 || this.readers.some((reader) => reader?.job?.job === "read" || reader?.job?.job === "segment")) return true;
    this.startSpareOf(hashOf);
    return this.awaitsHash(hashOf);
  }

  private startSpareOf(hashOf: (item: number) => boolean): void {
    const wanted = this.spare.filter((job) => hashOf(job.item));
    if (wanted.length === 0) return;
    this.spare = this.spare.filter((job) => !wanted.includes(job));
    this.add(wanted);
  }

  /** Whether a SHA-256 is still to come. */
  get hashing(): boolean {
    return this.awaitsHash(() => true);
  }

  private awaitsHash(of: (item: number) => boolean): boolean {
    const wanted = (job: Job | null): boolean => job?.job === "hash" && !job.old && of(job.item);
    return this.readers.some((reader) => wanted(reader?.job ?? null)) || this.hashes.some(wanted) || this.spare.some(wanted);
  }

  /** Ends every reader at once and forgets all jobs. Answers the items that were not finished. */
  cancel(): { reading: number[]; hashing: number[] } {
    const running = this.readers.flatMap((reader) => (reader?.job == null ? [] : [reader.job]));
    const jobs = [...this.reads.map(({ job }) => job), ...this.segments, ...this.searches, ...this.hashes, ...this.spare, ...running];
    this.readers.forEach((reader, at) => {
      if (reader?.job != null) this.end(at);
    });
    [this.reads, this.segments, this.searches, this.hashes, this.spare] = [[], [], [], [], []];
    const items = (...kinds: Job["job"][]): number[] => [...new Set(jobs.filter((job) => kinds.includes(job.job)).map((job) => job.item))];
    return { reading: items("read", "segment"), hashing: items("hash") };
  }

  /** Ends every search at once; readers that search are replaced when they are needed. */
  cancelSearches(): void {
    this.searches = [];
    this.readers.forEach((reader, at) => {
      if (reader?.job?.job === "search") this.end(at);
    });
    this.start();
  }

  close(): void {
    clearInterval(this.watch);
    this.readers.forEach((_, at) => {
      this.end(at);
    });
  }

  private start(): void {
    if (performance.now() < this.from) return;
    this.readers.forEach((reader, at) => {
      if (reader?.job != null) return;
      const small = at === this.readers.length - 1 && this.readers.length > 1;
      const job = (small ? (this.reads.shift()?.job ?? this.segments.shift()) : (this.segments.shift() ?? this.reads.pop()?.job)) ?? this.searches.shift() ?? this.hashes.shift();
      if (job === undefined) return;
      const free = reader ?? this.open(at);
      free.job = job;
      free.heard = performance.now();
      free.worker.postMessage(job);
    });
  }

  private open(at: number): Reader {
    const worker = startWorker(this.role.script, `reader ${at + 1}`);
    const reader: Reader = { worker, job: null, heard: performance.now() };
    const role: WorkingRole = { ...this.role, role: "reader" };
    worker.postMessage(role);
    worker.onmessage = (event: MessageEvent<Done>) => {
      reader.heard = performance.now();
      const done = told(reader.job, event.data);
      if (event.data.done === "trapped") {
        // An instance that trapped must not be entered again.
        this.end(at);
      } else if (done.done === "read" || done.done === "segment-read" || done.done === "unpacked" || done.done === "hashed" || done.done === "old-hashed" || done.done === "searched" || done.done === "unreadable") {
        reader.job = null;
      }
      this.heard(done);
      this.start();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const { job } = reader;
      this.end(at);
      if (job !== null) this.heard(told(job, { done: "trapped", item: job.item, text: event.message }));
      this.start();
    };
    this.readers[at] = reader;
    return reader;
  }

  private end(at: number): void {
    this.readers[at]?.worker.terminate();
    this.readers[at] = null;
  }

  private endHung(): void {
    this.readers.forEach((reader, at) => {
      if (reader?.job == null || performance.now() - reader.heard < SILENT_MS) return;
      const { job } = reader;
      this.end(at);
      this.heard(told(job, { done: "trapped", item: job.item, text: `no progress for ${SILENT_MS / 1000} s` }));
      this.start();
    });
  }
}

/** What a reader's word means: a search that fails leaves its item as it was read. */
function told(job: Job | null, done: Done): Done {
  const failed = done.done === "trapped" || done.done === "unreadable";
  return failed && job?.job === "search" ? { done: "searched", item: job.item, search: job.search } : done;
}
