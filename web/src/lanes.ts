// How the lanes of the timeline are arranged: by what, which are open, which are pinned on top, in which order. The core counts; this only places.

import { signal } from "@preact/signals";
import type { Lane, LaneCounts, LanesBy } from "./protocol/workbench.js";

export const lanesBy = signal<LanesBy>("kind");
/** Names of lanes that show their kinds. */
export const openLanes = signal<readonly string[]>([]);
/** Names of pinned lanes, the first on top. */
export const pinnedLanes = signal<readonly string[]>([]);
/** Names in the order that a hand gave them; others follow in the core's. */
const arranged = signal<readonly string[]>([]);

/** A lane as it is drawn: `at` is its place in the answer. */
export interface PlacedLane {
  readonly lane: Lane;
  readonly at: number;
  readonly pinned: boolean;
}

export function putInLanesBy(by: LanesBy): void {
  if (lanesBy.peek() === by) return;
  [openLanes.value, pinnedLanes.value, arranged.value] = [[], [], []];
  lanesBy.value = by;
}

/** The lanes of an answer in the order in which they are drawn; kinds stay below the lane that they are part of. */
export function placed(counts: LaneCounts): PlacedLane[] {
  const groups: PlacedLane[][] = [];
  const pinned = pinnedLanes.value;
  counts.lanes.forEach((lane, at) => {
    const one = { lane, at, pinned: pinned.includes(lane.name) };
    if (lane.depth === 0) groups.push([one]);
    else groups.at(-1)?.push(one);
  });
  const rank = (group: PlacedLane[]): number => {
    const name = group[0]?.lane.name ?? "";
    const [pin, hand] = [pinned.indexOf(name), arranged.value.indexOf(name)];
    return pin >= 0 ? pin - 2e6 : hand >= 0 ? hand - 1e6 : 0;
  };
  // Stable: what no hand has placed stays in the core's order.
  return groups.sort((one, other) => rank(one) - rank(other)).flat();
}

export function toggleOpen(name: string): void {
  const now = openLanes.peek();
  openLanes.value = now.includes(name) ? now.filter((other) => other !== name) : [...now, name];
}

export function togglePin(name: string): void {
  const now = pinnedLanes.peek();
  pinnedLanes.value = now.includes(name) ? now.filter((other) => other !== name) : [...now, name];
}

/** Puts a lane where another one stands. */
export function moveLane(name: string, to: string, shown: readonly PlacedLane[]): void {
  const names = shown.filter(({ lane }) => lane.depth === 0).map(({ lane }) => lane.name);
  const place = names.indexOf(to);
  if (place < 0 || name === to) return;
  const others = names.filter((other) => other !== name);
  const next = [...others.slice(0, place), name, ...others.slice(place)];
  arranged.value = next;
  pinnedLanes.value = next.filter((other) => pinnedLanes.peek().includes(other));
}

/** What stands at a lane. */
export function laneLabel(by: LanesBy, { name, kind, depth, names }: Lane): string {
  if (depth > 0) return kind ?? "";
  if (names > 1) return `${names} others`;
  if (name !== "") return by === "incident" ? `Incident ${name}` : name;
  return { kind: "", vm: "no machine known", caller: "no caller", source: "format unknown", incident: "in no incident" }[by];
}
