// What the page and the coordinator worker say to each other.
//
// The page never sees a format, a detector or a byte of evidence that it did not ask for: it sends
// an `Ask`, gets the `Answer` of the same name, and hears `Note`s while reading goes on. Names are
// those of the case document; times are RFC 3339 text (exact) beside `time_ms` (a double, only for
// placing marks). Bulk answers are typed arrays.
//
// Rejected: one method call per view over a proxy library. A closed union of small messages can be
// read in one screen, logged, and replayed in a test.
//
// What the messages are made of stands by topic in protocol/; this file has the questions and their answers.

import type { BriefAnswers, BriefAsks } from "./protocol/brief.js";
import type { CaseOverview, EventDetail, EventRow, EvidenceFile, EvidenceItem, EvidencePage, EvidenceShown } from "./protocol/case.js";
import type { Arc, EventName, ExecutionColumn, ExecutionRow, Mapping, PairKey, Story } from "./protocol/executions.js";
import type { Completion, FilterError, FilterField, ShownState } from "./protocol/filter.js";
import type { FindingDetail, FindingPage, FindingsShown, ManualBlock, ModeDifference, SearchedDetector, SeenTactic, ShownIncident, StoryLine, TriageState } from "./protocol/findings.js";
import type { Hunt } from "./protocol/hunt.js";
import type { ActorDetail, ActorRow, HostDetail, HostRow } from "./protocol/people_and_places.js";
import type { ShownEntry, ShownList, ShownRule, ShownSettings } from "./protocol/settings.js";
import type { ExportAsk, ExportForm, PageKept, SessionLine } from "./protocol/share.js";
import type { Sort, WorkbenchAnswers, WorkbenchAsks } from "./protocol/workbench.js";

export type * from "./protocol/case.js";
export type * from "./protocol/executions.js";
export type * from "./protocol/filter.js";
export type * from "./protocol/findings.js";
export type * from "./protocol/people_and_places.js";
export type * from "./protocol/settings.js";
export type * from "./protocol/share.js";

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
  evidence: EvidenceShown & { readonly first: number; readonly count: number };
  evidence_item: { readonly item: number };
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
  evidence: EvidencePage;
  evidence_item: { readonly item: EvidenceItem | null };
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
  sigma: { readonly rules: readonly ShownRule[] };
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
  export: { readonly refused: string } | { readonly refused: null; readonly file: Blob; readonly left_out: string | null };
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
  | { readonly note: "progress"; readonly overview: CaseOverview }
  | { readonly note: "changed"; readonly overview: CaseOverview }
  | { readonly note: "done"; readonly overview: CaseOverview }
  | { readonly note: "shown"; readonly shown: ShownState }
  | { readonly note: "failed"; readonly text: string };
