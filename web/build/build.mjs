// Makes the one file: styles, page script, worker script, compressed core and example case in `dist/runlens.html`.
//
//   node build/build.mjs [--pkg DIR] [--example FILE] [--out FILE] [--draft]
//
// --pkg      what wasm-pack made of crate/wasm            (../crate/wasm/pkg)
// --example  the example case as JSON                     (../dist/example.json, left out where it is missing)
// --out      the product                                  (../dist/runlens.html)
// --draft    leaves the core as it was compiled, which saves a minute or two
//
// The same input gives the same bytes: no time, no path, no random name enters the output.
//
// Rejected: a bundler's HTML plug-in. The hash of each inline part must be in the policy that precedes it, and the data blocks
// must not be touched; forty lines say that more plainly than a plug-in's options.

import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { contentSecurityPolicy } from "./policy.mjs";

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const root = resolve(web, "..");

function flag(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return resolve(at > 0 ? (process.argv[at + 1] ?? fallback) : fallback);
}

/** gzip without a time and with the same operating-system byte everywhere. */
function gzip(bytes) {
  const packed = gzipSync(bytes, { level: 9 });
  packed[9] = 255;
  return packed;
}

const tool = createRequire(import.meta.url).resolve("binaryen/package.json");
// Functions with one caller stay functions: put into it they grow to 350 KB, and such a one takes a browser seconds to compile once it is hot.
const OPTIMISE = ["-O3", "--one-caller-inline-max-function-size", "60", "--enable-simd", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext", "--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue", "--strip-debug", "--strip-producers"];

/** Shrinks and speeds the core with binaryen's own wasm-opt, from npm. It takes minutes, so the last result is kept beside the packages, under the hash of all it was made from. */
function optimised(wasm) {
  const made = createHash("sha256").update(readFileSync(tool)).update(OPTIMISE.join(" ")).update(wasm).digest("hex");
  const kept = join(web, "node_modules/.cache/runlens");
  const [from, to, known] = ["in.wasm", "out.wasm", `${made}.wasm`].map((name) => join(kept, name));
  if (existsSync(known)) return readFileSync(known);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  writeFileSync(from, wasm);
  const done = spawnSync(process.execPath, [join(dirname(tool), "bin", "wasm-opt"), ...OPTIMISE, from, "-o", to], { encoding: "utf8" });
  rmSync(from);
  if (done.status !== 0) throw new Error(`wasm-opt failed: ${done.stderr}`);
  // A name that is there is a whole file.
  renameSync(to, known);
  return readFileSync(known);
}

async function bundle(entry) {
  const { outputFiles } = await build({
    absWorkingDir: web,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    target: ["chrome116", "firefox128", "safari17"],
    minify: true,
    legalComments: "none",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  return outputFiles[0].text;
}

const sha256 = (text) => createHash("sha256").update(text).digest("base64");
/** Text that stands inside a script element must not end it. */
const inert = (text) => text.replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--");

const pkg = flag("pkg", join(root, "crate/wasm/pkg"));
const example = flag("example", join(root, "dist/example.json"));
const out = flag("out", join(root, "dist/runlens.html"));

const compiled = readFileSync(join(pkg, "runlens_wasm_bg.wasm"));
const wasm = process.argv.includes("--draft") ? compiled : optimised(compiled);
const glue = readFileSync(join(pkg, "runlens_wasm.js"), "utf8");
const worker = `${glue}\n${await bundle("src/worker.ts")}`;
// Compiled when the page opens, where a browser knows the hint, and not in the middle of the first drop.
const page = `//# allFunctionsCalledOnLoad\n${inert(await bundle("src/page.tsx"))}`;
const { outputFiles } = await build({ absWorkingDir: web, entryPoints: ["styles/page.css"], bundle: true, write: false, minify: true, charset: "utf8" });
const style = outputFiles[0].text;

const data = {
  core: gzip(wasm),
  worker: gzip(Buffer.from(worker)),
  ...(existsSync(example) ? { example: gzip(readFileSync(example)) } : {}),
};
const policy = contentSecurityPolicy({ scriptHashes: [sha256(page)], styleHashes: [sha256(style)] });
const blocks = Object.entries(data)
  .map(([name, bytes]) => `<script type="application/octet-stream" id="data-${name}">${bytes.toString("base64")}</script>`)
  .join("\n");

const template = readFileSync(join(root, "index.html"), "utf8");
const html = template.replace(/<!--(policy|style|data|page)-->/g, (_, part) =>
  part === "policy" ? policy : part === "style" ? `<style>${style}</style>` : part === "data" ? blocks : `<script>${page}</script>`,
);
// The page names itself in reports: the SHA-256 of this file with the name's own place filled with zeros.
const nobody = 'name="runlens-page" content="' + "0".repeat(64);
if (html.split(nobody).length !== 2) throw new Error("index.html has no single place for the page's own SHA-256");
const own = createHash("sha256").update(html).digest("hex");
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, html.replace(nobody, nobody.replace("0".repeat(64), own)));

const size = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`.padStart(10);
for (const [name, bytes] of Object.entries(data)) console.log(`${name.padEnd(8)}${size((bytes.length * 4) / 3)}`);
console.log(`${"page".padEnd(8)}${size(page.length)}\n${"style".padEnd(8)}${size(style.length)}\n${"all".padEnd(8)}${size(Buffer.byteLength(html))}`);
