// The script: its lines with numbers and marks, the layers decoded from it beside it, and each indicator explained.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useContext } from "preact/hooks";
import type { Piece, ShownIndicator, ShownLayer, ShownScript, ShownText } from "../protocol.js";
import { bytes, count, oneLine, plural, visible } from "../text.js";
import { Records, Revealed } from "./statements.js";

interface CodeProps {
  readonly text: ShownText;
  readonly label: string;
  /** Names its lines. */
  readonly id: string;
  readonly indicators?: readonly ShownIndicator[];
  readonly chosen?: number | null;
}

/** A text of the evidence: text, never markup. */
export function Code({ text, label, id, indicators = [], chosen = null }: CodeProps): JSX.Element {
  return (
    <>
      <pre class="code" tabIndex={0} aria-label={label} data-test={`code-${id}`}>
        {text.lines.map((line) => (
          <span key={line.number} class="line" id={`${id}-${line.number}`} data-line={line.number}>
            {line.pieces.map((piece, at) => <Part key={at} piece={piece} indicators={indicators} chosen={chosen} />)}
            {"\n"}
          </span>
        ))}
      </pre>
      {text.cut ? <p class="soft">Cut for display: it has {bytes(text.bytes)}.</p> : null}
    </>
  );
}

function Part({ piece, indicators, chosen }: { piece: Piece; indicators: readonly ShownIndicator[]; chosen: number | null }): JSX.Element {
  const revealed = useContext(Revealed);
  const shown = piece.secret && !revealed ? "•••••" : visible(piece.text);
  const secret = piece.secret ? <span class="secret" data-revealed={revealed}>{shown}</span> : shown;
  if (piece.hits.length === 0) return <>{secret}</>;
  const found = piece.hits.map((hit) => indicators[hit]).filter((indicator) => indicator !== undefined);
  const heavy = found.reduce((most, { weight }) => Math.max(most, weight), 0);
  const why = found.map(({ id, technique, what }) => `${id} (${technique}): ${what}`).join("\n");
  return <mark class="hit" data-weight={heavy >= 7 ? "high" : heavy >= 4 ? "medium" : "low"} data-chosen={chosen !== null && piece.hits.includes(chosen)} title={why}>{secret}</mark>;
}

export function Script({ script }: { script: ShownScript }): JSX.Element {
  const chosen = useSignal<number | null>(null);
  const layers = script.layers.slice(1).filter(({ text }) => text !== null);
  const asked = script.sources.length > 0 && script.sources.every(({ trust }) => trust.startsWith("medium"));
  const go = (at: number, indicator: ShownIndicator): void => {
    chosen.value = at;
    document.getElementById(`layer-${indicator.layer}-${indicator.line}`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      <dl class="statements" aria-label="Source of the script">
        {script.sources.map(({ from, trust, same }, at) => (
          <div key={at}><dt>{at === 0 ? "shown from" : "also in"}</dt><dd>{oneLine(from.value)} <span class="soft">trust {oneLine(trust)}</span> {same === false ? <span class="remark">holds another text than the one shown</span> : at > 0 && same === true ? <span class="soft">the same text</span> : null} <Records events={from.events} of="source of the script" /></dd></div>
        ))}
        <div><dt>SHA-256</dt><dd><code class="break">{script.sha256}</code> <span class="soft">{bytes(script.bytes)}{script.whole ? "" : "; only the beginning was examined"}</span></dd></div>
        <div><dt>score</dt><dd>{script.severity === null ? null : <span class={`severity ${script.severity}`}>{script.severity}</span>} {count(script.score)} points{script.groups.length === 0 ? "" : `: ${script.groups.map(([group, points]) => `${group} ${points}`).join(", ")}`}{script.codes.length === 0 ? "" : ` · ${script.codes.join(", ")}`}</dd></div>
      </dl>
      {asked ? <p class="remark">This is what was asked for; that it ran so is not shown by a file of the guest.</p> : null}
      <div class="layers" data-many={layers.length > 0}>
        {script.layers[0] === undefined ? null : <Layer layer={script.layers[0]} script={script} chosen={chosen.value} />}
        {layers.length === 0 ? null : (
          <div class="decoded">
            {layers.map((layer) => <Layer key={layer.layer} layer={layer} script={script} chosen={chosen.value} />)}
            {script.layers_left > 0 ? <p class="soft">{plural(script.layers_left, "more layer")} in the case document.</p> : null}
          </div>
        )}
      </div>
      {script.indicators.length === 0 ? <p class="soft">No indicator matches. That is no proof that it is harmless.</p> : (
        <table class="indicators" aria-label="Indicators">
          <thead><tr><th scope="col">Where</th><th scope="col">Indicator</th><th scope="col">Tactic, technique</th><th scope="col">Why it matters</th><th scope="col" class="number">Weight</th></tr></thead>
          <tbody>
            {script.indicators.map((indicator, at) => (
              <tr key={at} data-chosen={chosen.value === at} data-comment={indicator.in_comment}>
                <td><button type="button" class="record" onClick={() => { go(at, indicator); }}>{indicator.layer === 0 ? "" : `layer ${indicator.layer}, `}line {indicator.line}</button></td>
                <td><code>{indicator.id}</code></td>
                <td>{indicator.tactic} <code>{indicator.technique}</code></td>
                <td>{indicator.what}{indicator.in_comment ? " (in a comment: counts nothing)" : ""}<br /><code class="soft break">{oneLine(indicator.text)}</code></td>
                <td class="number">{indicator.weight}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {script.indicators_left > 0 ? <p class="soft">{plural(script.indicators_left, "more match")} in the case document.</p> : null}
    </>
  );
}

function Layer({ layer, script, chosen }: { layer: ShownLayer; script: ShownScript; chosen: number | null }): JSX.Element {
  const title = layer.layer === 0 ? "As it was delivered" : `Layer ${layer.layer}: ${layer.encoding ?? "decoded"} from ${layer.parent === 0 ? "the script" : `layer ${layer.parent ?? 0}`}${layer.executed ? ", executed" : ", data"}`;
  return (
    <div class="layer" data-test={`layer-${layer.layer}`}>
      <h4 title={layer.sha256}>{title} · {bytes(layer.bytes)}</h4>
      {layer.text === null ? <p class="soft">Not text.</p> : <Code text={layer.text} label={title} id={`layer-${layer.layer}`} indicators={script.indicators} chosen={chosen} />}
    </div>
  );
}
