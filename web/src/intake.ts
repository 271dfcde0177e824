// Evidence comes in here and nowhere else: drops, the two pickers, the example.
//
// A dropped folder is walked by handles where the browser has them, because from file:// the older entry interface fails in Chromium; elsewhere
// by entries. Whatever cannot be opened is reported by its path, never left out in silence.

import { dataBlock } from "./bridge.js";
import type { EvidenceFile } from "./protocol.js";

export interface Intake {
  readonly files: readonly EvidenceFile[];
  /** Paths that could not be opened, with the reason. */
  readonly refused: readonly string[];
}

interface Gathered {
  readonly files: EvidenceFile[];
  readonly refused: string[];
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function take(gathered: Gathered, path: string, file: File): void {
  gathered.files.push({ path, file, modified_ms: Number.isFinite(file.lastModified) ? file.lastModified : null });
}

async function walkHandle(handle: FileSystemHandle, path: string, gathered: Gathered): Promise<void> {
  try {
    if (handle.kind === "file") {
      take(gathered, path, await (handle as FileSystemFileHandle).getFile());
      return;
    }
    for await (const child of (handle as FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> }).values()) {
      await walkHandle(child, `${path}/${child.name}`, gathered);
    }
  } catch (error) {
    gathered.refused.push(`${path}: ${reason(error)}`);
  }
}

async function walkEntry(entry: FileSystemEntry, path: string, gathered: Gathered): Promise<void> {
  try {
    if (entry.isFile) {
      take(gathered, path, await new Promise<File>((resolve, reject) => { (entry as FileSystemFileEntry).file(resolve, reject); }));
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // Entries come a hundred at a time until none come.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (some.length === 0) return;
      for (const child of some) await walkEntry(child, `${path}/${child.name}`, gathered);
    }
  } catch (error) {
    gathered.refused.push(`${path}: ${reason(error)}`);
  }
}

/** What a drop brought. Handles must be asked for before the event ends, so nothing is awaited in between. */
export async function fromDrop(transfer: DataTransfer): Promise<Intake> {
  const gathered: Gathered = { files: [], refused: [] };
  const walks = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => {
      const file = item.getAsFile();
      const entry = item.webkitGetAsEntry();
      const asHandle = (item as DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> }).getAsFileSystemHandle;
      const handle = asHandle === undefined ? null : asHandle.call(item).catch(() => null);
      return async (): Promise<void> => {
        const found = await handle;
        if (found !== null) return walkHandle(found, found.name, gathered);
        if (entry !== null) return walkEntry(entry, entry.name, gathered);
        if (file !== null) take(gathered, file.name, file);
      };
    });
  for (const walk of walks) await walk();
  return gathered;
}

/** Opens a picker for files, or for a folder, and waits for the choice. */
export function fromPicker(folder: boolean): Promise<Intake> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.webkitdirectory = folder;
  input.hidden = true;
  // In the tree while it is open, so that people's tools and tests find it.
  input.dataset["test"] = folder ? "folder-input" : "files-input";
  document.body.append(input);
  return new Promise((resolve) => {
    const done = (): void => {
      const gathered: Gathered = { files: [], refused: [] };
      for (const file of input.files ?? []) take(gathered, file.webkitRelativePath === "" ? file.name : file.webkitRelativePath, file);
      input.remove();
      resolve(gathered);
    };
    input.addEventListener("change", done, { once: true });
    input.addEventListener("cancel", done, { once: true });
    input.click();
  });
}

/** The example case that travels inside the page. */
export async function fromExample(): Promise<Intake> {
  const block = await dataBlock("example");
  if (block === null) return { files: [], refused: ["this build carries no example case"] };
  const listed = JSON.parse(new TextDecoder().decode(block)) as { path: string; modified_ms: number | null; text?: string; base64?: string }[];
  const files = listed.map(({ path, modified_ms, text, base64 }) => {
    const bytes: BlobPart = text ?? Uint8Array.from(atob(base64 ?? ""), (letter) => letter.charCodeAt(0));
    return { path, modified_ms, file: new Blob([bytes]) };
  });
  return { files, refused: [] };
}

/** Whether the example case is in this build. */
export function hasExample(): boolean {
  return document.getElementById("data-example") !== null;
}
