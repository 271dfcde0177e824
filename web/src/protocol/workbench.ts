// What page and coordinator say to each other about the workbench: lanes and marks of the timeline, the order of the table, notes, raw evidence.

import type { EventName, EventRow } from "../protocol.js";

export type EventColumn =
  | "time" | "corrected" | "kind" | "host" | "caller" | "ip" | "operation" | "resource" | "outcome"
  | "correlation" | "path" | "format" | "basis" | "record" | "bytes" | "starred" | "tags" | "comment";

/** How the events table is sorted; by time where nothing is said. */
export interface Sort {
  readonly by: EventColumn;
  readonly descending: boolean;
}

export type LanesBy = "kind" | "vm" | "caller" | "source" | "incident";

/** A stretch of time cut into equal bins. */
export interface Stretch {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly bins: number;
}

export interface Lane {
  /** What its events share; empty where nothing is known of them. */
  readonly name: string;
  /** In a lane of one kind. */
  readonly kind: string | null;
  /** 1 for a lane inside another. */
  readonly depth: number;
  readonly total: number;
  /** Kinds that it can be opened into. */
  readonly kinds: number;
  /** How many names it stands for. */
  readonly names: number;
}

/** `counts[lane * bins + bin]`. */
export interface LaneCounts extends Stretch {
  readonly lanes: readonly Lane[];
  readonly counts: Uint32Array;
}

export interface FindingMark {
  readonly time_ms: number;
  readonly last_ms: number;
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly key: string;
  readonly title: string;
  readonly count: number;
}

/** A noted event, or a bookmark where no event is named. */
export interface Flag {
  readonly time_ms: number;
  readonly name: EventName | null;
  readonly starred: boolean;
  readonly text: string;
  readonly count: number;
}

/** What the analyst noted of an event. */
export interface EventNote {
  readonly starred: boolean;
  readonly tags: readonly string[];
  readonly comment: string;
}

/** A change of a zone's offset: from when on, and seconds east of UTC. */
export type ZoneChange = readonly [number, number];

/** How far an item has been looked through for its rows. */
export interface Indexed {
  readonly rows: number;
  readonly lines: number;
  readonly bytes: number;
  readonly complete: boolean;
}

export interface RawPiece {
  readonly text: string;
  readonly marked: boolean;
  readonly secret: boolean;
}

/** A row of a text; a long line has several, of which only the first bears its number. */
export interface RawRow {
  readonly row: number;
  readonly line: number | null;
  readonly offset: number;
  readonly length: number;
  readonly pieces: readonly RawPiece[];
}

/** Part of an item: first byte and the one behind the last. */
export type ByteRange = readonly [number, number];

export interface WorkbenchAsks {
  lanes: { readonly by: LanesBy; readonly stretch: Stretch; readonly open: readonly string[] };
  /** All shown events, in one lane. */
  density: Stretch;
  marks: Stretch;
  /** The event of a lane nearest to a moment. */
  lane_event: { readonly by: LanesBy; readonly name: string; readonly kind: string | null; readonly time_ms: number; readonly within_ms: number };
  /** The changes of a zone's offset, or why it is none. */
  zone: { readonly zone: string };
  /** Notes something of events, one after the other until one is refused; an empty note takes it back. */
  set_notes: { readonly notes: readonly (EventName & { readonly note: EventNote })[] };
  set_bookmark: { readonly time_ms: number; readonly text: string };
  export_notes: Record<string, never>;
  take_notes: { readonly json: string };
  /** Says in which year an item's last record was written; empty takes it back. */
  set_year: { readonly path: string; readonly year: string };
  /** Looks further through an item for its rows; answers soon, however large it is. */
  raw_index: { readonly item: number };
  raw_rows: { readonly item: number; readonly first: number; readonly count: number; readonly marked: readonly ByteRange[]; readonly reveal: boolean };
  raw_row_of: { readonly item: number; readonly line: number } | { readonly item: number; readonly offset: number };
  raw_bytes: { readonly item: number; readonly offset: number; readonly length: number };
  /** One step of a search: the first place at or behind `from`, or the last one before it. */
  raw_find: { readonly item: number; readonly text: string; readonly from: number; readonly backwards: boolean };
}

export interface WorkbenchAnswers {
  lanes: LaneCounts;
  density: LaneCounts;
  marks: { readonly findings: readonly FindingMark[]; readonly flags: readonly Flag[] };
  lane_event: { readonly event: EventRow | null };
  zone: { readonly name: string | null; readonly changes: readonly ZoneChange[]; readonly refused: string | null };
  set_notes: { readonly refused: string | null };
  set_bookmark: { readonly refused: string | null };
  export_notes: { readonly file_name: string; readonly text: string };
  take_notes: { readonly refused: string | null };
  set_year: { readonly refused: string | null };
  raw_index: Indexed;
  raw_rows: { readonly rows: readonly RawRow[] };
  /** Null where the index has not come so far, or there is no such place. */
  raw_row_of: { readonly row: number | null };
  raw_bytes: { readonly bytes: Uint8Array };
  /** `from` is where the next step goes on; null where the item has ended. */
  raw_find: { readonly found: ByteRange | null; readonly from: number | null };
}
