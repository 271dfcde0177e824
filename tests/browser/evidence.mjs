// What a person does with evidence items: places a local clock, changes a limit, keeps a manifest and checks it, asks for older hashes.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, drop, equal, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASE = join(root, "tests/cases/three-runs/evidence");

async function withPage(context, act) {
  const opened = await openPage(context.browser, context.address);
  const folder = scratch();
  try {
    const said = await act(opened.page, folder.path);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    folder.remove();
    await opened.close();
  }
}

const panel = (page) => page.getByRole("complementary", { name: "Evidence item" });
const item = (page, ends) => page.locator(`[data-path$='${ends}']`);
const saved = async (page, name) => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return readFileSync(await download.path(), "utf8");
};

export const tests = [
  {
    name: "a year is given to a log that has none",
    schemes: ["file"],
    run: (context) => withPage(context, async (page, folder) => {
      const path = join(folder, "syslog");
      writeFileSync(path, "May  1 08:00:00 web01 sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id\nMay  1 08:00:05 web01 CRON[99]: (root) CMD (id)\n");
      await drop(page, [path]);
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await item(page, "syslog").click();
      const year = page.locator("[data-test=year]");
      await year.fill("twenty");
      await year.press("Tab");
      await page.getByText("is no year; give one from").waitFor();
      await year.fill("2021");
      await year.press("Tab");
      await panel(page).locator("dd").filter({ hasText: /^2021-05-01 08:00:00Z/ }).waitFor();
      await page.getByText("is what the analyst said").waitFor();
    }),
  },
  {
    name: "a zone places local times without reading again",
    run: (context) => withPage(context, async (page, folder) => {
      const path = join(folder, "waagent.log");
      writeFileSync(path, "2019/07/12 06:17:29.427583 INFO Daemon OS: ubuntu 18.04\n2019/12/12 06:17:29.427583 INFO Daemon after\n");
      await drop(page, [path]);
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      const times = item(page, "waagent.log").locator(".times");
      assert((await times.innerText()).startsWith("2019-07-12 06:17:29.427583Z"), "read as UTC at first");
      await item(page, "waagent.log").click();
      // Reading again would need the file.
      writeFileSync(path, "gone");
      const zone = page.locator("[data-test=zone]");
      await zone.fill("Mars/Olympus");
      // The list of places arrives and draws the field again under the hand.
      await page.locator("datalist option").first().waitFor({ state: "attached" });
      equal(await zone.inputValue(), "Mars/Olympus", "what was typed");
      await zone.press("Tab");
      await page.getByText("is no zone; give an offset").waitFor();
      equal(await zone.inputValue(), "Mars/Olympus", "what was refused stays to be mended");
      await zone.fill("Europe/Berlin");
      await zone.press("Tab");
      // Winter time half a year later.
      await panel(page).locator("dd").filter({ hasText: "2019-07-12 04:17:29.427583Z – 2019-12-12 05:17:29.427583Z" }).waitFor();
      await page.getByText("as the analyst said").waitFor();
      await page.screenshot({ path: join(out, `zone-${context.scheme}.png`) });
      await page.getByRole("button", { name: "Take back" }).click();
      await panel(page).locator("dd").filter({ hasText: /^2019-07-12 06:17:29.427583Z/ }).waitFor();
    }),
  },
  {
    name: "limits are the analyst's, and a refusal is the core's own sentence",
    run: (context) => withPage(context, async (page, folder) => {
      const path = join(folder, "waagent.log");
      writeFileSync(path, `2024-05-01T08:00:00.000001Z INFO ExtHandler ExtHandler ${"x".repeat(5000)}\n2024-05-01T08:00:01.000001Z INFO ExtHandler ExtHandler short\n`);
      await drop(page, [path]);
      await ready(page);
      await page.getByRole("tab", { name: "Settings" }).click();
      const limit = page.getByRole("textbox", { name: "limits.record_bytes" });
      await limit.fill("5");
      await limit.press("Tab");
      await page.getByText("limits.record_bytes is 1024 to").waitFor();
      await limit.fill("2048");
      await limit.press("Tab");
      await page.locator("[data-key='limits.record_bytes'][data-changed=true]").waitFor();
      await page.screenshot({ path: join(out, `settings-${context.scheme}.png`) });
      await page.getByRole("button", { name: "Read everything again" }).click();
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await item(page, "waagent.log").getByText("1 problem").waitFor();
      await page.getByRole("tab", { name: "Settings" }).click();
      const file = JSON.parse(await saved(page, "Save settings…"));
      equal(file.limits.record_bytes, 2048, "the saved value");
      file.limits.record_bytes = 65536;
      const kept = join(folder, "settings.json");
      writeFileSync(kept, JSON.stringify(file));
      await page.locator(".settings label", { hasText: "Load settings" }).locator("input[type=file]").setInputFiles(kept);
      await page.getByText("The settings were loaded.").waitFor();
      await page.getByRole("button", { name: "Read everything again" }).click();
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await item(page, "waagent.log").and(page.locator("[data-state=read]")).waitFor();
      equal(await item(page, "waagent.log").getByText("problem").count(), 0, "problems with the wider limit");
    }),
  },
  {
    name: "a manifest says later what changed",
    run: (context) => withPage(context, async (page, folder) => {
      const copy = join(folder, "copy");
      cpSync(CASE, copy, { recursive: true });
      await drop(page, [copy]);
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await item(page, "web02/var/log/waagent.log").waitFor();
      for (const form of ["CSV", "JSON"]) {
        const manifest = join(folder, `runlens-manifest.${form.toLowerCase()}`);
        writeFileSync(manifest, await saved(page, `Manifest (${form})`));
        const log = join(copy, "web02/var/log/waagent.log");
        const before = readFileSync(log);
        writeFileSync(log, Buffer.concat([before, Buffer.from("tampered\n")]));
        const second = await openPage(context.browser, context.address);
        await drop(second.page, [copy, manifest]);
        await ready(second.page);
        await second.page.getByRole("tab", { name: /Evidence/ }).click();
        await item(second.page, "web02/var/log/waagent.log").getByText("changed", { exact: true }).waitFor();
        await item(second.page, "web01/var/log/waagent.log").getByText("unchanged", { exact: true }).waitFor();
        equal(await second.page.locator("[data-test=compared]", { hasText: /^changed$/ }).count(), 1, "changed items");
        await second.page.screenshot({ path: join(out, `manifest-${context.scheme}.png`) });
        writeFileSync(log, before);
        equal(second.complaints.join("\n"), "", "the page complained");
        await second.close();
      }
    }),
  },
  {
    name: "MD5 and SHA-1 on request",
    run: (context) => withPage(context, async (page, folder) => {
      const path = join(folder, "notes.txt");
      writeFileSync(path, "abc");
      await drop(page, [path]);
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await item(page, "notes.txt").click();
      equal(await page.getByText("900150983cd24fb0d6963f7d28e17f72").count(), 0, "MD5 before anybody asked");
      await page.getByRole("button", { name: "Compute MD5 and SHA-1" }).click();
      await page.getByText("900150983cd24fb0d6963f7d28e17f72").waitFor();
      await page.getByText("a9993e364706816aba3e25717850c26c9cd0d89d").waitFor();
    }),
  },
];
