import { readFileSync } from "node:fs";
import { LimitBook } from "../../../src/devices/holding/limit-book.ts";
import type { AbleDevice, AbleService } from "../../../src/drivers/abilities.ts";
import type { ChargePointConfig } from "../../../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../../../src/drivers/chargepoint/index.ts";
import type { WriteOptions, WriteOutcome } from "../../../src/drivers/driver.ts";
import { createLog } from "../../../src/log/log.ts";
import type { PointValue, ServiceCall } from "../../../src/points/index.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import {
  type Simulator,
  type SimulatorOptions,
  SteppedClock,
  startSimulator,
} from "../../../src/simulator/index.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { outagesAsLines } from "../../helpers/outages.ts";

const PATH = "site/s1";
const fullRegistry = new URL("../../../registry/chargepoint.csv", import.meta.url);

export interface Rig {
  readonly simulator: Simulator;
  readonly clock: SteppedClock;
  readonly stationID: string;
  readonly device: AbleDevice;
  readonly service: AbleService<ChargePointConfig>;
  readonly state: Map<string, PointValue>;
  /** What the device's writes have left in force. */
  readonly book: LimitBook;
  readonly notices: string[];
  readonly logLines: string[];
  /** What the driver reported of its calls. */
  readonly reported: Omit<ServiceCall, "driverType">[];
  /** Names of the operations called since the last question. */
  called(): string[];
  /** A device of the same account; what it remembers is on the same disk. */
  another(config?: Partial<ChargePointConfig>, registry?: string): AbleDevice;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly simulator?: SimulatorOptions;
  readonly config?: Partial<ChargePointConfig>;
  /** Text of the registry CSV; default: the shipped one with every attribute. */
  readonly registry?: string;
}

/** One two-port station of a quiet simulated network, as a device. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const clock = new SteppedClock();
  const simulator = await startSimulator({
    stations: 3,
    traffic: false,
    incidents: false,
    clock,
    ...options.simulator,
  });
  const state = new Map<string, PointValue>();
  const notices: string[] = [];
  const logLines: string[] = [];
  const reported: Rig["reported"] = [];
  const service = chargepoint.open({
    log: createLog({ level: "debug", write: (line) => void logLines.push(line) }),
    state: {
      get: (key) => state.get(key) ?? null,
      set: (key, value) => void (value === null ? state.delete(key) : state.set(key, value)),
    },
    notice: (severity, kind, text) => void notices.push(`${severity} ${kind}: ${text}`),
    outages: outagesAsLines(notices),
    called: (call) => void reported.push(call),
  }) as AbleService<ChargePointConfig>;
  const stationID = simulator.stationIDs[0]!;
  const { endpoint, username, password } = simulator;
  const kept = StateStore.open(":memory:");
  const book = new LimitBook(kept.namespace("holds"), kept.namespace("clock"), systemClock);
  const another = (config: Partial<ChargePointConfig> = {}, registry = options.registry): AbleDevice => {
    const { rows } = parseRegistry(
      registry === undefined ? readFileSync(fullRegistry) : Buffer.from(registry),
      "test.csv",
    );
    const path = config.stationID === undefined ? PATH : `site/${config.stationID}`;
    const device = service.createDevice({
      path,
      own: book.ofDevice(path),
      rows,
      intervalSeconds: 60,
      config: {
        stationID,
        username,
        password,
        endpoint,
        region: "NA",
        cacheExpiration: 0,
        shed_lease_minutes: 60,
        shed_mode_change: "clear_first",
        ...options.config,
        ...config,
      },
    });
    return booked(device, path, book);
  };
  let seen = 0;
  return {
    simulator,
    clock,
    stationID,
    device: another(),
    service,
    state,
    book,
    notices,
    logLines,
    reported,
    called() {
      const names = simulator.calls.slice(seen).map((call) => call.operation);
      seen = simulator.calls.length;
      return names;
    },
    another,
    async close() {
      await service.close();
      await simulator.close();
    },
  };
}

/** The device, whose writes are entered into the book as the bridge enters them. */
export function booked(device: AbleDevice, path: string, book: LimitBook): AbleDevice {
  const write = async (
    point: string,
    value: PointValue | undefined,
    options: WriteOptions,
    send: () => Promise<WriteOutcome>,
  ): Promise<WriteOutcome> => {
    const { durationMinutes } = options;
    const minutes = durationMinutes === undefined ? {} : { durationMinutes };
    const planned = device.outcomeOf!(point, value, minutes);
    const by = { requester: "test", via: "test", ...minutes };
    const sent = book.sending({ device: path, point, value, planned, by });
    try {
      const outcome = await send();
      book.taken(sent, outcome);
      return outcome;
    } catch (error) {
      book.failed(sent, error);
      throw error;
    }
  };
  return new Proxy(device, {
    get(target, key) {
      if (key === "setPoint")
        return (point: string, value: PointValue, options: WriteOptions) =>
          write(point, value, options, () => device.setPoint(point, value, options));
      if (key === "revertPoint")
        return (point: string, options: WriteOptions) =>
          write(point, undefined, options, () => device.revertPoint(point, options));
      const member = target[key as keyof AbleDevice] as unknown;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
