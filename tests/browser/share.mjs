// What a person takes out of the page and brings back: a report, lists of events, pseudonyms, a session that finds its evidence by hash.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { assert, drop, equal, exportedAs, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASE = join(root, "tests/cases/three-runs/evidence");

async function withCase(context, paths, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    await drop(opened.page, paths);
    await ready(opened.page);
    await act(opened.page);
    equal(opened.complaints.join("\n"), "", "the page complained");
  } finally {
    await opened.close();
  }
}

const lines = (page) => page.locator("#findings-tree .finding-line");
const bar = (page) => page.locator("[data-test=filter]");

export const tests = [
  {
    name: "a report is one page that asks for nothing, and names the page that made it",
    run: (context) => withCase(context, [CASE], { dark: context.scheme === "http" }, async (page) => {
      await page.getByRole("button", { name: "Export…" }).click();
      const dialog = page.locator("[data-test=share]");
      await dialog.getByLabel("Title").fill("Report <b>of</b> the case");
      await dialog.getByLabel("Conclusion").fill("Alex ran it.\nNobody else did.");
      await page.screenshot({ path: join(out, `export-${context.scheme}.png`) });
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      const html = (await exportedAs(page, /^Report \(HTML\)/)).toString();
      assert(html.includes("Report &lt;b&gt;of&lt;/b&gt; the case"), "the title is text");
      assert(html.includes("<p>Nobody else did.</p>"), "the conclusion is there");
      assert(html.includes("alex@contoso.example"), "the caller is named");
      const named = /SHA-256 of the page<\/dt><dd>([0-9a-f]{64})/.exec(html)?.[1];
      const file = readFileSync(context.page, "utf8");
      const own = createHash("sha256").update(file.replace(/(name="runlens-page" content=")[0-9a-f]{64}/, `$1${"0".repeat(64)}`)).digest("hex");
      equal(named, own, "the page's own SHA-256");
      const folder = scratch();
      const reader = await page.context().newPage();
      try {
        const path = join(folder.path, "report.html");
        writeFileSync(path, html);
        const asked = [];
        reader.on("request", (request) => { asked.push(request.url()); });
        await reader.goto(`file://${path}`);
        await reader.getByRole("heading", { name: "What was searched for" }).waitFor();
        await reader.screenshot({ path: join(out, `report-${context.scheme}.png`), fullPage: false });
        equal(asked.length, 1, `the report asks for nothing but itself: ${asked.join(" ")}`);
        equal(await reader.locator("svg rect").count() > 0, true, "the timeline is drawn");
      } finally {
        await reader.close();
        folder.remove();
      }
    }),
  },
  {
    name: "an export of a case that grows meanwhile ends with a sentence, not with half a file",
    run: (context) => {
      const folder = scratch();
      const log = join(folder.path, "waagent.log");
      const second = (n) => new Date(Date.UTC(2024, 4, 1) + n * 1000).toISOString().slice(0, 19);
      writeFileSync(log, Array.from({ length: 60_000 }, (_, n) => `${second(n)}.000001Z INFO ExtHandler ExtHandler Event ${n}`).join("\n"));
      return withCase(context, [log], {}, async (page) => {
        let downloads = 0;
        page.on("download", () => { downloads += 1; });
        await page.getByRole("button", { name: "Export…" }).click();
        const dialog = page.locator("[data-test=share]");
        await dialog.getByRole("radio", { name: /^Events \(CSV\)/ }).check();
        await dialog.getByRole("button", { name: "Export", exact: true }).click();
        await dialog.getByRole("button", { name: "Writing…" }).waitFor();
        await drop(page, [CASE]);
        await page.getByText("The export failed: the case changed while it was being written; export it again").waitFor();
        equal(downloads, 0, "nothing was downloaded");
        await ready(page);
        const all = (await exportedAs(page, /^Events \(CSV\)/)).toString().trim().split("\r\n");
        assert(all.length > 60_001, "the next one holds the old evidence and the new");
      }).finally(folder.remove);
    },
  },
  {
    name: "a list of events holds what the filter shows, and pseudonyms are the same in every export",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      const all = (await exportedAs(page, /^Events \(CSV\)/)).toString().trim().split("\r\n");
      await bar(page).fill("caller:alex@contoso.example");
      await bar(page).press("Enter");
      await page.waitForFunction(() => document.querySelector("[data-test=filter-count]")?.textContent?.includes(" of ") ?? false);
      const shown = Number(await page.getByRole("table", { name: "Events" }).getAttribute("aria-rowcount"));
      const only = (await exportedAs(page, /^Events \(CSV\)/, [/^only what the filter shows/])).toString().trim().split("\r\n");
      equal(only.length, shown + 1, "a line for each shown event, and the head");
      assert(all.length > only.length, "the other list holds more");
      const one = (await exportedAs(page, /^Events \(Timesketch\)/, [/^pseudonyms/])).toString();
      const other = (await exportedAs(page, /^Case document/, [/^pseudonyms/])).toString();
      assert(!one.includes("alex") && !other.includes("alex@"), "the caller is not named");
      const caller = /caller-[0-9a-f]{10}@pseudonym\.invalid/.exec(one)?.[0];
      assert(caller !== undefined && other.includes(caller), "one stand-in in both");
    }),
  },
  {
    name: "a session comes back, and finds its evidence by hash",
    run: async (context) => {
      const folder = scratch();
      try {
        const session = join(folder.path, "session.json");
        await withCase(context, [CASE], {}, async (page) => {
          await bar(page).fill("caller:alex*");
          await bar(page).press("Enter");
          await page.getByRole("tab", { name: /^Findings/ }).click();
          await lines(page).first().click();
          const panel = page.getByRole("complementary", { name: "Finding", exact: true });
          await panel.getByRole("radio", { name: "confirmed" }).check();
          await panel.getByRole("textbox", { name: "Note on this finding" }).fill("seen on the jump host");
          await panel.getByRole("textbox", { name: "Note on this finding" }).blur();
          await page.locator(".finding-line .triage.note").first().waitFor();
          await page.getByRole("button", { name: "Export…" }).click();
          const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save session…" }).click()]);
          const text = readFileSync(await download.path(), "utf8");
          writeFileSync(session, text);
          assert(text.includes("seen on the jump host") && !text.includes("commandId"), "what was said, no evidence");
        });
        const moved = join(folder.path, "elsewhere");
        cpSync(CASE, moved, { recursive: true });
        const opened = await openPage(context.browser, context.address, {});
        try {
          const { page } = opened;
          await page.locator("input[type=file][accept*=json]").first().setInputFiles(session);
          await page.getByRole("status").filter({ hasText: "The session was opened; 0 of its" }).waitFor();
          await drop(page, [moved]);
          await ready(page);
          await page.getByRole("tab", { name: /^Evidence/ }).click();
          await page.locator("[data-test=session]").filter({ hasText: "all of its" }).waitFor();
          await page.getByRole("tab", { name: /^Timeline/ }).click();
          equal(await bar(page).inputValue(), "caller:alex*", "the filter");
          await page.getByRole("tab", { name: /^Findings/ }).click();
          await page.locator(".finding-line .triage.confirmed").first().waitFor();
          equal(opened.complaints.join("\n"), "", "the page complained");
        } finally {
          await opened.close();
        }
      } finally {
        folder.remove();
      }
    },
  },
];
