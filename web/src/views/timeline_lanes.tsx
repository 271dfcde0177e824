// The names beside the lanes: buttons that open, pin, move and filter. By keyboard: arrows go from lane to lane, Enter opens, p pins, Alt and the
// arrows move, f filters.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { laneLabel, lanesBy, moveLane, openLanes, togglePin, toggleOpen, type PlacedLane } from "../lanes.js";
import { applyFilter, ask, say, shown } from "../state.js";
import { count, oneLine } from "../text.js";
import { AXIS_PX, LANE_PX } from "./timeline_draw.js";

/** What the filter calls the values of lanes. */
const FIELD: Readonly<Record<string, string>> = { kind: "kind", vm: "vm", caller: "caller", source: "format" };

async function filterLane({ lane }: PlacedLane): Promise<void> {
  const field = lane.depth > 0 ? "kind" : FIELD[lanesBy.peek()];
  const value = lane.depth > 0 ? lane.kind : lane.name;
  if (field === undefined || value === null || value === "") {
    say("The filter has no word for this lane.");
    return;
  }
  const { text } = await ask("filter_term", { what: "value", filter: shown.peek()?.filter ?? "", field, value, out: false });
  await applyFilter(text);
}

export function LaneLabels({ lanes }: { lanes: readonly PlacedLane[] }): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const held = useRef<string | null>(null);
  const by = lanesBy.value;
  const focus = (at: number): void => { list.current?.querySelectorAll<HTMLElement>("[data-lane]")[at]?.focus(); };
  const onKey = (event: KeyboardEvent, placedLane: PlacedLane, at: number): void => {
    const { lane } = placedLane;
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (step !== 0) {
      event.preventDefault();
      if (!event.altKey || lane.depth > 0) {
        focus(at + step);
        return;
      }
      const groups = lanes.filter((one) => one.lane.depth === 0);
      const to = groups[groups.indexOf(placedLane) + step];
      if (to === undefined) return;
      moveLane(lane.name, to.lane.name, lanes);
      requestAnimationFrame(() => { list.current?.querySelector<HTMLElement>(`[data-lane="${CSS.escape(lane.name)}"]`)?.focus(); });
      return;
    }
    const acts: Record<string, () => void> = {
      ArrowRight: () => { if (lane.kinds > 0 && !openLanes.peek().includes(lane.name)) toggleOpen(lane.name); },
      ArrowLeft: () => { if (openLanes.peek().includes(lane.name)) toggleOpen(lane.name); },
      p: () => { togglePin(lane.name); },
      f: () => { void filterLane(placedLane); },
    };
    const act = acts[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  return (
    <div class="lane-labels" ref={(element) => {
      list.current = element;
      element?.style.setProperty("top", `${AXIS_PX}px`);
    }} role="group" aria-label={`Lanes by ${by}`}>
      {lanes.map((placedLane, at) => {
        const { lane, pinned } = placedLane;
        const open = openLanes.value.includes(lane.name);
        const label = oneLine(laneLabel(by, lane));
        return (
          <div key={`${lane.name}/${lane.depth > 0 ? lane.kind : ""}`} class="lane-label" data-depth={lane.depth} ref={(element) => { element?.style.setProperty("height", `${LANE_PX}px`); }}
            onPointerUp={() => {
              if (held.current !== null && lane.depth === 0) moveLane(held.current, lane.name, lanes);
              held.current = null;
            }}>
            <button type="button" class="lane-name" data-lane={lane.depth > 0 ? undefined : lane.name} data-test="lane" aria-expanded={lane.kinds > 0 ? open : undefined}
              aria-keyshortcuts="p f Alt+ArrowUp Alt+ArrowDown" title={`${label} · ${count(lane.total)} events\nEnter opens · p pins · Alt+arrows move · f filters`}
              onPointerDown={() => { held.current = lane.depth === 0 ? lane.name : null; }}
              onClick={() => { if (lane.kinds > 0) toggleOpen(lane.name); }} onKeyDown={(event) => { onKey(event, placedLane, at); }}>
              <i aria-hidden="true">{lane.kinds > 0 ? (open ? "▾" : "▸") : ""}</i>{label}
            </button>
            <span class="lane-total">{count(lane.total)}</span>
            {lane.depth > 0 ? null : <button type="button" class="lane-pin" tabIndex={-1} aria-pressed={pinned} aria-label={`${pinned ? "Unpin" : "Pin"} ${label}`} onClick={() => { togglePin(lane.name); }}>{pinned ? "◆" : "◇"}</button>}
          </div>
        );
      })}
    </div>
  );
}
