import type { SQLInputValue } from "node:sqlite";
import type { Connection, Durability } from "../../../storage/sqlite.ts";
import { type Batch, topicKey } from "./batch.ts";
import { openForWriting } from "./database-file.ts";
import { dayOf, rangeOf, removeDay, removeSamples } from "./days/catalogue.ts";
import { insertRows } from "./insert-rows.ts";
import { LARGE } from "./schema.ts";
import type { Layout } from "./writer.ts";

/** Maximum length of JSON text in `sample`; longer text is stored in `large_value`. */
const LARGE_LENGTH = 512;

const DEVICE = "INSERT INTO device (key) VALUES (?) ON CONFLICT (key) DO UPDATE SET key = key RETURNING id";
const TOPIC = `INSERT INTO topic (device_id, key, name, units, type, tz) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET name = excluded.name, units = excluded.units, type = excluded.type, tz = excluded.tz
  RETURNING id`;
const LARGE_VALUE = `INSERT INTO large_value (topic_id, time, json) VALUES (?, ?, ?)
  ON CONFLICT (topic_id, time) DO UPDATE SET json = excluded.json`;
const SAMPLES = {
  into: "INSERT INTO sample (device_id, time, topic_id, value)",
  columns: 4,
  onConflict: "ON CONFLICT (device_id, time, topic_id) DO UPDATE SET value = excluded.value",
};
/** A new id for each replacement: see `closing.ts`. */
const LATE = {
  into: "INSERT OR REPLACE INTO late (topic_id, time, value)",
  columns: 3,
  onConflict: "",
};
const DAY = "SELECT 1 FROM day WHERE day = ?";
const REMOVE_LATE = "DELETE FROM late WHERE id IN (SELECT id FROM late WHERE time < ? ORDER BY time LIMIT ?)";

interface Ids {
  readonly deviceId: number;
  readonly topicId: number;
}

/** Returns the layout of our own file format: see {@link openForWriting} and the schema. */
export function ownLayout(durability: Durability): Layout<Ids> {
  return {
    open: (file) => openForWriting(file, durability),
    storeTopic(database, { name, meta: { units, type, tz } }) {
      const key = topicKey(name);
      const deviceId = idOf(database, DEVICE, key.slice(0, Math.max(key.lastIndexOf("/"), 0)));
      return { deviceId, topicId: idOf(database, TOPIC, deviceId, key, name, units, type, tz) };
    },
    storeSamples(database, batch, topicOf) {
      const { recent, late } = byDay(database, batch.times);
      insertRows(database, SAMPLES, recent, (row, values) => {
        const { deviceId, topicId } = topicOf(row).ids;
        const time = batch.times[row] as number;
        values.push(deviceId, time, topicId, value(database, batch, row, topicId, time));
      });
      insertRows(database, LATE, late, (row, values) => {
        const other = batch.others.get(row);
        values.push(
          topicOf(row).ids.topicId,
          batch.times[row] as number,
          other === undefined ? (batch.numbers[row] as number) : other,
        );
      });
    },
    remove(database, { before, rows }) {
      return (
        removeDay(database, before) ||
        removeSamples(database, { from: Number.MIN_SAFE_INTEGER, before, rows }) ||
        Number(database.run(REMOVE_LATE, lateBound(database, before), rows).changes)
      );
    },
  };
}

/** Returns the time before which late samples are removed: those of a closed day go with it, or its file would show what they replace. */
function lateBound(database: Connection, before: number): number {
  const day = dayOf(before);
  return database.get(DAY, day) === undefined ? before : rangeOf(day).start;
}

function value(
  database: Connection,
  batch: Batch,
  row: number,
  topicId: number,
  time: number,
): SQLInputValue {
  const other = batch.others.get(row);
  if (other === undefined) return batch.numbers[row] as number;
  if (other === null || other.length <= LARGE_LENGTH) return other;
  database.run(LARGE_VALUE, topicId, time, other);
  return LARGE;
}

/** Separates the rows of days that are closed, or are being closed. */
function byDay(
  database: Connection,
  times: Float64Array,
): { recent: readonly number[]; late: readonly number[] } {
  const closed = new Map<number, boolean>();
  const recent: number[] = [];
  const late: number[] = [];
  for (const [row, time] of times.entries()) {
    const day = dayOf(time);
    let isClosed = closed.get(day);
    if (isClosed === undefined) {
      isClosed = database.get(DAY, day) !== undefined;
      closed.set(day, isClosed);
    }
    (isClosed ? late : recent).push(row);
  }
  return { recent, late };
}

function idOf(database: Connection, sql: string, ...values: SQLInputValue[]): number {
  return database.get<[id: number]>(sql, ...values)![0];
}
