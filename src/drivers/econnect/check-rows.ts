import type { Diagnostic } from "../../config/files/diagnostic.ts";
import { closest } from "../../config/files/did-you-mean.ts";
import type { PointOrigin } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import type { ListedAttribute } from "../abilities.ts";
import { DOCUMENTED_FIELDS, parseField } from "./field.ts";

/** The only field that is not master data. */
const STATE = "state";
const REGISTER = "ChargingStationRegister";

/** The call of a walk over the stations. */
export const OPERATION = "chargingstations";

const OTHER_FIELDS =
  "Any other field of a station's entry, e.g. `location.city` or `chargingPoints[0].evseId`.";

/** Returns the documented fields, and one entry for all others. */
export function listFields(): ListedAttribute[] {
  const call = { operation: OPERATION, cost: "a walk over all stations every 15 minutes" };
  const field = (attribute: string, meaning: string, type?: "string"): ListedAttribute => {
    const nameplate = attribute !== STATE;
    return {
      register: REGISTER,
      attribute,
      level: "station",
      type,
      meaning,
      writable: false,
      nameplate,
      call,
    };
  };
  const documented = Object.entries(DOCUMENTED_FIELDS);
  return [
    ...documented.map(([name, meaning]) => field(name, meaning, "string")),
    field("<field>", OTHER_FIELDS),
  ];
}

/** Returns where the value of a row comes from. All fields belong to the station. */
export function originOf({ register, attribute }: RegistryRow): PointOrigin {
  const isState = attribute === STATE;
  return {
    ...{ register, attribute, call: OPERATION },
    ...(isState ? { measure: "state" } : { nameplate: true }),
  };
}

/** Returns the faults of rows that depend on eConnect. Which fields exist is known to the service only. */
export function checkRows(rows: readonly RegistryRow[]): Diagnostic[] {
  return rows.flatMap((row) => [
    ...checkRegister(row),
    ...checkAttribute(row),
    ...checkPort(row),
    ...checkWritable(row),
  ]);
}

function checkRegister(row: RegistryRow): Diagnostic[] {
  if (row.register === REGISTER) return [];
  return [
    row.fault("Register Name", {
      code: "unknown_register",
      severity: "error",
      message: row.register === "" ? "the row names no register" : "there is no such register",
      found: JSON.stringify(row.register),
      expected: REGISTER,
      suggestion: closest(row.register, [REGISTER]),
    }),
  ];
}

function checkAttribute(row: RegistryRow): Diagnostic[] {
  try {
    parseField(row.attribute);
    return [];
  } catch (error) {
    return [
      row.fault("Attribute Name", {
        code: "unknown_attribute",
        severity: "error",
        message: (error as SyntaxError).message,
        found: JSON.stringify(row.attribute),
        expected: "a field of a station, e.g. modelInfo, location.city or chargingPoints[0].evseId",
      }),
    ];
  }
}

function checkPort(row: RegistryRow): Diagnostic[] {
  if (row.port === undefined) return [];
  return [
    row.fault("Port #", {
      code: "port_ignored",
      severity: "warning",
      message: "eConnect's fields belong to the whole station; the port is ignored",
      found: JSON.stringify(row.port),
      expected: "an empty cell",
    }),
  ];
}

function checkWritable(row: RegistryRow): Diagnostic[] {
  if (!row.point.writable) return [];
  return [
    row.fault("Writable", {
      code: "not_writable",
      severity: "error",
      message: "eConnect's master data can only be read",
      found: "TRUE",
      expected: "FALSE",
    }),
  ];
}
