// Every parameter with its meaning and range. What may be entered is the core's to say: a refused value comes back as its sentence.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { download } from "../outtake.js";
import type { Parameter, ShownSettings } from "../protocol.js";
import { ask, overview, say, setSettings, settingsAt, unsavedSettings } from "../state.js";
import { count, plural } from "../text.js";
import { DraftField } from "./draft.js";
import { Expected } from "./expected.js";

const encoder = new TextEncoder();

function shown(value: Parameter["value"]): string {
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

export function Settings(): JSX.Element {
  const known = useSignal<ShownSettings | null>(null);
  const refused = useSignal<{ key: string; text: string } | null>(null);
  const text = useSignal("");
  const changedOnly = useSignal(false);
  const revision = overview.value?.revision;
  const load = async (): Promise<void> => { known.value = await ask("settings", {}); };
  useEffect(() => { load().catch((error: unknown) => { say(String(error)); }); }, [revision]);
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => {
    const at = settingsAt.value;
    if (at === null || known.value === null) return;
    [settingsAt.value, text.value, changedOnly.value] = [null, "", false];
    const row = [...(table.current?.querySelectorAll<HTMLElement>("tr[data-key]") ?? [])].find((one) => one.dataset["key"]?.startsWith(at) === true);
    row?.scrollIntoView({ block: "start" });
    row?.querySelector<HTMLElement>("input, select")?.focus();
  }, [settingsAt.value, known.value]);
  const change = async (key: string, json: string): Promise<boolean> => {
    const why = await setSettings(json);
    refused.value = why === null ? null : { key, text: why };
    await load();
    return why === null;
  };
  const one = (parameter: Parameter, value: string): Promise<boolean> => {
    const [room = "", name = ""] = parameter.key.split(/\.(.*)/s);
    return change(parameter.key, JSON.stringify({ [room]: { [name]: value } }));
  };
  const fromFile = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    if (file === undefined) return;
    const before = unsavedSettings.peek();
    await change("file", await file.text());
    // They lie in that file already.
    unsavedSettings.value = before;
    if (refused.value === null) say("The settings were loaded.");
    input.value = "";
  };
  const settings = known.value;
  if (settings === null) return <p class="hint">Loading…</p>;
  const words = text.value.trim().toLowerCase().split(/\s+/);
  const isChanged = (parameter: Parameter): boolean => parameter.value !== parameter.standard;
  const parameters = settings.parameters.filter((parameter) => (!changedOnly.value || isChanged(parameter)) && words.every((word) => `${parameter.key} ${parameter.about}`.toLowerCase().includes(word)));
  const changed = settings.parameters.filter(isChanged).length;
  return (
    <div class="list-view settings" data-test="settings">
      <div class="tools">
        <button type="button" class={unsavedSettings.value ? "strong" : ""} data-test="save-settings" onClick={() => { download("runlens-settings.json", encoder.encode(settings.json), "application/json"); unsavedSettings.value = false; }}>Save settings…</button>
        <label class="file button">Load settings…<input type="file" class="hidden-file" accept=".json,application/json" onChange={(event) => { void fromFile(event.currentTarget); }} /></label>
        <button type="button" onClick={() => { void ask("read_again", {}); say("Reading everything again."); }}>Read everything again</button>
        <span class="soft">Limits hold for evidence read from now on; reading again applies them to what is open. The case document lists every value in force.</span>
      </div>
      {refused.value?.key === "file" ? <p class="refused" role="alert">{refused.value.text}</p> : null}
      <Expected />
      <div class="tools">
        <input type="search" aria-label="Settings that hold this text" placeholder="Text in settings" value={text.value} onInput={(event) => { text.value = event.currentTarget.value; }} />
        <label class="check"><input type="checkbox" checked={changedOnly.value} onChange={(event) => { changedOnly.value = event.currentTarget.checked; }} /> changed only ({count(changed)})</label>
        <span class="soft" role="status">{plural(parameters.length, "setting")}{parameters.length === settings.parameters.length ? "" : ` of ${count(settings.parameters.length)}`}</span>
      </div>
      <table class="parameters" aria-label="Settings" ref={table}>
        <thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">Range</th><th scope="col">Default</th><th scope="col">Meaning</th></tr></thead>
        <tbody>
          {parameters.map((parameter) => {
            const wrong = refused.value?.key === parameter.key ? refused.value.text : null;
            return (
              <tr key={parameter.key} data-key={parameter.key} data-changed={isChanged(parameter)}>
                <th scope="row"><code>{parameter.key}</code></th>
                <td>
                  {parameter.unit === "yes-no" ? (
                    <input type="checkbox" checked={parameter.value === true} aria-label={parameter.key} onChange={(event) => { void one(parameter, event.currentTarget.checked ? "yes" : "no"); }} />
                  ) : parameter.choices.length > 0 ? (
                    <select value={shown(parameter.value)} aria-label={parameter.key} onChange={(event) => { void one(parameter, event.currentTarget.value); }}>
                      {parameter.choices.map((word) => <option key={word} value={word}>{word}</option>)}
                    </select>
                  ) : (
                    <DraftField numeric value={shown(parameter.value)} label={parameter.key} refused={wrong !== null} enter={(text) => one(parameter, text)} />
                  )}
                  {wrong === null ? null : <span class="refused" role="alert">{wrong}</span>}
                </td>
                <td>{parameter.unit === "yes-no" ? "yes or no" : parameter.choices.length > 0 ? "one of these" : `${parameter.least} – ${parameter.most} ${parameter.unit}`}</td>
                <td>{shown(parameter.standard)}</td>
                <td>{parameter.about}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
