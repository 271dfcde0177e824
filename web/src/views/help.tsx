// Help that travels with the page: how to begin, the manual page of each detector, the formats, the filter's fields, and what cannot be seen from here.
//
// What the core knows (detectors, formats, fields, keys) is asked of it or read from the table that binds it, so that no page of this can drift.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { startTour } from "../keys.js";
import type { Answers, FilterField } from "../protocol.js";
import { ask, helpAt, type HelpPage, say } from "../state.js";
import { FORMS } from "./filter.js";
import { Manual } from "./manual.js";
import { KeyTables } from "./over.js";

const PAGES: readonly (readonly [HelpPage, string])[] = [["start", "How to begin"], ["detectors", "Detectors"], ["formats", "Formats"], ["filter", "Filter"], ["sees", "What it sees and what not"]];

export function Help(): JSX.Element {
  const { page } = helpAt.value;
  return (
    <div class="findings-view" data-test="help">
      <div class="subtabs" role="tablist" aria-label="Help pages">
        {PAGES.map(([name, label]) => <button key={name} type="button" role="tab" id={`help-tab-${name}`} aria-selected={page === name} aria-controls="help-pane" onClick={() => { helpAt.value = { page: name, detector: null }; }}>{label}</button>)}
      </div>
      <div class="list-view help-pane" id="help-pane" role="tabpanel" aria-labelledby={`help-tab-${page}`} tabIndex={0}>
        {page === "start" ? <Start /> : page === "detectors" ? <Detectors /> : page === "formats" ? <Formats /> : page === "filter" ? <FilterReference /> : <Sees />}
      </div>
    </div>
  );
}

function Start(): JSX.Element {
  return (
    <div class="prose">
      <h2>How to begin</h2>
      <ol>
        <li>Drop evidence as it is: Activity Log exports, a guest's <code>/var/log</code>, <code>C:\WindowsAzure</code>, whole collections, zipped or not. More may follow at any time.</li>
        <li><strong>Overview</strong> says what to look at first, beside its raw record. Each figure there opens the rows behind it.</li>
        <li><strong>Findings</strong> groups by incident: its story stands in order by the cloud's clock, each line one click from its record. Say what each finding is; “This is expected…” suppresses what was planned, visibly.</li>
        <li><strong>Executions</strong> joins who asked with what ran, says why both are believed to be one, and lets you contradict.</li>
        <li><strong>Timeline</strong> has every event; the filter (<kbd>/</kbd>) searches fields and the evidence itself.</li>
        <li>Take out the case document, the triage and the settings: the same evidence with the same settings gives the same document, here and on the command line.</li>
      </ol>
      <p><button type="button" class="strong" data-test="start-tour" onClick={startTour}>Take the tour: two minutes</button></p>
      <h2>Keys</h2>
      <KeyTables />
    </div>
  );
}

function useReference(): Answers["reference"] | null {
  const known = useSignal<Answers["reference"] | null>(null);
  useEffect(() => { ask("reference", {}).then((answer) => { known.value = answer; }).catch((error: unknown) => { say(String(error)); }); }, [known]);
  return known.value;
}

function Detectors(): JSX.Element {
  const known = useReference();
  const list = useRef<HTMLUListElement>(null);
  const { detector } = helpAt.value;
  useEffect(() => { list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" }); }, [detector, known]);
  if (known === null) return <p class="hint">Loading…</p>;
  const open = detector ?? known.detectors[0]?.id ?? null;
  return (
    <div class="help-split">
      <ul class="help-list" ref={list} aria-label="Detectors">
        {known.detectors.map(({ id, title }) => <li key={id}><button type="button" aria-current={open === id} onClick={() => { helpAt.value = { page: "detectors", detector: id }; }}><strong>{id}</strong><span class="soft">{title}</span></button></li>)}
      </ul>
      {open === null ? null : <div class="help-page"><Manual detector={open} level={2} /></div>}
    </div>
  );
}

function Formats(): JSX.Element {
  const known = useReference();
  if (known === null) return <p class="hint">Loading…</p>;
  const table = (title: string, guest: boolean): JSX.Element => (
    <section>
      <h2>{title}</h2>
      <table class="searched-table" aria-label={title}>
        <thead><tr><th scope="col">Format</th><th scope="col">What it is</th></tr></thead>
        <tbody>{known.formats.filter((one) => one.from_guest === guest).map(({ id, about }) => <tr key={id}><th scope="row"><code>{id}</code></th><td>{about}</td></tr>)}</tbody>
      </table>
    </section>
  );
  return (
    <div class="prose wide-prose">
      <p>A format is recognised by what an item holds, not by its name. Whatever is not recognised is listed and hashed, and says so in Evidence. Containers (zip, tar, gz, bz2, xz, zst) are opened, nested ones too.</p>
      {table("Of a guest's own disk", true)}
      {table("Of the cloud, or exported over many machines", false)}
    </div>
  );
}

function FilterReference(): JSX.Element {
  const fields = useSignal<readonly FilterField[]>([]);
  useEffect(() => { ask("filter_fields", {}).then((answer) => { fields.value = answer.fields; }).catch((error: unknown) => { say(String(error)); }); }, [fields]);
  return (
    <div class="prose wide-prose">
      <h2>Forms</h2>
      <table class="searched-table" aria-label="Forms"><tbody>{FORMS.map(([form, about]) => <tr key={form}><th scope="row"><code>{form}</code></th><td>{about}</td></tr>)}</tbody></table>
      <h2>Fields</h2>
      <table class="searched-table" aria-label="Fields">
        <thead><tr><th scope="col">Field</th><th scope="col">What it is</th><th scope="col">Compared as</th><th scope="col">Example</th></tr></thead>
        <tbody>{fields.value.map(({ name, also, about, compared, example }) => <tr key={name}><th scope="row"><code>{name}</code></th><td>{about}{also.length === 0 ? "" : ` (also ${also.join(", ")})`}</td><td>{compared}</td><td><code>{name}:{example}</code></td></tr>)}</tbody>
      </table>
    </div>
  );
}

function Sees(): JSX.Element {
  return (
    <div class="prose">
      <h2>What it sees</h2>
      <ul>
        <li>Who asked Azure for a Run Command or an extension, from which address, when and with which outcome: where the Activity Log of that time is among the evidence.</li>
        <li>What the agent of a guest did of it, the script as it was delivered, its output and exit code: where the guest's own files are among the evidence.</li>
        <li>The guest's clock against the cloud's: where executions are known from both sides.</li>
        <li>Processes and connections of a script: where an audit log, Sysmon, an endpoint sensor or flow logs saw them.</li>
      </ul>
      <h2>What it does not see</h2>
      <ul>
        <li>The Activity Log never holds the text of a script that was passed in a request. Only the guest, or a body that a diagnostic setting kept, has it.</li>
        <li>What was deleted from a guest before it was collected. A missing side is said, with whether the evidence would have shown it.</li>
        <li>Times outside the evidence. “Not found” is said of the times that are covered; “not assessed” is never an all-clear.</li>
        <li>Anything live: it asks no cloud and no machine. It reads what was dropped and nothing else.</li>
        <li>Intent. Confidence and severity come from written rules, each explained under Detectors; the verdict is yours.</li>
      </ul>
      <p>Every format, reader and detector has limits by name; where one was reached, Evidence says so beside the item.</p>
    </div>
  );
}
