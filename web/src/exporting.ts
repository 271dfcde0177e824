// An export being made. The core says which bytes of evidence its next piece wants; each piece goes to the browser as soon as it is written.
//
// The browser keeps a Blob outside of every worker, on disk where it is large: a case document of gigabytes costs the page's memory one piece. Between
// pieces others have a turn, so the page answers while a long one is written.
//
// Rejected: one array of bytes. It ends at 2 GiB, and stands beside the case until it is saved.

import type { CoreCase } from "./core.js";
import type { EvidenceBytes } from "./evidence.js";
import type { Answers, Asks } from "./protocol.js";

/** Pieces of so many bytes become one part of the Blob. */
const PART_BYTES = 16 << 20;

/** Writes the export of this case; what is asked for was not refused for another reason before. */
export async function written(of: CoreCase, evidence: EvidenceBytes, asked: Asks["export"]): Promise<Answers["export"]> {
  const refused = of.export_begin({ ...asked, pseudonyms: asked.pseudonyms ?? undefined });
  if (refused !== undefined) return { refused };
  const parts: Blob[] = [];
  let pieces: BlobPart[] = [];
  let bytes = 0;
  const keep = (): void => {
    parts.push(new Blob(pieces));
    [pieces, bytes] = [[], 0];
  };
  for (;;) {
    const piece = of.export_write(await evidence.read(of.export_needs()));
    if (piece === undefined) break;
    pieces.push(piece as Uint8Array<ArrayBuffer>);
    bytes += piece.length;
    if (bytes >= PART_BYTES) keep();
    await othersTurn();
  }
  keep();
  return { refused: null, file: new Blob(parts), left_out: of.export_left_out() ?? null };
}

/** Questions of the page that wait go first. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
