// Every item that came in: what it is, how far it has come, what was wrong with it.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { copy } from "../outtake.js";
import type { EvidenceItem, Problem } from "../protocol.js";
import { ask, evidence, evidenceLike, exportManifest, hashMore, say, setYear, setZone, showInFile } from "../state.js";
import { bytes, count, oneLine, plural, when } from "../text.js";
import { DraftField } from "./draft.js";
import { SessionEvidence } from "./share.js";

const WORST: readonly Problem["severity"][] = ["data-loss", "warning", "info"];

export function Evidence(): JSX.Element {
  const open = useSignal<number | null>(null);
  const verdicts = new Map<string, number>();
  for (const { compared } of evidence.value) if (compared !== null) verdicts.set(compared, (verdicts.get(compared) ?? 0) + 1);
  const compared = [...verdicts].map(([verdict, number]) => `${count(number)} ${verdict}`);
  const like = evidenceLike.value;
  const shown = like === null ? evidence.value
    : evidence.value.filter((item) => (like === "unread" ? item.state === "cancelled" || item.state === "quarantined" : item.problems.some(({ severity }) => severity === like)));
  return (
    <div class="list-view">
      <p class="hint tools">
        {like === null ? null : <button type="button" class="chip" aria-pressed="true" data-test="evidence-like" onClick={() => { evidenceLike.value = null; }}>{like === "unread" ? "not read to the end" : `with problems: ${like}`} ✕</button>}
        <button type="button" onClick={() => exportManifest("csv")}>Manifest (CSV)</button>{" "}
        <button type="button" onClick={() => exportManifest("json")}>Manifest (JSON)</button>{" "}
        <button type="button" onClick={() => hashMore()}>Compute MD5 and SHA-1</button>{" "}
        {compared.length === 0 ? "Drop a manifest beside evidence to see what changed." : `Against the manifest: ${compared.join(" · ")}.`}
      </p>
      <SessionEvidence />
      <table class="evidence" aria-label="Evidence">
        <thead>
          <tr>
            <th scope="col">Path</th>
            <th scope="col">Format</th>
            <th scope="col">Host</th>
            <th scope="col" class="number">Size</th>
            <th scope="col" class="number">Records</th>
            <th scope="col" class="number">Events</th>
            <th scope="col" class="number">Skipped</th>
            <th scope="col">First – last</th>
            <th scope="col">Clock</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((item) => (
            <Item key={item.item} item={item} open={open.value === item.item} toggle={() => { open.value = open.value === item.item ? null : item.item; }} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Item({ item, open, toggle }: { item: EvidenceItem; open: boolean; toggle: () => void }): JSX.Element {
  const worst = WORST.find((severity) => item.problems.some((problem) => problem.severity === severity));
  return (
    <>
      <tr data-test="evidence-row" data-path={item.path} data-state={item.state}>
        <td class="path">
          <button type="button" class="disclose" aria-expanded={open} onClick={toggle} title={item.path}>{oneLine(item.path)}</button>
        </td>
        <td>{item.format ?? "–"}</td>
        <td>{item.host ?? "–"}</td>
        <td class="number">{bytes(item.size)}</td>
        <td class="number">{count(item.records)}</td>
        <td class="number">{count(item.events)}</td>
        <td class="number">{count(item.skipped)}</td>
        <td class="times">{item.first === null ? "–" : <><span title={item.first}>{when(item.first)}</span><br /><span title={item.last ?? ""}>{item.last === null ? "" : when(item.last)}</span></>}</td>
        <td>{item.time_basis ?? "–"}</td>
        <td>
          <State item={item} />
          {worst === undefined ? null : <span class={`badge ${worst}`}>{plural(item.problem_count, "problem")}</span>}
          {item.duplicate_of === null ? null : <span class="badge info">duplicate</span>}
          {item.compared === null ? null : <span class={`badge ${item.compared === "changed" ? "data-loss" : item.compared === "unchanged" ? "good" : "warning"}`} data-test="compared">{item.compared}</span>}
        </td>
      </tr>
      {open ? (
        <tr class="opened">
          <td colSpan={10}>
            <p class="hash">
              SHA-256 <code>{item.sha256 ?? "not computed"}</code>
              {item.sha256 === null ? null : <button type="button" class="quiet" onClick={() => copy(item.sha256 ?? "").then(() => { say("SHA-256 copied."); })}>Copy</button>}
              {item.modified === null ? null : <> · modified {item.modified}</>} · {item.encoding ?? "encoding unknown"} · {count(item.folded)} folded
            </p>
            {item.md5 === null ? null : <p class="hash">MD5 <code>{item.md5}</code> · SHA-1 <code>{item.sha1}</code></p>}
            <p class="hash"><button type="button" data-test="view-raw" onClick={() => { showInFile({ item: item.item, offset: 0, length: 0 }); }}>View raw evidence</button></p>
            {item.has_local_times ? <ZoneChoice item={item} /> : null}
            {item.lacks_year ? <YearChoice item={item} /> : null}
            {item.problems.length === 0 ? <p>No problems.</p> : (
              <ul class="problems">
                {item.problems.map((problem, at) => (
                  <li key={at}>
                    <span class={`badge ${problem.severity}`}>{problem.severity}</span> <code>{problem.code}</code>{" "}
                    {problem.offset === null ? "" : `bytes ${count(problem.offset)}–${count(problem.offset + (problem.length ?? 0))}: `}
                    {oneLine(problem.text)}
                  </li>
                ))}
              </ul>
            )}
          </td>
        </tr>
      ) : null}
    </>
  );
}

/** Local times mean nothing without a zone; the analyst may know it. */
function ZoneChoice({ item }: { item: EvidenceItem }): JSX.Element {
  const refused = useSignal<string | null>(null);
  const places = useSignal<readonly string[]>([]);
  const list = `zones-${item.item}`;
  const load = async (): Promise<void> => {
    if (places.value.length === 0) places.value = (await ask("zones", {})).zones;
  };
  const choose = async (zone: string): Promise<boolean> => {
    refused.value = await setZone(item.path, zone);
    if (refused.value === null) say(zone === "" ? "The zone was taken back." : `The local times of this item are now read as ${zone}.`);
    return refused.value === null;
  };
  return (
    <p class="zone">
      <label>
        Zone of its local times{" "}
        <DraftField proposals={list} value={item.zone ?? ""} placeholder="UTC+02:00 or Europe/Berlin" test="zone" refused={refused.value !== null}
          onFocus={() => { void load(); }} enter={choose} />
      </label>
      <datalist id={list}>{places.value.map((place) => <option key={place} value={place} />)}</datalist>
      {item.zone === null ? null : <button type="button" class="quiet" onClick={() => { void choose(""); }}>Take back</button>}
      {refused.value === null ? null : <span class="refused" role="alert">{refused.value}</span>}
    </p>
  );
}

/** A source without years: the year of its last record, as it was inferred or as the analyst knows it. */
function YearChoice({ item }: { item: EvidenceItem }): JSX.Element {
  const refused = useSignal<string | null>(null);
  const choose = async (year: string): Promise<boolean> => {
    refused.value = await setYear(item.path, year);
    if (refused.value === null) say(year.trim() === "" ? "The year was taken back." : `The last record of this item is now taken to be of ${year.trim()}.`);
    return refused.value === null;
  };
  return (
    <p class="zone">
      <label>
        Year of its last record{" "}
        <DraftField value={item.year_given === null ? "" : String(item.year_given)} placeholder={item.year === null ? "unknown" : `${item.year}, inferred`} test="year" refused={refused.value !== null} numeric enter={choose} />
      </label>
      {item.year_given === null ? null : <button type="button" class="quiet" onClick={() => { void choose(""); }}>Take back</button>}
      {refused.value === null ? null : <span class="refused" role="alert">{refused.value}</span>}
    </p>
  );
}

function State({ item }: { item: EvidenceItem }): JSX.Element {
  if (item.state === "reading") {
    return (
      <span class="reading">
        <progress max={Math.max(item.size, 1)} value={item.bytes_read} aria-label={`Reading ${item.path}`} /> {bytes(item.bytes_per_second)}/s
      </span>
    );
  }
  return <span class={`state ${item.state}`}>{item.state}</span>;
}
