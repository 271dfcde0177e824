// One event in full: what it says, where it stands, and how its time is known. The raw record is the evidence itself.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { copy } from "../outtake.js";
import type { EventDetail } from "../protocol.js";
import { closeDetail, say, showInFile } from "../state.js";
import { count, oneLine, visible, when } from "../text.js";
import { EventNoteFields } from "./event_note.js";

function pretty(raw: string): string | null {
  if (!/^\s*[[{]/.test(raw)) return null;
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return null;
  }
}

export function Detail({ event }: { event: EventDetail }): JSX.Element {
  const asPretty = useSignal(false);
  const revealed = useSignal(false);
  const secret = event.raw_masked !== null || event.fields.some((field) => field.masked !== null);
  const raw = revealed.value ? event.raw : (event.raw_masked ?? event.raw);
  const { row } = event;
  const laidOut = pretty(raw);
  const place = `bytes ${count(event.offset)}–${count(event.offset + event.length)} of ${count(event.size)}`;
  const citation = `${row.path}, bytes ${event.offset}-${event.offset + event.length}${event.line === null ? "" : `, line ${event.line}`}, record ${event.record}, SHA-256 ${event.sha256 ?? "not computed"}, ${row.time ?? "no time"} (${event.clock})`;
  const copied = (what: string, text: string) => () => copy(text).then(() => { say(`${what} copied.`); }).catch(() => { say("The browser refused to copy."); });
  return (
    <aside class="detail" aria-label="Event details">
      <div class="panel-head">
        <h2>{oneLine(row.summary === "" ? row.kind : row.summary)}</h2>
        <button type="button" class="quiet" aria-label="Close details" onClick={closeDetail}>✕</button>
      </div>
      <EventNoteFields key={`${row.item}:${row.ordinal}`} row={row} />
      <dl class="place">
        <div><dt>Time</dt><dd><strong title={row.time ?? ""}>{row.time === null ? "none" : when(row.time, row.own_time)}</strong> {row.time_basis === null ? null : <span class="badge info">{row.time_basis}</span>}<br /><span class="soft">{oneLine(event.clock)}</span></dd></div>
        {row.corrected === null ? null : <div><dt>Cloud's clock</dt><dd title={row.corrected}>{when(row.corrected)}</dd></div>}
        <div><dt>File</dt><dd class="break">{oneLine(row.path)}</dd></div>
        <div><dt>Place</dt><dd>{place}{event.line === null ? "" : ` · line ${count(event.line)}`} · record {count(event.record)}</dd></div>
        <div><dt>Read as</dt><dd>{event.format} · {event.encoding}</dd></div>
        <div><dt>SHA-256</dt><dd class="break"><code>{event.sha256 ?? "not computed yet"}</code></dd></div>
        {event.correlation === null ? null : <div><dt>Correlation id</dt><dd class="break"><code>{event.correlation}</code></dd></div>}
        {event.also.map((other) => (
          <div key={`${other.item}:${other.offset}`}><dt>Also in</dt><dd class="break">{oneLine(other.path)}, bytes {count(other.offset)}–{count(other.offset + other.length)}</dd></div>
        ))}
      </dl>
      <div class="raw-head">
        <h3>Raw record</h3>
        {secret ? <label class="check"><input type="checkbox" data-test="reveal" checked={revealed.value} onChange={(change) => { revealed.value = change.currentTarget.checked; }} /> show secrets</label> : null}
        {laidOut === null ? null : <label class="check"><input type="checkbox" checked={asPretty.value} onChange={(change) => { asPretty.value = change.currentTarget.checked; }} /> laid out</label>}
        <span class="space" />
        <button type="button" data-test="show-in-file" onClick={() => { showInFile({ item: row.item, offset: event.offset, length: event.length }); }}>Show in file</button>
        <button type="button" onClick={copied("The raw record was", raw)}>Copy raw</button>
        <button type="button" onClick={copied("The citation was", citation)}>Copy citation</button>
      </div>
      <pre class="raw" data-test="raw" tabIndex={0} aria-label="Raw record">{visible(asPretty.value && laidOut !== null ? laidOut : raw)}</pre>
      {event.raw_cut ? <p class="soft">Cut for display; the record is {count(event.length)} bytes long.</p> : null}
      <div class="raw-head">
        <h3>Fields</h3>
        <span class="space" />
        <button type="button" onClick={copied("The fields were", JSON.stringify(Object.fromEntries(event.fields.map(({ name, value, masked }) => [name, revealed.value ? value : (masked ?? value)])), null, 2))}>Copy as JSON</button>
      </div>
      <table class="fields" aria-label="Fields">
        <tbody>
          {event.fields.map(({ name, value, masked }, at) => (
            <tr key={at}><th scope="row">{oneLine(name)}</th><td>{visible(revealed.value ? value : (masked ?? value))}</td></tr>
          ))}
        </tbody>
      </table>
    </aside>
  );
}
