// Guests and their clocks, which VM each is, and everything that the analyst said of links. It is part of the settings: saved and loaded with them.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Mapping } from "../protocol.js";
import { ask, mapHost, overview, sayOfLink } from "../state.js";
import { oneLine, plural } from "../text.js";
import { DraftField } from "./draft.js";

export function MappingPanel(): JSX.Element {
  const known = useSignal<Mapping | null>(null);
  const refused = useSignal<{ host: string; text: string } | null>(null);
  useEffect(() => {
    void ask("mapping", {}).then((answer) => { known.value = answer; });
  }, [overview.value?.revision]);
  const map = async (host: string, resource: string): Promise<boolean> => {
    const text = await mapHost(host, resource);
    refused.value = text === null ? null : { host, text };
    return text === null;
  };
  const hosts = known.value;
  const wrong = refused.value;
  if (hosts === null) return <p class="hint">Loading…</p>;
  return (
    <div class="mapping" data-test="mapping">
      <datalist id="vms">{hosts.vms.map((vm) => <option key={vm} value={vm} />)}</datalist>
      <table class="parameters" aria-label="Hosts">
        <thead><tr><th scope="col">Host</th><th scope="col">Is the VM</th><th scope="col">You say it is</th><th scope="col">Clock</th></tr></thead>
        <tbody>
          {hosts.hosts.map(({ host, runs, resource, mapped, clock }) => (
            <tr key={host ?? ""}>
              <td>{host === null ? <span class="soft">no name</span> : oneLine(host)}<br /><span class="soft">{plural(runs, "run")}</span></td>
              <td class="break">{resource === null ? <span class="soft">not known</span> : oneLine(resource)}</td>
              <td>
                {host === null ? <span class="soft">a guest without a name cannot be mapped</span> : (
                  <DraftField value={mapped ?? ""} label={`VM of ${host}`} placeholder="resource id of the VM" proposals="vms" test={`map-${host}`} refused={wrong?.host === host} enter={(text) => map(host, text)} />
                )}
                {mapped === null || host === null ? null : <button type="button" class="quiet" onClick={() => { void map(host, ""); }}>Take back</button>}
                {wrong !== null && wrong.host === host ? <span class="refused" role="alert">{oneLine(wrong.text)}</span> : null}
              </td>
              <td>{oneLine(clock)}</td>
            </tr>
          ))}
          {hosts.absent.map(([host, vm]) => (
            <tr key={`absent-${host}`}><td>{oneLine(host)}<br /><span class="soft">not in this evidence</span></td><td /><td class="break">{oneLine(vm)} <button type="button" class="quiet" onClick={() => { void map(host, ""); }}>Take back</button></td><td /></tr>
          ))}
        </tbody>
      </table>
      {hosts.said.length === 0 ? <p class="hint">You have confirmed and rejected no link. Open an execution to do so; it is kept with the settings and in the case document.</p> : (
        <ul class="said" aria-label="What you said of links">
          {hosts.said.map(({ said, text, present, pair }) => (
            <li key={`${said}:${text}`}><strong>{said}</strong> {oneLine(text)} {present ? null : <span class="soft">(not in this evidence)</span>} <button type="button" class="quiet" onClick={() => { void sayOfLink("take-back", pair); }}>Take back</button></li>
          ))}
        </ul>
      )}
    </div>
  );
}
