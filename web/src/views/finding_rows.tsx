// Findings beside what they are about: each leads to the Findings view.

import type { JSX } from "preact";
import type { FindingRow } from "../protocol.js";
import { view } from "../state.js";
import { oneLine, short } from "../text.js";
import { chosen, filterFindings } from "../triage.js";

/** Opens a finding in its own view, with none filtered away. */
function openFinding(key: string): void {
  filterFindings({});
  chosen.value = key;
  view.value = "findings";
}

export function FindingRows({ findings, total }: { findings: readonly FindingRow[]; total: number }): JSX.Element {
  if (findings.length === 0) return <p class="soft">None.</p>;
  return (
    <>
      <ul class="finding-rows">
        {findings.map((row) => (
          <li key={row.key}>
            <button type="button" onClick={() => { openFinding(row.key); }}>
              <span class={`severity ${row.severity}`}>{row.severity}</span>
              <span class="finding-words"><strong>{oneLine(row.title)}</strong><span class="finding-summary">{oneLine(row.summary)}</span></span>
              <span class="when">{row.first === null ? "no time" : short(row.first)}</span>
            </button>
          </li>
        ))}
      </ul>
      {total > findings.length ? <p class="soft">and {total - findings.length} more, in Findings</p> : null}
    </>
  );
}
