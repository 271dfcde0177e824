// Why both sides are believed to be one execution, what else was near, and the analyst's say in it.

import type { JSX } from "preact";
import type { Link, OtherSide, PairKey } from "../protocol.js";
import { sayOfLink, told } from "../state.js";
import { oneLine, when } from "../text.js";
import { Records } from "./statements.js";

export function WhyLinked({ link, sides }: { link: Link; sides: string }): JSX.Element {
  const { pair } = link;
  const tell = (say: "confirm" | "reject" | "take-back", of: PairKey) => () => { void sayOfLink(say, of); };
  return (
    <>
      {sides !== "both" ? <p class="soft">Only one side is known, so there is no link.</p> : (
        <p data-test="verdict">
          {link.confidence === "confirmed" ? "You confirmed it." : <>Confidence <strong>{link.confidence}</strong>: {link.score} of 100 points{link.margin === null ? "" : <>, margin {link.margin} <span class="soft">(what the whole assignment would lose without it)</span></>}.</>}
        </p>
      )}
      {link.reasons.length === 0 ? null : (
        <table class="reasons" aria-label="Points by feature">
          <tbody>
            {link.reasons.map((reason, at) => (
              <tr key={at} data-feature={reason.feature}>
                <th scope="row">{reason.feature}</th>
                <td class="number">{reason.points > 0 ? `+${reason.points}` : reason.points}</td>
                <td><meter min={0} max={40} value={Math.max(0, reason.points)} aria-hidden="true" /></td>
                <td class="break">{oneLine(reason.value)} <Records events={reason.events} of={reason.feature} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {link.runners_up.length === 0 ? (sides === "both" ? <p class="soft">No other operation or run of this machine could take its place.</p> : null) : <Others title="Runner-up on each side" others={link.runners_up} />}
      {link.partners.length === 0 ? null : <Others title={link.partners[0]?.side === "run" ? "Nearest runs, if you know better" : "Nearest operations, if you know better"} others={link.partners} confirm />}
      <div class="tools">
        {pair === null ? null : (
          <>
            {link.confidence === "confirmed" ? null : <button type="button" data-test="confirm" onClick={tell("confirm", pair)}>Confirm link</button>}
            <button type="button" class="warn" data-test="reject" onClick={tell("reject", pair)}>Reject link</button>
          </>
        )}
      </div>
      {link.said.length === 0 ? null : (
        <ul class="said" aria-label="What you said of it">
          {link.said.map(({ said, text, pair: of }) => (
            <li key={`${said}:${text}`}>You <strong>{said}</strong>: {oneLine(text)} <button type="button" class="quiet" data-test="take-back" onClick={tell("take-back", of)}>Take back</button></li>
          ))}
        </ul>
      )}
    </>
  );
}

function Others({ title, others, confirm = false }: { title: string; others: readonly OtherSide[]; confirm?: boolean }): JSX.Element {
  return (
    <div class="others">
      <h4>{title}</h4>
      <ul>
        {others.map((other, at) => (
          <li key={at}>
            <span class="soft">{other.side}</span> {oneLine(other.text)} <span class="time soft">{other.time === null ? "no time" : when(other.time)}</span>{" "}
            {other.points === null ? null : <strong>{other.points} points</strong>}{" "}
            {other.name === null ? null : <button type="button" class="record" onClick={() => { told.value = other.name; }}>its story</button>}
            {confirm ? <button type="button" class="record" data-test="partner" onClick={() => { void sayOfLink("confirm", other.pair); }}>It is this one</button> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
