import { once } from "node:events";
import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How long answers under way may take to go out. */
const GRACE_MS = 500;

/** Takes no more connections, lets answers under way go out, then ends every connection that is left. */
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
