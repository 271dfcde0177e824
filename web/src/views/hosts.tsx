// Each VM and guest: what was run on it, which evidence of it is there, what is missing, and how its clock stands.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { HostClock, HostDetail, HostLane, HostRow } from "../protocol.js";
import { ask, hostShown as open, hostsLike, overview, say, tellStory } from "../state.js";
import { count, moment, oneLine, plural, short, span, when } from "../text.js";
import { FindingRows } from "./finding_rows.js";
import { StoryButton } from "./record.js";
import { VirtualList } from "./virtual_list.js";

const LINE_PX = 46;
/** The width of a lane in its own units; the element stretches it. */
const LANE_UNITS = 1000;

function clockWords(clock: HostClock | null): string {
  if (clock === null) return "not known";
  const { skew_seconds: skew } = clock;
  if (skew === null) return "not known";
  return Math.abs(skew) < 0.05 ? "as the cloud's" : `${skew < 0 ? "−" : "+"}${span(skew)}`;
}

export function Hosts(): JSX.Element {
  const list = useSignal<readonly HostRow[] | null>(null);
  const text = useSignal("");
  const active = useSignal(-1);
  useEffect(() => {
    ask("hosts", {})
      .then(({ hosts }) => { list.value = hosts; })
      .catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  if (list.value === null) return <p class="hint">Loading…</p>;
  const wanted = text.value.trim().toLowerCase();
  const like = hostsLike.value;
  const alike = list.value.filter((row) => (like.coverage === undefined || row.coverage === like.coverage) && (like.clock_stands === undefined || row.clock_stands === like.clock_stands));
  const rows = alike.filter((row) => row.name.toLowerCase().includes(wanted) || row.host.includes(wanted));
  const move = (at: number): void => {
    active.value = at;
    open.value = rows[at]?.host ?? null;
  };
  return (
    <div class="findings-split hosts" data-test="hosts" data-open={open.value !== null}>
      <div class="findings-list">
        <div class="findings-tools">
          <input type="search" aria-label="Hosts that hold this text" placeholder="Text in hosts" value={text.value} onInput={(event) => { text.value = event.currentTarget.value; active.value = -1; }} />
          {like.coverage === undefined ? null : <button type="button" class="chip" aria-pressed="true" onClick={() => { hostsLike.value = {}; }}>{like.coverage === "none" ? "no evidence of the guest" : like.coverage === "part" ? "sources missing" : "all sources"} ✕</button>}
          {like.clock_stands == null ? null : <button type="button" class="chip" aria-pressed="true" onClick={() => { hostsLike.value = {}; }}>clock {like.clock_stands.replace("-", " ")} ✕</button>}
          <span class="space" />
          <span class="soft">{plural(rows.length, "host")}{list.value.length === rows.length ? "" : ` of ${count(list.value.length)}`}</span>
        </div>
        <div class="host-line head" aria-hidden="true"><span>Findings</span><span>Host</span><span>Run on it</span><span>Evidence of the guest</span><span>Clock offset</span></div>
        {rows.length === 0 ? <p class="hint">{list.value.length === 0 ? "No VM and no guest is named by this evidence." : "No host matches."}</p> : null}
        <VirtualList id="hosts-list" role="listbox" label="Hosts; arrow keys move, the host opens beside" total={rows.length} line_px={LINE_PX} active={active.value} move={move} inView={nothing}
          draw={(at, id) => <HostLine key={rows[at]?.host ?? at} id={id} row={rows[at]} active={active.value === at} choose={() => { move(at); }} />} />
      </div>
      {open.value === null ? null : <HostPanel host={open.value} />}
    </div>
  );
}

function nothing(): void {
  // All rows are here already.
}

function HostLine({ id, row, active, choose }: { id: string; row: HostRow | undefined; active: boolean; choose: () => void }): JSX.Element {
  if (row === undefined) return <div id={id} role="option" aria-selected="false" class="host-line" />;
  return (
    <div id={id} role="option" aria-selected={open.value === row.host} data-active={active} data-host={row.name} class="host-line" onClick={choose}>
      <span>{row.severity === null ? <span class="soft">–</span> : <span class={`severity ${row.severity}`}>{row.severity} {count(row.findings)}</span>}</span>
      <span class="finding-words"><strong class="finding-title">{oneLine(row.name)}</strong><span class="finding-summary">{row.os ?? "system not known"}{row.resource === null ? " · no VM known" : ""}</span></span>
      <span class="finding-words"><span class="finding-title">{plural(row.operations, "operation")}, {plural(row.runs, "run")}</span><span class="finding-summary">{count(row.linked)} linked</span></span>
      <span class="finding-words"><span class="finding-title">{row.items === 0 ? "none" : `${plural(row.items, "item")}, ${plural(row.events, "event")}`}</span><span class="finding-summary" title={row.missing.join(", ")}>{row.missing.length === 0 ? "nothing missing" : `missing: ${row.missing.join(", ").toLowerCase()}`}</span></span>
      <span class="finding-words"><span class="finding-title">{clockWords(row.clock)}</span><span class="finding-summary">{row.clock === null ? "" : `confidence ${row.clock.confidence}`}</span></span>
    </div>
  );
}

function HostPanel({ host }: { host: string }): JSX.Element {
  const known = useSignal<HostDetail | null>(null);
  useEffect(() => {
    ask("host", { host })
      .then((answer) => {
        if (open.peek() !== host) return;
        known.value = answer.host;
        if (answer.host === null) open.value = null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [host, overview.value?.revision]);
  const detail = known.value;
  if (detail === null) return <aside class="finding-panel" aria-label="Host"><p class="soft">Loading…</p></aside>;
  const { row } = detail;
  const joined = row.joined_by === "links" ? "VM and guest are one: their executions are linked" : row.joined_by === "name" ? "VM and guest are taken for one by their name" : row.resource === null ? "known from guest evidence only" : "known from the cloud's records only";
  return (
    <aside class="finding-panel" aria-label="Host">
      <div class="panel-head">
        <h2>{oneLine(row.name)}</h2>
        <button type="button" class="quiet" aria-label="Close the host" onClick={() => { open.value = null; }}>✕</button>
      </div>
      <dl class="place">
        <div><dt>System</dt><dd>{row.os ?? "not known"}</dd></div>
        <div><dt>VM</dt><dd class="break">{row.resource === null ? "not known" : oneLine(row.resource)}<br /><span class="soft">{joined}</span></dd></div>
        <div><dt>Evidence</dt><dd>{row.first === null ? "no time" : when(row.first)} – {row.last === null ? "no time" : when(row.last)}</dd></div>
        <div><dt>Clock</dt><dd><ClockWords clock={row.clock} /></dd></div>
      </dl>
      <Coverage detail={detail} />
      <section>
        <h3>Sources</h3>
        <table class="columns sources" data-test="sources">
          <thead><tr><th scope="col">Source</th><th scope="col">There</th><th scope="col">What it tells</th></tr></thead>
          <tbody>
            {detail.sources.map((one) => (
              <tr key={one.source} data-missing={one.items === 0}>
                <th scope="row">{one.source}</th>
                <td>{one.items === 0 ? <span class="badge warning">missing</span> : <>{plural(one.items, "item")}, {plural(one.events, "event")}<br /><span class="soft">{one.formats.join(", ")}</span></>}</td>
                <td>{one.tells}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section>
        <h3>Run on it <span class="soft">{count(detail.executions.length)}</span></h3>
        {detail.executions.length === 0 ? <p class="soft">Nothing that this evidence shows.</p> : (
          <ul class="plain-rows">
            {detail.executions.map((one) => (
              <li key={one.execution}>
                <span class="when">{one.started === null ? "no time" : short(one.started)}</span> <strong>{one.family}</strong> {one.name === null ? null : oneLine(one.name)} <span class="badge">{one.state}</span>{" "}
                <span class="soft">{one.known_from === "both" ? `cloud and guest, link ${one.confidence ?? "one side only"}` : one.known_from === "cloud" ? "seen by the cloud only" : "seen on the guest only"}</span>
                {" "}{one.event === null ? null : <StoryButton event={one.event} tell={tellStory} />}
                {one.caller === null ? null : <div class="soft break">{oneLine(one.caller)}</div>}
                {one.script === null ? null : <code class="script-line">{oneLine(one.script)}</code>}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section>
        <h3>Findings <span class="soft">{count(row.findings)}</span></h3>
        <FindingRows findings={detail.findings} total={row.findings} />
      </section>
    </aside>
  );
}

function ClockWords({ clock }: { clock: HostClock | null }): JSX.Element {
  if (clock === null) return <>not known: nothing links this guest to the cloud's clock</>;
  const between = clock.low !== null && clock.high !== null ? ` (between ${clock.low} s and ${clock.high} s)` : "";
  const drift = clock.drift_per_day === null ? "" : `, ${clock.drift_per_day} s more each day`;
  return (
    <>
      {clock.skew_seconds === null ? "offset not known" : `guest minus cloud ${clock.skew_seconds} s${between}${drift}`}, confidence {clock.confidence}, from {plural(clock.pairs, "pair")}
      {clock.set_at === null ? null : <div>set at {when(clock.set_at)}; {clock.before} s before</div>}
      {clock.reason === null ? null : <div class="soft">{clock.reason}</div>}
    </>
  );
}

/** Evidence over time, and the times without. */
function Coverage({ detail }: { detail: HostDetail }): JSX.Element {
  const spans = detail.lanes.flatMap((lane) => lane.spans);
  const [from, to] = [Math.min(...spans.map((one) => one.from_ms)), Math.max(...spans.map((one) => one.to_ms))];
  const place = (ms: number): number => (to > from ? ((ms - from) / (to - from)) * LANE_UNITS : 0);
  const gaps: HostLane = { lane: "no guest evidence", cloud: false, left_out: 0, spans: detail.gaps.map((gap) => ({ item: null, path: "no guest evidence", from: gap.from, to: gap.to, from_ms: Date.parse(gap.from), to_ms: Date.parse(gap.to), events: 0 })) };
  return (
    <section>
      <h3>Coverage over time <span class="soft">guest times as the guest gives them</span></h3>
      {spans.length === 0 ? <p class="soft">No evidence of this host has a time.</p> : (
        <div class="coverage" data-test="coverage">
          {[...detail.lanes, ...(gaps.spans.length === 0 ? [] : [gaps])].map((lane) => (
            <div class="coverage-lane" key={lane.lane}>
              <span class="coverage-name">{lane.lane}{lane.left_out > 0 ? ` (+${lane.left_out})` : ""}</span>
              <svg role="img" aria-label={`${lane.lane}: ${lane.spans.slice(0, 8).map((one) => `${when(one.from)} to ${when(one.to)}`).join(", ")}`} viewBox={`0 0 ${LANE_UNITS} 10`} preserveAspectRatio="none">
                {lane.spans.map((one, at) => (
                  <rect key={at} x={place(one.from_ms)} y={0} height={10} width={Math.max(3, place(one.to_ms) - place(one.from_ms))} class={lane === gaps ? "span-gap" : lane.cloud ? "span-cloud" : "span-guest"}>
                    <title>{`${oneLine(one.path)}\n${when(one.from)} – ${when(one.to)}${one.events > 0 ? `\n${plural(one.events, "event")}` : ""}`}</title>
                  </rect>
                ))}
              </svg>
            </div>
          ))}
          <div class="coverage-foot"><span>{moment(from)}</span><span>{moment(to)}</span></div>
        </div>
      )}
      {detail.gaps.length === 0 ? null : (
        <details>
          <summary>{plural(detail.gaps.length, "gap")} without guest evidence, the longest {span(detail.gaps[0]?.seconds ?? 0)}</summary>
          <ul class="plain-rows">{detail.gaps.map((gap) => <li key={gap.from}><span class="when">{when(gap.from)} – {when(gap.to)}</span> {span(gap.seconds)}</li>)}</ul>
        </details>
      )}
    </section>
  );
}
