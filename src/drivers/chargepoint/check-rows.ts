import type { Diagnostic } from "../../config/files/diagnostic.ts";
import { closest, nearest } from "../../config/files/did-you-mean.ts";
import type { PointType } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import { CALLS } from "./registers/calls.ts";
import { registerClasses } from "./registers/index.ts";
import { type Attribute, kindOf, type RegisterClass } from "./registers/register.ts";

/** Returns the faults of rows that depend on ChargePoint's registers. A row with an error is left out of the device. */
export function checkRows(rows: readonly RegistryRow[]): Diagnostic[] {
  return rows.flatMap((row) => {
    const register = own(registerClasses, row.register);
    return register ? checkAttribute(row, register) : [unknownRegister(row)];
  });
}

function unknownRegister(row: RegistryRow): Diagnostic {
  return row.fault("Register Name", {
    code: "unknown_register",
    severity: "error",
    message: row.register === "" ? "the row names no register" : "there is no such register",
    found: JSON.stringify(row.register),
    expected: `one of ${Object.keys(registerClasses).join(", ")}`,
    suggestion: closest(row.register, Object.keys(registerClasses)),
  });
}

function checkAttribute(row: RegistryRow, register: RegisterClass): Diagnostic[] {
  const attribute = own(register.attributes, row.attribute);
  if (!attribute) return [unknownAttribute(row, register)];
  return [
    checkPort(row, attribute),
    checkType(row, attribute),
    checkUnit(row, attribute),
    checkWritable(row, attribute),
    checkPersonal(row, attribute),
  ].filter((fault) => fault !== undefined);
}

function checkPort(row: RegistryRow, { level }: Attribute<never>): Diagnostic | undefined {
  if (level === "port" && row.port === undefined)
    return row.fault("Port #", {
      code: "port_needed",
      severity: "error",
      message: `${row.attribute} of ${row.register} is a value of a port`,
      found: "no port",
      expected: "the port's number, e.g. 1",
    });
  if (level === "station" && row.port !== undefined)
    return row.fault("Port #", {
      code: "port_ignored",
      severity: "warning",
      message: `${row.attribute} of ${row.register} belongs to the whole station; the port is ignored`,
      found: JSON.stringify(row.port),
      expected: "an empty cell",
    });
  return undefined;
}

/** The types, besides an attribute's own, as which all its values can be read. */
const ALSO_READ_AS: Readonly<Record<PointType, readonly PointType[]>> = {
  string: [],
  integer: ["float"],
  float: [],
  boolean: [],
  datetime: ["date", "string"],
  date: ["string"],
  time: ["string"],
  dictionary: [],
};

function checkType(row: RegistryRow, { type, control }: Attribute<never>): Diagnostic | undefined {
  const given = row.point.type;
  if (given === type || ALSO_READ_AS[type].includes(given)) return undefined;
  const isSwitch = control === "shedState" || control === "clearAlarms";
  if (isSwitch && given === "boolean") return undefined;
  const result =
    given === "string"
      ? "its values become text, which has no Min, Max, Deadband and averages"
      : "values that do not fit become null";
  return row.fault("Type", {
    code: "type_mismatch",
    severity: "warning",
    message: `${row.attribute} of ${row.register} is a ${type}; as ${given}, ${result}`,
    found: given,
    expected: type,
  });
}

/** Spellings of the units that registers have, and of those that are mistaken for them; in lower case. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  W: ["w", "watt", "watts"],
  kW: ["kw", "kilowatt", "kilowatts"],
  MW: ["mw", "megawatt", "megawatts"],
  Wh: ["wh"],
  kWh: ["kwh", "kilowatthours"],
  MWh: ["mwh"],
  V: ["v", "volt", "volts"],
  A: ["a", "amp", "amps", "ampere", "amperes"],
  "%": ["%", "percent", "pct"],
  degrees: ["degrees", "degree", "deg", "°"],
  dBm: ["dbm"],
};
const unitOf = new Map(Object.entries(UNITS).flatMap(([unit, names]) => names.map((name) => [name, unit])));

/** Units are free text, so that only a unit of another quantity or size is a fault. */
function checkUnit(row: RegistryRow, { unit }: Attribute<never>): Diagnostic | undefined {
  const given = unitOf.get(row.point.units.toLowerCase());
  if (given === undefined || given === unit) return undefined;
  return row.fault("Units", {
    code: "unit_mismatch",
    severity: "warning",
    message: `${row.attribute} of ${row.register} has ${unit ? `the unit ${unit}` : "no unit"}, and nothing is converted`,
    found: JSON.stringify(row.point.units),
    expected: unit ?? "an empty cell",
  });
}

function checkWritable(row: RegistryRow, { control }: Attribute<never>): Diagnostic | undefined {
  if (!row.point.writable || control) return undefined;
  return row.fault("Writable", {
    code: "not_writable",
    severity: "warning",
    message: `ChargePoint does not accept writes to ${row.attribute} of ${row.register}; writes to this point will be rejected`,
    found: "TRUE",
    expected: "FALSE",
  });
}

function checkPersonal(row: RegistryRow, { personal }: Attribute<never>): Diagnostic | undefined {
  if (!personal || row.point.publish === "never") return undefined;
  return row.fault("Attribute Name", {
    code: "personal_data",
    severity: "warning",
    message: `point ${row.point.name} publishes and stores ${row.attribute}, which identifies a driver or a vehicle`,
    found: `Publish ${row.point.publish}`,
    expected: 'Publish never; "voltbridge get" still reads it',
  });
}

/** Number of attributes named for an unknown one. */
const MOST_NAMED = 3;

function unknownAttribute(row: RegistryRow, register: RegisterClass): Diagnostic {
  const elsewhere = Object.keys(registerClasses).find((name) =>
    own(registerClasses[name]!.attributes, row.attribute),
  );
  const near = nearest(row.attribute, Object.keys(register.attributes), MOST_NAMED);
  return row.fault("Attribute Name", {
    code: "unknown_attribute",
    severity: "error",
    message: elsewhere
      ? `${row.register} has no such attribute; ${elsewhere} has`
      : `${row.register} has no such attribute`,
    found: JSON.stringify(row.attribute),
    expected: `an attribute such as ${near.join(", ")} ("voltbridge registry attributes ${row.register}" lists all)`,
    suggestion: closest(row.attribute, Object.keys(register.attributes)),
  });
}

/** Operations that one call of an account does not answer for all its stations, or that is made for few points only. */
const EXTRA = new Set(["alarms", "sessions", "publicStation", "publicStatus"]);
/** Maximum number of attributes that count as few. */
const FEW = 2;

/** Returns a note for each operation that is called for one or two attributes only. */
export function noteRows(rows: readonly RegistryRow[]): Diagnostic[] {
  const known = rows.filter(({ register }) => own(registerClasses, register));
  const byKind = Map.groupBy(known, ({ register, attribute }) =>
    kindOf(registerClasses[register]!, attribute),
  );
  return [...byKind].flatMap(([kind, needing]) => {
    const attributes = [...new Set(needing.map(({ attribute }) => attribute))];
    if (byKind.size === 1 || !EXTRA.has(kind) || attributes.length > FEW) return [];
    return [
      needing[0]!.fault("Register Name", {
        code: "extra_call",
        severity: "note",
        message: `${CALLS[kind].operation} is called for ${attributes.join(" and ")} only, with every scrape; "voltbridge plan" counts the calls`,
      }),
    ];
  });
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
