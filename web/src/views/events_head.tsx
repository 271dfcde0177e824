// The head of the events table: a click sorts, dragging a heading moves its column, dragging its edge makes it wider; by keyboard Enter sorts,
// Alt and the arrows move, Shift and the arrows make wider.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { sort, sortBy } from "../state.js";
import { columns, moveColumn, widenColumn, type Column, type ColumnName } from "../table.js";

const STEP_PX = 16;
/** A hand that moves less meant a click. */
const CLICK_PX = 6;

export function EventsHead({ columns: shownColumns, zone }: { columns: readonly Column[]; zone: string }): JSX.Element {
  const drag = useRef<{ readonly name: ColumnName; readonly x: number; readonly width: number; readonly edge: boolean; moved: boolean } | null>(null);
  const widthOf = (name: ColumnName): number => columns.peek().find((column) => column.name === name)?.width ?? 0;
  const turn = (name: ColumnName): void => {
    if (name === "summary") return;
    const now = sort.peek();
    void sortBy({ by: name, descending: now.by === name ? !now.descending : false });
  };
  const onDown = (event: PointerEvent, name: ColumnName, edge: boolean): void => {
    if (event.button !== 0) return;
    event.stopPropagation();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    drag.current = { name, x: event.clientX, width: widthOf(name), edge, moved: false };
  };
  const onMove = (event: PointerEvent): void => {
    const now = drag.current;
    if (now === null) return;
    if (Math.abs(event.clientX - now.x) > CLICK_PX) now.moved = true;
    if (now.edge) widenColumn(now.name, now.width + event.clientX - now.x);
  };
  const onUp = (event: PointerEvent): void => {
    const now = drag.current;
    drag.current = null;
    if (now === null || now.edge || !now.moved) return;
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-column]")?.getAttribute("data-column");
    const to = columns.peek().findIndex((column) => column.name === under);
    if (to >= 0) moveColumn(now.name, to);
    moved.current = true;
  };
  /** A drag ends with a click that must not sort. */
  const moved = useRef(false);
  const onKey = (event: KeyboardEvent, name: ColumnName): void => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (step === 0 || (!event.altKey && !event.shiftKey)) return;
    event.preventDefault();
    const button = event.currentTarget as HTMLElement;
    if (event.shiftKey) widenColumn(name, widthOf(name) + step * STEP_PX);
    else {
      moveColumn(name, columns.peek().findIndex((column) => column.name === name) + step);
      requestAnimationFrame(() => { button.focus(); });
    }
  };
  const now = sort.value;
  return (
    <div class="row head" role="row">
      <span role="columnheader" title="Stars, tags and comments"><span aria-hidden="true">★</span><span class="unseen">Notes</span></span>
      {shownColumns.map(({ name, heading }) => {
        const by = now.by === name;
        const said = name === "time" ? `Time (${zone})` : heading;
        return (
          <span key={name} role="columnheader" data-column={name} aria-sort={by ? (now.descending ? "descending" : "ascending") : undefined}>
            <button type="button" class="heading" disabled={false} aria-label={name === "summary" ? heading : `Sort by ${heading}`} aria-keyshortcuts="Alt+ArrowLeft Alt+ArrowRight"
              title={name === "summary" ? "Summaries are read from the evidence for the rows in view; they cannot be sorted. Drag moves the column" : "Click sorts, drag moves the column"}
              onPointerDown={(event) => { onDown(event, name, false); }} onPointerMove={onMove} onPointerUp={onUp}
              onClick={() => { if (moved.current) moved.current = false; else turn(name); }} onKeyDown={(event) => { onKey(event, name); }}>
              {said}{by ? <i aria-hidden="true">{now.descending ? " ▾" : " ▴"}</i> : null}
            </button>
            <i class="edge" aria-hidden="true" onPointerDown={(event) => { onDown(event, name, true); }} onPointerMove={onMove} onPointerUp={onUp} />
          </span>
        );
      })}
    </div>
  );
}
