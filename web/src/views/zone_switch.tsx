// The one switch of the zone that times are shown in. It changes what is shown, never what is known: the exact time stays in every title.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { analystZone, customZone, setZoneShown, zone, type ClockMode } from "../clock.js";
import { ask } from "../state.js";
import { DraftField } from "./draft.js";

export function ZoneSwitch(): JSX.Element {
  const refused = useSignal<string | null>(null);
  const asking = useSignal(false);
  const places = useSignal<readonly string[]>([]);
  const enter = async (mode: ClockMode, text: string): Promise<boolean> => {
    const { name, changes, refused: why } = await ask("zone", { zone: text });
    refused.value = why;
    if (name === null) return false;
    if (mode === "custom") customZone.value = name;
    setZoneShown(mode, name, changes);
    return true;
  };
  const choose = (mode: ClockMode): void => {
    refused.value = null;
    asking.value = mode === "custom";
    if (mode === "utc" || mode === "source") setZoneShown(mode, "UTC", []);
    else if (mode === "analyst") void enter(mode, analystZone());
    else {
      if (customZone.peek() !== "") void enter(mode, customZone.peek());
      if (places.value.length === 0) void ask("zones", {}).then(({ zones }) => { places.value = zones; });
    }
  };
  const mode = asking.value ? "custom" : zone.value.mode;
  return (
    <span class="zone-switch" role="group" aria-label="Zone that times are shown in">
      <label>
        <span class="soft">Times in</span>{" "}
        <select data-test="zone-switch" value={mode} onChange={(event) => { choose(event.currentTarget.value as ClockMode); }}>
          <option value="utc">UTC</option>
          <option value="source">each source's own</option>
          <option value="analyst">this computer's: {analystZone()}</option>
          <option value="custom">another zone…</option>
        </select>
      </label>
      {mode === "custom" ? (
        <>
          <DraftField proposals="zone-places" value={customZone.value} label="Zone" placeholder="UTC+05:30 or Asia/Tokyo" test="zone-custom" refused={refused.value !== null} enter={(text) => enter("custom", text)} />
          <datalist id="zone-places">{places.value.map((place) => <option key={place} value={place} />)}</datalist>
        </>
      ) : null}
      {refused.value === null ? null : <span class="refused" role="alert">{refused.value}</span>}
    </span>
  );
}
