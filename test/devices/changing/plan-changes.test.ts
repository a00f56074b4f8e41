import { describe, expect, test } from "vitest";
import type { DeviceSettings } from "../../../src/config/index.ts";
import { describeChange, planChanges } from "../../../src/devices/changing/plan-changes.ts";
import type { LoadedDevice } from "../../../src/devices/index.ts";
import { deviceSettings, type RowSpec, registryRows } from "../rows.ts";

const row = (name: string, more: Partial<RowSpec> = {}) => ({ name, attribute: "stationLoad", ...more });
const rows = registryRows([row("load"), row("other")]);

function device(path: string, station: string, more: Partial<DeviceSettings> = {}, own = rows): LoadedDevice {
  const driverConfig = { stationID: station };
  const settings = deviceSettings({
    path,
    file: `${path}.json`,
    driverType: "chargepoint",
    driverConfig,
    ...more,
  });
  return { settings, rows: own };
}

const stationOf = ({ settings }: LoadedDevice) => settings.driverConfig.stationID as string;
const told = (before: LoadedDevice[], after: LoadedDevice[]) =>
  planChanges(before, after, stationOf).map((change) => {
    const { kind, device: path, text } = describeChange(change);
    return `${kind} ${path}: ${text}`;
  });

describe("changes between two loads", () => {
  test("equal configs are no change, whether they were read again or not", () => {
    expect(told([device("a", "1")], [device("a", "1")])).toEqual([]);
  });

  test("a change says what differs", () => {
    const after = device("a", "1", { intervalSeconds: 30, timezone: "Europe/Berlin" });
    expect(told([device("a", "1")], [after])).toEqual(["changed a: interval 60 → 30 s; timezone"]);
  });

  test("a secret is not part of the text", () => {
    const after = device("a", "1", { driverConfig: { stationID: "1", password: "hush" } });
    expect(told([device("a", "1")], [after])).toEqual(["changed a: driver_config"]);
  });

  test("points that came, went and changed are named", () => {
    const after = registryRows([row("kw"), row("other", { units: "kW" })]);
    expect(told([device("a", "1")], [device("a", "1", {}, after)])).toEqual([
      "changed a: points +kw, −load, other",
    ]);
  });

  test("devices come and go", () => {
    expect(told([device("a", "1")], [device("b", "2")])).toEqual([
      "removed a: is no longer in the configs",
      "added b: 2 points",
    ]);
  });

  test("a station at a new path is renamed, and what else differs is named too", () => {
    const after = device("b", "1", { intervalSeconds: 30 });
    expect(told([device("a", "1")], [after])).toEqual([
      "renamed b: was a; interval 60 → 30 s; file a.json → b.json",
    ]);
  });

  test("two configs that swap their stations are two changes", () => {
    const before = [device("a", "1"), device("b", "2")];
    expect(told(before, [device("a", "2"), device("b", "1")])).toEqual([
      "changed a: driver_config",
      "changed b: driver_config",
    ]);
  });
});
