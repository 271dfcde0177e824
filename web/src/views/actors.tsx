// Who worked in this estate: when by the hour, from where, and what was found of it.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ActorDetail, ActorPlace, ActorRow } from "../protocol.js";
import { actorShown as open, ask, overview, say, view } from "../state.js";
import { count, oneLine, plural, short } from "../text.js";
import { filterFindings } from "../triage.js";
import { FindingRows } from "./finding_rows.js";
import { VirtualList } from "./virtual_list.js";

const LINE_PX = 34;
const HOUR_PX = 7;

type Order = "core" | "caller" | "operations" | "run_commands" | "ips" | "first" | "last" | "days";

const COLUMNS: readonly (readonly [Order, string])[] = [
  ["core", "Findings"], ["caller", "Caller"], ["operations", "Operations"], ["run_commands", "Run commands"], ["ips", "Addresses"], ["first", "First"], ["last", "Last"], ["days", "Days"],
];

/** Operations by hour: the darker, the more; one operation is always seen. */
function Hours({ hours, tall }: { hours: readonly number[]; tall: number }): JSX.Element {
  const most = Math.max(1, ...hours);
  const busy = hours.flatMap((many, hour) => (many > 0 ? [`${String(hour).padStart(2, "0")} h: ${many}`] : []));
  return (
    <svg class="hours" role="img" aria-label={`operations by hour (UTC): ${busy.length === 0 ? "none" : busy.join(", ")}`} width={24 * HOUR_PX} height={tall} viewBox={`0 0 ${24 * HOUR_PX} ${tall}`}>
      <title>{`UTC  ${busy.join("  ")}`}</title>
      {hours.map((many, hour) => (
        <rect key={hour} x={hour * HOUR_PX} y={0} width={HOUR_PX - 1} height={tall} class={many === 0 ? "hour empty-hour" : "hour"} fill-opacity={many === 0 ? 1 : 0.25 + 0.75 * (Math.log1p(many) / Math.log1p(most))} />
      ))}
    </svg>
  );
}

function compared(one: ActorRow, other: ActorRow, order: Order): number {
  switch (order) {
    case "core": return 0;
    case "caller": return one.caller < other.caller ? -1 : one.caller > other.caller ? 1 : 0;
    case "first":
    case "last": {
      const [a, b] = [one[order] ?? "", other[order] ?? ""];
      return a < b ? -1 : a > b ? 1 : 0;
    }
    default: return other[order] - one[order];
  }
}

export function Actors(): JSX.Element {
  const list = useSignal<readonly ActorRow[] | null>(null);
  const order = useSignal<Order>("core");
  const text = useSignal("");
  const active = useSignal(-1);
  useEffect(() => {
    ask("actors", {})
      .then(({ actors }) => { list.value = actors; })
      .catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  if (list.value === null) return <p class="hint">Loading…</p>;
  const wanted = text.value.trim().toLowerCase();
  const rows = list.value.filter((row) => row.caller.toLowerCase().includes(wanted)).sort((one, other) => compared(one, other, order.value));
  const move = (at: number): void => {
    active.value = at;
    open.value = rows[at]?.actor ?? null;
  };
  return (
    <div class="findings-split actors" data-test="actors" data-open={open.value !== null}>
      <div class="findings-list">
        <div class="findings-tools">
          <input type="search" aria-label="Callers that hold this text" placeholder="Text in callers" value={text.value} onInput={(event) => { text.value = event.currentTarget.value; active.value = -1; }} />
          <span class="space" />
          <span class="soft">{plural(rows.length, "caller")}{list.value.length === rows.length ? "" : ` of ${count(list.value.length)}`}</span>
        </div>
        <div class="actor-line head" role="group" aria-label="Order of the list">
          {COLUMNS.map(([name, label]) => <button key={name} type="button" class="sort" aria-pressed={order.value === name} onClick={() => { order.value = name; active.value = -1; }}>{label}</button>)}
          <span>By hour (UTC)</span>
        </div>
        {rows.length === 0 ? <p class="hint">{list.value.length === 0 ? "No cloud records with a caller are loaded." : "No caller matches."}</p> : null}
        <VirtualList id="actors-list" role="listbox" label="Callers; arrow keys move, the caller opens beside" total={rows.length} line_px={LINE_PX} active={active.value} move={move} inView={nothing}
          draw={(at, id) => <ActorLine key={rows[at]?.actor ?? at} id={id} row={rows[at]} active={active.value === at} choose={() => { move(at); }} />} />
      </div>
      {open.value === null ? null : <ActorPanel actor={open.value} />}
    </div>
  );
}

function nothing(): void {
  // All rows are here already.
}

function ActorLine({ id, row, active, choose }: { id: string; row: ActorRow | undefined; active: boolean; choose: () => void }): JSX.Element {
  if (row === undefined) return <div id={id} role="option" aria-selected="false" class="actor-line" />;
  return (
    <div id={id} role="option" aria-selected={open.value === row.actor} data-active={active} data-caller={row.caller} class="actor-line" onClick={choose}>
      <span>{row.severity === null ? <span class="soft">–</span> : <span class={`severity ${row.severity}`}>{row.severity} {count(row.findings)}</span>}</span>
      <span title={oneLine(row.caller)}><strong>{oneLine(row.caller)}</strong> <span class="soft">{row.caller_kind}</span></span>
      <span class="number">{count(row.operations)}</span>
      <span class="number">{count(row.run_commands)}</span>
      <span class="number">{count(row.ips)}</span>
      <span class="when" title={row.first ?? ""}>{row.first === null ? "–" : short(row.first)}</span>
      <span class="when" title={row.last ?? ""}>{row.last === null ? "–" : short(row.last)}</span>
      <span class="number">{count(row.days)}</span>
      <Hours hours={row.hours} tall={16} />
    </div>
  );
}

function ActorPanel({ actor }: { actor: number }): JSX.Element {
  const known = useSignal<ActorDetail | null>(null);
  useEffect(() => {
    ask("actor", { actor })
      .then((answer) => {
        if (open.peek() !== actor) return;
        known.value = answer.actor;
        if (answer.actor === null) open.value = null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [actor, overview.value?.revision]);
  const detail = known.value;
  if (detail === null) return <aside class="finding-panel" aria-label="Caller"><p class="soft">Loading…</p></aside>;
  const { row } = detail;
  return (
    <aside class="finding-panel" aria-label="Caller">
      <div class="panel-head">
        <h2>{oneLine(row.caller)}</h2>
        <button type="button" class="quiet" aria-label="Close the caller" onClick={() => { open.value = null; }}>✕</button>
      </div>
      <p>{row.caller_kind} · {plural(row.operations, "operation")}, {plural(row.run_commands, "run command")} · {row.days === 1 ? "1 day" : `${count(row.days)} days`} · {row.first ?? "no time"} – {row.last ?? "no time"}</p>
      <section>
        <h3>By hour (UTC)</h3>
        <Hours hours={row.hours} tall={34} />
        <p class="soft hours-foot">00 h to 23 h</p>
      </section>
      <section>
        <h3>Findings <span class="soft">{count(row.findings)}</span> <span class="space" />
          {row.findings === 0 ? null : <button type="button" onClick={() => { filterFindings({ text: row.caller }); view.value = "findings"; }}>Filter Findings by this caller…</button>}
        </h3>
        <FindingRows findings={detail.findings} total={row.findings} />
      </section>
      <section>
        <h3>Operations</h3>
        <div class="wide" tabIndex={0} role="region" aria-label="Operations of the caller">
          <table class="columns">
            <thead><tr><th scope="col">Operation</th><th scope="col" class="number">Operations</th><th scope="col" class="number">Records</th><th scope="col" class="number">Addresses</th><th scope="col">First</th><th scope="col">Last</th><th scope="col" class="number" title="UTC days with a record">Days</th><th scope="col" class="number" title="Midnights between first and last, at least one">Days apart</th></tr></thead>
            <tbody>
              {detail.operations.map((one) => (
                <tr key={one.operation}><th scope="row" class="break">{oneLine(one.operation)}</th><td class="number">{count(one.count)}</td><td class="number">{count(one.rows)}</td><td class="number">{count(one.ips)}</td><td class="when">{one.first === null ? "–" : short(one.first)}</td><td class="when">{one.last === null ? "–" : short(one.last)}</td><td class="number">{count(one.days)}</td><td class="number">{count(one.days_delta)}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <Places title="Addresses" places={detail.addresses} />
      <Places title="VMs" places={detail.vms} />
    </aside>
  );
}

function Places({ title, places }: { title: string; places: readonly ActorPlace[] }): JSX.Element {
  return (
    <section>
      <h3>{title} <span class="soft">{count(places.length)}</span></h3>
      {places.length === 0 ? <p class="soft">None.</p> : (
        <table class="columns">
          <thead><tr><th scope="col">{title}</th><th scope="col" class="number">Operations</th><th scope="col">First</th><th scope="col">Last</th></tr></thead>
          <tbody>{places.map((one) => <tr key={one.name}><th scope="row" class="break">{oneLine(one.name)}</th><td class="number">{count(one.operations)}</td><td class="when">{one.first === null ? "–" : short(one.first)}</td><td class="when">{one.last === null ? "–" : short(one.last)}</td></tr>)}</tbody>
        </table>
      )}
    </section>
  );
}
