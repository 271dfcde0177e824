// The timeline: density of the shown events in lanes, with executions, findings and notes above, on canvas, at any zoom.
//
// The core counts events into one bin per pixel, so a frame never draws more marks than pixels, whatever the case holds. The last answer is
// stretched while the next is on its way: panning never waits. One question is under way at a time, and it is about the newest view.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { moments, zone } from "../clock.js";
import { laneLabel, lanesBy, openLanes, pinnedLanes, placed, putInLanesBy, type PlacedLane } from "../lanes.js";
import { setBookmark } from "../notes.js";
import type { Arc } from "../protocol.js";
import type { FindingMark, Flag, LaneCounts, LanesBy } from "../protocol/workbench.js";
import { ask, detail, goToRow, overview, range, rowsShown, say, selected, showEvent, shownRows, sort, told, view, whole } from "../state.js";
import { chosen as chosenFinding, filterFindings } from "../triage.js";
import { oneLine, plural, short, span as duration } from "../text.js";
import { Minimap } from "./minimap.js";
import { arcAt, ARCS_PX, AXIS_PX, draw, FINDINGS_TOP_PX, FLAGS_TOP_PX, forgetColours, LABEL_PX, LANE_PX, laneImage, markAt, MARKS_PX, TICKS_PX, timeScale, type Measure, type Span } from "./timeline_draw.js";
import { LaneLabels } from "./timeline_lanes.js";

/** The shortest span that is shown: a millisecond a pixel. */
const SHORTEST_MS = 200;
/** A hand that moves less meant a click. */
const CLICK_PX = 3;
const HOVER_MS = 90;
const BY: readonly (readonly [LanesBy, string])[] = [["kind", "Kind"], ["vm", "VM"], ["caller", "Caller"], ["source", "Source"], ["incident", "Incident"]];

interface Known {
  readonly counts: LaneCounts;
  readonly lanes: readonly PlacedLane[];
  readonly arcs: readonly Arc[];
  readonly findings: readonly FindingMark[];
  readonly flags: readonly Flag[];
}

type Hand =
  | { readonly does: "pan"; readonly x: number; readonly span: Span; moved: boolean }
  | { readonly does: "brush"; readonly x: number; to: number }
  | { readonly does: "measure"; readonly x: number; to: number };

export function Timeline(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const known = useRef<Known | null>(null);
  const image = useRef<HTMLCanvasElement | null>(null);
  const asked = useRef({ under_way: false, again: false });
  const frame = useRef(0);
  const hand = useRef<Hand | null>(null);
  const hovering = useRef(0);
  const lanes = useSignal<readonly PlacedLane[]>([]);
  const hover = useSignal("");
  const head = useSignal<number | null>(null);
  const measure = useSignal<Measure | null>(null);
  /** A bookmark being written: where, and what stood there. */
  const writing = useSignal<{ readonly ms: number; readonly text: string } | null>(null);
  const all = whole.value;
  const shown = range.value ?? all;

  const now = (): Span | null => range.peek() ?? whole.peek();
  const width = (): number => Math.max(LABEL_PX + 1, canvas.current?.clientWidth ?? LABEL_PX + 1);
  const paint = (): void => {
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const [view_, have] = [now(), known.current];
      if (canvas.current === null || have === null || view_ === null) return;
      const { first, last } = shownRows.peek();
      const open = selected.peek() === null ? null : detail.peek();
      const held = hand.current;
      draw(canvas.current, {
        ...have,
        shown: view_,
        by: lanesBy.peek(),
        brush: held?.does === "brush" ? [held.x, held.to] : null,
        measure: measure.peek(),
        head_ms: head.peek(),
        selected_ms: open?.row.time_ms ?? null,
        table: first?.time_ms == null ? null : { from_ms: first.time_ms, to_ms: last?.time_ms ?? first.time_ms },
      }, image.current);
    });
  };
  const arrange = (): void => {
    const have = known.current;
    if (have === null) return;
    known.current = { ...have, lanes: placed(have.counts) };
    image.current = laneImage(have.counts, known.current.lanes);
    lanes.value = known.current.lanes;
    paint();
  };
  const fetchCounts = async (): Promise<void> => {
    if (asked.current.under_way) {
      asked.current.again = true;
      return;
    }
    const view_ = now();
    const pixels = width() - LABEL_PX;
    if (view_ === null || pixels < 50) return;
    asked.current = { under_way: true, again: false };
    // A margin either side, so that panning shows something at once.
    const margin = (view_.to_ms - view_.from_ms) / 2;
    const stretch = { from_ms: view_.from_ms - margin, to_ms: view_.to_ms + margin, bins: Math.min(8192, Math.round(pixels * 2)) };
    try {
      const by = lanesBy.peek();
      const [counts, joined, marks] = await Promise.all([
        ask("lanes", { by, stretch, open: openLanes.peek() }),
        ask("arcs", { from_ms: stretch.from_ms, to_ms: stretch.to_ms, pixels: stretch.bins }),
        ask("marks", stretch),
      ]);
      if (by === lanesBy.peek()) {
        known.current = { counts, lanes: [], arcs: joined.arcs, ...marks };
        arrange();
      }
    } finally {
      const { again } = asked.current;
      asked.current = { under_way: false, again: false };
      if (again) void fetchCounts();
    }
  };
  const { state } = rowsShown.value;
  useEffect(() => {
    paint();
    void fetchCounts();
  }, [shown?.from_ms, shown?.to_ms, state, lanesBy.value, openLanes.value]);
  useEffect(arrange, [pinnedLanes.value]);
  useEffect(paint, [shownRows.value, detail.value, selected.value, lanes.value, zone.value, head.value, measure.value]);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { paint(); void fetchCounts(); });
    watch.observe(element);
    const repaint = (): void => { forgetColours(); arrange(); };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", repaint);
    const theme = new MutationObserver(repaint);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      watch.disconnect();
      scheme.removeEventListener("change", repaint);
      theme.disconnect();
      cancelAnimationFrame(frame.current);
      clearTimeout(hovering.current);
    };
  }, []);

  const timeAt = (x: number): number => {
    const view_ = now();
    return view_ === null ? 0 : view_.from_ms + ((x - LABEL_PX) / (width() - LABEL_PX)) * (view_.to_ms - view_.from_ms);
  };
  const scale = (): ((ms: number) => number) => timeScale(now() ?? { from_ms: 0, to_ms: 1 }, width());
  const zoom = (factor: number, centre: number): void => {
    const view_ = now();
    if (view_ === null || all === null) return;
    const span = Math.max(SHORTEST_MS, Math.min((view_.to_ms - view_.from_ms) * factor, (all.to_ms - all.from_ms) * 1.5));
    const share = (centre - view_.from_ms) / (view_.to_ms - view_.from_ms);
    range.value = { from_ms: centre - share * span, to_ms: centre + (1 - share) * span };
  };
  const shift = (share: number): void => {
    const view_ = now();
    if (view_ === null) return;
    const by = (view_.to_ms - view_.from_ms) * share;
    range.value = { from_ms: view_.from_ms + by, to_ms: view_.to_ms + by };
  };
  /** Shows a stretch with room around it. */
  const zoomTo = (from_ms: number, to_ms: number): void => {
    const room = Math.max((to_ms - from_ms) * 0.25, 5_000);
    range.value = { from_ms: from_ms - room, to_ms: to_ms + room };
  };
  const zoomToSelected = (): void => {
    const ms = detail.peek()?.row.time_ms ?? null;
    if (ms !== null) zoomTo(ms, ms);
  };
  const goTo = async (ms: number): Promise<void> => {
    head.value = ms;
    const { row } = await ask("row_at", { time_ms: ms, sort: sort.peek() });
    goToRow.value = { row };
  };
  const laneUnder = (y: number): PlacedLane | undefined => (y < AXIS_PX ? undefined : lanes.peek()[Math.floor((y - AXIS_PX) / LANE_PX)]);
  const eventNear = (placedLane: PlacedLane, ms: number): ReturnType<typeof ask<"lane_event">> => {
    const view_ = now();
    const per = view_ === null ? 1 : (view_.to_ms - view_.from_ms) / (width() - LABEL_PX);
    const { lane } = placedLane;
    return ask("lane_event", { by: lanesBy.peek(), name: lane.name, kind: lane.depth > 0 ? lane.kind : null, time_ms: ms, within_ms: per * 4 });
  };
  /** What a click on this place means. */
  const click = async (x: number, y: number): Promise<void> => {
    const have = known.current;
    if (have === null || x < LABEL_PX) return;
    if (y >= TICKS_PX && y < TICKS_PX + ARCS_PX) {
      const arc = arcAt(have.arcs, scale(), x, y);
      if (arc !== null) told.value = arc.name;
      else await goTo(timeAt(x));
      return;
    }
    if (y >= FINDINGS_TOP_PX && y < FINDINGS_TOP_PX + MARKS_PX) {
      const finding = markAt(have.findings, scale(), x);
      if (finding !== null) zoomTo(finding.time_ms, finding.last_ms);
      return;
    }
    if (y >= FLAGS_TOP_PX && y < FLAGS_TOP_PX + MARKS_PX) {
      const flag = markAt(have.flags, scale(), x);
      if (flag === null) head.value = timeAt(x);
      else if (flag.name === null) writing.value = { ms: flag.time_ms, text: flag.text };
      else await showEvent(flag.name.item, flag.name.ordinal);
      return;
    }
    const ms = timeAt(x);
    const lane = laneUnder(y);
    const { event } = lane === undefined ? { event: null } : await eventNear(lane, ms);
    if (event === null) await goTo(ms);
    else {
      head.value = event.time_ms;
      await showEvent(event.item, event.ordinal);
    }
  };
  const tell = (x: number, y: number): void => {
    clearTimeout(hovering.current);
    const have = known.current;
    const ms = timeAt(x);
    if (have === null || x < LABEL_PX) {
      hover.value = "";
      return;
    }
    const time = moments(ms);
    if (y >= TICKS_PX && y < TICKS_PX + ARCS_PX) {
      const arc = arcAt(have.arcs, scale(), x, y);
      if (arc !== null) {
        const side = arc.confidence === null ? `${arc.run_ms === null ? "cloud" : "guest"} only` : `link ${arc.confidence}`;
        hover.value = `${plural(arc.count, "execution")}, ${side}: click tells the story, Shift-click zooms to it`;
        return;
      }
    }
    if (y >= FINDINGS_TOP_PX && y < FINDINGS_TOP_PX + MARKS_PX) {
      const finding = markAt(have.findings, scale(), x);
      if (finding !== null) {
        hover.value = `${finding.severity}: ${oneLine(finding.title)}${finding.count > 1 ? ` and ${finding.count - 1} more` : ""} · click zooms to it, double click opens it`;
        return;
      }
    }
    if (y >= FLAGS_TOP_PX && y < FLAGS_TOP_PX + MARKS_PX) {
      const flag = markAt(have.flags, scale(), x);
      if (flag !== null) {
        hover.value = `${moments(flag.time_ms)} · ${flag.starred ? "★ " : ""}${oneLine(flag.text)}${flag.count > 1 ? ` and ${flag.count - 1} more` : ""}`;
        return;
      }
    }
    const lane = laneUnder(y);
    const { counts } = have;
    const bin = Math.floor(((ms - counts.from_ms) / (counts.to_ms - counts.from_ms)) * counts.bins);
    const here = lane === undefined ? 0 : (counts.counts[lane.at * counts.bins + bin] ?? 0);
    hover.value = `${time}${lane === undefined ? "" : ` · ${oneLine(laneLabel(lanesBy.peek(), lane.lane))}: ${plural(here, "event")} here`}`;
    if (lane === undefined) return;
    hovering.current = setTimeout(() => {
      void eventNear(lane, ms).then(({ event }) => {
        if (event !== null && hover.peek().startsWith(time)) hover.value = `${time} · ${event.time === null ? "" : short(event.time, event.own_time)} ${event.kind} ${oneLine(event.summary)}`;
      });
    }, HOVER_MS);
  };

  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift((event.deltaX + event.deltaY) / 1200);
    else zoom(Math.exp(event.deltaY / 400), timeAt(event.offsetX));
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || canvas.current === null || event.offsetX < LABEL_PX) return;
    canvas.current.setPointerCapture(event.pointerId);
    const view_ = now();
    const x = event.offsetX;
    if (event.altKey) {
      hand.current = { does: "measure", x, to: x };
      measure.value = { from_ms: timeAt(x), to_ms: null };
    } else if (event.shiftKey || event.offsetY < TICKS_PX) hand.current = { does: "brush", x, to: x };
    else if (view_ !== null) hand.current = { does: "pan", x, span: view_, moved: false };
  };
  const onMove = (event: PointerEvent): void => {
    const held = hand.current;
    if (held?.does === "pan") {
      const by = ((held.x - event.offsetX) / (width() - LABEL_PX)) * (held.span.to_ms - held.span.from_ms);
      if (Math.abs(held.x - event.offsetX) > CLICK_PX) held.moved = true;
      if (held.moved) range.value = { from_ms: held.span.from_ms + by, to_ms: held.span.to_ms + by };
      return;
    }
    if (held !== null) {
      held.to = Math.max(LABEL_PX, event.offsetX);
      if (held.does === "measure") measure.value = { from_ms: timeAt(held.x), to_ms: timeAt(held.to) };
      paint();
    }
    tell(event.offsetX, event.offsetY);
  };
  const onUp = (event: PointerEvent): void => {
    const held = hand.current;
    hand.current = null;
    if (held === null) return;
    if (held.does === "brush") {
      if (Math.abs(held.x - held.to) > 4) range.value = { from_ms: timeAt(Math.min(held.x, held.to)), to_ms: timeAt(Math.max(held.x, held.to)) };
      else {
        const arc = event.offsetY >= TICKS_PX && event.offsetY < TICKS_PX + ARCS_PX ? arcAt(known.current?.arcs ?? [], scale(), held.x, event.offsetY) : null;
        const ends = [arc?.operation_ms, arc?.run_ms].filter((ms) => ms != null);
        if (ends.length > 0) zoomTo(Math.min(...ends), Math.max(...ends));
        else head.value = timeAt(held.x);
      }
      paint();
    } else if (held.does === "measure") {
      if (Math.abs(held.x - held.to) <= CLICK_PX) measure.value = null;
    } else if (!held.moved) click(event.offsetX, event.offsetY).catch((error: unknown) => { say(String(error)); });
  };
  const onDouble = (event: MouseEvent): void => {
    const finding = event.offsetY >= FINDINGS_TOP_PX && event.offsetY < FINDINGS_TOP_PX + MARKS_PX ? known.current?.findings[0] : undefined;
    if (finding === undefined) {
      zoom(0.3, timeAt(event.offsetX));
      return;
    }
    // The first click has zoomed to it; it is the one nearest to the middle now.
    const middle = ((now()?.from_ms ?? 0) + (now()?.to_ms ?? 0)) / 2;
    const near = known.current?.findings.reduce((best, one) => (Math.abs(one.time_ms - middle) < Math.abs(best.time_ms - middle) ? one : best), finding) ?? finding;
    filterFindings({});
    chosenFinding.value = near.key;
    view.value = "findings";
  };
  const markMeasure = (): void => {
    const [at, known_] = [head.peek() ?? timeAt((LABEL_PX + width()) / 2), measure.peek()];
    measure.value = known_ === null ? { from_ms: at, to_ms: null } : known_.to_ms === null ? { ...known_, to_ms: at } : null;
  };
  const bookmark = (): void => {
    const ms = head.peek() ?? timeAt((LABEL_PX + width()) / 2);
    writing.value = { ms, text: "" };
  };
  const moveHead = (share: number): void => {
    const view_ = now();
    if (view_ === null) return;
    const at = Math.max(view_.from_ms, Math.min(view_.to_ms, (head.peek() ?? (view_.from_ms + view_.to_ms) / 2) + share * (view_.to_ms - view_.from_ms)));
    head.value = at;
    hover.value = moments(at);
  };
  const onKey = (event: KeyboardEvent): void => {
    const view_ = now();
    if (view_ === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = head.peek() !== null && event.shiftKey ? (head.peek() ?? 0) : (view_.from_ms + view_.to_ms) / 2;
    const keys: Record<string, () => void> = {
      ArrowLeft: () => { if (event.shiftKey) moveHead(-0.01); else shift(-0.15); },
      ArrowRight: () => { if (event.shiftKey) moveHead(0.01); else shift(0.15); },
      "+": () => { zoom(0.6, middle); },
      "=": () => { zoom(0.6, middle); },
      "-": () => { zoom(1 / 0.6, middle); },
      w: () => { zoom(0.6, middle); },
      s: () => { zoom(1 / 0.6, middle); },
      a: () => { shift(-0.15); },
      d: () => { shift(0.15); },
      "0": () => { range.value = null; },
      z: zoomToSelected,
      m: markMeasure,
      b: bookmark,
      Enter: () => { void goTo(head.peek() ?? view_.from_ms); },
      Escape: () => { [measure.value, head.value] = [null, null]; },
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  const measured = measure.value;
  const apart = measured === null ? "" : measured.to_ms === null ? "Measuring: m or Alt-drag sets the other end" : `${duration((measured.to_ms - measured.from_ms) / 1000)} between`;

  return (
    <div class="timeline">
      <div class="timeline-tools">
        <span class="soft" id="lanes-by">Lanes by</span>
        <div role="radiogroup" aria-labelledby="lanes-by" class="segments">
          {BY.map(([by, label]) => (
            <button key={by} type="button" role="radio" aria-checked={lanesBy.value === by} data-test={`lanes-${by}`} onClick={() => { putInLanesBy(by); }}>{label}</button>
          ))}
        </div>
        <span class="space" />
        <span class="measured" data-test="measured">{apart}</span>
        <span class="head-time" data-test="play-head">{head.value === null ? "" : moments(head.value)}</span>
        {writing.value === null ? <button type="button" class="quiet" title="b" onClick={bookmark}>⚑ Bookmark</button> : <BookmarkField key={writing.value.ms} {...writing.value} done={() => { writing.value = null; canvas.current?.focus(); void fetchCounts(); }} />}
        <button type="button" class="quiet" title="m" onClick={markMeasure}>↔ Measure</button>
        <button type="button" class="quiet" title="z" disabled={detail.value?.row.time_ms == null} onClick={zoomToSelected}>To event</button>
        <button type="button" class="quiet" aria-label="Zoom in" onClick={() => { if (shown !== null) zoom(0.6, (shown.from_ms + shown.to_ms) / 2); }}>+</button>
        <button type="button" class="quiet" aria-label="Zoom out" onClick={() => { if (shown !== null) zoom(1 / 0.6, (shown.from_ms + shown.to_ms) / 2); }}>−</button>
        <button type="button" class="quiet" disabled={range.value === null} onClick={() => { range.value = null; }}>Show all</button>
      </div>
      <Minimap />
      <div class="timeline-scroll">
        <canvas
          ref={(element) => {
            canvas.current = element;
            element?.style.setProperty("height", `${AXIS_PX + Math.max(1, lanes.value.length) * LANE_PX + 2}px`);
          }}
          tabIndex={0}
          role="img"
          data-test="timeline"
          aria-label={`Density of ${plural(overview.value?.events ?? 0, "event")} over time, in lanes by ${lanesBy.value}. Arrow keys pan, plus and minus zoom, 0 shows all, Shift and the arrows move the play head, Enter moves the table to it, z zooms to the selected event, m measures, b sets a bookmark. The table below holds the same events.`}
          onWheel={onWheel}
          onPointerDown={onDown}
          onPointerMove={onMove}
          onPointerUp={onUp}
          onPointerLeave={() => { clearTimeout(hovering.current); hover.value = ""; }}
          onDblClick={onDouble}
          onKeyDown={onKey}
        />
        <LaneLabels lanes={lanes.value} />
      </div>
      <div class="timeline-foot">
        <span class="hover" aria-live="off">{hover.value === "" ? "Wheel zooms, drag pans, drag on the axis zooms to it, Alt-drag measures, click opens the event or moves the table" : hover.value}</span>
      </div>
    </div>
  );
}

/** A bookmark's text; an empty one takes it away. */
function BookmarkField({ ms, text, done }: { ms: number; text: string; done: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const written = useSignal(text);
  useLayoutEffect(() => { field.current?.focus(); }, []);
  const enter = async (): Promise<void> => {
    if (written.value !== text) await setBookmark(ms, written.value.trim());
    done();
  };
  return (
    <input type="text" ref={field} data-test="bookmark" aria-label={`Bookmark at ${moments(ms)}`} placeholder="bookmark, Enter" value={written.value}
      onInput={(event) => { written.value = event.currentTarget.value; }}
      onKeyDown={(event) => {
        if (event.key === "Enter") void enter();
        else if (event.key === "Escape") done();
      }} />
  );
}

