// Drawing the timeline: ticks, arcs, findings and flags each frame; the lanes once for each answer, as an image that panning and zooming only
// stretch. So a frame costs the same whatever the case holds, without a graphics card too.

import { scaleUtc } from "d3-scale";
import { utcFormat } from "d3-time-format";
import { eastSeconds, zoneName } from "../clock.js";
import { laneLabel, type PlacedLane } from "../lanes.js";
import type { Arc } from "../protocol.js";
import type { FindingMark, Flag, LaneCounts, LanesBy } from "../protocol/workbench.js";
import { oneLine, span as duration } from "../text.js";

export const LANE_PX = 22;
export const TICKS_PX = 34;
/** The strip of arcs from operations to runs. */
export const ARCS_PX = 34;
/** The strips of findings and of flags. */
export const MARKS_PX = 18;
export const FINDINGS_TOP_PX = TICKS_PX + ARCS_PX;
export const FLAGS_TOP_PX = FINDINGS_TOP_PX + MARKS_PX;
export const AXIS_PX = FLAGS_TOP_PX + MARKS_PX;
export const LABEL_PX = 170;

export interface Span {
  readonly from_ms: number;
  readonly to_ms: number;
}

export interface Measure {
  readonly from_ms: number;
  readonly to_ms: number | null;
}

/** All that a frame shows. */
export interface Scene {
  readonly shown: Span;
  readonly counts: LaneCounts;
  readonly lanes: readonly PlacedLane[];
  readonly by: LanesBy;
  readonly arcs: readonly Arc[];
  readonly findings: readonly FindingMark[];
  readonly flags: readonly Flag[];
  readonly brush: readonly [number, number] | null;
  readonly measure: Measure | null;
  readonly head_ms: number | null;
  readonly selected_ms: number | null;
  readonly table: Span | null;
}

const probe = document.createElement("span");
probe.hidden = true;
const known = new Map<string, string>();

/** Colours are asked for anew after this. */
export function forgetColours(): void {
  known.clear();
}

/** A token's colour in the theme of the moment: the browser resolves it, as it does for everything else. */
export function colour(name: string): string {
  const have = known.get(name);
  if (have !== undefined) return have;
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = "";
  probe.style.color = `var(${name}, var(--kind-other))`;
  const found = getComputedStyle(probe).color;
  known.set(name, found);
  return found;
}

/** The token that colours a kind: its first word. */
function kindColour(kind: string | null): string {
  return colour(kind === null ? "--lane" : `--kind-${kind.split(".")[0] ?? "other"}`);
}

export function timeScale(shown: Span, width: number): (ms: number) => number {
  const per = (width - LABEL_PX) / (shown.to_ms - shown.from_ms);
  return (ms) => LABEL_PX + (ms - shown.from_ms) * per;
}

/** A canvas of the size at which it is shown, cleared. */
export function prepared(canvas: HTMLCanvasElement): { context: CanvasRenderingContext2D; width: number; height: number } | null {
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const ratio = window.devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The lanes of one answer, a pixel for each bin. */
export function laneImage(counts: LaneCounts, lanes: readonly PlacedLane[]): HTMLCanvasElement | null {
  const image = document.createElement("canvas");
  [image.width, image.height] = [counts.bins, Math.max(1, lanes.length * LANE_PX)];
  const context = image.getContext("2d");
  if (context === null) return null;
  lanes.forEach(({ lane, at }, place) => {
    const bottom = (place + 1) * LANE_PX - 2;
    const bins = counts.counts.subarray(at * counts.bins, (at + 1) * counts.bins);
    let most = 1;
    for (const value of bins) most = Math.max(most, value);
    context.fillStyle = kindColour(lane.kind);
    for (let bin = 0; bin < bins.length; bin += 1) {
      const value = bins[bin] ?? 0;
      if (value === 0) continue;
      const tall = Math.max(4, Math.round((Math.log1p(value) / Math.log1p(most)) * (LANE_PX - 5)));
      // A lonely event is as wide as a hand can see.
      const wide = (bins[bin + 1] ?? 0) === 0 ? 2 : 1;
      context.fillRect(bin, bottom - tall, wide, tall);
    }
  });
  return image;
}

let fontOf: string | null = null;

export function draw(canvas: HTMLCanvasElement, scene: Scene, image: HTMLCanvasElement | null): void {
  const ready = prepared(canvas);
  if (ready === null) return;
  const { context, width, height } = ready;
  const { shown, lanes } = scene;
  const scale = timeScale(shown, width);
  fontOf ??= getComputedStyle(canvas).fontFamily;
  context.font = `11px ${fontOf}`;
  context.textBaseline = "middle";
  ticks(context, shown, width, height);
  context.save();
  context.beginPath();
  context.rect(LABEL_PX, 0, width - LABEL_PX, height);
  context.clip();
  if (image !== null) {
    context.imageSmoothingEnabled = false;
    const [left, right] = [scale(scene.counts.from_ms), scale(scene.counts.to_ms)];
    context.drawImage(image, left, AXIS_PX, right - left, image.height);
  }
  context.restore();
  labels(context, scene, width);
  arcsStrip(context, scene.arcs, scale, width);
  marksStrip(context, scene, scale, width);
  overlays(context, scene, scale, width, height);
  lanes.forEach((_, place) => {
    context.fillStyle = colour("--line");
    context.fillRect(0, AXIS_PX + (place + 1) * LANE_PX - 1, width, 1);
  });
}

/** Axis: the day where it changes, the time between, in the zone shown. */
function ticks(context: CanvasRenderingContext2D, shown: Span, width: number, height: number): void {
  // The zone's offset of the middle: round hours of that zone get the ticks.
  const east = eastSeconds((shown.from_ms + shown.to_ms) / 2) * 1000;
  const scale = scaleUtc([shown.from_ms + east, shown.to_ms + east], [LABEL_PX, width]);
  context.fillStyle = colour("--text-soft");
  context.strokeStyle = colour("--line");
  const all = scale.ticks(Math.max(2, Math.floor((width - LABEL_PX) / 110)));
  const [first, second] = all;
  const step = first !== undefined && second !== undefined ? second.getTime() - first.getTime() : 0;
  const format = step < 1_000 ? CLOCK_MS : step < 60_000 ? CLOCK_S : CLOCK_MIN;
  // Between ticks a day or more apart the date is on the tick itself.
  const withDay = step < 86_400_000;
  let lastDay = "";
  let [labelled, dayLabelled] = [0, 0];
  context.beginPath();
  for (const tick of all) {
    const x = Math.round(scale(tick)) + 0.5;
    context.moveTo(x, TICKS_PX - 4);
    context.lineTo(x, height);
    const today = DAY(tick);
    if (withDay && today !== lastDay) {
      lastDay = today;
      if (x + 3 >= dayLabelled) {
        context.fillText(today, x + 3, 9);
        dayLabelled = x + 3 + context.measureText(today).width + 8;
      }
    }
    const label = withDay ? format(tick) : DATE(tick);
    // There may be more ticks than were asked for; a label that would touch the last one is left out.
    if (x + 3 < labelled) continue;
    labelled = x + 3 + context.measureText(label).width + 8;
    context.fillText(label, x + 3, 23);
  }
  context.stroke();
  context.fillText(zoneName.peek() === "source" ? "UTC" : zoneName.peek(), 8, 23);
}

const CLOCK_MS = utcFormat("%H:%M:%S.%L");
const CLOCK_S = utcFormat("%H:%M:%S");
const CLOCK_MIN = utcFormat("%H:%M");
const DATE = utcFormat("%Y-%m-%d");
const DAY = utcFormat("%a %Y-%m-%d");

/** Names of the strips; those of lanes are buttons beside the canvas. */
function labels(context: CanvasRenderingContext2D, scene: Scene, width: number): void {
  context.fillStyle = colour("--surface");
  context.fillRect(0, TICKS_PX, LABEL_PX, AXIS_PX - TICKS_PX + scene.lanes.length * LANE_PX);
  context.fillStyle = colour("--text");
  context.fillText("executions", 8, TICKS_PX + ARCS_PX / 2);
  context.fillText("findings", 8, FINDINGS_TOP_PX + MARKS_PX / 2);
  context.fillText("notes", 8, FLAGS_TOP_PX + MARKS_PX / 2);
  context.fillStyle = colour("--line");
  for (const top of [FINDINGS_TOP_PX, FLAGS_TOP_PX, AXIS_PX]) context.fillRect(0, top - 1, width, 1);
}

/** How far an arc is filled: by how sure its link is, so that it is seen without colour. */
const FILLED: Record<string, number> = { confirmed: 1, high: 1, medium: 0.45, low: 0 };

/** An arc from each operation (above) to its run (below, by the guest's own clock); a stub where one side is missing. */
function arcsStrip(context: CanvasRenderingContext2D, arcs: readonly Arc[], scale: (ms: number) => number, width: number): void {
  const [top, bottom] = [TICKS_PX + 5, TICKS_PX + ARCS_PX - 5];
  context.save();
  context.beginPath();
  context.rect(LABEL_PX, TICKS_PX, width - LABEL_PX, ARCS_PX);
  context.clip();
  const [cloud, guest, surface, accent] = [colour("--kind-cloud"), colour("--kind-guest"), colour("--surface"), colour("--accent")];
  const dot = (x: number, y: number, fill: number, paint: string): void => {
    context.beginPath();
    context.arc(x, y, 3.2, 0, 2 * Math.PI);
    context.fillStyle = fill > 0 ? paint : surface;
    context.globalAlpha = fill > 0 ? Math.max(fill, 0.5) : 1;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = paint;
    context.stroke();
  };
  context.lineWidth = 1.2;
  for (const arc of arcs) {
    const fill = FILLED[arc.confidence ?? "low"] ?? 0;
    const [from, to] = [arc.operation_ms === null ? null : scale(arc.operation_ms), arc.run_ms === null ? null : scale(arc.run_ms)];
    // What lies outside costs nothing.
    const [least, most] = [Math.min(from ?? Infinity, to ?? Infinity), Math.max(from ?? -Infinity, to ?? -Infinity)];
    if (most < LABEL_PX - 20 || least > width + 20) continue;
    if (from !== null && to !== null) {
      // A lens from one to the other, at least as wide as a hand can see.
      const belly = Math.max(5, Math.min(14, Math.abs(to - from) / 4));
      context.beginPath();
      context.moveTo(from, top);
      context.bezierCurveTo(from + belly, top + 10, to + belly, bottom - 10, to, bottom);
      context.bezierCurveTo(to - belly, bottom - 10, from - belly, top + 10, from, top);
      context.fillStyle = accent;
      context.globalAlpha = fill * 0.6;
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = accent;
      context.setLineDash(fill === 0 ? [3, 2] : []);
      context.stroke();
      context.setLineDash([]);
    }
    if (from !== null) dot(from, top, to === null ? 0 : fill, cloud);
    if (to !== null) dot(to, bottom, from === null ? 0 : fill, guest);
  }
  context.restore();
  context.lineWidth = 1;
}

/** Findings as triangles, the worst one filled most; notes as stars and flags. */
function marksStrip(context: CanvasRenderingContext2D, scene: Scene, scale: (ms: number) => number, width: number): void {
  context.save();
  context.beginPath();
  context.rect(LABEL_PX, FINDINGS_TOP_PX, width - LABEL_PX, 2 * MARKS_PX);
  context.clip();
  for (const finding of scene.findings) {
    const x = scale(finding.time_ms);
    if (x < LABEL_PX - 8 || x > width + 8) continue;
    const strong = finding.severity === "critical" || finding.severity === "high";
    const half = strong ? 5.5 : 4;
    const top = FINDINGS_TOP_PX + 4;
    context.beginPath();
    context.moveTo(x - half, top);
    context.lineTo(x + half, top);
    context.lineTo(x, top + 2 * half - 1);
    context.closePath();
    context.fillStyle = colour(`--${finding.severity}`);
    if (finding.severity === "info" || finding.severity === "low") {
      context.strokeStyle = colour(`--${finding.severity}`);
      context.stroke();
    } else context.fill();
  }
  const middle = FLAGS_TOP_PX + MARKS_PX / 2;
  let written = 0;
  context.fillStyle = colour("--text");
  for (const flag of scene.flags) {
    const x = scale(flag.time_ms);
    if (x < LABEL_PX - 8 || x > width + 8) continue;
    context.fillStyle = colour(flag.name === null ? "--accent" : "--medium");
    context.fillText(flag.name === null ? "⚑" : flag.starred ? "★" : "●", x - 5, middle);
    if (x < written || flag.text === "") continue;
    const text = oneLine(flag.text);
    const brief = text.length > 24 ? `${text.slice(0, 23)}…` : text;
    context.fillStyle = colour("--text-soft");
    context.fillText(brief, x + 8, middle);
    written = x + 16 + context.measureText(brief).width;
  }
  context.restore();
}

/** The part that the table shows, the selected event, the play head, what is being measured or brushed. */
function overlays(context: CanvasRenderingContext2D, scene: Scene, scale: (ms: number) => number, width: number, height: number): void {
  const inside = (x: number): number => Math.max(LABEL_PX, Math.min(width, x));
  if (scene.table !== null) {
    const [from, to] = [scale(scene.table.from_ms), scale(scene.table.to_ms)];
    if (to >= LABEL_PX && from <= width) {
      context.fillStyle = colour("--viewport");
      context.fillRect(inside(from), AXIS_PX - 4, Math.max(2, inside(to) - inside(from)), 4);
    }
  }
  const line = (ms: number, paint: string, wide: number, top: number): void => {
    const x = scale(ms);
    if (x < LABEL_PX || x > width) return;
    context.fillStyle = paint;
    context.fillRect(x - wide / 2, top, wide, height - top);
  };
  if (scene.selected_ms !== null) line(scene.selected_ms, colour("--accent"), 1.5, TICKS_PX);
  if (scene.head_ms !== null) line(scene.head_ms, colour("--text"), 1, 0);
  const { measure } = scene;
  if (measure !== null) {
    line(measure.from_ms, colour("--medium"), 1.5, 0);
    if (measure.to_ms !== null) {
      line(measure.to_ms, colour("--medium"), 1.5, 0);
      const [from, to] = [inside(scale(Math.min(measure.from_ms, measure.to_ms))), inside(scale(Math.max(measure.from_ms, measure.to_ms)))];
      context.fillStyle = colour("--brush");
      context.fillRect(from, TICKS_PX, to - from, height - TICKS_PX);
      const text = duration((measure.to_ms - measure.from_ms) / 1000);
      const wide = context.measureText(text).width + 10;
      const x = Math.max(LABEL_PX, Math.min(width - wide, (from + to - wide) / 2));
      context.fillStyle = colour("--medium-ground");
      context.fillRect(x, TICKS_PX + 2, wide, 16);
      context.fillStyle = colour("--medium");
      context.fillText(text, x + 5, TICKS_PX + 10);
    }
  }
  if (scene.brush !== null) {
    context.fillStyle = colour("--brush");
    context.fillRect(Math.min(...scene.brush), TICKS_PX, Math.abs(scene.brush[1] - scene.brush[0]), height - TICKS_PX);
  }
}

/** The arc nearest to a place of the strip. */
export function arcAt(arcs: readonly Arc[], scale: (ms: number) => number, x: number, y: number): Arc | null {
  const share = Math.min(1, Math.max(0, (y - TICKS_PX - 5) / (ARCS_PX - 10)));
  let best: { arc: Arc; apart: number } | null = null;
  for (const arc of arcs) {
    const from = arc.operation_ms ?? arc.run_ms;
    const to = arc.run_ms ?? arc.operation_ms;
    if (from === null || to === null) continue;
    const apart = Math.abs(scale(from) + (scale(to) - scale(from)) * share - x);
    if (apart < 9 && (best === null || apart < best.apart)) best = { arc, apart };
  }
  return best?.arc ?? null;
}

/** The mark nearest to a place, if one is under it. */
export function markAt<M extends { readonly time_ms: number }>(marks: readonly M[], scale: (ms: number) => number, x: number): M | null {
  let best: { mark: M; apart: number } | null = null;
  for (const mark of marks) {
    const apart = Math.abs(scale(mark.time_ms) - x);
    if (apart < 7 && (best === null || apart < best.apart)) best = { mark, apart };
  }
  return best?.mark ?? null;
}

export function labelOf(by: LanesBy, lane: PlacedLane): string {
  return laneLabel(by, lane.lane);
}
