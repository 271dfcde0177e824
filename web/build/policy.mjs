// The page's Content-Security-Policy, first in its head.
//
// Nothing may be fetched, framed, submitted or styled from elsewhere; scripts and styles are known by their hashes alone; WebAssembly may be
// compiled; workers come from blob: URLs made by the one Trusted Types policy. The page shows this text to its users, word by word.
//
// Rejected: 'unsafe-inline' for styles. Hashes work, and an injected style can leak what it matches.

/** @param {{scriptHashes: string[], styleHashes: string[]}} hashes base64 SHA-256 of each inline script and style */
export function contentSecurityPolicy({ scriptHashes, styleHashes }) {
  const hashed = (hashes) => hashes.map((hash) => `'sha256-${hash}'`).join(" ");
  return [
    "default-src 'none'",
    `script-src ${hashed(scriptHashes)} 'wasm-unsafe-eval'`,
    `style-src ${hashed(styleHashes)}`,
    "worker-src blob:",
    "connect-src 'none'",
    "img-src 'none'",
    "font-src 'none'",
    "media-src 'none'",
    "object-src 'none'",
    "frame-src 'none'",
    "manifest-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types runlens",
  ].join("; ");
}
