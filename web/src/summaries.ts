// One line of words for each row that is shown. The core makes it of the record's own bytes, which the case does not keep.

import type { CoreCase } from "./core.js";
import type { EvidenceBytes } from "./evidence.js";
import type { EventRow } from "./protocol.js";

const SUMMARIES_KEPT = 20_000;
/** Longest record that a row's summary is made of; the details panel reads it all. */
const SUMMARY_BYTES = 1 << 20;

export class Summaries {
  private readonly known = new Map<string, string>();

  /** `now` is the case of the moment: another one may have taken its place while bytes were read. */
  constructor(private readonly now: () => CoreCase, private readonly bytes: EvidenceBytes) {}

  /** Conclusions may change what is said of a row. */
  forget(): void {
    this.known.clear();
  }

  /** Rows with their summaries, read from the evidence where they are not known yet. */
  async described(rows: readonly EventRow[]): Promise<EventRow[]> {
    const missing = rows.filter((row) => !this.known.has(key(row)));
    const places = missing.map((row) => {
      const place = this.now().place(row.item, row.ordinal);
      return { item: row.item, offset: place?.offset ?? 0, length: Math.min(place?.length ?? 0, SUMMARY_BYTES) };
    });
    const bytes = await this.bytes.read(places);
    if (this.known.size > SUMMARIES_KEPT) this.known.clear();
    missing.forEach((row, at) => {
      const { summary } = this.now().describe(row.item, row.ordinal, bytes[at] ?? new Uint8Array(0));
      // While an item is being read its reader's report, which describing needs, is not here yet.
      if (summary !== "") this.known.set(key(row), summary);
    });
    return rows.map((row) => ({ ...row, summary: this.known.get(key(row)) ?? "" }));
  }
}

function key(row: EventRow): string {
  return `${row.item}:${row.ordinal}`;
}
