// Raw evidence: any item as text with line numbers or as hex, at any size, the bytes of an event marked, with a search of its own.
//
// Rows and their places are the core's; this draws those in view. Looking through a large item for its lines goes on while the viewer is open
// and ends with it. Hex needs no index: its rows are sixteen bytes each.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ByteRange, Indexed, RawRow } from "../protocol/workbench.js";
import type { EvidenceItem } from "../protocol.js";
import { ask, rawAt, say } from "../state.js";
import { bytes as bytesText, count, oneLine, plural, visible } from "../text.js";
import { VirtualList } from "./virtual_list.js";

const ROW_PX = 18;
const PAGE_ROWS = 100;
const HEX_BYTES = 16;
const HEX_PAGE_BYTES = HEX_BYTES * 256;
const MOST_PAGES = 60;

type Form = "text" | "hex";
type Searching = { readonly done: number; readonly of: number } | "nothing" | null;

export function Raw(): JSX.Element | null {
  const at = rawAt.value;
  const known = useSignal<EvidenceItem | null>(null);
  const wanted = at?.item;
  useEffect(() => {
    if (wanted === undefined) return;
    ask("evidence_item", { item: wanted })
      .then(({ item }) => { if (rawAt.peek()?.item === wanted) known.value = item; })
      .catch((error: unknown) => { say(String(error)); });
  }, [wanted]);
  return known.value === null || known.value.row.item !== wanted ? null : <Viewer key={wanted} known={known.value} />;
}

function Viewer({ known }: { known: EvidenceItem }): JSX.Element {
  const { item, path, size } = known.row;
  const at = rawAt.value ?? { item, offset: 0, length: 0 };
  const box = useRef<HTMLDialogElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const place = useRef<HTMLInputElement>(null);
  const form = useSignal<Form>("text");
  const indexed = useSignal<Indexed>({ rows: 0, lines: 0, bytes: 0, complete: false });
  const active = useSignal(-1);
  const found = useSignal<ByteRange | null>(null);
  const reveal = useSignal(false);
  const failure = useSignal<string | null>(null);
  const needle = useSignal("");
  const searching = useSignal<Searching>(null);
  const goal = useSignal("");
  const going = useSignal<string | null>(null);
  const open = useRef(true);
  const search_ = useRef(0);
  const goes = useRef(0);
  const event: ByteRange = [at.offset, at.offset + at.length];
  const failed = (error: unknown): void => { failure.value = error instanceof Error ? error.message : String(error); };
  const close = (): void => { rawAt.value = null; };

  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    open.current = true;
    const index = async (): Promise<void> => {
      while (open.current && !indexed.peek().complete) {
        indexed.value = await ask("raw_index", { item });
      }
    };
    index().catch(failed);
    return () => {
      open.current = false;
      search_.current += 1;
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  /** Goes to a place once the index has come so far; where somebody goes elsewhere meanwhile, the later one counts. */
  const go = async (to: { readonly offset: number } | { readonly line: number }): Promise<void> => {
    goes.current += 1;
    const mine = goes.current;
    if (form.peek() === "hex") {
      if ("offset" in to) active.value = Math.floor(Math.min(to.offset, Math.max(0, size - 1)) / HEX_BYTES);
      return;
    }
    for (;;) {
      if (!open.current) return;
      const { complete, bytes } = indexed.peek();
      const { row } = await ask("raw_row_of", { item, ...to });
      if (mine !== goes.current) return;
      if (row !== null) {
        going.value = null;
        active.value = row;
        return;
      }
      if (complete) {
        going.value = "There is no such place.";
        return;
      }
      going.value = `Looking through the file: ${bytesText(bytes)} of ${bytesText(size)}`;
      await new Promise((soon) => { setTimeout(soon, 30); });
    }
  };
  useEffect(() => { go({ offset: at.offset }).catch(failed); }, [at]);
  const turnTo = (next: Form): void => {
    if (form.value === next) return;
    const here = next === "hex" ? offsetOf.current : active.peek() * HEX_BYTES;
    form.value = next;
    active.value = -1;
    go({ offset: here }).catch(failed);
  };
  /** First byte of the active row of the text. */
  const offsetOf = useRef(at.offset);

  const find = async (backwards: boolean): Promise<void> => {
    search_.current += 1;
    const mine = search_.current;
    const text = needle.peek();
    if (text === "") return;
    const [first, behind] = found.peek() ?? [form.peek() === "hex" ? Math.max(0, active.peek()) * HEX_BYTES : offsetOf.current, -1];
    let from: number | null = backwards ? first : behind >= 0 ? first + 1 : first;
    while (from !== null) {
      searching.value = { done: backwards ? size - from : from, of: size };
      const step: { readonly found: ByteRange | null; readonly from: number | null } = await ask("raw_find", { item, text, from, backwards });
      if (mine !== search_.current) return;
      if (step.found !== null) {
        found.value = step.found;
        searching.value = null;
        await go({ offset: step.found[0] });
        return;
      }
      ({ from } = step);
    }
    searching.value = "nothing";
  };
  const stop = (): void => {
    search_.current += 1;
    searching.value = null;
  };
  const enterPlace = (): void => {
    const text = goal.value.trim().replaceAll(/[,_\s]/g, "");
    const offset = /^@(\d+)$/.exec(text)?.[1] ?? (/^(?:@?0x)([0-9a-f]+)$/i.test(text) ? String(Number.parseInt(text.replace(/^@?0x/i, ""), 16)) : undefined);
    const line = /^(?:line)?(\d+)$/i.exec(text)?.[1];
    if (offset !== undefined) void go({ offset: Math.min(Number(offset), Math.max(0, size - 1)) }).catch(failed);
    else if (line !== undefined && form.peek() === "text") void go({ line: Number(line) }).catch(failed);
    else if (line !== undefined) void go({ offset: Math.min(Number(line), Math.max(0, size - 1)) }).catch(failed);
    else going.value = "A line is a number, an offset @ and a number, or 0x and a hexadecimal one.";
  };
  const into = (field: HTMLInputElement | null): void => {
    field?.focus();
    field?.select();
  };
  const onKey = (pressed: KeyboardEvent): void => {
    const typing = pressed.target instanceof HTMLInputElement && pressed.target.type === "text";
    if ((pressed.ctrlKey || pressed.metaKey) && pressed.key === "f") {
      pressed.preventDefault();
      into(search.current);
      return;
    }
    if (typing || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    const acts: Record<string, () => void> = {
      "/": () => { into(search.current); },
      g: () => { into(place.current); },
      x: () => { turnTo(form.peek() === "hex" ? "text" : "hex"); },
      n: () => { find(false).catch(failed); },
      N: () => { find(true).catch(failed); },
      e: () => { go({ offset: at.offset }).catch(failed); },
    };
    const act = acts[pressed.key];
    if (act === undefined) return;
    pressed.preventDefault();
    pressed.stopPropagation();
    act();
  };
  const now = searching.value;
  const { rows, lines, bytes, complete } = indexed.value;
  const said = form.value === "hex" ? bytesText(size) : complete ? `${plural(lines, "line")} · ${bytesText(size)}` : `${count(lines)} lines so far · ${bytesText(bytes)} of ${bytesText(size)}`;
  return (
    <dialog class="raw-view" ref={box} data-test="raw-view" aria-label="Raw evidence" onKeyDown={onKey} onCancel={(cancelled) => { cancelled.preventDefault(); close(); }}>
      <div class="panel-head">
        <h2>{oneLine(path)}</h2>
        <span class="soft">{said}{known.encoding === null ? "" : ` · ${known.encoding}`}</span>
        <button type="button" class="quiet" aria-label="Close raw evidence" onClick={close}>✕</button>
      </div>
      <div class="raw-tools">
        <div role="radiogroup" aria-label="Shown as" class="segments">
          {(["text", "hex"] as const).map((one) => <button key={one} type="button" role="radio" aria-checked={form.value === one} onClick={() => { turnTo(one); }}>{one === "text" ? "Text" : "Hex"}</button>)}
        </div>
        <input type="text" ref={place} data-test="raw-place" aria-label="Go to a line or offset" title="g" placeholder="line, or @offset, 0x…" value={goal.value} onInput={(typed) => { goal.value = typed.currentTarget.value; }}
          onKeyDown={(pressed) => { if (pressed.key === "Enter") enterPlace(); }} />
        {at.length > 0 ? <button type="button" class="quiet" title="e" onClick={() => { go({ offset: at.offset }).catch(failed); }}>To the event</button> : null}
        <span class="space" />
        <input type="search" ref={search} data-test="raw-search" aria-label="Search in this file" placeholder="Search in this file ( / )" value={needle.value}
          onInput={(typed) => { [needle.value, found.value] = [typed.currentTarget.value, null]; stop(); }}
          onKeyDown={(pressed) => {
            if (pressed.key === "Enter") {
              pressed.preventDefault();
              find(pressed.shiftKey).catch(failed);
            } else pressed.stopPropagation();
          }} />
        <button type="button" class="quiet" title="Shift+Enter, N" aria-label="Find the one before" onClick={() => { find(true).catch(failed); }}>▴</button>
        <button type="button" class="quiet" title="Enter, n" aria-label="Find the next" onClick={() => { find(false).catch(failed); }}>▾</button>
        {now !== null && now !== "nothing" ? (
          <span class="reading"><progress max={Math.max(now.of, 1)} value={now.done} aria-label="Searching" /> <button type="button" class="quiet" onClick={stop}>Cancel</button></span>
        ) : null}
        <label class="check"><input type="checkbox" checked={reveal.value || form.value === "hex"} disabled={form.value === "hex"} onChange={(changed) => { reveal.value = changed.currentTarget.checked; }} /> show secrets</label>
      </div>
      <p class="raw-said" role="status" data-test="raw-said">
        {failure.value ?? going.value ?? (now === "nothing" ? "Not found from here on." : found.value === null ? "" : `Found at byte ${count(found.value[0])} (0x${found.value[0].toString(16)})`)}
      </p>
      {form.value === "text"
        ? <Text item={item} total={rows} marks={found.value === null || (found.value[0] < event[1] && found.value[1] > event[0]) ? [found.value ?? event] : [event, found.value].sort((one, other) => one[0] - other[0])}
            event={event} reveal={reveal.value} active={active.value} move={(row, offset) => {
              active.value = row;
              if (offset !== null) offsetOf.current = offset;
            }} failed={failed} />
        : <Hex item={item} size={size} event={event} found={found.value} active={active.value} move={(row) => { active.value = row; }} failed={failed} />}
    </dialog>
  );
}

interface TextProps {
  readonly item: number;
  readonly total: number;
  readonly marks: readonly ByteRange[];
  readonly event: ByteRange;
  readonly reveal: boolean;
  readonly active: number;
  readonly move: (row: number, offset: number | null) => void;
  readonly failed: (error: unknown) => void;
}

function Text({ item, total, marks, event, reveal, active, move, failed }: TextProps): JSX.Element {
  const pages = useRef(new Map<number, readonly RawRow[]>());
  const wanted = useRef(new Set<number>());
  const word = useRef("");
  const drawn = useSignal(0);
  const view = useRef<readonly [number, number]>([0, 0]);
  const state = `${JSON.stringify(marks)}:${reveal}`;
  if (word.current !== state) {
    word.current = state;
    wanted.current.clear();
  }
  const fetchView = (): void => {
    const [first, shown] = view.current;
    for (let page = Math.floor(first / PAGE_ROWS); page * PAGE_ROWS < first + shown; page += 1) {
      if (wanted.current.has(page)) continue;
      wanted.current.add(page);
      ask("raw_rows", { item, first: page * PAGE_ROWS, count: PAGE_ROWS, marked: marks, reveal })
        .then(({ rows }) => {
          if (word.current !== state) return;
          // The last page fills while the file is still being looked through.
          if (rows.length < PAGE_ROWS) wanted.current.delete(page);
          pages.current.set(page, rows);
          if (pages.current.size > MOST_PAGES) {
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
          failed(error);
        });
    }
  };
  // A page that has come draws its rows: reading the count is what the drawing waits for.
  const { value: fetched } = drawn;
  const rowAt = (row: number): RawRow | undefined => pages.current.get(Math.floor(row / PAGE_ROWS))?.[row % PAGE_ROWS];
  const inView = useRef((first: number, shown: number): void => { view.current = [first, shown]; latest.current(); });
  const latest = useRef(fetchView);
  latest.current = fetchView;
  useEffect(fetchView, [state]);
  useEffect(() => {
    // Rows of the last page may have come in since.
    const [first, shown] = view.current;
    if (rowAt(first + shown - 1) === undefined) fetchView();
  }, [total]);
  useEffect(() => {
    const row = rowAt(active);
    if (row !== undefined) move(active, row.offset);
  }, [active, fetched]);
  return (
    <VirtualList id="raw-text" role="listbox" label="Rows of the file" total={total} line_px={ROW_PX} active={active} inView={inView.current} move={(row) => { move(row, rowAt(row)?.offset ?? null); }}
      draw={(number, id) => {
        const row = rowAt(number);
        const inside = row !== undefined && row.offset < event[1] && row.offset + row.length > event[0];
        return (
          <div key={number} id={id} class="raw-row" role="option" aria-selected={number === active} data-event={inside} title={row === undefined ? "" : `byte ${count(row.offset)} (0x${row.offset.toString(16)})`} onClick={() => { move(number, row?.offset ?? null); }}>
            <span class="raw-number">{row === undefined ? "" : row.line === null ? "↪" : count(row.line)}</span>
            <span class="raw-text">
              {row?.pieces.map((piece, at) => {
                const text = visible(piece.text);
                return piece.marked || piece.secret ? <mark key={at} class={piece.secret ? "secret" : "marked"}>{text}</mark> : text;
              })}
            </span>
          </div>
        );
      }} />
  );
}

interface HexProps {
  readonly item: number;
  readonly size: number;
  readonly event: ByteRange;
  readonly found: ByteRange | null;
  readonly active: number;
  readonly move: (row: number) => void;
  readonly failed: (error: unknown) => void;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

function Hex({ item, size, event, found, active, move, failed }: HexProps): JSX.Element {
  const pages = useRef(new Map<number, Uint8Array>());
  const wanted = useRef(new Set<number>());
  const drawn = useSignal(0);
  const inView = useRef((first: number, shown: number): void => {
    for (let page = Math.floor((first * HEX_BYTES) / HEX_PAGE_BYTES); page * HEX_PAGE_BYTES < (first + shown) * HEX_BYTES; page += 1) {
      if (wanted.current.has(page)) continue;
      wanted.current.add(page);
      ask("raw_bytes", { item, offset: page * HEX_PAGE_BYTES, length: HEX_PAGE_BYTES })
        .then(({ bytes }) => {
          pages.current.set(page, bytes);
          if (pages.current.size > MOST_PAGES) {
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
          failed(error);
        });
    }
  });
  const { value: fetched } = drawn;
  const wide = Math.max(8, Math.max(0, size - 1).toString(16).length);
  const kind = (offset: number): string | undefined => {
    if (found !== null && offset >= found[0] && offset < found[1]) return "found";
    return offset >= event[0] && offset < event[1] ? "marked" : undefined;
  };
  return (
    <VirtualList id="raw-hex" role="listbox" label={fetched === 0 ? "Bytes of the file, being read" : "Bytes of the file"} total={Math.ceil(size / HEX_BYTES)} line_px={ROW_PX} active={active} inView={inView.current} move={move}
      draw={(row, id) => {
        const from = row * HEX_BYTES;
        const page = pages.current.get(Math.floor(from / HEX_PAGE_BYTES));
        const own = page?.subarray(from % HEX_PAGE_BYTES, (from % HEX_PAGE_BYTES) + HEX_BYTES) ?? new Uint8Array(0);
        return (
          <div key={row} id={id} class="raw-row" role="option" aria-selected={row === active} onClick={() => { move(row); }}>
            <span class="raw-number">{from.toString(16).padStart(wide, "0")}</span>
            <span class="raw-hex">{[...own].map((byte, at) => <i key={at} class={kind(from + at)} data-half={at === 8}>{hex(byte)}</i>)}</span>
            <span class="raw-ascii">{[...own].map((byte, at) => <i key={at} class={kind(from + at)}>{byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"}</i>)}</span>
          </div>
        );
      }} />
  );
}
