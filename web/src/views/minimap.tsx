// All of the case in one strip, with the part that the timeline shows: drag the part to pan, its edges or beside it to brush a new one.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LaneCounts } from "../protocol/workbench.js";
import { ask, range, rowsShown, whole } from "../state.js";
import { colour, LABEL_PX, prepared, timeScale, type Span } from "./timeline_draw.js";

const HEIGHT_PX = 30;
const EDGE_PX = 5;

type Hand = { readonly does: "pan"; readonly grip_ms: number; readonly span: Span } | { readonly does: "brush"; readonly from_ms: number };

export function Minimap(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const counts = useRef<LaneCounts | null>(null);
  const frame = useRef(0);
  const asked = useRef(0);
  const hand = useRef<Hand | null>(null);
  const all = whole.value;

  const paint = (): void => {
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const [everything, have] = [whole.peek(), counts.current];
      const ready = canvas.current === null ? null : prepared(canvas.current);
      if (ready === null || everything === null) return;
      const { context, width, height } = ready;
      const scale = timeScale(everything, width);
      if (have !== null) {
        context.fillStyle = colour("--lane");
        let most = 1;
        for (const value of have.counts) most = Math.max(most, value);
        const per = (have.to_ms - have.from_ms) / have.bins;
        have.counts.forEach((value, bin) => {
          if (value === 0) return;
          const tall = Math.max(2, (Math.log1p(value) / Math.log1p(most)) * (height - 4));
          context.fillRect(scale(have.from_ms + bin * per), height - tall, 1.2, tall);
        });
      }
      const part = range.peek();
      if (part === null) return;
      const [from, to] = [Math.max(LABEL_PX, scale(part.from_ms)), Math.min(width, Math.max(scale(part.to_ms), scale(part.from_ms) + 3))];
      context.fillStyle = colour("--shade");
      context.fillRect(LABEL_PX, 0, from - LABEL_PX, height);
      context.fillRect(to, 0, width - to, height);
      context.strokeStyle = colour("--accent");
      context.strokeRect(from + 0.5, 0.5, Math.max(2, to - from - 1), height - 1);
    });
  };
  const fetchCounts = async (): Promise<void> => {
    const everything = whole.peek();
    const pixels = Math.round((canvas.current?.clientWidth ?? 0) - LABEL_PX);
    if (everything === null || pixels < 50) return;
    asked.current += 1;
    const mine = asked.current;
    const answer = await ask("density", { ...everything, bins: Math.min(8192, pixels) });
    if (mine !== asked.current) return;
    counts.current = answer;
    paint();
  };
  const { state } = rowsShown.value;
  useEffect(() => { void fetchCounts(); }, [all?.from_ms, all?.to_ms, state]);
  useEffect(paint, [range.value]);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { paint(); void fetchCounts(); });
    watch.observe(element);
    // After the timeline has forgotten its colours.
    const repaint = (): void => { setTimeout(paint); };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", repaint);
    const theme = new MutationObserver(repaint);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      watch.disconnect();
      scheme.removeEventListener("change", repaint);
      theme.disconnect();
      cancelAnimationFrame(frame.current);
    };
  }, []);

  const timeAt = (x: number): number => {
    const width = Math.max(1, (canvas.current?.clientWidth ?? 1) - LABEL_PX);
    return all === null ? 0 : all.from_ms + ((Math.max(LABEL_PX, x) - LABEL_PX) / width) * (all.to_ms - all.from_ms);
  };
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || all === null || canvas.current === null) return;
    canvas.current.setPointerCapture(event.pointerId);
    const scale = timeScale(all, canvas.current.clientWidth);
    const [part, x, at] = [range.peek(), event.offsetX, timeAt(event.offsetX)];
    if (part === null) hand.current = { does: "brush", from_ms: at };
    else if (Math.abs(x - scale(part.from_ms)) <= EDGE_PX) hand.current = { does: "brush", from_ms: part.to_ms };
    else if (Math.abs(x - scale(part.to_ms)) <= EDGE_PX) hand.current = { does: "brush", from_ms: part.from_ms };
    else if (at > part.from_ms && at < part.to_ms) hand.current = { does: "pan", grip_ms: at, span: part };
    else hand.current = { does: "brush", from_ms: at };
  };
  const onMove = (event: PointerEvent): void => {
    const held = hand.current;
    if (held === null) return;
    const at = timeAt(event.offsetX);
    if (held.does === "pan") {
      const by = at - held.grip_ms;
      range.value = { from_ms: held.span.from_ms + by, to_ms: held.span.to_ms + by };
    } else if (Math.abs(at - held.from_ms) > 0) {
      const [from_ms, to_ms] = [Math.min(at, held.from_ms), Math.max(at, held.from_ms)];
      if (to_ms - from_ms >= 200) range.value = { from_ms, to_ms };
    }
  };
  return (
    <canvas ref={(element) => {
      canvas.current = element;
      element?.style.setProperty("height", `${HEIGHT_PX}px`);
    }} class="minimap" data-test="minimap" role="img" aria-label="All of the case, and the part that the timeline shows; drag to choose another part"
      onPointerDown={onDown} onPointerMove={onMove} onPointerUp={() => { hand.current = null; }} onDblClick={() => { range.value = null; }} />
  );
}
