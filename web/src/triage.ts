// What the analyst says of findings: sent to the core as it is said, taken out and in as a file. Until it has been taken out, closing the page asks first.

import { batch, signal } from "@preact/signals";
import { download } from "./outtake.js";
import type { FindingsShown, TriageState } from "./protocol.js";
import { ask, say, view } from "./state.js";

export type FindingsPane = "list" | "attack" | "searched" | "published" | "sigma";

/** Whether something was said since the triage was last taken out. */
export const unsaved = signal(false);
/** Grows with everything that is said, so that lists ask again. */
export const turn = signal(0);
/** What of the findings is shown, and which is open: both outlive the view. */
export const shown = signal<FindingsShown>({ by: "incident", severities: [], detectors: [], techniques: [], triage: [], suppressed: null, text: "" });
export const chosen = signal<string | null>(null);
/** The incident that is open, where none of its findings is. */
export const chosenIncident = signal<number | null>(null);
export const pane = signal<FindingsPane>("list");

/** Shows the findings that match, and nothing else of the old choice. */
export function filterFindings(only: Partial<FindingsShown>): void {
  shown.value = { by: shown.value.by, severities: [], detectors: [], techniques: [], triage: [], suppressed: null, text: "", ...only };
  pane.value = "list";
}

/** Opens a finding in its own view, with none filtered away. */
export function openFinding(key: string): void {
  batch(() => {
    filterFindings({});
    chosenIncident.value = null;
    chosen.value = key;
    view.value = "findings";
  });
}

/** Opens an incident among the others. */
export function openIncident(incident: number): void {
  batch(() => {
    filterFindings({ by: "incident" });
    chosen.value = null;
    chosenIncident.value = incident;
    view.value = "findings";
  });
}

window.addEventListener("beforeunload", (event) => {
  if (unsaved.value) event.preventDefault();
});

/** Something is being written: it counts as unsaved from its first letter on. */
export function writing(): void {
  unsaved.value = true;
}

export async function setTriage(key: string, state: TriageState, note: string): Promise<void> {
  const { refused } = await ask("set_triage", { key, state, note });
  if (refused !== null) say(refused);
  unsaved.value = true;
  turn.value += 1;
}

export async function exportTriage(): Promise<void> {
  const { file_name, text } = await ask("export_triage", {});
  download(file_name, new TextEncoder().encode(text), "application/json");
  unsaved.value = false;
}

export async function importTriage(input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0];
  if (file === undefined) return;
  const { refused } = await ask("take_triage", { json: await file.text() });
  input.value = "";
  say(refused ?? "The triage was loaded.");
  turn.value += 1;
}
