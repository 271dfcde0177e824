// What readers said and the case has not taken yet.
//
// A batch costs the case some ten milliseconds, and readers send them without a pause. Taken as they come they would stand before every
// question of the page, and before "cancel" too; here they wait in a list of their own, and after some milliseconds of work the page has a turn.
//
// Rejected: fewer or smaller batches. The same work in more pieces, and whoever asks would still stand behind all of them.

/** Works so long before others have a turn. */
const TURN_MS = 8;

export class Inbox<T> {
  private waiting: T[] = [];
  private readonly turn = new MessageChannel();
  private asked = false;

  /** `take` takes one; `emptied` is told each time that none is left. */
  constructor(private readonly take: (one: T) => void, private readonly emptied: () => void) {
    this.turn.port1.onmessage = () => {
      this.work();
    };
  }

  add(one: T): void {
    this.waiting.push(one);
    this.ask();
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  has(like: (one: T) => boolean): boolean {
    return this.waiting.some(like);
  }

  /** Lets go of all that waits. */
  forget(): void {
    this.waiting = [];
  }

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    this.turn.port2.postMessage(null);
  }

  private work(): void {
    this.asked = false;
    const began = performance.now();
    try {
      for (let one = this.waiting.shift(); one !== undefined; one = this.waiting.shift()) {
        this.take(one);
        if (performance.now() - began > TURN_MS) break;
      }
    } finally {
      if (!this.isEmpty) this.ask();
    }
    if (this.isEmpty) this.emptied();
  }
}
