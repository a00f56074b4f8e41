import { once } from "node:events";
import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Time for answers in progress to be sent, in milliseconds. */
const GRACE_MS = 500;

/** Accepts no more connections, lets answers in progress be sent, then ends every remaining connection. */
export async function shutDown(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const waiting = new AbortController();
  await Promise.race([closed, sleep(GRACE_MS, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
  server.closeAllConnections();
  await closed;
}
