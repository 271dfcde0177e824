// What the page and the coordinator worker say to each other.
//
// The page never sees a format, a detector or a byte of evidence that it did not ask for: it sends
// an `Ask`, gets the `Answer` of the same name, and hears `Note`s while reading goes on. Names are
// those of the case document; times are RFC 3339 text (exact) beside `time_ms` (a double, only for
// placing marks). Bulk answers are typed arrays.
//
// Rejected: one method call per view over a proxy library. A closed union of small messages can be
// read in one screen, logged, and replayed in a test.

import type { ExportAsk, ExportForm, PageKept, ReportAsk, SessionLine } from "./protocol/share.js";

export type { ExportAsk, ExportForm, PageKept, ReportAsk, SessionLine };
import type { BriefAnswers, BriefAsks } from "./protocol/brief.js";
import type { EventNote, Sort, WorkbenchAnswers, WorkbenchAsks } from "./protocol/workbench.js";
import type { Hunt } from "./protocol/hunt.js";

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
  /** The year that the analyst gave its last record, the one that it is taken to be of, and whether the source lacks it. */
  readonly year_given: number | null;
  readonly year: number | null;
  readonly lacks_year: boolean;
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

/** A finding, with the event that leads to its evidence. */
export interface ShownFinding {
  readonly detector: string;
  readonly severity: "info" | "low" | "medium" | "high" | "critical";
  readonly confidence: string;
  readonly title: string;
  readonly summary: string;
  readonly first: string | null;
  readonly attack: readonly string[];
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
  /** The title of its gravest finding, and how sure that is. */
  readonly title: string;
  readonly confidence: string;
  readonly callers: readonly string[];
  readonly machines: readonly string[];
  readonly detectors: number;
  readonly executions: number;
}

/** One event of an incident's story. */
export interface StoryLine extends EventRow {
  readonly cloud_time: string | null;
  readonly clock: "cloud" | "guest";
  readonly offset_seconds: number | null;
  readonly link: string | null;
  /** The execution that it belongs to. */
  readonly execution: EventName | null;
  readonly findings: readonly number[];
}

/** A finding as the published or the corrected rule has it. */
export interface ModeFinding {
  readonly severity: string;
  readonly summary: string;
  readonly first: string | null;
  readonly operations: readonly number[];
  /** Where its rows are. */
  readonly event: EventName | null;
}

export interface ModeDifference {
  readonly detector: string;
  readonly only_published: readonly ModeFinding[];
  readonly only_corrected: readonly ModeFinding[];
  readonly both: readonly { readonly published: ModeFinding; readonly corrected: ModeFinding }[];
}

export type FindingSeverity = "info" | "low" | "medium" | "high" | "critical";
export type TriageState = "new" | "confirmed" | "benign" | "unclear";
export type FindingsBy = "severity" | "detector" | "time" | "caller" | "vm" | "incident";

/** What of the findings is shown. An empty list lets all pass. */
export interface FindingsShown {
  readonly by: FindingsBy;
  readonly severities: readonly FindingSeverity[];
  readonly detectors: readonly string[];
  readonly techniques: readonly string[];
  readonly triage: readonly TriageState[];
  /** Only what the allow-list suppresses, or only what it does not; null for both. */
  readonly suppressed: boolean | null;
  readonly text: string;
}

export interface Subject {
  readonly caller: string | null;
  readonly ip: string | null;
  readonly vm: string | null;
  readonly resource: string | null;
  readonly subscription: string | null;
  readonly host: string | null;
}

export interface FindingRow {
  /** Names the finding as long as evidence and settings stay. */
  readonly key: string;
  readonly detector: string;
  readonly severity: FindingSeverity;
  readonly confidence: string;
  readonly baseline: "full" | "partial" | "insufficient" | "n/a";
  readonly title: string;
  readonly summary: string;
  readonly first: string | null;
  readonly last: string | null;
  readonly subject: Subject;
  readonly attack: readonly string[];
  readonly triage: TriageState;
  readonly has_note: boolean;
  /** The entry of the allow-list that suppresses it. */
  readonly allowed_by: number | null;
  readonly incident: number | null;
}

/** Findings of one kind; `name` is what they share, empty where it is not known. */
export interface FindingGroup {
  readonly name: string;
  readonly title: string | null;
  readonly incident: number | null;
  readonly count: number;
  readonly severity: FindingSeverity;
}

export interface Counted {
  readonly word: string;
  readonly count: number;
}

export interface FindingPage {
  readonly revision: number;
  readonly all: number;
  readonly total: number;
  readonly suppressed: number;
  readonly incidents: number;
  readonly groups: readonly FindingGroup[];
  readonly rows: readonly FindingRow[];
  readonly severities: readonly Counted[];
  readonly triage: readonly Counted[];
  readonly detectors: readonly Counted[];
}

/** A figure of a finding, as the case document has it. */
export type Figure = null | boolean | number | string | readonly Figure[] | { readonly [name: string]: Figure };

export interface FindingExecution {
  readonly execution: number;
  readonly event: EventName | null;
  readonly host: string | null;
  readonly started: string | null;
  readonly confidence: string | null;
  readonly script: string | null;
}

export interface FindingDetail {
  readonly row: FindingRow;
  readonly note: string;
  readonly baseline_about: string;
  readonly values: { readonly [name: string]: Figure };
  readonly events: number;
  readonly operations: number;
  readonly executions: readonly FindingExecution[];
  readonly detector_title: string | null;
}

/** A detector's answer for this case. */
export interface SearchedDetector {
  readonly detector: string;
  readonly title: string | null;
  readonly answer: "found" | "not-found" | "not-assessed";
  readonly reason: string | null;
  readonly findings: number;
  readonly severity: FindingSeverity | null;
}

/** A technique that was seen: in how many findings, and in the scripts of how many runs. */
export interface SeenTechnique {
  readonly technique: string;
  readonly name: string;
  readonly findings: number;
  readonly scripts: number;
  readonly severity: FindingSeverity | null;
}

export interface SeenTactic {
  readonly tactic: string;
  readonly techniques: readonly SeenTechnique[];
}

export interface ActorRow {
  readonly actor: number;
  readonly caller: string;
  readonly caller_kind: string;
  readonly operations: number;
  readonly run_commands: number;
  readonly ips: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly days: number;
  /** Operations by the hour of the day (UTC) in which they began. */
  readonly hours: readonly number[];
  readonly findings: number;
  readonly severity: FindingSeverity | null;
}

export interface ActorOperation {
  readonly operation: string;
  readonly count: number;
  readonly rows: number;
  readonly ips: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly days: number;
  readonly days_delta: number;
}

/** An address or a VM of an actor. */
export interface ActorPlace {
  readonly name: string;
  readonly operations: number;
  readonly first: string | null;
  readonly last: string | null;
}

export interface ActorDetail {
  readonly row: ActorRow;
  readonly operations: readonly ActorOperation[];
  readonly addresses: readonly ActorPlace[];
  readonly vms: readonly ActorPlace[];
  readonly findings: readonly FindingRow[];
}

/** How a guest's clock stands to the cloud's, in seconds. */
export interface HostClock {
  readonly skew_seconds: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly drift_per_day: number | null;
  readonly set_at: string | null;
  readonly before: number | null;
  readonly pairs: number;
  readonly confidence: string;
  readonly reason: string | null;
}

export interface HostRow {
  /** Names the host: its VM's resource id, else `guest:` and its name. */
  readonly host: string;
  readonly name: string;
  readonly resource: string | null;
  readonly joined_by: "links" | "name" | null;
  readonly os: string | null;
  readonly operations: number;
  readonly runs: number;
  /** Executions known from both sides. */
  readonly linked: number;
  readonly items: number;
  readonly events: number;
  readonly missing: readonly string[];
  readonly coverage: "none" | "part" | "whole";
  readonly clock_stands: "together" | "apart" | "not-known" | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly clock: HostClock | null;
  readonly findings: number;
  readonly severity: FindingSeverity | null;
}

export interface HostExecution {
  readonly execution: number;
  readonly event: EventName | null;
  readonly started: string | null;
  readonly family: string;
  readonly name: string | null;
  readonly caller: string | null;
  readonly state: string;
  readonly known_from: "both" | "cloud" | "guest";
  readonly confidence: string | null;
  readonly script: string | null;
}

/** A source of evidence about a guest; missing where it has no items. */
export interface HostSource {
  readonly source: string;
  readonly tells: string;
  readonly formats: readonly string[];
  readonly items: number;
  readonly events: number;
  readonly first: string | null;
  readonly last: string | null;
}

export interface LaneSpan {
  readonly item: number | null;
  readonly path: string;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly from: string;
  readonly to: string;
  readonly events: number;
}

export interface HostLane {
  readonly lane: string;
  readonly cloud: boolean;
  readonly spans: readonly LaneSpan[];
  readonly left_out: number;
}

export interface HostDetail {
  readonly row: HostRow;
  readonly executions: readonly HostExecution[];
  readonly sources: readonly HostSource[];
  readonly lanes: readonly HostLane[];
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly seconds: number }[];
  readonly findings: readonly FindingRow[];
}

/** A run of letters of a manual page. */
export interface ManualSpan {
  readonly form: "plain" | "code" | "strong";
  readonly text: string;
}

/** A part of a manual page: rows of cells of spans. */
export interface ManualBlock {
  readonly form: "heading" | "paragraph" | "list" | "table" | "fenced";
  readonly level: number;
  readonly rows: readonly (readonly (readonly ManualSpan[])[])[];
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

/** Names an event for as long as the case is open. */
export interface EventName {
  readonly item: number;
  readonly ordinal: number;
}

export type ExecutionColumn = "time" | "caller" | "machine" | "family" | "name" | "outcome" | "state" | "severity" | "score" | "confidence";
export type Level = "info" | "low" | "medium" | "high" | "critical";
export type LinkConfidence = "confirmed" | "high" | "medium" | "low";

/** One execution: an operation, a run, or both joined. Its name stays the same when links are solved again. */
export interface ExecutionRow {
  readonly execution: number;
  readonly name: EventName;
  readonly time: string | null;
  readonly time_ms: number | null;
  readonly caller: string | null;
  readonly ip: string | null;
  readonly machine: string | null;
  readonly host: string | null;
  readonly family: string;
  /** Managed or extension name, and the guest's number. */
  readonly label: string;
  readonly outcome: string | null;
  readonly state: string | null;
  readonly exit_code: number | null;
  readonly severity: Level | null;
  readonly findings: number;
  readonly score: number | null;
  readonly indicators: readonly string[];
  readonly script: string | null;
  readonly confidence: LinkConfidence | null;
  readonly points: number | null;
  readonly sides: "both" | "cloud" | "guest";
}

/** One thing that is known, and the events that say so. */
export interface Statement {
  readonly name: string;
  readonly value: string;
  readonly masked: string | null;
  readonly time: string | null;
  readonly remark: string | null;
  readonly events: readonly EventName[];
}

/** A part of a line; `hits` are places among the script's indicators. */
export interface Piece {
  readonly text: string;
  readonly secret: boolean;
  readonly hits: readonly number[];
}

export interface ShownText {
  readonly lines: readonly { readonly number: number; readonly pieces: readonly Piece[] }[];
  readonly bytes: number;
  readonly cut: boolean;
  readonly secrets: number;
}

export interface ShownLayer {
  readonly layer: number;
  readonly parent: number | null;
  readonly encoding: string | null;
  readonly executed: boolean;
  readonly sha256: string;
  readonly text: ShownText | null;
  readonly bytes: number;
}

export interface ShownIndicator {
  readonly id: string;
  readonly tactic: string;
  readonly technique: string;
  readonly what: string;
  readonly weight: number;
  readonly layer: number;
  readonly line: number;
  readonly in_comment: boolean;
  readonly text: string;
}

export interface ShownScript {
  readonly sha256: string;
  readonly bytes: number;
  readonly whole: boolean;
  readonly sources: readonly { readonly from: Statement; readonly trust: string; readonly same: boolean | null }[];
  readonly layers: readonly ShownLayer[];
  readonly layers_left: number;
  readonly indicators: readonly ShownIndicator[];
  readonly indicators_left: number;
  readonly score: number;
  readonly severity: Level | null;
  readonly groups: readonly (readonly [string, number])[];
  readonly codes: readonly string[];
}

export interface OutputStream {
  readonly text: ShownText;
  readonly source: Statement;
  readonly status: Statement | null;
}

export interface ShownProcess {
  readonly depth: number;
  readonly part: "ancestor" | "script" | "child";
  readonly pid: number | null;
  readonly image: string;
  readonly user: string;
  readonly exit_code: number | null;
  readonly started: string | null;
  readonly ended: string | null;
  readonly command_line: Statement;
}

export interface Stretch {
  readonly from: string | null;
  readonly to: string | null;
  readonly from_ms: number | null;
  readonly to_ms: number | null;
}

/** Both clocks; `guest` is what the guest's clock showed, `corrected` the same by the cloud's. */
export interface ClockStrip {
  readonly cloud: Stretch | null;
  readonly guest: Stretch | null;
  readonly corrected: Stretch | null;
  readonly offset_seconds: number | null;
  readonly low_seconds: number | null;
  readonly high_seconds: number | null;
  readonly said: string | null;
  readonly confidence: string | null;
}

/** What names a pair in a settings file. */
export interface PairKey {
  readonly operation: { readonly correlation: string; readonly resource: string; readonly operation: string };
  readonly run: { readonly host: string; readonly family: string; readonly name: string; readonly sequence: number | null };
}

export interface OtherSide {
  readonly side: "operation" | "run";
  readonly text: string;
  readonly time: string | null;
  readonly points: number | null;
  readonly name: EventName | null;
  readonly pair: PairKey;
}

export interface SaidOfPair {
  readonly said: "confirmed" | "rejected";
  readonly text: string;
  readonly pair: PairKey;
}

export interface Link {
  readonly confidence: LinkConfidence | null;
  readonly score: number | null;
  readonly margin: number | null;
  readonly reasons: readonly { readonly feature: string; readonly points: number; readonly value: string; readonly events: readonly EventName[] }[];
  readonly runners_up: readonly OtherSide[];
  readonly partners: readonly OtherSide[];
  readonly pair: PairKey | null;
  readonly said: readonly SaidOfPair[];
}

/** A side that is missing, and whether the evidence would have shown it. */
export interface MissingSide {
  readonly side: "cloud" | "guest";
  readonly text: string;
  readonly conclusion: string;
  readonly covered: boolean;
  readonly evidence: readonly { readonly item: number; readonly path: string; readonly format: string; readonly first: string | null; readonly last: string | null; readonly covers: boolean }[];
}

/** All that is known of one execution. */
export interface Story {
  readonly revision: number;
  readonly row: ExecutionRow;
  readonly findings: readonly { readonly detector: string; readonly severity: Level; readonly title: string; readonly summary: string }[];
  readonly asked: readonly Statement[];
  readonly asked_records: readonly Statement[];
  readonly agent: readonly Statement[];
  readonly agent_records: readonly Statement[];
  readonly agent_records_left: number;
  readonly script: ShownScript | null;
  readonly output: { readonly state: Statement; readonly exit_code: Statement | null; readonly stdout: OutputStream | null; readonly stderr: OutputStream | null } | null;
  readonly processes: readonly ShownProcess[];
  readonly processes_left: number;
  readonly flows: readonly Statement[];
  readonly flows_left: number;
  readonly clocks: ClockStrip;
  readonly link: Link;
  readonly missing: readonly MissingSide[];
}

/** Guests, the VMs that they may be, and what the analyst said. */
export interface Mapping {
  readonly revision: number;
  readonly hosts: readonly { readonly host: string | null; readonly runs: number; readonly resource: string | null; readonly mapped: string | null; readonly clock: string }[];
  readonly vms: readonly string[];
  readonly absent: readonly (readonly [string, string])[];
  readonly said: readonly (SaidOfPair & { readonly present: boolean })[];
}

/** One arc of the timeline, or a stub where a side is missing. */
export interface Arc {
  readonly operation_ms: number | null;
  readonly run_ms: number | null;
  readonly confidence: LinkConfidence | null;
  readonly name: EventName;
  readonly count: number;
}

export interface Asks extends BriefAsks, WorkbenchAsks {
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
  rows: { readonly first: number; readonly count: number; readonly sort?: Sort };
  findings: { readonly shown: FindingsShown; readonly first: number; readonly count: number };
  finding: { readonly key: string };
  finding_events: { readonly key: string; readonly first: number; readonly count: number };
  /** The queries that a finding leads to. */
  hunt: { readonly key: string };
  searched: Record<string, never>;
  attack: Record<string, never>;
  actors: Record<string, never>;
  actor: { readonly actor: number };
  hosts: Record<string, never>;
  host: { readonly host: string };
  /** The manual page of a detector. */
  manual: { readonly detector: string };
  set_triage: { readonly key: string; readonly state: TriageState; readonly note: string };
  export_triage: Record<string, never>;
  take_triage: { readonly json: string };
  sigma: Record<string, never>;
  /** First row at or after this moment. */
  row_at: { readonly time_ms: number; readonly sort?: Sort };
  /** Where the event stands now. */
  row_of: { readonly item: number; readonly ordinal: number; readonly sort?: Sort };
  detail: { readonly item: number; readonly ordinal: number };
  executions: {
    readonly first: number;
    readonly count: number;
    readonly sort: ExecutionColumn;
    readonly descending: boolean;
    readonly filters: Readonly<Partial<Record<ExecutionColumn, string>>>;
  };
  /** The execution that an event belongs to. */
  story: EventName;
  mapping: Record<string, never>;
  arcs: { readonly from_ms: number; readonly to_ms: number; readonly pixels: number };
  /** What the analyst says of a pair; links are solved again around it. */
  say_of_link: { readonly say: "confirm" | "reject" | "take-back"; readonly pair: PairKey };
  /** Says which VM a guest is; empty takes it back. */
  map_host: { readonly host: string; readonly resource: string };
  export_forms: Record<string, never>;
  export: ExportAsk;
  /** The session file; `page` is what the page keeps in it. */
  session_file: { readonly page: PageKept; readonly saved: string };
  /** Takes a session in place of everything said before. */
  take_session: { readonly text: string };
  /** What became of the evidence that the session was about. */
  session: Record<string, never>;
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
  incident_story: { readonly incident: number; readonly first: number; readonly count: number };
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

export interface Answers extends BriefAnswers, WorkbenchAnswers {
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
  findings: FindingPage;
  /** Null where the finding is not there any more. */
  finding: { readonly finding: FindingDetail | null };
  finding_events: { readonly total: number; readonly rows: readonly EventRow[] };
  hunt: Hunt;
  attack: { readonly tactics: readonly SeenTactic[] };
  actors: { readonly actors: readonly ActorRow[] };
  actor: { readonly actor: ActorDetail | null };
  hosts: { readonly hosts: readonly HostRow[] };
  host: { readonly host: HostDetail | null };
  searched: { readonly detectors: readonly SearchedDetector[] };
  manual: { readonly blocks: readonly ManualBlock[] };
  set_triage: { readonly refused: string | null };
  export_triage: { readonly file_name: string; readonly text: string };
  take_triage: { readonly refused: string | null };
  sigma: { readonly rules: readonly ShownRule[]; readonly findings: readonly ShownFinding[] };
  row_at: { readonly row: number };
  row_of: { readonly row: number | null };
  detail: EventDetail;
  executions: { readonly revision: number; readonly total: number; readonly of: number; readonly linked: number; readonly rows: readonly ExecutionRow[] };
  /** None where the event belongs to no execution. */
  story: Story | null | undefined;
  mapping: Mapping;
  arcs: { readonly revision: number; readonly arcs: readonly Arc[]; readonly left: number };
  say_of_link: { readonly refused: string | null };
  map_host: { readonly refused: string | null };
  export_forms: { readonly forms: readonly ExportForm[] };
  export: { readonly refused: string } | { readonly refused: null; readonly bytes: Uint8Array; readonly left_out: string | null };
  session_file: { readonly text: string };
  take_session: { readonly refused: string } | { readonly refused: null; readonly page: PageKept | null };
  session: { readonly lines: readonly SessionLine[] };
  export_manifest: { readonly file_name: string; readonly text: string };
  settings: ShownSettings;
  set_settings: { readonly refused: string | null };
  expected: { readonly lists: readonly ShownList[]; readonly allow_list: readonly ShownEntry[] };
  set_list: { readonly refused: string | null };
  incidents: { readonly incidents: readonly ShownIncident[] };
  incident_story: { readonly revision: number; readonly total: number; readonly lines: readonly StoryLine[] };
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
