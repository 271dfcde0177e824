// The executions: who asked joined with what ran, one a row, sorted and filtered by column; below the list the story of the one chosen.
//
// The core sorts and filters and hands over a page at a time, so that ten thousand executions scroll like ten. A row is remembered by the name of
// its first event, which stays when links are solved again; its place does not.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { listStep } from "../keys.js";
import type { Answers, EventName, ExecutionColumn, ExecutionRow } from "../protocol.js";
import { ask, executionFilters, overview, say, told } from "../state.js";
import { count, oneLine, plural, when } from "../text.js";
import { MappingPanel } from "./mapping.js";
import { StoryOf } from "./story.js";

const ROW_PX = 26;
const PAGE_ROWS = 200;
/** Browsers stop drawing elements a few million pixels tall. */
const TALLEST_PX = 6_000_000;

interface Shown {
  readonly column: ExecutionColumn;
  readonly title: string;
  /** The words a column has; none where any text may stand there. */
  readonly words?: readonly string[];
}

const COLUMNS: readonly Shown[] = [
  { column: "severity", title: "Severity", words: ["critical", "high", "medium", "low", "info"] },
  { column: "time", title: "Time (cloud)" },
  { column: "caller", title: "Caller" },
  { column: "machine", title: "VM or host" },
  { column: "family", title: "Family", words: ["action", "managed", "immediate", "extension"] },
  { column: "name", title: "Name, number" },
  { column: "outcome", title: "Operation", words: ["succeeded", "failed", "accepted", "started", "unknown"] },
  { column: "state", title: "Run, exit code" },
  { column: "confidence", title: "Link", words: ["confirmed", "high", "medium", "low", "cloud only", "guest only"] },
  { column: "score", title: "Script" },
];

export const same = (one: EventName | null, other: EventName | null): boolean =>
  one !== null && other !== null && one.item === other.item && one.ordinal === other.ordinal;

export function Executions(): JSX.Element {
  const sort = useSignal<ExecutionColumn>("time");
  const descending = useSignal(false);
  const filters = executionFilters;
  const answer = useSignal<Answers["executions"] | null>(null);
  const pages = useRef(new Map<number, readonly ExecutionRow[]>());
  const first = useSignal(0);
  const room = useSignal(20);
  const drawn = useSignal(0);
  const hosts = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const asked = useRef(0);
  /** The row that keys move from: known even where its page is not. */
  const at = useRef(-1);
  const revision = overview.value?.revision ?? 0;
  const total = answer.value?.total ?? 0;
  const tall = Math.min(total * ROW_PX, TALLEST_PX);

  const page = (number: number): void => {
    const mine = asked.current;
    ask("executions", { first: number * PAGE_ROWS, count: PAGE_ROWS, sort: sort.peek(), descending: descending.peek(), filters: filters.peek() })
      .then((found) => {
        if (mine !== asked.current) return;
        pages.current.set(number, found.rows);
        answer.value = found;
        drawn.value += 1;
      })
      .catch((error: unknown) => { say(String(error)); });
  };
  const wanted = useRef(new Set<number>());
  const rows = Array.from({ length: Math.min(room.value, Math.max(0, total - first.value)) }, (_, place) => first.value + place);
  useEffect(() => {
    // Another order: what was fetched is of the old one.
    asked.current += 1;
    pages.current.clear();
    wanted.current = new Set([Math.floor(first.peek() / PAGE_ROWS)]);
    for (const number of wanted.current) page(number);
  }, [sort.value, descending.value, filters.value, revision]);
  useEffect(() => {
    for (const number of new Set(rows.map((row) => Math.floor(row / PAGE_ROWS)))) {
      if (wanted.current.has(number)) continue;
      wanted.current.add(number);
      page(number);
    }
  }, [first.value, room.value, total]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { room.value = Math.max(1, Math.ceil(element.clientHeight / ROW_PX)) + 1; });
    watch.observe(element);
    return () => { watch.disconnect(); };
  }, []);

  const rowAt = (place: number): ExecutionRow | undefined => pages.current.get(Math.floor(place / PAGE_ROWS))?.[place % PAGE_ROWS];
  const inView = (): number => Math.max(1, Math.floor((box.current?.clientHeight ?? 300) / ROW_PX));
  const scrollTo = (place: number): void => {
    const element = box.current;
    if (element === null) return;
    const last = Math.max(1, total - inView());
    element.scrollTop = (Math.min(place, last) / last) * Math.max(0, tall - element.clientHeight);
  };
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    const space = Math.max(1, tall - element.clientHeight);
    first.value = Math.max(0, Math.round((element.scrollTop / space) * Math.max(0, total - inView())));
  };
  const choose = (place: number): void => {
    const row = Math.max(0, Math.min(total - 1, place));
    if (row < first.value || row >= first.value + inView()) scrollTo(row < first.value ? row : row - inView() + 1);
    at.current = row;
    const known = rowAt(row);
    if (known !== undefined) told.value = known.name;
    else void ask("executions", { first: row, count: 1, sort: sort.peek(), descending: descending.peek(), filters: filters.peek() }).then((found) => { told.value = found.rows[0]?.name ?? told.peek(); });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = rows.findIndex((place) => same(rowAt(place)?.name ?? null, told.peek()));
    const now = shown >= 0 ? (rows[shown] ?? -1) : at.current;
    const to = listStep(event.key, now, inView(), total);
    if (event.key === "Escape") told.value = null;
    else if (event.key === "Enter") document.querySelector<HTMLElement>("[data-test=story]")?.focus();
    else if (to === undefined) return;
    else choose(to);
    event.preventDefault();
  };
  const order = (column: ExecutionColumn): void => {
    const again = sort.value === column;
    // What is worst comes first where there is a worst.
    descending.value = again ? !descending.value : column === "severity" || column === "score" || column === "confidence";
    sort.value = column;
    scrollTo(0);
  };
  const filtered = Object.values(filters.value).some((text) => text !== "");
  const filter = (column: ExecutionColumn, text: string): void => {
    filters.value = { ...filters.value, [column]: text };
    first.value = 0;
    scrollTo(0);
  };
  const known = answer.value;

  return (
    <div class="executions" data-test="executions" data-story={told.value !== null} data-drawn={drawn.value}>
      <div class="tools executions-tools">
        <span class="soft" role="status" data-test="execution-count">
          {known === null ? "Loading…" : `${filtered ? `${count(known.total)} of ` : ""}${plural(known.of, "execution")} · ${count(known.linked)} with both sides`}
        </span>
        {filtered ? <button type="button" class="quiet" onClick={() => { filters.value = {}; }}>Clear filters</button> : null}
        <span class="space" />
        <button type="button" aria-expanded={hosts.value} data-test="mapping-button" onClick={() => { hosts.value = !hosts.value; }}>Hosts, clocks and what you said</button>
      </div>
      {hosts.value ? <MappingPanel /> : null}
      <div class="execution-list" role="table" aria-label="Executions" aria-rowcount={total}>
        <div class="xrow head" role="row">
          {COLUMNS.map(({ column, title }) => (
            <span key={column} role="columnheader" aria-sort={sort.value !== column ? "none" : descending.value ? "descending" : "ascending"}>
              <button type="button" class="sort" onClick={() => { order(column); }}>{title}{sort.value === column ? (descending.value ? " ▾" : " ▴") : ""}</button>
            </span>
          ))}
        </div>
        <div class="xrow filters" role="row">
          {COLUMNS.map(({ column, title, words }) => (
            <span key={column} role="cell">
              {words === undefined ? (
                <input type="search" placeholder="filter" aria-label={`Filter ${title}`} value={filters.value[column] ?? ""} onInput={(event) => { filter(column, event.currentTarget.value); }} />
              ) : (
                <select aria-label={`Filter ${title}`} value={filters.value[column] ?? ""} onChange={(event) => { filter(column, event.currentTarget.value); }}>
                  <option value="">all</option>
                  {words.map((word) => <option key={word} value={word}>{word}</option>)}
                </select>
              )}
            </span>
          ))}
        </div>
        <div class="rows" ref={box} tabIndex={0} role="rowgroup" aria-label="Executions; arrow keys tell the story of the next, Enter goes to it, Escape closes it" onScroll={onScroll} onKeyDown={onKey}>
          <div class="tall" ref={(element) => { element?.style.setProperty("height", `${Math.max(tall, 1)}px`); }}>
            <div class="window" role="presentation">
              {rows.map((place) => <Row key={place} place={place} row={rowAt(place)} choose={choose} />)}
            </div>
          </div>
          {known !== null && known.total === 0 ? <p class="hint">{known.of === 0 ? "No Run Command was found: neither in the cloud's logs nor on a guest." : "No execution passes these filters."}</p> : null}
        </div>
      </div>
      {told.value === null ? null : <StoryOf name={told.value} />}
    </div>
  );
}

function Row({ place, row, choose }: { place: number; row: ExecutionRow | undefined; choose: (place: number) => void }): JSX.Element {
  if (row === undefined) return <div class="xrow waiting" role="row" aria-rowindex={place + 1}><span role="cell">…</span></div>;
  const cell = (text: string | null): JSX.Element => <span role="cell" title={text === null ? "" : oneLine(text)}>{text === null ? "" : oneLine(text)}</span>;
  const code = row.exit_code === null ? "" : ` · ${row.exit_code}`;
  const script = [row.score === null ? "" : String(row.score), row.indicators.join(" "), row.script ?? ""].filter((part) => part !== "").join(" · ");
  return (
    <div class="xrow" role="row" aria-rowindex={place + 1} aria-selected={same(row.name, told.value)} data-execution={row.execution} data-sides={row.sides} onClick={() => { choose(place); }}>
      <span role="cell">{row.severity === null ? <span class="soft">–</span> : <span class={`severity ${row.severity}`}>{row.severity}</span>}</span>
      <span role="cell" class="time">{row.time === null ? "–" : when(row.time)}</span>
      {row.caller === null ? <span role="cell" class="soft">{row.sides === "guest" ? "not in the evidence" : ""}</span> : cell(row.caller)}
      {cell(row.machine)}
      {cell(row.family)}
      {cell(row.label)}
      <span role="cell" class={`outcome ${row.outcome ?? ""}`}>{row.outcome ?? "–"}</span>
      <span role="cell" class={`outcome ${row.state ?? ""}`}>{row.state === null ? "–" : `${row.state}${code}`}</span>
      <span role="cell"><Confidence confidence={row.confidence} sides={row.sides} /></span>
      {cell(script)}
    </div>
  );
}

/** How sure a link is: by shape and word, not by colour alone. */
export function Confidence({ confidence, sides }: { confidence: string | null; sides: string }): JSX.Element {
  const marks: Record<string, string> = { confirmed: "✔", high: "●", medium: "◐", low: "○" };
  if (confidence === null) return <span class="link-mark none">◌ {sides} only</span>;
  return <span class={`link-mark ${confidence}`}>{marks[confidence] ?? ""} {confidence}</span>;
}
