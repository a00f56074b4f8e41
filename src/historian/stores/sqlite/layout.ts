import type { SQLInputValue } from "node:sqlite";
import type { Connection, Durability } from "../../../storage/sqlite.ts";
import { type Batch, topicKey } from "./batch.ts";
import { openForWriting } from "./database-file.ts";
import { insertRows } from "./insert-rows.ts";
import { LARGE } from "./schema.ts";
import type { Layout, Removal } from "./writer.ts";

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
const OLD_DEVICES =
  "SELECT id FROM device WHERE EXISTS (SELECT 1 FROM sample WHERE device_id = device.id AND time < ?)";
const NTH_TIME = "SELECT time FROM sample WHERE device_id = ? AND time < ? ORDER BY time LIMIT 1 OFFSET ?";
const REMOVE = "DELETE FROM sample WHERE device_id = ? AND time <= ?";

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
      insertRows(database, SAMPLES, batch.times.length, (row, values) => {
        const { deviceId, topicId } = topicOf(row).ids;
        const time = batch.times[row] as number;
        values.push(deviceId, time, topicId, value(database, batch, row, topicId, time));
      });
    },
    remove: removeOldest,
  };
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

/** Removes samples device by device, in the order of the key, so that whole pages become free. */
function removeOldest(database: Connection, { before, rows }: Removal): number {
  let removed = 0;
  for (const [device] of database.all<[id: number]>(OLD_DEVICES, before)) {
    if (removed >= rows) break;
    const nth = database.get<[time: number]>(NTH_TIME, device, before, rows - removed - 1);
    removed += Number(database.run(REMOVE, device, nth ? nth[0] : before - 1).changes);
  }
  return removed;
}

function idOf(database: Connection, sql: string, ...values: SQLInputValue[]): number {
  return database.get<[id: number]>(sql, ...values)![0];
}
