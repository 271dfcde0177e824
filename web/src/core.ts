// The core as wasm-bindgen exposes it (crate/wasm). The glue script that stands before the worker's own defines `wasm_bindgen`.

export interface Place {
  readonly item: number;
  readonly offset: number;
  readonly length: number;
  readonly line_from: number;
}

export interface CoreReader {
  push(bytes: Uint8Array): void;
  take_batch(): Uint8Array | undefined;
  finish(): Uint8Array;
  trap(): void;
  free(): void;
}

/** A segment of a large item, as the case gives it out. */
export interface Segment {
  readonly number: number;
  readonly from: number;
  readonly exact: boolean;
  readonly until: number;
  readonly carried: readonly number[];
}

export interface CoreSegmentReader {
  push(bytes: Uint8Array): boolean;
  is_before_border(): boolean;
  begun(): number | undefined;
  take_plan(): Uint8Array | undefined;
  take_batch(): Uint8Array | undefined;
  finish(): Uint8Array;
  trap(): void;
  free(): void;
}

export interface CoreHasher {
  update(bytes: Uint8Array): void;
  finish(): string;
  free(): void;
}

export interface CoreOldHasher {
  update(bytes: Uint8Array): void;
  finish(): { md5: string; sha1: string };
  free(): void;
}

export interface CoreScanner {
  push(bytes: Uint8Array): Float64Array;
  free(): void;
}

export interface CoreRawText {
  push(bytes: Uint8Array): void;
  indexed(): unknown;
  need(first: number, count: number): Float64Array;
  need_at(offset: number): Float64Array;
  need_line(line: number): Float64Array;
  row_at(offset: number, bytes: Uint8Array): number;
  row_of_line(line: number, bytes: Uint8Array): number;
  rows(first: number, count: number, bytes: Uint8Array, marked: Float64Array, reveal: boolean): unknown;
  free(): void;
}

export interface CoreCase {
  add_item(path: string, size: number, modified_ms: number | undefined): number;
  add_batch(item: number, batch: Uint8Array): void;
  finish_item(item: number, finish: Uint8Array): void;
  begin_segments(item: number, plan: Uint8Array): boolean;
  next_segment(item: number, readers: number): Segment | undefined;
  dropped_segments(item: number): Uint32Array;
  segment_begun(item: number, number: number, at: number): void;
  add_segment_batch(item: number, number: number, batch: Uint8Array): void;
  finish_segment(item: number, number: number, finish: Uint8Array): boolean;
  finish_container(item: number, problems: string): void;
  add_problems(item: number, problems: string): void;
  cancel_item(item: number): void;
  quarantine_item(item: number, text: string): void;
  unreadable_item(item: number, text: string): void;
  set_hash(item: number, sha256: string): void;
  hash_matters(item: number): boolean;
  set_old_hashes(item: number, md5: string, sha1: string): void;
  set_settings(json: string): string | undefined;
  set_zone(path: string, zone: string): string | undefined;
  set_filter(text: string): unknown;
  search_anew(): void;
  note_hits(item: number, hits: Float64Array): void;
  shown(): number;
  set_list(kind: string, name: string, text: string): string | undefined;
  say_of_link(say: string, pair_json: string): string | undefined;
  map_host(host: string, resource: string): string | undefined;
  settings_json(): string;
  set_note(item: number, ordinal: number, note_json: string): string | undefined;
  set_bookmark(bookmark_json: string): string | undefined;
  notes_json(): string;
  take_notes(json: string): string | undefined;
  set_year(path: string, year: string): string | undefined;
  set_triage(key: string, state: string, note: string): string | undefined;
  triage_json(): string;
  take_triage(json: string): string | undefined;
  manifest(form: "csv" | "json"): string;
  free(): void;
  refresh(): boolean;
  conclude(): void;
  answer(name: string, ask: unknown): unknown;
  place(item: number, ordinal: number): Place | undefined;
  describe(item: number, ordinal: number, bytes: Uint8Array): { summary: string };
  detail(item: number, ordinal: number, bytes: Uint8Array, before: Uint8Array): unknown;
  rule_needs(): Place[];
  rule_take(bytes: Uint8Array[]): void;
  export_begin(ask: unknown): string | undefined;
  export_needs(): Place[];
  export_write(bytes: Uint8Array[]): Uint8Array | undefined;
  export_left_out(): string | undefined;
  session_json(page_json: string, saved: string): string;
  take_session(text: string): string;
  reattach(): boolean;
}

/** Reads bytes of the container being unpacked. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

export interface Unpacking {
  begin(path: string, modified_ms: number | undefined): void;
  bytes(bytes: Uint8Array): void;
  end(problems: string): void;
}

interface Core {
  initSync(options: { module: WebAssembly.Module }): void;
  Reader: new (path: string, size: number, modified_ms: number | undefined, settings: string) => CoreReader;
  SegmentReader: new (path: string, size: number, modified_ms: number | undefined, settings: string, segment: Segment | undefined) => CoreSegmentReader;
  whole_bytes(): number;
  Hasher: new () => CoreHasher;
  OldHasher: new () => CoreOldHasher;
  Scanner: new (needles: string[]) => CoreScanner;
  Case: new (settings: string) => CoreCase;
  RawText: new (size: number, head: Uint8Array) => CoreRawText;
  raw_find(text: string, bytes: Uint8Array): Float64Array;
  raw_longest(text: string): number;
  container_kind(head: Uint8Array): string | undefined;
  unpack(
    kind: string,
    path: string,
    size: number,
    modified_ms: number | undefined,
    settings: string,
    read: ReadAt,
    begin: Unpacking["begin"],
    bytes: Unpacking["bytes"],
    end: Unpacking["end"],
  ): string;
}

declare const wasm_bindgen: Core;

/** The core of this worker, from the module that the page compiled once. */
export function start(module: WebAssembly.Module): Core {
  wasm_bindgen.initSync({ module });
  return wasm_bindgen;
}

export type { Core };
