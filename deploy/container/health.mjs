#!/usr/bin/env node
// Health of the bridge in this container, for HEALTHCHECK: 0 where it works, 1 where it does not.
//
// Asks /readyz of its web server, which takes a fraction of a second. Where nothing answers there (the server is off, encrypts or has
// another port), asks over MQTT with `voltbridge status`. VOLTBRIDGE_READY_URL: where to ask instead.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const url = process.env.VOLTBRIDGE_READY_URL ?? "http://127.0.0.1:8080/readyz";
const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
if (answer) {
  console.log((await answer.text()).trim());
  process.exitCode = answer.ok ? 0 : 1;
} else {
  const starter = fileURLToPath(new URL("../../bin/voltbridge", import.meta.url));
  const { status } = spawnSync(process.execPath, [starter, "status", "--json"], { stdio: "inherit" });
  process.exitCode = status === 0 ? 0 : 1;
}
