// Chromium, the page by file:// and by http, and what every test may do with them.
//
// Evidence is dropped by the browser's own drag machinery (DevTools `Input.dispatchDragEvent` with paths), so folders arrive as a person's do.

import { createServer } from "node:http";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../..");
export const out = join(here, "out");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export function chromiumPath() {
  const found = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path));
  if (!found) throw new Error("no Chromium: install the package `chromium`, or set CHROMIUM to its path");
  return found;
}

export function launch(extra = []) {
  mkdirSync(out, { recursive: true });
  return chromium.launch({ executablePath: chromiumPath(), args: [...FLAGS, ...extra] });
}

/** Serves one file's bytes on loopback. */
export async function serve(bytes) {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => new Promise((closed) => { server.closeAllConnections(); server.close(closed); }) };
}

export const fileAddress = (path) => pathToFileURL(resolve(path)).href;

/** A folder that is gone afterwards. */
export function scratch() {
  const path = mkdtempSync(join(tmpdir(), "runlens-browser-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Puts text before every worker's script, in the page: what DevTools overrides there does not reach the workers of a worker. */
function beforeWorkers(text) {
  const Real = window.Blob;
  window.Blob = new Proxy(Real, { construct: (target, [parts, options]) => new target(options?.type === "text/javascript" ? [text, ...parts] : parts, options) });
}

/** Opens the page and notes everything it should not say. `readers` is how many cores its workers see; `workers` stands before their script. */
export async function openPage(browser, address, { readers, workers = "", dark = false, hash = "" } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: dark ? "dark" : "light", acceptDownloads: true });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  const cores = readers === undefined ? "" : `Object.defineProperty(WorkerNavigator.prototype, "hardwareConcurrency", { get: () => ${readers} });\n`;
  if (cores + workers !== "") await context.addInitScript(beforeWorkers, cores + workers);
  await page.goto(address + hash);
  await page.waitForSelector("html[data-state=empty]", { timeout: 30_000 });
  let stalled = null;
  const close = async () => {
    stalled = await stallOf(context, page);
    if (stalled !== null) stalls.push(stalled);
    await context.close();
  };
  return { page, context, complaints, stalled: () => stalled, close };
}

/** What pages were found doing other than drawing when they were closed, until somebody takes it out. */
export const stalls = [];
const STALLED_MS = 5_000;

/** Whether a page gets no frames (`frames`), does not even run what it is asked to (`script`), or neither (`null`). */
async function stallOf(context, page) {
  if (page.isClosed()) return null;
  const session = await context.newCDPSession(page).catch(() => null);
  // Its process is gone: what the test says of that stands.
  if (session === null) return null;
  const answers = (expression) => {
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(() => { resolve(false); }, STALLED_MS); });
    const asked = session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }).then(() => true, () => true);
    return Promise.race([asked, late]).finally(() => { clearTimeout(timer); });
  };
  if (await answers("new Promise((drawn) => requestAnimationFrame(() => drawn(1)))")) return null;
  return (await answers("1")) ? "frames" : "script";
}

/** Drops files and folders as a hand does. */
export async function drop(page, paths) {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x: 500, y: 400, data });
  await session.detach();
}

export async function choose(page, folder, paths) {
  const name = folder ? /(Choose a|Add) folder/ : /(Choose|Add) files/;
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name }).click()]);
  await chooser.setFiles(paths);
}

/** Reading has ended; the overview, which comes first, is left for the timeline. */
export async function ready(page, timeout = 60_000) {
  await concluded(page, timeout);
  const overview = page.getByRole("tab", { name: "Overview", selected: true });
  if (await overview.count() > 0) await page.getByRole("tab", { name: /^Timeline/ }).click();
}

/** Reading has ended; nothing is touched. */
export const concluded = (page, timeout = 60_000) => page.waitForSelector("html[data-state=ready]", { timeout });

/** What the export dialog writes in a form, with these options on. */
export async function exportedAs(page, form, options = []) {
  await page.getByRole("button", { name: "Export…" }).click();
  const dialog = page.locator("[data-test=share]");
  await dialog.getByRole("radio", { name: form }).check();
  for (const option of options) await dialog.getByRole("checkbox", { name: option }).check();
  const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Export", exact: true }).click()]);
  await dialog.waitFor({ state: "hidden" });
  return readFileSync(await download.path());
}

/** The exported case document. */
export function exported(page, events) {
  return exportedAs(page, /^Case document/, events ? [/^with events/] : []);
}

export function assert(condition, text) {
  if (!condition) throw new Error(text);
}

export function equal(have, want, text) {
  if (have !== want) throw new Error(`${text}: have ${JSON.stringify(have)}, want ${JSON.stringify(want)}`);
}
