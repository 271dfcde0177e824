// Times as they are shown: one switch for the whole page, one place that writes them.
//
//   the core says   2024-05-01T08:00:00.123Z
//   UTC             2024-05-01 08:00:00.123Z
//   Europe/Berlin   2024-05-01 10:00:00.123+02:00
//   source's own    2024-05-01 10:00:00.123 local      (what its clock showed; only where that is not UTC)
//
// Offsets come from the core's table of zones, so that two browsers show one time; the digits stay those of the source. Rejected: Intl for the
// whole text. It rounds to milliseconds, and writes the same moment differently from browser to browser.

import { computed, signal } from "@preact/signals";
import type { ZoneChange } from "./protocol/workbench.js";

export type ClockMode = "utc" | "source" | "analyst" | "custom";

/** A zone that times are shown in; `changes` tell its offset from when on. */
interface ShownZone {
  readonly mode: ClockMode;
  readonly name: string;
  readonly changes: readonly ZoneChange[];
}

const UTC: ShownZone = { mode: "utc", name: "UTC", changes: [] };

/** The zone in force, and the one that was entered last. */
export const zone = signal<ShownZone>(UTC);
export const customZone = signal("");

/** What stands in headings: the zone by name. */
export const zoneName = computed(() => (zone.value.mode === "source" ? "source" : zone.value.name));

/** The zone that this computer is set to. */
export function analystZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function setZoneShown(mode: ClockMode, name: string, changes: readonly ZoneChange[]): void {
  zone.value = mode === "utc" ? UTC : { mode, name, changes };
}

/** Seconds east of UTC at a moment. */
export function eastSeconds(ms: number): number {
  const { changes } = zone.value;
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.[0] ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return changes[Math.max(0, low - 1)]?.[1] ?? 0;
}

function offsetText(seconds: number): string {
  if (seconds === 0 && zone.value.changes.length === 0) return "Z";
  const [sign, whole] = [seconds < 0 ? "-" : "+", Math.abs(seconds)];
  const two = (number: number): string => String(Math.floor(number)).padStart(2, "0");
  const rest = whole % 60 === 0 ? "" : `:${two(whole % 60)}`;
  return `${sign}${two(whole / 3600)}:${two((whole / 60) % 60)}${rest}`;
}

const EXACT = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?Z$/;

function written(time: string, own: string | null | undefined, digits: boolean): string {
  if (zone.value.mode === "source" && own != null) return `${(digits ? own : own.replace(/\.\d+$/, "")).replace("T", " ")} local`;
  const parts = EXACT.exec(time);
  if (parts === null) return time;
  const [, day = "", clock = "", fraction = ""] = parts;
  const tail = digits ? fraction : "";
  const ms = Date.parse(`${day}T${clock}Z`);
  const east = eastSeconds(ms);
  if (east === 0 || !Number.isFinite(ms)) return `${day} ${clock}${tail}${offsetText(0)}`;
  const [there = "", clockThere = ""] = new Date(ms + east * 1000).toISOString().split(/[T.]/);
  return `${there} ${clockThere}${tail}${offsetText(east)}`;
}

/** A time with all of its digits, in the zone shown. `own` is what the source's clock showed. */
export function when(time: string, own?: string | null): string {
  return written(time, own, true);
}

/** The same to the second, for lists; the exact time belongs in its title. */
export function short(time: string, own?: string | null): string {
  return written(time, own, false);
}

/** A moment of the timeline, to the millisecond. */
export function moment(ms: number): string {
  const date = new Date(Math.round(ms));
  return Number.isNaN(date.getTime()) ? "" : written(date.toISOString(), null, true);
}

/** A moment in every zone that is at hand, the one shown first. */
export function moments(ms: number): string {
  const date = new Date(Math.round(ms));
  if (Number.isNaN(date.getTime())) return "";
  const shown = moment(ms);
  const utc = date.toISOString().replace("T", " ");
  return shown === utc ? shown : `${shown} · ${utc}`;
}
