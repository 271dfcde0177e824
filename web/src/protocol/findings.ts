// What was found and what was searched for: findings, incidents, modes, techniques, manual pages.

import type { EventName, EventRow } from "../protocol.js";

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
