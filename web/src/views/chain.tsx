// The steps around a run command in their order, with their distance from it and the gaps between them.

import type { JSX } from "preact";
import type { Figure, FindingDetail } from "../protocol.js";
import { oneLine, span, visible } from "../text.js";

interface Step {
  readonly step: string;
  /** Seconds from the command. */
  readonly offset: number;
  readonly weight: number | null;
  readonly actor: string;
  readonly operation: string;
  readonly resource: string;
}

function text(figure: Figure | undefined): string {
  return typeof figure === "string" ? figure : "";
}

function steps(values: FindingDetail["values"]): readonly Step[] {
  const list = values["steps"];
  if (!Array.isArray(list)) return [];
  return (list as readonly Figure[]).flatMap((one) => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) return [];
    const named = one as { readonly [name: string]: Figure };
    const [offset, weight] = [named["offset"], named["weight"]];
    if (typeof offset !== "number") return [];
    return [{ step: text(named["step"]), offset, weight: typeof weight === "number" ? weight : null, actor: text(named["actor"]), operation: text(named["operation"]), resource: text(named["resource"]) }];
  });
}

export function Chain({ detail }: { detail: FindingDetail }): JSX.Element {
  const command: Step = { step: "run command", offset: 0, weight: null, actor: detail.row.subject.caller ?? "", operation: "", resource: detail.row.subject.resource ?? "" };
  const found = steps(detail.values);
  const all = [...found.filter((one) => one.offset < 0), command, ...found.filter((one) => one.offset >= 0)];
  const score = detail.values["score"];
  return (
    <section>
      <h3>Chain {typeof score === "number" ? <span class="soft">score {score}</span> : null}</h3>
      <ol class="chain" data-test="chain">
        {all.map((one, at) => {
          const before = all[at - 1];
          const gap = before === undefined ? 0 : one.offset - before.offset;
          return (
            <li key={at} data-command={one === command}>
              {gap > 0 ? <span class="chain-gap">{span(gap)} later</span> : null}
              <span class="chain-when">{one === command ? "S" : `${one.offset < 0 ? "−" : "+"}${span(one.offset)}`}</span>
              <span class="chain-words">
                <strong>{one.step}</strong>{one.weight === null ? null : <span class="badge">weight {one.weight}</span>} <span>{oneLine(one.actor)}</span>
                {one.operation === "" ? null : <code>{oneLine(one.operation)}</code>}
                <span class="soft break">{visible(one.resource.split("/").filter((part) => part !== "").slice(-2).join("/"))}</span>
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
