import type { PointValue } from "../../../points/index.ts";
import type { Order, Row } from "../../contract.ts";

/** Rows of one topic as columns, which are fast to read and to transfer between threads. */
export interface Rows {
  /** Microseconds since 1970 UTC. */
  readonly times: Float64Array<ArrayBuffer>;
  /** A `Float64Array` has numbers only. */
  readonly values: readonly PointValue[] | Float64Array<ArrayBuffer>;
}

export const NO_ROWS: Rows = { times: new Float64Array(), values: [] };

export function toColumns(rows: readonly Row[]): Rows {
  return { times: Float64Array.from(rows, ([time]) => time), values: rows.map(([, value]) => value) };
}

export function fromColumns({ times, values }: Rows): Row[] {
  const rows = new Array<Row>(times.length);
  for (let row = 0; row < rows.length; row++) rows[row] = [times[row]!, values[row]!];
  return rows;
}

/** Returns the rows `from` (inclusive) to `to` (exclusive). */
export function sliceRows(rows: Rows, from: number, to: number): Rows {
  if (from === 0 && to >= rows.times.length) return rows;
  return { times: rows.times.slice(from, to), values: rows.values.slice(from, to) };
}

export function joinRows(pieces: readonly Rows[]): Rows {
  if (pieces.length === 1) return pieces[0]!;
  const times = new Float64Array(pieces.reduce((sum, piece) => sum + piece.times.length, 0));
  const values: PointValue[] = [];
  let row = 0;
  for (const piece of pieces) {
    times.set(piece.times, row);
    row += piece.times.length;
    for (const value of piece.values) values.push(value);
  }
  return { times, values };
}

/** Merges rows of `late`, which replace those of the same time. All are in the order. */
export function* withLate(pieces: Iterable<Rows>, late: readonly Row[], order: Order): Generator<Rows> {
  const sign = order === "FIRST_TO_LAST" ? 1 : -1;
  let at = 0;
  for (const piece of pieces) {
    const last = piece.times.at(-1)!;
    const from = at;
    while (at < late.length && sign * (late[at]![0] - last) <= 0) at++;
    if (from === at) yield piece;
    else {
      const merged = new Map([...fromColumns(piece), ...late.slice(from, at)]);
      yield toColumns([...merged].sort(([a], [b]) => sign * (a - b)));
    }
  }
  if (at < late.length) yield toColumns(late.slice(at));
}
