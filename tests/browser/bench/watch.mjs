// What is seen from inside the page while it reads: moments, and how long it did not answer. Runs before the page's own script.
//
// Everything is timed by the page's own clock, from the moment the chosen files reach it, so that neither the driver nor its protocol counts.
// Rejected: asking the page again and again from outside, which is work for the very thread that is watched.

/** Installs the observers; `timeline` opens the timeline as soon as there is one, as a hand would. */
export function watch({ timeline }) {
  const seen = { opened: null, rows: null, ready: null, hashes: null, longest_ms: 0, slow: 0, beats: 0 };
  window.__bench = seen;
  const waiting = [];
  const told = () => {
    for (const [what, resolve] of waiting) if (seen[what] !== null) resolve();
  };
  /** Resolves when something was seen. */
  seen.when = (what) => new Promise((resolve) => { waiting.push([what, resolve]); told(); });

  // A heartbeat of 16 ms: what lies between two beats is how long a click would have waited.
  let before = 0;
  const beat = () => {
    const now = performance.now();
    const gap = now - before;
    before = now;
    seen.beats += 1;
    seen.longest_ms = Math.max(seen.longest_ms, gap);
    if (gap > 100) seen.slow += 1;
    if (seen.ready === null || now - seen.ready < 500) setTimeout(beat, 16);
  };
  document.addEventListener("change", ({ target }) => {
    if (seen.opened !== null || !(target instanceof HTMLInputElement) || target.type !== "file") return;
    seen.opened = before = performance.now();
    setTimeout(beat, 16);
    told();
  }, true);

  const states = () => {
    const { state, hashes } = document.documentElement.dataset;
    if (seen.opened === null) return;
    if (state === "ready" && seen.ready === null) seen.ready = performance.now();
    if (hashes === "known" && seen.hashes === null) seen.hashes = performance.now();
    told();
  };
  new MutationObserver(states).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state", "data-hashes"] });

  if (timeline) {
    let clicked = false;
    const look = new MutationObserver(() => {
      if (seen.opened === null) return;
      const tab = clicked ? null : document.getElementById("tab-timeline");
      if (tab !== null) {
        clicked = true;
        tab.click();
      }
      if (seen.rows === null && document.querySelector(".rows .row:not(.waiting)") !== null) {
        look.disconnect();
        // It is visible with the next frame.
        requestAnimationFrame(() => {
          seen.rows = performance.now();
          told();
        });
      }
    });
    look.observe(document, { subtree: true, childList: true });
  }
}

/** Cancels reading and answers how long it took until the page said so, and until what was read was concluded. */
export function cancel() {
  const button = [...document.querySelectorAll("button")].find((one) => one.textContent === "Cancel reading");
  if (button === undefined) return Promise.resolve(null);
  return new Promise((resolve) => {
    const begun = performance.now();
    let said = null;
    const look = new MutationObserver(() => {
      const now = performance.now() - begun;
      const toast = document.querySelector(".toast")?.textContent ?? "";
      if (said === null && toast.startsWith("Reading was cancelled")) said = now;
      // It ended just before.
      if (toast.startsWith("Reading had already ended")) {
        look.disconnect();
        resolve(null);
      }
      if (said !== null && document.documentElement.dataset.state === "ready") {
        look.disconnect();
        resolve({ said_ms: said, concluded_ms: now });
      }
    });
    look.observe(document, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["data-state"] });
    button.click();
  });
}

/** Stands before the script of every worker: keeps its instances' memories where the driver finds them. */
export const keepsMemories = `{
  self.__memories = [];
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, { construct(target, words) {
    const made = Reflect.construct(target, words);
    for (const part of Object.values(made.exports)) if (part instanceof WebAssembly.Memory) self.__memories.push(part);
    return made;
  } });
}\n`;
