// The events table: rows by place in time order, any number of them, fetched a page at a time.
//
// The scroll height is scaled when there are more rows than a browser's elements may be tall; a row is always drawn at its true place in the
// viewport. The table is the timeline's mirror for those who do not see the canvas.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { EventRow } from "../protocol.js";
import { ask, goToRow, rowsShown, say, select, selected, shown, shownRows } from "../state.js";
import { oneLine } from "../text.js";
import { valueMenu } from "./menu.js";

const ROW_PX = 24;
const PAGE_ROWS = 200;
/** Browsers stop drawing elements a few million pixels tall. */
const TALLEST_PX = 6_000_000;

const COLUMNS = ["Time (UTC)", "Kind", "Host", "Actor", "Address", "Operation", "Resource", "Outcome", "Summary"] as const;

export function Events(): JSX.Element {
  const { total, state } = rowsShown.value;
  const pages = useRef(new Map<number, { readonly rows: readonly EventRow[]; readonly state: string }>());
  const wanted = useRef(new Set<number>());
  const known = useRef("");
  const box = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const visible = useSignal(20);
  const drawn = useSignal(0);

  if (known.current !== state) {
    known.current = state;
    // Old pages stay until new ones are there: nothing flickers while reading goes on. The table says that it is busy for as long.
    wanted.current.clear();
  }
  const tall = Math.min(total * ROW_PX, TALLEST_PX);
  const rowsInView = (): number => Math.max(1, Math.floor((box.current?.clientHeight ?? 480) / ROW_PX));
  const lastFirst = Math.max(0, total - rowsInView());

  const fetchPage = (page: number): void => {
    if (wanted.current.has(page)) return;
    wanted.current.add(page);
    ask("rows", { first: page * PAGE_ROWS, count: PAGE_ROWS })
      .then((answer) => {
        pages.current.set(page, { rows: answer.rows, state });
        if (pages.current.size > 60) {
          const oldest = pages.current.keys().next();
          if (oldest.done !== true && oldest.value !== page) {
            pages.current.delete(oldest.value);
            wanted.current.delete(oldest.value);
          }
        }
        drawn.value += 1;
      })
      .catch((error: unknown) => {
        wanted.current.delete(page);
        say(String(error));
      });
  };
  const rowAt = (row: number): EventRow | undefined => pages.current.get(Math.floor(row / PAGE_ROWS))?.rows[row % PAGE_ROWS];

  const scrollTo = (row: number): void => {
    const element = box.current;
    if (element === null) return;
    first.value = Math.max(0, Math.min(row, lastFirst));
    const room = Math.max(1, tall - element.clientHeight);
    element.scrollTop = lastFirst === 0 ? 0 : (first.value / lastFirst) * room;
  };
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    const room = Math.max(1, tall - element.clientHeight);
    const row = Math.round((element.scrollTop / room) * lastFirst);
    // Scrolling that this table did itself must not move it by a rounding.
    if (Math.abs(row - first.value) > 0) first.value = row;
  };
  const onWheel = (event: WheelEvent): void => {
    if (tall < TALLEST_PX || event.ctrlKey) return;
    event.preventDefault();
    scrollTo(first.value + Math.round(event.deltaY / ROW_PX));
  };

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { visible.value = rowsInView() + 1; });
    watch.observe(element);
    return () => { watch.disconnect(); };
  }, [visible]);
  useEffect(() => {
    const go = goToRow.value;
    if (go !== null) scrollTo(go.row - Math.floor(rowsInView() / 3));
  }, [goToRow.value]);

  const range = Array.from({ length: Math.min(visible.value, Math.max(0, total - first.value)) }, (_, at) => first.value + at);
  const busy = range.some((row) => pages.current.get(Math.floor(row / PAGE_ROWS))?.state !== state);
  useEffect(() => {
    for (const page of new Set(range.map((row) => Math.floor(row / PAGE_ROWS)))) fetchPage(page);
  }, [first.value, visible.value, state, total]);
  useEffect(() => {
    const rows = range.map(rowAt).filter((row) => row !== undefined);
    shownRows.value = { first: rows[0] ?? null, last: rows.at(-1) ?? null };
  }, [first.value, visible.value, drawn.value]);

  const move = (to: number): void => {
    const row = Math.max(0, Math.min(total - 1, to));
    if (row < first.value || row >= first.value + rowsInView() - 1) scrollTo(row < first.value ? row : row - rowsInView() + 2);
    const there = rowAt(row);
    if (there !== undefined) void select(there);
    else void ask("rows", { first: row, count: 1 }).then((answer) => (answer.rows[0] === undefined ? undefined : select(answer.rows[0])));
  };
  const onKey = (event: KeyboardEvent): void => {
    const now = selected.value?.row ?? first.value - 1;
    const chosen = selected.value === null ? undefined : rowAt(selected.value.row);
    if ((event.key === "ContextMenu" || event.key === "m") && chosen !== undefined) {
      event.preventDefault();
      const place = box.current?.querySelector("[aria-selected=true]")?.getBoundingClientRect();
      const fields: readonly [string, string | null][] = [["caller", chosen.actor], ["ip", chosen.ip], ["host", chosen.host], ["operation", chosen.operation], ["resource", chosen.resource], ["kind", chosen.kind], ["outcome", chosen.outcome]];
      valueMenu((place?.left ?? 0) + 40, place?.bottom ?? 0, chosen, fields.map(([field, value]) => [field, value ?? ""]));
      return;
    }
    const steps: Record<string, number> = {
      ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + rowsInView(), PageUp: now - rowsInView(), Home: 0, End: total - 1, j: now + 1, k: now - 1,
    };
    const to = steps[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(to);
  };

  return (
    <div class="events" role="table" aria-label="Events" aria-rowcount={total} aria-busy={busy}>
      <div class="row head" role="row">
        {COLUMNS.map((name) => <span key={name} role="columnheader">{name}</span>)}
      </div>
      <div class="rows" ref={box} tabIndex={0} role="rowgroup" aria-label="Event rows; arrow keys move, the details open beside" onScroll={onScroll} onWheel={onWheel} onKeyDown={onKey}>
        <div class="tall" ref={(element) => { element?.style.setProperty("height", `${Math.max(tall, 1)}px`); }}>
          <div class="window" role="presentation">
            {range.map((at) => <Row key={at} at={at} row={rowAt(at)} />)}
            {total === 0 && (shown.value?.filter ?? "") !== "" ? <p class="hint none">No event passes the filter.</p> : null}
          </div>
        </div>
      </div>
    </div>
  );
}

function Row({ at, row }: { at: number; row: EventRow | undefined }): JSX.Element {
  if (row === undefined) return <div class="row waiting" role="row" aria-rowindex={at + 1}><span>…</span></div>;
  const chosen = selected.value?.item === row.item && selected.value.ordinal === row.ordinal;
  const bare = row.time_basis === null || row.time_basis === "utc" || row.time_basis === "offset";
  return (
    <div class="row" role="row" aria-rowindex={at + 1} aria-selected={chosen} data-kind={row.kind} onClick={() => select(row)} onContextMenu={(event) => { openMenu(event, row); }}>
      <span role="cell" class="time" title={row.time_basis === null ? "the record gives no time" : `time basis: ${row.time_basis}`}>
        {row.time?.replace("T", " ").replace("Z", "") ?? "–"}
        {bare ? null : <i class="basis">{row.time_basis === "assumed-utc" ? "UTC?" : row.time_basis === "year-inferred" ? "year?" : "local"}</i>}
      </span>
      <span role="cell" class="kind" data-field="kind">{row.kind}</span>
      <Cell field="host" text={row.host} />
      <Cell field="caller" text={row.actor} />
      <Cell field="ip" text={row.ip} />
      <Cell field="operation" text={row.operation} />
      <Cell field="resource" text={row.resource} shown={row.resource?.split("/").filter((part) => part !== "").slice(-2).join("/") ?? null} />
      <span role="cell" data-field="outcome" class={`outcome ${row.outcome ?? ""}`}>{row.outcome ?? ""}</span>
      <Cell text={row.summary} />
    </div>
  );
}

/** `field` names the cell's value in the language of the filter. */
function Cell({ field, text, shown: short }: { field?: string; text: string | null; shown?: string | null }): JSX.Element {
  return <span role="cell" data-field={field} title={text ?? ""}>{text === null ? "" : oneLine(short ?? text)}</span>;
}

/** What can be done with the value under the pointer. */
function openMenu(event: MouseEvent, row: EventRow): void {
  const cell = event.target instanceof Element ? event.target.closest("[data-field]") : null;
  const field = cell?.getAttribute("data-field") ?? null;
  const values: Record<string, string | null> = { kind: row.kind, host: row.host, caller: row.actor, ip: row.ip, operation: row.operation, resource: row.resource, outcome: row.outcome };
  event.preventDefault();
  void select(row);
  valueMenu(event.clientX, event.clientY, row, field === null ? [] : [[field, values[field] ?? ""]]);
}
