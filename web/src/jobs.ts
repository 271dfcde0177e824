// What the coordinator and its readers say to each other.

import type { Segment } from "./core.js";
import type { ItemBytes } from "./item_bytes.js";

/** Settings travel as the JSON of the case document's `settings`. */
export type Job =
  /** A segment of a large item; the first reader of an item makes the first one itself. */
  | { readonly job: "segment"; readonly item: number; readonly path: string; readonly file: ItemBytes; readonly modified_ms: number | null; readonly settings: string; readonly segment: Segment }
  | { readonly job: "read"; readonly item: number; readonly path: string; readonly file: ItemBytes; readonly modified_ms: number | null; readonly settings: string; readonly trap: boolean }
  /** SHA-256, or MD5 and SHA-1. */
  | { readonly job: "hash"; readonly item: number; readonly file: ItemBytes; readonly old: boolean }
  /** Looks for texts; `search` tells this search from the ones before it. */
  | { readonly job: "search"; readonly item: number; readonly file: ItemBytes; readonly search: number; readonly needles: string[] };

export type Done =
  /** The item may be cut so: other readers can help. */
  | { readonly done: "plan"; readonly item: number; readonly plan: Uint8Array }
  | { readonly done: "segment-begun"; readonly item: number; readonly number: number; readonly at: number }
  | { readonly done: "segment-batch"; readonly item: number; readonly number: number; readonly batch: Uint8Array }
  | { readonly done: "segment-progress"; readonly item: number; readonly number: number; readonly bytes: number }
  | { readonly done: "segment-read"; readonly item: number; readonly number: number; readonly finish: Uint8Array }
  | { readonly done: "progress"; readonly item: number; readonly bytes: number }
  | { readonly done: "batch"; readonly item: number; readonly batch: Uint8Array }
  | { readonly done: "read"; readonly item: number; readonly finish: Uint8Array; readonly sha256: string | null }
  | { readonly done: "member"; readonly item: number; readonly path: string; readonly modified_ms: number | null; readonly file: ItemBytes; readonly problems: string }
  | { readonly done: "unpacked"; readonly item: number; readonly problems: string; readonly sha256: string | null }
  | { readonly done: "hashed"; readonly item: number; readonly sha256: string }
  | { readonly done: "old-hashed"; readonly item: number; readonly md5: string; readonly sha1: string }
  /** Needle and offset, one behind the other. */
  | { readonly done: "hits"; readonly item: number; readonly search: number; readonly hits: Float64Array }
  | { readonly done: "searched"; readonly item: number; readonly search: number }
  | { readonly done: "unreadable"; readonly item: number; readonly text: string }
  | { readonly done: "trapped"; readonly item: number; readonly text: string };

/** The first message to every worker. */
export type Role = WorkingRole | WarmingRole;

export interface WorkingRole {
  readonly role: "coordinator" | "reader";
  readonly module: WebAssembly.Module;
  /** This very script. Each worker makes its own address of it: one made by the page leads nowhere in a worker of a `file://` page. */
  readonly script: Blob;
}

export interface WarmingRole {
  readonly role: "warmer";
  readonly module: WebAssembly.Module;
  /** The data block of the example case. */
  readonly example: ArrayBuffer;
}
