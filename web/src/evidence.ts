// Bytes of evidence, by place: items by number, neighbours read together.

import type { Place } from "./core.js";
import { type ItemBytes, partOf, sizeOf } from "./item_bytes.js";

/** Places this near are read with one slice. */
const GAP_BYTES = 64 << 10;
const RUN_BYTES = 8 << 20;
/** Slices on their way at once: each is a round through the browser, which is slow while readers ask for bytes too. */
const AT_ONCE = 8;

export class EvidenceBytes {
  private readonly files = new Map<number, ItemBytes>();

  set(item: number, file: ItemBytes): void {
    this.files.set(item, file);
  }

  file(item: number): ItemBytes | undefined {
    return this.files.get(item);
  }

  /** Bytes of an item, 0 where there is none. */
  size(item: number): number {
    const file = this.files.get(item);
    return file === undefined ? 0 : sizeOf(file);
  }

  /** The bytes of each place, in the order asked. Bytes that cannot be read any more are empty. */
  async read(places: readonly Pick<Place, "item" | "offset" | "length">[]): Promise<Uint8Array[]> {
    const answer: Uint8Array[] = places.map(() => new Uint8Array(0));
    const order = places.map((_, at) => at).sort((a, b) => {
      const [one, other] = [places[a], places[b]];
      return one === undefined || other === undefined ? 0 : one.item - other.item || one.offset - other.offset;
    });
    const runs: { item: number; from: number; to: number; places: readonly number[] }[] = [];
    for (let at = 0; at < order.length; ) {
      const first = places[order[at] ?? 0];
      if (first === undefined) break;
      let [end, next] = [first.offset + first.length, at + 1];
      for (; next < order.length; next += 1) {
        const place = places[order[next] ?? 0];
        const near = place !== undefined && place.item === first.item && place.offset <= end + GAP_BYTES;
        if (!near || place.offset + place.length - first.offset > RUN_BYTES) break;
        end = Math.max(end, place.offset + place.length);
      }
      runs.push({ item: first.item, from: first.offset, to: end, places: order.slice(at, next) });
      at = next;
    }
    const take = async (): Promise<void> => {
      for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
        const bytes = await this.slice(run.item, run.from, run.to);
        for (const index of run.places) {
          const place = places[index];
          if (place !== undefined) answer[index] = bytes.subarray(place.offset - run.from, place.offset - run.from + place.length);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, take));
    return answer;
  }

  private async slice(item: number, from: number, to: number): Promise<Uint8Array> {
    const file = this.files.get(item);
    if (file === undefined) return new Uint8Array(0);
    try {
      return await partOf(file, from, to);
    } catch {
      // The file was moved or changed since it was dropped: the row says so by having no summary.
      return new Uint8Array(0);
    }
  }
}
