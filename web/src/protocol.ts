// What the page and the coordinator worker say to each other.
//
// The page never sees a format, a detector or a byte of evidence that it did not ask for: it sends
// an `Ask`, gets the `Answer` of the same name, and hears `Note`s while reading goes on. Names are
// those of the case document; times are RFC 3339 text (exact) beside `time_ms` (a double, only for
// placing marks). Bulk answers are typed arrays.
//
// Rejected: one method call per view over a proxy library. A closed union of small messages can be
// read in one screen, logged, and replayed in a test.

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

/** One evidence item, as in the case document, plus how far reading has come. */
export interface EvidenceItem {
  readonly item: number;
  readonly path: string;
  readonly size: number;
  readonly state: ItemState;
  readonly bytes_read: number;
  readonly bytes_per_second: number;
  readonly sha256: string | null;
  /** MD5 and SHA-1, once asked for. */
  readonly md5: string | null;
  readonly sha1: string | null;
  /** Zone that the analyst gave its local times, and whether it has any. */
  readonly zone: string | null;
  readonly has_local_times: boolean;
  /** What a manifest among the evidence says of it. */
  readonly compared: "unchanged" | "moved" | "changed" | "new" | "not-compared" | null;
  readonly modified: string | null;
  readonly format: string | null;
  readonly encoding: string | null;
  readonly host: string | null;
  readonly records: number;
  readonly events: number;
  readonly folded: number;
  readonly skipped: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly time_basis: TimeBasis | null;
  /** Item number of identical evidence whose events are counted instead of this one's. */
  readonly duplicate_of: number | null;
  readonly problem_count: number;
  readonly problems: readonly Problem[];
}

/** How far an item has come; the rest of it is asked for when reading ends. */
export interface ItemProgress {
  readonly item: number;
  readonly state: ItemState;
  readonly bytes_read: number;
  readonly bytes_per_second: number;
}

export interface CaseOverview {
  readonly revision: number;
  readonly reading: boolean;
  readonly items: number;
  readonly items_done: number;
  readonly bytes: number;
  readonly bytes_read: number;
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
  readonly kind: string;
  readonly host: string | null;
  readonly actor: string | null;
  readonly ip: string | null;
  readonly resource: string | null;
  readonly operation: string | null;
  readonly outcome: string | null;
  readonly summary: string;
  readonly path: string;
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

/** Density of events: `counts[lane * bins + bin]`. */
export interface Bins {
  readonly revision: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly bins: number;
  readonly lanes: readonly { readonly kind: string; readonly total: number }[];
  readonly counts: Uint32Array;
}

/** A finding, with the event that leads to its evidence. */
export interface ShownFinding {
  readonly detector: string;
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly confidence: string;
  readonly title: string;
  readonly summary: string;
  readonly first: string | null;
  readonly attack: readonly string[];
  /** The entry of the allow-list that suppresses it. */
  readonly allowed_by: number | null;
  readonly item: number | null;
  readonly ordinal: number | null;
}

/** One setting, as the core's table has it. */
export interface Parameter {
  readonly key: string;
  readonly unit: string;
  /** The words of a choice; none where it is a number or a switch. */
  readonly choices: readonly string[];
  readonly least: number;
  readonly most: number;
  readonly about: string;
  readonly value: number | boolean | string;
  readonly standard: number | boolean | string;
}

export interface ShownSettings {
  readonly parameters: readonly Parameter[];
  /** The text of a settings file. */
  readonly json: string;
}

/** A Sigma rule and what became of it. */
export interface ShownRule {
  readonly path: string;
  readonly line: number;
  readonly id: string | null;
  readonly title: string;
  readonly level: string | null;
  readonly state: "active" | "partly" | "refused" | "not-assessed";
  readonly reasons: readonly string[];
  readonly findings: number;
}

/** One kind of list that the analyst may bring, and the one in force. */
export interface ShownList {
  readonly kind: string;
  readonly about: string;
  readonly name: string | null;
  readonly sha256: string | null;
  readonly entries: number;
}

/** One entry of the allow-list and what it did. */
export interface ShownEntry {
  readonly entry: number;
  readonly parts: Readonly<Record<string, string>>;
  readonly suppressed: number;
  readonly after_expiry: number;
  readonly expired: boolean;
}

export interface ShownIncident {
  readonly id: number;
  readonly severity: string;
  readonly score: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly findings: readonly number[];
}

/** One event of an incident's story. */
export interface StoryLine extends EventRow {
  readonly cloud_time: string | null;
  readonly clock: "cloud" | "guest";
  readonly offset_seconds: number | null;
  readonly link: string | null;
  readonly findings: readonly number[];
}

/** A finding as the published or the corrected rule has it. */
export interface ModeFinding {
  readonly severity: string;
  readonly summary: string;
  readonly first: string | null;
  readonly operations: readonly number[];
}

export interface ModeDifference {
  readonly detector: string;
  readonly only_published: readonly ModeFinding[];
  readonly only_corrected: readonly ModeFinding[];
  readonly both: readonly { readonly published: ModeFinding; readonly corrected: ModeFinding }[];
}

/** What a detector could not answer, and why. */
export interface NotAssessed {
  readonly detector: string;
  readonly reason: string;
}

/** A slip in a filter: where (in the text field's own units) and what. */
export interface FilterError {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

export interface FilterField {
  readonly name: string;
  readonly also: readonly string[];
  readonly compared: "text" | "address" | "time" | "number" | "severity";
  readonly about: string;
  readonly example: string;
}

/** What is shown, and how far the evidence was searched for the filter's texts. */
export interface ShownState {
  /** Grows with every change of what is shown. */
  readonly generation: number;
  readonly filter: string;
  readonly events: number;
  /** Items searched so far and items to search; both 0 where nothing has to be searched. */
  readonly searched: number;
  readonly to_search: number;
  /** Reading has to end before the evidence is searched. */
  readonly waiting: boolean;
}

export interface Completion {
  readonly insert: string;
  readonly about: string;
  readonly events: number | null;
}

export interface Asks {
  /** Shows only what the filter lets through; an empty one shows everything. */
  set_filter: { readonly text: string };
  /** Stops searching the evidence; what was found stays. */
  cancel_search: Record<string, never>;
  filter_fields: Record<string, never>;
  /** How many events a filter would let through, by what memory knows. */
  filter_count: { readonly text: string };
  filter_complete: { readonly text: string; readonly cursor: number };
  /** The text of a filter that a click means. */
  filter_term:
    | { readonly what: "value"; readonly filter: string; readonly field: string; readonly value: string; readonly out: boolean }
    | { readonly what: "around"; readonly item: number; readonly ordinal: number; readonly seconds: number };
  /** Start reading these files into the case (more may follow at any time). */
  open: { readonly files: readonly EvidenceFile[] };
  /** Stop reading now; what was read stays. */
  cancel: Record<string, never>;
  overview: Record<string, never>;
  evidence: Record<string, never>;
  rows: { readonly first: number; readonly count: number };
  findings: Record<string, never>;
  sigma: Record<string, never>;
  /** First row at or after this moment. */
  row_at: { readonly time_ms: number };
  /** Where the event stands now. */
  row_of: { readonly item: number; readonly ordinal: number };
  bins: { readonly from_ms: number; readonly to_ms: number; readonly bins: number };
  detail: { readonly item: number; readonly ordinal: number };
  export_case: { readonly events: boolean };
  export_manifest: { readonly form: "csv" | "json" };
  settings: Record<string, never>;
  /** Changes settings; everything that was concluded is concluded anew, nothing is read again. */
  set_settings: { readonly json: string };
  /** Lists in force, and the allow-list with what its entries did. */
  expected: Record<string, never>;
  /** Takes a list; an empty text takes it away. */
  set_list: { readonly kind: string; readonly name: string; readonly text: string };
  incidents: Record<string, never>;
  /** The events of an incident in order, by the cloud's clock. */
  story: { readonly incident: number; readonly first: number; readonly count: number };
  /** Published and corrected rules side by side; all of them where no detector is named. */
  modes: { readonly detector: string | null };
  /** Gives an item's local times a zone; empty takes it back. */
  set_zone: { readonly path: string; readonly zone: string };
  zones: Record<string, never>;
  /** Reads everything again, with the settings in force. */
  read_again: Record<string, never>;
  /** MD5 and SHA-1 of every item. */
  hash_more: Record<string, never>;
  /** Throw a trap inside the reader of the next opened file whose path ends so (tests only). */
  trap: { readonly path_ends: string };
}

export interface Answers {
  set_filter: { readonly error: FilterError | null };
  cancel_search: Record<string, never>;
  filter_fields: { readonly fields: readonly FilterField[] };
  filter_count: { readonly error: FilterError | null; readonly events: number; readonly searches: boolean };
  filter_complete: { readonly from: number; readonly to: number; readonly completions: readonly Completion[] };
  filter_term: { readonly text: string };
  open: { readonly items: readonly number[] };
  cancel: { readonly cancelled: number };
  overview: CaseOverview;
  evidence: { readonly items: readonly EvidenceItem[] };
  rows: { readonly revision: number; readonly total: number; readonly rows: readonly EventRow[] };
  sigma: { readonly rules: readonly ShownRule[]; readonly findings: readonly ShownFinding[] };
  findings: { readonly findings: readonly ShownFinding[]; readonly not_assessed: readonly NotAssessed[] };
  row_at: { readonly row: number };
  row_of: { readonly row: number | null };
  bins: Bins;
  detail: EventDetail;
  export_case: { readonly file_name: string; readonly bytes: Uint8Array };
  export_manifest: { readonly file_name: string; readonly text: string };
  settings: ShownSettings;
  set_settings: { readonly refused: string | null };
  expected: { readonly lists: readonly ShownList[]; readonly allow_list: readonly ShownEntry[] };
  set_list: { readonly refused: string | null };
  incidents: { readonly incidents: readonly ShownIncident[] };
  story: { readonly revision: number; readonly total: number; readonly lines: readonly StoryLine[] };
  modes: { readonly modes: readonly ModeDifference[] };
  set_zone: { readonly refused: string | null };
  zones: { readonly zones: readonly string[] };
  read_again: { readonly items: number };
  hash_more: { readonly items: number };
  trap: Record<string, never>;
}

export type AskName = keyof Asks;

export type Request = { [N in AskName]: { readonly id: number; readonly name: N; readonly ask: Asks[N] } }[AskName];
export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string };

/** Sent unasked. `progress` at most ten times a second; `changed` when rows, bins or findings differ. */
export type Note =
  | { readonly note: "progress"; readonly overview: CaseOverview; readonly items: readonly ItemProgress[] }
  | { readonly note: "changed"; readonly overview: CaseOverview }
  | { readonly note: "done"; readonly overview: CaseOverview }
  | { readonly note: "shown"; readonly shown: ShownState }
  | { readonly note: "failed"; readonly text: string };
