// What is noted of the open event: a star, tags, a comment. What is typed is kept until it is entered, and entered when the field is left.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { noteOf, setNote } from "../notes.js";
import type { EventRow } from "../protocol.js";

export function EventNoteFields({ row }: { row: EventRow }): JSX.Element {
  const note = noteOf(row);
  const tags = useSignal<string | null>(null);
  const comment = useSignal<string | null>(null);
  const enterTags = async (text: string): Promise<void> => {
    const words = text.split(/[\s,]+/).filter((word) => word !== "");
    if (await setNote(row, { ...noteOf(row), tags: words })) tags.value = null;
  };
  const enterComment = async (text: string): Promise<void> => {
    if (await setNote(row, { ...noteOf(row), comment: text })) comment.value = null;
  };
  return (
    <div class="event-note">
      <button type="button" class="quiet star-button" aria-pressed={note.starred} data-test="star" onClick={() => { void setNote(row, { ...note, starred: !note.starred }); }}>{note.starred ? "★ Starred" : "☆ Star"}</button>
      <input type="text" data-test="event-tags" aria-label="Tags of this event" placeholder="tags" value={tags.value ?? note.tags.join(" ")}
        onInput={(event) => { tags.value = event.currentTarget.value; }} onChange={(event) => { void enterTags(event.currentTarget.value); }} />
      <textarea data-test="event-comment" aria-label="Comment on this event" placeholder="comment" rows={1} value={comment.value ?? note.comment}
        onInput={(event) => { comment.value = event.currentTarget.value; }} onChange={(event) => { void enterComment(event.currentTarget.value); }} />
    </div>
  );
}
