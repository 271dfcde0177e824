// What runs where, and what enforces it: the policy itself, word by word, and what remains.

import type { JSX } from "preact";

export function Offline({ close }: { close: () => void }): JSX.Element {
  const policy = document.querySelector<HTMLMetaElement>("meta[http-equiv='Content-Security-Policy']")?.content ?? "";
  return (
    <section class="panel" aria-label="How it stays offline" data-test="offline-panel">
      <div class="panel-head">
        <h2>How it stays offline</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={close}>✕</button>
      </div>
      <p>
        Evidence is read by workers of this page, on this machine. The page is one file; it asks for nothing, and the browser is told to refuse it everything:
        this policy stands first in the file.
      </p>
      <ul class="policy">{policy.split("; ").map((part) => <li key={part}><code>{part}</code></li>)}</ul>
      <p>
        Before anything else runs, the page takes away the browser's WebRTC and WebTransport constructors, also in child frames, switches off DNS prefetching, and stops
        links and forms. Text from evidence is only ever shown as text: Trusted Types make the browser refuse to treat it as markup or script.
      </p>
      <p>
        What this does not stop: a script of the page itself, in a build that someone corrupted, could still ask the browser for a DNS or TCP hint or navigate
        away. Compare the SHA-256 of the file you use with the published one.
      </p>
    </section>
  );
}
