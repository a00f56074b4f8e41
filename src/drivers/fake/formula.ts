import type { PointType, PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";

/** A parsed Attribute Name such as `sin(period=60, amplitude=10)`, with every argument filled in. */
export interface Formula {
  readonly kind: FormulaKind;
  readonly args: Readonly<Record<string, number | string>>;
}

type FormulaKind = keyof typeof FORMULAS;

export interface FormulaShape {
  /** Positional arguments in their order, with their defaults. */
  readonly args: Readonly<Record<string, number | string>>;
  readonly meaning: string;
  /** Type of its values; absent: that of the row. */
  readonly type?: PointType;
  /** Returns the value `seconds` after 1970. It depends on the time and the arguments only. */
  at(seconds: number, arg: (name: string) => number): PointValue;
}

/** Every formula. Times are seconds; a period runs from 1970, so that devices move together. */
export const FORMULAS = {
  constant: {
    args: { value: 0 },
    meaning: "A constant: `constant(5)`, `constant(Garage 3)`.",
    at: (): PointValue => null,
  },
  memory: {
    args: { value: "" },
    meaning:
      "A cell that keeps what is written to it: `memory`, `memory(16)`. The argument is its own default.",
    at: (): PointValue => null,
  },
  counter: {
    args: { step: 1, every: 1, below: 1_000_000 },
    type: "float",
    meaning: "Increases by `step` every `every` seconds and restarts at 0 before it reaches `below`.",
    at: (seconds, arg) => (Math.floor(seconds / arg("every")) * arg("step")) % arg("below"),
  },
  sin: {
    args: { period: 60, amplitude: 1, mean: 0 },
    type: "float",
    meaning: "A wave around `mean`: `sin(period=60, amplitude=10, mean=20)`.",
    at: (seconds, arg) =>
      arg("mean") + arg("amplitude") * Math.sin((2 * Math.PI * (seconds % arg("period"))) / arg("period")),
  },
  square: {
    args: { period: 60, low: 0, high: 1 },
    type: "float",
    meaning: "`high` in the first half of every period, `low` in the second.",
    at: (seconds, arg) => (seconds % arg("period") < arg("period") / 2 ? arg("high") : arg("low")),
  },
  random: {
    args: { seed: 1, low: 0, high: 1, every: 1 },
    type: "float",
    meaning:
      "A pseudo-random number from `low` to `high`, new every `every` seconds; the same `seed` gives the same numbers.",
    at: (seconds, arg) =>
      arg("low") + (arg("high") - arg("low")) * noise(arg("seed"), Math.floor(seconds / arg("every"))),
  },
  clock: {
    args: {},
    type: "datetime",
    meaning: "The time of the reading.",
    at: (seconds) => new Date(seconds * 1000).toISOString(),
  },
} satisfies Record<string, FormulaShape>;

const PATTERN = /^([a-z]+)(?:\((.*)\))?$/is;
/** Arguments used as divisors. */
const ABOVE_ZERO = new Set(["period", "every", "below"]);

/** Parses an Attribute Name. @throws SyntaxError with what is wrong in it */
export function parseFormula(text: string): Formula {
  const [, word = "", list = ""] = PATTERN.exec(text) ?? [];
  const kind = word.toLowerCase() as FormulaKind;
  if (!Object.hasOwn(FORMULAS, kind)) throw new SyntaxError("unknown formula");
  const defaults: Readonly<Record<string, number | string>> = FORMULAS[kind].args;
  const names = Object.keys(defaults);
  const args: Record<string, number | string> = { ...defaults };
  const given = list.trim() === "" ? [] : list.split(",");
  given.forEach((part, place) => {
    const [first = "", second] = part.split("=", 2).map((side) => side.trim());
    const name = second === undefined ? names[place] : first;
    if (name === undefined || !names.includes(name))
      throw new SyntaxError(
        `${kind} takes ${names.length === 0 ? "no arguments" : names.join(", ")}, not "${part.trim()}"`,
      );
    args[name] = argument(kind, name, second ?? first);
  });
  return { kind, args };
}

/** Returns whether a row is one of VOLTTRON's fake driver (fakedriver.py), whose registries have no Register Name. */
export function isTrial({ register }: RegistryRow): boolean {
  return register === "";
}

/** Formulas of rows, which devices share. */
const formulas = new WeakMap<RegistryRow, Formula>();

/** Returns the formula of a row. */
export function formulaOf(row: RegistryRow): Formula {
  const formula = formulas.get(row) ?? (isTrial(row) ? trialFormula(row) : parseFormula(row.attribute));
  formulas.set(row, formula);
  return formula;
}

/**
 * Returns the formula of a row of VOLTTRON's fake driver: a sine wave of one minute for a name that begins with EKG, else a
 * memory of its Starting Value; without one, of a number from 0 to 100 that depends on the name only.
 */
function trialFormula({ point: { name, type, startingValue } }: RegistryRow): Formula {
  if (name.startsWith("EKG")) return { kind: "sin", args: FORMULAS.sin.args };
  const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) | 0, 0);
  const value = startingValue ?? (type === "boolean" ? "true" : Math.round(noise(seed, 0) * 100));
  const isNumeric = type === "integer" || type === "float";
  return { kind: "memory", args: { value: isNumeric ? Number(value) : String(value) } };
}

function argument(kind: FormulaKind, name: string, text: string): number | string {
  // The arguments of constant and memory take their type from the row.
  if (name === "value") return text;
  const number = text === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(number)) throw new SyntaxError(`${name} of ${kind} must be a number, found "${text}"`);
  if (ABOVE_ZERO.has(name) && number <= 0)
    throw new SyntaxError(`${name} of ${kind} must be above 0, found ${number}`);
  return number;
}

/** Returns the value of a formula at a time in milliseconds since 1970. */
export function valueAt(formula: Formula, ms: number): PointValue {
  if (formula.kind === "constant" || formula.kind === "memory") return formula.args.value!;
  const shape: FormulaShape = FORMULAS[formula.kind];
  return shape.at(ms / 1000, (name) => Number(formula.args[name]));
}

/** Returns a pseudo-random number in [0, 1), determined by its two arguments only (mulberry32). */
function noise(seed: number, step: number): number {
  let state = (Math.imul(seed, 0x9e3779b1) + Math.imul(step, 0x85ebca6b) + 0x6d2b79f5) | 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
}
