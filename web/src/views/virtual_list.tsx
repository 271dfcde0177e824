// A list of any length in which only the lines in view exist, moved through by keyboard: the arrow keys move the active line, the box keeps the focus.
//
// Lines are of one height, so that place and line are one multiplication apart. Beyond the height that browsers draw, the scroll range is scaled, as
// in the events table. Rejected: measuring each line. A list that jumps while it is read costs more than a cut sentence that is whole one click away.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { listStep } from "../keys.js";

/** Browsers stop drawing elements a few million pixels tall. */
const TALLEST_PX = 6_000_000;

interface VirtualListProps {
  readonly id: string;
  readonly role: "tree" | "listbox";
  readonly label: string;
  readonly total: number;
  readonly line_px: number;
  /** The active line, or -1. */
  readonly active: number;
  /** Draws a line. Its element carries the given id, and the role that belongs to the list's. */
  readonly draw: (line: number, id: string) => JSX.Element;
  /** Lines that came into view. */
  readonly inView: (first: number, count: number) => void;
  readonly move: (line: number) => void;
  /** Keys that the list does not know; answers whether it was one of its own. */
  readonly otherKey?: (event: KeyboardEvent) => boolean;
}

export function VirtualList({ id, role, label, total, line_px, active, draw, inView, move, otherKey }: VirtualListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const lines = useSignal(30);
  const tall = Math.min(total * line_px, TALLEST_PX);
  const whole = (): number => Math.max(1, Math.floor((box.current?.clientHeight ?? 600) / line_px));
  const lastFirst = Math.max(0, total - whole());
  const scrollTo = (line: number): void => {
    const element = box.current;
    if (element === null) return;
    first.value = Math.max(0, Math.min(line, lastFirst));
    const room = Math.max(1, tall - element.clientHeight);
    element.scrollTop = lastFirst === 0 ? 0 : (first.value / lastFirst) * room;
  };
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => { lines.value = whole() + 1; });
    watch.observe(element);
    return () => { watch.disconnect(); };
  }, [lines]);
  const from = Math.min(first.value, lastFirst);
  const shown = Math.min(lines.value, total - from);
  useEffect(() => { inView(from, shown); }, [from, shown, inView]);
  useEffect(() => {
    if (active < 0) return;
    const page = whole();
    if (active >= from && active < from + page) return;
    // A step goes on at the edge; who jumps wants to see what stands around.
    if (active < from - page || active >= from + 2 * page) scrollTo(active - Math.floor(page / 3));
    else scrollTo(active < from ? active : active - page + 1);
  }, [active]);
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = listStep(event.key, active, whole(), total);
    if (to !== undefined) move(Math.max(0, Math.min(total - 1, to)));
    else if (otherKey?.(event) !== true) return;
    event.preventDefault();
  };
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    const room = Math.max(1, tall - element.clientHeight);
    const line = Math.round((element.scrollTop / room) * lastFirst);
    if (line !== first.value) first.value = line;
  };
  return (
    <div class="virtual" ref={box} id={id} role={role} aria-label={label} tabIndex={0} aria-activedescendant={active >= from && active < from + shown ? `${id}-${active}` : undefined} onKeyDown={onKey} onScroll={onScroll}>
      <div role="presentation" class="tall" ref={(element) => { element?.style.setProperty("height", `${Math.max(tall, 1)}px`); }}>
        <div role="presentation" class="window">
          {Array.from({ length: Math.max(0, shown) }, (_, at) => draw(from + at, `${id}-${from + at}`))}
        </div>
      </div>
    </div>
  );
}
