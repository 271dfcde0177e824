// What a person does with findings: reads them, follows one to its evidence, says what it is, takes that out and in, and sees what was searched for.

import axe from "axe-core";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, equal, openPage, out, ready } from "./harness.mjs";

const lines = (page) => page.locator("#findings-tree .finding-line");

async function withExample(context, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    const { page } = opened;
    await page.getByRole("button", { name: "Open the example case" }).click();
    await ready(page);
    await page.getByRole("tab", { name: /Findings/ }).click();
    await lines(page).first().waitFor();
    const said = await act(page, opened);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    await opened.close();
  }
}

/** Nothing that axe-core knows to keep somebody out. It runs in the test's own world: the page's policy lets no script in. */
export async function accessible(page, where) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, contextId, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await evaluate(`${axe.source}; undefined`);
  const found = await evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ target, failureSummary }) => target.join(' ') + ' ' + failureSummary).join(' | ')))");
  equal(found.join("\n"), "", `axe-core in ${where}`);
  await session.detach();
}

/** What a button saves as a file. */
export const saved = async (page, name) => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return { path: await download.path(), text: readFileSync(await download.path(), "utf8") };
};

export const tests = [
  {
    name: "findings by group, and from one to its raw record",
    run: (context) => withExample(context, {}, async (page) => {
      const groups = page.locator("#findings-tree .finding-group");
      const all = Number(/(\d+)/.exec(await page.getByRole("tab", { name: /Findings ·/ }).innerText())[1]);
      for (const by of ["detector", "time", "caller", "vm", "severity", "incident"]) {
        await page.locator("[data-test=group-by]").selectOption(by);
        await groups.first().waitFor();
        await page.locator(".findings-tools").getByText(`${all} findings`).waitFor();
      }
      await page.getByRole("searchbox", { name: "Findings that hold this text" }).fill("chain");
      await page.locator(".finding-line[data-detector='run-command-chain']").first().click();
      const panel = page.getByRole("complementary", { name: "Finding", exact: true });
      await panel.locator("[data-test=chain] li").first().waitFor();
      await panel.getByRole("heading", { name: "Steps around a run command" }).waitFor();
      await page.screenshot({ path: join(out, `finding-chain-${context.scheme}.png`) });
      const time = (await panel.locator("[data-test=evidence-rows] .when").first().innerText()).trim();
      await panel.locator("[data-test=evidence-rows] button").first().click();
      const detail = page.getByRole("complementary", { name: "Event details" });
      await detail.waitFor();
      equal((await detail.locator("dt:text-is('Time') + dd strong").innerText()).trim(), time, "the event of the row");
      assert((await detail.locator("[data-test=raw]").innerText()).length > 20, "its raw record");
    }),
  },
  {
    name: "a finding leads to queries for the fleet, and one is copied",
    run: (context) => withExample(context, {}, async (page) => {
      // What is copied is caught: a test machine's clipboard may be refused.
      await page.evaluate(() => {
        globalThis.copied = [];
        Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: (text) => { globalThis.copied.push(text); return Promise.resolve(); } } });
      });
      await page.getByRole("searchbox", { name: "Findings that hold this text" }).fill("run-command-invocation");
      await page.locator(".finding-line[data-detector='run-command-invocation']").first().click();
      const panel = page.getByRole("complementary", { name: "Finding", exact: true });
      const hunt = panel.locator("[data-test=hunt]");
      await hunt.locator("summary").first().click();
      const again = hunt.locator(".hunt-query[data-variant=this-again]");
      await again.first().waitFor();
      const caller = (await panel.locator("dt:text-is('Caller') + dd").innerText()).trim().toLowerCase();
      const shown = await again.first().locator("pre").innerText();
      assert(shown.includes(`"${caller}"`), "the caller stands in the query");
      await page.screenshot({ path: join(out, `finding-hunt-${context.scheme}.png`) });
      await again.first().getByRole("button", { name: /^Copy the query/ }).click();
      await page.getByText("The query was copied.").first().waitFor();
      const copied = await page.evaluate(() => globalThis.copied);
      equal(copied.length, 1, "one copy");
      equal(copied[0].trim(), shown.trim(), "what is shown is what is copied");
      await hunt.getByRole("tab", { name: /Microsoft Sentinel/ }).focus();
      await page.keyboard.press("ArrowLeft");
      await hunt.locator(".hunt-query[data-language=esql]").first().waitFor();
      equal(await hunt.getByRole("tab", { name: /Elastic/ }).getAttribute("aria-selected"), "true", "the arrow keys change the product");
    }),
  },
  {
    name: "findings are read by keyboard alone",
    schemes: ["file"],
    run: (context) => withExample(context, {}, async (page) => {
      const tree = page.locator("#findings-tree");
      await tree.focus();
      await page.keyboard.press("Home");
      await page.locator(".finding-group[data-active=true]").waitFor();
      await page.keyboard.press("ArrowLeft");
      await page.locator(".finding-group[data-active=true][aria-expanded=false]").waitFor();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowDown");
      const panel = page.getByRole("complementary", { name: "Finding", exact: true });
      await panel.locator("h2").waitFor();
      const first = await panel.getAttribute("data-key");
      await page.keyboard.press("ArrowDown");
      await page.locator(`aside[data-key]:not([data-key='${first}'])`).waitFor();
      equal(await tree.getAttribute("aria-activedescendant"), await page.locator("[data-active=true]").getAttribute("id"), "the active line is named");
      await page.keyboard.press("Enter");
      equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Finding", "Enter goes to the finding");
      await page.keyboard.press("End");
    }),
  },
  {
    name: "what is said of findings stays, goes out and comes in",
    run: (context) => withExample(context, {}, async (page) => {
      await lines(page).first().click();
      const panel = page.getByRole("complementary", { name: "Finding", exact: true });
      await panel.getByRole("radio", { name: "confirmed" }).check();
      await page.locator(".finding-line .triage.confirmed").first().waitFor();
      const note = panel.getByRole("textbox", { name: "Note on this finding" });
      await note.fill("<b>same address</b> as the phish");
      // Leaving the field by opening another finding says what was typed.
      const key = await panel.getAttribute("data-key");
      await lines(page).nth(1).click();
      await page.locator(`aside[data-key]:not([data-key='${key}'])`).waitFor();
      await page.locator(".finding-line .triage.note").first().waitFor();
      // Concluding anew keeps it: the last value of a setting is entered and taken back.
      await page.getByRole("tab", { name: "Settings" }).click();
      const field = page.locator("[data-key='run-command-infrequent.window_days'] input, [data-key^='run-command-infrequent.'] input").first();
      const before = await field.inputValue();
      await field.fill(String(Number(before) + 1));
      await field.press("Tab");
      await page.locator("tr[data-changed=true]").first().waitFor();
      await page.getByRole("tab", { name: /Findings/ }).click();
      await page.locator(".finding-line .triage.confirmed").first().waitFor();
      const asks = () => page.evaluate(() => { const event = new Event("beforeunload", { cancelable: true }); window.dispatchEvent(event); return event.defaultPrevented; });
      assert(await asks(), "closing asks while something is unsaved");
      const { path, text } = await saved(page, "Save triage…");
      const file = JSON.parse(text);
      equal(file.findings.length, 1, "findings spoken of");
      equal(file.findings[0].note, "<b>same address</b> as the phish", "the note, unchanged");
      equal(file.findings[0].key, key, "the key");
      assert(await asks(), "the changed setting is not saved yet");
      await page.getByRole("tab", { name: "Settings" }).click();
      await saved(page, "Save settings…");
      assert(!(await asks()), "closing does not ask once it is saved");
      await page.getByRole("tab", { name: /Findings/ }).click();
      // Another session.
      const other = await openPage(context.browser, context.address);
      await other.page.getByRole("button", { name: "Open the example case" }).click();
      await ready(other.page);
      await other.page.getByRole("tab", { name: /Findings/ }).click();
      await lines(other.page).first().waitFor();
      equal(await other.page.locator(".triage.confirmed").count(), 0, "nothing is said yet");
      await other.page.locator("input[type=file]").setInputFiles({ name: "bad.json", mimeType: "application/json", buffer: Buffer.from("{}") });
      await other.page.getByText("this is no triage file").waitFor();
      await other.page.locator("input[type=file]").setInputFiles(path);
      await other.page.locator(".finding-line .triage.confirmed").first().waitFor();
      await other.page.locator(".finding-line .triage.confirmed").first().click();
      await other.page.locator("textarea").waitFor();
      equal(await other.page.locator("textarea").inputValue(), "<b>same address</b> as the phish", "the note came in");
      equal(other.complaints.join("\n"), "", "the other page complained");
      await other.close();
    }),
  },
  {
    name: "what was searched for and not found is said, with its manual page and its parameters",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("tab", { name: "Searched" }).click();
      const searched = page.locator("[data-test=searched]");
      await searched.getByRole("heading", { name: /Not assessed/ }).waitFor();
      const rows = await searched.locator("tr[data-detector]").count();
      assert(rows >= 13, `every detector has a line: ${rows}`);
      await searched.getByRole("button", { name: "run-command-spike" }).click();
      await searched.locator("[data-test=manual] h5").first().waitFor();
      await page.screenshot({ path: join(out, `searched-${context.scheme}.png`) });
      await searched.locator("[data-test=host-coverage] tbody tr").first().waitFor();
      await searched.locator("tr[data-detector='run-command-invocation'] .chip").click();
      await page.getByRole("button", { name: "only run-command-invocation: take back" }).waitFor();
      await lines(page).first().click();
      await page.getByRole("button", { name: "Change in Settings…" }).click();
      await page.locator("tr[data-key^='run-command-invocation.'] :focus").waitFor();
    }),
  },
  {
    name: "the matrix shows what was seen and leads to its findings",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("tab", { name: "ATT&CK" }).click();
      const cell = page.locator("[data-technique='T1651']");
      const many = Number(/(\d+) findings/.exec(await cell.innerText())[1]);
      await cell.click();
      await page.locator(".findings-tools").getByText(`${many} of `).waitFor();
      await page.getByRole("button", { name: "only T1651: take back" }).click();
      await page.locator(".findings-tools").getByText(/^\d+ findings$/).waitFor();
    }),
  },
  {
    name: "actors: who, when by the hour, and their findings",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("tab", { name: "Actors" }).click();
      const list = page.locator("#actors-list");
      await list.locator("[role=option]").first().waitFor();
      await list.focus();
      await page.keyboard.press("Home");
      const panel = page.getByRole("complementary", { name: "Caller" });
      await panel.locator("h2").waitFor();
      const caller = (await panel.locator("h2").innerText()).trim();
      equal(await list.locator("[data-active=true]").getAttribute("data-caller"), caller, "the active caller is open");
      // The hours add up to the operations.
      const said = await panel.locator("svg.hours").first().getAttribute("aria-label");
      const hours = [...said.matchAll(/\d\d h: (\d+)/g)].reduce((sum, [, number]) => sum + Number(number), 0);
      const operations = Number(/([\d,]+) operations?/.exec(await panel.locator("p").first().innerText())[1].replaceAll(",", ""));
      equal(hours, operations, "operations by hour");
      await page.screenshot({ path: join(out, `actors-${context.scheme}.png`) });
      await panel.locator(".finding-rows button").first().click();
      await page.getByRole("complementary", { name: "Finding", exact: true }).locator("h2").waitFor();
    }),
  },
  {
    name: "hosts: what ran, which evidence is there, what is missing, and the clock",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("tab", { name: "Hosts" }).click();
      await page.locator("#hosts-list [data-host='web01']").click();
      const panel = page.getByRole("complementary", { name: "Host" });
      await panel.locator("[data-test=coverage] rect").first().waitFor();
      const sources = await panel.locator("[data-test=sources] tbody tr").count();
      assert(sources >= 8, `sources of a Linux guest: ${sources}`);
      assert(await panel.locator("[data-test=sources] tr[data-missing=true]").count() < sources, "some are there");
      assert(/guest minus cloud -?[\d.]+ s/.test(await panel.innerText()), "its clock is said");
      await page.screenshot({ path: join(out, `hosts-${context.scheme}.png`) });
    }),
  },
  ...[false, true].map((dark) => ({
    name: `the findings keep nobody out (${dark ? "dark" : "light"})`,
    schemes: ["file"],
    run: (context) => withExample(context, { dark }, async (page) => {
      const theme = dark ? "dark" : "light";
      await page.screenshot({ path: join(out, `findings-${theme}.png`) });
      await accessible(page, `findings, ${theme}`);
      await page.locator("[data-test=group-by]").selectOption("detector");
      await page.getByRole("searchbox", { name: "Findings that hold this text" }).fill("chain");
      await page.locator(".finding-line[data-detector='run-command-chain']").first().click();
      await page.locator("[data-test=manual]").waitFor();
      await page.screenshot({ path: join(out, `finding-${theme}.png`) });
      await accessible(page, `one finding, ${theme}`);
      await page.getByRole("tab", { name: "Searched" }).click();
      await page.locator("[data-test=searched] table").first().waitFor();
      await page.screenshot({ path: join(out, `searched-${theme}.png`) });
      await accessible(page, `searched, ${theme}`);
      await page.getByRole("tab", { name: "ATT&CK" }).click();
      await page.locator(".technique").first().waitFor();
      await page.screenshot({ path: join(out, `attack-${theme}.png`) });
      await accessible(page, `the matrix, ${theme}`);
      await page.getByRole("tab", { name: "Actors" }).click();
      await page.locator("#actors-list [role=option]").first().click();
      await page.getByRole("complementary", { name: "Caller" }).locator("h2").waitFor();
      await page.screenshot({ path: join(out, `actors-${theme}.png`) });
      await accessible(page, `actors, ${theme}`);
      await page.getByRole("tab", { name: "Hosts" }).click();
      await page.locator("#hosts-list [role=option]").first().click();
      await page.getByRole("complementary", { name: "Host" }).locator("h2").waitFor();
      await page.screenshot({ path: join(out, `hosts-${theme}.png`) });
      await accessible(page, `hosts, ${theme}`);
    }),
  })),
];
