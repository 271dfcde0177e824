// What the detectors found, in time order, and what they could not answer. A finding leads to its evidence with one click.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { NotAssessed, ShownFinding } from "../protocol.js";
import { ask, overview, say, showEvent } from "../state.js";
import { oneLine } from "../text.js";
import { SigmaRules } from "./sigma.js";

export function Findings({ open }: { open: () => void }): JSX.Element {
  const findings = useSignal<readonly ShownFinding[]>([]);
  const unanswered = useSignal<readonly NotAssessed[]>([]);
  const revision = overview.value?.revision;
  useEffect(() => {
    ask("findings", {})
      .then((answer) => {
        findings.value = answer.findings;
        unanswered.value = answer.not_assessed;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [revision, findings, unanswered]);
  const show = async (finding: ShownFinding): Promise<void> => {
    if (finding.item === null || finding.ordinal === null) return;
    open();
    await showEvent(finding.item, finding.ordinal);
  };
  return (
    <div class="list-view" data-test="findings">
      {overview.value?.reading === true ? <p class="hint">Detectors run when reading has ended.</p> : null}
      {unanswered.value.map(({ detector, reason }) => (
        <p class="hint" key={detector}><strong>{detector}</strong> {reason}</p>
      ))}
      {findings.value.length === 0 && unanswered.value.length === 0 && overview.value?.reading === false ? <p class="hint">The detectors ran and found nothing.</p> : null}
      <ul class="findings">
        {findings.value.map((finding, at) => (
          <li key={at}>
            <button type="button" onClick={() => show(finding)}>
              <span class={`severity ${finding.severity}`}>{finding.severity}</span>
              <span class="when">{finding.first ?? "no time"}</span>
              <span class="what">
                <strong>{oneLine(finding.title)}</strong>
                <span>{oneLine(finding.summary)}</span>
              </span>
              <span class="attack">{finding.attack.join(" ")}</span>
            </button>
          </li>
        ))}
      </ul>
      <SigmaRules show={show} />
    </div>
  );
}
