// One finding in full: what it says, what the analyst says of it, what it rests on, how the detector thinks, and with which parameters.

import { useSignal } from "@preact/signals";
import type { JSX, RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { EventRow, FindingDetail, Parameter, TriageState } from "../protocol.js";
import { ask, overview, say, settingsAt, showOnTimeline, tellStory, view } from "../state.js";
import { count, oneLine, plural, visible, when } from "../text.js";
import { chosen, filterFindings, openIncident, setTriage, turn, writing } from "../triage.js";
import { Chain } from "./chain.js";
import { ExpectThis } from "./expect.js";
import { Figures } from "./figures.js";
import { Hunt } from "./hunt.js";
import { Manual } from "./manual.js";
import { StoryButton } from "./record.js";

const STATES: readonly TriageState[] = ["new", "confirmed", "benign", "unclear"];
const EVENTS_AT_ONCE = 50;

interface PanelProps {
  readonly finding: string;
  readonly panel: RefObject<HTMLElement | null>;
}

export function FindingPanel({ finding, panel }: PanelProps): JSX.Element {
  const known = useSignal<FindingDetail | null>(null);
  const gone = useSignal(false);
  const revision = overview.value?.revision;
  useEffect(() => {
    ask("finding", { key: finding })
      .then((answer) => {
        if (chosen.peek() !== finding) return;
        known.value = answer.finding;
        gone.value = answer.finding === null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [finding, revision, turn.value]);
  const detail = known.value;
  const close = <button type="button" class="quiet" aria-label="Close the finding" onClick={() => { chosen.value = null; }}>✕</button>;
  if (gone.value) return <aside class="finding-panel" aria-label="Finding"><div class="panel-head"><h2>This finding is not there any more.</h2>{close}</div><p class="soft">Settings or evidence changed. What you said of it is kept and counts again when it is back.</p></aside>;
  return (
    <aside class="finding-panel" aria-label="Finding" tabIndex={-1} ref={panel} data-key={detail?.row.key}>
      {detail === null || detail.row.key !== finding ? <p class="soft">Loading…</p> : (
        <>
          <div class="panel-head"><h2>{oneLine(detail.row.title)}</h2>{close}</div>
          <Body key={detail.row.key} detail={detail} />
        </>
      )}
    </aside>
  );
}

function Body({ detail }: { detail: FindingDetail }): JSX.Element {
  const { row } = detail;
  const { subject } = row;
  return (
    <>
      <p class="lead-sentence">{visible(row.summary)}</p>
      <p class="marks">
        <span class={`severity ${row.severity}`}>{row.severity}</span>
        <span class="badge">confidence {row.confidence}</span>
        <span class="badge" title={detail.baseline_about}>baseline {row.baseline}</span>
        {row.incident === null ? null : <button type="button" class="chip" data-test="to-incident" onClick={() => { openIncident(row.incident ?? 0); }}>Incident {row.incident + 1}</button>}
        {row.attack.map((technique) => <button key={technique} type="button" class="chip" title="Show the findings with this technique" onClick={() => { filterFindings({ techniques: [technique] }); }}>{technique}</button>)}
      </p>
      {row.baseline === "n/a" ? null : <p class="soft" data-test="baseline">{detail.baseline_about}</p>}
      <dl class="place">
        <div><dt>When</dt><dd>{row.first === null ? "no time" : when(row.first)}{row.last !== null && row.last !== row.first ? ` – ${when(row.last)}` : ""}</dd></div>
        {([["Caller", subject.caller], ["Address", subject.ip], ["VM", subject.vm], ["Host", subject.host], ["Resource", subject.resource], ["Subscription", subject.resource === null ? subject.subscription : null]] as const).map(([name, value]) =>
          value === null ? null : <div key={name}><dt>{name}</dt><dd class="break">{oneLine(value)}</dd></div>)}
      </dl>
      <Said key={detail.row.key} detail={detail} />
      <ExpectThis row={row} />
      {row.detector === "run-command-chain" ? <Chain detail={detail} /> : null}
      <Evidence detail={detail} />
      {detail.executions.length === 0 ? null : <Executions detail={detail} />}
      <section>
        <h3>Figures</h3>
        <Figures figures={detail.values} />
      </section>
      <Hunt finding={row.key} />
      <Parameters detector={row.detector} />
      <section>
        <h3>The detector</h3>
        <Manual detector={row.detector} />
      </section>
    </>
  );
}

function Said({ detail }: { detail: FindingDetail }): JSX.Element {
  const { key, triage } = detail.row;
  const note = useSignal<string | null>(null);
  // What was chosen a moment ago counts before the finding has been asked for again: a note that follows must not take it back.
  const own = useSignal<TriageState | null>(null);
  const state = own.value ?? triage;
  const latest = useRef(state);
  latest.current = state;
  const field = useRef<HTMLTextAreaElement>(null);
  const said = (one: TriageState, text: string): void => { void setTriage(key, one, text).then(() => { if (note.peek() === text) note.value = null; }); };
  // What was typed is said also where another finding is opened before the field was left.
  useEffect(() => () => {
    if (note.peek() !== null) void setTriage(key, latest.current, note.peek() ?? "");
    own.value = null;
  }, [key]);
  useEffect(() => { if (own.peek() === triage) own.value = null; }, [triage]);
  const text = note.value ?? detail.note;
  return (
    <section class="said" aria-label="Triage">
      <div role="radiogroup" aria-label="What this finding is" class="chips">
        {STATES.map((one) => (
          <label key={one} class="chip" data-chosen={state === one}>
            <input type="radio" name={`triage-${key}`} value={one} checked={state === one} onChange={() => { own.value = one; said(one, text); }} /> {one}
          </label>
        ))}
      </div>
      <textarea ref={field} rows={2} aria-label="Note on this finding" placeholder="Note" value={text} maxLength={20_000}
        onInput={(event) => { note.value = event.currentTarget.value; writing(); }}
        onChange={(event) => { said(latest.current, event.currentTarget.value); }} />
    </section>
  );
}

function Evidence({ detail }: { detail: FindingDetail }): JSX.Element {
  const rows = useSignal<readonly EventRow[]>([]);
  const total = useSignal(detail.events);
  const key = detail.row.key;
  const more = (first: number): void => {
    ask("finding_events", { key, first, count: EVENTS_AT_ONCE })
      .then((answer) => {
        rows.value = first === 0 ? answer.rows : [...rows.peek(), ...answer.rows];
        total.value = answer.total;
      })
      .catch((error: unknown) => { say(String(error)); });
  };
  useEffect(() => { more(0); }, [key, overview.value?.revision]);
  return (
    <section>
      <h3>Evidence <span class="soft">{plural(total.value, "event")}{detail.operations === 0 ? "" : ` of ${plural(detail.operations, "operation")}`}</span></h3>
      <ul class="evidence-rows" data-test="evidence-rows">
        {rows.value.map((row) => (
          <li key={`${row.item}:${row.ordinal}`}>
            <button type="button" onClick={() => showOnTimeline(row)} title="Show on the timeline, with its raw record">
              <span class="when" title={row.time ?? ""}>{row.time === null ? "no time" : when(row.time, row.own_time)}</span>
              <span class={`outcome ${row.outcome ?? ""}`}>{row.outcome ?? ""}</span>
              <span class="evidence-words">{oneLine(row.summary === "" ? (row.operation ?? row.kind) : row.summary)}</span>
              <span class="soft evidence-path">{oneLine(row.path)}</span>
            </button>
          </li>
        ))}
      </ul>
      {rows.value.length < total.value ? <button type="button" onClick={() => { more(rows.value.length); }}>Show {count(Math.min(EVENTS_AT_ONCE, total.value - rows.value.length))} more of {count(total.value)}</button> : null}
    </section>
  );
}

function Executions({ detail }: { detail: FindingDetail }): JSX.Element {
  return (
    <section>
      <h3>Executions</h3>
      <ul class="plain-rows">
        {detail.executions.map(({ execution, event, host, started, confidence, script }) => (
          <li key={execution}>
            <strong>#{execution}</strong> {oneLine(host ?? "host not known")} <span class="when" title={started ?? ""}>{started === null ? "no time" : when(started)}</span> <span class="soft">{confidence === null ? "one side only" : `link ${confidence}`}</span>{" "}
            {event === null ? null : <StoryButton event={event} tell={tellStory} />}
            {script === null ? null : <code class="script-line">{oneLine(script)}</code>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Parameters({ detector }: { detector: string }): JSX.Element {
  const list = useSignal<readonly Parameter[]>([]);
  useEffect(() => {
    ask("settings", {})
      .then(({ parameters }) => { list.value = parameters.filter(({ key }) => key.startsWith(`${detector}.`)); })
      .catch((error: unknown) => { say(String(error)); });
  }, [detector, overview.value?.revision]);
  const words = (value: Parameter["value"]): string => (typeof value === "boolean" ? (value ? "yes" : "no") : String(value));
  return (
    <section>
      <h3>Parameters in force <span class="space" />
        {list.value.length === 0 ? null : <button type="button" onClick={() => { settingsAt.value = `${detector}.`; view.value = "settings"; }}>Change in Settings…</button>}
      </h3>
      {list.value.length === 0 ? <p class="soft">This detector has none.</p> : (
        <details open={list.value.length <= 8}>
          <summary>{plural(list.value.length, "parameter")}{list.value.some((one) => one.value !== one.standard) ? ", not all at their defaults" : ", all at their defaults"}</summary>
          <table class="figures-table">
            <tbody>
              {list.value.map((one) => (
                <tr key={one.key} title={one.about}><th scope="row">{one.key.slice(detector.length + 1)}</th><td>{words(one.value)} {one.unit === "yes-no" || one.unit === "choice" ? "" : one.unit}{one.value === one.standard ? "" : ` (default ${words(one.standard)})`}</td></tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  );
}
