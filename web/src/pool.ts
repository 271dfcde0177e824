// The pool of reader workers: hands out jobs, replaces readers that die, and ends them all on cancel.
//
// Jobs wait in two queues: reading first, hashing when nothing is left to read. The largest item is read first, so that one long file does
// not stand alone at the end; the last reader takes the smallest, so that small files never wait for a large one.

import type { Done, Job, Role } from "./jobs.js";
import { startWorker } from "./workers.js";

/** A reader that says nothing for so long is taken for hung. */
const SILENT_MS = 120_000;

interface Reader {
  readonly worker: Worker;
  job: Job | null;
  heard: number;
}

export class Pool {
  private readonly readers: (Reader | null)[];
  private reads: Job[] = [];
  private hashes: Job[] = [];
  private readonly watch: number;

  constructor(
    private readonly role: Role,
    size: number,
    private readonly heard: (done: Done) => void,
  ) {
    this.readers = Array.from({ length: size }, () => null);
    this.watch = setInterval(() => {
      this.endHung();
    }, 5_000);
  }

  /** Adds jobs and starts as many as there are readers free. */
  add(jobs: readonly Job[]): void {
    for (const job of jobs) (job.job === "read" ? this.reads : this.hashes).push(job);
    this.reads.sort((one, other) => one.file.size - other.file.size);
    this.start();
  }

  get idle(): boolean {
    return this.reads.length === 0 && this.hashes.length === 0 && this.readers.every((reader) => reader?.job == null);
  }

  /** Ends every reader at once and forgets all jobs. Answers the items that were not finished. */
  cancel(): { reading: number[]; hashing: number[] } {
    const running = this.readers.flatMap((reader) => (reader?.job == null ? [] : [reader.job]));
    const jobs = [...this.reads, ...this.hashes, ...running];
    this.readers.forEach((reader, at) => {
      if (reader?.job != null) this.end(at);
    });
    [this.reads, this.hashes] = [[], []];
    const items = (kind: Job["job"]): number[] => jobs.filter((job) => job.job === kind).map((job) => job.item);
    return { reading: items("read"), hashing: items("hash") };
  }

  close(): void {
    clearInterval(this.watch);
    this.readers.forEach((_, at) => {
      this.end(at);
    });
  }

  private start(): void {
    this.readers.forEach((reader, at) => {
      if (reader?.job != null) return;
      const small = at === this.readers.length - 1 && this.readers.length > 1;
      const job = (small ? this.reads.shift() : this.reads.pop()) ?? this.hashes.shift();
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
    const role: Role = { ...this.role, role: "reader" };
    worker.postMessage(role);
    worker.onmessage = (event: MessageEvent<Done>) => {
      reader.heard = performance.now();
      const done = event.data;
      if (done.done === "trapped") {
        // An instance that trapped must not be entered again.
        this.end(at);
      } else if (done.done === "read" || done.done === "unpacked" || done.done === "hashed" || done.done === "old-hashed" || done.done === "unreadable") {
        reader.job = null;
      }
      this.heard(done);
      this.start();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const item = reader.job?.item;
      this.end(at);
      if (item !== undefined) this.heard({ done: "trapped", item, text: event.message });
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
      const { item } = reader.job;
      this.end(at);
      this.heard({ done: "trapped", item, text: `no progress for ${SILENT_MS / 1000} s` });
      this.start();
    });
  }
}
