// The story of one execution from top to bottom: who asked, agent, script, output, processes, network; and why both sides are believed to be one.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { EventName, MissingSide, OutputStream, ShownProcess, Statement, Story } from "../protocol.js";
import { ask, overview, say, told } from "../state.js";
import { bytes, count, oneLine, plural, when } from "../text.js";
import { Clocks } from "./clocks.js";
import { Confidence } from "./executions.js";
import { WhyLinked } from "./link.js";
import { Code, Script } from "./script.js";
import { Records, Revealed, Statements, Value } from "./statements.js";

export function StoryOf({ name }: { name: EventName }): JSX.Element {
  const story = useSignal<Story | null>(null);
  const lost = useSignal(false);
  const revealed = useSignal(false);
  const asked = useRef(0);
  useEffect(() => {
    asked.current += 1;
    const mine = asked.current;
    ask("story", name)
      .then((answer) => {
        if (mine !== asked.current) return;
        // What was revealed of one execution says nothing of the next.
        if (answer?.row.name.item !== story.peek()?.row.name.item || answer?.row.name.ordinal !== story.peek()?.row.name.ordinal) revealed.value = false;
        story.value = answer ?? null;
        lost.value = answer == null;
      })
      .catch((error: unknown) => { say(String(error)); });
  }, [name.item, name.ordinal, overview.value?.revision]);
  const article = useRef<HTMLElement>(null);
  const now = story.value;
  useEffect(() => {
    // A button that led here is gone with the story it stood in: keys go on from the new one.
    if (document.activeElement === document.body) article.current?.focus();
  }, [now]);
  if (now === null) return <div class="story">{lost.value ? <p class="hint">This event belongs to no execution any more.</p> : <p class="hint">Loading…</p>}</div>;
  return (
    <Revealed.Provider value={revealed.value}>
      <article ref={article} class="story" data-test="story" tabIndex={-1} aria-label="Story of the execution" data-revision={now.revision}
        onKeyDown={(event) => { if (event.key === "Escape") told.value = null; }}>
        <Told story={now} revealed={revealed.value} reveal={(to) => { revealed.value = to; }} />
      </article>
    </Revealed.Provider>
  );
}

function Told({ story, revealed, reveal }: { story: Story; revealed: boolean; reveal: (to: boolean) => void }): JSX.Element {
  const { row } = story;
  const who = row.caller ?? "Somebody who is not in the evidence";
  const missing = (side: MissingSide["side"]): JSX.Element[] => story.missing.filter((one) => one.side === side).map((one) => <Missing key={one.side} missing={one} />);
  const cloudTime = row.time === null ? "at an unknown time" : when(row.time);
  return (
    <>
      <header class="story-head">
        <h2>
          {row.severity === null ? null : <><span class={`severity ${row.severity}`}>{row.severity}</span> </>}
          {oneLine(who)} → {oneLine(row.machine ?? "a machine without a name")} · {row.family} {oneLine(row.label)} · {cloudTime}
        </h2>
        <Confidence confidence={row.confidence} sides={row.sides} />
        <label class="check"><input type="checkbox" data-test="story-reveal" checked={revealed} onChange={(event) => { reveal(event.currentTarget.checked); }} /> show secrets on screen</label>
        <button type="button" class="quiet" aria-label="Close the story" onClick={() => { told.value = null; }}>✕</button>
      </header>
      {story.findings.length === 0 ? null : (
        <ul class="story-findings" aria-label="Findings on this operation">
          {story.findings.map((finding, at) => <li key={at}><span class={`severity ${finding.severity}`}>{finding.severity}</span> <strong>{oneLine(finding.title)}</strong> <span class="soft">{finding.detector} · {oneLine(finding.summary)}</span></li>)}
        </ul>
      )}
      <Clocks strip={story.clocks} />
      <div class="chapters">
        <Chapter title="Who asked" test="who-asked">
          {missing("cloud")}
          <Statements list={story.asked} label="Who asked" />
          <More list={story.asked_records} left={0} label="Rows of the operation" />
        </Chapter>
        <Chapter title="Why we believe this link" test="link">
          <WhyLinked link={story.link} sides={row.sides} />
        </Chapter>
        <Chapter title="Agent and handler" test="agent">
          {missing("guest")}
          <Statements list={story.agent} label="Agent and handler" />
          <More list={story.agent_records} left={story.agent_records_left} label="Records of the guest" />
        </Chapter>
        <Chapter title="Output" test="output">
          {story.output === null ? <p class="soft">Nothing of the guest tells it.</p> : (
            <>
              <Statements list={[story.output.state, ...(story.output.exit_code === null ? [] : [story.output.exit_code])]} label="How it ended" />
              <Stream name="stdout" stream={story.output.stdout} />
              <Stream name="stderr" stream={story.output.stderr} />
            </>
          )}
        </Chapter>
        <Chapter title="Script" test="script" wide>
          {story.script === null ? <p class="soft">Its text is not in the evidence.</p> : <Script script={story.script} />}
        </Chapter>
        <Chapter title={`Processes · ${count(story.processes.length + story.processes_left)}`} test="processes" wide>
          <Processes list={story.processes} left={story.processes_left} />
        </Chapter>
        <Chapter title={`Network · ${count(story.flows.length + story.flows_left)}`} test="network" wide>
          {story.flows.length === 0 ? <p class="soft">No connection of these processes, and none to an address that the script names, is in the evidence.</p> : <Statements list={story.flows} label="Connections" />}
          {story.flows_left > 0 ? <p class="soft">{plural(story.flows_left, "more connection")} on the timeline.</p> : null}
        </Chapter>
      </div>
    </>
  );
}

function Chapter({ title, test, wide = false, children }: { title: string; test: string; wide?: boolean; children: ComponentChildren }): JSX.Element {
  return (
    <section class="chapter" data-wide={wide} data-test={test} aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** Records behind a click, so that the story stays short. */
function More({ list, left, label }: { list: readonly Statement[]; left: number; label: string }): JSX.Element | null {
  if (list.length === 0) return null;
  return (
    <details class="more">
      <summary>{label} · {count(list.length + left)}</summary>
      <Statements list={list} label={label} />
      {left > 0 ? <p class="soft">{plural(left, "more record")} on the timeline.</p> : null}
    </details>
  );
}

function Missing({ missing }: { missing: MissingSide }): JSX.Element {
  return (
    <div class="missing" data-test="missing" data-covered={missing.covered}>
      <p><strong>{missing.text}</strong> {oneLine(missing.conclusion)}</p>
      {missing.evidence.length === 0 ? null : (
        <details>
          <summary>Evidence looked at · {count(missing.evidence.length)}</summary>
          <table class="coverage" aria-label="Evidence looked at">
            <tbody>
              {missing.evidence.map((item) => (
                <tr key={item.item}><td>{item.covers ? "✔ covers the time" : "– does not"}</td><td class="break">{oneLine(item.path)}</td><td>{item.format}</td><td class="time">{item.first ?? "–"}<br />{item.last ?? "–"}</td></tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

function Stream({ name, stream }: { name: string; stream: OutputStream | null }): JSX.Element {
  if (stream === null) return <p class="soft">{name}: not in the evidence.</p>;
  return (
    <div class="stream" data-test={name}>
      <h4>{name} · {bytes(stream.text.bytes)}</h4>
      <Statements list={[stream.source, ...(stream.status === null ? [] : [stream.status])]} label={`Source of ${name}`} />
      {stream.text.bytes === 0 ? null : <Code text={stream.text} label={name} id={name} />}
    </div>
  );
}

function Processes({ list, left }: { list: readonly ShownProcess[]; left: number }): JSX.Element {
  if (list.length === 0) return <p class="soft">No process of this run is in the evidence: no audit log, no Sysmon, no endpoint sensor saw its script's path.</p>;
  return (
    <>
      <ul class="processes" aria-label="Processes">
        {list.map((process, at) => (
          <li key={at} data-part={process.part}
            ref={(element) => { element?.style.setProperty("padding-left", `${process.depth * 18 + 4}px`); }}>
            <span class="process-name">{process.part === "script" ? "▶ " : ""}{oneLine(process.image === "" ? "a process" : (process.image.split(/[\\/]/).at(-1) ?? process.image))}</span>{" "}
            <code class="break"><Value statement={process.command_line} /></code>{" "}
            <span class="soft">{process.pid === null ? "" : `pid ${process.pid}`}{process.user === "" ? "" : ` · ${oneLine(process.user)}`}{process.started === null ? "" : ` · ${process.started}`}{process.exit_code === null ? "" : ` · exit code ${process.exit_code}`}</span>{" "}
            <Records events={process.command_line.events} of={oneLine(process.image)} />
          </li>
        ))}
      </ul>
      {left > 0 ? <p class="soft">{count(left)} more are not shown.</p> : null}
    </>
  );
}
