// "This is expected": an entry of the allow-list, begun from what a finding is about. A suppressed finding stays; the entry can be taken back where it stands.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { FindingRow, ShownEntry } from "../protocol.js";
import { ask, overview, say, setSettings } from "../state.js";
import { oneLine } from "../text.js";

/** The parts of a scope, and what is said of each. */
const SCOPE: readonly (readonly [string, string, string])[] = [
  ["caller", "Caller", "any name of one principal"],
  ["address", "Address", "an address or a prefix such as 203.0.113.0/24"],
  ["vm", "VM", "name or resource id"],
  ["host", "Host", "the guest's name"],
  ["detector", "Detector", "its id"],
  ["script", "Script", "SHA-256 of the script's normalised text"],
  ["from", "From", "2024-05-01T00:00:00Z"],
  ["to", "To", "2024-05-02T00:00:00Z"],
];

/** Kept in an entry made from a finding, unless the analyst takes more; what else the finding is about is offered. */
const KEPT: readonly string[] = ["caller", "vm", "host", "detector"];

/** Who wrote the last entry writes the next one, as long as the page is open. */
let lastAuthor = "";

/** The scope of an entry in words. */
export function scopeWords(parts: ShownEntry["parts"]): string {
  const rest = ["reason", "author", "expires"];
  return Object.entries(parts).filter(([name]) => !rest.includes(name)).map(([name, text]) => `${name} ${text}`).join(", ");
}

/** Takes an entry back; the others stay. Answers why the core refused, or null. */
export async function dropEntry(entry: number): Promise<string | null> {
  const { allow_list } = await ask("expected", {});
  const kept = allow_list.filter((one) => one.entry !== entry).map((one) => one.parts);
  return setSettings(JSON.stringify({ "allow-list": kept }));
}

interface FormProps {
  /** What the scope begins with; empty where it is written by hand. */
  readonly parts: Readonly<Record<string, string>>;
  readonly done: () => void;
}

export function ExpectForm({ parts, done }: FormProps): JSX.Element {
  const byHand = Object.keys(parts).length === 0;
  const texts = useSignal<Readonly<Record<string, string>>>({ ...parts, author: lastAuthor });
  const kept = useSignal<ReadonlySet<string>>(new Set(KEPT.filter((name) => parts[name] !== undefined)));
  const refused = useSignal<string | null>(null);
  const form = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => { form.current?.querySelector<HTMLInputElement>(byHand ? "[name=caller]" : "[name=reason]")?.focus(); }, []);
  const type = (name: string, text: string): void => {
    texts.value = { ...texts.peek(), [name]: text };
    if (!SCOPE.some(([part]) => part === name)) return;
    const next = new Set(kept.peek());
    if (text === "") next.delete(name);
    else next.add(name);
    kept.value = next;
  };
  const keep = (name: string, to: boolean): void => {
    const next = new Set(kept.peek());
    if (to) next.add(name);
    else next.delete(name);
    kept.value = next;
  };
  const enter = async (): Promise<void> => {
    const now = texts.peek();
    const scope = SCOPE.filter(([name]) => kept.peek().has(name)).map(([name]) => [name, now[name] ?? ""]);
    const rest = ["reason", "author", "expires"].map((name) => [name, now[name] ?? ""]);
    const entry = Object.fromEntries([...scope, ...rest].filter(([, text]) => (text ?? "").trim() !== "")) as Record<string, string>;
    lastAuthor = entry["author"] ?? "";
    refused.value = await setSettings(JSON.stringify({ "allow-list": entry }));
    if (refused.peek() !== null) return;
    say("It is expected from now on. What the entry suppresses stays visible and says so.");
    done();
  };
  const tryIt = (): void => { enter().catch((error: unknown) => { say(String(error)); }); };
  // No form: the page lets none be sent.
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") done();
    else if (event.key === "Enter" && event.target instanceof HTMLInputElement) tryIt();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const field = (name: string, label: string, hint: string, wide = false): JSX.Element => (
    <label class="expect-field" data-wide={wide}><span>{label}</span><input type="text" name={name} autocomplete="off" spellcheck={false} placeholder={hint} value={texts.value[name] ?? ""} onInput={(event) => { type(name, event.currentTarget.value); }} /></label>
  );
  return (
    <div ref={form} class="expect" role="group" data-test="expect" aria-label="This is expected" onKeyDown={onKey}>
      <p class="soft">A finding is suppressed where all ticked parts fit it. It stays in the case, says which entry did it, and belongs to no incident.</p>
      <fieldset>
        <legend>Scope</legend>
        {SCOPE.filter(([name]) => byHand || parts[name] !== undefined).map(([name, label, hint]) => (
          <div key={name} class="expect-part">
            <input type="checkbox" aria-label={`Limit to this ${label.toLowerCase()}`} checked={kept.value.has(name)} onChange={(event) => { keep(name, event.currentTarget.checked); }} />
            {field(name, label, hint)}
          </div>
        ))}
      </fieldset>
      {field("reason", "Reason", "monthly patching, change 1042", true)}
      <div class="expect-pair">{field("author", "Said by", "your name")}{field("expires", "Holds until", "2024-12-31T00:00:00Z, empty: no end")}</div>
      {refused.value === null ? null : <p class="refused" role="alert">{oneLine(refused.value)}</p>}
      <p class="tools"><button type="button" class="strong" onClick={tryIt}>Expect this</button><button type="button" onClick={done}>Cancel</button></p>
    </div>
  );
}

/** Under a finding: the way to expect it, or who expected it and the way back. */
export function ExpectThis({ row }: { row: FindingRow }): JSX.Element {
  const parts = useSignal<Readonly<Record<string, string>> | null>(null);
  const entry = useSignal<ShownEntry | null>(null);
  useEffect(() => {
    entry.value = null;
    if (row.allowed_by === null) return;
    ask("expected", {})
      .then(({ allow_list }) => { entry.value = allow_list.find((one) => one.entry === row.allowed_by) ?? null; })
      .catch((error: unknown) => { say(String(error)); });
  }, [row.allowed_by, overview.value?.revision]);
  if (row.allowed_by !== null) {
    // Until the entry is here nothing is said of it: "no end" would be a claim.
    if (entry.value === null) return <p class="soft">Suppressed as expected by entry {row.allowed_by + 1} of the allow-list…</p>;
    const { parts: said } = entry.value;
    return (
      <div class="missing" data-test="suppressed">
        <p><strong>Suppressed as expected</strong> by entry {row.allowed_by + 1} of the allow-list: {oneLine(scopeWords(said))}.</p>
        <p class="soft">{oneLine(said.reason ?? "")} · said by {oneLine(said.author ?? "")} · {said.expires === undefined ? "no end" : `holds until ${said.expires}`}</p>
        <p><button type="button" data-test="take-back-entry" onClick={() => { dropEntry(row.allowed_by ?? -1).then((refused) => { say(refused ?? "The entry was taken back."); }).catch((error: unknown) => { say(String(error)); }); }}>Take it back</button></p>
      </div>
    );
  }
  if (parts.value !== null) return <ExpectForm parts={parts.value} done={() => { parts.value = null; }} />;
  const begin = (): void => {
    ask("expectation", { key: row.key }).then((answer) => { parts.value = answer.parts; }).catch((error: unknown) => { say(String(error)); });
  };
  return <p><button type="button" data-test="expect-this" onClick={begin}>This is expected…</button></p>;
}
