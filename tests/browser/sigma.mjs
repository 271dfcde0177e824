// Sigma rules dropped with evidence: found, refused and lacking ones are told apart, and a finding leads to its row.

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, drop, equal, openPage, out, ready, root, scratch } from "./harness.mjs";

const CASE = join(root, "tests/cases/windows-guest/evidence");

const RULES = `
title: A task <b>by</b> the security log
id: task
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4698, TaskName|contains: Updater}
    condition: selection
level: high
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
    name: "Sigma rules that are dropped run and say what they lack",
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
        await sigma.locator(".findings li").first().waitFor();
        equal(await sigma.locator(".findings li").count(), 1, "findings of rules");
        assert((await sigma.locator(".findings li").first().innerText()).includes("A task <b>by</b> the security log"), "markup of a rule is text");
        const states = await sigma.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.state));
        equal(states.join(" "), "active refused partly", "states of the rules");
        assert((await sigma.locator("tbody tr").nth(1).innerText()).includes("product aws"), "the reason is said");
        assert((await sigma.locator("tbody tr").nth(2).innerText()).includes("NoSuchField"), "the missing field is named");
        await page.screenshot({ path: join(out, "sigma.png") });
        await sigma.locator(".findings button").first().click();
        await page.locator("[aria-selected=true]", { hasText: /Updater|task/i }).first().waitFor();
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        folder.remove();
        await opened.close();
      }
    },
  },
];
