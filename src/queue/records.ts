import type { Connection } from "../storage/sqlite.ts";
import { recordChecksum } from "./appends.ts";
import type { QueuedRecord } from "./contract.ts";
import { addDeadLetters } from "./dead-letters.ts";
import { QueueError } from "./failure.ts";
import type { ReadPage, ReadRequest, SettleBatch } from "./messages.ts";
import type { EvictedIds } from "./room.ts";
import type { SharedTexts } from "./shared-texts.ts";
import type { Tally } from "./tally.ts";

/** Records from the one after `after` on: at least one, where there is one. */
export function readRecords(
  connection: Connection,
  texts: SharedTexts,
  { after, count, bytes }: ReadRequest,
): ReadPage {
  const records: QueuedRecord[] = [];
  const sharing: number[] = [];
  const shared: string[] = [];
  const indexes = new Map<number, number>();
  let length = 0;
  const take = (number: number): number => {
    const text = texts.find(connection, number);
    const index = text === undefined ? -1 : shared.push(text) - 1;
    indexes.set(number, index);
    length += text?.length ?? 0;
    return index;
  };
  const rows = connection.iterate(
    "SELECT id, time, samples, key, text, shared, checksum FROM record WHERE id > ? ORDER BY id LIMIT ?",
    after,
    count,
  );
  for (const row of rows) {
    const [id, time, samples, key, text, number, sum] = row as [
      number,
      number,
      number,
      string,
      string,
      number | null,
      number,
    ];
    if (sum !== recordChecksum(time, samples, key, text, number))
      throw new QueueError("damaged", `record ${id} is not what was written`);
    length += text.length;
    if (records.length > 0 && length > bytes) break;
    const index = number === null ? -1 : (indexes.get(number) ?? take(number));
    sharing.push(index);
    const incomplete = number !== null && index < 0;
    records.push({ id, time, samples, key, text, ...(incomplete && { incomplete }) });
  }
  return { records, shared, sharing };
}

/**
 * Takes records out. A record that was evicted while its reader held it counts by its settlement and no longer as dropped. Answers
 * which settlements make no sense, and why. Within a transaction.
 */
export function settle(
  connection: Connection,
  tally: Tally,
  evicted: EvictedIds,
  batch: SettleBatch,
): Map<number, string> {
  const { ids, delivered, dead, at } = batch;
  const list = JSON.stringify(ids);
  const known = new Map<number, readonly [samples: number, retries: number]>();
  for (const row of connection.iterate(
    "SELECT id, samples, retries FROM record WHERE id IN (SELECT value FROM json_each(?))",
    list,
  ))
    known.set(row[0] as number, [row[1] as number, row[2] as number]);
  const wrong = new Map<number, string>();
  const settled: number[] = [];
  for (const [index, id] of ids.entries()) {
    const record = known.get(id);
    if (!record && !evicted.has(id)) continue;
    const letters = dead.get(index) ?? [];
    const sum = letters.reduce((total, letter) => total + letter.samples, delivered[index]!);
    const [samples, retries] = record ?? [sum, 0];
    if (sum !== samples) {
      wrong.set(index, `record ${id} has ${samples} values, but ${sum} of them were settled`);
      continue;
    }
    if (record) {
      known.delete(id);
      settled.push(id);
      tally.add("waiting", -samples);
    } else tally.add("dropped", -samples, "limit");
    tally.add("delivered", delivered[index]!);
    addDeadLetters(connection, tally, letters, retries, at);
  }
  if (settled.length > 0)
    connection.run(
      "DELETE FROM record WHERE id IN (SELECT value FROM json_each(?))",
      wrong.size === 0 && settled.length === ids.length ? list : JSON.stringify(settled),
    );
  return wrong;
}
