// The brief of the case, asked anew when the case has changed: at once when reading has ended, now and then while it goes on.

import { effect, signal } from "@preact/signals";
import type { Brief } from "./protocol/brief.js";
import { ask, overview, phase, say, view } from "./state.js";
import { turn } from "./triage.js";

/** The brief, and whether it is of all that was read: hosts and findings come with the end of reading. */
export const brief = signal<{ readonly brief: Brief; readonly whole: boolean } | null>(null);

/** While reading goes on the case changes ten times a second, and nobody reads that fast. */
const PAUSE_MS = 1_500;
let asking = false;
let again = false;
let pause: ReturnType<typeof setTimeout> | undefined;

function look(): void {
  const whole = phase.peek() !== "reading";
  if (asking || (!whole && pause !== undefined)) {
    again = true;
    return;
  }
  clearTimeout(pause);
  [pause, asking, again] = [undefined, true, false];
  ask("brief", { hosts: whole })
    .then((answer) => { brief.value = { brief: answer, whole }; })
    .catch((error: unknown) => { say(String(error)); })
    .finally(() => {
      asking = false;
      if (phase.peek() !== "reading") {
        if (again) look();
        return;
      }
      pause = setTimeout(() => {
        pause = undefined;
        if (again) look();
      }, PAUSE_MS);
    });
}

effect(() => {
  const known = overview.value;
  if (known === null || known.items === 0 || view.value !== "overview" || turn.value < 0) return;
  look();
});
