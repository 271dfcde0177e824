// What the coordinator and its readers say to each other.

/** Settings travel as the JSON of the case document's `settings`. */
export type Job =
  | { readonly job: "read"; readonly item: number; readonly path: string; readonly file: Blob; readonly modified_ms: number | null; readonly settings: string; readonly trap: boolean }
  /** SHA-256, or MD5 and SHA-1. */
  | { readonly job: "hash"; readonly item: number; readonly file: Blob; readonly old: boolean }
  /** Looks for texts; `search` tells this search from the ones before it. */
  | { readonly job: "search"; readonly item: number; readonly file: Blob; readonly search: number; readonly needles: string[] };

export type Done =
  | { readonly done: "progress"; readonly item: number; readonly bytes: number }
  | { readonly done: "batch"; readonly item: number; readonly batch: Uint8Array }
  | { readonly done: "read"; readonly item: number; readonly finish: Uint8Array; readonly sha256: string | null }
  | { readonly done: "member"; readonly item: number; readonly path: string; readonly modified_ms: number | null; readonly file: Blob; readonly problems: string }
  | { readonly done: "unpacked"; readonly item: number; readonly problems: string; readonly sha256: string | null }
  | { readonly done: "hashed"; readonly item: number; readonly sha256: string }
  | { readonly done: "old-hashed"; readonly item: number; readonly md5: string; readonly sha1: string }
  /** Needle and offset, one behind the other. */
  | { readonly done: "hits"; readonly item: number; readonly search: number; readonly hits: Float64Array }
  | { readonly done: "searched"; readonly item: number; readonly search: number }
  | { readonly done: "unreadable"; readonly item: number; readonly text: string }
  | { readonly done: "trapped"; readonly item: number; readonly text: string };

/** The first message to every worker. */
export interface Role {
  readonly role: "coordinator" | "reader";
  readonly module: WebAssembly.Module;
  /** This very script. Each worker makes its own address of it: one made by the page leads nowhere in a worker of a `file://` page. */
  readonly script: Blob;
}
