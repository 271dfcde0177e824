// Nothing leaves, proved at the listeners.
//
// A script is added to the page's own bytes, its hash to the policy, so that it is a script of the page: what the wall is for. It tries
// every vector on purpose. What reaches the listeners must be exactly the residual that `residual.json` and the README name. The same vectors against the same
// page without policy and wall must hit: a test that cannot fail proves nothing.
//
// The browser resolves names at our name server: it runs in a mount namespace of its own with its own resolv.conf (Linux, root).

import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { assert, chromiumPath, equal, fileAddress, here, scratch, serve } from "../harness.mjs";
import { Listeners, NAME_SERVER } from "./listeners.mjs";
import { navigations, passive } from "./vectors.mjs";

/** A page may have only so many requests under way: vectors are tried a dozen at a time. */
const TOGETHER = 12;
const SETTLE_MS = 2_500;
const residual = JSON.parse(readFileSync(join(here, "egress/residual.json"), "utf8"));

/** A Chromium that asks our name server. */
async function launchHere(folder) {
  const resolver = join(folder, "resolv.conf");
  const wrapper = join(folder, "chromium.sh");
  writeFileSync(resolver, `nameserver ${NAME_SERVER}\n`);
  writeFileSync(wrapper, `#!/bin/sh\nexec unshare --mount sh -c 'mount --bind ${resolver} /etc/resolv.conf && exec "$@"' sh ${chromiumPath()} "$@"\n`);
  chmodSync(wrapper, 0o755);
  // A lasting profile, as a person's: in a private one Chromium follows no hint.
  return chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: wrapper,
    // Without `--disable-background-networking`, which would also switch off the hints that this test is about.
    ignoreDefaultArgs: ["--disable-background-networking", "--disable-features"],
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync", "--disable-features=DnsOverHttps,DnsHttpsSvcb"],
  });
}

const body = (code, at, ports) => `(async () => { const host = "v${at}.probe.test", url = "http://" + host + ":${ports.http}/${at}", udpPort = ${ports.udp}; ${code} })().catch(() => undefined);`;
/** Code that throws at once must not stop the next. */
const guarded = (text) => `try { ${text} } catch { /* refused */ }`;

/** The page with a probe, which runs when told. */
function variant(html, probe, walled) {
  const script = `window.__probe = () => { ${probe} };`;
  const hash = createHash("sha256").update(script).digest("base64");
  const added = html.replace("</body>", `<script>${script}</script></body>`);
  if (walled) return added.replace("script-src ", `script-src 'sha256-${hash}' `);
  // Neither policy, nor prefetch control, nor the page's own script with its wall.
  return added.replace(/<meta http-equiv="(Content-Security-Policy|x-dns-prefetch-control)"[^>]*>/g, "").replace(/<script>(?!window\.__probe)[\s\S]*?<\/script>/g, "");
}

/** What reaches the listeners when these vectors are tried, as `vector: channels`. */
async function arrivals({ browser, listeners, html, vectors, scheme, walled, together, folder }) {
  const names = Object.keys(vectors);
  const ports = { http: listeners.httpPort, udp: listeners.udpPort };
  const size = together ? TOGETHER : 1;
  const groups = Array.from({ length: Math.ceil(names.length / size) }, (_, at) => names.slice(at * size, (at + 1) * size));
  let packets = 0;
  const found = [];
  for (const group of groups) {
    const probe = group.map((name) => guarded(body(vectors[name], names.indexOf(name), ports))).join("\n");
    const bytes = Buffer.from(variant(html, probe, walled));
    const path = join(folder, "page.html");
    writeFileSync(path, bytes);
    const server = await serve(bytes);
    const page = await browser.newPage();
    try {
      listeners.clear();
      page.on("dialog", (dialog) => void dialog.dismiss());
      await page.goto(scheme === "file" ? fileAddress(path) : server.address);
      if (walled) await page.waitForSelector("html[data-state=empty]", { timeout: 30_000 });
      await page.evaluate(() => { window.__probe(); });
      await page.waitForTimeout(together ? SETTLE_MS : 1_500);
    } finally {
      for (const open of browser.pages().slice(1)) await open.close();
      await server.close();
    }
    const hits = listeners.byVector();
    for (const name of group) {
      const channels = hits.get(names.indexOf(name));
      if (channels !== undefined) found.push(`${name}: ${[...channels].sort().join("+")}`);
    }
    packets += listeners.count("udp");
  }
  // A UDP packet carries no name; which vector sent it is told by its look-up.
  return [...found, ...(packets > 0 ? ["(some): udp"] : [])].sort();
}

async function measure({ scheme, page, walled }) {
  const html = readFileSync(page, "utf8");
  const folder = scratch();
  const listeners = await Listeners.start({ names: true });
  const browser = await launchHere(folder.path);
  try {
    const common = { browser, listeners, html, scheme, walled, folder: folder.path };
    return {
      passive: await arrivals({ ...common, vectors: passive, together: true }),
      navigations: await arrivals({ ...common, vectors: navigations, together: false }),
    };
  } finally {
    await browser.close();
    await listeners.stop();
    folder.remove();
  }
}

export const tests = [
  {
    name: "egress: with policy and wall only the residual arrives",
    run: async ({ scheme, page }) => {
      const have = await measure({ scheme, page, walled: true });
      if (process.env.RUNLENS_BLESS) {
        residual[scheme] = have;
        writeFileSync(join(here, "egress/residual.json"), `${JSON.stringify(residual, null, 2)}\n`);
      } else {
        equal(have.passive.join("\n"), residual[scheme].passive.join("\n"), "passive vectors that arrived");
        equal(have.navigations.join("\n"), residual[scheme].navigations.join("\n"), "navigations that arrived");
      }
      return `${Object.keys(passive).length} passive vectors, ${have.passive.length} arrived (${have.passive.join(", ")}); ${have.navigations.length} of ${Object.keys(navigations).length} navigations`;
    },
  },
  {
    name: "egress: without them the same vectors do hit",
    run: async ({ scheme, page }) => {
      const have = await measure({ scheme, page, walled: false });
      // Each class of vector must be able to hit, or its silence above would prove nothing.
      for (const name of ["fetch", "xhr", "beacon", "event source", "web socket", "image", "script", "import", "eval", "stylesheet", "frame", "css background", "css image-set", "css font", "svg image", "markup image", "markup event", "worker fetch", "preload script", "prefetch", "dns-prefetch", "preconnect", "form to a frame", "object", "video"]) {
        assert(have.passive.some((hit) => hit.startsWith(`${name}: `)), `without the policy "${name}" must hit`);
      }
      assert(have.passive.some((hit) => hit.endsWith("udp")), "without the wall STUN must hit");
      assert(have.passive.length >= 70, `only ${have.passive.length} passive vectors hit`);
      assert(have.navigations.length >= 10, `only ${have.navigations.length} navigations hit`);
      return `${have.passive.length} passive, ${have.navigations.length} navigations`;
    },
  },
];
