// What a person does with the page.

import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { assert, choose, drop, equal, exported, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASES = join(root, "tests/cases");
const CASE = join(CASES, "three-runs/evidence");
const DAMAGED = join(CASES, "damaged/evidence");

const rows = (page) => page.locator(".rows .row:not(.waiting)");

/** The same evidence through the command line. */
function native(paths, events) {
  const words = ["run", "--quiet", "--profile", "quick", "--package", "xtask", "--", "analyze", ...paths, ...(events ? ["--events"] : [])];
  const built = [process.env.RUNLENS_XTASK, join(root, "target/quick/xtask"), join(root, "target/debug/xtask")].find((path) => path && existsSync(path));
  const [program, all] = built ? [built, words.slice(words.indexOf("analyze"))] : ["cargo", words];
  return execFileSync(program, all, { cwd: root, maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] });
}

/** Lines of a big agent log, and their count. */
function bigLog(path, megabytes) {
  const line = (n) => `2024-05-01T08:${String(Math.floor(n / 60) % 60).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}.${String(n % 1_000_000).padStart(6, "0")}Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState completed [etag_${n} 42 ms]\n`;
  const block = Array.from({ length: 8192 }, (_, n) => line(n)).join("");
  const times = Math.ceil(megabytes * (1 << 20) / block.length);
  const file = openSync(path, "w");
  for (let n = 0; n < times; n += 1) writeSync(file, block);
  closeSync(file);
  return times * 8192;
}

async function withPage(context, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    const said = await act(opened.page, opened);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    await opened.close();
  }
}

export const tests = [
  {
    name: "what turns out to be there twice is known before conclusions",
    run: (context) => withPage(context, {}, async (page) => {
      const folder = scratch();
      try {
        // Large enough to be hashed behind reading; its copy comes out of an archive when that has begun.
        const [log, packed] = [join(folder.path, "waagent.log"), join(folder.path, "copy.log.gz")];
        const events = bigLog(log, 6);
        writeFileSync(packed, gzipSync(readFileSync(log), { level: 1 }));
        await drop(page, [log, packed]);
        await ready(page);
        const { evidence } = JSON.parse(await exported(page, false));
        const twice = evidence.filter(({ duplicate_of }) => duplicate_of !== null).map(({ path }) => path);
        equal(twice.length, 1, `items that are there already: ${twice.join("; ")}`);
        equal(Number((await page.getByRole("tab", { name: /^Timeline/ }).innerText()).replaceAll(/\D/g, "")), events + 1, "events count once, and the archive is one");
      } finally {
        folder.remove();
      }
    }),
  },
  {
    name: "a dropped folder fills the timeline, and each row leads to its bytes",
    run: (context) => withPage(context, {}, async (page) => {
      await drop(page, [CASE]);
      await ready(page);
      await rows(page).first().waitFor();
      // The first Activity Log row of the case, by its text in the table.
      const row = rows(page).filter({ hasText: "alex@contoso.example" }).first();
      await row.click();
      const detail = page.getByRole("complementary", { name: "Event details" });
      await detail.waitFor();
      const path = (await detail.locator("dt:text-is('File') + dd").innerText()).trim();
      const place = await detail.locator("dt:text-is('Place') + dd").innerText();
      const [from, to] = /bytes ([\d,]+)–([\d,]+)/.exec(place).slice(1).map((number) => Number(number.replaceAll(",", "")));
      const bytes = readFileSync(join(CASE, "..", path)).subarray(from, to).toString();
      equal(await detail.locator("[data-test=raw]").textContent(), bytes.replaceAll("\r\n", "\n"), "the raw record is not the file's bytes");
      const line = Number(/line ([\d,]+)/.exec(place)[1].replaceAll(",", ""));
      equal(line, readFileSync(join(CASE, "..", path)).subarray(0, from).toString().split("\n").length, "the line number");
      await page.screenshot({ path: join(out, `timeline-${context.scheme}.png`) });
    }),
  },
  {
    name: "a tree of thousands of small files comes whole, dropped or chosen",
    run: async (context) => {
      const folder = scratch();
      try {
        // A file an hour, each in a folder of its own, as Azure writes a subscription's records into a storage account.
        const want = Array.from({ length: 90 * 24 }, (_, hour) => {
          const path = `logs/d=${Math.floor(hour / 24)}/h=${hour % 24}/waagent.log`;
          mkdirSync(join(folder.path, path, ".."), { recursive: true });
          writeFileSync(join(folder.path, path), `2024-05-01T08:00:00.${String(hour).padStart(6, "0")}Z INFO ExtHandler ExtHandler hour ${hour}\n`);
          return path;
        });
        for (const bring of [(page, path) => drop(page, [path]), (page, path) => choose(page, true, path)]) {
          await withPage(context, {}, async (page) => {
            await bring(page, join(folder.path, "logs"));
            await ready(page);
            const { evidence } = JSON.parse(await exported(page, false));
            equal(evidence.map(({ path }) => path).sort().join("\n"), [...want].sort().join("\n"), "the files");
            equal(Number((await page.getByRole("tab", { name: /^Timeline/ }).innerText()).replaceAll(/\D/g, "")), want.length, "an event of each");
          });
        }
      } finally {
        folder.remove();
      }
    },
  },
  {
    name: "files and folder by button",
    run: (context) => withPage(context, {}, async (page) => {
      await choose(page, false, [join(CASE, "cloud/activity-log.json")]);
      await ready(page);
      await choose(page, true, CASE);
      await page.getByRole("tab", { name: /Evidence · 2\d items/ }).waitFor();
      await ready(page);
      await page.getByRole("tab", { name: /Evidence/ }).click();
      await page.locator("[data-path='evidence/web01/var/log/waagent.log'][data-state=read]").waitFor();
    }),
  },
  {
    name: "the example case opens and shows findings",
    run: (context) => withPage(context, {}, async (page) => {
      await page.getByRole("button", { name: "Open the example case" }).click();
      await ready(page);
      await rows(page).first().waitFor();
      await page.screenshot({ path: join(out, `example-${context.scheme}.png`) });
      await page.getByRole("tab", { name: /Findings/ }).click();
      await page.locator("[data-test=findings] .finding-line").first().waitFor();
      await page.screenshot({ path: join(out, `findings-${context.scheme}.png`) });
      await page.locator("[data-test=findings] .finding-line").first().click();
      await page.locator("[data-test=evidence-rows] button").first().click();
      await page.getByRole("complementary", { name: "Event details" }).waitFor();
    }),
  },
  {
    name: "the exported case is the native document, byte for byte",
    run: (context) => withPage(context, {}, async (page) => {
      // One folder: Chromium renames the second of two that are named alike.
      await drop(page, [CASES]);
      await ready(page);
      for (const events of [false, true]) {
        const [have, want] = [await exported(page, events), native([CASES], events)];
        if (!have.equals(want)) {
          writeFileSync(join(out, "case-tab.json"), have);
          writeFileSync(join(out, "case-native.json"), want);
        }
        assert(have.equals(want), `the documents differ (events: ${events}); both are in tests/browser/out`);
      }
    }),
  },
  {
    name: "any number of readers gives the same document",
    schemes: ["file"],
    run: async (context) => {
      const documents = [];
      for (const readers of [1, 2, 4]) {
        documents.push(await withPage(context, { readers }, async (page) => {
          await drop(page, [CASE]);
          await ready(page);
          equal(page.workers().length, readers + 1, "workers: the coordinator and its readers");
          return exported(page, true);
        }));
      }
      assert(documents.every((document) => document.equals(documents[0])), "the documents differ");
    },
  },
  {
    name: "the core is warmed while nothing is dropped, and the worker that does it is gone with the first drop",
    schemes: ["file"],
    run: (context) => withPage(context, { readers: 2 }, async (page) => {
      // A worker that is ended while it is asked has no name any more.
      const name = (worker) => Promise.race([worker.evaluate(() => self.name), page.waitForTimeout(5_000).then(() => "busy")]).catch(() => null);
      const names = async () => (await Promise.all(page.workers().map(name))).filter((one) => one !== null).sort().join();
      // The coordinator, two readers, and the one that is busy with the example.
      for (let tries = 0; page.workers().length < 4 && tries < 100; tries += 1) await page.waitForTimeout(100);
      equal(page.workers().length, 4, "workers before the drop");
      await drop(page, [CASE]);
      await ready(page);
      equal(await names(), "coordinator,reader 1,reader 2", "workers after the drop");
      assert((await exported(page, true)).equals(native([CASE], true)), "the document differs from the command line's");
    }),
  },
  {
    name: "warming ends by itself and leaves nothing behind",
    schemes: ["file"],
    run: (context) => withPage(context, { readers: 2 }, async (page) => {
      for (let tries = 0; page.workers().length < 4 && tries < 100; tries += 1) await page.waitForTimeout(100);
      equal(page.workers().length, 4, "workers before the drop");
      for (let tries = 0; page.workers().length > 3 && tries < 300; tries += 1) await page.waitForTimeout(100);
      equal(page.workers().length, 3, "workers once the core is warm");
      equal(await page.evaluate(() => document.documentElement.dataset.state), "empty", "state");
    }),
  },
  {
    name: "a trap in one reader costs one item",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address, { hash: "#trap=handler.log" });
      try {
        const { page } = opened;
        await drop(page, [CASE]);
        await ready(page);
        await page.getByRole("tab", { name: /Evidence/ }).click();
        const hurt = page.locator("[data-path$='run-command/handler.log']");
        equal(await hurt.getAttribute("data-state"), "quarantined", "state of the item");
        await hurt.click();
        await page.getByText("reader-trap").first().waitFor();
        equal(await page.locator("[data-path$='waagent.log'][data-state=read]").count(), 2, "the others are read");
        const events = JSON.parse((await exported(page, true)).toString()).events.length;
        assert(events > 30, "events of the others are there");
      } finally {
        await opened.close();
      }
    },
  },
  {
    name: "cancel keeps what was read",
    run: (context) => withPage(context, { readers: 2 }, async (page) => {
      const folder = scratch();
      try {
        // So much that reading goes on when the first rows have been looked at.
        bigLog(join(folder.path, "waagent.log"), 1200);
        writeFileSync(join(folder.path, "first.json"), readFileSync(join(CASE, "cloud/activity-log.json")));
        await drop(page, [folder.path]);
        await page.locator("[data-test=progress]").waitFor();
        await page.getByRole("tab", { name: /^Timeline/ }).click();
        await rows(page).nth(10).waitFor({ timeout: 30_000 });
        const began = performance.now();
        await page.getByRole("button", { name: "Cancel reading" }).click();
        await page.getByText("Reading was cancelled").waitFor();
        const answered = performance.now() - began;
        await ready(page);
        await page.getByRole("tab", { name: /Evidence/ }).click();
        await page.locator("[data-path$='waagent.log'][data-state=cancelled]").waitFor();
        const events = Number((await page.getByRole("tab", { name: /Timeline/ }).innerText()).replace(/\D/g, ""));
        assert(events > 7, "events read before the cancel are there");
        return `answered after ${answered.toFixed(0)} ms, ${events} events kept`;
      } finally {
        folder.remove();
      }
    }),
  },
  {
    name: "bad input is counted by name and nothing hangs",
    run: (context) => withPage(context, {}, async (page) => {
      const folder = scratch();
      try {
        const bad = join(folder.path, "bad");
        mkdirSync(bad);
        writeFileSync(join(bad, "long.log"), Buffer.concat([Buffer.from("2024-05-01T08:00:00.000001Z INFO ExtHandler ExtHandler "), Buffer.alloc(20 << 20, "x"), Buffer.from("\n2024-05-01T08:00:01.000001Z INFO ExtHandler ExtHandler after\n")]));
        await drop(page, [bad, DAMAGED]);
        await ready(page);
        await page.getByRole("tab", { name: /Evidence/ }).click();
        for (const [path, code] of [["long.log", "record-too-long"], ["empty.log", "empty-file"], ["truncated.json", "truncated-record"], ["deep.json", "json-too-deep"], ["binary.bin", "unknown-format"]]) {
          await page.locator(`[data-path$='/${path}']`).click();
          await page.locator("code", { hasText: code }).waitFor();
        }
        await page.screenshot({ path: join(out, `problems-${context.scheme}.png`) });
      } finally {
        folder.remove();
      }
    }),
  },
  {
    name: "the table by keyboard, both themes",
    schemes: ["file"],
    run: async (context) => {
      for (const dark of [false, true]) {
        await withPage(context, { dark }, async (page) => {
          const theme = dark ? "dark" : "light";
          await page.screenshot({ path: join(out, `empty-${theme}.png`) });
          await drop(page, [CASE]);
          await ready(page);
          await rows(page).first().waitFor();
          await page.locator(".rows").focus();
          await page.keyboard.press("Home");
          await page.keyboard.press("ArrowDown");
          await page.keyboard.press("ArrowDown");
          await page.locator(".rows .row[aria-selected=true][aria-rowindex='3']").waitFor();
          await page.keyboard.press("End");
          const last = await page.getByRole("table", { name: "Events" }).getAttribute("aria-rowcount");
          await page.locator(`.rows .row[aria-selected=true][aria-rowindex='${last}']`).waitFor();
          await page.keyboard.press("Home");
          await page.locator("[data-test=timeline]").focus();
          for (const key of ["+", "+", "ArrowRight", "-", "0"]) await page.keyboard.press(key);
          await page.screenshot({ path: join(out, `case-${theme}.png`) });
          await page.getByRole("tab", { name: /Evidence/ }).click();
          await page.screenshot({ path: join(out, `evidence-${theme}.png`) });
          await page.locator("[data-test=offline]").click();
          await page.getByText("default-src 'none'").waitFor();
          await page.screenshot({ path: join(out, `offline-${theme}.png`) });
        });
      }
    },
  },
  {
    name: "figures",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      const interactive = await opened.page.evaluate(() => performance.now());
      const folder = scratch();
      try {
        const said = [`interactive ${interactive.toFixed(0)} ms`];
        const diagnostic = JSON.stringify({ time: "2024-05-01T08:00:00.1234567Z", resourceId: "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/WEB01", operationName: "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION", category: "Administrative", resultType: "Start", callerIpAddress: "203.0.113.7", correlationId: "c1", identity: { claims: { appid: "x", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "alex@contoso.example", padding: "x".repeat(600) } }, properties: { a: "y".repeat(300) } });
        for (const [name, make] of [["waagent.log", (path) => bigLog(path, 100)], ["PT1H.json", (path) => writeFileSync(path, Array.from({ length: 80_000 }, (_, n) => diagnostic.replace("c1", `c${n}`)).join("\n"))]]) {
          const path = join(folder.path, name);
          make(path);
          const { page, close } = await openPage(context.browser, context.address);
          const began = performance.now();
          await drop(page, [path]);
          await page.getByRole("tab", { name: /^Timeline/ }).click();
          await rows(page).first().waitFor({ timeout: 60_000 });
          const first = performance.now() - began;
          await ready(page, 120_000);
          const all = (performance.now() - began) / 1000;
          const megabytes = readFileSync(path).length / 1e6;
          said.push(`${name} ${megabytes.toFixed(0)} MB: first rows ${first.toFixed(0)} ms, all with hash ${all.toFixed(1)} s (${(megabytes / all).toFixed(0)} MB/s)`);
          await close();
        }
        return said.join("; ");
      } finally {
        folder.remove();
        await opened.close();
      }
    },
  },
];
