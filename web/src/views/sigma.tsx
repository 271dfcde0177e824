// Sigma rules beside the detectors: their findings, and every rule with its state. A refused rule says why; nothing is left out in silence.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { fromPicker } from "../intake.js";
import type { ShownFinding, ShownRule } from "../protocol.js";
import { ask, open, overview, say, showEvent, tellStory, view } from "../state.js";
import { oneLine } from "../text.js";
import { openIncident } from "../triage.js";
import { StoryButton } from "./record.js";

/** Leads to the first event of a finding. */
async function show({ item, ordinal }: ShownFinding): Promise<void> {
  if (item === null || ordinal === null) return;
  view.value = "timeline";
  await showEvent(item, ordinal);
}

/** Findings of rules: each leads to its first event, and to its incident where that is not what is open. */
export function RuleFindings({ findings, toIncident }: { findings: readonly ShownFinding[]; toIncident: boolean }): JSX.Element {
  return (
    <ul class="findings">
      {findings.map((finding, at) => (
        <li key={at}>
          <button type="button" onClick={() => { void show(finding); }}>
            <span class={`severity ${finding.severity}`}>{finding.severity}</span>
            <span class="when">{finding.first ?? "no time"}</span>
            <span class="what">
              <strong>{oneLine(finding.title)}</strong>
              <span>{oneLine(finding.summary)}</span>
            </span>
            <span class="attack">{oneLine(finding.attack.join(" "))}</span>
          </button>
          {toIncident && finding.incident !== null ? <button type="button" class="chip" data-test="rule-to-incident" onClick={() => { openIncident(finding.incident ?? 0); }}>incident {finding.incident + 1}</button> : null}
          {finding.execution === null ? null : <StoryButton event={finding.execution} tell={tellStory} />}
        </li>
      ))}
    </ul>
  );
}

export function SigmaRules(): JSX.Element {
  const rules = useSignal<readonly ShownRule[]>([]);
  const findings = useSignal<readonly ShownFinding[]>([]);
  const revision = overview.value?.revision;
  useEffect(() => {
    ask("sigma", {})
      .then((answer) => { [rules.value, findings.value] = [answer.rules, answer.findings]; })
      .catch((error: unknown) => { say(String(error)); });
  }, [revision, rules, findings]);
  return (
    <section class="sigma" aria-label="Sigma rules" data-test="sigma">
      <p class="hint">
        <strong>Sigma</strong> Rules that are dropped with the evidence run over it.{" "}
        <button type="button" onClick={() => { void open(fromPicker(false)); }}>Add Sigma rules…</button>
      </p>
      <RuleFindings findings={findings.value} toIncident />
      {rules.value.length === 0 ? null : (
        <table class="parameters" aria-label="State of the Sigma rules">
          <thead><tr><th scope="col">Rule</th><th scope="col">State</th><th scope="col">Findings</th><th scope="col">Level</th><th scope="col">File</th><th scope="col">What does not take part, and why</th></tr></thead>
          <tbody>
            {rules.value.map((rule, at) => (
              <tr key={at} data-state={rule.state}>
                <th scope="row">{oneLine(rule.title)}</th>
                <td>{rule.state}</td>
                <td>{rule.findings}</td>
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
