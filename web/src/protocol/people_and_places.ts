// Who acted, and where: actors and hosts.

import type { EventName, FindingRow, FindingSeverity } from "../protocol.js";

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
