import { type Cell, type FieldRules, fieldOf } from "./field.ts";
import type { FleetStation } from "./fleet-data.ts";
import { compareCodePoints } from "./text.ts";

/** Number of occurrences of each value of a column, most frequent first; equals in the order of occurrence. */
export interface ColumnCount {
  readonly column: string;
  /** Null: stations without a value. */
  readonly values: readonly { readonly value: Cell; readonly count: number }[];
}

/** Counts the values of a column. In parity null is not counted, as in `value_counts`; empty text is a value. */
export function countColumn(
  stations: readonly FleetStation[],
  column: string,
  rules: FieldRules,
): ColumnCount {
  const groups = Map.groupBy(
    stations.map((station) => fieldOf(station, column, rules)),
    keyOf,
  );
  const values = [...groups.values()]
    .map((cells) => ({ value: cells[0]!, count: cells.length }))
    .filter(({ value }) => value !== null || !rules.parity)
    .sort((a, b) => b.count - a.count);
  return { column, values };
}

/** Stations by model and state. */
export interface StatusPivot {
  /** Null: stations without a model. */
  readonly models: readonly Cell[];
  readonly states: readonly Cell[];
  /** By model, then state. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * Counts stations by model and state. In parity as a pandas pivot that counts `installDate`: null models and states have no rows and
 * columns, and stations without a valid date are not counted, although their model and state are included.
 */
export function statusPivot(stations: readonly FleetStation[], rules: FieldRules): StatusPivot {
  const all = stations
    .map((station) => ({
      model: fieldOf(station, "modelInfo", rules),
      state: fieldOf(station, "state", rules),
      counts: !rules.parity || fieldOf(station, "installDate", rules) !== null,
    }))
    .filter(({ model, state }) => !rules.parity || (model !== null && state !== null));
  const order = rules.parity ? byCodePoints : naturally;
  const distinct = (cells: readonly Cell[]) =>
    [...new Map(cells.map((cell) => [keyOf(cell), cell])).values()].sort(order);
  const models = distinct(all.map(({ model }) => model));
  const states = distinct(all.map(({ state }) => state));
  const rowOf = new Map(models.map((model, index) => [keyOf(model), index]));
  const columnOf = new Map(states.map((state, index) => [keyOf(state), index]));
  const counts = models.map(() => states.map(() => 0));
  for (const { model, state, counts: one } of all) {
    if (one) counts[rowOf.get(keyOf(model))!]![columnOf.get(keyOf(state))!]!++;
  }
  return { models, states, counts };
}

function keyOf(cell: Cell): string {
  return `${typeof cell} ${cell instanceof Date ? cell.getTime() : cell}`;
}

function byCodePoints(a: Cell, b: Cell): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return compareCodePoints(String(a), String(b));
}

const collator = new Intl.Collator("en", { numeric: true });

/** Compares in natural order, with empty cells last. */
function naturally(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return collator.compare(String(a), String(b)) || byCodePoints(a, b);
}
