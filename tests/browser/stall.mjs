// What a page is found doing when its test ends: drawing, running its script on and on, or waiting for a browser that draws no frame of it.
//
// Every click waits for two frames. A browser that draws none lets a click wait until its time is over, and the page's script, asked directly, answers all the
// while: that is no fault of the page, and its test is run again in a new browser (run.mjs), which says so. A page whose script runs on is a fault.

import { assert, equal, openPage } from "./harness.mjs";

export const tests = [
  {
    name: "a page that gets no frame is told apart from one whose script runs on",
    schemes: ["file"],
    async run({ browser, address }) {
      const drawing = await openPage(browser, address);
      await drawing.close();
      equal(drawing.stalled(), null, "a page as it should be");

      const undrawn = await openPage(browser, address);
      await undrawn.page.evaluate(() => { window.requestAnimationFrame = () => 0; });
      await undrawn.close();
      equal(undrawn.stalled(), "frames", "a page without frames");

      const busy = await openPage(browser, address);
      const ran = busy.page.evaluate(() => { for (const until = performance.now() + 20_000; performance.now() < until; ); }).catch((error) => error);
      await busy.close();
      equal(busy.stalled(), "script", "a page whose script runs on");
      assert((await ran) instanceof Error, "it was closed meanwhile");
    },
  },
];
