/**
 * The fake driver: devices whose values are computed from formulas, to try the bridge without hardware.
 * A device config names `"driver_type": "fake"`; each row of its registry has `FakeRegister` as Register Name and a formula
 * as Attribute Name: `sin(period=60, amplitude=10)`, `counter`, `memory(16)`, … (all of them in `formula.ts`). Only a
 * `memory` can be written. Registries of VOLTTRON's fake driver name no register: see `trialFormula`.
 */

import type { Diagnostic } from "../../config/files/diagnostic.ts";
import { closest } from "../../config/files/did-you-mean.ts";
import { convertValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/index.ts";
import type { AbleType, ListedAttribute } from "../abilities.ts";
import { configSchema, type FakeConfig } from "./config.ts";
import { FakeDevice } from "./device.ts";
import { FORMULAS, type FormulaShape, isTrial, parseFormula } from "./formula.ts";

const REGISTER = "FakeRegister";

/** Returns the fake driver type. `now` returns milliseconds since 1970; tests inject their own clock. */
export function createFake(now: () => number = Date.now): AbleType<FakeConfig> {
  return {
    name: "fake",
    configSchema,
    checkRows: (rows) => rows.flatMap(checkRow),
    attributes: listFormulas,
    originOf: ({ register, attribute, port }) => ({ register, attribute, port }),
    open() {
      // Aborts the calls in progress when the bridge stops. A real driver also closes its connections here.
      const closing = new AbortController();
      return {
        createDevice: (init) => new FakeDevice(init, now, closing.signal),
        async close() {
          closing.abort(new Error("the fake driver is closed"));
        },
      };
    },
  };
}

export const fake = createFake();

function listFormulas(): ListedAttribute[] {
  return Object.entries<FormulaShape>(FORMULAS).map(([kind, { args, type, meaning }]) => {
    const names = Object.keys(args);
    const attribute = names.length === 0 ? kind : `${kind}(${names.join(", ")})`;
    return { register: REGISTER, attribute, level: "station", type, meaning, writable: kind === "memory" };
  });
}

function checkRow(row: RegistryRow): Diagnostic[] {
  if (isTrial(row)) return [];
  if (row.register !== REGISTER) {
    return [
      row.fault("Register Name", {
        code: "unknown_register",
        severity: "error",
        message: "there is no such register",
        found: row.register,
        expected: REGISTER,
        suggestion: closest(row.register, [REGISTER]),
      }),
    ];
  }
  try {
    const formula = parseFormula(row.attribute);
    if (row.point.writable && formula.kind !== "memory") {
      return [
        row.fault("Writable", {
          code: "not_writable",
          severity: "error",
          message: "a formula cannot be written; only a memory can",
          found: row.attribute,
          expected: "Writable FALSE, or memory(…) as Attribute Name",
        }),
      ];
    }
    const fixed =
      formula.args.value === undefined ? undefined : convertValue(formula.args.value, row.point.type);
    if (fixed && !fixed.ok) {
      return [
        row.fault("Attribute Name", {
          code: "bad_value",
          severity: "error",
          message: `the value does not fit the Type ${row.point.type}`,
          found: row.attribute,
          expected: fixed.expected,
        }),
      ];
    }
    return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const kinds = Object.keys(FORMULAS);
    return [
      row.fault("Attribute Name", {
        code: "unknown_attribute",
        severity: "error",
        message: error.message,
        found: row.attribute,
        expected: `one of ${kinds.join(", ")}, with arguments like sin(period=60, amplitude=10)`,
        suggestion: closest(row.attribute.split("(")[0]!.trim(), kinds),
      }),
    ];
  }
}
