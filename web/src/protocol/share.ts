// What leaves the page: exports and the session file.

export interface ExportForm {
  readonly form: string;
  readonly file_name: string;
  readonly media_type: string;
  readonly title: string;
  readonly about: string;
  readonly lists_events: boolean;
}

/** What is asked of an export; the words are those of the core. */
export interface ExportAsk {
  readonly form: string;
  /** The case document has its events too. */
  readonly events: boolean;
  /** A list of events has only those that the filter lets through. */
  readonly only_shown: boolean;
  readonly secrets: boolean;
  /** Salt of the pseudonyms; null leaves names as they are. */
  readonly pseudonyms: string | null;
  /** The moment of the export, RFC 3339. */
  readonly made: string;
  readonly report: ReportAsk;
}

export interface ReportAsk {
  readonly title: string;
  readonly author: string;
  readonly reference: string;
  readonly conclusion: string;
  /** By place; null means all. */
  readonly incidents: readonly number[] | null;
  /** By place; null means those that a finding is about. */
  readonly executions: readonly number[] | null;
  readonly page_sha256: string | null;
}

/** What the page keeps in a session file. The core hands it through. */
export interface PageKept {
  readonly view: string;
  readonly filter: string;
  readonly recent_filters: readonly string[];
  readonly kept_filters: readonly string[];
  readonly salt: string;
  readonly report: ReportAsk;
}

/** One item that the session was about, and what became of it. */
export interface SessionLine {
  readonly path: string;
  readonly verdict: "unchanged" | "moved" | "changed" | "missing" | "new" | "not-compared";
  readonly item: number | null;
}
