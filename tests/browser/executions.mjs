// The executions: the list, the story of one, why both sides are one, and the analyst's say.

import { join } from "node:path";
import { assert, equal, choose, openPage, out, ready, scratch } from "./harness.mjs";
import { evidence as hostileEvidence } from "./hostile.mjs";

async function withExample(context, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    const { page } = opened;
    await page.getByRole("button", { name: "Open the example case" }).click();
    await ready(page);
    await page.getByRole("tab", { name: /Executions/ }).click();
    await list(page).first().waitFor();
    const said = await act(page);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    await opened.close();
  }
}

const list = (page) => page.locator(".execution-list .rows .xrow:not(.waiting)");
const story = (page) => page.locator("[data-test=story]");
const chapter = (page, name) => story(page).locator(`[data-test=${name}]`);

/** The worst script first. */
async function worst(page) {
  await page.getByRole("button", { name: "Script", exact: true }).click();
  await page.locator("[role=columnheader][aria-sort=descending]").waitFor();
  await page.waitForFunction(() => document.querySelector(".execution-list .rows .xrow .severity") !== null);
  await list(page).first().click();
  await story(page).waitFor();
}

export const tests = [
  {
    name: "executions: the story of one, from who asked to what it sent, each statement one click from its record",
    run: async (context) => {
      for (const dark of [false, true]) {
        await withExample(context, { dark }, async (page) => {
          const shown = await page.locator("[data-test=execution-count]").innerText();
          assert(/^\d+ executions · \d+ with both sides$/.test(shown), shown);
          await page.screenshot({ path: join(out, `executions-${context.scheme}-${dark ? "dark" : "light"}.png`) });
          await worst(page);
          await chapter(page, "who-asked").locator("[data-statement=caller]").waitFor();
          await chapter(page, "script").locator("mark.hit").first().waitFor();
          await chapter(page, "link").locator("tr[data-feature=time]").waitFor();
          await page.screenshot({ path: join(out, `story-${context.scheme}-${dark ? "dark" : "light"}.png`) });
          await chapter(page, "script").scrollIntoViewIfNeeded();
          await page.screenshot({ path: join(out, `story-script-${context.scheme}-${dark ? "dark" : "light"}.png`) });
          await chapter(page, "processes").scrollIntoViewIfNeeded();
          await page.screenshot({ path: join(out, `story-processes-${context.scheme}-${dark ? "dark" : "light"}.png`) });
          // The caller's own record.
          const caller = (await chapter(page, "who-asked").locator("[data-statement=caller] .break").innerText()).trim();
          await chapter(page, "who-asked").locator("[data-statement=caller] .record").first().click();
          const detail = page.getByRole("complementary", { name: "Event details" });
          await detail.waitFor();
          assert((await detail.locator("[data-test=raw]").innerText()).includes(caller), `the raw record does not name ${caller}`);
          await page.screenshot({ path: join(out, `story-record-${context.scheme}-${dark ? "dark" : "light"}.png`) });
          await chapter(page, "link").locator("tr[data-feature=time] .record").last().click();
          await detail.locator("dt:text-is('File') + dd", { hasText: /^(?!cloud)/ }).waitFor();
        });
      }
    },
  },
  {
    name: "executions: a link is rejected, solved again, and taken back",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("combobox", { name: "Filter Link" }).selectOption("high");
      await page.waitForFunction(() => [...document.querySelectorAll(".execution-list .rows .xrow:not(.waiting)")].every((row) => row.textContent.includes("● high")));
      await list(page).first().click();
      await story(page).waitFor();
      const revision = async () => Number(await story(page).getAttribute("data-revision"));
      const solved = (than) => page.waitForFunction((old) => Number(document.querySelector("[data-test=story]")?.dataset.revision) > old, than);
      const verdict = await chapter(page, "link").locator("[data-test=verdict]").innerText();
      let before = await revision();
      await page.getByRole("button", { name: "Reject link" }).click();
      await solved(before);
      const said = chapter(page, "link").getByRole("list", { name: "What you said of it" });
      await said.getByText("rejected").waitFor();
      const after = await chapter(page, "link").innerText();
      assert(!after.includes(verdict), "the link is still there");
      await page.screenshot({ path: join(out, `rejected-${context.scheme}.png`) });
      // It is part of the settings.
      await page.getByRole("tab", { name: "Settings" }).click();
      const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save settings…" }).click()]);
      const { readFileSync } = await import("node:fs");
      equal(JSON.parse(readFileSync(await saved.path()).toString()).links.rejected.length, 1, "rejected links in the settings file");
      await page.getByRole("tab", { name: /Executions/ }).click();
      await story(page).waitFor();
      before = await revision();
      await chapter(page, "link").locator("[data-test=take-back]").click();
      await solved(before);
      equal(await chapter(page, "link").locator("[data-test=verdict]").innerText(), verdict, "the verdict after taking it back");
      await page.getByRole("button", { name: "Confirm link" }).click();
      await chapter(page, "link").getByText("You confirmed it.").waitFor();
    }),
  },
  {
    name: "executions: by keyboard alone",
    run: (context) => withExample(context, {}, async (page) => {
      await page.locator(".execution-list .rows").focus();
      await page.keyboard.press("ArrowDown");
      await story(page).waitFor();
      const first = await story(page).locator("h2").innerText();
      await page.keyboard.press("ArrowDown");
      await page.waitForFunction((text) => document.querySelector("[data-test=story] h2")?.innerText !== text, first);
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.activeElement?.getAttribute("data-test") === "story");
      // Everything that can be done there is a control that Tab reaches.
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(() => document.activeElement?.matches(".record[aria-pressed]"))) break;
      }
      await page.keyboard.press("Enter");
      await page.getByRole("complementary", { name: "Event details" }).waitFor();
      await page.keyboard.press("Escape");
      await story(page).waitFor({ state: "detached" });
    }),
  },
  {
    name: "executions: a host is mapped to a VM, refused where it is none, and taken back",
    schemes: ["file"],
    run: (context) => withExample(context, {}, async (page) => {
      await page.locator("[data-test=mapping-button]").click();
      const field = page.locator("[data-test=mapping] input").first();
      await field.waitFor();
      await page.screenshot({ path: join(out, `mapping-${context.scheme}.png`) });
      await field.fill("not a resource");
      await field.press("Enter");
      await page.locator("[data-test=mapping] .refused").waitFor();
      const vm = await page.locator("#vms option").first().getAttribute("value");
      await field.fill(vm);
      await field.press("Enter");
      await page.locator("[data-test=mapping]").getByRole("button", { name: "Take back" }).first().click();
      await page.locator("[data-test=mapping]").getByRole("button", { name: "Take back" }).waitFor({ state: "detached" });
      equal(await page.locator("[data-test=mapping] .refused").count(), 0, "refusals");
    }),
  },
  {
    name: "executions: hostile script text stays text, and secrets are dots until revealed",
    run: async (context) => {
      const folder = scratch();
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        const { mkdirSync, writeFileSync } = await import("node:fs");
        hostileEvidence(join(folder.path, "c"), "127.0.0.1:9");
        const download = join(folder.path, "c/h2/var/lib/waagent/run-command/download/7");
        mkdirSync(download, { recursive: true });
        writeFileSync(join(download, "script.sh"), "#!/bin/sh\nmysql -u root -pTopSecret99 <img src=x onerror=window.__ran=1>\n");
        await choose(page, true, join(folder.path, "c"));
        await ready(page);
        await page.getByRole("tab", { name: /Executions/ }).click();
        await list(page).first().waitFor();
        const rows = await list(page).count();
        assert(rows >= 2, `${rows} executions`);
        for (let at = 0; at < rows; at += 1) {
          await list(page).nth(at).click();
          await story(page).waitFor();
          await page.waitForTimeout(100);
          equal(await page.evaluate(() => window.__ran), undefined, "a script of the evidence ran");
          equal(await page.locator("img, iframe, a[href]:not([href^='blob:']), article script, article style").count(), 0, "elements from evidence");
        }
        await page.getByRole("searchbox", { name: "Filter Script" }).fill("mysql");
        await page.waitForFunction(() => document.querySelectorAll(".execution-list .rows .xrow:not(.waiting)").length === 1);
        await list(page).first().click();
        const code = story(page).locator("[data-test=code-layer-0]");
        await code.getByText("-p•••••").waitFor();
        assert(!(await page.locator("body").innerText()).includes("TopSecret99"), "a secret is on the screen");
        await page.locator("[data-test=story-reveal]").check();
        await code.getByText("-pTopSecret99").waitFor();
        assert((await code.innerText()).includes("<img src=x onerror=window.__ran=1>"), "the text is not as it stands");
      } finally {
        await opened.close();
        folder.remove();
      }
    },
  },
  {
    name: "executions: an arc of the timeline leads to its story",
    schemes: ["file"],
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        await page.getByRole("button", { name: "Open the example case" }).click();
        await ready(page);
        const canvas = page.locator("[data-test=timeline]");
        await canvas.waitFor();
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(out, "arcs.png") });
        const box = await canvas.boundingBox();
        for (let x = 160; x < box.width; x += 8) {
          await page.mouse.move(box.x + x, box.y + 51);
          if (/tells the story/.test(await page.locator(".hover").innerText())) {
            await page.mouse.down();
            await page.mouse.up();
            break;
          }
        }
        await story(page).waitFor();
      } finally {
        await opened.close();
      }
    },
  },
];
