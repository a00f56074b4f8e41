import { systemClock } from "../../time/clock.ts";
import type { WebParts } from "../parts.ts";
import type { Probe } from "./app.ts";

/** Number of intervals without any scrape after which the bridge is not ready. */
const MISSED_INTERVALS = 3;
/** Time that a scrape may take besides, in milliseconds. */
const SLACK_MS = 15_000;

export interface ReadinessParts extends Pick<WebParts, "bus" | "devices" | "mqtt"> {
  /** Whether the store takes values; undefined: there is none. */
  readonly storeWorks: () => boolean | undefined;
}

/**
 * `/healthz`: the process answers. `/readyz`: broker, store and scrapes work, else 503. Open to everybody, so they name nothing. The
 * returned function ends them.
 */
export function readinessProbes({ bus, devices, mqtt, storeWorks }: ReadinessParts): {
  readonly probes: readonly Probe[];
  readonly stop: () => void;
} {
  let scrapedAt = systemClock.monotonic();
  const stop = bus.on("scrape", () => {
    scrapedAt = systemClock.monotonic();
  });
  const scrapesAreRecent = () => {
    const { infos } = devices;
    if (infos.length === 0) return true;
    const shortest = infos.reduce((least, { intervalSeconds }) => Math.min(least, intervalSeconds), Infinity);
    const limit = MISSED_INTERVALS * shortest * 1000 + SLACK_MS;
    return systemClock.monotonic() - scrapedAt <= limit;
  };
  const ready = () => {
    const store = storeWorks();
    const checks = {
      broker: mqtt.connected,
      ...(store !== undefined && { store }),
      scrapes: scrapesAreRecent(),
    };
    const isReady = Object.values(checks).every(Boolean);
    return json({ status: isReady ? "ready" : "not ready", checks }, isReady ? 200 : 503);
  };
  return {
    probes: [
      { path: "/healthz", open: true, handle: () => json({ status: "alive" }, 200) },
      { path: "/readyz", open: true, handle: ready },
    ],
    stop,
  };
}

function json(body: object, status: number): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
