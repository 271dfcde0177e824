// Bytes of evidence, by place: Blobs by item number, neighbours read together.

import type { Place } from "./core.js";

/** Places this near are read with one slice. */
const GAP_BYTES = 64 << 10;
const RUN_BYTES = 8 << 20;

export class EvidenceBytes {
  private readonly files = new Map<number, Blob>();

  set(item: number, file: Blob): void {
    this.files.set(item, file);
  }

  file(item: number): Blob | undefined {
    return this.files.get(item);
  }

  /** The bytes of each place, in the order asked. Bytes that cannot be read any more are empty. */
  async read(places: readonly Pick<Place, "item" | "offset" | "length">[]): Promise<Uint8Array[]> {
    const answer: Uint8Array[] = places.map(() => new Uint8Array(0));
    const order = places.map((_, at) => at).sort((a, b) => {
      const [one, other] = [places[a], places[b]];
      return one === undefined || other === undefined ? 0 : one.item - other.item || one.offset - other.offset;
    });
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
      const run = await this.slice(first.item, first.offset, end);
      for (const index of order.slice(at, next)) {
        const place = places[index];
        if (place !== undefined) answer[index] = run.subarray(place.offset - first.offset, place.offset - first.offset + place.length);
      }
      at = next;
    }
    return answer;
  }

  private async slice(item: number, from: number, to: number): Promise<Uint8Array> {
    const file = this.files.get(item);
    if (file === undefined) return new Uint8Array(0);
    try {
      return new Uint8Array(await file.slice(from, to).arrayBuffer());
    } catch {
      // The file was moved or changed since it was dropped: the row says so by having no summary.
      return new Uint8Array(0);
    }
  }
}
