import { closest, type Diagnostic } from "../config/index.ts";
import type { RegistryHeader } from "./row.ts";

/** All known columns, in the order of contracts.md. */
export const HEADERS: readonly RegistryHeader[] = [
  "Volttron Point Name",
  "Attribute Name",
  "Register Name",
  "Port #",
  "Type",
  "Units",
  "Starting Value",
  "Writable",
  "Notes",
  "Min",
  "Max",
  "Deadband",
  "Publish",
  "Store",
];

/** Required columns; the others have defaults. */
export const REQUIRED: readonly RegistryHeader[] = ["Volttron Point Name", "Attribute Name", "Register Name"];
/**
 * Columns that stand for `Attribute Name` in registries of VOLTTRON's fake driver (fakedriver.py), which have neither that nor
 * `Register Name`.
 */
const REFERENCES = ["point name", "reference point name"];

/** Positions of the columns. */
export interface Columns {
  readonly indexes: ReadonlyMap<RegistryHeader, number>;
  /** Unknown columns, kept as metadata. */
  readonly extra: readonly { readonly name: string; readonly index: number }[];
  /** All indexes with a header. */
  readonly named: ReadonlySet<number>;
  /** Whether this is a registry of VOLTTRON's fake driver, where a Starting Value is the value of any point. */
  readonly isTrial: boolean;
}

/** A problem of the header, at one of its cells. */
export type HeaderFault = Omit<Diagnostic, "file" | "line" | "column" | "cell"> & { readonly cell: number };

const byFolded = new Map(HEADERS.map((header) => [fold(header), header]));

export function knownHeader(cell: string): RegistryHeader | undefined {
  return byFolded.get(fold(cell));
}

function fold(cell: string): string {
  return cell.trim().replace(/\s+/g, " ").toLowerCase();
}

/** Reads the header. The columns are usable if no fault is an error. */
export function readColumns(cells: readonly string[]): { columns: Columns; faults: HeaderFault[] } {
  const indexes = new Map<RegistryHeader, number>();
  const extra = new Map<string, number>();
  const faults: HeaderFault[] = [];
  for (const [index, name] of cells.entries()) {
    const header = knownHeader(name);
    if (header === undefined) {
      if (extra.has(name)) faults.push(duplicate(name, index, "warning", "the values of this one are used"));
      if (name !== "") extra.set(name, index);
    } else if (indexes.has(header)) {
      faults.push(duplicate(header, index, "error", "remove one of the two"));
    } else indexes.set(header, index);
  }
  const reference =
    indexes.has("Register Name") || indexes.has("Attribute Name") ? undefined : referenceOf(extra);
  if (reference !== undefined) {
    indexes.set("Attribute Name", extra.get(reference)!);
    extra.delete(reference);
  }
  const isTrial = reference !== undefined;
  const missing = HEADERS.filter(
    (header) => !indexes.has(header) && !(isTrial && header === "Register Name"),
  );
  for (const [name, index] of extra) {
    const meant = closest(name, missing);
    if (meant !== undefined && !REQUIRED.includes(meant as RegistryHeader))
      faults.push(nearMiss(name, index, meant));
  }
  faults.push(...missingColumns(missing, extra, indexes.size === 0));
  const columns = {
    indexes,
    extra: [...extra].map(([name, index]) => ({ name, index })),
    named: new Set(cells.flatMap((cell, index) => (cell === "" ? [] : [index]))),
    isTrial,
  };
  return { columns, faults };
}

function referenceOf(extra: ReadonlyMap<string, number>): string | undefined {
  const names = [...extra.keys()];
  return REFERENCES.flatMap((reference) => names.find((name) => fold(name) === reference) ?? [])[0];
}

function missingColumns(
  missing: readonly RegistryHeader[],
  extra: ReadonlyMap<string, number>,
  nothingKnown: boolean,
): HeaderFault[] {
  const required = missing.filter((header) => REQUIRED.includes(header));
  if (nothingKnown)
    return [
      {
        code: "no_header",
        severity: "error",
        cell: 0,
        message: "the first row must contain the column names, but none of them is known",
        expected: REQUIRED.join(", "),
      },
    ];
  return required.map((header) => {
    const near = [...extra.keys()].find((name) => closest(name, required) === header);
    return {
      code: "missing_column",
      severity: "error",
      cell: near === undefined ? 0 : extra.get(near)!,
      path: header,
      message: `missing column "${header}"`,
      ...(near === undefined ? {} : { found: JSON.stringify(near), suggestion: header }),
    };
  });
}

function nearMiss(name: string, cell: number, suggestion: string): HeaderFault {
  return {
    code: "unknown_column",
    severity: "warning",
    cell,
    path: name,
    message: "unknown column; it is kept as metadata",
    suggestion,
  };
}

function duplicate(name: string, cell: number, severity: Diagnostic["severity"], what: string): HeaderFault {
  return {
    code: "duplicate_column",
    severity,
    cell,
    path: name,
    message: `duplicate column; ${what}`,
  };
}
