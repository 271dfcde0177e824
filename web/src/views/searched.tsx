// Every detector and its answer, so that absence says something: found, searched for and not found, or not assessed and why.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { HostRow, SearchedDetector } from "../protocol.js";
import { ask, overview, say, view } from "../state.js";
import { count, oneLine } from "../text.js";
import { filterFindings } from "../triage.js";
import { Manual } from "./manual.js";

const ANSWERS: readonly (readonly [string, string, string, (one: SearchedDetector) => boolean])[] = [
  ["not-assessed", "Not assessed", "The evidence does not allow an answer. This is not an all-clear.", (one) => one.answer === "not-assessed"],
  ["partly", "Partly assessed, and not found", "The detector could answer for part of the case only, and found nothing there.", (one) => one.answer === "not-found" && one.reason !== null],
  ["not-found", "Searched, and not found", "The detector could answer and found nothing within the evidence that is loaded.", (one) => one.answer === "not-found" && one.reason === null],
  ["found", "Found", "At least one finding.", (one) => one.answer === "found"],
];

/** Hosts that are listed here; Hosts has them all. */
const MOST_HOSTS = 200;

export function Searched(): JSX.Element {
  const detectors = useSignal<readonly SearchedDetector[] | null>(null);
  const hosts = useSignal<readonly HostRow[]>([]);
  const open = useSignal<string | null>(null);
  useEffect(() => {
    ask("searched", {})
      .then(async (answer) => {
        detectors.value = answer.detectors;
        hosts.value = (await ask("hosts", {})).hosts;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  if (detectors.value === null) return <p class="hint">Loading…</p>;
  const list = detectors.value;
  return (
    <div class="list-view searched" data-test="searched">
      {ANSWERS.map(([answer, title, about, belongs]) => {
        const its = list.filter(belongs);
        return (
          <section key={answer} aria-labelledby={`searched-${answer}`}>
            <h2 id={`searched-${answer}`}>{title} <span class="soft">{count(its.length)}</span></h2>
            <p class="soft">{about}</p>
            {its.length === 0 ? <p class="soft">None.</p> : (
              <table class="searched-table" aria-labelledby={`searched-${answer}`}>
                <thead><tr><th scope="col">Detector</th><th scope="col">What it looks for</th><th scope="col">Answer</th></tr></thead>
                <tbody>
                  {its.map((one) => [
                    <tr key={one.detector} data-detector={one.detector}>
                      <th scope="row"><button type="button" class="disclose" aria-expanded={open.value === one.detector} onClick={() => { open.value = open.value === one.detector ? null : one.detector; }}>{one.detector}</button></th>
                      <td>{one.title ?? ""}</td>
                      <td>
                        {one.severity === null ? null : <button type="button" class={`chip severity ${one.severity}`} onClick={() => { filterFindings({ detectors: [one.detector] }); }}>{count(one.findings)} {one.findings === 1 ? "finding" : "findings"}</button>}
                        {one.reason === null ? (one.answer === "not-found" ? "nothing found" : "") : <span>{" "}{oneLine(one.reason)}</span>}
                      </td>
                    </tr>,
                    open.value === one.detector ? <tr key={`${one.detector} page`} class="opened"><td colSpan={3}><Manual detector={one.detector} /></td></tr> : null,
                  ])}
                </tbody>
              </table>
            )}
          </section>
        );
      })}
      <section aria-labelledby="searched-coverage">
        <h2 id="searched-coverage">Coverage by host</h2>
        <p class="soft">What no log covers, no detector can rule out. Each host's sources over time are in <button type="button" class="inline" onClick={() => { view.value = "hosts"; }}>Hosts</button>.</p>
        {hosts.value.length === 0 ? <p class="soft">No VM and no guest is named by this evidence.</p> : (
          <table class="searched-table" aria-labelledby="searched-coverage" data-test="host-coverage">
            <thead><tr><th scope="col">Host</th><th scope="col">Evidence from – to</th><th scope="col">Sources missing</th></tr></thead>
            <tbody>
              {hosts.value.slice(0, MOST_HOSTS).map((one) => (
                <tr key={one.host}><th scope="row">{oneLine(one.name)}</th><td class="when">{one.first ?? "no time"} – {one.last ?? "no time"}</td><td>{one.items === 0 ? "no evidence of the guest at all" : one.missing.length === 0 ? "none" : one.missing.join(", ").toLowerCase()}</td></tr>
              ))}
            </tbody>
          </table>
        )}
        {hosts.value.length > MOST_HOSTS ? <p class="soft">and {count(hosts.value.length - MOST_HOSTS)} more, in Hosts</p> : null}
      </section>
    </div>
  );
}
