// The one worker script. The first message says which role this instance plays.

import { start } from "./core.js";
import { startCoordinator } from "./coordinator.js";
import type { Role } from "./jobs.js";
import { startReader } from "./reader.js";

self.onmessage = (event: MessageEvent<Role>) => {
  const core = start(event.data.module);
  if (event.data.role === "coordinator") startCoordinator(core, event.data);
  else startReader(core);
};
