// What the page knows, as signals: the answers of the coordinator and what a hand has chosen. Views read it; only this file asks.

import { batch, computed, signal } from "@preact/signals";
import { Bridge } from "./bridge.js";
import type { Intake } from "./intake.js";
import { download } from "./outtake.js";
import type { Asks, CaseOverview, EventDetail, EventName, EventRow, EvidenceLike, ExecutionColumn, FilterError, HostRow, Note, PairKey, ShownState } from "./protocol.js";
import type { Sort } from "./protocol/workbench.js";

export type View = "overview" | "timeline" | "executions" | "evidence" | "findings" | "actors" | "hosts" | "settings" | "help";
export type HelpPage = "start" | "detectors" | "formats" | "filter" | "sees";
export type Theme = "auto" | "light" | "dark";
export type Phase = "loading" | "empty" | "reading" | "ready";

export const overview = signal<CaseOverview | null>(null);
export const failure = signal<string | null>(null);
export const message = signal<string | null>(null);
export const detail = signal<EventDetail | null>(null);
export const selected = signal<{ item: number; ordinal: number; row: number } | null>(null);
/** Shown part of the timeline, in ms; null is all of it. */
export const range = signal<{ from_ms: number; to_ms: number } | null>(null);
/** Rows the table shows, and a row it should go to. */
export const shownRows = signal<{ first: EventRow | null; last: EventRow | null }>({ first: null, last: null });
/** The view in which the selected event was opened. */
export const selectedIn = signal<View>("overview");
/** How the table is sorted. */
export const sort = signal<Sort>({ by: "time", descending: false });
/** An item shown as it is, and the part of it to go to. */
export const rawAt = signal<{ readonly item: number; readonly offset: number; readonly length: number } | null>(null);
export const goToRow = signal<{ row: number } | null>(null);
/** What the filter in force lets through. */
export const shown = signal<ShownState | null>(null);
/** Filters that were in force, the last one first, and those that were kept. */
export const recentFilters = signal<readonly string[]>([]);
export const keptFilters = signal<readonly string[]>([]);
/** The view that is open; other views lead to it. */
export const view = signal<View>("overview");
/** How the keys of the settings begin that the Settings view should go to. */
export const settingsAt = signal<string | null>(null);
/** Which of the things that stand over the page is open. */
export const over = signal<"palette" | "keys" | null>(null);
/** The step of the tour, or null where nobody takes it. */
export const tourStep = signal<number | null>(null);
export const theme = signal<Theme>("auto");
export const started = signal(false);
/** The execution whose story is told, by the name that stays. */
export const told = signal<EventName | null>(null);

/** What other views ask of the lists: the executions' columns, one caller, one host, hosts of one kind, items of one kind. */
export const executionFilters = signal<Partial<Record<ExecutionColumn, string>>>({});
export const actorShown = signal<number | null>(null);
export const hostShown = signal<string | null>(null);
export const hostsLike = signal<Partial<Pick<HostRow, "coverage" | "clock_stands">>>({});
export const evidenceLike = signal<EvidenceLike | null>(null);
/** The item that stands beside the evidence list, and how often the evidence was changed by hand. */
export const evidenceShown = signal<number | null>(null);
export const evidenceChanged = signal(0);
/** The page of the help that is open. */
export const helpAt = signal<{ readonly page: HelpPage; readonly detector: string | null }>({ page: "start", detector: null });

/** Tells the story of an execution. */
export function tellStory(name: EventName): void {
  batch(() => {
    told.value = name;
    view.value = "executions";
  });
}

/** Opens the timeline at an event, with its raw record beside. */
export async function showOnTimeline(event: EventName): Promise<void> {
  view.value = "timeline";
  try {
    await showEvent(event.item, event.ordinal);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

/** How many rows there are, and a word that changes whenever they do. */
export const rowsShown = computed<{ total: number; state: string }>(() => {
  const [known, now] = [overview.value, shown.value];
  const filtered = now !== null && now.filter !== "";
  return { total: filtered ? now.events : (known?.events ?? 0), state: `${known?.revision ?? 0}:${now?.generation ?? 0}` };
});

export const phase = computed<Phase>(() => {
  if (!started.value) return "loading";
  const known = overview.value;
  if (known === null || known.items === 0) return "empty";
  return known.reading ? "reading" : "ready";
});

/** The whole of the case in time, with a margin. */
export const whole = computed<{ from_ms: number; to_ms: number } | null>(() => {
  const known = overview.value;
  if (known?.first_ms == null || known.last_ms === null) return null;
  const margin = Math.max((known.last_ms - known.first_ms) * 0.02, 500);
  return { from_ms: known.first_ms - margin, to_ms: known.last_ms + margin };
});

let bridge: Bridge | null = null;
let announced = "";

function noted(note: Note): void {
  if (note.note === "failed") {
    failure.value = `The analysis stopped unexpectedly (${note.text}). Reload the page and open the evidence again; if it happens again, leave out the item read last.`;
    return;
  }
  if (note.note === "shown") {
    shown.value = note.shown;
    void findSelected();
    void refreshDetail();
    return;
  }
  batch(() => {
    overview.value = note.overview;
    if (note.note === "done") evidenceChanged.value += 1;
  });
}

/** The selected event stands elsewhere, or nowhere, once other rows are shown. */
async function findSelected(): Promise<void> {
  const now = selected.peek();
  if (now === null) return;
  const { row } = await ask("row_of", { item: now.item, ordinal: now.ordinal, sort: sort.peek() });
  if (selected.peek() === now) selected.value = { ...now, row: row ?? -1 };
}

/** The open details bear what is noted of their event. */
async function refreshDetail(): Promise<void> {
  const now = detail.peek();
  if (now === null || selected.peek() === null) return;
  const { item, ordinal } = now.row;
  const found = await ask("detail", { item, ordinal });
  if (detail.peek() === now) detail.value = found;
}

/** Sorts the table; the selected event stays in view. */
export async function sortBy(next: Sort): Promise<void> {
  sort.value = next;
  const now = selected.peek();
  if (now === null) {
    goToRow.value = { row: 0 };
    return;
  }
  const { row } = await ask("row_of", { item: now.item, ordinal: now.ordinal, sort: next });
  if (selected.peek() !== now || sort.peek() !== next) return;
  selected.value = { ...now, row: row ?? -1 };
  goToRow.value = { row: row ?? 0 };
}

/** Shows where an event stands in its evidence. */
export function showInFile(place: { readonly item: number; readonly offset: number; readonly length: number }): void {
  rawAt.value = place;
}

/** Puts a filter in force; answers the slip that kept it out. */
export async function applyFilter(text: string): Promise<FilterError | null> {
  const { error } = await ask("set_filter", { text });
  if (error === null && text !== "") recentFilters.value = [text, ...recentFilters.peek().filter((other) => other !== text)].slice(0, 20);
  return error;
}

/** Goes to an event wherever it is; a filter that hides it is taken off. */
export async function showEvent(item: number, ordinal: number): Promise<void> {
  let { row } = await ask("row_of", { item, ordinal, sort: sort.peek() });
  if (row === null && (shown.peek()?.filter ?? "") !== "") {
    await applyFilter("");
    say("The filter was taken off: it hid this event.");
    ({ row } = await ask("row_of", { item, ordinal, sort: sort.peek() }));
  }
  if (row === null) return;
  goToRow.value = { row };
  await select({ item, ordinal, row });
}

export const ask: Bridge["ask"] = (name, asked) =>
  bridge === null ? Promise.reject(new Error("the core is not ready yet")) : bridge.ask(name, asked);

export async function start(): Promise<void> {
  bridge = await Bridge.start(noted);
  const trap = /^#trap=(.+)$/.exec(location.hash)?.[1];
  // Lets a test, or a doubter, see what a defect in a reader would do.
  if (trap !== undefined) await ask("trap", { path_ends: decodeURIComponent(trap) });
  overview.value = await ask("overview", {});
  started.value = true;
}

/** Says something in passing. */
export function say(text: string): void {
  message.value = text;
  announced = text;
  setTimeout(() => { if (announced === text) message.value = null; }, 6_000);
}

export async function open(intake: Promise<Intake>): Promise<void> {
  try {
    const { files, refused } = await intake;
    if (refused.length > 0) say(`${refused.length === 1 ? "One item" : `${refused.length} items`} could not be opened: ${refused.slice(0, 3).join("; ")}`);
    if (files.length === 0) return;
    // Whoever read the help while there was nothing else to see wants to see the case now.
    if (view.peek() === "help" && phase.peek() === "empty") view.value = "overview";
    await ask("open", { files });
    overview.value = await ask("overview", {});
  } catch (error) {
    say(`The evidence could not be opened: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function cancel(): Promise<void> {
  const { cancelled } = await ask("cancel", {});
  say(cancelled === 0 ? "Reading had already ended." : "Reading was cancelled; what was read stays in the case.");
}

export async function select(row: Pick<EventRow, "item" | "ordinal" | "row">): Promise<void> {
  selected.value = { item: row.item, ordinal: row.ordinal, row: row.row };
  selectedIn.value = view.peek();
  try {
    const found = await ask("detail", { item: row.item, ordinal: row.ordinal });
    const now = selected.peek();
    if (now?.item === row.item && now.ordinal === row.ordinal) detail.value = found;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

export function closeDetail(): void {
  batch(() => {
    selected.value = null;
    detail.value = null;
  });
}

/** Whether settings (parameters, what is expected, zones, years, links) were changed and not saved since. */
export const unsavedSettings = signal(false);

window.addEventListener("beforeunload", (event) => {
  if (unsavedSettings.value) event.preventDefault();
});

/** What the core took is to be saved; what it refused changed nothing. */
function changed(refused: string | null): string | null {
  if (refused === null) unsavedSettings.value = true;
  return refused;
}

/** Changes settings; answers why the core refused, or null. */
export async function setSettings(json: string): Promise<string | null> {
  const { refused } = await ask("set_settings", { json });
  evidenceChanged.value += 1;
  return changed(refused);
}

/** Takes a list of the analyst (empty text takes it away); answers why the core refused, or null. */
export async function setList(kind: string, name: string, text: string): Promise<string | null> {
  const { refused } = await ask("set_list", { kind, name, text });
  evidenceChanged.value += 1;
  return refused;
}

/** Gives an item's local times a zone; answers why the core refused, or null. */
export async function setZone(path: string, zone: string): Promise<string | null> {
  const { refused } = await ask("set_zone", { path, zone });
  evidenceChanged.value += 1;
  return changed(refused);
}

/** Says in which year an item's last record was written; answers why the core refused, or null. */
export async function setYear(path: string, year: string): Promise<string | null> {
  const { refused } = await ask("set_year", { path, year });
  evidenceChanged.value += 1;
  return changed(refused);
}

/** Says something of a pair; answers why the core refused, or null. */
export async function sayOfLink(say_: Asks["say_of_link"]["say"], pair: PairKey): Promise<string | null> {
  const { refused } = await ask("say_of_link", { say: say_, pair });
  if (refused !== null) say(refused);
  return changed(refused);
}

/** Says which VM a guest is; answers why the core refused, or null. */
export async function mapHost(host: string, resource: string): Promise<string | null> {
  const { refused } = await ask("map_host", { host, resource });
  return changed(refused);
}

export async function exportManifest(form: "csv" | "json"): Promise<void> {
  const { file_name, text } = await ask("export_manifest", { form });
  download(file_name, new TextEncoder().encode(text), form === "csv" ? "text/csv" : "application/json");
}

export async function hashMore(): Promise<void> {
  const { items } = await ask("hash_more", {});
  say(`MD5 and SHA-1 of ${items} items are being computed.`);
}
