// What the analyst sets and expects: parameters, rules, lists, the allow-list.

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
  /** What its findings are listed under. */
  readonly detector: string;
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
