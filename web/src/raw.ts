// Raw evidence for the page: slices of an item's Blob, rows of it through the core's index, steps of a search.
//
// The index of the item looked at last is kept. It grows only while somebody asks, a few megabytes at a time, so that closing the viewer ends
// it and nothing has to be cancelled; a search is steps of the same kind.

import type { Core, CoreRawText } from "./core.js";
import type { EvidenceBytes } from "./evidence.js";
import type { Indexed, WorkbenchAnswers, WorkbenchAsks } from "./protocol/workbench.js";

/** Bytes of one step of indexing or searching. */
const STEP_BYTES = 8 << 20;
const HEAD_BYTES = 512;
/** Bytes that are handed to the page at once. */
const MOST_BYTES = 1 << 20;

export class RawEvidence {
  private item = -1;
  private text: CoreRawText | null = null;
  /** One step after the other: an index must be pushed in order. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly core: Core, private readonly bytes: EvidenceBytes) {}

  /** Forgets the index; item numbers mean something else from now on. */
  forget(): void {
    this.text?.free();
    [this.text, this.item] = [null, -1];
  }

  index({ item }: WorkbenchAsks["raw_index"]): Promise<Indexed> {
    return this.inTurn(async () => {
      const text = await this.open(item);
      const now = text.indexed() as Indexed;
      if (!now.complete) text.push(await this.slice(item, now.bytes, now.bytes + STEP_BYTES));
      return text.indexed() as Indexed;
    });
  }

  rows({ item, first, count, marked, reveal }: WorkbenchAsks["raw_rows"]): Promise<WorkbenchAnswers["raw_rows"]> {
    return this.inTurn(async () => {
      const text = await this.open(item);
      const bytes = await this.needed(item, text.need(first, count));
      return { rows: text.rows(first, count, bytes, Float64Array.from(marked.flat()), reveal) as WorkbenchAnswers["raw_rows"]["rows"] };
    });
  }

  rowOf(ask: WorkbenchAsks["raw_row_of"]): Promise<WorkbenchAnswers["raw_row_of"]> {
    return this.inTurn(async () => {
      const text = await this.open(ask.item);
      const { bytes, lines, complete } = text.indexed() as Indexed;
      if ("line" in ask) {
        if (ask.line < 1 || (ask.line > lines && complete)) return { row: null };
        if (ask.line >= lines && !complete) return { row: null };
        return { row: text.row_of_line(ask.line, await this.needed(ask.item, text.need_line(ask.line))) };
      }
      if (ask.offset >= bytes) return { row: null };
      return { row: text.row_at(ask.offset, await this.needed(ask.item, text.need_at(ask.offset))) };
    });
  }

  async slices({ item, offset, length }: WorkbenchAsks["raw_bytes"]): Promise<WorkbenchAnswers["raw_bytes"]> {
    return { bytes: await this.slice(item, offset, offset + Math.min(length, MOST_BYTES)) };
  }

  async find({ item, text, from, backwards }: WorkbenchAsks["raw_find"]): Promise<WorkbenchAnswers["raw_find"]> {
    const size = this.bytes.size(item);
    const overlap = this.core.raw_longest(text);
    if (overlap === 0) return { found: null, from: null };
    const [start, end] = backwards ? [Math.max(0, from - STEP_BYTES), from] : [from, Math.min(size, from + STEP_BYTES)];
    const hits = this.core.raw_find(text, await this.slice(item, start, Math.min(size, end + overlap)));
    const places = Array.from({ length: hits.length / 2 }, (_, at): [number, number] => [start + (hits[2 * at] ?? 0), start + (hits[2 * at + 1] ?? 0)]).filter(([first]) => first < end);
    const found = (backwards ? places.at(-1) : places[0]) ?? null;
    const next = backwards ? (start === 0 ? null : start) : (end >= size ? null : end);
    return { found, from: next };
  }

  private async open(item: number): Promise<CoreRawText> {
    if (this.item !== item || this.text === null) {
      this.forget();
      if (this.bytes.file(item) === undefined) throw new Error("this item is not in the case");
      this.text = new this.core.RawText(this.bytes.size(item), await this.slice(item, 0, HEAD_BYTES));
      this.item = item;
    }
    return this.text;
  }

  private needed(item: number, [from = 0, to = 0]: Float64Array): Promise<Uint8Array> {
    return this.slice(item, from, to);
  }

  private async slice(item: number, from: number, to: number): Promise<Uint8Array> {
    const [bytes] = await this.bytes.read([{ item, offset: from, length: Math.max(0, to - from) }]);
    if (bytes === undefined || (bytes.length === 0 && to > from && from < this.bytes.size(item))) {
      throw new Error("the file cannot be read any more; it was moved or changed since it was opened");
    }
    return bytes;
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(act);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}
