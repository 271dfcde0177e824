// What the analyst notes of events and moments: stars, tags, comments, bookmarks. The core keeps it; this file says it and takes it out and in.

import { signal } from "@preact/signals";
import { download } from "./outtake.js";
import type { EventName, EventRow } from "./protocol.js";
import type { EventNote } from "./protocol/workbench.js";
import { ask, say } from "./state.js";

/** Whether something was noted since the notes were last taken out. */
export const unsaved = signal(false);
/** Grows with everything that is noted. */
export const turn = signal(0);

const NOTHING: EventNote = { starred: false, tags: [], comment: "" };

window.addEventListener("beforeunload", (event) => {
  if (unsaved.value) event.preventDefault();
});

export function noteOf(row: EventRow): EventNote {
  return row.note ?? NOTHING;
}

function said(refused: string | null): boolean {
  if (refused !== null) {
    say(refused);
    return false;
  }
  unsaved.value = true;
  turn.value += 1;
  return true;
}

async function setNotes(notes: readonly (EventName & { readonly note: EventNote })[]): Promise<boolean> {
  return said((await ask("set_notes", { notes })).refused);
}

/** Notes something of an event; answers whether the core took it. */
export function setNote({ item, ordinal }: EventName, note: EventNote): Promise<boolean> {
  return setNotes([{ item, ordinal, note }]);
}

/** The events as they are noted now; as they were where the core refused. */
async function renote(rows: readonly EventRow[], change: (note: EventNote) => EventNote): Promise<EventRow[]> {
  const changed = rows.map((row) => ({ ...row, note: change(noteOf(row)) }));
  const taken = await setNotes(changed.map(({ item, ordinal, note }) => ({ item, ordinal, note })));
  return taken ? changed : [...rows];
}

/** Stars all of these events, or takes the stars from all of them where all have one. */
export function toggleStars(rows: readonly EventRow[]): Promise<EventRow[]> {
  const starred = !rows.every((row) => noteOf(row).starred);
  return renote(rows, (note) => ({ ...note, starred }));
}

/** Gives all of these events a tag. */
export function addTag(rows: readonly EventRow[], tag: string): Promise<EventRow[]> {
  return renote(rows, (note) => ({ ...note, tags: [...note.tags, tag] }));
}

/** Puts a flag at a moment; an empty text takes it away. */
export async function setBookmark(time_ms: number, text: string): Promise<boolean> {
  return said((await ask("set_bookmark", { time_ms: Math.round(time_ms), text })).refused);
}

/** All notes, as the text of a notes file. */
export async function exportText(): Promise<string> {
  return (await ask("export_notes", {})).text;
}

/** Takes the text of a notes file; answers why it was refused. */
export async function importText(json: string): Promise<string | null> {
  const { refused } = await ask("take_notes", { json });
  turn.value += 1;
  return refused;
}

export async function exportNotes(): Promise<void> {
  const { file_name, text } = await ask("export_notes", {});
  download(file_name, new TextEncoder().encode(text), "application/json");
  unsaved.value = false;
}

export async function importNotes(input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0];
  if (file === undefined) return;
  const refused = await importText(await file.text());
  input.value = "";
  say(refused ?? "The notes were loaded.");
}
