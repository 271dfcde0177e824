// The bytes of one item, wherever they are.
//
// What was dropped is a Blob, which the browser keeps and hands over by pieces. Members of a container are small mostly, and a Blob costs the browser
// a third of a millisecond to make, to send and to read each: theirs are the bytes themselves. Rejected: one Blob for many members, which has to be
// cut again, and that costs as much.

export type ItemBytes = Blob | Uint8Array<ArrayBuffer>;

export function sizeOf(bytes: ItemBytes): number {
  return bytes instanceof Blob ? bytes.size : bytes.length;
}

/** A part of an item on its way; it must not be written to. What is wanted whole is not cut: cutting a Blob costs as much as all else for a small one. */
export async function partOf(bytes: ItemBytes, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!(bytes instanceof Blob)) return bytes.subarray(from, to);
  return new Uint8Array(await (from === 0 && to >= bytes.size ? bytes : bytes.slice(from, to)).arrayBuffer());
}
