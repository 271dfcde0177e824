// The columns of the events table: what each shows, which are shown, how wide and in which order; and rows as text for another program.
//
// What a cell may hold is the core's to say; here it is only drawn. Copies hold what the table shows, with the exact time: summaries come with
// their secrets as dots already.

import { signal } from "@preact/signals";
import { oneLine, short, when } from "./text.js";
import type { EventRow } from "./protocol.js";
import type { EventColumn } from "./protocol/workbench.js";

export type ColumnName = EventColumn | "summary";

export interface Column {
  readonly name: ColumnName;
  readonly heading: string;
  /** In px at first. */
  readonly width: number;
  /** What the filter calls its values. */
  readonly field: string | null;
  readonly text: (row: EventRow) => string;
  /** What is drawn where that is less than the text. */
  readonly brief?: (row: EventRow) => string;
}

const lastParts = (path: string): string => path.split("/").filter((part) => part !== "").slice(-2).join("/");

export const COLUMNS: readonly Column[] = [
  { name: "time", heading: "Time", width: 264, field: null, text: (row) => row.time ?? "", brief: (row) => (row.time === null ? "–" : when(row.time, row.own_time)) },
  { name: "corrected", heading: "Time by the cloud's clock", width: 190, field: null, text: (row) => row.corrected ?? "", brief: (row) => (row.corrected === null ? "" : short(row.corrected)) },
  { name: "kind", heading: "Kind", width: 138, field: "kind", text: (row) => row.kind },
  { name: "host", heading: "Host", width: 92, field: "host", text: (row) => row.host ?? "" },
  { name: "caller", heading: "Caller", width: 150, field: "caller", text: (row) => row.actor ?? "" },
  { name: "ip", heading: "Address", width: 112, field: "ip", text: (row) => row.ip ?? "" },
  { name: "operation", heading: "Operation", width: 150, field: "operation", text: (row) => row.operation ?? "" },
  { name: "resource", heading: "Resource", width: 120, field: "resource", text: (row) => row.resource ?? "", brief: (row) => lastParts(row.resource ?? "") },
  { name: "outcome", heading: "Outcome", width: 78, field: "outcome", text: (row) => row.outcome ?? "" },
  { name: "tags", heading: "Tags", width: 110, field: "tag", text: (row) => (row.note?.tags ?? []).map((tag) => `#${tag}`).join(" ") },
  { name: "comment", heading: "Comment", width: 180, field: null, text: (row) => row.note?.comment ?? "" },
  { name: "correlation", heading: "Correlation id", width: 270, field: "correlation", text: (row) => row.correlation ?? "" },
  { name: "path", heading: "File", width: 220, field: "path", text: (row) => row.path, brief: (row) => lastParts(row.path) },
  { name: "format", heading: "Format", width: 130, field: "format", text: (row) => row.format },
  { name: "basis", heading: "Clock", width: 100, field: "basis", text: (row) => row.time_basis ?? "" },
  { name: "record", heading: "Record", width: 70, field: "record", text: (row) => String(row.record) },
  { name: "bytes", heading: "Bytes", width: 70, field: "bytes", text: (row) => String(row.bytes) },
  { name: "summary", heading: "Summary", width: 460, field: null, text: (row) => row.summary },
];

export interface ShownColumn {
  readonly name: ColumnName;
  readonly width: number;
}

const FIRST: readonly ColumnName[] = ["time", "kind", "host", "caller", "ip", "operation", "resource", "outcome", "summary"];
export const LEAST_WIDTH_PX = 44;

const atFirst = (): ShownColumn[] => FIRST.map((name) => ({ name, width: columnOf(name).width }));

export function columnOf(name: ColumnName): Column {
  const column = COLUMNS.find((one) => one.name === name);
  if (column === undefined) throw new Error(`there is no column ${name}`);
  return column;
}

/** The columns shown, in their order. */
export const columns = signal<readonly ShownColumn[]>(atFirst());

export function showColumn(name: ColumnName, on: boolean): void {
  const others = columns.peek().filter((column) => column.name !== name);
  if (!on) columns.value = others.length === 0 ? columns.peek() : others;
  // The summary takes what is left of the width: what is added stands before it.
  else columns.value = [...others.filter((column) => column.name !== "summary"), { name, width: columnOf(name).width }, ...others.filter((column) => column.name === "summary")];
}

export function moveColumn(name: ColumnName, to: number): void {
  const now = columns.peek();
  const column = now.find((one) => one.name === name);
  if (column === undefined) return;
  const others = now.filter((one) => one !== column);
  const place = Math.max(0, Math.min(others.length, to));
  columns.value = [...others.slice(0, place), column, ...others.slice(place)];
}

export function widenColumn(name: ColumnName, width: number): void {
  columns.value = columns.peek().map((column) => (column.name === name ? { name, width: Math.max(LEAST_WIDTH_PX, Math.round(width)) } : column));
}

export function columnsAsAtFirst(): void {
  columns.value = atFirst();
}

/** A cell that no spreadsheet takes for a formula, and that stays in its cell. */
function neutral(text: string): string {
  const line = oneLine(text);
  return /^[\s]*[=+\-@]/.test(line) ? `'${line}` : line;
}

/** Rows as the table shows them, for a spreadsheet. */
export function asTsv(rows: readonly EventRow[]): string {
  const shown = columns.peek().map(({ name }) => columnOf(name));
  const lines = rows.map((row) => shown.map((column) => neutral(column.text(row))).join("\t"));
  return [shown.map((column) => (column.name === "time" ? "Time (UTC)" : column.heading)).join("\t"), ...lines].join("\n");
}

/** The same by name, with the place of each event. */
export function asJson(rows: readonly EventRow[]): string {
  const shown = columns.peek().map(({ name }) => columnOf(name));
  return JSON.stringify(rows.map((row) => ({
    ...Object.fromEntries(shown.map((column) => [column.name, column.text(row)])),
    path: row.path,
    record: row.record,
    ordinal: row.ordinal,
  })), null, 2);
}
