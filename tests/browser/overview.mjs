// The answer first, what leads on from it, and the whole of a day's work without a mouse.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accessible } from "./findings.mjs";
import { assert, choose, concluded, equal, openPage, out, scratch } from "./harness.mjs";
import { evidence as hostileEvidence } from "./hostile.mjs";

async function withExample(context, options, act) {
  const opened = await openPage(context.browser, context.address, options);
  try {
    const { page } = opened;
    if (options.viewport !== undefined) await page.setViewportSize(options.viewport);
    await page.getByRole("button", { name: "Open the example case" }).click();
    await concluded(page);
    await page.locator("[data-test=lead]").waitFor();
    const said = await act(page, opened);
    equal(opened.complaints.join("\n"), "", "the page complained");
    return said;
  } finally {
    await opened.close();
  }
}

const detail = (page) => page.getByRole("complementary", { name: "Event details" });
const incidentPanel = (page) => page.getByRole("complementary", { name: "Incident", exact: true });
const findingPanel = (page) => page.getByRole("complementary", { name: "Finding", exact: true });
const number = (text) => Number(/[\d,]+/.exec(text)[0].replaceAll(",", ""));
const press = async (page, ...keys) => { for (const key of keys) await page.keyboard.press(key); };

export const tests = [
  {
    name: "overview: a named finding stands beside its raw record before anything is clicked",
    run: (context) => withExample(context, {}, async (page) => {
      const title = (await page.locator("[data-test=lead] h2").innerText()).trim();
      assert(/^(critical|high|medium|low) \S/.test(title), `a severity and a name: ${title}`);
      await detail(page).waitFor();
      const raw = await detail(page).locator("[data-test=raw]").innerText();
      assert(raw.length > 40, "the raw record is there");
      const both = await page.evaluate(() => ["[data-test=lead] h2", "[data-test=raw]"].map((selector) => document.querySelector(selector).getBoundingClientRect()).every(({ top, left, right }) => top >= 0 && top < innerHeight && left >= 0 && right <= innerWidth));
      assert(both, "both are on the screen without scrolling");
      await page.screenshot({ path: join(out, `overview-${context.scheme}.png`) });
    }),
  },
  {
    name: "overview: every figure is as many rows as it opens",
    run: (context) => withExample(context, {}, async (page) => {
      const back = () => page.getByRole("tab", { name: "Overview" }).click();
      const findings = page.locator("[data-test=card-incidents] .card-figures .figure");
      for (let at = 0; at < await findings.count(); at += 1) {
        const many = number(await findings.nth(at).innerText());
        await findings.nth(at).click();
        await page.locator(".findings-tools").getByText(new RegExp(`^${many} (of|findings?$)`)).waitFor();
        await back();
      }
      const executions = page.locator("[data-test=card-executions] .figure");
      assert(await executions.count() > 1, "executions of several kinds");
      for (let at = 0; at < await executions.count(); at += 1) {
        const many = number(await executions.nth(at).innerText());
        await executions.nth(at).click();
        await page.locator("[data-test=execution-count]").getByText(new RegExp(`^${many} of `)).waitFor();
        await back();
      }
      const hosts = page.locator("[data-test=card-coverage] .figure", { hasText: /host|clock/ });
      for (let at = 0; at < await hosts.count(); at += 1) {
        const many = number(await hosts.nth(at).innerText());
        await hosts.nth(at).click();
        if (many > 0) await page.locator("#hosts-list [role=option]").first().waitFor();
        equal(await page.locator("#hosts-list [role=option]").count(), many, "hosts of the kind");
        await back();
      }
      const pieces = page.locator("[data-test=strip] button.piece");
      const words = await pieces.first().getAttribute("aria-label");
      await pieces.first().click();
      await page.locator("[data-test=filter-count]").getByText(new RegExp(`^${/([\d,]+ events?),/.exec(words)[1]} of `)).waitFor();
      await back();
      const caller = page.locator("[data-test=card-who] .named button").first();
      const name = await caller.locator(".named-name").innerText();
      await caller.click();
      await page.getByRole("complementary", { name: "Caller" }).getByRole("heading", { name }).waitFor();
      await back();
      await page.locator("[data-test=card-where] .named button").first().click();
      await page.getByRole("complementary", { name: "Host" }).locator("h2").waitFor();
    }),
  },
  {
    name: "incidents: the story in order, each line one click from its raw record, members and executions lead on",
    run: (context) => withExample(context, {}, async (page) => {
      await page.locator("[data-test=card-incidents] .incident-line").first().click();
      const panel = incidentPanel(page);
      await panel.locator("[data-test=incident-story] .story-button").first().waitFor();
      equal(await page.locator("[data-test=group-by]").inputValue(), "incident", "findings are grouped by incident");
      const line = panel.locator(".story-line").first();
      await line.locator(".story-button").click();
      await line.locator("[data-test=raw-record] pre").waitFor();
      assert((await line.locator("[data-test=raw-record] pre").innerText()).length > 20, "the record of the line");
      await page.screenshot({ path: join(out, `incident-${context.scheme}.png`) });
      await line.locator("[data-test=raw-record]").getByRole("button", { name: "on the timeline" }).click();
      await detail(page).waitFor();
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await panel.locator(".finding-rows button").first().click();
      await findingPanel(page).locator("h2").waitFor();
      await findingPanel(page).locator("[data-test=to-incident]").click();
      await panel.locator("[data-test=its-story]").first().click();
      await page.locator("[data-test=story] h2").waitFor();
      // Again, now that the story is told already.
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await panel.locator("[data-test=its-story]").first().click();
      await page.locator("[data-test=story] h2").waitFor();
    }),
  },
  {
    name: "what is expected is suppressed, says by which entry, and is taken back",
    run: (context) => withExample(context, {}, async (page) => {
      await page.locator("[data-test=open-lead]").click();
      const panel = findingPanel(page);
      await panel.locator("[data-test=expect-this]").click();
      const form = page.locator("[data-test=expect]");
      const caller = await form.locator("[name=caller]").inputValue();
      assert((await panel.innerText()).includes(caller) && caller !== "", "the caller is the finding's");
      await form.getByRole("button", { name: "Expect this" }).click();
      await form.getByText("wants a reason").waitFor();
      await form.locator("[name=reason]").fill("<img src=x onerror=window.__ran=1> patching");
      await form.locator("[name=author]").fill("a.berg");
      await page.screenshot({ path: join(out, `expect-${context.scheme}.png`) });
      await form.locator("[name=author]").press("Enter");
      const said = panel.locator("[data-test=suppressed]");
      await said.waitFor();
      assert((await said.innerText()).includes("<img src=x onerror=window.__ran=1> patching"), "the reason is text");
      equal(await page.evaluate(() => window.__ran), undefined, "nothing of it ran");
      const shown = page.locator("[data-test=suppressed-shown]");
      const many = number(await shown.innerText());
      await shown.click();
      await page.locator(".findings-tools").getByText(new RegExp(`^${many} of `)).waitFor();
      await page.locator(".finding-line[data-suppressed=true]").first().waitFor();
      equal(await page.locator(".finding-line[data-suppressed=false]").count(), 0, "only what is expected is shown");
      await page.screenshot({ path: join(out, `suppressed-${context.scheme}.png`) });
      await page.getByRole("tab", { name: "Settings" }).click();
      await page.locator("[data-test=allow-list]").getByText("patching").waitFor();
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await panel.locator("[data-test=take-back-entry]").click();
      await panel.locator("[data-test=expect-this]").waitFor();
      // By hand, in Settings.
      await page.getByRole("tab", { name: "Settings" }).click();
      await page.locator("[data-test=expect-by-hand]").click();
      await form.locator("[name=caller]").fill(caller);
      await form.locator("[name=reason]").fill("a drill");
      equal(await form.locator("[name=author]").inputValue(), "a.berg", "who said the last one");
      await form.getByRole("button", { name: "Expect this" }).click();
      await page.locator("[data-test=allow-list]").getByText("a drill").waitFor();
      await page.getByRole("button", { name: "Remove entry 0" }).click();
      await page.locator("[data-test=allow-list]").waitFor({ state: "detached" });
    }),
  },
  {
    name: "published and corrected rules side by side, and from a difference to its rows",
    run: (context) => withExample(context, {}, async (page) => {
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await page.getByRole("tab", { name: "Published rules" }).click();
      const lines = page.locator("[data-test=published] tr[data-detector]");
      await lines.first().waitFor();
      let differs = -1;
      for (let at = 0; at < await lines.count(); at += 1) {
        const cells = await lines.nth(at).locator("td").allInnerTexts();
        if (number(cells[0]) + number(cells[2]) > 0) differs = at;
      }
      assert(differs >= 0, "the example has a difference between a published rule and its corrected one");
      await lines.nth(differs).locator(".disclose").click();
      await page.screenshot({ path: join(out, `published-${context.scheme}.png`) });
      await page.locator("[data-test=mode-rows]").first().click();
      await detail(page).waitFor();
      await page.getByRole("tab", { name: /^Findings/ }).click();
      await lines.nth(differs).getByRole("button", { name: "Use the published" }).click();
      await lines.nth(differs).getByText("as published").waitFor();
    }),
  },
  {
    name: "the palette finds views, actions and names; the sheet of keys says what is bound",
    run: (context) => withExample(context, {}, async (page) => {
      await press(page, "Control+k");
      const palette = page.locator("dialog[data-test=palette]");
      await palette.waitFor();
      const field = palette.getByRole("combobox");
      await field.fill("hosts");
      await page.keyboard.press("Enter");
      await page.locator("#hosts-list").waitFor();
      for (const [kind, text] of [["execution", "web01"], ["host", "web01"], ["detector", "run-command-spike"], ["caller", "contoso"], ["incident", "incident 1"]]) {
        await press(page, "Control+k");
        await field.fill(text);
        const hit = palette.locator(`[role=option][data-kind=${kind}]`).first();
        await hit.waitFor();
        if (kind === "execution") await page.screenshot({ path: join(out, `palette-${context.scheme}.png`) });
        await hit.click();
        const there = { execution: "[data-test=story] h2", host: "aside[aria-label=Host] h2", detector: "[data-test=help] [data-test=manual]", caller: "aside[aria-label=Caller] h2", incident: "aside[aria-label=Incident] h2" }[kind];
        await page.locator(there).waitFor();
      }
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press("?");
      const sheet = page.locator("dialog[data-test=keys]");
      await sheet.waitFor();
      await page.screenshot({ path: join(out, `keys-${context.scheme}.png`) });
      const views = await sheet.getByRole("table", { name: "Views" }).locator("tr").evaluateAll((lines) => lines.map((line) => [[...line.querySelectorAll("kbd")].map((key) => key.textContent), line.querySelector("td").textContent]));
      assert(views.length >= 9, `views on the sheet: ${views.length}`);
      await page.keyboard.press("Escape");
      await sheet.waitFor({ state: "detached" });
      for (const [[first, second, digit], label] of views) {
        for (const keys of [[first, second], [digit]]) {
          await page.getByRole("tab", { name: label === "Overview" ? "Help" : "Overview" }).click();
          await press(page, ...keys);
          await page.getByRole("tab", { name: new RegExp(`^${label}`), selected: true }).waitFor();
        }
      }
    }),
  },
  {
    name: "the tour points at parts of the page, goes by keys and ends with Escape",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        await page.getByRole("button", { name: "Take the tour" }).click();
        await concluded(page);
        const tour = page.locator("[data-test=tour]");
        const steps = Number(/of (\d+)/.exec(await tour.innerText())[1]);
        const seen = new Set();
        for (let at = 1; at <= steps; at += 1) {
          await tour.getByText(`${at} of ${steps}`).waitFor();
          await page.locator(".tour-ring:not([hidden])").waitFor();
          seen.add(await page.getByRole("tab", { selected: true }).first().innerText());
          await page.waitForTimeout(260);
          const hidden = await page.evaluate(() => {
            const [box, ring] = [".tour[data-test]", ".tour-ring"].map((selector) => document.querySelector(selector).getBoundingClientRect());
            const over = Math.max(0, Math.min(box.right, ring.right) - Math.max(box.left, ring.left)) * Math.max(0, Math.min(box.bottom, ring.bottom) - Math.max(box.top, ring.top));
            return { share: over / (ring.width * ring.height), inside: box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight };
          });
          assert(hidden.inside && hidden.share < 0.5, `step ${at} stands in the way: ${JSON.stringify(hidden)}`);
          if (at === 1 || at === 4) await page.screenshot({ path: join(out, `tour-${at}-${context.scheme}.png`) });
          if (at < steps) await page.keyboard.press("ArrowRight");
        }
        assert(seen.size >= 4, `it opens views: ${[...seen].join(", ")}`);
        await page.keyboard.press("ArrowLeft");
        await tour.getByText(`${steps - 1} of ${steps}`).waitFor();
        await page.keyboard.press("Escape");
        await tour.waitFor({ state: "detached" });
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        await opened.close();
      }
    },
  },
  {
    name: "help is there before any evidence, and drops into the overview",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        await page.getByRole("button", { name: "Help", exact: true }).click();
        await page.getByRole("tab", { name: "Detectors" }).click();
        const detectors = page.getByRole("list", { name: "Detectors" }).getByRole("button");
        await detectors.first().waitFor();
        assert(await detectors.count() >= 25, `detectors with a page: ${await detectors.count()}`);
        await page.locator("[data-test=manual] h3").first().waitFor();
        await page.getByRole("tab", { name: "Formats" }).click();
        await page.getByText("waagent-log", { exact: true }).waitFor();
        await page.getByRole("tab", { name: "Filter" }).click();
        await page.getByRole("table", { name: "Fields" }).getByText("caller", { exact: true }).waitFor();
        await page.getByRole("tab", { name: "What it sees and what not" }).click();
        await page.getByRole("heading", { name: "What it does not see" }).waitFor();
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        await opened.close();
      }
    },
  },
  {
    name: "a day's work without a mouse: overview, incident, finding, raw record, triage, note, execution, filter, export",
    run: async (context) => {
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        const focused = (selector) => page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);
        for (let presses = 0; presses < 12; presses += 1) {
          await page.keyboard.press("Tab");
          if (await page.evaluate(() => document.activeElement?.textContent === "Open the example case")) break;
        }
        await page.keyboard.press("Enter");
        await concluded(page);
        await page.locator("[data-test=lead]").waitFor();
        await press(page, "g", "o");
        await focused("[data-test=open-lead]");
        await press(page, "r");
        await focused("[data-test=raw]");
        await press(page, "g", "o");
        await focused("[data-test=open-lead]");
        await press(page, "Tab");
        await focused("[data-test=open-lead-incident]");
        await press(page, "Enter");
        await incidentPanel(page).locator("h2").waitFor();
        await press(page, "g", "f");
        await focused("#findings-tree");
        await page.locator(".finding-line").first().waitFor();
        await press(page, "Home");
        await page.locator(".finding-group[data-active=true]").waitFor();
        await press(page, "ArrowDown");
        const panel = findingPanel(page);
        await panel.locator("h2").waitFor();
        await press(page, "c");
        await page.locator(".finding-line .triage.confirmed").first().waitFor();
        await press(page, "n");
        await focused("textarea");
        await page.keyboard.type("seen by c and n alone");
        await press(page, "Escape");
        await page.locator(".finding-line .triage.note").first().waitFor();
        await press(page, "i");
        await incidentPanel(page).locator("[data-test=its-story]").first().waitFor();
        await press(page, "y");
        await page.locator("[data-test=story] h2").waitFor();
        await focused("[data-test=story]");
        await press(page, "g", "f");
        await focused("#findings-tree");
        await page.locator(".finding-line").first().waitFor();
        await press(page, "Home", "ArrowDown");
        await panel.locator("[data-test=evidence-rows] button").first().waitFor();
        await press(page, "w");
        await detail(page).waitFor();
        await focused(".events .rows");
        await press(page, "/");
        await focused("[data-test=filter]");
        await page.keyboard.type("kind:cloud*");
        await press(page, "Enter");
        await page.locator("[data-test=filter-count]").getByText(/ of /).waitFor();
        await press(page, "Control+k");
        await page.locator("dialog[data-test=palette] input").waitFor();
        await page.keyboard.type("export");
        await press(page, "Enter");
        await focused("[data-test=share] input[value=report-html]");
        await press(page, "ArrowDown", "ArrowDown");
        await focused("[data-test=share] input[value=case]");
        const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
        const document = JSON.parse(readFileSync(await download.path(), "utf8"));
        assert(document.findings.length > 0, "the case document has findings");
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        await opened.close();
      }
    },
  },
  {
    name: "overview, incident, palette and help: hostile evidence stays text",
    run: async (context) => {
      const folder = scratch();
      const opened = await openPage(context.browser, context.address);
      try {
        const { page } = opened;
        hostileEvidence(join(folder.path, "evidence"), "127.0.0.1:9");
        await choose(page, true, join(folder.path, "evidence"));
        await concluded(page);
        await page.locator("[data-test=overview] .card").first().waitFor();
        const check = async (where) => {
          equal(await page.evaluate(() => window.__ran), undefined, `script ran in ${where}`);
          equal(await page.locator("main img, main iframe, main a[href], main script, main style, main form, dialog img, dialog a").count(), 0, `elements from evidence in ${where}`);
        };
        await check("overview");
        // Something hostile is on the screen.
        await page.locator("[data-test=overview]").getByText(/</).first().waitFor();
        const incidents = page.locator(".incident-line");
        if (await incidents.count() > 0) {
          await incidents.first().click();
          for (const line of (await incidentPanel(page).locator(".story-button").all()).slice(0, 10)) await line.click();
          await check("incident");
        }
        await press(page, "Control+k");
        await page.locator("dialog input").fill("<");
        await page.locator("dialog [role=option]").first().waitFor();
        await check("palette");
        equal(opened.complaints.join("\n"), "", "the page complained");
      } finally {
        await opened.close();
        folder.remove();
      }
    },
  },
  {
    name: "no view scrolls sideways at 1280 by 720, nor at 200 % zoom",
    schemes: ["file"],
    run: async (context) => {
      const wide = [];
      // At 200 % a window of 1280 by 720 has 640 by 360 pixels of CSS.
      for (const viewport of [{ width: 1280, height: 720 }, { width: 640, height: 360 }]) {
        await withExample(context, { viewport }, async (page) => {
          const views = await page.getByRole("tablist", { name: "Views" }).getByRole("tab").all();
          for (const tab of views) {
            const name = (await tab.innerText()).split(" ")[0];
            await tab.click();
            await page.waitForTimeout(250);
            const { have, room } = await page.evaluate(() => ({ have: document.documentElement.scrollWidth, room: document.documentElement.clientWidth }));
            if (have > room) wide.push(`${name} at ${viewport.width}: ${have} > ${room}`);
            await page.screenshot({ path: join(out, `fit-${name.toLowerCase()}-${viewport.width}.png`) });
          }
        });
      }
      equal(wide.join("\n"), "", "views that scroll sideways");
    },
  },
  ...[false, true].map((dark) => ({
    name: `every view keeps nobody out (${dark ? "dark" : "light"})`,
    schemes: ["file"],
    run: (context) => withExample(context, { dark }, async (page) => {
      const theme = dark ? "dark" : "light";
      const views = await page.getByRole("tablist", { name: "Views" }).getByRole("tab").all();
      equal(views.length, 9, "views");
      for (const tab of views) {
        const name = (await tab.innerText()).split(" ")[0].toLowerCase();
        await tab.click();
        await page.waitForTimeout(300);
        await page.screenshot({ path: join(out, `view-${name}-${theme}.png`) });
        await accessible(page, `${name}, ${theme}`);
      }
      await page.getByRole("tab", { name: "Overview" }).click();
      await page.locator("[data-test=open-lead-incident]").click();
      await incidentPanel(page).locator(".story-button").first().click();
      await page.locator("[data-test=raw-record] pre").waitFor();
      await page.screenshot({ path: join(out, `incident-${theme}.png`) });
      await accessible(page, `incident, ${theme}`);
      await incidentPanel(page).locator(".finding-rows button").first().click();
      await page.locator("[data-test=expect-this]").click();
      await page.locator("[data-test=expect]").waitFor();
      await accessible(page, `expect, ${theme}`);
      await page.getByRole("tab", { name: "Published rules" }).click();
      await page.locator("[data-test=published] .disclose").first().click();
      await accessible(page, `published rules, ${theme}`);
      await page.getByRole("tab", { name: "Help", exact: true }).click();
      for (const name of ["Detectors", "Formats", "Filter", "What it sees and what not"]) {
        await page.getByRole("tablist", { name: "Help pages" }).getByRole("tab", { name }).click();
        await page.waitForTimeout(250);
        await page.screenshot({ path: join(out, `help-${name.split(" ")[0].toLowerCase()}-${theme}.png`) });
        await accessible(page, `help ${name}, ${theme}`);
      }
      await press(page, "Control+k");
      await page.locator("dialog [role=option]").first().waitFor();
      await page.screenshot({ path: join(out, `palette-${theme}.png`) });
      await accessible(page, `palette, ${theme}`);
      await press(page, "Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("?");
      await page.locator("dialog[data-test=keys]").waitFor();
      await page.screenshot({ path: join(out, `keys-${theme}.png`) });
      await accessible(page, `keys, ${theme}`);
    }),
  })),
];
