import type { Diagnostic } from "../config/files/diagnostic.ts";
import type { Point } from "../points/index.ts";

/**
 * A valid row of a registry CSV: the point, what a driver needs to find its value, and its position for later diagnostics.
 */
export interface RegistryRow {
  readonly point: Point;
  /** `Attribute Name`, trimmed, as written. */
  readonly attribute: string;
  /** `Register Name`, trimmed, as written; empty in a registry of VOLTTRON's fake driver. */
  readonly register: string;
  /** `Port #`, as the service writes it; undefined when empty or 0 (station level). A string: ports can be `1A`. */
  readonly port?: string;
  readonly file: string;
  readonly line: number;
  /** Returns a diagnostic at a cell of this row, e.g. `row.fault("Attribute Name", {…})`. */
  fault(header: RegistryHeader, fault: RowFault): Diagnostic;
}

/** The columns of contracts.md in canonical spelling. */
export type RegistryHeader =
  | "Volttron Point Name"
  | "Attribute Name"
  | "Register Name"
  | "Port #"
  | "Type"
  | "Units"
  | "Starting Value"
  | "Writable"
  | "Notes"
  | "Min"
  | "Max"
  | "Deadband"
  | "Publish"
  | "Store";

export type RowFault = Pick<
  Diagnostic,
  "code" | "severity" | "message" | "found" | "expected" | "suggestion"
>;
