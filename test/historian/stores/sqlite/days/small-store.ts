import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect } from "vitest";
import type { Row, Sample } from "../../../../../src/historian/contract.ts";
import { RollupFold } from "../../../../../src/historian/rollup.ts";
import { BatchEncoder } from "../../../../../src/historian/stores/sqlite/batch.ts";
import { decodeDays } from "../../../../../src/historian/stores/sqlite/days/hours.ts";
import { DayKeeper } from "../../../../../src/historian/stores/sqlite/days/keeper.ts";
import { ownLayout } from "../../../../../src/historian/stores/sqlite/layout.ts";
import { Reader } from "../../../../../src/historian/stores/sqlite/reader.ts";
import { fromColumns } from "../../../../../src/historian/stores/sqlite/rows.ts";
import { Writer } from "../../../../../src/historian/stores/sqlite/writer.ts";
import { HOUR } from "../../../../../src/historian/time.ts";
import type { PointValue } from "../../../../../src/points/index.ts";

const META = { units: "kW", type: "float", tz: "UTC" } as const;
const ALL = { order: "FIRST_TO_LAST", skip: 0, limit: Number.MAX_SAFE_INTEGER } as const;

/** The parts of the SQLite backend without their threads, and a ledger of what was written. */
export class SmallStore implements Disposable {
  readonly place: string;
  readonly file: string;
  readonly folder: string;
  readonly ledger: Map<string, Map<number, PointValue>>;
  /** Files that were reported as unreadable. */
  readonly unreadable: string[] = [];
  readonly reader: Reader;
  #keeper: DayKeeper | undefined;
  #writer: Writer<unknown> | undefined;
  #encoder = new BatchEncoder();

  /** `of`: another store whose files were copied to the place. */
  constructor(place = mkdtempSync(join(tmpdir(), "voltbridge-days-")), of?: SmallStore) {
    this.place = place;
    this.file = join(place, "historian.sqlite");
    this.folder = join(place, "history");
    this.ledger = new Map([...(of?.ledger ?? [])].map(([topic, rows]) => [topic, new Map(rows)]));
    this.reader = new Reader(this.file, this.folder, ({ path }) => this.unreadable.push(path));
  }

  get keeper(): DayKeeper {
    this.#keeper ??= new DayKeeper(this.file, this.folder, "normal");
    return this.#keeper;
  }

  write(...samples: readonly (readonly [topic: string, time: number, value: PointValue])[]): void {
    this.#writer ??= new Writer(this.file, ownLayout("normal"), () => {});
    const full = samples.map(([topic, time, value]): Sample => ({ topic, time, value, meta: META }));
    this.#writer.write(this.#encoder.encode(full));
    for (const [topic, time, value] of samples) {
      const rows = this.ledger.get(topic) ?? new Map();
      this.ledger.set(topic, rows.set(time, value));
    }
  }

  /** Removes samples, as retention does, without noting it. */
  remove(before: number): void {
    while (this.#writer!.remove({ before, rows: 5000 }) > 0);
  }

  /** Does all that is due. */
  closeDays(before: number, thorough = false): void {
    while (this.keeper.work({ closeBefore: before, thorough }));
  }

  rowsOf(topic: string): readonly Row[] {
    return fromColumns(this.reader.read({ topic, ...ALL }));
  }

  /** Expects every sample as it was written, once, and rollups as of these samples. */
  expectLedger(): void {
    for (const [topic, samples] of this.ledger) {
      const rows = [...samples].sort(([a], [b]) => a - b);
      // Comparing texts is many times faster; `toEqual` shows what differs.
      if (JSON.stringify(this.rowsOf(topic)) !== JSON.stringify(rows))
        expect(this.rowsOf(topic), topic).toEqual(rows);
      const range = { topic, start: rows[0]![0], end: rows.at(-1)![0] + HOUR };
      for (const { start, end, hours } of decodeDays(this.reader.rollups(range), range)) {
        const folds = new Map<number, RollupFold>();
        for (const row of rows.filter(([time]) => time >= start && time < end)) {
          const hour = Math.floor(row[0] / HOUR) * HOUR;
          if (!folds.has(hour)) folds.set(hour, new RollupFold(hour));
          folds.get(hour)!.add(row);
        }
        expect(hours, topic).toEqual([...folds.values()].flatMap((fold) => fold.rollup() ?? []));
      }
    }
  }

  /** Expects all files to be complete, and none that the store does not know. */
  expectCleanFiles(): void {
    const days = this.reader.days();
    expect(days.flatMap(({ path }) => this.reader.check(path!) ?? [])).toEqual([]);
    expect(this.reader.checkRecent()).toBeUndefined();
    expect(this.reader.others()).toEqual([]);
    expect(this.filesThere()).toEqual(days.map(({ path }) => path).sort());
  }

  filesThere(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** Closes the connections, as the end of a process does. */
  end(): void {
    this.reader.close();
    this.#keeper?.close();
    this.#writer?.close();
    this.#keeper = undefined;
    this.#writer = undefined;
    this.#encoder = new BatchEncoder();
  }

  [Symbol.dispose](): void {
    this.end();
    rmSync(this.place, { recursive: true, force: true });
  }
}
