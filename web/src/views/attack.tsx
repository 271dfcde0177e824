// The ATT&CK techniques that were seen, by tactic: of findings, and of indicators in scripts that ran. A technique leads to its findings.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { SeenTactic } from "../protocol.js";
import { ask, overview, say } from "../state.js";
import { oneLine, plural } from "../text.js";
import { filterFindings } from "../triage.js";

export function Attack(): JSX.Element {
  const tactics = useSignal<readonly SeenTactic[] | null>(null);
  useEffect(() => {
    ask("attack", {})
      .then((answer) => { tactics.value = answer.tactics; })
      .catch((error: unknown) => { say(String(error)); });
  }, [overview.value?.revision]);
  if (tactics.value === null) return <p class="hint">Loading…</p>;
  if (tactics.value.length === 0) return <p class="hint">No finding and no script names a technique.</p>;
  return (
    <div class="list-view attack-view" data-test="attack">
      <p class="hint">Techniques named by findings, and by indicators in scripts that ran (comments left out), under each tactic that ATT&CK gives them. What is not here was not seen in this evidence; that is not the same as not done.</p>
      <div class="matrix" tabIndex={0} role="region" aria-label="ATT&CK matrix of what was seen">
        {tactics.value.map(({ tactic, techniques }) => (
          <section key={tactic} class="tactic" aria-label={tactic}>
            <h2>{tactic}</h2>
            {techniques.map((one) => {
              const words = [one.findings > 0 ? plural(one.findings, "finding") : "", one.scripts > 0 ? plural(one.scripts, "script") : ""].filter((part) => part !== "").join(" · ");
              return (
                <button key={one.technique} type="button" class={`technique ${one.severity ?? "script"}`} data-technique={one.technique} disabled={one.findings === 0} title={one.findings === 0 ? "No finding names it; the scripts are in the case document under runs" : "Show its findings"} onClick={() => { filterFindings({ techniques: [one.technique] }); }}>
                  <span><code>{oneLine(one.technique)}</code> {one.severity === null ? null : <span class={`severity ${one.severity}`}>{one.severity}</span>}</span>
                  <strong>{one.name}</strong>
                  <span class="soft">{words}</span>
                </button>
              );
            })}
          </section>
        ))}
      </div>
    </div>
  );
}
