// The HTTP interface: a request comes in, is checked for its host, sender and role (`access`), routed and validated (`server`), and
// answered from the parts of the running bridge (`api`, `files`). What happens on the bus goes out as live events (`live`). `page` is
// the program that runs in the browser.

import type { Role } from "../config/index.ts";
import { messageOf } from "../log/log.ts";
import { Notices } from "../log/notices.ts";
import { keepListening } from "../net/listening.ts";
import type { StateStore } from "../storage/state-store.ts";
import { systemClock } from "../time/clock.ts";
import { Access, SESSION_NAMESPACE } from "./access/access.ts";
import { apiRoutes } from "./api/index.ts";
import { AccountCalls } from "./live/account-calls.ts";
import { Feed } from "./live/feed.ts";
import { LastHour } from "./live/last-hour.ts";
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
  /** Address to open in a browser; undefined while the server cannot listen. */
  readonly url: string | undefined;
  /** Applies changed users, tokens, hosts and times of sessions. */
  change(settings: WebParts["settings"]["web"]): void;
}

/**
 * Starts the HTTP server of a bridge; `stack` stops it. A port that is taken or a certificate that cannot be used is reported and retried:
 * control of the stations does not wait for a page.
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
  const lastHour = new LastHour(bus, options.now);
  stack.defer(() => lastHour.stop());
  const filling = new AbortController();
  stack.defer(() => filling.abort());
  if (options.historian)
    lastHour.fill(options.historian, devices.infos, filling.signal).catch((error) => {
      const text =
        "the curves of the last hour begin with the start of the bridge: the store could not be read";
      if (!filling.signal.aborted) log.warn(text, { err: error });
    });
  const calls = new AccountCalls(bus, systemClock);
  stack.defer(() => calls.stop());
  const feed = new Feed({ bus, devices, blank, log });
  const readiness = readinessProbes(options);
  stack.defer(readiness.stop);
  const app = createApp({
    routes: apiRoutes({ parts: options, access, feed, recent, lastHour, calls }),
    access,
    page: new PageFiles(),
    probes: [...readiness.probes, ...(metrics ? [metricsProbe(metrics)] : [])],
    blank,
    onFault: (error, request) => log.error(`${request} failed`, { err: error }),
  });
  const notices = new Notices(bus, log, systemClock);
  const listening = await keepListening(
    () => listen(app, web, notices),
    (error) => {
      const text = `the page and its interface cannot be opened at ${web.host} port ${web.port}: ${messageOf(error)}. ${REMEDY}`;
      notices.say("error", "web_not_open", text);
    },
  );
  stack.defer(async () => {
    // Its connections do not end by themselves.
    feed.stop();
    await listening.stop();
  });
  return {
    get url() {
      return listening.server?.url;
    },
    change: (settings) => access.change(settings),
  };
}

const REMEDY = "Set web.port, or web.enabled to false; the bridge runs without it and tries again";

interface OpenServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Opens the port, and follows the certificate. Rejects where that is not possible. */
async function listen(
  app: Parameters<typeof Listener.open>[0],
  { host, port, tls }: WebParts["settings"]["web"],
  notices: Notices,
): Promise<OpenServer> {
  const identity = tls && (await readIdentity(tls));
  const listener = await Listener.open(app, { host, port, identity });
  const watch =
    tls && identity && new IdentityWatch(tls, identity, (found) => listener.changeIdentity(found), notices);
  return {
    url: `${identity ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${listener.port}`,
    async stop() {
      watch?.stop();
      await listener.stop();
    },
  };
}

function metricsProbe({ text, contentType }: NonNullable<WebOptions["metrics"]>) {
  return {
    path: "/metrics",
    open: false,
    handle: async () => new Response(await text(), { headers: { "content-type": contentType } }),
  };
}
