// Before the first drop: what to do, what it takes, and the example.

import type { JSX } from "preact";
import { fromExample, fromPicker, hasExample } from "../intake.js";
import { startTour } from "../keys.js";
import { open } from "../state.js";
import { OpenSession } from "./share.js";

export function Empty(): JSX.Element {
  return (
    <main class="empty">
      <section class="drop" data-test="drop-zone" aria-labelledby="drop-title">
        <h2 id="drop-title">Who ran what on which Azure VM?</h2>
        <p class="lead">Drop Activity Logs, guest logs, status files or whole collections here, as they are.</p>
        <div class="choices">
          <button type="button" class="strong" onClick={() => open(fromPicker(false))}>Choose files…</button>
          <button type="button" onClick={() => open(fromPicker(true))}>Choose a folder…</button>
          {hasExample() ? <button type="button" onClick={() => open(fromExample())}>Open the example case</button> : null}
          <OpenSession />
          {hasExample() ? <button type="button" class="quiet" onClick={startTour}>Take the tour</button> : null}
        </div>
        <dl class="takes">
          <div><dt>Cloud</dt><dd>Activity Log from az, REST, the portal, PowerShell, Sentinel, Elastic or a storage account; Entra sign-ins, audit and risk; NSG and VNet flows</dd></div>
          <div><dt>Linux guests</dt><dd>waagent.log, handler.log, syslog, auth.log, journal, auditd, status and settings files, Run Command download folders</dd></div>
          <div><dt>Windows guests and endpoints</dt><dd>event logs (.evtx and their renderings), agent and handler logs, Defender tables, Sysmon, Elastic Defend</dd></div>
          <div><dt>And with them</dt><dd>zip, tar, gz, bz2, xz and zst, nested; Sigma rules; a manifest to compare with. Whatever else is dropped is listed and hashed</dd></div>
        </dl>
      </section>
    </main>
  );
}
