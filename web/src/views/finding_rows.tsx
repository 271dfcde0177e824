// Findings beside what they are about: each leads to the Findings view.

import type { JSX } from "preact";
import type { FindingRow } from "../protocol.js";
import { oneLine, short } from "../text.js";
import { openFinding } from "../triage.js";

export function FindingRows({ findings, total }: { findings: readonly FindingRow[]; total: number }): JSX.Element {
  if (findings.length === 0) return <p class="soft">None.</p>;
  return (
    <>
      <ul class="finding-rows">
        {findings.map((row) => (
          <li key={row.key}>
            <button type="button" onClick={() => { openFinding(row.key); }}>
              <span class={`severity ${row.severity}`}>{row.severity}</span>
              <span class="finding-words"><strong>{oneLine(row.title)}{row.allowed_by === null ? null : <span class="triage"> expected</span>}</strong><span class="finding-summary">{oneLine(row.summary)}</span></span>
              <span class="when">{row.first === null ? "no time" : short(row.first)}</span>
            </button>
          </li>
        ))}
      </ul>
      {total > findings.length ? <p class="soft">and {total - findings.length} more, in Findings</p> : null}
    </>
  );
}
