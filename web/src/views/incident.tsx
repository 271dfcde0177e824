// One incident: what it consists of, and its story in order by one clock, each line one click from its raw record.

import { useSignal } from "@preact/signals";
import type { JSX, RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { IncidentDetail } from "../protocol/brief.js";
import type { ShownIncident, StoryLine } from "../protocol.js";
import { ask, overview, say, tellStory } from "../state.js";
import { count, oneLine, plural, short, span, when } from "../text.js";
import { chosen, chosenIncident, turn } from "../triage.js";
import { FindingRows } from "./finding_rows.js";
import { RawRecord, StoryButton } from "./record.js";

const LINES_AT_ONCE = 60;

/** Who, and on which machines. */
export function incidentPlaces(incident: ShownIncident): string {
  const names = (list: readonly string[]): string => list.map((name) => oneLine(name)).join(", ");
  const [who, where] = [names(incident.callers), names(incident.machines)];
  return `${who === "" ? "nobody known" : who}${where === "" ? "" : ` on ${where}`}`;
}

export function IncidentPanel({ incident: id, panel }: { incident: number; panel: RefObject<HTMLElement | null> }): JSX.Element {
  const known = useSignal<IncidentDetail | null>(null);
  useEffect(() => {
    ask("incident", { incident: id })
      .then(({ detail }) => {
        if (chosenIncident.peek() !== id) return;
        known.value = detail;
        if (detail === null) chosenIncident.value = null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [id, overview.value?.revision, turn.value]);
  const detail = known.value;
  return (
    <aside class="finding-panel" aria-label="Incident" tabIndex={-1} ref={panel} data-incident={detail?.incident.id}>
      {detail === null || detail.incident.id !== id ? <p class="soft">Loading…</p> : <Body detail={detail} />}
    </aside>
  );
}

function Body({ detail }: { detail: IncidentDetail }): JSX.Element {
  const { incident } = detail;
  return (
    <>
      <div class="panel-head">
        <h2>Incident {incident.id + 1}: {oneLine(incident.title)}</h2>
        <button type="button" class="quiet" aria-label="Close the incident" onClick={() => { chosenIncident.value = null; }}>✕</button>
      </div>
      <p class="lead-sentence">{incidentPlaces(incident)}</p>
      <p class="marks">
        <span class={`severity ${incident.severity}`}>{incident.severity}</span>
        <span class="badge" title="Each detector that speaks in it counts once, by its worst finding">score {incident.score}</span>
        <span class="badge" title="Of its gravest finding">confidence {incident.confidence}</span>
        <span class="badge">{plural(incident.findings.length, "finding")} of {plural(incident.detectors, "detector")}</span>
      </p>
      <dl class="place"><div><dt>When</dt><dd>{incident.first === null ? "no time" : when(incident.first)}{incident.last !== null && incident.last !== incident.first ? ` – ${when(incident.last)}` : ""}</dd></div></dl>
      <IncidentStory incident={incident.id} />
      <section>
        <h3>Findings <span class="soft">{count(incident.findings.length)}, the worst first</span></h3>
        <FindingRows findings={detail.members} total={incident.findings.length} />
      </section>
      {detail.executions.length === 0 ? null : (
        <section>
          <h3>Executions <span class="soft">{count(detail.executions.length)}</span></h3>
          <ul class="plain-rows">
            {detail.executions.map((one) => (
              <li key={one.execution}>
                <strong>{oneLine(one.host ?? "host not known")}</strong> <span class="when">{one.started ?? "no time"}</span> <span class="soft">{one.confidence === null ? "one side only" : `link ${one.confidence}`}</span>{" "}
                {one.event === null ? null : <StoryButton event={one.event} tell={tellStory} />}
                {one.script === null ? null : <code class="script-line">{oneLine(one.script)}</code>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

export function IncidentStory({ incident }: { incident: number }): JSX.Element {
  const lines = useSignal<readonly StoryLine[]>([]);
  const total = useSignal(0);
  const more = (first: number): void => {
    ask("incident_story", { incident, first, count: LINES_AT_ONCE })
      .then((story) => {
        lines.value = first === 0 ? story.lines : [...lines.peek(), ...story.lines];
        total.value = story.total;
      })
      .catch((error: unknown) => { say(String(error)); });
  };
  useEffect(() => { more(0); }, [incident, overview.value?.revision]);
  return (
    <section>
      <h3>What happened <span class="soft">{plural(total.value, "record")}, by the cloud's clock</span></h3>
      <ol class="incident-story" data-test="incident-story">
        {lines.value.map((line, at) => <Line key={`${line.item}:${line.ordinal}`} line={line} before={lines.value[at - 1] ?? null} />)}
      </ol>
      {lines.value.length < total.value ? <button type="button" onClick={() => { more(lines.value.length); }}>Show {count(Math.min(LINES_AT_ONCE, total.value - lines.value.length))} more of {count(total.value)}</button> : null}
    </section>
  );
}

function Line({ line, before }: { line: StoryLine; before: StoryLine | null }): JSX.Element {
  const open = useSignal(false);
  const day = line.cloud_time?.slice(0, 10) ?? "no time";
  const newDay = before === null || (before.cloud_time?.slice(0, 10) ?? "no time") !== day;
  const off = line.offset_seconds ?? 0;
  const who = [line.actor, line.host ?? line.resource?.split("/").at(-1) ?? null].filter((part) => part !== null).map((part) => oneLine(part)).join(" · ");
  return (
    <>
      {newDay ? <li class="story-day">{line.cloud_time === null ? "no time" : day}</li> : null}
      <li class="story-line" data-clock={line.clock}>
        <button type="button" class="story-button" aria-expanded={open.value} onClick={() => { open.value = !open.value; }} title="Its raw record">
          <span class="when" title={line.cloud_time ?? ""}>{line.cloud_time?.slice(11).replace("Z", "") ?? "no time"}</span>
          <span class="story-words">
            <span class="story-what">{oneLine(line.summary === "" ? (line.operation ?? line.kind) : line.summary)}</span>
            <span class="soft story-who">
              {line.clock}{who === "" ? "" : ` · ${who}`}{Math.abs(off) < 0.05 ? "" : ` · its own clock is ${span(off)} ${off > 0 ? "ahead" : "behind"}`}{line.link === null ? "" : ` · link ${line.link}`}
            </span>
          </span>
          <span class={`outcome ${line.outcome ?? ""}`}>{line.outcome ?? ""}</span>
        </button>
        {line.execution === null ? null : <StoryButton event={line.execution} tell={tellStory} />}
        {open.value ? <RawRecord event={line} /> : null}
      </li>
    </>
  );
}

/** An incident as a line that opens it. */
export function IncidentLine({ incident, open }: { incident: ShownIncident; open: (incident: number) => void }): JSX.Element {
  return (
    <button type="button" class="incident-line" onClick={() => { chosen.value = null; open(incident.id); }}>
      <span class={`severity ${incident.severity}`}>{incident.severity}</span>
      <span class="finding-words"><strong class="finding-title">{oneLine(incident.title)}</strong><span class="finding-summary">{incidentPlaces(incident)}</span><span class="finding-summary">{incident.first === null ? "no time" : short(incident.first)} · {plural(incident.findings.length, "finding")}, {plural(incident.executions, "execution")}</span></span>
    </button>
  );
}
