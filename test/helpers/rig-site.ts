import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Site } from "./site.ts";

export interface RigOptions {
  /** Default 4, of 40 points each, scraped every second (L1). */
  readonly stations?: number;
  readonly points?: number;
  readonly intervalSeconds?: number;
  readonly store?: "sqlite" | "influxdb";
  /** The broker writes its state to disk at every change. */
  readonly careful?: boolean;
  readonly mqtt?: Record<string, unknown>;
  readonly historian?: Record<string, unknown>;
  /** Where the queues lie, and a store in a file. */
  readonly data?: string;
}

/** Account of the bridge at the simulated service. */
export const LOGIN = { username: "key-of-the-rig", password: "password-of-the-rig" };

const registry = fileURLToPath(new URL("../../registry/chargepoint.csv", import.meta.url));

/** Ports of the proxies before each. */
export interface RigPorts {
  readonly broker: number;
  readonly service: number;
  readonly store: number | undefined;
}

/** Configs and registry of the bridge of a rig. */
export function rigSite(options: RigOptions, ports: RigPorts): Site {
  const { stations = STATIONS, points = 40, intervalSeconds = 1, data } = options;
  const site = new Site({
    ...LOGIN,
    endpoint: `http://127.0.0.1:${ports.service}/webservices/chargepoint/services/5.1`,
    stationIDs: Array.from({ length: stations }, (_, i) => `1:${100_001 + i}`),
    bridge: {
      ...(data !== undefined && { data }),
      mqtt: {
        url: `mqtt://127.0.0.1:${ports.broker}`,
        retain: false,
        state: "off",
        keepalive: 10,
        ...options.mqtt,
      },
      historian: {
        ...(ports.store !== undefined && {
          backend: "influxdb",
          connection: { url: `http://127.0.0.1:${ports.store}`, database: "history" },
        }),
        ...options.historian,
      },
    },
    device: { registry_config: "config://rig.csv", interval: intervalSeconds },
    driver: { cacheExpiration: 0 },
  });
  site.write("registry/rig.csv", rowsOf(points));
  return site;
}

/** Where the options do not say. */
export const STATIONS = 4;

/** So many rows of the registry that comes with the project, both loads among them. */
function rowsOf(count: number): string {
  const [header, ...rows] = readFileSync(registry, "utf8").trim().split("\n") as [string, ...string[]];
  const isLoad = (row: string) => /^portLoad_[12],/.test(row);
  const plain = rows.filter((row) => /,(StationRegister|StationStatusRegister|LoadRegister),/.test(row));
  return [header, ...plain.filter(isLoad), ...plain.filter((row) => !isLoad(row))]
    .slice(0, count + 1)
    .join("\n");
}
