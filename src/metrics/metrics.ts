import { Registry } from "@prometheus-io/client";
import type { Log } from "../log/log.ts";
import { Reported } from "../log/notices.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { type BridgeParts, bridgeMetrics, watchEvents } from "./bridge-metrics.ts";
import { DeviceMetrics, type DeviceMetricsOptions } from "./device-metrics.ts";
import { Families } from "./families.ts";
import { processMetrics } from "./process-metrics.ts";

export interface MetricsParts extends BridgeParts {
  readonly settings: {
    /** Whether devices and ports have series of their own. */
    readonly perPort: boolean;
    /** Maximum number of these series. */
    readonly maxSeries: number;
  };
  /** Returns the lifetime energy of a station's ports. Absent: sessions are not read. */
  readonly lifetimeEnergy?: DeviceMetricsOptions["lifetimeEnergy"];
  readonly log: Log;
  readonly clock?: Clock;
}

export interface Metrics {
  readonly contentType: string;
  /** Returns the text for a scrape by Prometheus. */
  text(): Promise<string>;
  stop(): void;
}

/** Time for which a text is returned again, in milliseconds: however often it is asked for, the bridge makes one a second. */
const KEEP_MS = 1000;

/**
 * Metrics of a bridge. What is counted elsewhere is read when a text is asked for, in one turn of the event loop, so that its
 * numbers agree; values of devices take several turns. Only calls, notices and delays of the event loop are counted here.
 */
export function createMetrics(parts: MetricsParts): Metrics {
  const { bus, devices, settings, lifetimeEnergy, clock = systemClock } = parts;
  const log = parts.log.part("metrics");
  const registry = new Registry();
  const families = new Families(registry);
  const updateBridge = bridgeMetrics(families, parts, () => clock.now());
  const watching = watchEvents(registry, bus);
  const ofDevices = new DeviceMetrics({ latest: devices.latest, families, lifetimeEnergy, ...settings });
  const updateProcess = processMetrics(families);
  const reported = new Reported(clock);
  let last: { readonly text: Promise<string>; readonly at: number } | undefined;
  let isMaking = false;

  const reportOmitted = (omitted: number): void => {
    if (omitted === 0) return void reported.ended("omitted");
    if (!reported.isNew("omitted")) return;
    const text = `metrics.max_series is ${settings.maxSeries}: ${omitted} series of further devices and ports are left out of the metrics; raise it, or set metrics.per_port to false`;
    log.warn(text, { kind: "metrics_capped" });
    bus.emit("notice", { severity: "warning", kind: "metrics_capped", text, at: new Date(clock.now()) });
  };

  const make = async (): Promise<string> => {
    isMaking = true;
    try {
      const each = await ofDevices.update();
      reportOmitted(each.omitted);
      updateBridge();
      updateProcess();
      const others = await registry.metrics();
      return `${others}${each.text && "\n"}${each.text}`;
    } finally {
      isMaking = false;
    }
  };

  return {
    contentType: registry.contentType,
    text() {
      const at = clock.monotonic();
      if (!last || (!isMaking && at - last.at >= KEEP_MS)) last = { text: make(), at };
      return last.text;
    },
    stop: () => watching[Symbol.dispose](),
  };
}
