import type {
  HistorianBackend,
  ReadRequest,
  RolledUp,
  RollupRequest,
  Row,
  Topic,
} from "../../../src/historian/contract.ts";
import { RollupFold } from "../../../src/historian/rollup.ts";
import { DAY, HOUR } from "../../../src/historian/time.ts";
import type { PointValue } from "../../../src/points/index.ts";

/** A store in memory that has rollups of the days that `isRolledUp` names, and records what is asked for. */
export class RolledUpStore implements HistorianBackend {
  readonly reads: ReadRequest[] = [];
  readonly asked: RollupRequest[] = [];
  rowsRead = 0;
  readonly #topics = new Map<string, readonly Row[]>();
  readonly #units: Readonly<Record<string, string>>;
  readonly #isRolledUp: ((day: number) => boolean) | undefined;

  constructor(
    values: Readonly<Record<string, readonly (readonly [time: number, value: PointValue])[]>>,
    isRolledUp?: (day: number) => boolean,
    units: Readonly<Record<string, string>> = {},
  ) {
    for (const [topic, rows] of Object.entries(values))
      this.#topics.set(
        topic,
        rows.toSorted((a, b) => a[0] - b[0]),
      );
    this.#units = units;
    this.#isRolledUp = isRolledUp;
    if (!isRolledUp) Object.assign(this, { rollups: undefined });
  }

  async open(): Promise<void> {}
  async write(): Promise<void> {}
  async close(): Promise<void> {}

  async topics(names?: readonly string[]): Promise<readonly Topic[]> {
    return [...this.#topics.keys()]
      .filter((name) => names?.includes(name) ?? true)
      .map((name) => ({ name, meta: { units: this.#units[name] ?? "kW", type: "float", tz: "UTC" } }));
  }

  async read(request: ReadRequest): Promise<readonly Row[]> {
    this.reads.push(request);
    const { topic, start = -Infinity, end = Infinity, order, skip, limit } = request;
    const rows = this.#between(topic, start, end);
    const found = (order === "FIRST_TO_LAST" ? rows : rows.reverse()).slice(skip, skip + limit);
    this.rowsRead += found.length;
    return found;
  }

  async rollups(request: RollupRequest): Promise<readonly RolledUp[]> {
    const { topic, start, end } = request;
    this.asked.push(request);
    if (end - start > 366 * DAY) throw new Error("more than a year");
    const parts: RolledUp[] = [];
    for (let day = Math.floor(start / DAY); day * DAY < end; day++) {
      if (!this.#isRolledUp?.(day)) continue;
      const part = { start: Math.max(day * DAY, start), end: Math.min((day + 1) * DAY, end) };
      const rows = this.#between(topic, part.start, part.end);
      const folds = new Map<number, RollupFold>();
      for (const row of rows) {
        const hour = Math.floor(row[0] / HOUR) * HOUR;
        const fold = folds.get(hour) ?? new RollupFold(hour);
        folds.set(hour, fold);
        fold.add(row);
      }
      parts.push({ ...part, hours: [...folds.values()].flatMap((fold) => fold.rollup() ?? []) });
    }
    return parts;
  }

  #between(topic: string, start: number, end: number): Row[] {
    const rows = this.#topics.get(topic) ?? [];
    const first = (from: number): number => {
      let low = 0;
      for (let high = rows.length; low < high; ) {
        const middle = (low + high) >> 1;
        if (rows[middle]![0] < from) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return rows.slice(first(start), first(end));
  }
}
