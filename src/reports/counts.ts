import { type Cell, type FieldRules, fieldOf } from "./field.ts";
import type { FleetStation } from "./fleet-data.ts";
import { compareCodePoints } from "./text.ts";

/** How often each value of a column occurs: most often first, among equals the one seen first. */
export interface ColumnCount {
  readonly column: string;
  /** A null value: stations that tell none. */
  readonly values: readonly { readonly value: Cell; readonly count: number }[];
}

/** In parity null is not counted, as `value_counts` does; empty text is a value like any other. */
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
  /** Null: stations that tell none. */
  readonly models: readonly Cell[];
  readonly states: readonly Cell[];
  /** By model, then state. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * In parity as a pandas pivot that counts `installDate`: models and states that tell nothing are no rows and columns, and
 * a station without a date that can be read is in none of the counts, though its model and state keep their places.
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

/** As people sort, what is empty last. */
function naturally(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return collator.compare(String(a), String(b)) || byCodePoints(a, b);
}
