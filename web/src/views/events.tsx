// The events table: rows by place in the order shown, any number of them, fetched a page at a time.
//
// The scroll height is scaled when there are more rows than a browser's elements may be tall; a row is always drawn at its true place in the
// viewport. The table is the timeline's mirror for those who do not see the canvas.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { zoneName } from "../clock.js";
import { addTag, noteOf, toggleStars } from "../notes.js";
import type { EventRow } from "../protocol.js";
import { ask, goToRow, rowsShown, say, select, selected, showInFile, shown, shownRows, sort } from "../state.js";
import { columnOf, columns, type Column } from "../table.js";
import { oneLine } from "../text.js";
import { EventsHead } from "./events_head.js";
import { copyRows, EventsTools, tagging } from "./events_tools.js";
import { valueMenu } from "./menu.js";

const ROW_PX = 24;
const PAGE_ROWS = 200;
/** Rows that can be chosen together. */
const MOST_CHOSEN = 10_000;
/** Browsers stop drawing elements a few million pixels tall. */
const TALLEST_PX = 6_000_000;

const key = (row: { item: number; ordinal: number }): string => `${row.item}:${row.ordinal}`;

export function Events(): JSX.Element {
  const { total } = rowsShown.value;
  const order = sort.value;
  const state = `${rowsShown.value.state}:${order.by}:${order.descending}`;
  const pages = useRef(new Map<number, { readonly rows: readonly EventRow[]; readonly state: string }>());
  const wanted = useRef(new Set<number>());
  const known = useRef("");
  const box = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const visible = useSignal(20);
  const drawn = useSignal(0);
  /** Chosen rows by the name of their event, and the row from which a choice is extended. */
  const chosen = useSignal<ReadonlyMap<string, EventRow>>(new Map());
  const anchor = useRef(0);

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
    ask("rows", { first: page * PAGE_ROWS, count: PAGE_ROWS, sort: order })
      .then((answer) => {
        // Another order or filter may be in force by now.
        if (known.current !== state) return;
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
    // Only rows in order of time are a part of the timeline.
    const rows = order.by === "time" ? range.map(rowAt).filter((row) => row !== undefined) : [];
    const [early = null, late = null] = order.descending ? [rows.at(-1), rows[0]] : [rows[0], rows.at(-1)];
    shownRows.value = { first: early, last: late };
  }, [first.value, visible.value, drawn.value, order]);

  const fetched = async (row: number): Promise<EventRow | undefined> =>
    rowAt(row) ?? (await ask("rows", { first: row, count: 1, sort: order })).rows[0];
  const chooseOnly = (row: EventRow): void => {
    chosen.value = new Map([[key(row), row]]);
    anchor.current = row.row;
    void select(row);
  };
  const chooseTo = async (to: number): Promise<void> => {
    const [from, end] = [Math.min(anchor.current, to), Math.max(anchor.current, to)];
    if (end - from >= MOST_CHOSEN) say(`At most ${MOST_CHOSEN} events can be chosen together.`);
    const { rows } = await ask("rows", { first: from, count: Math.min(MOST_CHOSEN, end - from + 1), sort: order });
    chosen.value = new Map(rows.map((row) => [key(row), row]));
    const there = await fetched(to);
    if (there !== undefined) void select(there);
  };
  const toggle = (row: EventRow): void => {
    const next = new Map(chosen.peek());
    if (!next.delete(key(row))) next.set(key(row), row);
    chosen.value = next;
    anchor.current = row.row;
    void select(row);
  };
  const onRow = (event: MouseEvent, row: EventRow): void => {
    box.current?.focus({ preventScroll: true });
    if (event.shiftKey) void chooseTo(row.row);
    else if (event.ctrlKey || event.metaKey) toggle(row);
    else chooseOnly(row);
  };
  const move = async (to: number, extend: boolean): Promise<void> => {
    const row = Math.max(0, Math.min(total - 1, to));
    if (row < first.value || row >= first.value + rowsInView() - 1) scrollTo(row < first.value ? row : row - rowsInView() + 2);
    if (extend) {
      await chooseTo(row);
      return;
    }
    const there = await fetched(row);
    if (there !== undefined) chooseOnly(there);
  };
  const openMenu = (event: MouseEvent, row: EventRow): void => {
    const cell = event.target instanceof Element ? event.target.closest("[data-field]") : null;
    const field = cell?.getAttribute("data-field") ?? null;
    event.preventDefault();
    if (!chosen.value.has(key(row))) chooseOnly(row);
    valueMenu(event.clientX, event.clientY, row, field === null ? [] : [[field, valueOf(field, row)]]);
  };
  /** The events that a command is about, as they were seen last: those chosen, else the selected one. */
  const meant = (): EventRow[] => {
    const now = selected.peek();
    const one = now === null ? undefined : rowAt(now.row);
    const all = [...chosen.peek().values()].map((row) => {
      const there = rowAt(row.row);
      return there !== undefined && key(there) === key(row) ? there : row;
    });
    return all.length > 0 ? all : one === undefined ? [] : [one];
  };
  /** Chosen events bear what was just noted of them. */
  const noted = (rows: readonly EventRow[]): void => {
    if (chosen.peek().size > 0) chosen.value = new Map(rows.map((row) => [key(row), row]));
  };
  const onKey = (event: KeyboardEvent): void => {
    const now = selected.value?.row ?? first.value - 1;
    const there = selected.value === null ? undefined : rowAt(selected.value.row);
    if ((event.ctrlKey || event.metaKey) && event.key === "c" && (window.getSelection()?.isCollapsed ?? true)) {
      event.preventDefault();
      void copyRows(meant(), "tsv");
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      event.preventDefault();
      anchor.current = 0;
      void chooseTo(total - 1);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === "ContextMenu" || event.key === "m") && there !== undefined) {
      event.preventDefault();
      const place = box.current?.querySelector("[aria-selected=true]")?.getBoundingClientRect();
      const fields = ["caller", "ip", "host", "operation", "resource", "kind", "outcome"];
      valueMenu((place?.left ?? 0) + 40, place?.bottom ?? 0, there, fields.map((field) => [field, valueOf(field, there)]));
      return;
    }
    const acts: Record<string, () => void> = {
      s: () => { void toggleStars(meant()).then(noted); },
      t: () => { tagging.value = true; },
      " ": () => { if (there !== undefined) toggle(there); },
      f: () => { if (there !== undefined) void ask("detail", there).then(({ offset, length }) => { showInFile({ item: there.item, offset, length }); }); },
      Escape: () => { chosen.value = new Map(); },
    };
    const act = acts[event.key];
    if (act !== undefined) {
      event.preventDefault();
      act();
      return;
    }
    const steps: Record<string, number> = {
      ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + rowsInView(), PageUp: now - rowsInView(), Home: 0, End: total - 1, j: now + 1, k: now - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    void move(to, event.shiftKey);
  };

  const shownColumns = columns.value.map(({ name }) => columnOf(name));
  const template = columns.value.map(({ name, width }) => (name === "summary" ? `minmax(${width}px, 1fr)` : `${width}px`)).join(" ");
  const wide = columns.value.reduce((sum, { width }) => sum + width + 10, 60);
  return (
    <>
      <EventsTools rows={meant} count={chosen.value.size} star={() => toggleStars(meant()).then(noted)} tag={(tag) => addTag(meant(), tag).then(noted)} clear={() => { chosen.value = new Map(); }} />
      <div class="events" role="table" aria-label="Events" aria-rowcount={total} aria-busy={busy} ref={(element) => {
        element?.style.setProperty("--columns", `18px ${template}`);
        element?.style.setProperty("--wide", `${wide}px`);
      }}>
        <EventsHead columns={shownColumns} zone={zoneName.value} />
        <div class="rows" ref={box} tabIndex={0} role="rowgroup" aria-label="Event rows; arrow keys move, shift extends, the details open beside" onScroll={onScroll} onWheel={onWheel} onKeyDown={onKey}>
          <div class="tall" ref={(element) => { element?.style.setProperty("height", `${Math.max(tall, 1)}px`); }}>
            <div class="window" role="presentation">
              {range.map((at) => {
                const row = rowAt(at);
                return row === undefined
                  ? <div key={at} class="row waiting" role="row" aria-rowindex={at + 1}><span /><span>…</span></div>
                  : <Row key={at} at={at} row={row} columns={shownColumns} chosen={chosen.value.has(key(row))} click={onRow} menu={openMenu} />;
              })}
              {total === 0 && (shown.value?.filter ?? "") !== "" ? <p class="hint none">No event passes the filter.</p> : null}
            </div>
          </div>
        </div>
      </div>
    </>
  );
}

/** The value that the filter knows a cell by. */
function valueOf(field: string, row: EventRow): string {
  const values: Record<string, string | null> = {
    kind: row.kind, host: row.host, caller: row.actor, ip: row.ip, operation: row.operation, resource: row.resource, outcome: row.outcome,
    correlation: row.correlation, path: row.path, format: row.format, basis: row.time_basis, record: String(row.record), bytes: String(row.bytes), tag: row.note?.tags[0] ?? null,
  };
  return values[field] ?? "";
}

interface RowProps {
  readonly at: number;
  readonly row: EventRow;
  readonly columns: readonly Column[];
  readonly chosen: boolean;
  readonly click: (event: MouseEvent, row: EventRow) => void;
  readonly menu: (event: MouseEvent, row: EventRow) => void;
}

function Row({ at, row, columns: shownColumns, chosen, click, menu }: RowProps): JSX.Element {
  const open = selected.value?.item === row.item && selected.value.ordinal === row.ordinal;
  const note = noteOf(row);
  const said = [note.starred ? "starred" : "", ...note.tags.map((tag) => `#${tag}`), note.comment].filter((word) => word !== "").join(" · ");
  return (
    <div class="row" role="row" aria-rowindex={at + 1} aria-selected={open || chosen} data-open={open} data-kind={row.kind} onClick={(event) => { click(event, row); }} onContextMenu={(event) => { menu(event, row); }}>
      <span role="cell" class="star">
        <button type="button" tabIndex={-1} aria-pressed={note.starred} aria-label={said === "" ? "Star this event" : `Noted: ${oneLine(said)}`} title={oneLine(said)}
          onClick={(event) => { event.stopPropagation(); void toggleStars([row]); }}>{note.starred ? "★" : said === "" ? "☆" : "⚑"}</button>
      </span>
      {shownColumns.map((column) => <Cell key={column.name} column={column} row={row} />)}
    </div>
  );
}

function Cell({ column, row }: { column: Column; row: EventRow }): JSX.Element {
  const text = column.text(row);
  if (column.name === "time") {
    const bare = row.time_basis === null || row.time_basis === "utc" || row.time_basis === "offset";
    const basis = row.time_basis === null ? "the record gives no time" : `${text} · time basis: ${row.time_basis}`;
    return (
      <span role="cell" class="time" title={basis}>
        {column.brief?.(row) ?? text}
        {bare ? null : <i class="basis">{row.time_basis === "assumed-utc" ? "UTC?" : row.time_basis === "year-inferred" ? "year?" : "local"}</i>}
      </span>
    );
  }
  const extra = column.name === "outcome" ? `outcome ${row.outcome ?? ""}` : column.name === "kind" ? "kind" : column.name === "corrected" ? "time" : undefined;
  return <span role="cell" class={extra} data-field={column.field ?? undefined} title={oneLine(text)}>{oneLine(column.brief?.(row) ?? text)}</span>;
}
