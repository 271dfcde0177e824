// The search behind the filter: which texts are looked for in the evidence, how far that has come, and what is shown meanwhile.
//
// The core says what the texts are and which events hold them; this file only keeps count. A search begins anew whenever the filter or the
// evidence changes; what an older one still says is not listened to.

import type { CoreCase } from "./core.js";
import type { ItemBytes } from "./item_bytes.js";
import type { Done, Job } from "./jobs.js";
import type { Note } from "./protocol.js";

/** What is shown is told anew at most so often while hits come in. */
const TELL_MS = 250;

export class Search {
  filter = "";
  private needles: string[] = [];
  private current = 0;
  private generation = 0;
  private toSearch = 0;
  private searched = 0;
  private waiting = false;
  private told = 0;

  constructor(private readonly note: (note: Note) => void) {}

  begin(filter: string, needles: string[]): void {
    [this.filter, this.needles] = [filter, needles];
  }

  /** The jobs of a new search; none while reading goes on, and none where no text has to be looked for. */
  jobs(core: CoreCase, files: readonly { readonly item: number; readonly file: ItemBytes }[], reading: boolean): Job[] {
    this.current += 1;
    this.searched = 0;
    this.waiting = reading && this.needles.length > 0;
    const wanted = reading || this.needles.length === 0 ? [] : files;
    this.toSearch = wanted.length;
    if (wanted.length > 0) core.search_anew();
    this.changed(core);
    return wanted.map(({ item, file }) => ({ job: "search", item, file, search: this.current, needles: this.needles }));
  }

  heard(core: CoreCase, done: Extract<Done, { done: "hits" | "searched" }>): void {
    if (done.search !== this.current) return;
    if (done.done === "hits") core.note_hits(done.item, done.hits);
    else this.searched += 1;
    if (this.searched === this.toSearch || performance.now() - this.told > TELL_MS) this.changed(core);
  }

  stop(core: CoreCase): void {
    this.current += 1;
    this.toSearch = this.searched;
    this.changed(core);
  }

  /** Says what is shown now. */
  changed(core: CoreCase): void {
    this.told = performance.now();
    this.generation += 1;
    this.note({
      note: "shown",
      shown: { generation: this.generation, filter: this.filter, events: core.shown(), searched: this.searched, to_search: this.toSearch, waiting: this.waiting },
    });
  }
}
