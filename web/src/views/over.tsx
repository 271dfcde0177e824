// What stands over the page: the command palette and the sheet of keys. Both are the browser's own modal dialogs, which hold the focus and give it back.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ACTIONS, goTo, KEYS, LIST_KEYS, MORE_LIST_KEYS, VIEWS } from "../keys.js";
import type { Hit } from "../protocol/brief.js";
import { actorShown, ask, helpAt, hostShown, hostsLike, over, phase, say, tellStory } from "../state.js";
import { oneLine } from "../text.js";
import { openFinding, openIncident } from "../triage.js";

export function Over(): JSX.Element | null {
  if (over.value === "palette") return <Dialog label="Command palette" kind="palette"><Palette /></Dialog>;
  if (over.value === "keys") return <Dialog label="Keys" kind="keys"><KeySheet /></Dialog>;
  return null;
}

function Dialog({ label, kind, children }: { label: string; kind: string; children: ComponentChildren }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => { element?.close(); };
  }, []);
  const outside = (event: MouseEvent): void => { if (event.target === dialog.current) over.value = null; };
  return <dialog ref={dialog} class="over" data-test={kind} aria-label={label} onCancel={() => { over.value = null; }} onClose={() => { if (over.peek() === kind) over.value = null; }} onClick={outside}>{children}</dialog>;
}

interface Choice {
  readonly kind: string;
  readonly name: string;
  readonly about: string;
  readonly act: () => void;
}

function openHit(hit: Hit): void {
  switch (hit.kind) {
    case "incident": openIncident(Number(hit.key)); break;
    case "finding": openFinding(hit.key); break;
    case "execution": if (hit.event !== null) tellStory(hit.event); break;
    case "caller": actorShown.value = Number(hit.key); goTo("actors"); break;
    case "host": [hostsLike.value, hostShown.value] = [{}, hit.key]; goTo("hosts"); break;
    case "detector": helpAt.value = { page: "detectors", detector: hit.key }; goTo("help"); break;
  }
}

function Palette(): JSX.Element {
  const text = useSignal("");
  const hits = useSignal<readonly Hit[]>([]);
  const active = useSignal(0);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    let current = true;
    if (phase.peek() === "empty" || text.value.trim() === "") {
      hits.value = [];
      return undefined;
    }
    ask("find", { text: text.value }).then((answer) => { if (current) hits.value = answer.hits; }).catch((error: unknown) => { say(String(error)); });
    return () => { current = false; };
  }, [text.value]);
  const words = text.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const holds = (line: string): boolean => words.every((word) => line.toLowerCase().includes(word));
  const noCase = phase.value === "empty" || phase.value === "loading";
  const choices: readonly Choice[] = [
    ...VIEWS.filter(({ label, view }) => holds(`view ${label}`) && (view === "help" || !noCase)).map(({ label, view, letter }) => ({ kind: "view", name: label, about: `g ${letter}`, act: () => { goTo(view); } })),
    ...ACTIONS.filter(({ label, about, when }) => holds(`${label} ${about}`) && (when?.() ?? true)).map(({ label, about, act }) => ({ kind: "action", name: label, about, act })),
    ...hits.value.map((hit) => ({ kind: hit.kind, name: hit.name, about: hit.about, act: () => { openHit(hit); } })),
  ];
  const at = Math.min(active.value, Math.max(0, choices.length - 1));
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }); }, [at, choices.length]);
  const take = (choice: Choice | undefined): void => {
    if (choice === undefined) return;
    over.value = null;
    choice.act();
  };
  const onKey = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8 };
    const to = steps[event.key];
    if (event.key === "Enter") take(choices[at]);
    else if (to !== undefined) active.value = Math.max(0, Math.min(choices.length - 1, to));
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input type="text" role="combobox" autofocus spellcheck={false} autocomplete="off" aria-label="Find a view, an action or a name" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
        aria-activedescendant={choices.length === 0 ? undefined : `palette-${at}`} placeholder="A view, an action, a caller, host, execution, detector, finding…" value={text.value}
        onInput={(event) => { text.value = event.currentTarget.value; active.value = 0; }} onKeyDown={onKey} />
      <ul class="palette-list" role="listbox" id="palette-list" aria-label="Found" ref={list}>
        {choices.map((choice, place) => (
          <li key={`${choice.kind} ${choice.name} ${place}`} id={`palette-${place}`} role="option" aria-selected={place === at} data-kind={choice.kind} onClick={() => { take(choice); }}>
            <span class="palette-kind">{choice.kind}</span>
            <span class="palette-name">{oneLine(choice.name)}</span>
            <span class="palette-about soft">{oneLine(choice.about)}</span>
          </li>
        ))}
      </ul>
      {choices.length === 0 ? <p class="hint" role="status">Nothing has all of these words in its name.</p> : null}
    </>
  );
}

const SHOWN: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", PageDown: "Page ↓", PageUp: "Page ↑" };

function Press({ keys }: { keys: string }): JSX.Element {
  return <>{keys.split(" ").map((key, at) => <kbd key={at}>{key}</kbd>)}</>;
}

export function KeyTables(): JSX.Element {
  const groups = [...new Set(KEYS.map(({ group }) => group))];
  const line = (keys: readonly string[], label: string): JSX.Element => <tr key={label}><th scope="row">{keys.map((one, at) => <span key={one}>{at > 0 ? " or " : ""}<Press keys={SHOWN[one] ?? one} /></span>)}</th><td>{label}</td></tr>;
  return (
    <div class="key-tables">
      {groups.map((group) => (
        <section key={group}>
          <h3>{group}</h3>
          <table aria-label={group}><tbody>{KEYS.filter((one) => one.group === group).map(({ keys, label }) => line(keys, label))}</tbody></table>
        </section>
      ))}
      <section>
        <h3>Lists</h3>
        <table aria-label="Lists"><tbody>{LIST_KEYS.map(({ keys, label }) => line(keys, label))}{MORE_LIST_KEYS.map(([keys, label]) => line([keys], label))}</tbody></table>
      </section>
    </div>
  );
}

function KeySheet(): JSX.Element {
  return (
    <>
      <div class="panel-head"><h2>Keys</h2><button type="button" class="quiet" aria-label="Close the keys" onClick={() => { over.value = null; }}>✕</button></div>
      <KeyTables />
    </>
  );
}
