// What a person does at the workbench: lanes, minimap, table, raw evidence, notes, zones.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, drop, equal, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASE = join(root, "tests/cases/three-runs/evidence");

async function withCase(context, paths, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    await opened.context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => undefined);
    await drop(opened.page, paths);
    await ready(opened.page);
    await opened.page.locator(".rows .row:not(.waiting)").first().waitFor();
    const said = await act(opened.page);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    await opened.close();
  }
}

const rows = (page) => page.locator(".rows .row:not(.waiting)");
const settled = async (page) => page.locator("[role=table][aria-label=Events][aria-busy=false]").waitFor();
/** The texts of a column, top to bottom. */
const columnTexts = async (page, field) => {
  await settled(page);
  return page.locator(`.rows .row [data-field=${field}]`).allInnerTexts();
};
const rowCount = (page) => page.getByRole("table", { name: "Events" }).getAttribute("aria-rowcount").then(Number);
const switchZone = (page, mode) => page.locator("[data-test=zone-switch]").selectOption(mode);
const quiet = (page) => page.waitForTimeout(350);

/** An agent log of many lines, and one long line. */
function agentLog(lines, marks = {}) {
  const line = (n) => `2024-05-01T08:${String(Math.floor(n / 60) % 60).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}.${String(n % 1_000_000).padStart(6, "0")}Z INFO ExtHandler ExtHandler ${marks[n] ?? `line number ${n + 1}`}\n`;
  return Array.from({ length: lines }, (_, n) => line(n)).join("");
}

export const tests = [
  {
    name: "workbench: the table sorts by any column, chooses columns, and copies what is chosen",
    run: (context) => withCase(context, [CASE], { dark: context.scheme === "http" }, async (page) => {
      const all = await rowCount(page);
      await page.getByRole("button", { name: "Sort by Kind" }).click();
      await page.locator("[role=columnheader][aria-sort=ascending] [aria-label='Sort by Kind']").waitFor();
      const up = await columnTexts(page, "kind");
      assert(up.every((kind, at) => at === 0 || up[at - 1] <= kind), `kinds in order: ${up}`);
      await page.getByRole("button", { name: "Sort by Kind" }).click();
      const down = await columnTexts(page, "kind");
      assert(down.every((kind, at) => at === 0 || down[at - 1] >= kind), `kinds in the other order: ${down}`);
      equal(await rowCount(page), all, "rows after sorting");
      await page.getByRole("button", { name: "Sort by Time" }).click();
      // Columns: add one, move it by its button.
      await page.locator("[data-test=columns]").click();
      await page.getByRole("checkbox", { name: "File", exact: true }).check();
      await page.getByRole("checkbox", { name: "Address" }).uncheck();
      await page.getByRole("button", { name: "Move File left" }).click();
      await page.screenshot({ path: join(out, `workbench-columns-${context.scheme}.png`) });
      await page.keyboard.press("Escape");
      equal(await page.locator("[data-column=ip]").count(), 0, "the column that was taken away");
      const headings = await page.locator("[data-column]").evaluateAll((all_) => all_.map((one) => one.getAttribute("data-column")));
      equal(headings.join(" "), "time kind host caller operation resource path outcome summary", "columns in their order");
      // By keyboard: Alt moves, Shift widens.
      const heading = page.getByRole("button", { name: "Sort by File" });
      await heading.focus();
      await page.keyboard.press("Alt+ArrowLeft");
      const before = (await page.locator("[data-column=path]").boundingBox()).width;
      await page.getByRole("button", { name: "Sort by File" }).focus();
      await page.keyboard.press("Shift+ArrowRight");
      const after = (await page.locator("[data-column=path]").boundingBox()).width;
      equal(Math.round(after - before), 16, "wider by a step");
      // Three rows by click and Shift; the copy is neutral and exact.
      await rows(page).nth(1).click();
      await rows(page).nth(3).click({ modifiers: ["Shift"] });
      await page.locator("[data-test=chosen-count]").filter({ hasText: "3 events chosen" }).waitFor();
      await rows(page).nth(5).click({ modifiers: ["Control"] });
      await page.locator("[data-test=chosen-count]").filter({ hasText: "4 events chosen" }).waitFor();
      await page.getByRole("button", { name: "Copy TSV" }).click();
      await page.getByText("4 events copied").waitFor();
      const tsv = await page.evaluate(() => navigator.clipboard.readText());
      equal(tsv.split("\n").length, 5, "a heading and four lines");
      assert(/^\d{4}-\d\d-\d\dT[\d:.]+Z\t/.test(tsv.split("\n")[1]), `the exact time: ${tsv.split("\n")[1]}`);
      await page.getByRole("button", { name: "Copy JSON" }).click();
      await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith("["));
      const json = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
      equal(json.length, 4, "events as JSON");
      assert(json.every((one) => typeof one.ordinal === "number" && one.path !== ""), "each with its place");
    }),
  },
  {
    name: "workbench: a cell that a spreadsheet would run is copied as text",
    schemes: ["file"],
    run: async (context) => {
      const folder = scratch();
      try {
        const rows_ = [{ eventTimestamp: "2024-05-01T08:00:00Z", caller: "=cmd|' /c calc'!A1", operationName: { value: "Microsoft.Compute/virtualMachines/start/action" }, status: { value: "Succeeded" }, correlationId: "c", eventDataId: "e", resourceId: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm" }];
        writeFileSync(join(folder.path, "activity.json"), JSON.stringify(rows_));
        await withCase(context, [folder.path], {}, async (page) => {
          await rows(page).first().click();
          await page.locator(".events .rows").press("Control+c");
          await page.getByText("1 event copied").waitFor();
          const tsv = await page.evaluate(() => navigator.clipboard.readText());
          assert(tsv.includes("\t'=cmd"), `neutral: ${tsv}`);
        });
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "workbench: stars, tags and comments are kept, filtered for, flagged, taken out and in",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      const all = await rowCount(page);
      await page.locator(".events .rows").focus();
      await page.keyboard.press("Home");
      await page.keyboard.press("Shift+ArrowDown");
      await page.locator("[data-test=chosen-count]").filter({ hasText: "2 events chosen" }).waitFor();
      await page.keyboard.press("s");
      await page.waitForFunction(() => document.querySelectorAll(".star [aria-pressed=true]").length === 2);
      await page.keyboard.press("t");
      await page.locator("[data-test=tag]").fill("lateral");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => [...document.querySelectorAll(".star button")].filter((one) => one.title.includes("#lateral")).length === 2);
      const comment = page.locator("[data-test=event-comment]");
      await comment.fill("same address as the phish");
      await comment.blur();
      await page.waitForFunction(() => [...document.querySelectorAll(".star button")].some((one) => one.title.includes("phish")));
      await page.locator("[data-test=filter]").fill("starred:yes tag:lateral");
      await page.locator("[data-test=filter]").press("Enter");
      await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "2");
      await page.screenshot({ path: join(out, `workbench-notes-${context.scheme}.png`) });
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Save notes/ }).click()]);
      const notes = JSON.parse(readFileSync(await download.path(), "utf8"));
      equal(notes.events.length, 2, "noted events in the file");
      assert(notes.events.every((one) => /^[0-9a-f]{64}$/.test(one.sha256)), "named by the SHA-256 of their evidence");
      // A star taken away leaves the filter at once.
      await rows(page).first().click();
      await page.locator(".events .rows").press("s");
      await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "1");
      await page.locator("input[aria-label='Load notes']").setInputFiles({ name: "notes.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(notes)) });
      await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "2");
      await page.getByRole("button", { name: "Clear", exact: true }).first().click();
      await page.waitForFunction((count) => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === String(count), all);
      await page.locator("input[aria-label='Load notes']").setInputFiles({ name: "notes.json", mimeType: "application/json", buffer: Buffer.from("{}") });
      await page.getByText("this is no notes file").waitFor();
    }),
  },
  {
    name: "workbench: lanes by VM, opened, pinned, moved and filtered by keyboard; measuring and bookmarks",
    run: (context) => withCase(context, [CASE], { dark: context.scheme === "file" }, async (page) => {
      const lane = page.locator("[data-test=lane]");
      const names = () => lane.evaluateAll((all) => all.filter((one) => one.dataset.lane !== undefined).map((one) => one.dataset.lane));
      for (const by of ["caller", "source", "incident", "vm"]) {
        await page.locator(`[data-test=lanes-${by}]`).click();
        await page.locator(`.lane-labels[aria-label='Lanes by ${by}'] [data-test=lane]`).first().waitFor();
        await quiet(page);
      }
      const first = await names();
      assert(first.length >= 2, `lanes by VM: ${first}`);
      await lane.first().focus();
      await page.keyboard.press("Enter");
      await page.locator(".lane-label[data-depth='1']").first().waitFor();
      await page.screenshot({ path: join(out, `workbench-lanes-${context.scheme}.png`) });
      await page.keyboard.press("ArrowLeft");
      await page.locator(".lane-label[data-depth='1']").first().waitFor({ state: "detached" });
      await lane.first().focus();
      await page.keyboard.press("Alt+ArrowDown");
      await page.waitForFunction((name) => document.querySelectorAll("[data-lane]")[1]?.dataset.lane === name, first[0]);
      await page.locator(`[data-lane="${first[0]}"]`).focus();
      await page.keyboard.press("p");
      await page.waitForFunction((name) => document.querySelectorAll("[data-lane]")[0]?.dataset.lane === name, first[0]);
      // The minimap's brush zooms, double click shows all.
      const mini = await page.locator("[data-test=minimap]").boundingBox();
      await page.mouse.move(mini.x + 400, mini.y + 15);
      await page.mouse.down();
      await page.mouse.move(mini.x + 700, mini.y + 15, { steps: 5 });
      await page.mouse.up();
      await page.getByRole("button", { name: "Show all" }).and(page.locator(":enabled")).waitFor();
      const canvas = page.locator("[data-test=timeline]");
      await canvas.focus();
      await page.keyboard.press("Shift+ArrowRight");
      await page.locator("[data-test=play-head]").filter({ hasText: /\d{4}-\d\d-\d\d/ }).waitFor();
      await page.keyboard.press("m");
      for (let n = 0; n < 10; n += 1) await page.keyboard.press("Shift+ArrowRight");
      await page.keyboard.press("m");
      await page.locator("[data-test=measured]").filter({ hasText: "between" }).waitFor();
      await page.keyboard.press("b");
      await page.locator("[data-test=bookmark]").fill("shift begins");
      await page.keyboard.press("Enter");
      await quiet(page);
      await page.screenshot({ path: join(out, `workbench-measure-${context.scheme}.png`) });
      const notes = JSON.parse(await page.evaluate(async () => {
        const clicked = new Promise((resolve) => {
          const create = URL.createObjectURL;
          URL.createObjectURL = (blob) => { void blob.text().then(resolve); URL.createObjectURL = create; return create.call(URL, blob); };
        });
        [...document.querySelectorAll("button")].find((one) => one.textContent.startsWith("Save notes")).click();
        return clicked;
      }));
      equal(notes.bookmarks[0]?.text, "shift begins", "the bookmark is in the notes");
      await page.keyboard.press("Escape");
      await lane.first().focus();
      await page.keyboard.press("f");
      await page.waitForFunction(() => /^vm:/.test(document.querySelector("[data-test=filter]")?.value ?? ""));
    }),
  },
  {
    name: "workbench: raw evidence of any size by line, offset and search, with the event's bytes marked",
    run: async (context) => {
      const folder = scratch();
      try {
        const path = join(folder.path, "waagent.log");
        const text = agentLog(60_000, { 41_233: "NEEDLE \u202eevil\u0007 in the hay", 12: `long ${"x".repeat(5000)} end` });
        writeFileSync(path, text);
        await withCase(context, [folder.path], {}, async (page) => {
          await rows(page).nth(4).click();
          await page.locator("[data-test=show-in-file]").click();
          const view = page.locator("[data-test=raw-view]");
          await view.locator("mark.marked").first().waitFor();
          const raw = (await page.locator("[data-test=raw]").textContent()).trimEnd();
          equal((await view.locator("mark.marked").allTextContents()).join(""), raw, "the bytes marked are the event's record");
          equal(await view.locator(".raw-row[data-event=true]").count(), 1, "one row of it");
          await page.screenshot({ path: join(out, `workbench-raw-${context.scheme}.png`) });
          // To a line: its text is the file's own.
          await page.keyboard.press("g");
          await view.locator("[data-test=raw-place]").fill("50000");
          await page.keyboard.press("Enter");
          const at = view.locator(".raw-row[aria-selected=true]");
          await at.filter({ hasText: "line number 50000" }).waitFor();
          equal((await at.locator(".raw-number").innerText()).trim(), "50,000", "the line's number");
          // A search from here on finds nothing, from the start the one place; hostile letters are shown by name.
          await view.locator("[data-test=raw-search]").fill("needle");
          await page.keyboard.press("Enter");
          await view.getByText("Not found from here on").waitFor();
          await page.keyboard.press("Shift+Enter");
          await at.filter({ hasText: "NEEDLE" }).waitFor();
          equal((await view.locator("mark.marked").allTextContents()).join(""), "NEEDLE", "the place that was found");
          assert((await at.innerText()).includes("\u27e8U+202E\u27e9evil\u2407"), "control and bidirectional characters are visible");
          equal((await at.locator(".raw-number").innerText()).trim(), "41,234", "its line");
          // A long line goes on in further rows that bear no number.
          await view.locator("[data-test=raw-place]").fill("13");
          await view.locator("[data-test=raw-place]").press("Enter");
          await at.filter({ hasText: "long xxx" }).waitFor();
          await view.locator(".raw-number", { hasText: "↪" }).first().waitFor();
          // Hex of the same place.
          const offset = Buffer.byteLength(text.slice(0, text.indexOf("NEEDLE")));
          await view.getByRole("radio", { name: "Hex" }).click();
          await view.locator("[data-test=raw-place]").fill(`0x${offset.toString(16)}`);
          await view.locator("[data-test=raw-place]").press("Enter");
          const hex = view.locator(".raw-row[aria-selected=true]");
          await hex.filter({ hasText: (offset - (offset % 16)).toString(16) }).waitFor();
          const want = [...Buffer.from(text).subarray(offset - (offset % 16), offset - (offset % 16) + 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
          await page.waitForFunction((bytes) => document.querySelector(".raw-row[aria-selected=true] .raw-hex")?.textContent === bytes, want);
          await page.screenshot({ path: join(out, `workbench-hex-${context.scheme}.png`) });
          await view.getByRole("button", { name: "Close raw evidence" }).press("Escape");
          await view.waitFor({ state: "detached" });
        });
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "workbench: raw evidence from the Evidence view, also of a member of UTF-16",
    schemes: ["http"],
    run: async (context) => {
      const folder = scratch();
      try {
        writeFileSync(join(folder.path, "waagent.log"), Buffer.from(`\ufeff${agentLog(300)}`, "utf16le"));
        await withCase(context, [folder.path], {}, async (page) => {
          await page.getByRole("tab", { name: /Evidence/ }).click();
          await page.locator("[data-test=evidence-row]").first().click();
          await page.locator("[data-test=view-raw]").click();
          const view = page.locator("[data-test=raw-view]");
          await view.getByText("300 lines").waitFor();
          await view.locator("[data-test=raw-place]").fill("299");
          await page.keyboard.press("Enter");
          await view.locator(".raw-row[aria-selected=true]").filter({ hasText: "line number 299" }).waitFor();
        });
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "workbench: one switch changes the zone of every time, and the exact time stays",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      await rows(page).first().click();
      const time = page.locator(".rows .row .time").first();
      const shown = async () => (await time.innerText()).split("\n")[0].trim();
      const utc = await shown();
      assert(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?Z/.test(utc), `UTC says so: ${utc}`);
      const exact = await time.getAttribute("title");
      await switchZone(page, "custom");
      await page.locator("[data-test=zone-custom]").fill("Mars/Olympus");
      await page.locator("[data-test=zone-custom]").press("Enter");
      await page.getByText("is no zone").waitFor();
      await page.locator("[data-test=zone-custom]").fill("Asia/Kolkata");
      await page.locator("[data-test=zone-custom]").press("Enter");
      await page.getByRole("button", { name: "Sort by Time" }).filter({ hasText: "Asia/Kolkata" }).waitFor();
      const there = await shown();
      assert(/\+05:30/.test(there), `the offset beside the time: ${there}`);
      const digits = (text) => /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?/.exec(text);
      const [, day, clock, fraction = ""] = digits(utc);
      const [, dayThere, clockThere, fractionThere = ""] = digits(there);
      equal(Date.parse(`${dayThere}T${clockThere}Z`) - Date.parse(`${day}T${clock}Z`), 5.5 * 3_600_000, "hours between");
      equal(fractionThere, fraction, "all digits stay");
      equal(await time.getAttribute("title"), exact, "the exact time in the title");
      assert((await page.locator("dt:text-is('Time') + dd strong").innerText()).includes("+05:30"), "the details too");
      await page.screenshot({ path: join(out, `workbench-zone-${context.scheme}.png`) });
      await page.getByRole("tab", { name: /Executions/ }).click();
      await page.locator(".xrow .time").filter({ hasText: "+05:30" }).first().waitFor();
      await switchZone(page, "utc");
      await page.locator(".xrow .time").filter({ hasText: "Z" }).first().waitFor();
    }),
  },
];
