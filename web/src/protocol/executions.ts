// Executions and their stories: both sides of a command, and why they are one.

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
