// The page's script. The wall stands before anything else.

import "./wall.js";
import { effect } from "@preact/signals";
import { render } from "preact";
import { missingInBrowser } from "./bridge.js";
import { failure, overview, phase, start } from "./state.js";
import { App } from "./views/app.js";

const place = document.getElementById("page");
if (place !== null) {
  const lacks = missingInBrowser();
  if (lacks === null) {
    effect(() => {
      document.documentElement.dataset["state"] = phase.value;
      document.documentElement.dataset["hashes"] = phase.value === "ready" && overview.value?.hashing === false ? "known" : "open";
    });
    start().catch((error: unknown) => {
      failure.value = error instanceof Error ? error.message : String(error);
    });
  } else {
    failure.value = lacks;
  }
  place.replaceChildren();
  render(<App />, place);
}
