import type { Diagnostic } from "../../config/files/diagnostic.ts";
import { closest } from "../../config/files/did-you-mean.ts";
import type { RegistryRow } from "../../registry/row.ts";
import { registerClasses } from "./registers/index.ts";
import type { RegisterClass } from "./registers/register.ts";

/** Returns the faults of rows that depend on ChargePoint's registers. A row with an error is left out of the device. */
export function checkRows(rows: readonly RegistryRow[]): Diagnostic[] {
  const problems: Diagnostic[] = [];
  for (const row of rows) {
    const register = own(registerClasses, row.register);
    if (register) checkAttribute(row, register, problems);
    else problems.push(unknownRegister(row));
  }
  return problems;
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

function checkAttribute(row: RegistryRow, register: RegisterClass, problems: Diagnostic[]): void {
  const attribute = own(register.attributes, row.attribute);
  if (!attribute) {
    problems.push(unknownAttribute(row, register));
    return;
  }
  if (attribute.level === "port" && row.port === undefined) {
    problems.push(
      row.fault("Port #", {
        code: "port_needed",
        severity: "error",
        message: `${row.attribute} of ${row.register} is a value of a port`,
        found: "no port",
        expected: "the port's number, e.g. 1",
      }),
    );
  }
  if (attribute.level === "station" && row.port !== undefined) {
    problems.push(
      row.fault("Port #", {
        code: "port_ignored",
        severity: "warning",
        message: `${row.attribute} of ${row.register} belongs to the whole station; the port is ignored`,
        found: JSON.stringify(row.port),
        expected: "an empty cell",
      }),
    );
  }
  if (row.point.writable && !attribute.control) {
    problems.push(
      row.fault("Writable", {
        code: "not_writable",
        severity: "warning",
        message: `ChargePoint does not accept writes to ${row.attribute} of ${row.register}; writes to this point will be rejected`,
        found: "TRUE",
        expected: "FALSE",
      }),
    );
  }
}

function unknownAttribute(row: RegistryRow, register: RegisterClass): Diagnostic {
  const elsewhere = Object.keys(registerClasses).find((name) =>
    own(registerClasses[name]!.attributes, row.attribute),
  );
  return row.fault("Attribute Name", {
    code: "unknown_attribute",
    severity: "error",
    message: elsewhere
      ? `${row.register} has no such attribute; ${elsewhere} has`
      : `${row.register} has no such attribute`,
    found: JSON.stringify(row.attribute),
    expected: `an attribute of ${row.register}`,
    suggestion: closest(row.attribute, Object.keys(register.attributes)),
  });
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
