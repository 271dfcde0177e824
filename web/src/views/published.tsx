// Published rules beside the corrected ones: what each finds that the other does not.
//
// Both are run over the same case by the core when this is opened, whatever the settings say; it takes about as long as two conclusions.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ModeDifference, ModeFinding, Parameter } from "../protocol.js";
import { ask, overview, say, setSettings, showOnTimeline } from "../state.js";
import { count, oneLine, plural, short } from "../text.js";

/** Findings of one side that are drawn. */
const MOST_ROWS = 100;

export function Published(): JSX.Element {
  const modes = useSignal<readonly ModeDifference[] | null>(null);
  const inForce = useSignal<ReadonlyMap<string, boolean>>(new Map());
  const open = useSignal<string | null>(null);
  useEffect(() => {
    ask("settings", {})
      .then(({ parameters }) => {
        const published = ({ key, value }: Parameter): (readonly [string, boolean])[] => (key.endsWith(".published") ? [[key.slice(0, -".published".length), value === true]] : []);
        inForce.value = new Map(parameters.flatMap(published));
        return ask("modes", { detector: null });
      })
      .then((answer) => { modes.value = answer.modes; })
      .catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  if (modes.value === null) return <p class="hint">Running each rule both ways…</p>;
  const differ = (one: ModeDifference): number => one.only_published.length + one.only_corrected.length;
  return (
    <div class="list-view searched" data-test="published">
      <p class="hint">Some detectors follow a rule that somebody published, with its faults corrected. Here is each rule as it was published beside the corrected one, over this case.</p>
      <table class="searched-table" aria-label="Published and corrected rules">
        <thead><tr><th scope="col">Detector</th><th scope="col">Only as published</th><th scope="col">Both</th><th scope="col">Only corrected</th><th scope="col">In force</th></tr></thead>
        <tbody>
          {modes.value.map((one) => {
            const asPublished = inForce.value.get(one.detector) === true;
            return [
              <tr key={one.detector} data-detector={one.detector}>
                <th scope="row"><button type="button" class="disclose" aria-expanded={open.value === one.detector} onClick={() => { open.value = open.value === one.detector ? null : one.detector; }}>{one.detector}</button></th>
                <td>{count(one.only_published.length)}</td>
                <td>{count(one.both.length)}</td>
                <td>{count(one.only_corrected.length)}</td>
                <td>
                  <span class="tools">{asPublished ? "as published" : "corrected"}
                    <button type="button" onClick={() => { setSettings(JSON.stringify({ [one.detector]: { published: asPublished ? "no" : "yes" } })).then((refused) => { if (refused !== null) say(refused); }).catch((error: unknown) => { say(String(error)); }); }}>{asPublished ? "Use the corrected" : "Use the published"}</button>
                  </span>
                </td>
              </tr>,
              open.value === one.detector ? (
                <tr key={`${one.detector} both`} class="opened">
                  <td colSpan={5}>
                    {differ(one) === 0 ? <p class="soft">Over this case both find the same: {plural(one.both.length, "finding")}.</p> : null}
                    <div class="side-by-side">
                      <Side title="Only as published" about="Often its false alarms." found={one.only_published} />
                      <Side title="Only corrected" about="What the published rule misses." found={one.only_corrected} />
                    </div>
                    {one.both.length === 0 ? null : (
                      <details>
                        <summary>Found by both · {count(one.both.length)}</summary>
                        <table class="columns both-modes"><thead><tr><th scope="col">As published</th><th scope="col">Corrected</th></tr></thead>
                          <tbody>{one.both.slice(0, MOST_ROWS).map(({ published, corrected }, at) => <tr key={at}><td><Found found={published} /></td><td><Found found={corrected} /></td></tr>)}</tbody>
                        </table>
                        {one.both.length > MOST_ROWS ? <p class="soft">and {count(one.both.length - MOST_ROWS)} more</p> : null}
                      </details>
                    )}
                  </td>
                </tr>
              ) : null,
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}

function Side({ title, about, found }: { title: string; about: string; found: readonly ModeFinding[] }): JSX.Element {
  return (
    <section aria-label={title}>
      <h2>{title} <span class="soft">{count(found.length)}</span></h2>
      <p class="soft">{about}</p>
      {found.length === 0 ? <p class="soft">None.</p> : <ul class="plain-rows">{found.slice(0, MOST_ROWS).map((one, at) => <li key={at}><Found found={one} /></li>)}</ul>}
      {found.length > MOST_ROWS ? <p class="soft">and {count(found.length - MOST_ROWS)} more</p> : null}
    </section>
  );
}

function Found({ found }: { found: ModeFinding }): JSX.Element {
  const { event } = found;
  return (
    <>
      <span class={`severity ${found.severity}`}>{found.severity}</span> <span class="when">{found.first === null ? "no time" : short(found.first)}</span> {oneLine(found.summary)}{" "}
      {event === null ? null : <button type="button" class="record" data-test="mode-rows" onClick={() => { void showOnTimeline(event); }}>its rows</button>}
    </>
  );
}
