// Hunt on: the question of a finding as queries for the products where the rest of the fleet's records are. They are copied, never sent.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { copy } from "../outtake.js";
import type { Hunt as Queries, HuntProduct, HuntQuery } from "../protocol/hunt.js";
import { ask, overview, say } from "../state.js";
import { oneLine, plural, visible } from "../text.js";

const PRODUCTS: readonly (readonly [HuntProduct, string])[] = [
  ["sentinel", "Microsoft Sentinel"], ["defender", "Defender XDR"], ["elastic", "Elastic"],
];

const VARIANTS = { "this-again": "this again", "same-pattern": "the same pattern" } as const;
const LANGUAGES = { kql: "KQL", esql: "ES|QL" } as const;

export function Hunt({ finding }: { finding: string }): JSX.Element {
  const open = useSignal(false);
  const known = useSignal<Queries | null>(null);
  const revision = overview.value?.revision;
  useEffect(() => {
    known.value = null;
    if (!open.value) return undefined;
    let current = true;
    ask("hunt", { key: finding })
      .then((answer) => { if (current) known.value = answer; })
      .catch((error: unknown) => { say(String(error)); });
    return () => { current = false; };
  }, [finding, revision, open.value, known]);
  return (
    <section class="hunt" aria-label="Hunt on" data-test="hunt">
      <h3>Hunt on</h3>
      <details open={open.value} onToggle={(event) => { open.value = event.currentTarget.open; }}>
        <summary>The same question as queries to run over the fleet</summary>
        {!open.value ? null : known.value === null ? <p class="soft">Loading…</p> : <Products queries={known.value} />}
      </details>
    </section>
  );
}

function Products({ queries }: { queries: Queries }): JSX.Element {
  const chosen = useSignal<HuntProduct>("sentinel");
  const tabs = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = PRODUCTS.findIndex(([product]) => product === chosen.value) + step;
    const [next] = PRODUCTS[(at + PRODUCTS.length) % PRODUCTS.length] ?? ["sentinel"];
    chosen.value = next;
    tabs.current?.querySelector<HTMLElement>(`#hunt-tab-${next}`)?.focus();
  };
  const shown = queries.queries.filter(({ product }) => product === chosen.value);
  const notes = queries.notes.filter(({ product }) => product === chosen.value || product === "all");
  return (
    <>
      <div class="subtabs" role="tablist" aria-label="Products" ref={tabs} onKeyDown={move}>
        {PRODUCTS.map(([product, label]) => (
          <button key={product} type="button" role="tab" id={`hunt-tab-${product}`} aria-selected={chosen.value === product} aria-controls="hunt-pane"
            tabIndex={chosen.value === product ? 0 : -1} onClick={() => { chosen.value = product; }}>
            {label} <span class="soft">{queries.queries.filter((query) => query.product === product).length}</span>
          </button>
        ))}
      </div>
      <div id="hunt-pane" role="tabpanel" aria-labelledby={`hunt-tab-${chosen.value}`}>
        {notes.map(({ text }, at) => <p key={at} class="soft">{oneLine(text)}</p>)}
        {shown.map((query, at) => <Query key={`${chosen.value}:${at}`} query={query} />)}
      </div>
    </>
  );
}

function Query({ query }: { query: HuntQuery }): JSX.Element {
  const copied = (): void => {
    copy(query.text).then(() => { say("The query was copied."); }).catch(() => { say("The browser refused to copy."); });
  };
  return (
    <article class="hunt-query" data-variant={query.variant} data-language={query.language}>
      <p class="hunt-head"><strong>{oneLine(query.title)}</strong> <span class="badge">{VARIANTS[query.variant]}</span> <span class="space" />
        <button type="button" onClick={copied} aria-label={`Copy the query: ${oneLine(query.title)} (${VARIANTS[query.variant]})`}>Copy</button></p>
      <p class="soft">{LANGUAGES[query.language]}, needs {oneLine(query.needs.join(", "))}</p>
      <pre tabIndex={0} aria-label={`${LANGUAGES[query.language]} query`}><code>{visible(query.text)}</code></pre>
      {query.notes.length === 0 ? null : (
        <details>
          <summary>{plural(query.notes.length, "note")}: what it cannot see, or decides differently</summary>
          <ul class="hunt-notes">{query.notes.map((note, at) => <li key={at}>{oneLine(note)}</li>)}</ul>
        </details>
      )}
    </article>
  );
}
