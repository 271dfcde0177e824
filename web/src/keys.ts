// Every key of the page, in one table: what binds them and what the sheet of keys shows are the same lines.
//
// Views are two presses (g, then a letter) or one digit. Keys of lists are bound by the lists and said here, from the same steps.
// Rejected: single letters for everything. A letter that acts on evidence must not be struck by someone who believes to be typing.

import { fromPicker } from "./intake.js";
import { saveSession, sharing } from "./share.js";
import { applyFilter, cancel, closeDetail, helpAt, open, over, overview, phase, selected, theme, tourStep, view, type View } from "./state.js";
import { chosen, chosenIncident } from "./triage.js";

export interface ViewName {
  readonly view: View;
  readonly label: string;
  readonly letter: string;
  /** What the keyboard goes to. */
  readonly focus: string;
}

export const VIEWS: readonly ViewName[] = [
  { view: "overview", label: "Overview", letter: "o", focus: "[data-test=open-lead], .overview button" },
  { view: "timeline", label: "Timeline", letter: "t", focus: ".events .rows" },
  { view: "executions", label: "Executions", letter: "e", focus: ".execution-list .rows" },
  { view: "findings", label: "Findings", letter: "f", focus: "#findings-tree" },
  { view: "actors", label: "Actors", letter: "a", focus: "#actors-list" },
  { view: "hosts", label: "Hosts", letter: "h", focus: "#hosts-list" },
  { view: "evidence", label: "Evidence", letter: "v", focus: "#evidence-list" },
  { view: "settings", label: "Settings", letter: "s", focus: "#view-settings button, #view-settings input" },
  { view: "help", label: "Help", letter: "p", focus: "#view-help button" },
];

export interface Key {
  /** As the sheet shows it; letters with spaces between are pressed one after the other. */
  readonly keys: readonly string[];
  readonly label: string;
  readonly group: "Views" | "Everywhere" | "Finding or incident that is open";
  readonly act: () => void;
  /** Whether it means something now. */
  readonly when?: () => boolean;
}

/** The steps of every list. */
export const LIST_KEYS: readonly { readonly keys: readonly string[]; readonly label: string; readonly to: (now: number, page: number, total: number) => number }[] = [
  { keys: ["ArrowDown", "j"], label: "next line", to: (now) => now + 1 },
  { keys: ["ArrowUp", "k"], label: "line before", to: (now) => now - 1 },
  { keys: ["PageDown"], label: "a page on", to: (now, page) => now + page },
  { keys: ["PageUp"], label: "a page back", to: (now, page) => now - page },
  { keys: ["Home"], label: "first line", to: () => 0 },
  { keys: ["End"], label: "last line", to: (_now, _page, total) => total - 1 },
];

/** Keys that a list has beyond its steps, for the sheet; the lists bind them where they know what they mean. */
export const MORE_LIST_KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "into what is open beside"],
  ["← →", "close and open a group (Findings)"],
  ["m", "menu of the row's values (Timeline)"],
  ["Escape", "close what is open beside (Executions)"],
];

/** Where a list's key leads, or undefined where it is none. */
export function listStep(key: string, now: number, page: number, total: number): number | undefined {
  return LIST_KEYS.find(({ keys }) => keys.includes(key))?.to(now, page, total);
}

/** Focuses what a selector finds, as soon as it is there. */
function focusOn(selector: string, frames = 40): void {
  requestAnimationFrame(() => {
    const element = document.querySelector<HTMLElement>(selector);
    if (element !== null) element.focus();
    else if (frames > 0) focusOn(selector, frames - 1);
  });
}

/** Opens a view and gives the keyboard to it. */
export function goTo(name: View): void {
  view.value = name;
  const focus = VIEWS.find((one) => one.view === name)?.focus;
  if (focus !== undefined) focusOn(focus);
}

const press = (selector: string): void => { document.querySelector<HTMLElement>(selector)?.click(); };
const hasCase = (): boolean => phase.peek() === "reading" || phase.peek() === "ready";
const panelOpen = (): boolean => view.peek() === "findings" && (chosen.peek() !== null || chosenIncident.peek() !== null);
const findingOpen = (): boolean => view.peek() === "findings" && chosen.peek() !== null;
const triage = (state: string): (() => void) => () => { press(`.said input[value=${state}]`); };

/** Starts the tour; without a case, with the example. */
export function startTour(): void {
  over.value = null;
  tourStep.value = 0;
}

export const KEYS: readonly Key[] = [
  ...VIEWS.map(({ view: name, label, letter }, at): Key => ({ keys: [`g ${letter}`, String(at + 1)], label, group: "Views", act: () => { goTo(name); }, when: () => name === "help" || hasCase() })),
  { keys: ["Ctrl+K"], label: "command palette: views, actions, names of the case", group: "Everywhere", act: () => { over.value = "palette"; } },
  { keys: ["?"], label: "this sheet of keys", group: "Everywhere", act: () => { over.value = "keys"; } },
  { keys: ["/"], label: "filter events", group: "Everywhere", act: () => { view.value = "timeline"; focusOn("[data-test=filter]"); }, when: hasCase },
  { keys: ["\\"], label: "take the filter off", group: "Everywhere", act: () => { void applyFilter(""); }, when: hasCase },
  { keys: ["r"], label: "into the raw record that is open", group: "Everywhere", act: () => { focusOn("aside [data-test=raw]"); }, when: () => selected.peek() !== null },
  { keys: ["d"], label: "close the raw record", group: "Everywhere", act: closeDetail, when: () => selected.peek() !== null },
  { keys: ["c"], label: "confirmed", group: "Finding or incident that is open", act: triage("confirmed"), when: findingOpen },
  { keys: ["b"], label: "benign", group: "Finding or incident that is open", act: triage("benign"), when: findingOpen },
  { keys: ["u"], label: "unclear", group: "Finding or incident that is open", act: triage("unclear"), when: findingOpen },
  { keys: ["n"], label: "write a note; Escape leaves it", group: "Finding or incident that is open", act: () => { focusOn(".said textarea"); }, when: findingOpen },
  { keys: ["x"], label: "this is expected…", group: "Finding or incident that is open", act: () => { press("[data-test=expect-this]"); }, when: findingOpen },
  { keys: ["i"], label: "the incident of the finding", group: "Finding or incident that is open", act: () => { press("[data-test=to-incident]"); }, when: findingOpen },
  { keys: ["w"], label: "its first record on the timeline", group: "Finding or incident that is open", act: () => { press("[data-test=evidence-rows] button"); focusOn(".events .rows"); }, when: findingOpen },
  { keys: ["y"], label: "the story of its first execution", group: "Finding or incident that is open", act: () => { press(".finding-panel [data-test=its-story]"); focusOn("[data-test=story]"); }, when: panelOpen },
];

/** What the palette offers beside views and names. */
export const ACTIONS: readonly { readonly label: string; readonly about: string; readonly act: () => void; readonly when?: () => boolean }[] = [
  { label: "Add files…", about: "more evidence", act: () => { void open(fromPicker(false)); }, when: () => phase.peek() !== "loading" },
  { label: "Add folder…", about: "more evidence, a whole collection", act: () => { void open(fromPicker(true)); }, when: () => phase.peek() !== "loading" },
  { label: "Export…", about: "report, case document, events, STIX, ATT&CK layer; pseudonyms", act: () => { sharing.value = true; }, when: () => phase.peek() === "ready" },
  { label: "Save session…", about: "what you said and chose, with the evidence's hashes", act: () => { void saveSession(); }, when: () => phase.peek() === "ready" },
  { label: "Cancel reading", about: "what was read stays", act: () => { void cancel(); }, when: () => overview.peek()?.reading === true && overview.peek()?.concluding !== true },
  { label: "Take the filter off", about: "shows all events", act: () => { void applyFilter(""); }, when: hasCase },
  { label: "Time zone", about: "in which times are shown", act: () => { focusOn("[data-test=zone-switch]"); }, when: hasCase },
  { label: "Theme: light", about: "colours", act: () => { theme.value = "light"; } },
  { label: "Theme: dark", about: "colours", act: () => { theme.value = "dark"; } },
  { label: "Theme: as the system", about: "colours", act: () => { theme.value = "auto"; } },
  { label: "Keys", about: "all keys on one sheet", act: () => { over.value = "keys"; } },
  { label: "Tour", about: "two minutes", act: startTour },
  { label: "Help: the filter's fields", about: "reference", act: () => { helpAt.value = { page: "filter", detector: null }; goTo("help"); } },
  { label: "Help: what the page can see and cannot", about: "limits", act: () => { helpAt.value = { page: "sees", detector: null }; goTo("help"); } },
];

/** The first press of a pair is forgotten after so long. */
const PAIR_MS = 1_500;
let first: { readonly key: string; readonly at: number } | null = null;

function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "file"].includes(target.type);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    over.value = over.peek() === "palette" ? null : "palette";
    return;
  }
  if (event.key === "Escape" && event.target instanceof HTMLTextAreaElement) {
    event.target.blur();
    document.querySelector<HTMLElement>("#findings-tree")?.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || over.peek() !== null || typing(event.target)) return;
  const pair = first !== null && performance.now() - first.at < PAIR_MS ? `${first.key} ${event.key}` : null;
  first = null;
  const means = (word: string): Key | undefined => KEYS.find(({ keys, when }) => keys.includes(word) && (when?.() ?? true));
  const key = (pair === null ? undefined : means(pair)) ?? means(event.key);
  if (key !== undefined) {
    event.preventDefault();
    key.act();
  } else if (KEYS.some(({ keys }) => keys.some((word) => word.startsWith(`${event.key} `)))) {
    first = { key: event.key, at: performance.now() };
  }
}

/** Binds the table; answers how to take it off. */
export function bindKeys(): () => void {
  window.addEventListener("keydown", onKey);
  return () => { window.removeEventListener("keydown", onKey); };
}
