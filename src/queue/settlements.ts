import type { Connection, Row } from "../storage/sqlite.ts";
import type { DeadLetter, NewDeadLetter } from "./contract.ts";
import type { Counters } from "./counters.ts";
import { QueueError } from "./failure.ts";
import type { SettleBatch } from "./messages.ts";
import { checksum, insertRows, type NewRow } from "./records.ts";
import { DEAD_BYTES, type EvictedIds, type SizeLimit } from "./size-limit.ts";

/** How records leave the queue: settled, as delivered or as dead letters, which can be put back or discarded. */

/** Maximum number of dead letters moved in one transaction: another process waits no longer than that takes. */
export const LETTERS_AT_ONCE = 500;

const COLUMNS = "id, time, samples, retries, key, text, reason, detail, at, checksum";

/**
 * Removes settled records. A record that was evicted while it was being delivered counts by its settlement and no longer as dropped.
 * Returns the reasons of invalid settlements by index. Must be called in a transaction.
 */
export function settle(
  connection: Connection,
  counters: Counters,
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
      counters.add("waiting", -samples);
    } else counters.add("dropped", -samples, "limit");
    counters.add("delivered", delivered[index]!);
    addDeadLetters(connection, counters, letters, retries, at);
  }
  if (settled.length > 0)
    connection.run(
      "DELETE FROM record WHERE id IN (SELECT value FROM json_each(?))",
      wrong.size === 0 && settled.length === ids.length ? list : JSON.stringify(settled),
    );
  return wrong;
}

/** Adds dead letters. Must be called in a transaction. */
export function addDeadLetters(
  connection: Connection,
  counters: Counters,
  letters: readonly NewDeadLetter[],
  retries: number,
  at: number,
): void {
  for (const { time, samples, key, text, reason, detail } of letters) {
    const [id] = connection.get(
      "UPDATE state SET last_dead_id = last_dead_id + 1 RETURNING last_dead_id",
    ) as [number];
    const sum = checksum(time, samples, key, text, reason, detail);
    connection.run(
      `INSERT INTO dead_letter (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, time, samples, retries, key, text, reason, detail, at, sum],
    );
    connection.run(
      `UPDATE state SET dead_bytes = dead_bytes + (SELECT ${DEAD_BYTES} FROM dead_letter WHERE id = ?)`,
      id,
    );
    counters.add("dead", samples, reason);
  }
}

export function listDeadLetters(connection: Connection, after: number, count: number): DeadLetter[] {
  return connection
    .all(`SELECT ${COLUMNS} FROM dead_letter WHERE id > ? ORDER BY id LIMIT ?`, after, count)
    .map(letterOf);
}

/** Returns existing dead letters (default: all) up to id `last`; at most {@link LETTERS_AT_ONCE}. */
export function chooseDeadLetters(
  connection: Connection,
  ids: readonly number[] | undefined,
  last: number,
): DeadLetter[] {
  const chosen = ids === undefined ? "" : "AND id IN (SELECT value FROM json_each(?))";
  return connection
    .all(
      `SELECT ${COLUMNS} FROM dead_letter WHERE id <= ? ${chosen} ORDER BY id LIMIT ${LETTERS_AT_ONCE}`,
      last,
      ...(ids === undefined ? [] : [JSON.stringify(ids)]),
    )
    .map(letterOf);
}

/** Moves dead letters to the end of the queue. Must be called in a transaction. */
export function requeue(
  connection: Connection,
  counters: Counters,
  limit: SizeLimit,
  letters: readonly DeadLetter[],
): void {
  remove(connection, counters, letters);
  const rows = letters.map(
    ({ time, samples, retries, key, text }): NewRow => ({
      ...{ time, samples, retries: retries + 1, key, text },
      shared: null,
    }),
  );
  const lastId = connection.number("SELECT last_id FROM state");
  insertRows(connection, counters, limit, rows, lastId + 1);
  connection.run("UPDATE state SET last_id = ?", lastId + rows.length);
}

/** Drops dead letters. Must be called in a transaction. */
export function discard(connection: Connection, counters: Counters, letters: readonly DeadLetter[]): void {
  remove(connection, counters, letters);
  for (const { samples } of letters) counters.add("dropped", samples, "discarded");
}

function remove(connection: Connection, counters: Counters, letters: readonly DeadLetter[]): void {
  const list = JSON.stringify(letters.map(({ id }) => id));
  connection.run(
    `UPDATE state SET dead_bytes = dead_bytes -
       (SELECT total(${DEAD_BYTES}) FROM dead_letter WHERE id IN (SELECT value FROM json_each(?)))`,
    list,
  );
  connection.run("DELETE FROM dead_letter WHERE id IN (SELECT value FROM json_each(?))", list);
  for (const { samples, reason } of letters) counters.add("dead", -samples, reason);
}

function letterOf(row: Row): DeadLetter {
  const [id, time, samples, retries, key, text, reason, detail, at, sum] = row as [
    number,
    number,
    number,
    number,
    string,
    string,
    string,
    string,
    number,
    number,
  ];
  if (sum !== checksum(time, samples, key, text, reason, detail))
    throw new QueueError("damaged", `dead letter ${id} does not match its checksum`);
  return { id, time, samples, retries, key, text, reason, detail, at: new Date(at) };
}
