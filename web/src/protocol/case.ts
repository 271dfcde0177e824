// What came in: items, their problems, and the events made of them.

import type { EventNote } from "./workbench.js";

/** A file handed over by the intake module. `path` uses `/` and starts with the dropped folder's name. */
export interface EvidenceFile {
  readonly path: string;
  readonly file: Blob;
  /** Modified time in ms since 1970, or null where the browser gives none. */
  readonly modified_ms: number | null;
}

export type TimeBasis = "utc" | "offset" | "assumed-utc" | "local" | "year-inferred";

export type Severity = "info" | "warning" | "data-loss";

export type ItemState = "waiting" | "reading" | "read" | "cancelled" | "quarantined";

export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  readonly record: number | null;
  readonly offset: number | null;
  readonly length: number | null;
  readonly text: string;
}

export type EvidenceColumn = "path" | "format" | "host" | "size" | "records" | "events" | "skipped" | "first" | "clock" | "problems";

/** Items with problems of a severity, or not read to the end. */
export type EvidenceLike = Severity | "unread";

/** How far an item has come. */
export interface ItemProgress {
  readonly state: ItemState;
  readonly bytes_read: number;
  readonly bytes_per_second: number;
}

/** One row of the evidence list. */
export interface EvidenceRow extends ItemProgress {
  readonly item: number;
  readonly path: string;
  readonly size: number;
  readonly format: string | null;
  readonly host: string | null;
  readonly records: number;
  readonly events: number;
  readonly skipped: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly time_basis: TimeBasis | null;
  /** Item number of identical evidence whose events are counted instead of this one's. */
  readonly duplicate_of: number | null;
  readonly problem_count: number;
  /** The gravest of its problems. */
  readonly worst: Severity | null;
  /** What a manifest among the evidence says of it. */
  readonly compared: "unchanged" | "moved" | "changed" | "new" | "not-compared" | null;
}

/** What is asked of the evidence list. */
export interface EvidenceShown {
  readonly sort: EvidenceColumn;
  readonly descending: boolean;
  /** Text in path, format or host. */
  readonly text: string;
  readonly like: EvidenceLike | null;
}

export interface EvidencePage {
  readonly total: number;
  readonly of: number;
  /** How many items a manifest says what of. */
  readonly compared: readonly (readonly [string, number])[];
  readonly rows: readonly EvidenceRow[];
}

/** One evidence item in full, as in the case document. */
export interface EvidenceItem {
  readonly row: EvidenceRow;
  readonly sha256: string | null;
  /** MD5 and SHA-1, once asked for. */
  readonly md5: string | null;
  readonly sha1: string | null;
  /** Zone that the analyst gave its local times, and whether it has any. */
  readonly zone: string | null;
  readonly has_local_times: boolean;
  /** The year that the analyst gave its last record, the one that it is taken to be of, and whether the source lacks it. */
  readonly year_given: number | null;
  readonly year: number | null;
  readonly lacks_year: boolean;
  readonly modified: string | null;
  readonly encoding: string | null;
  readonly folded: number;
  readonly problems: readonly Problem[];
}

export interface CaseOverview {
  readonly revision: number;
  readonly reading: boolean;
  /** All is read, and conclusions are being drawn: nothing is left to cancel. */
  readonly concluding: boolean;
  /** SHA-256 of items are still to come. */
  readonly hashing: boolean;
  readonly items: number;
  readonly items_done: number;
  readonly bytes: number;
  readonly bytes_read: number;
  readonly bytes_per_second: number;
  readonly events: number;
  readonly operations: number;
  readonly runs: number;
  readonly findings: number;
  readonly problems: number;
  /** Of all events with a time. */
  readonly first_ms: number | null;
  readonly last_ms: number | null;
}

/** One row of the events table. */
export interface EventRow {
  /** Position in time order; valid for the answer's `revision` only. */
  readonly row: number;
  /** Names the event for as long as the case is open. */
  readonly item: number;
  readonly ordinal: number;
  readonly time: string | null;
  readonly time_ms: number | null;
  readonly time_basis: TimeBasis | null;
  /** What the source's own clock showed, where it is not UTC; without a zone. */
  readonly own_time: string | null;
  /** The time by the cloud's clock, where the guest's is known to be off. */
  readonly corrected: string | null;
  readonly kind: string;
  readonly host: string | null;
  readonly actor: string | null;
  readonly ip: string | null;
  readonly resource: string | null;
  readonly operation: string | null;
  readonly outcome: string | null;
  readonly summary: string;
  readonly path: string;
  readonly format: string;
  readonly record: number;
  readonly bytes: number;
  readonly correlation: string | null;
  readonly note: EventNote | null;
}

export interface EventField {
  readonly name: string;
  readonly value: string;
  /** The value with its secrets as dots; null where it has none. */
  readonly masked: string | null;
}

/** Everything about one event, re-read from its evidence. */
export interface EventDetail {
  readonly row: EventRow;
  readonly correlation: string | null;
  readonly fields: readonly EventField[];
  /** The record's bytes as text (decoded by the item's encoding); cut for display when very long. */
  readonly raw: string;
  /** The same with its secrets as dots; null where it has none. */
  readonly raw_masked: string | null;
  readonly raw_cut: boolean;
  readonly offset: number;
  readonly length: number;
  /** 1-based line of the first byte; null where lines mean nothing. */
  readonly line: number | null;
  readonly record: number;
  readonly format: string;
  readonly encoding: string;
  readonly sha256: string | null;
  readonly size: number;
  /** One sentence: how the time is known. */
  readonly clock: string;
  /** Other places that hold the same record (item, offset, length). */
  readonly also: readonly { readonly item: number; readonly path: string; readonly offset: number; readonly length: number }[];
}
