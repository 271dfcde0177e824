// Sigma rules dropped with evidence: found, refused and lacking ones are told apart, and what they find is judged and expected like any finding.

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { saved } from "./findings.mjs";
import { assert, drop, equal, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASE = join(root, "tests/cases/windows-guest/evidence");

const RULES = `
title: A task <b>by</b> the security log
id: task
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, TaskName|contains: Updater}
    condition: selection
description: What its author wrote.
level: critical
tags: [attack.t1053.005]
---
title: Buckets
id: aws
logsource: {product: aws, service: cloudtrail}
detection:
    selection: {eventName: x}
    condition: selection
---
title: A field that nothing carries
id: no-field
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, NoSuchField: x}
    condition: selection
`;

export const tests = [
  {
    name: "Sigma rules that are dropped run, say what they lack, and what they find is triaged like any finding",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      const { page } = opened;
      const folder = scratch();
      try {
        cpSync(CASE, join(folder.path, "case"), { recursive: true });
        writeFileSync(join(folder.path, "case", "own.yml"), RULES);
        await drop(page, [join(folder.path, "case")]);
        await ready(page);
        await page.getByRole("tab", { name: /^Findings/ }).click();
        await page.getByRole("tab", { name: "Sigma rules" }).click();
        const sigma = page.locator("[data-test=sigma]");
        await sigma.locator("tbody tr").first().waitFor();
        const states = await sigma.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.state));
        equal(states.join(" "), "active refused partly", "states of the rules");
        assert((await sigma.locator("tbody tr").nth(1).innerText()).includes("product aws"), "the reason is said");
        assert((await sigma.locator("tbody tr").nth(2).innerText()).includes("NoSuchField"), "the missing field is named");
        await page.screenshot({ path: join(out, "sigma.png") });
        // From the rule to what it found, among all findings.
        await sigma.locator("tbody tr").first().locator("button").click();
        const line = page.locator(".finding-line[data-detector='sigma:task']");
        await line.waitFor();
        equal(await line.count(), 1, "findings of the rule");
        assert((await line.innerText()).includes("A task <b>by</b> the security log"), "markup of a rule is text");
        await line.click();
        const panel = page.getByRole("complementary", { name: "Finding", exact: true });
        await panel.locator("h2").waitFor();
        assert((await panel.innerText()).includes("T1053.005"), "the technique of its tag");
        await panel.locator("[data-test=manual]").getByText("What its author wrote.").waitFor();
        const key = await panel.getAttribute("data-key");
        // It is judged.
        await panel.getByRole("radio", { name: "confirmed" }).check();
        await line.locator(".triage.confirmed").waitFor();
        const note = panel.getByRole("textbox", { name: "Note on this finding" });
        await note.fill("seen on the disk");
        await note.blur();
        await line.locator(".triage.note").waitFor();
        const { text } = await saved(page, "Save triage…");
        const said = JSON.parse(text).findings;
        equal(said.length, 1, "findings spoken of");
        equal(`${said[0].key} ${said[0].finding.detector} ${said[0].note}`, `${key} sigma:task seen on the disk`, "what is saved");
        // It leads the overview where it is the worst.
        await page.getByRole("tab", { name: "Overview" }).click();
        const lead = page.locator("[data-test=lead]");
        await lead.getByText("A task <b>by</b> the security log").waitFor();
        equal(await lead.getAttribute("data-severity"), "critical", "the rule is the worst of what there is");
        // It is expected, stays, and says so.
        await page.getByRole("tab", { name: /^Findings/ }).click();
        await page.locator("[data-test=expect-this]").click();
        const form = page.locator("[data-test=expect]");
        equal(await form.locator("[name=detector]").inputValue(), "sigma:task", "the scope begins with the rule");
        await form.locator("[name=reason]").fill("the updater, CHG-7");
        await form.locator("[name=author]").fill("a.berg");
        await form.getByRole("button", { name: "Expect this" }).click();
        await page.locator(".finding-line[data-detector='sigma:task'][data-suppressed=true]").waitFor();
        await panel.locator("[data-test=suppressed]").getByText("the updater, CHG-7").waitFor();
        equal(await panel.getAttribute("data-key"), key, "it is the same finding");
        await line.locator(".triage.confirmed").waitFor();
        await page.getByRole("tab", { name: "Overview" }).click();
        await page.locator("[data-test=lead]:not([data-severity=critical])").waitFor();
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        folder.remove();
        await opened.close();
      }
    },
  },
];
