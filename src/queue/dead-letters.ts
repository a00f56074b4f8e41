import type { Connection, Row } from "../storage/sqlite.ts";
import { checksum, insert, type NewRow } from "./appends.ts";
import type { DeadLetter, NewDeadLetter } from "./contract.ts";
import { QueueError } from "./failure.ts";
import { DEAD_BYTES, type Room } from "./room.ts";
import type { Tally } from "./tally.ts";

/** So many are moved in one transaction: another process waits no longer than that takes. */
export const LETTERS_AT_ONCE = 500;

const COLUMNS = "id, time, samples, retries, key, text, reason, detail, at, checksum";

/** Sets values aside. Within a transaction. */
export function addDeadLetters(
  connection: Connection,
  tally: Tally,
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
    tally.add("dead", samples, reason);
  }
}

export function listDeadLetters(connection: Connection, after: number, count: number): DeadLetter[] {
  return connection
    .all(`SELECT ${COLUMNS} FROM dead_letter WHERE id > ? ORDER BY id LIMIT ?`, after, count)
    .map(letterOf);
}

/** Those of the ids that are there, and not after `last`; at most {@link LETTERS_AT_ONCE}. */
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

/** Puts them at the end of the queue. Within a transaction. */
export function requeue(
  connection: Connection,
  tally: Tally,
  room: Room,
  letters: readonly DeadLetter[],
): void {
  remove(connection, tally, letters);
  const rows = letters.map(
    ({ time, samples, retries, key, text }): NewRow => ({
      ...{ time, samples, retries: retries + 1, key, text },
      shared: null,
    }),
  );
  const lastId = connection.number("SELECT last_id FROM state");
  insert(connection, tally, room, rows, lastId + 1);
  connection.run("UPDATE state SET last_id = ?", lastId + rows.length);
}

/** Drops them. Within a transaction. */
export function discard(connection: Connection, tally: Tally, letters: readonly DeadLetter[]): void {
  remove(connection, tally, letters);
  for (const { samples } of letters) tally.add("dropped", samples, "discarded");
}

function remove(connection: Connection, tally: Tally, letters: readonly DeadLetter[]): void {
  const list = JSON.stringify(letters.map(({ id }) => id));
  connection.run(
    `UPDATE state SET dead_bytes = dead_bytes -
       (SELECT total(${DEAD_BYTES}) FROM dead_letter WHERE id IN (SELECT value FROM json_each(?)))`,
    list,
  );
  connection.run("DELETE FROM dead_letter WHERE id IN (SELECT value FROM json_each(?))", list);
  for (const { samples, reason } of letters) tally.add("dead", -samples, reason);
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
    throw new QueueError("damaged", `dead letter ${id} is not what was written`);
  return { id, time, samples, retries, key, text, reason, detail, at: new Date(at) };
}
