// The case as a whole: its brief, its incidents, what has a name in it, and what an entry of the allow-list could be limited to.

import type { ActorRow, Counted, EventName, FindingExecution, FindingRow, FindingSeverity, HostRow, ShownIncident } from "../protocol.js";

/** A piece of the case's time. */
export interface Activity {
  readonly from_ms: number;
  /** Not included. */
  readonly to_ms: number;
  readonly from: string;
  /** The filter that shows it. */
  readonly filter: string;
  readonly events: number;
  readonly executions: number;
  readonly findings: number;
  readonly severity: FindingSeverity | null;
}

/** The case in one screen. Every figure is a count of rows that another answer lists. */
export interface Brief {
  readonly revision: number;
  readonly lead: { readonly finding: FindingRow; readonly event: EventName | null } | null;
  readonly incidents: readonly ShownIncident[];
  readonly incidents_total: number;
  readonly severities: readonly Counted[];
  readonly triage: readonly Counted[];
  readonly suppressed: number;
  readonly executions: readonly Counted[];
  readonly executions_total: number;
  readonly callers: readonly ActorRow[];
  readonly callers_total: number;
  readonly hosts: readonly HostRow[];
  readonly hosts_total: number;
  readonly activity: readonly Activity[];
  readonly coverage: {
    readonly detectors: number;
    readonly not_assessed: number;
    readonly partly: number;
    readonly without_guest: number;
    readonly incomplete: number;
  };
  readonly problems: readonly Counted[];
  readonly unread: number;
  readonly clocks: { readonly together: number; readonly apart: number; readonly not_known: number };
}

export interface IncidentDetail {
  readonly incident: ShownIncident;
  readonly members: readonly FindingRow[];
  readonly executions: readonly FindingExecution[];
}

export type HitKind = "incident" | "finding" | "execution" | "caller" | "host" | "detector";

/** Something that has a name. */
export interface Hit {
  readonly kind: HitKind;
  readonly name: string;
  readonly about: string;
  readonly key: string;
  readonly event: EventName | null;
}

export interface ShownFormat {
  readonly id: string;
  readonly about: string;
  readonly from_guest: boolean;
}

export interface BriefAsks {
  /** Without hosts while reading goes on: listing them walks over all events. */
  brief: { readonly hosts: boolean };
  find: { readonly text: string };
  incident: { readonly incident: number };
  /** What an entry of the allow-list that expects this finding could be limited to. */
  expectation: { readonly key: string };
  /** What the core knows, whatever the case holds. */
  reference: Record<string, never>;
}

export interface BriefAnswers {
  brief: Brief;
  find: { readonly hits: readonly Hit[] };
  incident: { readonly detail: IncidentDetail | null };
  expectation: { readonly parts: Readonly<Record<string, string>> | null };
  reference: { readonly formats: readonly ShownFormat[]; readonly detectors: readonly { readonly id: string; readonly title: string }[] };
}
