// The example case that travels inside the page: its files, as if somebody had dropped them.

import type { EvidenceFile } from "./protocol.js";

/** The files that a data block `example` lists. */
export function exampleFiles(block: ArrayBuffer): EvidenceFile[] {
  const listed = JSON.parse(new TextDecoder().decode(block)) as { path: string; modified_ms: number | null; text?: string; base64?: string }[];
  return listed.map(({ path, modified_ms, text, base64 }) => {
    const bytes: BlobPart = text ?? Uint8Array.from(atob(base64 ?? ""), (letter) => letter.charCodeAt(0));
    return { path, modified_ms, file: new Blob([bytes]) };
  });
}
