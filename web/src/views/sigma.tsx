// Sigma rules beside the detectors: every rule with its state, leading to its findings among the others. A refused rule says why; nothing is left out in silence.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { fromPicker } from "../intake.js";
import type { ShownRule } from "../protocol.js";
import { ask, open, overview, say } from "../state.js";
import { count, oneLine } from "../text.js";
import { filterFindings } from "../triage.js";

export function SigmaRules(): JSX.Element {
  const rules = useSignal<readonly ShownRule[]>([]);
  const revision = overview.value?.revision;
  useEffect(() => {
    ask("sigma", {})
      .then((answer) => { rules.value = answer.rules; })
      .catch((error: unknown) => { say(String(error)); });
  }, [revision, rules]);
  return (
    <section class="sigma" aria-label="Sigma rules" data-test="sigma">
      <p class="hint">
        <strong>Sigma</strong> Rules that are dropped with the evidence run over it; what they find stands among all findings.{" "}
        <button type="button" onClick={() => { void open(fromPicker(false)); }}>Add Sigma rules…</button>
      </p>
      {rules.value.length === 0 ? null : (
        <table class="parameters" aria-label="State of the Sigma rules">
          <thead><tr><th scope="col">Rule</th><th scope="col">State</th><th scope="col">Findings</th><th scope="col">Level</th><th scope="col">File</th><th scope="col">What does not take part, and why</th></tr></thead>
          <tbody>
            {rules.value.map((rule, at) => (
              <tr key={at} data-state={rule.state}>
                <th scope="row">{oneLine(rule.title)}</th>
                <td>{rule.state}</td>
                <td>{rule.findings === 0 ? "0" : <button type="button" class="chip" title="Show them among all findings" onClick={() => { filterFindings({ detectors: [rule.detector] }); }}>{count(rule.findings)}</button>}</td>
                <td>{oneLine(rule.level ?? "")}</td>
                <td>{oneLine(rule.path)}:{rule.line}</td>
                <td>{oneLine(rule.reasons.join("; "))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
