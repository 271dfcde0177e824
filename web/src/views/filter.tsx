// The filter bar: one line for everything, with completion, a live count and slips shown under the character.
//
// What a text means, what could stand at the cursor and how many events it would show are all the core's answers; this file only shows them.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Completion, FilterError, FilterField } from "../protocol.js";
import { applyFilter, ask, keptFilters, overview, recentFilters, say, shown } from "../state.js";
import { count, oneLine, plural } from "../text.js";

const PAUSE_MS = 120;

interface Proposals {
  /** The text that they were proposed for, in which `from` and `to` are places. */
  readonly of: string;
  readonly from: number;
  readonly to: number;
  readonly completions: readonly Completion[];
}

const NONE: Proposals = { of: "", from: 0, to: 0, completions: [] };

/** Where the word stands now that was proposed for: it may have been typed on since. Null where it is another word. */
function wordNow({ of, from, to }: Proposals, value: string): { readonly from: number; readonly to: number } | null {
  const end = value.length - (of.length - to);
  if (end < from || value.slice(0, from) !== of.slice(0, from) || value.slice(end) !== of.slice(to)) return null;
  const words = (part: string): number => part.split(/\s/u).length;
  return words(value.slice(from, end)) === words(of.slice(from, to)) ? { from, to: end } : null;
}

export function FilterBar(): JSX.Element {
  const text = useSignal("");
  const slip = useSignal<FilterError | null>(null);
  const would = useSignal<{ events: number; searches: boolean } | null>(null);
  const proposals = useSignal<Proposals>(NONE);
  const active = useSignal(-1);
  const help = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const asked = useRef(0);
  const scrolled = useSignal(0);
  const now = shown.value;
  const inForce = now?.filter ?? "";

  // A click elsewhere may have changed the filter: the bar never says another than the one that the count is of.
  useLayoutEffect(() => {
    [text.value, slip.value, would.value, proposals.value] = [inForce, null, null, NONE];
  }, [inForce]);

  const look = (value: string): void => {
    asked.current += 1;
    const mine = asked.current;
    active.value = -1;
    setTimeout(() => {
      if (mine !== asked.current) return;
      const cursor = field.current?.selectionStart ?? value.length;
      Promise.all([ask("filter_count", { text: value }), ask("filter_complete", { text: value, cursor })])
        .then(([counted, completed]) => {
          if (mine !== asked.current) return;
          [slip.value, would.value] = [counted.error, counted.error === null ? counted : null];
          // What was chosen while the answer was on its way stays chosen.
          const chosen = proposals.peek().completions[active.peek()]?.insert;
          active.value = completed.completions.findIndex(({ insert }) => insert === chosen);
          proposals.value = { of: value, ...completed };
        })
        .catch((error: unknown) => { say(String(error)); });
    }, PAUSE_MS);
  };
  const close = (): void => {
    asked.current += 1;
    [proposals.value, active.value] = [NONE, -1];
  };
  const apply = async (value: string): Promise<void> => {
    close();
    slip.value = await applyFilter(value.trim());
    would.value = null;
  };
  const take = (completion: Completion): void => {
    const value = text.peek();
    const part = wordNow(proposals.peek(), value);
    // The next Enter is for the text and not for what was proposed before.
    close();
    would.value = null;
    if (part !== null) {
      const head = value.slice(0, part.from) + completion.insert + (completion.insert.endsWith(":") ? "" : " ");
      text.value = head + value.slice(part.to).trimStart();
      // At once and not in the next frame: by then somebody has typed on, and the cursor would go back before it.
      if (field.current !== null) {
        field.current.value = text.peek();
        field.current.focus();
        field.current.setSelectionRange(head.length, head.length);
      }
    }
    look(text.peek());
  };
  const onKey = (event: KeyboardEvent): void => {
    const list = proposals.peek().completions;
    if (event.key === "Enter") {
      event.preventDefault();
      const chosen = list[active.peek()];
      if (chosen === undefined) void apply(text.peek());
      else take(chosen);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (list.length > 0) close();
      else if (text.peek() !== inForce) text.value = inForce;
      else void apply("");
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && list.length > 0) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      active.value = (active.peek() + step + list.length + (active.peek() < 0 && step < 0 ? 1 : 0)) % list.length;
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      const known = [...new Set([...keptFilters.peek(), ...recentFilters.peek()])];
      proposals.value = { of: text.peek(), from: 0, to: text.peek().length, completions: known.map((insert) => ({ insert, about: keptFilters.peek().includes(insert) ? "kept" : "used before", events: null })) };
    }
  };
  const kept = keptFilters.value.includes(inForce);
  const keep = (): void => {
    keptFilters.value = kept ? keptFilters.peek().filter((other) => other !== inForce) : [inForce, ...keptFilters.peek()];
  };
  const list = proposals.value.completions;
  const searching = now !== null && now.searched < now.to_search;

  return (
    <div class="filter" role="search" aria-label="Filter events">
      <div class="filter-line">
        <label class="filter-field">
          <span class="hidden">Filter</span>
          <input ref={field} type="text" role="combobox" spellcheck={false} autocomplete="off" data-test="filter" placeholder='Filter: caller:alice* and not vm:build-* "curl http"   ( / )'
            value={text.value} aria-expanded={list.length > 0} aria-controls="filter-proposals" aria-autocomplete="list" aria-invalid={slip.value !== null}
            aria-activedescendant={active.value < 0 ? undefined : `filter-proposal-${active.value}`}
            onInput={(event) => { text.value = event.currentTarget.value; look(text.value); }}
            onFocus={(event) => { if (event.currentTarget.value === "") look(""); }}
            onBlur={() => { setTimeout(() => { if (document.activeElement !== field.current) close(); }, 150); }}
            onScroll={(event) => { scrolled.value = event.currentTarget.scrollLeft; }}
            onKeyDown={onKey} />
        </label>
        <span class="filter-count" data-test="filter-count" aria-live="polite">
          {would.value !== null && text.value.trim() !== inForce
            ? `${plural(would.value.events, "event")}${would.value.searches ? " and what the evidence holds" : ""}`
            : inForce === "" ? "" : `${plural(now?.events ?? 0, "event")} of ${count(overview.value?.events ?? 0)}`}
        </span>
        {searching ? (
          <span class="filter-search" data-test="filter-search">
            <progress max={now.to_search} value={now.searched} aria-label="Searching the evidence" /> searching the evidence
            <button type="button" class="quiet" onClick={() => ask("cancel_search", {})}>Stop</button>
          </span>
        ) : now?.waiting === true ? <span class="filter-search">the evidence is searched when reading has ended</span> : null}
        {inForce === "" ? null : (
          <>
            <button type="button" class="quiet" aria-pressed={kept} onClick={keep}>{kept ? "★ Kept" : "☆ Keep"}</button>
            <button type="button" class="quiet" onClick={() => { void apply(""); }}>Clear</button>
          </>
        )}
        <button type="button" class="quiet" aria-expanded={help.value} aria-label="How to write a filter" onClick={() => { help.value = !help.value; }}>?</button>
        {list.length === 0 ? null : (
          <ul class="proposals" role="listbox" id="filter-proposals" aria-label="Proposals" aria-busy={proposals.value.of !== text.value}>
            {list.map((completion, at) => (
              <li key={completion.insert} id={`filter-proposal-${at}`} role="option" aria-selected={at === active.value}
                onPointerDown={(event) => { event.preventDefault(); take(completion); }}>
                <code>{oneLine(completion.insert)}</code>
                <span>{completion.events === null ? completion.about : completion.events === 0 ? "" : plural(completion.events, "event")}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      {slip.value === null ? null : (
        <pre class="slip" role="alert" data-test="filter-slip" ref={(element) => { element?.style.setProperty("margin-left", `${-scrolled.value}px`); }}>
          {" ".repeat(slip.value.at)}{"^".repeat(Math.max(1, slip.value.length))} {oneLine(slip.value.text)}
        </pre>
      )}
      {help.value ? <Reference /> : null}
    </div>
  );
}

export const FORMS: readonly (readonly [string, string])[] = [
  ["caller:alice*", "a value, whole or between two slashes; * and ? stand for others, letters in either case"],
  ["\"curl http\"", "a text anywhere in the event or in the evidence it came from"],
  ["caller:(alice* or bob*)", "one of several"],
  ["caller:*", "any value at all"],
  ["ip:203.0.113.0/24", "a network"],
  ["time > 2024-05-01T10:00Z", "also >= < <= ; a bare date is its first moment, and time:2024-05-01 is the whole day"],
  ["time:[2024-05-01 TO 2024-05-02]", "from and to, both included; { and } leave an end out, * leaves it open"],
  ["resource:/vm[0-9]+$/", "a regular expression"],
  ["a b · a or b · not a · -a", "both · either · without; parentheses group"],
];

/** The language in one panel, its fields as the core has them. */
function Reference(): JSX.Element {
  const fields = useSignal<readonly FilterField[]>([]);
  useEffect(() => {
    ask("filter_fields", {}).then((answer) => { fields.value = answer.fields; }).catch((error: unknown) => { say(String(error)); });
  }, [fields]);
  return (
    <div class="reference" data-test="filter-reference">
      <table aria-label="Forms">
        <tbody>{FORMS.map(([form, about]) => <tr key={form}><th scope="row"><code>{form}</code></th><td>{about}</td></tr>)}</tbody>
      </table>
      <table aria-label="Fields">
        <tbody>
          {fields.value.map(({ name, also, about, example }) => (
            <tr key={name}><th scope="row"><code>{name}</code></th><td>{about}{also.length === 0 ? "" : ` (also ${also.join(", ")})`}</td><td><code>{name}:{example}</code></td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
