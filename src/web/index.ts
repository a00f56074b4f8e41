// The HTTP interface: a request comes in, is checked for its host, sender and role (`access`), routed and validated (`server`), and
// answered from the parts of the running bridge (`api`, `files`). What happens on the bus goes out as live events (`live`). `page` is
// the program that runs in the browser.

import type { Role } from "../config/index.ts";
import type { StateStore } from "../storage/state-store.ts";
import { systemClock } from "../time/clock.ts";
import { Access, SESSION_NAMESPACE } from "./access/access.ts";
import { apiRoutes } from "./api/index.ts";
import { Feed } from "./live/feed.ts";
import { Recent } from "./live/recent.ts";
import type { WebParts } from "./parts.ts";
import { createApp } from "./server/app.ts";
import { IdentityWatch, readIdentity } from "./server/identity-watch.ts";
import { Listener } from "./server/listener.ts";
import { PageFiles } from "./server/page-files.ts";
import { type ReadinessParts, readinessProbes } from "./server/readiness.ts";

export interface WebOptions extends WebParts, ReadinessParts {
  readonly state: StateStore;
  /** What everybody on this machine may do where there are no users. Default: view. */
  readonly guestRole?: Role | undefined;
  /** The text of `/metrics`; absent: it is not on this port. */
  readonly metrics?: { text(): Promise<string>; readonly contentType: string } | undefined;
}

export interface Web {
  /** Address to open in a browser. */
  readonly url: string;
}

/**
 * Starts the HTTP server of a bridge; `stack` stops it. Rejects where the settings cannot work: port taken, certificate not usable, open
 * to a network without users.
 */
export async function startWeb(options: WebOptions, stack: AsyncDisposableStack): Promise<Web> {
  const { bus, devices, secrets, guestRole = "view", metrics } = options;
  const { web } = options.settings;
  const log = options.log.part("web");
  const access = new Access({
    settings: web,
    state: options.state.namespace(SESSION_NAMESPACE),
    clock: systemClock,
    log,
    guestRole,
  });
  const blank = (text: string) => secrets.blank(text);
  const recent = new Recent(bus);
  stack.defer(() => recent.stop());
  const feed = new Feed({ bus, devices, blank, log });
  const readiness = readinessProbes(options);
  stack.defer(readiness.stop);
  const app = createApp({
    routes: apiRoutes({ parts: options, access, feed, recent }),
    access,
    page: new PageFiles(),
    probes: [...readiness.probes, ...(metrics ? [metricsProbe(metrics)] : [])],
    blank,
    onFault: (error, request) => log.error(`${request} failed`, { err: error }),
  });
  const identity = web.tls && (await readIdentity(web.tls));
  const listener = await Listener.open(app, { host: web.host, port: web.port, identity });
  // The feed first: its connections do not end by themselves.
  stack.defer(() => listener.stop());
  stack.defer(() => feed.stop());
  if (web.tls && identity) {
    const watch = new IdentityWatch(web.tls, identity, (found) => listener.changeIdentity(found), log);
    stack.defer(() => watch.stop());
  }
  const host = web.host.includes(":") ? `[${web.host}]` : web.host;
  const url = `${identity ? "https" : "http"}://${host}:${listener.port}`;
  log.info("the page and its interface are open", { url });
  return { url };
}

function metricsProbe({ text, contentType }: NonNullable<WebOptions["metrics"]>) {
  return {
    path: "/metrics",
    open: false,
    handle: async () => new Response(await text(), { headers: { "content-type": contentType } }),
  };
}
