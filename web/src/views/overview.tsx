// The answer first: what to look at, beside its raw record; what happened, who, where and when; and how far the evidence can be trusted.
//
// The core counts; every figure here is a button that opens the rows behind it. Rejected: a dashboard of charts. A responder wants the next record.

import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { brief } from "../brief.js";
import type { Activity, Brief } from "../protocol/brief.js";
import type { EvidenceLike, HostRow } from "../protocol.js";
import { actorShown, applyFilter, closeDetail, evidenceLike, executionFilters, hostShown, hostsLike, phase, say, select, selected, showOnTimeline, view } from "../state.js";
import { count, oneLine, plural, short, span } from "../text.js";
import { filterFindings, openFinding, openIncident, pane } from "../triage.js";
import { IncidentLine } from "./incident.js";

const STRIP_PX = 56;
const PIECE_UNITS = 10;
/** The row of an event that was opened beside no table. */
const NOWHERE = -1;

export function Overview(): JSX.Element {
  const now = brief.value?.brief ?? null;
  const lead = now?.lead ?? null;
  const named = lead?.event == null ? "" : `${lead.event.item}:${lead.event.ordinal}`;
  useEffect(() => {
    const event = lead?.event ?? null;
    if (event === null || selected.peek() !== null) return undefined;
    void select({ ...event, row: NOWHERE });
    return () => {
      // What was opened of itself goes with the view; what a hand has chosen stays.
      const open = selected.peek();
      if (open?.row === NOWHERE && open.item === event.item && open.ordinal === event.ordinal) closeDetail();
    };
  }, [named]);
  if (now === null) return <p class="hint">Loading…</p>;
  const reading = phase.value === "reading" || brief.value?.whole !== true;
  return (
    <div class="overview" data-test="overview" aria-busy={reading} tabIndex={-1}>
      <Lead brief={now} reading={reading} />
      <Strip pieces={now.activity} />
      <div class="cards">
        <Incidents brief={now} reading={reading} />
        <Who brief={now} />
        <Executions brief={now} />
        <Where brief={now} reading={reading} />
        <Coverage brief={now} reading={reading} />
        <Health brief={now} />
      </div>
    </div>
  );
}

/** A figure that leads to its rows. */
function Figure({ many, words, kind = "", open }: { many: number; words: string; kind?: string; open: () => void }): JSX.Element {
  return <li><button type="button" class={`figure ${kind}`} onClick={open}><strong>{count(many)}</strong> <span>{words}</span></button></li>;
}

function Card({ title, test, all, children }: { title: string; test: string; all?: { readonly label: string; readonly open: () => void }; children: ComponentChildren }): JSX.Element {
  return (
    <section class="card" data-test={test} aria-label={title}>
      <h3>{title}<span class="space" />{all === undefined ? null : <button type="button" class="inline" onClick={all.open}>{all.label}</button>}</h3>
      {children}
    </section>
  );
}

function Lead({ brief: now, reading }: { brief: Brief; reading: boolean }): JSX.Element {
  const { lead, coverage } = now;
  if (reading) return <p class="lead-card hint">Reading goes on. Findings come when it has ended; here is what is known so far.</p>;
  if (lead === null) {
    const told = now.suppressed > 0 ? `${plural(now.suppressed, "finding")} ${now.suppressed === 1 ? "is" : "are"} expected, and nothing else was found` : "Nothing was found";
    return (
      <section class="lead-card" data-test="lead" aria-label="What to look at first">
        <h2>{told}.</h2>
        <p>{count(coverage.detectors - coverage.not_assessed)} of {plural(coverage.detectors, "detector")} could answer; the others lack evidence, which is no all-clear. <button type="button" class="inline" onClick={() => { [pane.value, view.value] = ["searched", "findings"]; }}>What was searched for</button></p>
      </section>
    );
  }
  const { finding, event } = lead;
  const { subject } = finding;
  const facts = [subject.caller, subject.ip, subject.vm ?? subject.host].filter((part) => part !== null).map((part) => oneLine(part));
  return (
    <section class="lead-card" data-test="lead" data-severity={finding.severity} aria-label="What to look at first">
      <p class="soft">Look here first{event === null ? "" : "; its raw record is beside"}</p>
      <h2><span class={`severity ${finding.severity}`}>{finding.severity}</span> {oneLine(finding.title)}</h2>
      <p class="lead-sentence">{oneLine(finding.summary)}</p>
      <p class="soft">{[...facts, finding.first === null ? "no time" : short(finding.first), `confidence ${finding.confidence}`].join(" · ")}</p>
      <p class="tools">
        <button type="button" class="strong" data-test="open-lead" onClick={() => { openFinding(finding.key); }}>Open the finding</button>
        {finding.incident === null ? null : <button type="button" data-test="open-lead-incident" onClick={() => { openIncident(finding.incident ?? 0); }}>Its incident, told in order</button>}
        {event === null ? null : <button type="button" onClick={() => { void select({ ...event, row: NOWHERE }); }}>Raw record</button>}
        {event === null ? null : <button type="button" onClick={() => { void showOnTimeline(event); }}>On the timeline</button>}
      </p>
    </section>
  );
}

/** Events as low ground, executions as bars, findings as marks above: each piece opens its own time. */
function Strip({ pieces }: { pieces: readonly Activity[] }): JSX.Element | null {
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (first === undefined || last === undefined) return null;
  const most = { events: Math.max(1, ...pieces.map((one) => one.events)), executions: Math.max(1, ...pieces.map((one) => one.executions)) };
  const open = (piece: Activity): void => {
    view.value = "timeline";
    void applyFilter(piece.filter).then((slip) => { if (slip !== null) say(slip.text); });
  };
  const tall = (part: number, whole: number, room: number): number => (part === 0 ? 0 : Math.max(2, (Math.log1p(part) / Math.log1p(whole)) * room));
  return (
    <section class="strip" aria-label="When" data-test="strip">
      <h3>When <span class="soft">{short(first.from)} – {short(new Date(last.to_ms).toISOString())}, a piece is {span((first.to_ms - first.from_ms) / 1000)}</span><span class="space" /><span class="legend" aria-hidden="true"><i class="of-events" /> events <i class="of-executions" /> executions <i class="of-findings" /> findings</span></h3>
      <ol class="pieces" aria-label="Activity over time">
        {pieces.map((piece) => {
          const words = `${short(piece.from)}: ${plural(piece.events, "event")}, ${plural(piece.executions, "execution")}, ${plural(piece.findings, "finding")}${piece.severity === null ? "" : `, worst ${piece.severity}`}`;
          const picture = (
            <svg viewBox={`0 0 ${PIECE_UNITS} ${STRIP_PX}`} preserveAspectRatio="none" aria-hidden="true">
              <rect class="of-events" x={0} width={PIECE_UNITS} y={STRIP_PX - tall(piece.events, most.events, STRIP_PX - 14)} height={tall(piece.events, most.events, STRIP_PX - 14)} />
              <rect class="of-executions" x={2} width={PIECE_UNITS - 4} y={STRIP_PX - tall(piece.executions, most.executions, STRIP_PX - 18)} height={tall(piece.executions, most.executions, STRIP_PX - 18)} />
              {piece.severity === null ? null : <rect class={`of-findings ${piece.severity}`} x={1} width={PIECE_UNITS - 2} y={1} height={7} />}
            </svg>
          );
          return <li key={piece.from_ms}>{piece.events === 0 ? <span class="piece" title={words}>{picture}</span> : <button type="button" class="piece" title={words} aria-label={words} onClick={() => { open(piece); }}>{picture}</button>}</li>;
        })}
      </ol>
    </section>
  );
}

function Incidents({ brief: now, reading }: { brief: Brief; reading: boolean }): JSX.Element {
  const findings = (): void => { view.value = "findings"; };
  return (
    <Card title={`Incidents · ${count(now.incidents_total)}`} test="card-incidents" all={{ label: "All findings", open: () => { filterFindings({ by: "incident" }); findings(); } }}>
      {now.incidents.length === 0 ? <p class="soft">{reading ? "After reading." : "No findings hang together."}</p> : now.incidents.map((incident) => <IncidentLine key={incident.id} incident={incident} open={openIncident} />)}
      <ul class="card-figures" aria-label="Findings by severity">
        {now.severities.map(({ word, count: many }) => <Figure key={word} many={many} words={word} kind={`severity ${word}`} open={() => { filterFindings({ severities: [word as never], suppressed: false }); findings(); }} />)}
        {now.suppressed === 0 ? null : <Figure many={now.suppressed} words="expected" open={() => { filterFindings({ suppressed: true }); findings(); }} />}
      </ul>
      {now.triage.some(({ word }) => word !== "new") ? <ul class="card-figures" aria-label="Findings by triage">{now.triage.map(({ word, count: many }) => <Figure key={word} many={many} words={word} open={() => { filterFindings({ triage: [word as never], suppressed: false }); findings(); }} />)}</ul> : null}
    </Card>
  );
}

function Executions({ brief: now }: { brief: Brief }): JSX.Element {
  const open = (confidence: string): void => {
    executionFilters.value = confidence === "" ? {} : { confidence };
    view.value = "executions";
  };
  return (
    <Card title={`Executions · ${count(now.executions_total)}`} test="card-executions" all={{ label: "All executions", open: () => { open(""); } }}>
      {now.executions_total === 0 ? <p class="soft">No Run Command so far: neither in the cloud's logs nor on a guest.</p> : (
        <>
          <p class="soft">By how surely who asked is joined with what ran</p>
          <ul class="card-figures">{now.executions.map(({ word, count: many }) => <Figure key={word} many={many} words={word.endsWith("only") ? word : `link ${word}`} open={() => { open(word); }} />)}</ul>
        </>
      )}
    </Card>
  );
}

function Who({ brief: now }: { brief: Brief }): JSX.Element {
  return (
    <Card title={`Who · ${count(now.callers_total)}`} test="card-who" all={{ label: "All callers", open: () => { view.value = "actors"; } }}>
      {now.callers.length === 0 ? <p class="soft">No cloud record with a caller so far.</p> : (
        <ul class="named">
          {now.callers.map((one) => (
            <li key={one.actor}>
              <button type="button" onClick={() => { [actorShown.value, view.value] = [one.actor, "actors"]; }}>
                <Worst severity={one.severity} />
                <span class="named-name">{oneLine(one.caller)}</span>
                <span class="soft number">{plural(one.run_commands, "run command")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Where({ brief: now, reading }: { brief: Brief; reading: boolean }): JSX.Element {
  return (
    <Card title={reading ? "Which machines" : `Which machines · ${count(now.hosts_total)}`} test="card-where" all={{ label: "All hosts", open: () => { hostsLike.value = {}; view.value = "hosts"; } }}>
      {now.hosts.length === 0 ? <p class="soft">{reading ? "After reading." : "No VM and no guest is named by this evidence."}</p> : (
        <ul class="named">
          {now.hosts.map((one: HostRow) => (
            <li key={one.host}>
              <button type="button" onClick={() => { hostsLike.value = {}; [hostShown.value, view.value] = [one.host, "hosts"]; }}>
                <Worst severity={one.severity} />
                <span class="named-name">{oneLine(one.name)}</span>
                <span class="soft number">{plural(one.operations, "operation")}, {one.coverage === "none" ? "no guest evidence" : plural(one.runs, "run")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Worst({ severity }: { severity: string | null }): JSX.Element {
  return severity === null ? <span class="soft severity-none">–</span> : <span class={`severity ${severity}`}>{severity}</span>;
}

function Coverage({ brief: now, reading }: { brief: Brief; reading: boolean }): JSX.Element {
  const { coverage, clocks } = now;
  const hosts = (like: typeof hostsLike.value): void => { [hostsLike.value, hostShown.value, view.value] = [like, null, "hosts"]; };
  const searched = (): void => { [pane.value, view.value] = ["searched", "findings"]; };
  return (
    <Card title="What is not covered, and clocks" test="card-coverage">
      {reading ? <p class="soft">After reading.</p> : (
        <ul class="card-figures">
          <Figure many={coverage.not_assessed} words="detectors could not answer" kind={coverage.not_assessed > 0 ? "gap" : ""} open={searched} />
          {coverage.partly === 0 ? null : <Figure many={coverage.partly} words="answered for a part only" kind="gap" open={searched} />}
          <Figure many={coverage.without_guest} words="hosts without guest evidence" kind={coverage.without_guest > 0 ? "gap" : ""} open={() => { hosts({ coverage: "none" }); }} />
          {coverage.incomplete === 0 ? null : <Figure many={coverage.incomplete} words="hosts lack a source" open={() => { hosts({ coverage: "part" }); }} />}
          {clocks.together === 0 ? null : <Figure many={clocks.together} words="clocks as the cloud's" open={() => { hosts({ clock_stands: "together" }); }} />}
          {clocks.apart === 0 ? null : <Figure many={clocks.apart} words="clocks ahead or behind, corrected" kind="gap" open={() => { hosts({ clock_stands: "apart" }); }} />}
          {clocks.not_known === 0 ? null : <Figure many={clocks.not_known} words="clocks not known" kind="gap" open={() => { hosts({ clock_stands: "not-known" }); }} />}
        </ul>
      )}
    </Card>
  );
}

const COSTS: Record<string, string> = { "data-loss": "with loss of data", warning: "read with an assumption", info: "worth knowing" };

function Health({ brief: now }: { brief: Brief }): JSX.Element {
  const open = (like: EvidenceLike | null): void => { [evidenceLike.value, view.value] = [like, "evidence"]; };
  return (
    <Card title="Evidence" test="card-evidence" all={{ label: "All items", open: () => { open(null); } }}>
      {now.problems.length === 0 && now.unread === 0 ? <p class="soft">No problems so far: everything was read as it stands.</p> : (
        <>
          <p class="soft">Problems while reading</p>
          <ul class="card-figures">
            {now.problems.map(({ word, count: many }) => <Figure key={word} many={many} words={COSTS[word] ?? word} kind={word === "info" ? "" : "gap"} open={() => { open(word as never); }} />)}
            {now.unread === 0 ? null : <Figure many={now.unread} words="items not read to the end" kind="gap" open={() => { open("unread"); }} />}
          </ul>
        </>
      )}
    </Card>
  );
}

