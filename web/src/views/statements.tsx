// Statements: what is known, and the way to the records it is known from.

import { createContext } from "preact";
import type { JSX } from "preact";
import { useContext } from "preact/hooks";
import type { EventName, Statement } from "../protocol.js";
import { select, selected } from "../state.js";
import { oneLine, visible, when } from "../text.js";

/** Records of one statement that have a button; they say the same. */
const MOST_SHOWN = 4;

/** Whether secrets are shown on the screen. */
export const Revealed = createContext(false);

/** Buttons that open the raw record of each event. */
export function Records({ events, of }: { events: readonly EventName[]; of: string }): JSX.Element | null {
  if (events.length === 0) return null;
  return (
    <span class="records">
      {events.slice(0, MOST_SHOWN).map((event, at) => {
        const open = selected.value?.item === event.item && selected.value.ordinal === event.ordinal;
        return (
          <button key={`${event.item}:${event.ordinal}`} type="button" class="record" aria-pressed={open} aria-label={`Raw record ${at + 1} of ${events.length}: ${of}`} title="Open the raw record"
            onClick={() => { void select({ ...event, row: -1 }); }}>{events.length === 1 ? "record" : at + 1}</button>
        );
      })}
      {events.length > MOST_SHOWN ? <span class="soft" title={`${events.length} records say so`}>of {events.length}</span> : null}
    </span>
  );
}

export function Value({ statement }: { statement: Pick<Statement, "value" | "masked"> }): JSX.Element {
  const revealed = useContext(Revealed);
  return <>{visible(revealed ? statement.value : (statement.masked ?? statement.value))}</>;
}

/** A list of statements: name, value, remark, records. */
export function Statements({ list, label }: { list: readonly Statement[]; label: string }): JSX.Element {
  return (
    <dl class="statements" aria-label={label}>
      {list.map((statement, at) => (
        <div key={at} data-statement={statement.name}>
          <dt>{oneLine(statement.name)}</dt>
          <dd>
            {statement.time === null ? null : <span class="time soft">{when(statement.time)} </span>}
            <span class="break"><Value statement={statement} /></span>
            {statement.remark === null ? null : <>{" "}<span class="remark">{oneLine(statement.remark)}</span></>}
            {" "}<Records events={statement.events} of={`${oneLine(statement.name)} ${oneLine(statement.masked ?? statement.value)}`} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
