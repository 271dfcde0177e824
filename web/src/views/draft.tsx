// A text field whose unfinished text is its own: what is typed outlives any drawing of the page until it is entered. A field that only mirrors a value
// (the alternative) loses what a hand has typed whenever something else makes the view draw again.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

interface Draft {
  /** What is in force. */
  readonly value: string;
  /** Whether what was entered last was refused. */
  readonly refused: boolean;
  /** Says what was entered; answers whether it is in force now. What was refused stays in the field, to be mended. */
  readonly enter: (text: string) => Promise<boolean>;
  /** Its name for those who do not see a label around it. */
  readonly label?: string;
  readonly numeric?: boolean;
  readonly placeholder?: string;
  /** The id of a `datalist` of proposals. */
  readonly proposals?: string;
  readonly test?: string;
  readonly onFocus?: () => void;
}

export function DraftField({ value, refused, enter, label, numeric = false, placeholder, proposals, test, onFocus }: Draft): JSX.Element {
  const draft = useSignal<string | null>(null);
  const change = async (text: string): Promise<void> => {
    draft.value = text;
    const taken = await enter(text);
    // A hand may have gone on typing meanwhile.
    if (taken && draft.peek() === text) draft.value = null;
  };
  return (
    <input type="text" list={proposals} inputMode={numeric ? "numeric" : "text"} aria-label={label} aria-invalid={refused} placeholder={placeholder}
      data-test={test} value={draft.value ?? value} onFocus={onFocus}
      onInput={(event) => { draft.value = event.currentTarget.value; }}
      onChange={(event) => { void change(event.currentTarget.value); }} />
  );
}
