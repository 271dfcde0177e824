// The coordinator worker: owns the case and the evidence's bytes, runs the readers, answers the page.
//
// It draws no conclusion of its own; every answer is the core's. Its one craft is order: first rows before hashes, questions of the page before batches, progress ten
// times a second at most, merging new events only as often as it costs a twentieth of the time.

import type { Core, CoreCase } from "./core.js";
import { EvidenceBytes } from "./evidence.js";
import { written } from "./exporting.js";
import { Inbox } from "./inbox.js";
import { type ItemBytes, sizeOf } from "./item_bytes.js";
import type { Done, Job, WorkingRole } from "./jobs.js";
import { Pool } from "./pool.js";
import { RawEvidence } from "./raw.js";
import { Search } from "./search.js";
import { Summaries } from "./summaries.js";
import type { AskName, Asks, Answers, CaseOverview, EvidenceFile, EventDetail, EvidenceRow, ItemProgress, ItemState, Note, PageKept, Reply, Request } from "./protocol.js";

const PROGRESS_MS = 100;
/** What takes longer to read is drawn before: on two cores the page would have to wait for a turn, and the first rows come no later. */
const LONG_BYTES = 8 << 20;
const DRAW_MS = 80;
const REFRESH_MS = 400;
/** What the page asks for when much was read is answered before conclusions are drawn; of little they are there as soon. */
const ANSWERS_MS = 30;
/** Merging may cost this share of the time while reading. */
const REFRESH_SHARE = 0.05;
const MOST_READERS = 8;

interface Progress {
  bytes: number;
  /** Bytes read of each segment of a large item. */
  segments: Map<number, number> | null;
  /** Its hash is asked for. */
  hashing: boolean;
  state: ItemState;
  began: number;
  ended: number | null;
}

class Coordinator {
  private case: CoreCase;
  private readonly pool: Pool;
  private readonly inbox = new Inbox<Done>((done) => { this.heard(done); }, () => { this.hashesKnown(); if (this.isRead()) this.concludeSoon(); });
  private readonly bytes = new EvidenceBytes();
  private readonly raw: RawEvidence;
  private progress: Progress[] = [];
  /** What readers are told of each item. */
  private paths: { readonly path: string; readonly modified_ms: number | null }[] = [];
  private readonly summaries = new Summaries(() => this.case, this.bytes);
  private settings = "";
  /** The analyst's lists by kind: a case read again is judged with the same ones. */
  private readonly lists = new Map<string, { readonly name: string; readonly text: string }>();
  /** What is said of findings; it outlives reading everything again. */
  private triage: string | null = null;
  /** The session that was opened: it says which evidence belongs to it. */
  private session: string | null = null;
  /** What was dropped or chosen, containers as they are: enough to read everything again. */
  private opened: EvidenceFile[] = [];
  private reading = false;
  private dirty = false;
  private refreshed = 0;
  private refreshCost = 0;
  private told = 0;
  private trapEnds: string | null = null;
  private readonly search = new Search((note) => { this.note(note); });
  /** Counts conclusions; what is read for an earlier one is let go. */
  private concluded = 0;
  private concluding = false;
  private forRules: Promise<void> = Promise.resolve();
  /** Who waits for all SHA-256. */
  private readonly forHashes: (() => void)[] = [];

  constructor(private readonly core: Core, role: WorkingRole) {
    this.case = new core.Case(this.settings);
    this.raw = new RawEvidence(core, this.bytes);
    const readers = Math.max(1, Math.min(MOST_READERS, navigator.hardwareConcurrency));
    this.pool = new Pool(role, readers, (done) => {
      this.inbox.add(done);
    });
    setInterval(() => {
      this.tick();
    }, PROGRESS_MS);
  }

  async answer<N extends AskName>(name: N, ask: Asks[N]): Promise<unknown> {
    const handlers: { [M in AskName]: (ask: Asks[M]) => Answers[M] | Promise<Answers[M]> } = {
      open: (asked) => this.open(asked.files),
      cancel: () => this.cancel(),
      overview: () => this.overview(),
      evidence: (asked) => this.evidence(asked),
      evidence_item: (asked) => this.evidenceItem(asked),
      rows: (asked) => this.rows(asked),
      sigma: () => this.case.answer("sigma", {}) as Answers["sigma"],
      mapping: () => this.case.answer("mapping", {}) as Answers["mapping"],
      findings: (asked) => this.case.answer("findings", asked) as Answers["findings"],
      finding: (asked) => this.case.answer("finding", asked) as Answers["finding"],
      finding_events: (asked) => this.findingEvents(asked),
      hunt: (asked) => this.case.answer("hunt", asked) as Answers["hunt"],
      searched: () => this.case.answer("searched", {}) as Answers["searched"],
      attack: () => this.case.answer("attack", {}) as Answers["attack"],
      actors: () => this.case.answer("actors", {}) as Answers["actors"],
      actor: (asked) => this.case.answer("actor", asked) as Answers["actor"],
      hosts: () => this.case.answer("hosts", {}) as Answers["hosts"],
      host: (asked) => this.case.answer("host", asked) as Answers["host"],
      manual: (asked) => this.case.answer("manual", asked) as Answers["manual"],
      set_triage: ({ key, state, note }) => this.triaged(this.case.set_triage(key, state, note)),
      export_triage: () => ({ file_name: "runlens-triage.json", text: this.case.triage_json() }),
      take_triage: ({ json }) => this.triaged(this.case.take_triage(json)),
      row_at: (asked) => this.case.answer("row_at", asked) as Answers["row_at"],
      row_of: (asked) => this.case.answer("row_of", asked) as Answers["row_of"],
      lanes: (asked) => this.case.answer("lanes", asked) as Answers["lanes"],
      density: (asked) => this.case.answer("density", asked) as Answers["density"],
      marks: (asked) => this.case.answer("marks", asked) as Answers["marks"],
      lane_event: (asked) => this.laneEvent(asked),
      zone: (asked) => this.case.answer("zone", asked) as Answers["zone"],
      set_notes: (asked) => this.setNotes(asked),
      set_bookmark: (asked) => this.noted(this.case.set_bookmark(JSON.stringify(asked))),
      export_notes: () => ({ file_name: "runlens-notes.json", text: this.case.notes_json() }),
      take_notes: ({ json }) => this.noted(this.case.take_notes(json)),
      set_year: ({ path, year }) => this.changed(this.case.set_year(path, year)),
      raw_index: (asked) => this.raw.index(asked),
      raw_rows: (asked) => this.raw.rows(asked),
      raw_row_of: (asked) => this.raw.rowOf(asked),
      raw_bytes: (asked) => this.raw.slices(asked),
      raw_find: (asked) => this.raw.find(asked),
      detail: (asked) => this.detail(asked),
      export_forms: () => this.case.answer("export_forms", {}) as Answers["export_forms"],
      export: (asked) => this.export(asked),
      session_file: async ({ page, saved }) => {
        await this.withHashes();
        return { text: this.case.session_json(JSON.stringify(page), saved) };
      },
      take_session: (asked) => this.takeSession(asked),
      session: () => this.case.answer("session", {}) as Answers["session"],
      export_manifest: async ({ form }) => {
        await this.withHashes();
        return { file_name: `runlens-manifest.${form}`, text: this.case.manifest(form) };
      },
      settings: () => this.case.answer("settings", {}) as Answers["settings"],
      set_settings: ({ json }) => this.changed(this.case.set_settings(json)),
      expected: () => this.case.answer("expected", {}) as Answers["expected"],
      set_list: (asked) => this.setList(asked),
      incidents: () => this.case.answer("incidents", {}) as Answers["incidents"],
      incident_story: (asked) => this.incidentStory(asked),
      incident: (asked) => this.case.answer("incident", asked) as Answers["incident"],
      brief: (asked) => this.case.answer("brief", asked) as Answers["brief"],
      find: (asked) => this.case.answer("find", asked) as Answers["find"],
      expectation: (asked) => this.case.answer("expectation", asked) as Answers["expectation"],
      reference: () => this.case.answer("reference", {}) as Answers["reference"],
      modes: ({ detector }) => this.case.answer("modes", { detector: detector ?? undefined }) as Answers["modes"],
      set_zone: ({ path, zone }) => this.changed(this.case.set_zone(path, zone)),
      executions: (asked) => this.case.answer("executions", asked) as Answers["executions"],
      story: (asked) => this.case.answer("story", asked) as Answers["story"],
      arcs: (asked) => this.case.answer("arcs", asked) as Answers["arcs"],
      say_of_link: ({ say, pair }) => this.changed(this.case.say_of_link(say, JSON.stringify(pair))),
      map_host: ({ host, resource }) => this.changed(this.case.map_host(host, resource)),
      zones: () => this.case.answer("zones", {}) as Answers["zones"],
      read_again: () => this.readAgain(),
      hash_more: () => this.hashMore(),
      set_filter: ({ text }) => this.setFilter(text),
      cancel_search: () => {
        this.pool.cancelSearches();
        this.search.stop(this.case);
        return {};
      },
      filter_fields: () => this.case.answer("filter_fields", {}) as Answers["filter_fields"],
      filter_count: (asked) => this.case.answer("filter_count", asked) as Answers["filter_count"],
      filter_complete: (asked) => this.case.answer("filter_complete", asked) as Answers["filter_complete"],
      filter_term: (asked) => this.case.answer("filter_term", asked) as Answers["filter_term"],
      trap: (asked) => {
        this.trapEnds = asked.path_ends;
        return {};
      },
    };
    return handlers[name](ask);
  }

  private open(files: readonly EvidenceFile[]): Answers["open"] {
    this.opened.push(...files);
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    if (!this.reading && bytes > LONG_BYTES) this.pool.rest(DRAW_MS);
    const items = files.map(({ path, file, modified_ms }) => this.add(path, file, modified_ms));
    this.start(items, files);
    return { items };
  }

  /** After a change of settings: concluded anew, nothing read again. */
  private changed(refused: string | undefined): { refused: string | null } {
    if (refused !== undefined) return { refused };
    this.settings = this.case.settings_json();
    if (!this.reading) this.conclude();
    return { refused: null };
  }

  private setList({ kind, name, text }: Asks["set_list"]): Answers["set_list"] {
    const refused = this.case.set_list(kind, name, text);
    if (refused !== undefined) return { refused };
    if (text === "") this.lists.delete(kind);
    else this.lists.set(kind, { name, text });
    if (!this.reading) this.conclude();
    return { refused: null };
  }

  private triaged(refused: string | undefined): { refused: string | null } {
    if (refused === undefined) this.triage = this.case.triage_json();
    return { refused: refused ?? null };
  }

  private async takeSession({ text }: Asks["take_session"]): Promise<Answers["take_session"]> {
    // It knows its items by their bytes.
    if (!this.reading) await this.withHashes();
    let kept: string;
    try {
      kept = this.case.take_session(text);
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
    const { lists } = JSON.parse(text) as { lists?: readonly { readonly kind: string; readonly name: string; readonly text: string }[] };
    this.lists.clear();
    for (const { kind, name, text: list } of lists ?? []) this.lists.set(kind, { name, text: list });
    this.session = text;
    this.triage = this.case.triage_json();
    this.search.changed(this.case);
    this.changed(undefined);
    return { refused: null, page: JSON.parse(kept) as PageKept | null };
  }

  private setNotes({ notes }: Asks["set_notes"]): Answers["set_notes"] {
    let refused: string | undefined;
    for (const { item, ordinal, note } of notes) refused ??= this.case.set_note(item, ordinal, JSON.stringify(note));
    this.search.changed(this.case);
    return { refused: refused ?? null };
  }

  /** Rows are asked for again: they bear what is noted of them. */
  private noted(refused: string | undefined): { refused: string | null } {
    if (refused === undefined) this.search.changed(this.case);
    return { refused: refused ?? null };
  }

  private readAgain(): Answers["read_again"] {
    const files = this.opened;
    const notes = this.case.notes_json();
    this.pool.cancel();
    this.inbox.forget();
    this.raw.forget();
    this.case.free();
    this.case = new this.core.Case(this.settings);
    if (this.session !== null) this.case.take_session(this.session);
    this.case.set_settings(this.settings);
    this.case.set_filter(this.search.filter);
    for (const [kind, { name, text }] of this.lists) this.case.set_list(kind, name, text);
    if (this.triage !== null) this.case.take_triage(this.triage);
    this.case.take_notes(notes);
    [this.opened, this.progress, this.paths, this.reading] = [[], [], [], false];
    this.summaries.forget();
    this.open(files);
    return { items: files.length };
  }

  private setFilter(text: string): Answers["set_filter"] {
    const { error, needles } = this.case.set_filter(text) as Answers["set_filter"] & { needles: string[] };
    if (error !== null) return { error };
    this.pool.cancelSearches();
    this.search.begin(text, needles);
    this.searchEvidence();
    return { error: null };
  }

  /** Looks for the filter's texts in every item, once all are read. */
  private searchEvidence(): void {
    const files = this.progress.flatMap((_, item) => {
      const file = this.bytes.file(item);
      return file === undefined ? [] : [{ item, file }];
    });
    this.pool.add(this.search.jobs(this.case, files, this.reading));
  }

  private hashMore(): Answers["hash_more"] {
    const jobs: Job[] = this.progress.flatMap((_, item) => {
      const file = this.bytes.file(item);
      return file === undefined ? [] : [{ job: "hash", item, file, old: true }];
    });
    // Reading goes on where it was; the answer to these comes as they end.
    this.pool.add(jobs);
    return { items: jobs.length };
  }

  private add(path: string, file: ItemBytes, modified_ms: number | null): number {
    const item = this.case.add_item(path, sizeOf(file), modified_ms ?? undefined);
    this.bytes.set(item, file);
    this.paths[item] = { path, modified_ms };
    this.progress[item] = { bytes: 0, segments: null, hashing: false, state: "waiting", began: performance.now(), ended: null };
    return item;
  }

  private start(items: readonly number[], files: readonly { readonly path: string; readonly file: ItemBytes; readonly modified_ms: number | null }[]): void {
    this.reading = this.reading || items.length > 0;
    const jobs: Job[] = files.map(({ path, file, modified_ms }, at) => {
      const trap = this.trapEnds !== null && path.endsWith(this.trapEnds);
      return { job: "read", item: items[at] ?? 0, path, file, modified_ms, settings: this.settings, trap };
    });
    this.pool.add(jobs);
  }

  private heard(done: Done): void {
    if (done.done === "hits" || done.done === "searched") {
      this.search.heard(this.case, done);
      return;
    }
    const progress = this.progress[done.item];
    if (progress === undefined || progress.state === "cancelled") return;
    // A reader of a segment may be heard after the item's end.
    if (progress.ended !== null && (done.done === "plan" || done.done.startsWith("segment-"))) return;
    if (progress.state === "waiting") [progress.state, progress.began] = ["reading", performance.now()];
    const end = (state: ItemState): void => {
      [progress.state, progress.ended, progress.bytes] = [state, performance.now(), this.bytes.size(done.item)];
      this.dirty = true;
    };
    switch (done.done) {
      case "progress":
        // Of a large item its segments tell; this one is then from whoever hashes it.
        if (progress.state === "reading" && progress.segments === null) progress.bytes = done.bytes;
        break;
      case "batch":
        this.case.add_batch(done.item, done.batch);
        this.dirty = true;
        break;
      case "plan":
        this.case.begin_segments(done.item, done.plan);
        this.nextSegments(done.item);
        break;
      case "segment-begun":
        this.case.segment_begun(done.item, done.number, done.at);
        this.dirty = true;
        break;
      case "segment-batch":
        this.case.add_segment_batch(done.item, done.number, done.batch);
        this.dirty = true;
        break;
      case "segment-progress":
        progress.segments ??= new Map();
        progress.segments.set(done.number, done.bytes);
        if (progress.state === "reading") progress.bytes = Math.min(this.bytes.size(done.item), [...progress.segments.values()].reduce((sum, bytes) => sum + bytes, 0));
        break;
      case "segment-read":
        if (this.case.finish_segment(done.item, done.number, done.finish)) {
          this.pool.stop(done.item, "all");
          end("read");
          this.hash(done.item, null);
        } else {
          this.dirty = true;
          this.nextSegments(done.item);
        }
        break;
      case "read":
        this.case.finish_item(done.item, done.finish);
        end("read");
        this.hash(done.item, done.sha256);
        break;
      case "member": {
        const item = this.add(done.path, done.file, done.modified_ms);
        this.case.add_problems(item, done.problems);
        this.start([item], [{ path: done.path, file: done.file, modified_ms: done.modified_ms }]);
        break;
      }
      case "unpacked":
        this.case.finish_container(done.item, done.problems);
        end("read");
        this.hash(done.item, done.sha256);
        break;
      case "hashed":
        this.case.set_hash(done.item, done.sha256);
        break;
      case "old-hashed":
        this.case.set_old_hashes(done.item, done.md5, done.sha1);
        break;
      case "unreadable":
        this.pool.stop(done.item, "all");
        this.case.unreadable_item(done.item, done.text);
        end("quarantined");
        break;
      case "trapped":
        this.pool.stop(done.item, "all");
        this.case.quarantine_item(done.item, done.text);
        end("quarantined");
        this.hash(done.item, null);
        break;
    }
    this.hashesKnown();
    // Hashes, and what went wrong with them, come after the conclusions too.
    if (!this.reading && (done.done === "old-hashed" ? this.pool.idle && this.inbox.isEmpty : !this.hashing)) this.note({ note: "done", overview: this.overview() });
    // The first rows do not wait for the clock.
    if (this.refreshed === 0 && !this.isRead()) this.tick();
  }

  private isRead(): boolean {
    return this.reading && this.inbox.isEmpty && !this.pool.awaits((item) => this.case.hash_matters(item));
  }

  /** Whether a SHA-256 is still to come, or may follow from what readers said. */
  private get hashing(): boolean {
    return this.pool.hashing || this.inbox.has(({ done, item }) => done !== "hits" && done !== "searched" && this.progress[item]?.state !== "cancelled");
  }

  /** Concluding answers nothing meanwhile: the page is told first, and gets the last rows. */
  private concludeSoon(): void {
    if (this.concluding) return;
    this.concluding = true;
    this.case.refresh();
    const overview = this.overview();
    this.note({ note: "changed", overview });
    setTimeout(() => {
      this.concluding = false;
      if (this.isRead()) this.conclude();
    }, overview.bytes_read > LONG_BYTES ? ANSWERS_MS : 0);
  }

  /** Gives the readers the next segments of a large item, and stops those whose work is not needed. */
  private nextSegments(item: number): void {
    const opened = this.paths[item];
    const file = this.bytes.file(item);
    if (opened === undefined || file === undefined) return;
    const dropped = this.case.dropped_segments(item);
    if (dropped.length > 0) this.pool.stop(item, [...dropped]);
    for (let segment = this.case.next_segment(item, this.pool.size); segment !== undefined; segment = this.case.next_segment(item, this.pool.size)) {
      this.pool.add([{ job: "segment", item, path: opened.path, file, modified_ms: opened.modified_ms, settings: this.settings, segment }]);
    }
  }

  /** Lets go on who waits for the SHA-256, once none is to come. */
  private hashesKnown(): void {
    if (!this.hashing) for (const go of this.forHashes.splice(0)) go();
  }

  /** What names evidence by its hash is written when all are known. */
  private async withHashes(): Promise<void> {
    if (this.hashing) await new Promise<void>((known) => { this.forHashes.push(known); });
  }

  private hash(item: number, sha256: string | null): void {
    const [file, progress] = [this.bytes.file(item), this.progress[item]];
    if (sha256 !== null) this.case.set_hash(item, sha256);
    else if (file !== undefined && progress?.hashing === false) {
      progress.hashing = true;
      const job: Job = { job: "hash", item, file, old: false };
      // Only what may be there twice is asked for before conclusions.
      if (this.reading && !this.case.hash_matters(item)) this.pool.addSpare([job]);
      else this.pool.add([job]);
    }
  }

  private conclude(): void {
    this.reading = false;
    this.dirty = false;
    if (this.case.reattach()) this.settings = this.case.settings_json();
    this.case.conclude();
    this.summaries.forget();
    this.note({ note: "done", overview: this.overview() });
    this.pool.startSpare();
    this.searchEvidence();
    this.forRules = this.readForRules(this.case, ++this.concluded);
  }

  /** Brings Sigma rules the records that they want to see again, until they have all or the case was concluded anew. */
  private async readForRules(of: CoreCase, concluded: number): Promise<void> {
    let read = false;
    for (;;) {
      if (this.concluded !== concluded || this.case !== of) return;
      const places = of.rule_needs();
      if (places.length === 0) break;
      const bytes = await this.bytes.read(places);
      if (this.concluded !== concluded || this.case !== of) return;
      of.rule_take(bytes);
      read = true;
    }
    if (read) this.note({ note: "done", overview: this.overview() });
  }

  private cancel(): Answers["cancel"] {
    const { reading, hashing } = this.pool.cancel();
    for (const item of reading) {
      this.case.cancel_item(item);
      const progress = this.progress[item];
      if (progress !== undefined) [progress.state, progress.ended] = ["cancelled", performance.now()];
    }
    this.hashesKnown();
    // The answer goes out first; drawing conclusions from what was read may take a moment.
    if (this.reading && this.inbox.isEmpty) setTimeout(() => { this.conclude(); });
    return { cancelled: reading.length + hashing.length };
  }

  private tick(): void {
    if (!this.reading) return;
    const now = performance.now();
    const due = now - this.refreshed > Math.max(REFRESH_MS, this.refreshCost / REFRESH_SHARE);
    if (this.dirty && due) {
      // What brought nothing new must not keep the first rows waiting.
      if (this.case.refresh()) {
        this.refreshed = performance.now();
        this.refreshCost = this.refreshed - now;
      }
      this.dirty = false;
      this.note({ note: "changed", overview: this.overview() });
      this.search.changed(this.case);
    }
    if (now - this.told > PROGRESS_MS) {
      this.told = now;
      this.note({ note: "progress", overview: this.overview() });
    }
  }

  private overview(): CaseOverview {
    const known = this.case.answer("overview", {}) as Omit<CaseOverview, "reading" | "concluding" | "hashing" | "bytes_read" | "bytes_per_second">;
    let [bytes_read, bytes_per_second] = [0, 0];
    for (const [item, { bytes, state }] of this.progress.entries()) {
      bytes_read += bytes;
      if (state === "reading") bytes_per_second += this.progressOf(item).bytes_per_second;
    }
    return { ...known, reading: this.reading, concluding: this.concluding, hashing: this.hashing, bytes_read, bytes_per_second };
  }

  private progressOf(item: number): ItemProgress {
    const { bytes, state, began, ended } = this.progress[item] ?? { bytes: 0, state: "waiting", began: 0, ended: 0 };
    const seconds = ((ended ?? performance.now()) - began) / 1000;
    return { state, bytes_read: bytes, bytes_per_second: seconds > 0 ? bytes / seconds : 0 };
  }

  private evidence(asked: Asks["evidence"]): Answers["evidence"] {
    const page = this.case.answer("evidence", { ...asked, like: asked.like ?? undefined }) as Answers["evidence"];
    return { ...page, rows: page.rows.map((row) => this.withProgress(row)) };
  }

  private evidenceItem(asked: Asks["evidence_item"]): Answers["evidence_item"] {
    const { item } = this.case.answer("evidence_item", asked) as Answers["evidence_item"];
    return { item: item === null ? null : { ...item, row: this.withProgress(item.row) } };
  }

  private withProgress(row: EvidenceRow): EvidenceRow {
    return { ...row, ...this.progressOf(row.item) };
  }

  private async rows(asked: Asks["rows"]): Promise<Answers["rows"]> {
    const page = this.case.answer("rows", asked) as Answers["rows"];
    return { ...page, rows: await this.summaries.described(page.rows) };
  }

  private async laneEvent(asked: Asks["lane_event"]): Promise<Answers["lane_event"]> {
    const { event } = this.case.answer("lane_event", asked) as Answers["lane_event"];
    if (event === null) return { event };
    const [row = event] = await this.summaries.described([event]);
    return { event: row };
  }

  private async findingEvents(asked: Asks["finding_events"]): Promise<Answers["finding_events"]> {
    const page = this.case.answer("finding_events", asked) as Answers["finding_events"];
    return { ...page, rows: await this.summaries.described(page.rows) };
  }

  private async incidentStory(asked: Asks["incident_story"]): Promise<Answers["incident_story"]> {
    const story = this.case.answer("incident_story", asked) as Answers["incident_story"];
    const described = await this.summaries.described(story.lines);
    return { ...story, lines: story.lines.map((line, at) => ({ ...line, summary: described[at]?.summary ?? "" })) };
  }

  private async detail({ item, ordinal }: Asks["detail"]): Promise<EventDetail> {
    const place = this.case.place(item, ordinal);
    if (place === undefined) throw new Error("this event is not in the case");
    const before = { item, offset: place.line_from, length: place.offset - place.line_from };
    const [bytes, lead] = await this.bytes.read([place, before]);
    const detail = this.case.detail(item, ordinal, bytes ?? new Uint8Array(0), lead ?? new Uint8Array(0)) as EventDetail | undefined;
    if (detail === undefined) throw new Error("this event is not in the case");
    return detail;
  }

  private async export(asked: Asks["export"]): Promise<Answers["export"]> {
    if (this.reading) return { refused: "The case is still being read; export it when reading has ended." };
    await this.withHashes();
    await this.forRules;
    return written(this.case, this.bytes, asked);
  }

  private note(note: Note): void {
    self.postMessage(note);
  }
}

/** Turns this worker into the coordinator. */
export function startCoordinator(core: Core, role: WorkingRole): void {
  const coordinator = new Coordinator(core, role);
  const scope = self as unknown as { postMessage(message: Reply, transfer: Transferable[]): void };
  self.onmessage = (event: MessageEvent<Request>) => {
    const { id, name, ask } = event.data;
    coordinator
      .answer(name, ask)
      .then((answer) => {
        const bulk = name === "lanes" || name === "density" ? (answer as Answers["lanes"]).counts.buffer : null;
        scope.postMessage({ id, answer }, bulk === null ? [] : [bulk as ArrayBuffer]);
      })
      .catch((error: unknown) => {
        scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
      });
  };
}
