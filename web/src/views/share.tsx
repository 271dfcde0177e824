// The dialog for everything that goes out: which form, with what in it, and what a report says.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ExportForm, ReportAsk } from "../protocol.js";
import { type Choice, exportAs, openSession, report, saveSession, session, sharing, writing } from "../share.js";
import { ask, overview, phase, say, shown } from "../state.js";
import { plural, visible } from "../text.js";

export function ShareButton(): JSX.Element {
  return (
    <button type="button" class="strong" aria-haspopup="dialog" disabled={phase.value === "reading" || writing.value} onClick={() => { sharing.value = true; }}>
      {writing.value ? "Exporting…" : "Export…"}
    </button>
  );
}

export function Share(): JSX.Element | null {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (sharing.value) dialog.current?.showModal();
  }, [sharing.value]);
  if (!sharing.value) return null;
  return (
    <dialog class="share" ref={dialog} aria-label="Export" data-test="share" onClose={() => { sharing.value = false; }}>
      <Choices />
    </dialog>
  );
}

function Choices(): JSX.Element {
  const forms = useSignal<readonly ExportForm[]>([]);
  const chosen = useSignal("report-html");
  const choice = useSignal<Choice>({ events: false, only_shown: false, secrets: false, pseudonyms: false });
  const box = useRef<HTMLDivElement>(null);
  // By keyboard: the arrows choose the form, Enter writes it.
  useLayoutEffect(() => { box.current?.querySelector<HTMLElement>("input[name=form]:checked")?.focus(); }, [forms.value]);
  useEffect(() => {
    ask("export_forms", {}).then((answer) => { forms.value = answer.forms; }).catch((error: unknown) => { say(String(error)); });
  }, []);
  const form = forms.value.find((one) => one.form === chosen.value);
  const change = (part: Partial<Choice>): void => { choice.value = { ...choice.value, ...part }; };
  const filtered = (shown.value?.filter ?? "") !== "";
  const write = (): void => {
    if (form !== undefined && !writing.value) void exportAs(form, choice.value).then(() => { sharing.value = false; });
  };
  return (
    <div class="share-form" ref={box} onKeyDown={(event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.type !== "file") write();
    }}>
      <div class="panel-head">
        <h2>Export</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={() => { sharing.value = false; }}>✕</button>
      </div>
      <div class="share-parts">
        <fieldset class="forms">
          <legend>Form</legend>
          {forms.value.map((one) => (
            <label key={one.form} class="form-choice">
              <input type="radio" name="form" value={one.form} checked={chosen.value === one.form} onChange={() => { chosen.value = one.form; }} />
              <span><b>{one.title}</b><small>{one.about}</small></span>
            </label>
          ))}
        </fieldset>
        <div>
          <fieldset class="options">
            <legend>What it holds</legend>
            {chosen.value === "case" ? <Option label="with events" about="Every event, not only what was concluded." on={choice.value.events} set={(events) => { change({ events }); }} /> : null}
            {form?.lists_events === true && filtered
              ? <Option label="only what the filter shows" about={plural(shown.value?.events ?? 0, "event")} on={choice.value.only_shown} set={(only_shown) => { change({ only_shown }); }} />
              : null}
            <Option label="pseudonyms" about="People, machines and addresses get stand-ins, the same ones in every export of this session." on={choice.value.pseudonyms} set={(pseudonyms) => { change({ pseudonyms, secrets: choice.value.secrets && !pseudonyms }); }} />
            <Option label="with secrets" about="Passwords, keys and tokens as they are, not as dots." on={choice.value.secrets} set={(secrets) => { change({ secrets, pseudonyms: choice.value.pseudonyms && !secrets }); }} />
          </fieldset>
          {chosen.value.startsWith("report-") ? <ReportFields /> : null}
        </div>
      </div>
      <div class="share-foot">
        <span class="hint">Session: your settings, links, triage and notes with the evidence's hashes, no evidence.</span>
        <button type="button" onClick={() => { void saveSession(); }}>Save session…</button>
        <OpenSession />
        <span class="space" />
        <button type="button" class="strong" disabled={form === undefined || writing.value} onClick={write}>{writing.value ? "Writing…" : "Export"}</button>
      </div>
    </div>
  );
}

function Option({ label, about, on, set }: { label: string; about: string; on: boolean; set: (on: boolean) => void }): JSX.Element {
  return (
    <label class="form-choice">
      <input type="checkbox" checked={on} onChange={(event) => { set(event.currentTarget.checked); }} />
      <span><b>{label}</b><small>{about}</small></span>
    </label>
  );
}

function ReportFields(): JSX.Element {
  const known = useSignal<readonly { id: number; severity: string; first: string | null; findings: readonly number[] }[]>([]);
  useEffect(() => {
    ask("incidents", {}).then((answer) => { known.value = answer.incidents; }).catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  const set = (part: Partial<ReportAsk>): void => { report.value = { ...report.value, ...part }; };
  const field = (name: "title" | "author" | "reference", label: string): JSX.Element => (
    <label class="field">{label}<input type="text" value={report.value[name]} onInput={(event) => { set({ [name]: event.currentTarget.value }); }} /></label>
  );
  const incidents = report.value.incidents;
  const all = known.value.map((incident) => incident.id);
  const toggle = (id: number, on: boolean): void => {
    const now = (incidents ?? all).filter((one) => one !== id);
    const next = on ? [...now, id].sort((one, other) => one - other) : now;
    set({ incidents: next.length === all.length ? null : next });
  };
  return (
    <fieldset class="options">
      <legend>Report</legend>
      {field("title", "Title")}
      {field("author", "Author")}
      {field("reference", "Case reference")}
      <label class="field">Conclusion<textarea rows={4} value={report.value.conclusion} onInput={(event) => { set({ conclusion: event.currentTarget.value }); }} /></label>
      {known.value.length > 0 ? (
        <fieldset class="incidents">
          <legend>Incidents</legend>
          {known.value.map((incident) => (
            <label key={incident.id} class="check">
              <input type="checkbox" checked={incidents === null || incidents.includes(incident.id)} onChange={(event) => { toggle(incident.id, event.currentTarget.checked); }} />{" "}
              Incident {incident.id}: {incident.severity}, {plural(incident.findings.length, "finding")}, {incident.first?.replace("T", " ") ?? "–"}
            </label>
          ))}
        </fieldset>
      ) : null}
      <label class="field">Executions, by number (empty: those that a finding is about)
        <input type="text" inputMode="numeric" value={report.value.executions?.join(" ") ?? ""} onChange={(event) => {
          const numbers = event.currentTarget.value.split(/[\s,]+/).filter((part) => part !== "").map(Number).filter((number) => Number.isInteger(number) && number >= 0);
          set({ executions: numbers.length === 0 ? null : numbers });
        }} />
      </label>
    </fieldset>
  );
}

/** A file of a session, wherever it can be opened from. */
export function OpenSession(): JSX.Element {
  const take = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    input.value = "";
    if (file === undefined) return;
    sharing.value = false;
    await openSession(file);
  };
  return (
    <label class="file">Open session… <input type="file" accept=".json,application/json" onChange={(event) => { take(event.currentTarget).catch((error: unknown) => { say(String(error)); }); }} /></label>
  );
}

/** Which evidence of the opened session is here and which is not. */
export function SessionEvidence(): JSX.Element | null {
  const lines = session.value;
  if (lines === null) return null;
  const wanted = lines.filter((line) => line.verdict !== "new");
  const absent = wanted.filter((line) => line.verdict === "missing" || line.verdict === "changed");
  if (absent.length === 0) return <p class="hint" data-test="session">The session that was opened: all of its {plural(wanted.length, "evidence item")} are here, by hash.</p>;
  return (
    <details class="session" open data-test="session">
      <summary>The session that was opened: {absent.length} of its {plural(wanted.length, "evidence item")} are not here as they were</summary>
      <ul>{absent.slice(0, 200).map((line) => <li key={line.path}><b>{line.verdict}</b> <code>{visible(line.path)}</code></li>)}</ul>
    </details>
  );
}
