// A tour of two minutes: each step points at a part of the page and opens what it speaks of. It takes no key but its own, and Escape ends it.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fromExample, hasExample } from "../intake.js";
import { open, phase, tourStep, view, type View } from "../state.js";
import { filterFindings } from "../triage.js";

interface Step {
  readonly view: View;
  /** The part that it points at. */
  readonly at: string;
  readonly title: string;
  readonly text: string;
  readonly begin?: () => void;
}

const STEPS: readonly Step[] = [
  { view: "overview", at: "[data-test=lead]", title: "Look here first", text: "The gravest finding of the worst incident, in one sentence. Its raw record is open beside it: what is claimed and what it rests on, side by side." },
  { view: "overview", at: "[data-test=strip]", title: "When", text: "The whole case in time. Each piece opens the timeline at that time; marks above are findings." },
  { view: "overview", at: ".cards", title: "How much can be said", text: "Who, where, how surely, and what is not covered. Every figure opens the rows behind it." },
  { view: "findings", at: "#findings-tree", title: "Findings by incident", text: "What hangs together stands together. An incident's line opens its story in order; each finding leads to its evidence and to how its detector thinks.", begin: () => { filterFindings({ by: "incident" }); } },
  { view: "executions", at: ".execution-list", title: "Who asked, what ran", text: "Each Run Command once: the cloud's side joined with the guest's. Choose one for its story, the script with its decoded layers, and why both sides are believed to be one." },
  { view: "timeline", at: ".filter", title: "Every event, one filter", text: "Type a word, a caller:name, an address. Texts are looked for in the evidence itself. Press / to come here from anywhere." },
  { view: "evidence", at: "#evidence-list", title: "What was read, and how well", text: "Each item with its hash, its clock and its problems. Nothing is left out in silence." },
  { view: "overview", at: "[data-test=offline]", title: "It stays here", text: "Nothing leaves this page; this says what enforces it. Press ? for all keys, Ctrl+K to find anything. That was it: drop your own evidence at any time." },
];

const LOOK_MS = 200;
const MARGIN_PX = 12;

export function Tour(): JSX.Element | null {
  const at = tourStep.value;
  useEffect(() => {
    if (at !== null && phase.peek() === "empty" && hasExample()) void open(fromExample());
  }, [at]);
  if (at === null) return null;
  if (phase.value !== "ready") return phase.value === "empty" && !hasExample() ? null : <aside class="tour waiting" aria-label="Tour"><p role="status">Opening the example…</p></aside>;
  const step = STEPS[at];
  return step === undefined ? null : <Shown key={at} step={step} at={at} />;
}

function Shown({ step, at }: { step: Step; at: number }): JSX.Element {
  const [box, ring] = [useRef<HTMLElement>(null), useRef<HTMLDivElement>(null)];
  useEffect(() => {
    step.begin?.();
    view.value = step.view;
    box.current?.querySelector<HTMLElement>("[data-next]")?.focus();
    const place = (): void => {
      const [said, mark, target] = [box.current, ring.current, document.querySelector(step.at)?.getBoundingClientRect()];
      if (said === null || mark === null) return;
      mark.hidden = target === undefined;
      if (target === undefined) return;
      const [width, height] = [said.offsetWidth, said.offsetHeight];
      for (const [name, value] of [["left", target.left - 3], ["top", target.top - 3], ["width", target.width + 6], ["height", Math.min(target.height, window.innerHeight - target.top) + 6]] as const) mark.style.setProperty(name, `${value}px`);
      // Of the four corners the one that hides least of what is pointed at.
      const corners = [window.innerHeight - height - MARGIN_PX, MARGIN_PX].flatMap((top) => [window.innerWidth - width - MARGIN_PX, MARGIN_PX].map((left) => ({ left, top })));
      const hidden = ({ left, top }: { left: number; top: number }): number =>
        Math.max(0, Math.min(left + width, target.right) - Math.max(left, target.left)) * Math.max(0, Math.min(top + height, target.bottom) - Math.max(top, target.top));
      const best = corners.reduce((one, other) => (hidden(other) < hidden(one) ? other : one));
      said.style.setProperty("left", `${best.left}px`);
      said.style.setProperty("top", `${best.top}px`);
    };
    place();
    const again = setInterval(place, LOOK_MS);
    return () => { clearInterval(again); };
  }, []);
  const end = (): void => { tourStep.value = null; };
  const go = (to: number): void => { tourStep.value = to < 0 ? 0 : to >= STEPS.length ? null : to; };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") end();
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "ArrowLeft") go(at - 1);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => { if (event.key === "Escape" && !event.defaultPrevented) end(); };
    window.addEventListener("keydown", escape);
    return () => { window.removeEventListener("keydown", escape); };
  }, []);
  return (
    <>
      <div class="tour-ring" ref={ring} aria-hidden="true" />
      <aside class="tour" ref={box} data-test="tour" aria-label="Tour" onKeyDown={onKey}>
        <div class="panel-head"><h2>{step.title}</h2><span class="soft">{at + 1} of {STEPS.length}</span></div>
        <p aria-live="polite">{step.text}</p>
        <p class="tools">
          <button type="button" class="strong" data-next="" onClick={() => { go(at + 1); }}>{at + 1 === STEPS.length ? "Done" : "Next"}</button>
          {at === 0 ? null : <button type="button" onClick={() => { go(at - 1); }}>Back</button>}
          <span class="space" />
          <button type="button" class="quiet" onClick={end}>End the tour (Escape)</button>
        </p>
      </aside>
    </>
  );
}
