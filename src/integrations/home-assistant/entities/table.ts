import type { Measure, Point, PointType } from "../../../points/index.ts";

/** How a value is read: as a number, as text, as one of the network's texts, as on and off, as a time, as `hh:mm:ss`. */
export type Reads = "number" | "text" | "words" | "switch" | "time" | "duration";

/** What a value is at Home Assistant. */
export interface EntityKind {
  readonly name: string;
  readonly reads: Reads;
  readonly deviceClass?: string;
  readonly stateClass?: string;
  /** Absent: that of the registry row. */
  readonly unit?: string;
  /** Number of decimals shown. */
  readonly precision?: number;
  readonly category?: "diagnostic";
  /** False: Home Assistant keeps the entity off until a user switches it on. */
  readonly isEnabled?: false;
  readonly icon?: string;
  /** For `switch`: texts that mean on and off, where the value is none of its own. */
  readonly words?: { readonly on: readonly string[]; readonly off: readonly string[] };
}

const diagnostic = { category: "diagnostic" } as const;
const hidden = { category: "diagnostic", isEnabled: false } as const;
const power = { reads: "number", deviceClass: "power", unit: "kW" } as const;

/** By meaning, which values of all networks have. */
const BY_MEASURE: Readonly<Record<Measure, EntityKind>> = {
  load: { ...power, name: "Load", stateClass: "measurement", precision: 2 },
  state: { name: "Status", reads: "words", icon: "mdi:ev-station" },
  limit: { ...power, name: "Limit", stateClass: "measurement", precision: 1 },
  limit_percent: {
    ...{ name: "Load shed", reads: "number", unit: "%", stateClass: "measurement", precision: 0 },
    icon: "mdi:transmission-tower-export",
  },
  limited: { name: "Limited", reads: "switch" },
  energy: { name: "Session energy", reads: "number", deviceClass: "energy", unit: "kWh", precision: 2 },
  session: { ...diagnostic, name: "Session", reads: "text" },
  reachable: {
    ...{ ...diagnostic, name: "Reachable", reads: "switch", deviceClass: "connectivity" },
    words: { on: ["REACHABLE"], off: ["UNREACHABLE"] },
  },
  name: { ...hidden, name: "Name", reads: "text" },
  alarm: { ...diagnostic, name: "Last alarm", reads: "text" },
  fault: { ...diagnostic, name: "Fault", reads: "text" },
  nominal: { ...power, ...diagnostic, name: "Nominal power", precision: 1 },
};

const battery = {
  reads: "number",
  deviceClass: "battery",
  unit: "%",
  stateClass: "measurement",
  precision: 0,
} as const;

/** By register and attribute, for values with a meaning that only some networks have. */
const BY_ATTRIBUTE: Readonly<Record<string, EntityKind>> = {
  "AlarmRegister alarmTime": { ...diagnostic, name: "Last alarm time", reads: "time" },
  "ChargingSessionRegister sessionID": { ...diagnostic, name: "Last session", reads: "text" },
  "ChargingSessionRegister startTime": { name: "Session start", reads: "time" },
  "ChargingSessionRegister endTime": { name: "Session end", reads: "time" },
  "ChargingSessionRegister totalChargingDuration": { name: "Session charging time", reads: "duration" },
  "ChargingSessionRegister totalSessionDuration": { name: "Session plugged-in time", reads: "duration" },
  "ChargingSessionRegister startBatteryPercentage": { ...battery, ...hidden, name: "Battery at start" },
  "ChargingSessionRegister stopBatteryPercentage": { ...battery, ...hidden, name: "Battery at end" },
  "ChargingSessionRegister endedBy": { ...diagnostic, name: "Session ended by", reads: "text" },
  "ChargingSessionRegister vehicleMake": { ...hidden, name: "Vehicle make", reads: "text" },
  "ChargingSessionRegister vehicleModel": { ...hidden, name: "Vehicle model", reads: "text" },
  "ChargingSessionRegister vehicleModelYear": { ...hidden, name: "Vehicle model year", reads: "text" },
  "LoadRegister lastBatteryPercent": { ...battery, name: "Battery" },
  "PublicStationRegister TimeStamp": { ...diagnostic, name: "Last contact", reads: "time" },
  "StationRegister stationReception": {
    ...{ ...diagnostic, name: "Reception", reads: "number", deviceClass: "signal_strength" },
    ...{ unit: "dBm", stateClass: "measurement" },
  },
  "StationStatusRegister TimeStamp": { ...diagnostic, name: "Last contact", reads: "time" },
};

/** Registers of master data, which few users want to see: their entities are off until somebody switches them on. */
const MASTER_DATA: ReadonlySet<string> = new Set([
  "StationRegister",
  "PublicStationRegister",
  "StationRightsRegister",
]);
/** As {@link MASTER_DATA}, with so few rows that they are shown. */
const SHOWN_MASTER_DATA: ReadonlySet<string> = new Set(["ChargingStationRegister"]);

/** Spellings of units in registries, in lower case, and Home Assistant's. */
const UNITS: Readonly<Record<string, string>> = {
  ...{ w: "W", watt: "W", watts: "W", kw: "kW", kilowatt: "kW", kilowatts: "kW" },
  ...{ wh: "Wh", kwh: "kWh", v: "V", volt: "V", volts: "V", a: "A", amp: "A", amps: "A", ampere: "A" },
  ...{ "%": "%", percent: "%", pct: "%", degrees: "°", deg: "°", dbm: "dBm", db: "dB", hz: "Hz", va: "VA" },
  ...{ s: "s", sec: "s", second: "s", seconds: "s", min: "min", minute: "min", minutes: "min" },
  ...{ h: "h", hr: "h", hour: "h", hours: "h", d: "d", day: "d", days: "d" },
  ...{ "°c": "°C", degc: "°C", celsius: "°C", "°f": "°F", degf: "°F", fahrenheit: "°F", kelvin: "K" },
};

/** Device and state class of a number that only its unit describes. */
const BY_UNIT: Readonly<Record<string, readonly [deviceClass: string, stateClass: string]>> = {
  ...{ W: ["power", "measurement"], kW: ["power", "measurement"], V: ["voltage", "measurement"] },
  ...{
    Wh: ["energy", "total_increasing"],
    kWh: ["energy", "total_increasing"],
    A: ["current", "measurement"],
  },
  ...{ "°C": ["temperature", "measurement"], "°F": ["temperature", "measurement"] },
  ...{ Hz: ["frequency", "measurement"], dBm: ["signal_strength", "measurement"] },
  ...{ s: ["duration", "measurement"], min: ["duration", "measurement"], h: ["duration", "measurement"] },
};

/** Returns a unit in Home Assistant's spelling; undefined for none. */
export function unitOf(units: string): string | undefined {
  const unit = units.trim();
  return unit === "" ? undefined : (UNITS[unit.toLowerCase()] ?? unit);
}

/** Returns what a point is at Home Assistant; undefined for a value that no entity can have. */
export function kindOf({ name, type, units, origin }: Point): EntityKind | undefined {
  const { measure, register = "", attribute = name } = origin ?? {};
  const known = measure ? BY_MEASURE[measure] : BY_ATTRIBUTE[`${register} ${attribute}`];
  // A row may have another type than its attribute.
  if (known && TYPES[known.reads](type, known)) return known;
  const label = words(attribute);
  const rank: Partial<EntityKind> = MASTER_DATA.has(register)
    ? hidden
    : SHOWN_MASTER_DATA.has(register)
      ? diagnostic
      : {};
  switch (type) {
    case "dictionary":
      return undefined;
    case "boolean":
      return { ...rank, name: label, reads: "switch" };
    case "datetime":
      return { ...rank, name: label, reads: "time" };
    case "date":
      return { ...rank, name: label, reads: "text", deviceClass: "date" };
    case "string":
    case "time":
      return { ...rank, name: label, reads: "text" };
    case "integer":
    case "float": {
      const [deviceClass, stateClass = "measurement"] = BY_UNIT[unitOf(units) ?? ""] ?? [];
      // What a station is rated at is no measurement.
      return { ...rank, name: label, reads: "number", deviceClass, ...(!rank.category && { stateClass }) };
    }
  }
}

const isText = (type: PointType) => type === "string";

/** Whether values of a type can be read in a way. */
const TYPES: Readonly<Record<Reads, (type: PointType, kind: EntityKind) => boolean>> = {
  number: (type) => type === "float" || type === "integer",
  text: isText,
  words: isText,
  duration: isText,
  time: (type) => type === "datetime",
  switch: (type, { words }) => (words ? isText(type) : type === "integer" || type === "boolean"),
};

/** Splits a name in camel case or with underscores into words: `anyPortFree` is `Any port free`. */
function words(name: string): string {
  const text = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_.]+/g, " ")
    .trim();
  const lower = text.replace(/[A-Z](?=[a-z])/g, (letter) => letter.toLowerCase());
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}
