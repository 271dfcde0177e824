// A raw record where it is spoken of, and the button that leads to the story of an execution.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { EventDetail, EventName } from "../protocol.js";
import { ask, say, showOnTimeline } from "../state.js";
import { count, oneLine, visible } from "../text.js";

export function StoryButton({ event, tell }: { event: EventName; tell: (event: EventName) => void }): JSX.Element {
  return <button type="button" class="record" data-test="its-story" title="What was asked, what ran, and why both are one" onClick={() => { tell(event); }}>its story</button>;
}

/** The record of one event in place, secrets as dots; the timeline shows it with its neighbours. */
export function RawRecord({ event }: { event: EventName }): JSX.Element {
  const detail = useSignal<EventDetail | null>(null);
  useEffect(() => {
    let current = true;
    ask("detail", { item: event.item, ordinal: event.ordinal })
      .then((found) => { if (current) detail.value = found; })
      .catch((error: unknown) => { say(String(error)); });
    return () => { current = false; };
  }, [event.item, event.ordinal]);
  const now = detail.value;
  if (now === null) return <p class="soft">Reading the record…</p>;
  return (
    <div class="raw-record" data-test="raw-record">
      <p class="soft"><span class="break">{oneLine(now.row.path)}</span>{now.line === null ? "" : ` · line ${count(now.line)}`} · bytes {count(now.offset)}–{count(now.offset + now.length)} <button type="button" class="record" onClick={() => { void showOnTimeline(event); }}>on the timeline</button></p>
      <pre class="raw" tabIndex={0} aria-label="Raw record">{visible(now.raw_masked ?? now.raw)}</pre>
    </div>
  );
}
