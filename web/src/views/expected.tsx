// What the analyst brings and expects: lists, and the allow-list. What may be in them is the core's to say.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Answers } from "../protocol.js";
import { ask, overview, say, setList } from "../state.js";
import { oneLine } from "../text.js";
import { dropEntry, ExpectForm, scopeWords } from "./expect.js";

const NOTHING = {};

export function Expected(): JSX.Element | null {
  const known = useSignal<Answers["expected"] | null>(null);
  const refused = useSignal<string | null>(null);
  const byHand = useSignal(false);
  const revision = overview.value?.revision;
  const load = async (): Promise<void> => { known.value = await ask("expected", {}); };
  useEffect(() => { load().catch((error: unknown) => { say(String(error)); }); }, [revision]);
  const take = async (kind: string, name: string, text: string): Promise<void> => {
    refused.value = await setList(kind, name, text);
    await load();
  };
  const fromFile = async (kind: string, input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    if (file === undefined) return;
    await take(kind, file.name, await file.text());
    input.value = "";
  };
  const drop = async (entry: number): Promise<void> => {
    refused.value = await dropEntry(entry);
    await load();
  };
  const shown = known.value;
  if (shown === null) return null;
  return (
    <>
      {refused.value === null ? null : <p class="refused" role="alert">{oneLine(refused.value)}</p>}
      <table class="parameters" aria-label="Lists" data-test="lists">
        <thead><tr><th scope="col">List</th><th scope="col">In force</th><th scope="col">Load</th><th scope="col">What it holds</th></tr></thead>
        <tbody>
          {shown.lists.map((list) => (
            <tr key={list.kind} data-list={list.kind}>
              <th scope="row"><code>{list.kind}</code></th>
              <td>{list.name === null ? "none" : <span title={list.sha256 ?? ""}>{oneLine(list.name)} ({list.entries})</span>}</td>
              <td>
                <label class="file">Load… <input type="file" aria-label={`Load ${list.kind}`} onChange={(event) => { void fromFile(list.kind, event.currentTarget); }} /></label>{" "}
                {list.name === null ? null : <button type="button" onClick={() => { void take(list.kind, "", ""); }}>Take away</button>}
              </td>
              <td>{list.about}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.allow_list.length === 0 ? null : (
        <table class="parameters" aria-label="Allow-list" data-test="allow-list">
          <thead><tr><th scope="col">Expected</th><th scope="col">Reason</th><th scope="col">By</th><th scope="col">Until</th><th scope="col">Suppressed</th><th scope="col" /></tr></thead>
          <tbody>
            {shown.allow_list.map((entry) => (
              <tr key={entry.entry} data-expired={entry.expired}>
                <th scope="row">{oneLine(scopeWords(entry.parts))}</th>
                <td>{oneLine(entry.parts.reason ?? "")}</td>
                <td>{oneLine(entry.parts.author ?? "")}</td>
                <td>{entry.parts.expires ?? "no end"}{entry.expired ? " (ran out)" : ""}</td>
                <td>{entry.suppressed}{entry.after_expiry > 0 ? `; ${entry.after_expiry} after it ran out` : ""}</td>
                <td><button type="button" aria-label={`Remove entry ${entry.entry}`} onClick={() => { void drop(entry.entry); }}>Remove</button></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {byHand.value ? <ExpectForm parts={NOTHING} done={() => { byHand.value = false; void load(); }} />
        : <p class="hint"><button type="button" data-test="expect-by-hand" onClick={() => { byHand.value = true; }}>Expect something…</button> {shown.allow_list.length === 0 ? "Nothing is expected so far: every finding counts." : ""}</p>}
    </>
  );
}
