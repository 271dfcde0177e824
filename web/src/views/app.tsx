// The shell: header, the place that says what runs where, and the views in their order.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { fromDrop, fromPicker, gathering } from "../intake.js";
import { bindKeys, goTo } from "../keys.js";
import { ask, cancel, detail, failure, message, open, overview, phase, over, selected, selectedIn, theme, type Theme, told, view, type View } from "../state.js";
import { bytes, count, plural } from "../text.js";
import { Actors as ActorsView } from "./actors.js";
import { Detail } from "./detail.js";
import { Empty } from "./empty.js";
import { Events } from "./events.js";
import { Evidence } from "./evidence.js";
import { Executions } from "./executions.js";
import { FilterBar } from "./filter.js";
import { Findings } from "./findings.js";
import { Help } from "./help.js";
import { Hosts } from "./hosts.js";
import { Menu } from "./menu.js";
import { Offline } from "./offline.js";
import { Over } from "./over.js";
import { Overview } from "./overview.js";
import { Raw } from "./raw.js";
import { Settings } from "./settings.js";
import { Share, ShareButton } from "./share.js";
import { Timeline } from "./timeline.js";
import { Tour } from "./tour.js";
import { ZoneSwitch } from "./zone_switch.js";


export function App(): JSX.Element {
  const dragging = useSignal(false);
  const offline = useSignal(false);
  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent): void => {
      event.preventDefault();
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      depth += 1;
      dragging.value = true;
    };
    const leave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) dragging.value = false;
    };
    const over = (event: DragEvent): void => {
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
    };
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      depth = 0;
      dragging.value = false;
      if (event.dataTransfer !== null && phase.peek() !== "loading") void open(fromDrop(event.dataTransfer));
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  }, [dragging]);
  useEffect(() => {
    if (theme.value === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
  }, [theme.value]);

  useEffect(bindKeys, []);

  const now = phase.value;
  return (
    <>
      <button type="button" class="skip" onClick={() => { goTo(view.peek()); }}>Skip to what is open</button>
      <header class="bar">
        <h1 class="name">Runlens</h1>
        <button type="button" class="offline" data-test="offline" aria-expanded={offline.value} onClick={() => { offline.value = !offline.value; }}>
          <span class="lock" aria-hidden="true" />
          Runs offline: no evidence leaves this page
        </button>
        <span class="space" />
        {now !== "loading" && now !== "empty" ? <Actions /> : null}
        <button type="button" class="quiet" data-test="open-palette" aria-keyshortcuts="Control+K" onClick={() => { over.value = "palette"; }}>Find <kbd>Ctrl K</kbd></button>
        {now === "empty" ? <button type="button" class="quiet" aria-pressed={view.value === "help"} onClick={() => { view.value = view.value === "help" ? "overview" : "help"; }}>Help</button> : null}
        {now !== "loading" && now !== "empty" ? <ZoneSwitch /> : null}
        <ThemeSwitch theme={theme.value} choose={(chosen) => { theme.value = chosen; }} />
      </header>
      {offline.value ? <Offline close={() => { offline.value = false; }} /> : null}
      {failure.value !== null ? <p class="failure" role="alert">{failure.value}</p> : null}
      {gathering.value === null ? null : <p class="gathering" role="status"><progress aria-label="Looking through the files" /> Looking through the files: {plural(gathering.value, "file")} so far</p>}
      {now === "empty" ? (view.value === "help" ? <main class="case"><section class="work" id="view-help" aria-label="Help"><Help /></section></main> : <Empty />) : null}
      {now === "reading" || now === "ready" ? <Case /> : null}
      <Menu />
      <Share />
      <Over />
      <Tour />
      <Raw />
      <p class="toast" role="status" data-shown={message.value !== null}>{message.value ?? ""}</p>
      {dragging.value ? <div class="dropping" aria-hidden="true"><p>Drop files or folders: they are read here and stay here</p></div> : null}
    </>
  );
}

function Actions(): JSX.Element {
  const reading = phase.value === "reading";
  return (
    <div class="actions">
      {reading && overview.value?.concluding !== true ? <button type="button" class="warn" onClick={cancel}>Cancel reading</button> : null}
      <button type="button" onClick={() => open(fromPicker(false))}>Add files…</button>
      <button type="button" onClick={() => open(fromPicker(true))}>Add folder…</button>
      <ShareButton />
    </div>
  );
}

function ThemeSwitch({ theme, choose }: { theme: Theme; choose: (theme: Theme) => void }): JSX.Element {
  const next: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
  return (
    <button type="button" class="quiet" aria-label={`Theme: ${theme}. Change`} onClick={() => { choose(next[theme]); }}>
      {theme === "auto" ? "◐ Auto" : theme === "light" ? "○ Light" : "● Dark"}
    </button>
  );
}

/** The case once there is evidence: figures, evidence and findings, timeline over table, details beside. */
function Case(): JSX.Element {
  const known = overview.value;
  const executionCount = useSignal(0);
  useEffect(() => {
    void ask("executions", { first: 0, count: 0, sort: "time", descending: false, filters: {} }).then((answer) => { executionCount.value = answer.of; });
  }, [known?.revision]);
  // Whoever names an execution is led to its story.
  useEffect(() => {
    if (told.value !== null) view.value = "executions";
  }, [told.value]);
  // Details belong to the overview's lead, the timeline's rows and a story's records; the other views need the width, and so does a story beside
  // which an event of another view would only stand in the way.
  const shows = view.value === "timeline" || view.value === "overview" || (view.value === "executions" && selectedIn.value === "executions");
  const open = shows && detail.value !== null && selected.value !== null;
  const problems = known?.problems ?? 0;
  const tab = (name: View, label: string): JSX.Element => (
    <button type="button" role="tab" id={`tab-${name}`} aria-selected={view.value === name} aria-controls={`view-${name}`} onClick={() => { view.value = name; }}>
      {label}
    </button>
  );
  return (
    <main class="case" data-detail={open}>
      <div class="summary">
        <div role="tablist" aria-label="Views" class="tabs">
          {tab("overview", "Overview")}
          {tab("timeline", `Timeline · ${plural(known?.events ?? 0, "event")}`)}
          {tab("executions", `Executions · ${count(executionCount.value)}`)}
          {tab("findings", `Findings · ${count(known?.findings ?? 0)}`)}
          {tab("actors", "Actors")}
          {tab("hosts", "Hosts")}
          {tab("evidence", `Evidence · ${plural(known?.items ?? 0, "item")}${problems > 0 ? ` · ${plural(problems, "problem")}` : ""}`)}
          {tab("settings", "Settings")}
          {tab("help", "Help")}
        </div>
        <span class="figures">
          {plural(known?.operations ?? 0, "operation")} · {plural(known?.runs ?? 0, "run")} · {bytes(known?.bytes ?? 0)}
        </span>
        <Progress />
      </div>
      {view.value === "overview" ? (
        <section class="work" role="tabpanel" id="view-overview" aria-labelledby="tab-overview">
          <Overview />
        </section>
      ) : view.value === "help" ? (
        <section class="work" role="tabpanel" id="view-help" aria-labelledby="tab-help">
          <Help />
        </section>
      ) : view.value === "timeline" ? (
        <section class="work" role="tabpanel" id="view-timeline" aria-labelledby="tab-timeline">
          <FilterBar />
          <Timeline />
          <Events />
        </section>
      ) : view.value === "executions" ? (
        <section class="work" role="tabpanel" id="view-executions" aria-labelledby="tab-executions">
          <Executions />
        </section>
      ) : view.value === "evidence" ? (
        <section class="work" role="tabpanel" id="view-evidence" aria-labelledby="tab-evidence">
          <Evidence />
        </section>
      ) : view.value === "actors" ? (
        <section class="work" role="tabpanel" id="view-actors" aria-labelledby="tab-actors">
          <ActorsView />
        </section>
      ) : view.value === "hosts" ? (
        <section class="work" role="tabpanel" id="view-hosts" aria-labelledby="tab-hosts">
          <Hosts />
        </section>
      ) : view.value === "settings" ? (
        <section class="work" role="tabpanel" id="view-settings" aria-labelledby="tab-settings">
          <Settings />
        </section>
      ) : (
        <section class="work" role="tabpanel" id="view-findings" aria-labelledby="tab-findings">
          <Findings />
        </section>
      )}
      {open && detail.value !== null ? <Detail event={detail.value} /> : null}
    </main>
  );
}

function Progress(): JSX.Element | null {
  const known = overview.value;
  if (known?.reading !== true) return null;
  const share = known.bytes === 0 ? 0 : known.bytes_read / known.bytes;
  const text = known.bytes_read < known.bytes
    ? `${bytes(known.bytes_read)} of ${bytes(known.bytes)} · ${bytes(known.bytes_per_second)}/s · ${count(known.items_done)} of ${plural(known.items, "item")}`
    : `${known.concluding ? "concluding" : "hashing"} · ${plural(known.items, "item")}`;
  return (
    <div class="progress" data-test="progress">
      <progress max={1} value={share} aria-label="Reading evidence" /> <span>{text}</span>
    </div>
  );
}
