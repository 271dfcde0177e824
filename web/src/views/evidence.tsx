// Every item that came in: what it is, how far it has come, what was wrong with it.
//
// A collected guest is tens of thousands of small files: the core sorts and looks, and only the rows in view are here. What the analyst knows of an
// item (the zone of its clock, its year) is said in the panel beside the list.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { copy } from "../outtake.js";
import type { EvidenceColumn, EvidenceItem, EvidencePage, EvidenceRow } from "../protocol.js";
import { ask, evidenceChanged, evidenceLike, evidenceShown as open, exportManifest, hashMore, overview, say, setYear, setZone, showInFile } from "../state.js";
import { bytes, count, oneLine, plural, when } from "../text.js";
import { DraftField } from "./draft.js";
import { SessionEvidence } from "./share.js";
import { VirtualList } from "./virtual_list.js";

const LINE_PX = 28;
const PAGE_ROWS = 100;
const MOST_PAGES = 40;
/** Between two looks at a list whose items are being read. */
const AGAIN_MS = 250;

const COLUMNS: readonly { readonly column: EvidenceColumn; readonly title: string; readonly number?: true }[] = [
  { column: "problems", title: "State" },
  { column: "path", title: "Path" },
  { column: "format", title: "Format" },
  { column: "host", title: "Host" },
  { column: "size", title: "Size", number: true },
  { column: "records", title: "Records", number: true },
  { column: "events", title: "Events", number: true },
  { column: "skipped", title: "Skipped", number: true },
  { column: "first", title: "First – last" },
  { column: "clock", title: "Clock" },
];

export function Evidence(): JSX.Element {
  const sort = useSignal<EvidenceColumn>("path");
  const descending = useSignal(false);
  const text = useSignal("");
  const active = useSignal(-1);
  const page = useSignal<EvidencePage | null>(null);
  const pages = useRef(new Map<number, readonly EvidenceRow[]>());
  const view = useRef<readonly [number, number]>([0, 0]);
  const asked = useRef(0);
  const like = evidenceLike.value;
  const fetch = (number: number): void => {
    const mine = asked.current;
    ask("evidence", { first: number * PAGE_ROWS, count: PAGE_ROWS, sort: sort.peek(), descending: descending.peek(), text: text.peek(), like: evidenceLike.peek() })
      .then((found) => {
        if (mine !== asked.current) return;
        if (pages.current.size >= MOST_PAGES) pages.current.clear();
        pages.current.set(number, found.rows);
        page.value = found;
      })
      .catch((error: unknown) => { say(String(error)); });
  };
  const inView = useCallback((first: number, many: number): void => {
    view.current = [first, many];
    for (let number = Math.floor(first / PAGE_ROWS); number * PAGE_ROWS < first + many; number += 1) if (!pages.current.has(number)) fetch(number);
  }, []);
  /** The rows in view, anew: those out of view are fetched when they are wanted. */
  const again = (): void => {
    asked.current += 1;
    const [first, many] = view.current;
    const from = Math.floor(first / PAGE_ROWS);
    for (const number of pages.current.keys()) if (number < from || number * PAGE_ROWS > first + many) pages.current.delete(number);
    for (let number = from; number === from || number * PAGE_ROWS < first + many; number += 1) fetch(number);
  };
  useEffect(() => {
    pages.current.clear();
    active.value = -1;
    again();
  }, [sort.value, descending.value, text.value, like]);
  useEffect(again, [overview.value?.revision, overview.value?.reading, evidenceChanged.value]);
  const reading = overview.value?.reading === true;
  useEffect(() => {
    if (!reading) return undefined;
    const timer = setInterval(again, AGAIN_MS);
    return () => { clearInterval(timer); };
  }, [reading]);
  const rowAt = (at: number): EvidenceRow | undefined => pages.current.get(Math.floor(at / PAGE_ROWS))?.[at % PAGE_ROWS];
  const move = (at: number): void => {
    active.value = at;
    open.value = rowAt(at)?.item ?? null;
  };
  const now = page.value;
  const sortBy = (column: EvidenceColumn, number: boolean): void => {
    [descending.value, sort.value] = [sort.value === column ? !descending.value : number || column === "problems", column];
  };
  return (
    <div class="findings-split evidence" data-test="evidence" data-open={open.value !== null}>
      <div class="findings-list">
        <div class="findings-tools">
          <input type="search" aria-label="Items whose path, format or host holds this text" placeholder="Text in path, format, host" value={text.value} onInput={(event) => { text.value = event.currentTarget.value; }} />
          {like === null ? null : <button type="button" class="chip" aria-pressed="true" data-test="evidence-like" onClick={() => { evidenceLike.value = null; }}>{like === "unread" ? "not read to the end" : `with problems: ${like}`} ✕</button>}
          <span class="soft" data-test="evidence-count">{now === null ? "" : `${plural(now.total, "item")}${now.total === now.of ? "" : ` of ${count(now.of)}`}`}</span>
          <span class="space" />
          <span class="soft">{now === null || now.compared.length === 0 ? "" : `Against the manifest: ${now.compared.map(([verdict, many]) => `${count(many)} ${verdict}`).join(" · ")}.`}</span>
          <button type="button" title="Drop it beside the evidence later to see what changed." onClick={() => exportManifest("csv")}>Manifest (CSV)</button>
          <button type="button" title="Drop it beside the evidence later to see what changed." onClick={() => exportManifest("json")}>Manifest (JSON)</button>
          <button type="button" onClick={() => hashMore()}>Compute MD5 and SHA-1</button>
        </div>
        <SessionEvidence />
        <div class="evidence-line head" role="group" aria-label="Sort the evidence">
          {COLUMNS.map(({ column, title, number }) => (
            <button type="button" key={column} class={`quiet${number ? " number" : ""}`} data-column={column} aria-pressed={sort.value === column} onClick={() => { sortBy(column, number === true); }}>
              {title}{sort.value === column ? (descending.value ? " ▾" : " ▴") : ""}
            </button>
          ))}
        </div>
        {now !== null && now.total === 0 ? <p class="hint">{now.of === 0 ? "Nothing was opened yet." : "No item matches."}</p> : null}
        <VirtualList id="evidence-list" role="listbox" label="Evidence; arrow keys move, the item opens beside" total={now?.total ?? 0} line_px={LINE_PX} active={active.value} move={move} inView={inView}
          draw={(at, id) => <Line key={rowAt(at)?.item ?? `at ${at}`} id={id} row={rowAt(at)} active={active.value === at} choose={() => { move(at); }} />} />
      </div>
      {open.value === null ? null : <Panel item={open.value} />}
    </div>
  );
}

function Line({ id, row, active, choose }: { id: string; row: EvidenceRow | undefined; active: boolean; choose: () => void }): JSX.Element {
  if (row === undefined) return <div id={id} role="option" aria-selected="false" class="evidence-line waiting" />;
  const times = row.first === null ? "" : `${when(row.first)} – ${row.last === null ? "" : when(row.last)}`;
  return (
    <div id={id} role="option" aria-selected={open.value === row.item} data-active={active} class="evidence-line" data-test="evidence-row" data-path={row.path} data-state={row.state} onClick={choose}>
      <span class="evidence-state"><State row={row} /></span>
      <PathCell path={row.path} />
      <span data-column="format">{row.format ?? "–"}</span>
      <span data-column="host">{row.host ?? "–"}</span>
      <span data-column="size" class="number">{bytes(row.size)}</span>
      <span data-column="records" class="number">{count(row.records)}</span>
      <span data-column="events" class="number">{count(row.events)}</span>
      <span data-column="skipped" class="number">{count(row.skipped)}</span>
      <span data-column="first" class="times" title={times}>{times}</span>
      <span data-column="clock">{row.time_basis ?? "–"}</span>
    </div>
  );
}

/** The end of a path tells more than its beginning: it stays whole where both do not fit. */
function PathCell({ path }: { path: string }): JSX.Element {
  const name = path.lastIndexOf("/");
  const folder = path.lastIndexOf("/", name - 1);
  const cut = path.length - folder > 36 ? name : folder;
  return <span class="path" title={path}><span class="path-lead">{oneLine(path.slice(0, Math.max(0, cut)))}</span><span class="path-end">{oneLine(path.slice(Math.max(0, cut)))}</span></span>;
}

function State({ row }: { row: EvidenceRow }): JSX.Element {
  if (row.state === "reading") return <><progress max={Math.max(row.size, 1)} value={row.bytes_read} aria-label={`Reading ${row.path}`} /> {bytes(row.bytes_per_second)}/s</>;
  return (
    <>
      {row.state === "read" ? null : <span class={`state ${row.state}`}>{row.state}</span>}
      {row.worst === null ? null : <span class={`badge ${row.worst}`}>{plural(row.problem_count, "problem")}</span>}
      {row.duplicate_of === null ? null : <span class="badge info">duplicate</span>}
      {row.compared === null ? null : <span class={`badge ${row.compared === "changed" ? "data-loss" : row.compared === "unchanged" ? "good" : "warning"}`} data-test="compared">{row.compared}</span>}
      {row.state === "read" && row.worst === null && row.duplicate_of === null && row.compared === null ? <span class="soft">read</span> : null}
    </>
  );
}

function Panel({ item }: { item: number }): JSX.Element {
  const known = useSignal<EvidenceItem | null>(null);
  useEffect(() => {
    ask("evidence_item", { item })
      .then((answer) => {
        if (open.peek() !== item) return;
        known.value = answer.item;
        if (answer.item === null) open.value = null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [item, overview.value?.revision, overview.value?.reading, evidenceChanged.value]);
  const shown = known.value;
  if (shown?.row.item !== item) return <aside class="finding-panel" aria-label="Evidence item"><p class="soft">Loading…</p></aside>;
  const { row } = shown;
  return (
    <aside class="finding-panel" aria-label="Evidence item">
      <div class="panel-head">
        <h2 class="break">{oneLine(row.path)}</h2>
        <button type="button" class="quiet" aria-label="Close the item" onClick={() => { open.value = null; }}>✕</button>
      </div>
      <p><button type="button" data-test="view-raw" onClick={() => { showInFile({ item: row.item, offset: 0, length: 0 }); }}>View raw evidence</button></p>
      <dl class="place">
        <div><dt>Format</dt><dd>{row.format ?? "not known"} · {shown.encoding ?? "encoding unknown"} · {count(row.size)} bytes</dd></div>
        <div><dt>Host</dt><dd>{row.host ?? "none"}</dd></div>
        <div><dt>Records</dt><dd>{count(row.records)} = {plural(row.events, "event")} + {count(shown.folded)} folded + {count(row.skipped)} skipped</dd></div>
        <div><dt>Times</dt><dd>{row.first === null ? "none" : `${when(row.first)} – ${row.last === null ? "" : when(row.last)} (${row.time_basis ?? ""})`}</dd></div>
        {shown.modified === null ? null : <div><dt>Modified</dt><dd>{shown.modified}</dd></div>}
        {row.duplicate_of === null ? null : <div><dt>Repeats</dt><dd>an item with the same bytes, whose events are counted. <button type="button" class="quiet" onClick={() => { open.value = row.duplicate_of; }}>Show it</button></dd></div>}
        <div>
          <dt>SHA-256</dt>
          <dd class="hash"><code>{shown.sha256 ?? "not computed"}</code>{shown.sha256 === null ? null : <button type="button" class="quiet" onClick={() => copy(shown.sha256 ?? "").then(() => { say("SHA-256 copied."); })}>Copy</button>}</dd>
        </div>
        {shown.md5 === null ? null : <div><dt>MD5</dt><dd class="hash"><code>{shown.md5}</code></dd></div>}
        {shown.sha1 === null ? null : <div><dt>SHA-1</dt><dd class="hash"><code>{shown.sha1}</code></dd></div>}
      </dl>
      {shown.has_local_times ? <ZoneChoice item={shown} /> : null}
      {shown.lacks_year ? <YearChoice item={shown} /> : null}
      <section>
        <h3>Problems <span class="soft">{count(row.problem_count)}</span></h3>
        {shown.problems.length === 0 ? <p>{row.state === "read" ? "None: every record was read." : "None so far."}</p> : (
          <ul class="problems">
            {shown.problems.map((problem, at) => (
              <li key={at}>
                <span class={`badge ${problem.severity}`}>{problem.severity}</span> <code>{problem.code}</code>{" "}
                {problem.offset === null ? null : (
                  <button type="button" class="quiet" onClick={() => { showInFile({ item: row.item, offset: problem.offset ?? 0, length: problem.length ?? 0 }); }}>
                    bytes {count(problem.offset)}–{count(problem.offset + (problem.length ?? 0))}
                  </button>
                )}{" "}
                {oneLine(problem.text)}
              </li>
            ))}
          </ul>
        )}
      </section>
    </aside>
  );
}

/** Local times mean nothing without a zone; the analyst may know it. */
function ZoneChoice({ item }: { item: EvidenceItem }): JSX.Element {
  const refused = useSignal<string | null>(null);
  const places = useSignal<readonly string[]>([]);
  const list = `zones-${item.row.item}`;
  const load = async (): Promise<void> => {
    if (places.value.length === 0) places.value = (await ask("zones", {})).zones;
  };
  const choose = async (zone: string): Promise<boolean> => {
    refused.value = await setZone(item.row.path, zone);
    if (refused.value === null) say(zone === "" ? "The zone was taken back." : `The local times of this item are now read as ${zone}.`);
    return refused.value === null;
  };
  return (
    <p class="zone">
      <label>
        Zone of its local times{" "}
        <DraftField proposals={list} value={item.zone ?? ""} placeholder="UTC+02:00 or Europe/Berlin" test="zone" refused={refused.value !== null}
          onFocus={() => { void load(); }} enter={choose} />
      </label>
      <datalist id={list}>{places.value.map((place) => <option key={place} value={place} />)}</datalist>
      {item.zone === null ? null : <button type="button" class="quiet" onClick={() => { void choose(""); }}>Take back</button>}
      {refused.value === null ? null : <span class="refused" role="alert">{refused.value}</span>}
    </p>
  );
}

/** A source without years: the year of its last record, as it was inferred or as the analyst knows it. */
function YearChoice({ item }: { item: EvidenceItem }): JSX.Element {
  const refused = useSignal<string | null>(null);
  const choose = async (year: string): Promise<boolean> => {
    refused.value = await setYear(item.row.path, year);
    if (refused.value === null) say(year.trim() === "" ? "The year was taken back." : `The last record of this item is now taken to be of ${year.trim()}.`);
    return refused.value === null;
  };
  return (
    <p class="zone">
      <label>
        Year of its last record{" "}
        <DraftField value={item.year_given === null ? "" : String(item.year_given)} placeholder={item.year === null ? "unknown" : `${item.year}, inferred`} test="year" refused={refused.value !== null} numeric enter={choose} />
      </label>
      {item.year_given === null ? null : <button type="button" class="quiet" onClick={() => { void choose(""); }}>Take back</button>}
      {refused.value === null ? null : <span class="refused" role="alert">{refused.value}</span>}
    </p>
  );
}
