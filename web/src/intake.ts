// Evidence comes in here and nowhere else: drops, the two pickers, the example.
//
// A dropped folder is walked by handles where the browser has them, because from file:// the older entry interface fails in Chromium; elsewhere
// by entries. Whatever cannot be opened is reported by its path, never left out in silence. A collected guest is tens of thousands of files, each of
// which the browser is asked for: many are asked for at once, and how many have come is said meanwhile.

import { signal } from "@preact/signals";
import { dataBlock } from "./bridge.js";
import { exampleFiles } from "./example.js";
import type { EvidenceFile } from "./protocol.js";

export interface Intake {
  readonly files: readonly EvidenceFile[];
  /** Paths that could not be opened, with the reason. */
  readonly refused: readonly string[];
}

/** Files that were found so far while a folder is walked; null where none is. */
export const gathering = signal<number | null>(null);
/** Files and folders that are asked for at the same time. */
const AT_ONCE = 64;
/** So long files are looked at before the page has its turn. */
const LOOKING_MS = 30;

/** What was found so far. The browser is asked for a bounded number at once, over all folders: the answers of thousands would keep the page from its turn. */
class Gathered {
  readonly files: EvidenceFile[] = [];
  readonly refused: string[] = [];
  private asked = 0;
  private readonly waiting: (() => void)[] = [];
  private began = performance.now();

  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.asked < AT_ONCE) this.asked += 1;
    else await new Promise<void>((turn) => { this.waiting.push(turn); });
    try {
      return await question();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.asked -= 1;
      else next();
    }
  }

  /** Takes a file. When it was changed the browser looks up on the disk, one file after the other: after some of them the page has its turn. */
  async take(path: string, file: File): Promise<void> {
    this.files.push({ path, file, modified_ms: Number.isFinite(file.lastModified) ? file.lastModified : null });
    if (performance.now() - this.began < LOOKING_MS) return;
    if (gathering.peek() !== null) gathering.value = this.files.length;
    await new Promise((soon) => { setTimeout(soon); });
    this.began = performance.now();
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function eachOf<Child>(children: readonly Child[], walk: (child: Child) => Promise<void>): Promise<void> {
  for (let first = 0; first < children.length; first += AT_ONCE) await Promise.all(children.slice(first, first + AT_ONCE).map(walk));
}

async function walkHandle(handle: FileSystemHandle, path: string, gathered: Gathered): Promise<void> {
  try {
    if (handle.kind === "file") {
      await gathered.ask(async () => gathered.take(path, await (handle as FileSystemFileHandle).getFile()));
      return;
    }
    const children: FileSystemHandle[] = [];
    await gathered.ask(async () => {
      for await (const child of (handle as FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> }).values()) children.push(child);
    });
    await eachOf(children, (child) => walkHandle(child, `${path}/${child.name}`, gathered));
  } catch (error) {
    gathered.refused.push(`${path}: ${reason(error)}`);
  }
}

async function walkEntry(entry: FileSystemEntry, path: string, gathered: Gathered): Promise<void> {
  try {
    if (entry.isFile) {
      await gathered.ask(async () => gathered.take(path, await new Promise<File>((resolve, reject) => { (entry as FileSystemFileEntry).file(resolve, reject); })));
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // Entries come a hundred at a time until none come.
      const some = await gathered.ask(() => new Promise<FileSystemEntry[]>((resolve, reject) => { reader.readEntries(resolve, reject); }));
      if (some.length === 0) return;
      await eachOf(some, (child) => walkEntry(child, `${path}/${child.name}`, gathered));
    }
  } catch (error) {
    gathered.refused.push(`${path}: ${reason(error)}`);
  }
}

/** What a drop brought. Handles must be asked for before the event ends, so nothing is awaited in between. */
export async function fromDrop(transfer: DataTransfer): Promise<Intake> {
  const gathered = new Gathered();
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
        if (file !== null) await gathered.take(file.name, file);
      };
    });
  gathering.value = 0;
  try {
    for (const walk of walks) await walk();
  } finally {
    gathering.value = null;
  }
  // Whichever came first: the same drop gives the same list.
  gathered.files.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
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
    const done = async (): Promise<void> => {
      const gathered = new Gathered();
      const files = [...(input.files ?? [])];
      input.remove();
      gathering.value = 0;
      for (const file of files) await gathered.take(file.webkitRelativePath === "" ? file.name : file.webkitRelativePath, file);
      gathering.value = null;
      resolve(gathered);
    };
    input.addEventListener("change", () => { void done(); }, { once: true });
    input.addEventListener("cancel", () => { void done(); }, { once: true });
    input.click();
  });
}

/** The example case that travels inside the page. */
export async function fromExample(): Promise<Intake> {
  const block = await dataBlock("example");
  if (block === null) return { files: [], refused: ["this build carries no example case"] };
  return { files: exampleFiles(block), refused: [] };
}

/** Whether the example case is in this build. */
export function hasExample(): boolean {
  return document.getElementById("data-example") !== null;
}
