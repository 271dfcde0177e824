// A manual page, from the blocks that the core made of it.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ManualBlock, ManualSpan } from "../protocol.js";
import { ask, say } from "../state.js";

function Spans({ spans }: { spans: readonly ManualSpan[] }): JSX.Element {
  return (
    <>
      {spans.map(({ form, text }, at) => (form === "code" ? <code key={at}>{text}</code> : form === "strong" ? <strong key={at}>{text}</strong> : text))}
    </>
  );
}

/** The headings of a page: below a section's own, or at the head of a page of the help. */
type Level = 2 | 4;

function Block({ block, level }: { block: ManualBlock; level: Level }): JSX.Element | null {
  const cells = block.rows.map((row) => row[0] ?? []);
  switch (block.form) {
    case "heading":
      if (block.level === 1) return level === 2 ? <h2 class="manual-title"><Spans spans={cells[0] ?? []} /></h2> : <h4 class="manual-title"><Spans spans={cells[0] ?? []} /></h4>;
      return level === 2 ? <h3><Spans spans={cells[0] ?? []} /></h3> : <h5><Spans spans={cells[0] ?? []} /></h5>;
    case "paragraph":
      return <p><Spans spans={cells[0] ?? []} /></p>;
    case "list":
      return <ul>{cells.map((spans, at) => <li key={at}><Spans spans={spans} /></li>)}</ul>;
    case "fenced":
      return <pre><Spans spans={cells[0] ?? []} /></pre>;
    case "table":
      return <table><tbody>{block.rows.map((row, at) => <tr key={at}>{row.map((spans, cell) => <td key={cell}><Spans spans={spans} /></td>)}</tr>)}</tbody></table>;
  }
}

export function Manual({ detector, level = 4 }: { detector: string; level?: Level }): JSX.Element {
  const blocks = useSignal<readonly ManualBlock[] | null>(null);
  useEffect(() => {
    blocks.value = null;
    ask("manual", { detector })
      .then((answer) => { blocks.value = answer.blocks; })
      .catch((error: unknown) => { say(String(error)); });
  }, [detector, blocks]);
  if (blocks.value === null) return <p class="soft">Loading…</p>;
  if (blocks.value.length === 0) return <p class="soft">This detector has no manual page.</p>;
  return <div class="manual" data-test="manual">{blocks.value.map((block, at) => <Block key={at} block={block} level={level} />)}</div>;
}
