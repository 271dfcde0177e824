// The filter: its language, what it shows, how it completes.

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
