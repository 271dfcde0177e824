// The one worker script. The first message says which role this instance plays.

import { start } from "./core.js";
import { startCoordinator } from "./coordinator.js";
import type { Role } from "./jobs.js";
import { startReader } from "./reader.js";
import { startWarmer } from "./warmer.js";

self.onmessage = ({ data: role }: MessageEvent<Role>) => {
  const core = start(role.module);
  if (role.role === "warmer") void startWarmer(core, role.example);
  else if (role.role === "coordinator") startCoordinator(core, role);
  else startReader(core);
};
