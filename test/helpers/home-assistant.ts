import { readFileSync } from "node:fs";
import { driverTypes } from "../../src/drivers/index.ts";
import type { DocumentContext } from "../../src/integrations/home-assistant/documents/index.ts";
import { createLog } from "../../src/log/log.ts";
import { DirectSender, LossReports } from "../../src/mqtt/broker/direct-sender.ts";
import type { Link, Message } from "../../src/mqtt/broker/link.ts";
import { StateView } from "../../src/mqtt/publishing/state-view.ts";
import { Topics } from "../../src/mqtt/topics.ts";
import type { DeviceInfo, Point, PointValue } from "../../src/points/index.ts";
import { parseRegistry } from "../../src/registry/index.ts";

export const topics = new Topics("main", "");

export function context(changes: Partial<DocumentContext> = {}): DocumentContext {
  return {
    instance: "main",
    version: "1.2.3",
    topics,
    mqtt: { state: "json", noLimit: "null", stateRefreshSeconds: 300 },
    protocolVersion: 5,
    ...changes,
  };
}

/** A device with the points of a registry, as the bridge makes it. `csv`: text, or the path of a file of the project. */
export function deviceOf(csv: string, driverType: string, changes: Partial<DeviceInfo> = {}): DeviceInfo {
  const isFile = csv.endsWith(".csv");
  const bytes = isFile ? readFileSync(new URL(`../../${csv}`, import.meta.url)) : Buffer.from(csv);
  const { originOf } = driverTypes[driverType]!;
  const points = new Map<string, Point>();
  for (const row of parseRegistry(bytes, isFile ? csv : "registry.csv").rows)
    points.set(row.point.name, originOf ? { ...row.point, origin: originOf(row) } : row.point);
  return {
    ...{ path: "campus/garage/station-1", driverType, points, timezone: "UTC", intervalSeconds: 60 },
    publish: { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
    ...changes,
  };
}

class CollectingLink implements Link {
  readonly up = true;
  readonly protocolVersion = 5;
  readonly payloads = new Map<string, string>();
  post = () => undefined;
  subscribe = () => () => undefined;
  onChange = () => () => undefined;

  publish({ topic, payload }: Message): Promise<void> {
    this.payloads.set(topic, payload.toString());
    return Promise.resolve();
  }
}

/** What the state view publishes of a device with these values: payload by topic. */
export function stateOf(
  device: DeviceInfo,
  values: ReadonlyMap<string, PointValue>,
  { mqtt }: DocumentContext = context(),
): Map<string, string> {
  const link = new CollectingLink();
  const log = createLog({ level: "silent" });
  const now = new Date("2026-11-21T08:00:00Z");
  const view = new StateView({
    settings: mqtt,
    topics,
    link,
    sender: new DirectSender(link, log, new LossReports(log)),
    now: () => now,
  });
  view.noteScrape({ device, values, failures: new Map(), takenAt: now, synchronizedAt: now });
  return link.payloads;
}
