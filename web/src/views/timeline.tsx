// The timeline: density of events by kind, on canvas, at any zoom.
//
// The core counts events into one bin per pixel, so a frame never draws more marks than pixels, whatever the case holds. The last answer is
// stretched while the next is on its way: panning never waits.

import { useSignal } from "@preact/signals";
import { scaleUtc } from "d3-scale";
import { utcFormat } from "d3-time-format";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Arc, Bins } from "../protocol.js";
import { ask, goToRow, overview, range, rowsShown, shownRows, detail, selected, told, whole } from "../state.js";
import { plural } from "../text.js";

const LANE_PX = 22;
const TICKS_PX = 34;
/** The strip of arcs from operations to runs. */
const ARCS_PX = 34;
const AXIS_PX = TICKS_PX + ARCS_PX;
const LABEL_PX = 150;
/** The shortest span that is shown: a millisecond a pixel. */
const SHORTEST_MS = 200;

const exact = utcFormat("%Y-%m-%d %H:%M:%S.%L");
const short = utcFormat("%Y-%m-%d");
const day = utcFormat("%a %Y-%m-%d");

interface Span {
  readonly from_ms: number;
  readonly to_ms: number;
}

const probe = document.createElement("span");
probe.hidden = true;

/** A token's colour in the theme of the moment: the browser resolves it, as it does for everything else. */
function colour(name: string): string {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = "";
  probe.style.color = `var(${name}, var(--kind-other))`;
  return getComputedStyle(probe).color;
}

/** The token that colours a kind: its first word. */
function kindColour(kind: string): string {
  return colour(`--kind-${kind.split(".")[0] ?? "other"}`);
}

/** How far an arc is filled: by how sure its link is, so that it is seen without colour. */
const FILLED: Record<string, number> = { confirmed: 1, high: 1, medium: 0.45, low: 0 };

/** An arc from each operation (above) to its run (below, by the guest's own clock); a stub where one side is missing. */
function drawArcs(context: CanvasRenderingContext2D, arcs: readonly Arc[], scale: (ms: number) => number, width: number): void {
  const [top, bottom] = [TICKS_PX + 5, TICKS_PX + ARCS_PX - 5];
  context.fillStyle = colour("--line");
  context.fillRect(0, TICKS_PX + ARCS_PX - 1, width, 1);
  context.fillStyle = colour("--text");
  context.fillText("executions", 8, TICKS_PX + ARCS_PX / 2);
  context.save();
  context.beginPath();
  context.rect(LABEL_PX, TICKS_PX, width - LABEL_PX, ARCS_PX);
  context.clip();
  const [cloud, guest] = [colour("--kind-cloud"), colour("--kind-guest")];
  const dot = (x: number, y: number, fill: number, paint: string): void => {
    context.beginPath();
    context.arc(x, y, 3.2, 0, 2 * Math.PI);
    context.fillStyle = fill > 0 ? paint : colour("--surface");
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
    if (from !== null && to !== null) {
      // A lens from one to the other, at least as wide as a hand can see.
      const belly = Math.max(5, Math.min(14, Math.abs(to - from) / 4));
      context.beginPath();
      context.moveTo(from, top);
      context.bezierCurveTo(from + belly, top + 10, to + belly, bottom - 10, to, bottom);
      context.bezierCurveTo(to - belly, bottom - 10, from - belly, top + 10, from, top);
      context.fillStyle = colour("--accent");
      context.globalAlpha = fill * 0.6;
      context.fill();
      context.globalAlpha = 1;
      context.strokeStyle = colour("--accent");
      context.setLineDash(fill === 0 ? [3, 2] : []);
      context.stroke();
      context.setLineDash([]);
    }
    if (from !== null) dot(from, top, to === null ? 0 : fill, cloud);
    if (to !== null) dot(to, bottom, from === null ? 0 : fill, guest);
  }
  context.restore();
}

/** The arc nearest to a place of the strip. */
function arcAt(arcs: readonly Arc[], scale: (ms: number) => number, x: number, y: number): Arc | null {
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

function draw(canvas: HTMLCanvasElement, bins: Bins, arcs: readonly Arc[], shown: Span, brush: [number, number] | null): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = scaleUtc([shown.from_ms, shown.to_ms], [LABEL_PX, width]);
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  // Axis: the day where it changes, the time between.
  context.fillStyle = colour("--text-soft");
  context.strokeStyle = colour("--line");
  const ticks = scale.ticks(Math.max(2, Math.floor((width - LABEL_PX) / 110)));
  const [first, second] = ticks;
  const step = first !== undefined && second !== undefined ? second.getTime() - first.getTime() : 0;
  const format = step < 1_000 ? utcFormat("%H:%M:%S.%L") : step < 60_000 ? utcFormat("%H:%M:%S") : utcFormat("%H:%M");
  // Between ticks a day or more apart the date is on the tick itself.
  const withDay = step < 86_400_000;
  let lastDay = "";
  let labelled = 0;
  for (const tick of ticks) {
    const x = scale(tick);
    context.beginPath();
    context.moveTo(x + 0.5, TICKS_PX - 4);
    context.lineTo(x + 0.5, height);
    context.stroke();
    const today = day(tick);
    if (withDay && today !== lastDay) {
      lastDay = today;
      context.fillText(today, x + 3, 9);
    }
    const label = withDay ? format(tick) : short(tick);
    // There may be more ticks than were asked for; a label that would touch the last one is left out.
    if (x + 3 < labelled) continue;
    labelled = x + 3 + context.measureText(label).width + 8;
    context.fillText(label, x + 3, 23);
  }
  context.fillText("UTC", 8, 23);
  // Lanes.
  const per = (bins.to_ms - bins.from_ms) / bins.bins;
  bins.lanes.forEach((lane, at) => {
    const top = AXIS_PX + at * LANE_PX;
    context.fillStyle = colour("--line");
    context.fillRect(0, top + LANE_PX - 1, width, 1);
    context.fillStyle = colour("--text");
    context.fillText(lane.kind, 8, top + LANE_PX / 2);
    context.fillStyle = kindColour(lane.kind);
    const counts = bins.counts.subarray(at * bins.bins, (at + 1) * bins.bins);
    let most = 1;
    for (const value of counts) most = Math.max(most, value);
    for (let bin = 0; bin < bins.bins; bin += 1) {
      const value = counts[bin] ?? 0;
      if (value === 0) continue;
      const x = scale(bins.from_ms + bin * per);
      const right = Math.max(x + 1.5, scale(bins.from_ms + (bin + 1) * per));
      if (right < LABEL_PX || x > width) continue;
      const tall = Math.max(4, (Math.log1p(value) / Math.log1p(most)) * (LANE_PX - 5));
      context.fillRect(Math.max(x, LABEL_PX), top + LANE_PX - 2 - tall, right - Math.max(x, LABEL_PX), tall);
    }
  });
  drawArcs(context, arcs, scale, width);
  mark(context, scale, height, width);
  if (brush !== null) {
    context.fillStyle = colour("--brush");
    context.fillRect(Math.min(...brush), AXIS_PX, Math.abs(brush[1] - brush[0]), height - AXIS_PX);
  }
}

/** The part that the table shows, and the selected event. */
function mark(context: CanvasRenderingContext2D, scale: (ms: number) => number, height: number, width: number): void {
  const { first, last } = shownRows.peek();
  if (first?.time_ms != null) {
    const [from, to] = [scale(first.time_ms), scale(last?.time_ms ?? first.time_ms)];
    if (to >= LABEL_PX && from <= width) {
      context.fillStyle = colour("--viewport");
      const left = Math.max(from, LABEL_PX);
      context.fillRect(left, AXIS_PX - 6, Math.max(2, Math.min(to, width) - left), 4);
    }
  }
  const event = detail.peek();
  if (selected.peek() !== null && event?.row.time_ms != null) {
    const x = scale(event.row.time_ms);
    if (x >= LABEL_PX && x <= width) {
      context.fillStyle = colour("--accent");
      context.fillRect(x - 0.75, AXIS_PX - 8, 1.5, height - AXIS_PX + 8);
    }
  }
}

export function Timeline(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bins = useRef<Bins | null>(null);
  const arcs = useRef<readonly Arc[]>([]);
  const asked = useRef(0);
  const brush = useRef<[number, number] | null>(null);
  const pan = useRef<{ x: number; span: Span } | null>(null);
  const lanes = useSignal(1);
  const hover = useSignal<string>("");
  const all = whole.value;
  const shown = range.value ?? all;

  const paint = (): void => {
    requestAnimationFrame(() => {
      const now = range.peek() ?? whole.peek();
      if (canvas.current !== null && bins.current !== null && now !== null) draw(canvas.current, bins.current, arcs.current, now, brush.current);
    });
  };
  const fetchBins = async (): Promise<void> => {
    const now = range.peek() ?? whole.peek();
    const width = (canvas.current?.clientWidth ?? 0) - LABEL_PX;
    if (now === null || width < 50) return;
    asked.current += 1;
    const mine = asked.current;
    // A margin either side, so that panning shows something at once.
    const margin = (now.to_ms - now.from_ms) / 2;
    const span = { from_ms: now.from_ms - margin, to_ms: now.to_ms + margin };
    const [answer, joined] = await Promise.all([
      ask("bins", { ...span, bins: Math.min(8192, Math.round(width * 2)) }),
      ask("arcs", { ...span, pixels: Math.min(8192, Math.round(width * 2)) }),
    ]);
    if (mine !== asked.current) return;
    bins.current = answer;
    arcs.current = joined.arcs;
    lanes.value = Math.max(1, answer.lanes.length);
    paint();
  };
  const { state } = rowsShown.value;
  useEffect(() => {
    paint();
    const soon = setTimeout(() => { void fetchBins(); }, 30);
    return () => { clearTimeout(soon); };
  }, [shown?.from_ms, shown?.to_ms, state]);
  useEffect(paint, [shownRows.value, detail.value, selected.value, lanes.value]);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { paint(); void fetchBins(); });
    watch.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", paint);
    const theme = new MutationObserver(paint);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      watch.disconnect();
      scheme.removeEventListener("change", paint);
      theme.disconnect();
    };
  }, []);

  const timeAt = (x: number): number => {
    const now = range.peek() ?? whole.peek();
    const width = Math.max(1, (canvas.current?.clientWidth ?? 1) - LABEL_PX);
    return now === null ? 0 : now.from_ms + ((x - LABEL_PX) / width) * (now.to_ms - now.from_ms);
  };
  const zoom = (factor: number, centre: number): void => {
    const now = range.peek() ?? whole.peek();
    if (now === null || all === null) return;
    const span = Math.max(SHORTEST_MS, Math.min((now.to_ms - now.from_ms) * factor, (all.to_ms - all.from_ms) * 1.5));
    const share = (centre - now.from_ms) / (now.to_ms - now.from_ms);
    range.value = { from_ms: centre - share * span, to_ms: centre + (1 - share) * span };
  };
  const shift = (share: number): void => {
    const now = range.peek() ?? whole.peek();
    if (now === null) return;
    const by = (now.to_ms - now.from_ms) * share;
    range.value = { from_ms: now.from_ms + by, to_ms: now.to_ms + by };
  };
  const goTo = async (ms: number): Promise<void> => {
    const { row } = await ask("row_at", { time_ms: ms });
    goToRow.value = { row };
  };

  const arcUnder = (event: PointerEvent): Arc | null => {
    const now = range.peek() ?? whole.peek();
    if (now === null || event.offsetY < TICKS_PX || event.offsetY >= AXIS_PX || event.offsetX < LABEL_PX) return null;
    return arcAt(arcs.current, scaleUtc([now.from_ms, now.to_ms], [LABEL_PX, canvas.current?.clientWidth ?? 1]), event.offsetX, event.offsetY);
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift((event.deltaX + event.deltaY) / 1200);
    else zoom(Math.exp(event.deltaY / 400), timeAt(event.offsetX));
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || canvas.current === null) return;
    canvas.current.setPointerCapture(event.pointerId);
    const now = range.peek() ?? whole.peek();
    if (event.shiftKey || event.offsetY < TICKS_PX) brush.current = [event.offsetX, event.offsetX];
    else if (now !== null) pan.current = { x: event.offsetX, span: now };
  };
  const onMove = (event: PointerEvent): void => {
    if (brush.current !== null) {
      brush.current = [brush.current[0], event.offsetX];
      paint();
    } else if (pan.current !== null) {
      const width = Math.max(1, (canvas.current?.clientWidth ?? 1) - LABEL_PX);
      const by = ((pan.current.x - event.offsetX) / width) * (pan.current.span.to_ms - pan.current.span.from_ms);
      if (Math.abs(pan.current.x - event.offsetX) > 3) range.value = { from_ms: pan.current.span.from_ms + by, to_ms: pan.current.span.to_ms + by };
    }
    const known = bins.current;
    const ms = timeAt(event.offsetX);
    if (known === null || event.offsetX < LABEL_PX) {
      hover.value = "";
      return;
    }
    const arc = arcUnder(event);
    if (arc !== null) {
      const side = arc.confidence === null ? `${arc.run_ms === null ? "cloud" : "guest"} only` : `link ${arc.confidence}`;
      hover.value = `${plural(arc.count, "execution")}, ${side}: click tells the story`;
      return;
    }
    const bin = Math.floor(((ms - known.from_ms) / (known.to_ms - known.from_ms)) * known.bins);
    const lane = Math.floor((event.offsetY - AXIS_PX) / LANE_PX);
    const kind = known.lanes[lane]?.kind;
    const here = kind === undefined ? 0 : (known.counts[lane * known.bins + bin] ?? 0);
    hover.value = `${exact(new Date(ms))} UTC${kind === undefined ? "" : ` · ${kind}: ${plural(here, "event")} here`}`;
  };
  const onUp = (event: PointerEvent): void => {
    if (brush.current !== null) {
      const [one, other] = brush.current;
      brush.current = null;
      if (Math.abs(one - other) > 4) range.value = { from_ms: timeAt(Math.min(one, other)), to_ms: timeAt(Math.max(one, other)) };
      paint();
    } else if (pan.current !== null) {
      const still = Math.abs(pan.current.x - event.offsetX) <= 3;
      pan.current = null;
      const arc = still ? arcUnder(event) : null;
      if (arc !== null) told.value = arc.name;
      else if (still && event.offsetX > LABEL_PX) void goTo(timeAt(event.offsetX));
    }
  };
  const onKey = (event: KeyboardEvent): void => {
    const now = range.peek() ?? whole.peek();
    if (now === null || event.ctrlKey || event.metaKey) return;
    const middle = (now.from_ms + now.to_ms) / 2;
    const keys: Record<string, () => void> = {
      ArrowLeft: () => { shift(-0.15); },
      ArrowRight: () => { shift(0.15); },
      "+": () => { zoom(0.6, middle); },
      "=": () => { zoom(0.6, middle); },
      "-": () => { zoom(1 / 0.6, middle); },
      "0": () => { range.value = null; },
      Enter: () => { void goTo(now.from_ms); },
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  return (
    <div class="timeline">
      <canvas
        ref={(element) => {
          canvas.current = element;
          element?.style.setProperty("height", `${AXIS_PX + lanes.value * LANE_PX + 2}px`);
        }}
        tabIndex={0}
        role="img"
        data-test="timeline"
        aria-label={`Density of ${plural(overview.value?.events ?? 0, "event")} over time, by kind. Arrow keys pan, plus and minus zoom, 0 shows all, Enter moves the table here. The table below holds the same events.`}
        onWheel={onWheel}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerLeave={() => { hover.value = ""; }}
        onDblClick={(event) => { zoom(0.3, timeAt(event.offsetX)); }}
        onKeyDown={onKey}
      />
      <div class="timeline-foot">
        <span class="hover" aria-live="off">{hover.value === "" ? "Wheel zooms, drag pans, drag on the axis selects, click moves the table" : hover.value}</span>
        <span class="space" />
        <button type="button" class="quiet" aria-label="Zoom in" onClick={() => { if (shown !== null) zoom(0.6, (shown.from_ms + shown.to_ms) / 2); }}>+</button>
        <button type="button" class="quiet" aria-label="Zoom out" onClick={() => { if (shown !== null) zoom(1 / 0.6, (shown.from_ms + shown.to_ms) / 2); }}>−</button>
        <button type="button" class="quiet" disabled={range.value === null} onClick={() => { range.value = null; }}>Show all</button>
      </div>
    </div>
  );
}
