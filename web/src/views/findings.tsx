// What the detectors found: grouped, filtered, each with everything behind it; the matrix of techniques; and what was searched for and not found.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { FindingPage, FindingRow, FindingsBy, FindingsShown } from "../protocol.js";
import { ask, overview, say } from "../state.js";
import { count, oneLine, plural, short } from "../text.js";
import { chosen, chosenIncident, exportTriage, type FindingsPane, importTriage, pane, shown, turn, unsaved } from "../triage.js";
import { Attack } from "./attack.js";
import { FindingPanel } from "./finding_panel.js";
import { IncidentPanel } from "./incident.js";
import { Published } from "./published.js";
import { Searched } from "./searched.js";
import { SigmaRules } from "./sigma.js";
import { VirtualList } from "./virtual_list.js";

const LINE_PX = 46;
const PAGE_ROWS = 200;
/** The width of a group's sign, from the left. */
const SIGN_PX = 34;

const GROUPINGS: readonly (readonly [FindingsBy, string])[] = [
  ["incident", "incident"], ["severity", "severity"], ["detector", "detector"], ["time", "day (UTC)"], ["caller", "caller"], ["vm", "VM"],
];

export function Findings(): JSX.Element {
  const known = overview.value;
  const tab = (name: FindingsPane, label: string): JSX.Element => (
    <button type="button" role="tab" id={`findings-tab-${name}`} aria-selected={pane.value === name} aria-controls="findings-pane" onClick={() => { pane.value = name; }}>{label}</button>
  );
  return (
    <div class="findings-view" data-test="findings">
      <div class="subtabs" role="tablist" aria-label="Findings views">
        {tab("list", "All findings")}
        {tab("attack", "ATT&CK")}
        {tab("searched", "Searched")}
        {tab("published", "Published rules")}
        {tab("sigma", "Sigma rules")}
      </div>
      <div class="findings-pane" id="findings-pane" role="tabpanel" aria-labelledby={`findings-tab-${pane.value}`}>
        {known?.reading === true ? <p class="hint">Detectors run when reading has ended.</p> : pane.value === "searched" ? <Searched /> : pane.value === "published" ? <Published /> : pane.value === "sigma" ? <SigmaRules /> : pane.value === "attack" ? <Attack /> : <List />}
      </div>
    </div>
  );
}

type Line = { readonly header: number } | { readonly row: number; readonly group: number };

/** Where the lines of each group begin, with the groups that are closed as one line. */
function layout(page: FindingPage | null, closed: ReadonlySet<string>): { total: number; line: (at: number) => Line; lineOfRow: (row: number) => number } {
  const starts: number[] = [];
  const rows: number[] = [];
  let [total, row] = [0, 0];
  const groups = page?.groups ?? [];
  for (const group of groups) {
    starts.push(total);
    rows.push(row);
    total += 1 + (closed.has(group.name) ? 0 : group.count);
    row += group.count;
  }
  const last = (list: readonly number[], wanted: number): number => {
    let [low, high] = [0, list.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((list[middle] ?? 0) <= wanted) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    total,
    line: (at) => {
      const group = last(starts, at);
      const within = at - (starts[group] ?? 0);
      return within === 0 ? { header: group } : { row: (rows[group] ?? 0) + within - 1, group };
    },
    lineOfRow: (wanted) => {
      const group = last(rows, wanted);
      return closed.has(groups[group]?.name ?? "") ? (starts[group] ?? 0) : (starts[group] ?? 0) + 1 + wanted - (rows[group] ?? 0);
    },
  };
}

function List(): JSX.Element {
  const page = useSignal<FindingPage | null>(null);
  const closed = useSignal<ReadonlySet<string>>(new Set());
  const active = useSignal(-1);
  const pages = useSignal<ReadonlyMap<number, readonly FindingRow[]>>(new Map());
  const wanted = useRef(new Set<number>());
  const asked = useRef("");
  const question = JSON.stringify([shown.value, turn.value, overview.value?.revision]);
  const panel = useRef<HTMLElement>(null);
  /** A row that keys went to before it was here. */
  const coming = useRef<number | null>(null);

  const fetchPage = (number: number): void => {
    if (wanted.current.has(number)) return;
    wanted.current.add(number);
    const of = asked.current;
    ask("findings", { shown: shown.value, first: number * PAGE_ROWS, count: PAGE_ROWS })
      .then((answer) => {
        if (of !== asked.current) return;
        // Without incidents that grouping would say nothing.
        if (answer.incidents === 0 && shown.peek().by === "incident") shown.value = { ...shown.peek(), by: "severity" };
        pages.value = new Map(pages.peek()).set(number, answer.rows);
        page.value = answer;
      })
      .catch((error: unknown) => {
        wanted.current.delete(number);
        say(String(error));
      });
  };
  useEffect(() => {
    const before = asked.current === "" ? null : (JSON.parse(asked.current) as [FindingsShown, number, number]);
    asked.current = question;
    wanted.current.clear();
    // After a word about a finding the old rows stay until the new ones are there; another question has other rows.
    if (before === null || JSON.stringify(before[0]) !== JSON.stringify(shown.value)) {
      pages.value = new Map();
      active.value = -1;
    }
    fetchPage(0);
    for (const number of pages.peek().keys()) fetchPage(number);
  }, [question]);

  const lines = layout(page.value, closed.value);
  const rowAt = (row: number): FindingRow | undefined => pages.value.get(Math.floor(row / PAGE_ROWS))?.[row % PAGE_ROWS];
  useEffect(() => {
    const row = coming.current === null ? undefined : rowAt(coming.current);
    if (row === undefined) return;
    coming.current = null;
    [chosen.value, chosenIncident.value] = [row.key, null];
  }, [pages.value]);
  const inView = (first: number, length: number): void => {
    for (let at = first; at < first + length; at += 1) {
      const line = lines.line(at);
      if ("row" in line) fetchPage(Math.floor(line.row / PAGE_ROWS));
    }
  };
  const move = (at: number): void => {
    active.value = at;
    const line = lines.line(at);
    coming.current = null;
    if ("header" in line) {
      const incident = page.value?.groups[line.header]?.incident ?? null;
      if (incident !== null) [chosen.value, chosenIncident.value] = [null, incident];
      return;
    }
    const row = rowAt(line.row);
    coming.current = row === undefined ? line.row : null;
    if (row !== undefined) [chosen.value, chosenIncident.value] = [row.key, null];
  };
  const toggle = (name: string): void => {
    const next = new Set(closed.value);
    if (!next.delete(name)) next.add(name);
    closed.value = next;
  };
  const onKey = (event: KeyboardEvent): boolean => {
    if (active.value < 0 || lines.total === 0) return false;
    const line = lines.line(active.value);
    const group = page.value?.groups["header" in line ? line.header : line.group];
    const header = "header" in line;
    if (event.key === "Enter" || (event.key === " " && header)) {
      if (header && (group?.incident ?? null) === null) toggle(group?.name ?? "");
      else panel.current?.focus();
      return true;
    }
    if (event.key === "ArrowLeft" && group !== undefined) {
      if (!header) active.value = lines.lineOfRow(line.row) - (line.row - firstRow(page.value, line.group)) - 1;
      else if (!closed.value.has(group.name)) toggle(group.name);
      return true;
    }
    if (event.key === "ArrowRight" && header && group !== undefined) {
      if (closed.value.has(group.name)) toggle(group.name);
      return true;
    }
    return false;
  };
  const draw = (at: number, id: string): JSX.Element => {
    const line = lines.line(at);
    if ("header" in line) {
      const group = page.value?.groups[line.header];
      const name = group?.name ?? "";
      return (
        <div key={`g${name}`} id={id} role="treeitem" aria-level={1} aria-expanded={!closed.value.has(name)} aria-selected={active.value === at} data-active={active.value === at} data-incident={group?.incident ?? undefined} data-open={group?.incident != null && chosenIncident.value === group.incident} class="finding-group"
          onClick={(event) => {
            // The sign opens and closes; the rest of an incident's line opens its story.
            const onSign = event.offsetX < SIGN_PX && event.target === event.currentTarget;
            if (group?.incident == null || onSign) toggle(name);
            else move(at);
            active.value = at;
          }}>
          {shown.value.by === "severity" ? null : <span class={`severity ${group?.severity ?? ""}`}>{group?.severity ?? ""}</span>}
          <strong>{name === "" ? (shown.value.by === "incident" ? "In no incident" : "not known") : oneLine(name)}</strong>
          {group?.title == null ? null : <span class="soft">{oneLine(group.title)}</span>}
          <span class="soft">{count(group?.count ?? 0)}</span>
        </div>
      );
    }
    const row = rowAt(line.row);
    if (row === undefined) return <div key={at} id={id} role="treeitem" aria-level={2} class="finding-line">…</div>;
    return <FindingLine key={row.key} id={id} row={row} active={active.value === at} choose={() => { move(at); }} />;
  };
  const all = page.value;
  return (
    <div class="findings-split" data-open={chosen.value !== null || chosenIncident.value !== null}>
      <div class="findings-list">
        <Tools page={all} />
        {all === null ? null : all.all === 0 ? <p class="hint">The detectors found nothing. <button type="button" onClick={() => { pane.value = "searched"; }}>What was searched for</button></p>
          : all.total === 0 ? <p class="hint">No finding matches. <button type="button" onClick={() => { shown.value = { ...shown.value, severities: [], detectors: [], techniques: [], triage: [], suppressed: null, text: "" }; }}>Show all {count(all.all)}</button></p> : null}
        <VirtualList id="findings-tree" role="tree" label="Findings; arrow keys move, left and right close and open a group, Enter goes to the finding or incident" total={lines.total} line_px={LINE_PX} active={active.value} draw={draw} inView={inView} move={move} otherKey={onKey} />
      </div>
      {chosen.value === null && chosenIncident.value !== null ? <IncidentPanel incident={chosenIncident.value} panel={panel} /> : null}
      {chosen.value === null ? null : <FindingPanel finding={chosen.value} panel={panel} />}
    </div>
  );
}

function firstRow(page: FindingPage | null, group: number): number {
  return (page?.groups ?? []).slice(0, group).reduce((sum, one) => sum + one.count, 0);
}

function FindingLine({ id, row, active, choose }: { id: string; row: FindingRow; active: boolean; choose: () => void }): JSX.Element {
  const open = chosen.value === row.key;
  return (
    <div id={id} role="treeitem" aria-level={2} aria-selected={open} data-active={active} data-triage={row.triage} data-suppressed={row.allowed_by !== null} data-detector={row.detector} class="finding-line" onClick={choose}>
      <span class={`severity ${row.severity}`}>{row.severity}</span>
      <span class="finding-words">
        <span class="finding-title"><strong>{oneLine(row.title)}</strong> <span class="soft">{row.detector}</span></span>
        <span class="finding-summary" title={oneLine(row.summary)}>{oneLine(row.summary)}</span>
      </span>
      <span class="finding-side">
        <span class="when" title={row.first ?? ""}>{row.first === null ? "no time" : short(row.first)}</span>
        <span>{row.allowed_by === null ? null : <span class="triage" title={`Suppressed by entry ${row.allowed_by + 1} of the allow-list`}>expected</span>}{row.triage === "new" ? null : <span class={`triage ${row.triage}`}>{row.triage}</span>}{row.has_note ? <span class="triage note">note</span> : null}</span>
      </span>
    </div>
  );
}

function Tools({ page }: { page: FindingPage | null }): JSX.Element {
  const now = shown.value;
  const change = (only: Partial<FindingsShown>): void => { shown.value = { ...now, ...only }; };
  const flip = <T extends string>(list: readonly T[], word: T): readonly T[] => (list.includes(word) ? list.filter((one) => one !== word) : [...list, word]);
  return (
    <div class="findings-tools">
      <label class="check">Group by{" "}
        <select value={now.by} data-test="group-by" onChange={(event) => { change({ by: event.currentTarget.value as FindingsBy }); }}>
          {GROUPINGS.map(([word, label]) => <option key={word} value={word}>{label}</option>)}
        </select>
      </label>
      <input type="search" aria-label="Findings that hold this text" placeholder="Text in findings" value={now.text} onInput={(event) => { change({ text: event.currentTarget.value }); }} />
      <span class="chips" role="group" aria-label="Severities shown">
        {(page?.severities ?? []).map(({ word, count: many }) => (
          <button key={word} type="button" class={`chip severity ${word}`} aria-pressed={now.severities.includes(word as never)} onClick={() => { change({ severities: flip(now.severities, word as FindingsShown["severities"][number]) }); }}>{word} {count(many)}</button>
        ))}
      </span>
      <span class="chips" role="group" aria-label="Triage states shown">
        {(page?.triage ?? []).map(({ word, count: many }) => (
          <button key={word} type="button" class="chip" aria-pressed={now.triage.includes(word as never)} onClick={() => { change({ triage: flip(now.triage, word as FindingsShown["triage"][number]) }); }}>{word} {count(many)}</button>
        ))}
      </span>
      {page === null || page.suppressed === 0 ? null : (
        <button type="button" class="chip" data-test="suppressed-shown" aria-pressed={now.suppressed !== null} title="All, only what is expected, or without it"
          onClick={() => { change({ suppressed: now.suppressed === null ? true : now.suppressed ? false : null }); }}>{now.suppressed === false ? "without " : ""}expected {count(page.suppressed)}</button>
      )}
      {[...now.detectors.map((word) => ["detectors", word] as const), ...now.techniques.map((word) => ["techniques", word] as const)].map(([list, word]) => (
        <button key={word} type="button" class="chip" aria-pressed="true" aria-label={`only ${word}: take back`} onClick={() => { change({ [list]: now[list].filter((one) => one !== word) }); }}>{word} ✕</button>
      ))}
      <span class="space" />
      <span class="soft">{page === null ? "" : page.total === page.all ? plural(page.all, "finding") : `${count(page.total)} of ${plural(page.all, "finding")}`}</span>
      <span class="tools">
        <button type="button" class={unsaved.value ? "strong" : ""} onClick={() => exportTriage()}>Save triage…</button>
        <label class="file button">Load triage…<input type="file" class="hidden-file" accept=".json,application/json" onChange={(event) => { void importTriage(event.currentTarget); }} /></label>
      </span>
    </div>
  );
}
