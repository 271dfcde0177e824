// What can be done with the table: choose columns; copy, star and tag the chosen events; take notes out and in.

import { signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { exportNotes, importNotes, turn, unsaved } from "../notes.js";
import { copy } from "../outtake.js";
import type { EventRow } from "../protocol.js";
import { applyFilter, say } from "../state.js";
import { asJson, asTsv, COLUMNS, columns, columnsAsAtFirst, moveColumn, showColumn } from "../table.js";
import { plural } from "../text.js";

/** Whether a tag is being written. */
export const tagging = signal(false);

export async function copyRows(rows: readonly EventRow[], form: "tsv" | "json"): Promise<void> {
  if (rows.length === 0) return;
  try {
    await copy(form === "tsv" ? asTsv(rows) : asJson(rows));
    say(`${plural(rows.length, "event")} copied.`);
  } catch {
    say("The browser refused to copy.");
  }
}

interface ToolsProps {
  readonly rows: () => EventRow[];
  readonly count: number;
  readonly star: () => Promise<void>;
  readonly tag: (tag: string) => Promise<void>;
  readonly clear: () => void;
}

export function EventsTools({ rows, count, star, tag, clear }: ToolsProps): JSX.Element {
  const choosing = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const written = useSignal("");
  useEffect(() => { if (tagging.value) field.current?.focus(); }, [tagging.value]);
  const enter = (): void => {
    const text = written.value.trim();
    tagging.value = false;
    written.value = "";
    if (text !== "") void tag(text);
    document.querySelector<HTMLElement>(".events .rows")?.focus();
  };
  return (
    <div class="events-tools">
      <div class="columns-choice">
        <button type="button" class="quiet" data-test="columns" aria-expanded={choosing.value} onClick={() => { choosing.value = !choosing.value; }}>Columns</button>
        {choosing.value ? <Columns close={() => { choosing.value = false; }} /> : null}
      </div>
      <span class="soft chosen-count" data-test="chosen-count">{count > 1 ? `${plural(count, "event")} chosen` : ""}</span>
      <button type="button" class="quiet" disabled={count === 0} onClick={() => { void copyRows(rows(), "tsv"); }}>Copy TSV</button>
      <button type="button" class="quiet" disabled={count === 0} onClick={() => { void copyRows(rows(), "json"); }}>Copy JSON</button>
      <button type="button" class="quiet" disabled={count === 0} title="s" onClick={() => { void star(); }}>★ Star</button>
      {tagging.value ? (
        <input type="text" ref={field} data-test="tag" aria-label="Tag for the chosen events" placeholder="tag, Enter" value={written.value} maxLength={64}
          onInput={(event) => { written.value = event.currentTarget.value; }} onBlur={() => { tagging.value = false; }}
          onKeyDown={(event) => {
            if (event.key === "Enter") enter();
            else if (event.key === "Escape") { written.value = ""; enter(); }
          }} />
      ) : <button type="button" class="quiet" disabled={count === 0} title="t" onClick={() => { tagging.value = true; }}># Tag</button>}
      {count > 1 ? <button type="button" class="quiet" onClick={clear}>Clear</button> : null}
      <span class="space" />
      <button type="button" class="quiet" onClick={() => { void applyFilter("starred:yes"); }}>Starred only</button>
      {turn.value > 0 ? <button type="button" class="quiet" onClick={() => { void exportNotes(); }}>{unsaved.value ? "Save notes •" : "Save notes"}</button> : null}
      <label class="file quiet-file">Load notes<input type="file" accept=".json,application/json" aria-label="Load notes" onChange={(event) => { void importNotes(event.currentTarget); }} /></label>
    </div>
  );
}

function Columns({ close }: { close: () => void }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector("input")?.focus();
    const away = (event: Event): void => {
      if (!(event.target instanceof Element) || event.target.closest(".columns-choice") === null) close();
    };
    window.addEventListener("pointerdown", away);
    return () => { window.removeEventListener("pointerdown", away); };
  }, []);
  const shownNames = columns.value.map(({ name }) => name);
  const hidden = COLUMNS.filter(({ name }) => !shownNames.includes(name)).map(({ name }) => name);
  return (
    <div class="columns-list" ref={list} role="group" aria-label="Columns of the table" onKeyDown={(event) => { if (event.key === "Escape") close(); }}>
      {[...shownNames, ...hidden].map((name) => {
        const at = shownNames.indexOf(name);
        const heading = COLUMNS.find((column) => column.name === name)?.heading ?? name;
        return (
          <div key={name} class="column-line">
            <label class="check"><input type="checkbox" checked={at >= 0} onChange={(event) => { showColumn(name, event.currentTarget.checked); }} /> {heading}</label>
            <span class="space" />
            <button type="button" class="quiet" disabled={at <= 0} aria-label={`Move ${heading} left`} onClick={() => { moveColumn(name, at - 1); }}>◂</button>
            <button type="button" class="quiet" disabled={at < 0 || at === shownNames.length - 1} aria-label={`Move ${heading} right`} onClick={() => { moveColumn(name, at + 1); }}>▸</button>
          </div>
        );
      })}
      <button type="button" class="quiet" onClick={columnsAsAtFirst}>As at first</button>
    </div>
  );
}
