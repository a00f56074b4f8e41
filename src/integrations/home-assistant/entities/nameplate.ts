import { type DeviceInfo, type PointValue, portsOf } from "../../../points/index.ts";

/** Returns the points of a device whose values its document shows: names, model, nominal power. */
export function valuesNeeded(device: DeviceInfo): string[] {
  const { station, ports } = portsOf(device.points);
  const named = [station, ...ports].flatMap(({ name, nominal }) => [name, nominal]);
  const byAttribute = [...device.points.values()].flatMap(({ name, origin }) =>
    origin && (origin.attribute in NAMEPLATE || origin.attribute === CURRENCY) ? [name] : [],
  );
  return [...new Set([...named, ...byAttribute])].filter((name) => name !== undefined);
}

/** Attributes of stations, and the keys of Home Assistant's device. */
const NAMEPLATE: Readonly<Record<string, string>> = {
  stationManufacturer: "manufacturer",
  stationModel: "model",
  modelInfo: "model",
  stationSerialNum: "serial_number",
  stationFirmware: "sw_version",
};
/** Attribute with the currency of prices. */
export const CURRENCY = "currencyCode";

/** Returns the keys of Home Assistant's device that the values of its points give. */
export function nameplateOf(device: DeviceInfo, latest: ReadonlyMap<string, PointValue>) {
  const { name: namePoint } = portsOf(device.points).station;
  const about: { name: string } & Record<string, string> = {
    name: textOf(latest.get(namePoint ?? "")) ?? device.path.split("/").at(-1)!,
  };
  for (const { name, origin } of device.points.values()) {
    const key = origin?.port === undefined ? NAMEPLATE[origin?.attribute ?? ""] : undefined;
    const text = textOf(latest.get(name));
    if (key !== undefined && text !== undefined) about[key] ??= text;
  }
  return about;
}

export function textOf(value: PointValue | undefined): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
