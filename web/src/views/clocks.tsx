// Both clocks in one strip: the cloud's above, the guest's below, and the offset drawn between what the guest showed and what that was in the cloud.

import type { JSX } from "preact";
import type { ClockStrip, Stretch } from "../protocol.js";
import { oneLine } from "../text.js";

const WIDTH = 1000;
const LEFT = 130;

export function Clocks({ strip }: { strip: ClockStrip }): JSX.Element | null {
  const { cloud, guest, corrected } = strip;
  const times = [cloud, guest, corrected].flatMap((stretch) => [stretch?.from_ms ?? null, stretch?.to_ms ?? null]).filter((ms) => ms !== null);
  if (times.length === 0) return null;
  const [least, most] = [Math.min(...times), Math.max(...times)];
  const margin = Math.max((most - least) * 0.04, 500);
  const x = (ms: number): number => LEFT + ((ms - least + margin) / (most - least + 2 * margin)) * (WIDTH - LEFT);
  const bar = (stretch: Stretch | null, y: number, style: string): JSX.Element | null => {
    const from = stretch?.from_ms ?? stretch?.to_ms ?? null;
    if (stretch === null || from === null) return null;
    const to = stretch.to_ms ?? from;
    return <rect class={style} x={x(from)} y={y} width={Math.max(3, x(to) - x(from))} height={14} rx={3}><title>{`${stretch.from ?? "?"} – ${stretch.to ?? "?"}`}</title></rect>;
  };
  const own = guest?.from_ms ?? guest?.to_ms ?? null;
  const true_ = corrected?.from_ms ?? corrected?.to_ms ?? null;
  const off = strip.offset_seconds ?? 0;
  const bounds = strip.low_seconds === null && strip.high_seconds === null ? "" : `, between ${strip.low_seconds ?? "?"} and ${strip.high_seconds ?? "?"} s`;
  const label = off === 0 ? "no offset" : `offset ${off > 0 ? "+" : "−"}${Math.abs(off)} s${bounds}`;
  return (
    <figure class="clocks" data-test="clocks">
      <svg viewBox={`0 0 ${WIDTH} 78`} role="img" aria-label={`Cloud ${cloud?.from ?? "unknown"} to ${cloud?.to ?? "unknown"}; guest's clock ${guest?.from ?? "unknown"} to ${guest?.to ?? "unknown"}; ${label}`}>
        <text x={4} y={15}>cloud</text>
        <text x={4} y={40}>guest, corrected</text>
        <text x={4} y={66}>guest's clock</text>
        <line class="rail" x1={LEFT} x2={WIDTH} y1={22} y2={22} />
        <line class="rail" x1={LEFT} x2={WIDTH} y1={47} y2={47} />
        <line class="rail" x1={LEFT} x2={WIDTH} y1={73} y2={73} />
        {bar(cloud, 5, "of-cloud")}
        {bar(corrected, 30, "of-guest")}
        {bar(guest, 56, "of-guest raw")}
        {own === null || true_ === null || guest === null ? null : <line class="offset" x1={x(true_)} x2={x(own)} y1={44} y2={56} />}
      </svg>
      <figcaption class="soft">{guest === null ? "No run of a guest, so no second clock." : <><strong>{label}</strong> · {oneLine(strip.said ?? "Nothing tells the guest's offset.")}</>}</figcaption>
    </figure>
  );
}
