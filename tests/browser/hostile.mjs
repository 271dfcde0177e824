// Evidence that tries to become more than text: markup, scripts, links, style, control and bidirectional characters in every field of every
// format. Nothing of it may become an element, run, ask for anything, or hide.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { assert, choose, equal, exported, openPage, ready, scratch } from "./harness.mjs";
import { Listeners } from "./egress/listeners.mjs";

const payloads = (host) => [
  `<img src=http://${host}/i onerror=window.__ran=1>`,
  `<script>window.__ran=1;fetch('http://${host}/f')</script>`,
  `<a href="http://${host}/a" ping="http://${host}/p">x</a><link rel=preconnect href=http://${host}>`,
  `<style>*{background:url(http://${host}/c)}</style><iframe src="http://${host}/fr"></iframe>`,
  `javascript:window.__ran=1 \u202Egnp.exe \u0007\u001b[31m\u0000 \u200b{{7*7}} \${7*7}`,
];

export function evidence(folder, host) {
  const text = payloads(host).join(" ");
  const put = (path, value) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), value);
  };
  const flat = text.replace(/[\u0000\n]/g, " ");
  const quoted = JSON.stringify(text);
  const every = (names) => Object.fromEntries(names.map((name) => [name, text]));
  put("rest.json", JSON.stringify([{ ...every(["caller", "correlationId", "eventDataId", "description", "level", text]), resourceId: `/subscriptions/${flat}/x`, operationName: { value: text, localizedValue: text }, status: { value: text }, eventTimestamp: "2024-05-01T08:00:00Z", claims: every([text, "name", "ipaddr"]), properties: every(["message", text]) }]));
  put("PT1H.json", JSON.stringify({ ...every(["operationName", "correlationId", "resultType", "callerIpAddress", "level"]), category: "Administrative", resourceId: flat, time: "2024-05-01T08:00:01Z", identity: { claims: every(["name"]), authorization: { evidence: every(["role"]) } } }));
  put(`${"<b onclick=window.__ran=1>"}/var/log/waagent.log`, `2024-05-01T08:00:02.000001Z INFO ExtHandler [Contoso.${flat}-1.0.0] ${flat}\n<script>window.__ran=1</script>\n`);
  put("h/var/log/syslog", `May  1 08:00:03 ${"<u>host</u>"} ${flat}\n`);
  put("h/var/log/auth.log", `2024-05-01T08:00:04+00:00 h sshd[1]: Accepted password for <i>${flat.replaceAll(" ", "_")} from 203.0.113.9 port 1 ssh2\n`);
  put("h/var/log/azure/run-command/handler.log", `time=2024-05-01T08:00:05Z version=v1 operation=enable seq=1 event=${quoted} message=${quoted}\n`);
  put("h/var/lib/waagent/run-command/download/1/script.sh", `#!/bin/sh\n${text}\n`);
  put("h/var/lib/waagent/run-command/download/1/stdout", text);
  put("h/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5/status/1.status", JSON.stringify([{ version: 1, timestampUTC: "2024-05-01T08:00:06Z", status: { name: text, operation: "Enable", status: "success", formattedMessage: { lang: "en", message: `Enable succeeded: \n[stdout]\n${text}\n[stderr]\n${text}` } } }]));
  put("h/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.28/config/x.1.settings", JSON.stringify({ runtimeSettings: [{ handlerSettings: { publicSettings: { source: { script: text }, runAsUser: text } } }] }));
  put("invoke.json", JSON.stringify({ value: [{ code: "ProvisioningState/succeeded", message: `Enable succeeded: \n[stdout]\n${text}\n[stderr]\n`, displayStatus: text }] }));
  put("plain.txt", text);
}

/** Every tag of the page and every attribute that could act. */
const census = () => ({
  tags: [...new Set([...document.querySelectorAll("*")].map((element) => element.tagName.toLowerCase()))].sort(),
  acting: [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes].filter(({ name, value }) => /^on|^srcdoc$|^src$|^action$|^ping$/.test(name) || (name === "href" && !value.startsWith("blob:"))).map(({ name }) => `${element.tagName} ${name}`)),
});

export const tests = [
  {
    name: "hostile evidence stays text",
    run: async ({ browser, address }) => {
      const listeners = await Listeners.start();
      const folder = scratch();
      const opened = await openPage(browser, address);
      try {
        const { page } = opened;
        evidence(join(folder.path, "evidence"), listeners.host);
        const before = await page.evaluate(census);
        // By the folder button: of a dropped folder Chromium leaves out names with `<` in them.
        await choose(page, true, join(folder.path, "evidence"));
        await ready(page);
        const rows = page.locator(".rows .row:not(.waiting)");
        await rows.first().waitFor();
        const total = Number(await page.getByRole("table", { name: "Events" }).getAttribute("aria-rowcount"));
        assert(total >= 11, `an event of every format: ${total}`);
        const allowed = new Set([...before.tags, "main", "section", "div", "span", "table", "tbody", "thead", "tr", "th", "td", "aside", "dl", "dt", "dd", "pre", "h2", "h3", "canvas", "label", "input", "code", "ul", "li", "strong", "i", "br", "progress", "p", "button", "ol", "h4", "h5", "select", "option", "textarea", "datalist", "details", "summary", "svg", "rect", "text", "title", "g", "line"]);
        const check = async (where) => {
          const now = await page.evaluate(census);
          equal(now.tags.filter((tag) => !allowed.has(tag)).join(" "), "", `elements in ${where}`);
          equal(now.acting.join(" "), "", `acting attributes in ${where}`);
          equal(await page.evaluate(() => window.__ran), undefined, `script ran in ${where}`);
        };
        await page.locator(".rows").focus();
        await page.keyboard.press("Home");
        for (let row = 1; row <= total; row += 1) {
          await page.locator(`.rows .row[aria-selected=true][aria-rowindex='${row}']`).waitFor();
          await check(`row ${row}`);
          if (row < total) await page.keyboard.press("ArrowDown");
        }
        const shown = await page.locator("#page").innerText();
        assert(!/[\u202e\u200b\u001b\u0007]/.test(shown), "control and bidirectional characters are shown by name");
        for (const tab of [/Hosts/, /Actors/]) {
          await page.getByRole("tab", { name: tab }).click();
          await page.locator("[role=listbox]").waitFor();
          for (const option of await page.locator("[role=option]").all()) {
            await option.click();
            await page.locator(".finding-panel h2").waitFor();
            await check(`${tab} opened`);
          }
        }
        for (const tab of [/Evidence/, /Findings ·/]) {
          await page.getByRole("tab", { name: tab }).click();
          for (const button of await page.locator(".disclose, [data-test=evidence-row]").all()) {
            await button.click();
            await check(String(tab));
          }
        }
        const document = JSON.parse((await exported(page, true)).toString());
        assert(document.events.some((event) => JSON.stringify(event).includes("onerror")), "the text itself is in the document, unchanged");
        await page.waitForTimeout(500);
        equal(listeners.hits().join(" "), "", "requests that reached a listener");
        equal(opened.complaints.join("\n"), "", "the page complained");
        return `${total} events`;
      } finally {
        await opened.close();
        folder.remove();
        await listeners.stop();
      }
    },
  },
];
