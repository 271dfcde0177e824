// What the analyst takes out of the page and brings back: exports, reports and the session.
//
// The page chooses and names the moment; what a form holds, and whether it may, is the core's to say.

import { effect, signal } from "@preact/signals";
import { download } from "./outtake.js";
import type { ExportForm, PageKept, ReportAsk, SessionLine } from "./protocol.js";
import { applyFilter, ask, keptFilters, overview, recentFilters, say, shown, view, type View, unsavedSettings } from "./state.js";
import * as notes from "./notes.js";
import { turn, unsaved } from "./triage.js";

/** Whether the dialog is open, and whether something is being written. */
export const sharing = signal(false);
export const writing = signal(false);
/** What became of the evidence of the session that was opened; null where none was. */
export const session = signal<readonly SessionLine[] | null>(null);

/** What the report says beside the case; it outlives the dialog and goes into the session. */
export const report = signal<ReportAsk>({
  title: "", author: "", reference: "", conclusion: "", incidents: null, executions: null, page_sha256: null,
});

export interface Choice {
  readonly events: boolean;
  readonly only_shown: boolean;
  readonly secrets: boolean;
  readonly pseudonyms: boolean;
}

/** Makes pseudonyms that nobody else can make: the same ones in every export of this session. */
let salt = hex(crypto.getRandomValues(new Uint8Array(16)));

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const now = (): string => new Date().toISOString();
const fingerprint = (): string | null => document.querySelector<HTMLMetaElement>("meta[name='runlens-page']")?.content ?? null;

export async function exportAs(form: ExportForm, choice: Choice): Promise<void> {
  writing.value = true;
  try {
    const made = await ask("export", {
      form: form.form,
      events: choice.events,
      only_shown: choice.only_shown && form.lists_events,
      secrets: choice.secrets,
      pseudonyms: choice.pseudonyms ? salt : null,
      made: now(),
      report: { ...report.peek(), page_sha256: fingerprint() },
    });
    if (made.refused !== null) {
      say(made.refused);
      return;
    }
    download(form.file_name, made.file, form.media_type);
    say(made.left_out ?? `${form.title} was written.`);
  } catch (error) {
    say(`The export failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    writing.value = false;
  }
}

export async function saveSession(): Promise<void> {
  const page: PageKept = {
    view: view.peek(),
    filter: shown.peek()?.filter ?? "",
    recent_filters: recentFilters.peek(),
    kept_filters: keptFilters.peek(),
    salt,
    report: report.peek(),
  };
  const { text } = await ask("session_file", { page, saved: now() });
  download("runlens-session.json", new TextEncoder().encode(text), "application/json");
  unsaved.value = false;
  notes.unsaved.value = false;
  unsavedSettings.value = false;
}

const VIEWS: readonly View[] = ["overview", "timeline", "executions", "evidence", "findings", "actors", "hosts", "settings"];

export async function openSession(file: File): Promise<void> {
  const taken = await ask("take_session", { text: await file.text() });
  if (taken.refused !== null) {
    say(`The session was not opened: ${taken.refused}`);
    return;
  }
  const kept = taken.page;
  if (kept !== null) {
    if (typeof kept.salt === "string" && kept.salt !== "") salt = kept.salt;
    report.value = { ...report.peek(), ...kept.report };
    recentFilters.value = kept.recent_filters;
    keptFilters.value = kept.kept_filters;
    const known = VIEWS.find((name) => name === kept.view);
    if (known !== undefined) view.value = known;
    await applyFilter(kept.filter);
  }
  turn.value += 1;
  notes.turn.value += 1;
  await compare();
  const lines = session.peek() ?? [];
  const here = lines.filter((line) => line.verdict === "unchanged" || line.verdict === "moved").length;
  const wanted = lines.filter((line) => line.verdict !== "new").length;
  say(wanted === here ? "The session was opened; all of its evidence is here." : `The session was opened; ${here} of its ${wanted} evidence items are here. Drop the others.`);
}

async function compare(): Promise<void> {
  const { lines } = await ask("session", {});
  session.value = lines.length === 0 ? null : lines;
}

// Evidence that comes later is compared as it comes.
effect(() => {
  const known = overview.value;
  if (session.peek() !== null && known !== null && !known.reading) void compare();
});
