// The guide's pictures: each view with the example case, in both themes, as README shows them.
//
// Every run takes them anew into `out/guide` and compares their names with what README shows and with the kept ones in `guide/`; `--pictures` keeps
// what was taken. Bytes are not compared: fonts differ between machines, names must not.
//
// Rejected: pictures made by hand. They show a page that no longer exists.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { concluded, equal, here, openPage, out, root } from "./harness.mjs";

const taken = join(out, "guide");
const kept = join(here, "guide");
const VIEWPORT = { width: 1280, height: 800 };

const tab = (page, name) => page.getByRole("tab", { name }).click();

/** Each picture: what is done to come to what it shows. */
const PICTURES = [
  ["overview", async (page) => {
    await tab(page, "Overview");
    await page.locator("[data-test=lead] h2").waitFor();
    await page.locator("[data-test=raw]").waitFor();
  }],
  ["timeline", async (page) => {
    await tab(page, /^Timeline/);
    await page.locator("[data-test=timeline]").waitFor();
    await page.locator(".events .rows .row:not(.waiting)").first().waitFor();
  }],
  ["filter", async (page) => {
    await page.locator("[data-test=filter]").fill("kind:process.start and \"curl\"");
    await page.keyboard.press("Enter");
    await page.locator("[data-test=filter-count]").waitFor();
    await page.locator("[role=table][aria-label=Events][aria-busy=false]").waitFor();
    await page.locator(".events .rows .row:not(.waiting)").first().click();
    await page.getByRole("complementary", { name: "Event details" }).waitFor();
  }],
  ["raw", async (page) => {
    await page.getByRole("complementary", { name: "Event details" }).getByRole("button", { name: "Show in file" }).click();
    await page.locator("[data-test=raw-view] .raw-row").first().waitFor();
  }, async (page) => {
    await page.getByRole("button", { name: "Close raw evidence" }).click();
    await page.locator("[data-test=raw-view]").waitFor({ state: "detached" });
    // Closing gives the focus back to the button; a key is for the filter alone.
    await page.locator("[data-test=filter]").fill("");
    await page.locator("[data-test=filter]").press("Enter");
  }],
  ["executions", async (page) => {
    await tab(page, /^Executions/);
    await page.locator(".execution-list .rows .xrow:not(.waiting)").first().waitFor();
  }],
  ["story", async (page) => {
    await page.getByRole("button", { name: "Script", exact: true }).click();
    await page.locator("[role=columnheader][aria-sort=descending]").waitFor();
    await page.waitForFunction(() => document.querySelector(".execution-list .rows .xrow .severity") !== null);
    await page.locator(".execution-list .rows .xrow:not(.waiting)").first().click();
    await page.locator("[data-test=story] [data-test=script] mark.hit").first().waitFor();
  }],
  ["findings", async (page) => {
    await tab(page, /^Findings/);
    await page.locator(".finding-line").first().click();
    await page.locator("[data-test=manual]").waitFor();
  }],
  ["attack", async (page) => {
    await tab(page, "ATT&CK");
    await page.locator(".technique").first().waitFor();
  }],
  ["actors", async (page) => {
    await tab(page, "Actors");
    await page.locator("#actors-list [role=option]").first().click();
    await page.getByRole("complementary", { name: "Caller" }).locator("h2").waitFor();
  }],
  ["hosts", async (page) => {
    await tab(page, "Hosts");
    await page.locator("#hosts-list [role=option]").first().click();
    await page.getByRole("complementary", { name: "Host" }).locator("h2").waitFor();
  }],
  ["evidence", async (page) => {
    await tab(page, /^Evidence/);
    await page.locator("[data-test=evidence-row]").first().waitFor();
  }],
  ["settings", async (page) => {
    await tab(page, "Settings");
    await page.locator("#view-settings tr[data-key]").first().waitFor();
  }],
  ["help", async (page) => {
    await tab(page, "Help");
    await page.locator("#view-help h2").first().waitFor();
  }],
  ["palette", async (page) => {
    await tab(page, "Overview");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("combobox").fill("web");
    await page.getByRole("dialog").getByRole("option").first().waitFor();
  }, (page) => page.keyboard.press("Escape")],
  ["export", async (page) => {
    await page.getByRole("button", { name: "Export…" }).click();
    await page.locator("[data-test=share]").waitFor();
  }, (page) => page.keyboard.press("Escape")],
];

/** The pictures that README shows. */
function shown() {
  const text = readFileSync(join(root, "README.md"), "utf8");
  return [...text.matchAll(/tests\/browser\/guide\/([\w-]+\.png)/g)].map(([, name]) => name);
}

const distinct = (names) => [...new Set(names)].sort().join(" ");

export const tests = [
  {
    name: "guide: every view is shown in both themes, as README's guide shows it",
    schemes: ["file"],
    run: async (context) => {
      rmSync(taken, { recursive: true, force: true });
      mkdirSync(taken, { recursive: true });
      for (const dark of [false, true]) {
        const opened = await openPage(context.browser, context.address, { dark });
        try {
          const { page } = opened;
          await page.setViewportSize(VIEWPORT);
          const picture = (name) => page.screenshot({ path: join(taken, `${name}-${dark ? "dark" : "light"}.png`) });
          await picture("start");
          await page.getByRole("button", { name: "Open the example case" }).click();
          await concluded(page);
          for (const [name, reach, leave] of PICTURES) {
            await reach(page);
            // What moves has come to rest: the timeline draws in frames, messages go after a while.
            await page.waitForTimeout(400);
            await picture(name);
            await leave?.(page);
          }
          equal(opened.complaints.join("\n"), "", "the page complained");
        } finally {
          await opened.close();
        }
      }
      const names = readdirSync(taken).sort();
      if (context.pictures) {
        rmSync(kept, { recursive: true, force: true });
        mkdirSync(kept, { recursive: true });
        for (const name of names) copyFileSync(join(taken, name), join(kept, name));
      }
      equal(distinct(shown()), distinct(names), "pictures that README shows");
      equal(distinct(readdirSync(kept)), distinct(names), "pictures that are kept (`--pictures` keeps new ones)");
      return `${names.length} pictures`;
    },
  },
];
