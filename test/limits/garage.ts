import type { LimitSettings } from "../../src/config/index.ts";
import type { WriteOptions } from "../../src/drivers/driver.ts";
import { SiteLimits } from "../../src/limits/index.ts";
import { createLog } from "../../src/log/log.ts";
import type { PointValue } from "../../src/points/index.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { rig, type ScriptedDevice } from "../devices/rig.ts";
import type { RowSpec } from "../devices/rows.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const PORT: RowSpec[] = [
  { name: "portLoad_1", attribute: "portLoad" },
  { name: "allowedLoad_1", attribute: "allowedLoad", writable: true, min: 0 },
  { name: "shedState_1", attribute: "shedState", type: "integer" },
  { name: "loadSessionID_1", attribute: "sessionID", type: "string" },
  { name: "Power_1", attribute: "Power" },
];

export const SETTINGS: LimitSettings = {
  devices: ["garage/*"],
  minimumKw: 1.4,
  marginPercent: 0,
  rebalanceMinutes: 10,
  turnMinutes: 15,
  nominalKw: 7.2,
  points: {
    limit: "allowedLoad_*",
    load: "portLoad_*",
    state: "shedState_*",
    percent: "percentShed_*",
    session: "loadSessionID_*",
    status: "Status_*",
    power: "Power_*",
  },
};

export interface GarageOptions {
  readonly stations?: number;
  readonly groups?: Readonly<Record<string, LimitSettings>>;
  readonly maxKw?: number;
  /** What outlives a restart. */
  readonly state?: StateStore;
  readonly clock?: ManualClock;
  readonly stood?: ReadonlyMap<string, ReadonlyMap<string, PointValue>>;
  readonly readOnly?: boolean;
}

/** Stations of one port each, which obey limits as real ones do, with the site limit controller on a clock of the test. */
export function garage(options: GarageOptions = {}) {
  const { stations = 4, maxKw, state = StateStore.open(":memory:"), clock = new ManualClock() } = options;
  const paths = Array.from({ length: stations }, (_, i) => `garage/s${i + 1}`);
  const wants = new Map<string, number>();
  const site = rig({
    paths,
    rows: PORT,
    state,
    clock,
    prepare(device) {
      device.values.clear();
      const stood = options.stood?.get(device.path);
      const start = { portLoad_1: 0, allowedLoad_1: 0, shedState_1: 0, loadSessionID_1: "0", Power_1: 7.2 };
      for (const [point, value] of Object.entries(start)) device.values.set(point, value);
      for (const [point, value] of stood ?? []) device.values.set(point, value);
      wants.set(device.path, Number(device.values.get("loadSessionID_1")) > 0 ? 7.2 : 0);
      obey(device, () => wants.get(device.path)!);
    },
  });
  const lines: string[] = [];
  const groups = options.groups ?? {
    garage: { ...SETTINGS, ...(maxKw !== undefined && { maxKw }) },
  };
  const limits = new SiteLimits({
    groups,
    bus: site.bus,
    commands: site.commands,
    devices: site.devices.byPath,
    state,
    clock,
    log: createLog({ write: (line) => void lines.push(line) }),
    maxCommandAgeSeconds: 60,
    readOnly: options.readOnly ?? false,
  });
  site.devices.start();
  limits.start();
  let session = 100;
  return {
    ...site,
    limits,
    limitLines: lines,
    station: (n: number) => site.station(`garage/s${n}`),
    /** A vehicle comes, or (0 kW) leaves. */
    park(n: number, kw: number) {
      const device = site.station(`garage/s${n}`);
      wants.set(device.path, kw);
      device.values.set("loadSessionID_1", kw > 0 ? String(++session) : "0");
      show(device, kw);
    },
    loads: () => paths.map((path) => site.station(path).values.get("portLoad_1") as number),
    shown: () => new Map(paths.map((path) => [path, new Map(site.station(path).values)])),
    limitsKw: () => paths.map((path) => shownLimit(site.station(path))),
    sum: () => paths.reduce((sum, path) => sum + (site.station(path).values.get("portLoad_1") as number), 0),
    async stop() {
      limits.stop();
      await site.devices.stop();
    },
  };
}

function shownLimit(device: ScriptedDevice): number | null {
  return device.values.get("shedState_1") === 1 ? (device.values.get("allowedLoad_1") as number) : null;
}

function show(device: ScriptedDevice, wantsKw: number): void {
  device.values.set("portLoad_1", Math.min(wantsKw, shownLimit(device) ?? 7.2));
}

/** What is drawn follows the limit. */
function obey(device: ScriptedDevice, wantsKw: () => number): void {
  const { setPoint, revertPoint } = device;
  device.setPoint = async (point: string, value: PointValue, options: WriteOptions) => {
    const outcome = await setPoint.call(device, point, value, options);
    device.values.set("shedState_1", 1);
    show(device, wantsKw());
    return { ...outcome, hold: { key: "port:1" } };
  };
  device.revertPoint = async (point: string, options: WriteOptions) => {
    const outcome = await revertPoint.call(device, point, options);
    device.values.set("shedState_1", 0);
    show(device, wantsKw());
    return { ...outcome, releases: ["port:1"] };
  };
}
