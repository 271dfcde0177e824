// The menu of a value: filter for it, filter it out, see what happened around it, copy it.
//
// One menu for the whole page, at the place where it was asked for. What a choice means as a filter is written by the core.

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { copy } from "../outtake.js";
import type { EventRow } from "../protocol.js";
import { applyFilter, ask, say, shown } from "../state.js";
import { oneLine } from "../text.js";

interface Choice {
  readonly label: string;
  readonly act: () => Promise<unknown>;
}

interface Open {
  readonly x: number;
  readonly y: number;
  readonly choices: readonly Choice[];
  /** Where the focus goes back to. */
  readonly before: Element | null;
}

const open = signal<Open | null>(null);
const LONGEST = 48;
const AROUND_SECONDS = 300;

function brief(value: string): string {
  const line = oneLine(value);
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** Opens the menu of an event's values: pairs of field and value, those without a value left out. */
export function valueMenu(x: number, y: number, row: EventRow, values: readonly (readonly [string, string])[]): void {
  const filter = async (field: string, value: string, out: boolean): Promise<void> => {
    const { text } = await ask("filter_term", { what: "value", filter: shown.peek()?.filter ?? "", field, value, out });
    await applyFilter(text);
  };
  const around = async (): Promise<void> => {
    const { text } = await ask("filter_term", { what: "around", item: row.item, ordinal: row.ordinal, seconds: AROUND_SECONDS });
    await applyFilter(text);
  };
  const choices: Choice[] = values
    .filter(([, value]) => value !== "")
    .flatMap(([field, value]) => [
      { label: `Only ${field} ${brief(value)}`, act: () => filter(field, value, false) },
      { label: `Without ${field} ${brief(value)}`, act: () => filter(field, value, true) },
      ...(values.length === 1 ? [{ label: `Copy ${brief(value)}`, act: () => copy(value) }] : []),
    ]);
  if (row.time !== null) choices.push({ label: "Everything within 5 minutes of this", act: around });
  if (choices.length > 0) open.value = { x, y, choices, before: document.activeElement };
}

export function Menu(): JSX.Element | null {
  const list = useRef<HTMLDivElement>(null);
  const now = open.value;
  // Before it is seen: a key must not find it where the focus is still to come.
  useLayoutEffect(() => {
    const element = list.current;
    if (now === null || element === null) return undefined;
    const { width, height } = element.getBoundingClientRect();
    element.style.setProperty("left", `${Math.max(4, Math.min(now.x, window.innerWidth - width - 4))}px`);
    element.style.setProperty("top", `${Math.max(4, Math.min(now.y, window.innerHeight - height - 4))}px`);
    element.querySelector("button")?.focus();
    const away = (event: Event): void => {
      if (event.target instanceof Node && element.contains(event.target)) return;
      open.value = null;
    };
    window.addEventListener("pointerdown", away);
    window.addEventListener("resize", away);
    return () => {
      window.removeEventListener("pointerdown", away);
      window.removeEventListener("resize", away);
    };
  }, [now]);
  if (now === null) return null;
  const close = (): void => {
    open.value = null;
    if (now.before instanceof HTMLElement) now.before.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    const next = to[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      close();
    } else if (next !== undefined) {
      event.preventDefault();
      buttons[(next + buttons.length) % buttons.length]?.focus();
    }
  };
  return (
    <div class="menu" role="menu" ref={list} data-test="menu" onKeyDown={onKey}>
      {now.choices.map(({ label, act }) => (
        <button key={label} type="button" role="menuitem" tabIndex={-1} onClick={() => {
          close();
          act().catch((error: unknown) => { say(error instanceof Error ? error.message : String(error)); });
        }}>{label}</button>
      ))}
    </div>
  );
}
