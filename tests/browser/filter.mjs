// What a person does with the filter: types, is helped, slips, searches the evidence, and clicks on a value.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, drop, equal, openPage, out, ready, root, scratch } from "./harness.mjs";

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

const rows = (page) => page.locator(".rows .row:not(.waiting)");
/** The rows' texts, once they are those of the filter in force. */
const rowTexts = async (page) => {
  await page.locator("[role=table][aria-label=Events][aria-busy=false]").waitFor();
  return rows(page).allInnerTexts();
};
const bar = (page) => page.locator("[data-test=filter]");
/** A proposal for the text as it is by now: those of the text before stand until the answer comes. */
const proposed = (page, name) => page.getByRole("listbox", { name: "Proposals" }).and(page.locator("[aria-busy=false]")).getByRole("option", { name });
const rowCount = (page) => page.getByRole("table", { name: "Events" }).getAttribute("aria-rowcount").then(Number);
const inForce = async (page, text) => {
  await bar(page).fill(text);
  await bar(page).press("Enter");
  await page.waitForFunction(() => document.querySelector("[data-test=filter-count]")?.textContent?.includes(" of ") ?? false);
};

export const tests = [
  {
    name: "a filter shows what it says, in table and timeline, and helps to be written",
    run: (context) => withCase(context, [CASE], { dark: context.scheme === "http" }, async (page) => {
      const all = await rowCount(page);
      // The slash goes to the filter from anywhere.
      await page.locator("body").press("/");
      await bar(page).pressSequentially("cal");
      await proposed(page, /caller:/).waitFor();
      await bar(page).press("ArrowDown");
      await bar(page).press("Enter");
      equal(await bar(page).inputValue(), "caller:", "the completed name");
      await bar(page).pressSequentially("ale");
      const proposal = proposed(page, /caller:alex@contoso.example/);
      await proposal.waitFor();
      assert(/\d+ events?/.test(await proposal.innerText()), "a value says how many events have it");
      await page.screenshot({ path: join(out, `filter-completion-${context.scheme}.png`) });
      await bar(page).press("ArrowDown");
      await bar(page).press("Enter");
      await page.locator("[data-test=filter-count]").filter({ hasText: /^\d+ events$/ }).waitFor();
      const promised = Number.parseInt(await page.locator("[data-test=filter-count]").innerText(), 10);
      await bar(page).press("Enter");
      await page.locator("[data-test=filter-count]").filter({ hasText: ` of ${all}` }).waitFor();
      equal(await rowCount(page), promised, "the count before Enter and the rows after it");
      assert(promised > 0 && promised < all, "some events and not all");
      for (const text of await rowTexts(page)) assert(text.includes("alex@contoso.example"), `a row of somebody else: ${text}`);
      await page.screenshot({ path: join(out, `filter-${context.scheme}.png`) });
      // What was used before comes back by the arrow; Escape takes the filter off.
      await bar(page).press("Escape");
      await page.waitForFunction((count) => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === String(count), all);
      await bar(page).press("Escape");
      await bar(page).press("ArrowDown");
      await proposed(page, /used before/).waitFor();
      await page.getByRole("button", { name: "How to write a filter" }).click();
      await page.locator("[data-test=filter-reference]").getByText("resource group of the resource").waitFor();
      await page.screenshot({ path: join(out, `filter-reference-${context.scheme}.png`) });
    }),
  },
  {
    name: "a proposal that is taken replaces the word as it is by then, and the cursor stays behind what is typed on",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      await bar(page).pressSequentially("cal vm:web");
      await page.evaluate(() => document.querySelector("[data-test=filter]").setSelectionRange(3, 3));
      await bar(page).pressSequentially("l");
      await proposed(page, /^caller:/).waitFor();
      // All in one task of the page, as where it is busy: nothing is proposed, drawn or answered in between.
      const typed = (letters, keys, more) => page.evaluate(([letters, keys, more]) => {
        const field = document.querySelector("[data-test=filter]");
        document.execCommand("insertText", false, letters);
        for (const key of keys) field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        if (more !== "") document.execCommand("insertText", false, more);
      }, [letters, keys, more]);
      await typed("er", ["ArrowDown", "Enter"], "a");
      equal(await bar(page).inputValue(), "caller:avm:web", "the name is whole, what is typed on stands behind it, what stood behind it is still there");
      await bar(page).fill("caller:a");
      await proposed(page, /^caller:alex@contoso.example/).waitFor();
      await typed("le", ["ArrowDown", "Enter"], "v");
      equal(await bar(page).inputValue(), "caller:alex@contoso.example v", "the value is whole");
      await bar(page).fill("caller:a");
      await proposed(page, /^caller:alex@contoso.example/).waitFor();
      await typed(" other", ["ArrowDown", "Enter"], "");
      equal(await bar(page).inputValue(), "caller:a other", "another word is not replaced");
    }),
  },
  {
    name: "a slip in a filter is shown under its character, and nothing is hidden by it",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      const all = await rowCount(page);
      await bar(page).fill("vm:x callr:alice");
      const slip = page.locator("[data-test=filter-slip]");
      await slip.waitFor();
      equal((await slip.textContent()).trimEnd().slice(0, 10), "     ^^^^^", "the carets");
      assert((await slip.textContent()).includes("did you mean caller?"), "a proposal");
      await bar(page).press("Enter");
      equal(await rowCount(page), all, "rows with a wrong filter");
      await page.screenshot({ path: join(out, `filter-slip-${context.scheme}.png`) });
    }),
  },
  {
    name: "a text is looked for in the evidence itself, and a new search ends the old one",
    run: async (context) => {
      const folder = scratch();
      try {
        const line = (n, text) => `2024-05-01T08:00:00.${String(n).padStart(6, "0")}Z INFO ExtHandler ExtHandler ${text}\n`;
        const many = Array.from({ length: 20_000 }, (_, n) => line(n, n === 777 ? "NEEDLE in \u00fc hay" : `hay ${n}`)).join("");
        writeFileSync(join(folder.path, "waagent.log"), many);
        writeFileSync(join(folder.path, "other.log"), Buffer.from(`\ufeff${line(1, "a needle of another file")}${line(2, "none")}`, "utf16le"));
        await withCase(context, [folder.path], {}, async (page) => {
          await inForce(page, "hay");
          await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "20000");
          await inForce(page, "needle");
          await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "2");
          for (const text of await rowTexts(page)) assert(/needle/i.test(text), `a row without it: ${text}`);
          await inForce(page, "needle not \"\u00fc hay\"");
          await page.waitForFunction(() => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === "1");
          await page.locator("[data-test=filter-search]").waitFor({ state: "detached" });
        });
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "a click on a value filters for it, filters it out, or shows what happened around it",
    run: (context) => withCase(context, [CASE], {}, async (page) => {
      const all = await rowCount(page);
      const cell = page.locator("[data-field=caller]").filter({ hasText: "alex@contoso.example" }).first();
      await cell.click({ button: "right" });
      const menu = page.locator("[data-test=menu]");
      await page.screenshot({ path: join(out, `filter-menu-${context.scheme}.png`) });
      await menu.getByRole("menuitem", { name: /^Only caller/ }).click();
      await page.locator("[data-test=filter-count]").filter({ hasText: ` of ${all}` }).waitFor();
      equal(await bar(page).inputValue(), "caller:alex@contoso.example", "the filter of the click");
      const only = await rowCount(page);
      await page.getByRole("button", { name: "Clear" }).click();
      await page.waitForFunction((count) => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === String(count), all);
      // By keyboard: the menu of the selected row.
      await page.getByRole("rowgroup", { name: "Event rows" }).focus();
      await page.keyboard.press("Home");
      await page.locator(".row[aria-selected=true]").waitFor();
      while (!(await page.locator(".row[aria-selected=true]").innerText()).includes("alex@contoso.example")) await page.keyboard.press("ArrowDown");
      await page.keyboard.press("m");
      await menu.waitFor();
      await menu.getByRole("menuitem", { name: /^Without caller/ }).focus();
      await page.keyboard.press("Enter");
      await page.locator("[data-test=filter-count]").filter({ hasText: ` of ${all}` }).waitFor();
      equal(await rowCount(page), all - only, "the rest");
      await page.getByRole("button", { name: "Clear" }).click();
      await page.waitForFunction((count) => document.querySelector("[role=table]")?.getAttribute("aria-rowcount") === String(count), all);
      await page.locator(".rows .row").nth(1).click({ button: "right" });
      await menu.getByRole("menuitem", { name: /within 5 minutes/ }).click();
      await page.locator("[data-test=filter-count]").filter({ hasText: ` of ${all}` }).waitFor();
      assert((await bar(page).inputValue()).startsWith("time:["), "a filter by time");
    }),
  },
];
