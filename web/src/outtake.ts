// What leaves the page goes out here and nowhere else: downloads and copies, both at a person's click.

/** Offers a file as a download. */
export function download(file_name: string, file: Blob | Uint8Array, type: string): void {
  const address = URL.createObjectURL(new Blob([file as Blob | Uint8Array<ArrayBuffer>], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = file_name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken the bytes once the click has been handled; a minute is ample.
  setTimeout(() => { URL.revokeObjectURL(address); }, 60_000);
}

/** Copies text to the clipboard. */
export async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
