import {
  ApiError,
  operations,
  ProtocolError,
  pages,
  type Station,
  type Transaction,
} from "../../drivers/chargepoint/api/index.ts";
import type { Statement } from "../database/contract.ts";
import { wireTime } from "../database/times.ts";
import type { SessionReader } from "../query/reader.ts";
import type { Reading } from "./options.ts";
import { alarmRow, paymentRow, userRow } from "./rows.ts";
import { sorted } from "./store.ts";

/** Rows in one transaction, or of one question. */
const BATCH = 500;
const DAY_MS = 86_400_000;
const SHORTEST_WINDOW_MS = 60_000;

/** Stations, ports and prices of getStations. Gives the number of stations. */
export async function readStations({
  client,
  store,
  signal,
  at,
  refuse,
  progress,
}: Reading): Promise<number> {
  let count = 0;
  const stations = pages(client, operations.getStations, {}, { signal });
  for await (const batch of batches<Station>(stations)) {
    refuse(await store.stations(batch, at));
    count += batch.length;
    progress("stations", count);
  }
  return count;
}

/** Drivers of getUsers. */
export async function readUsers({ client, store, signal, refuse }: Reading): Promise<number> {
  let count = 0;
  for await (const batch of batches(pages(client, operations.getUsers, {}, { signal }))) {
    const { rows, refused } = sorted(batch, userRow);
    await store.rows("user", rows);
    refuse(refused);
    count += rows.length;
  }
  return count;
}

/** Alarms of a range. They are few and come in any order. */
export async function readAlarms(
  { client, store, signal, refuse, progress }: Reading,
  from: string,
  to: string,
): Promise<number> {
  let count = 0;
  const query = { startTime: from, endTime: to };
  for await (const batch of batches(pages(client, operations.getAlarms, query, { signal }))) {
    const { rows, refused } = sorted(batch, alarmRow);
    await store.rows("alarm", rows);
    refuse(refused);
    count += rows.length;
    progress("alarms", count);
  }
  return count;
}

/**
 * Payments reported from one time up to another, day by day: a payment has one time, so no window loses one. A window whose
 * pages do not come to an end is halved. `reached` gives what says how far reading has come.
 */
export async function readPayments(
  reading: Reading,
  from: string,
  to: string,
  reached: (time: string) => Statement,
): Promise<number> {
  const { store, refuse, progress, signal } = reading;
  let count = 0;
  let length = DAY_MS;
  let before: ReadonlyMap<string, unknown> = new Map();
  const end = Date.parse(to);
  for (let start = Date.parse(from); start < end; ) {
    signal.throwIfAborted();
    const next = Math.min(end, start + length);
    let records: Transaction[];
    try {
      records = await windowOf(reading, start, next);
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.fault !== "paging" || length <= SHORTEST_WINDOW_MS)
        throw error;
      length = Math.max(SHORTEST_WINDOW_MS, Math.floor(length / 2000) * 1000);
      continue;
    }
    const { rows, refused } = sorted(records, paymentRow);
    const now = wireTime(new Date(next));
    // Equal keys in one statement: the last one counts.
    const unique = new Map(rows.map((row) => [row.transaction_id, row]));
    await store.rows("payment", [...unique.values()], [reached(now)]);
    refuse(refused);
    // One at the border of two windows belongs to both.
    count += [...unique.keys()].filter((id) => !before.has(id)).length;
    before = unique;
    progress("payments", count, now);
    start = next;
    length = Math.min(DAY_MS, length * 2);
  }
  await store.linkPayments();
  return count;
}

/** Both ends of the service's window belong to it (guide §6.3.2). */
async function windowOf({ client, signal }: Reading, from: number, to: number): Promise<Transaction[]> {
  const query = {
    fromTransactionTimeStamp: wireTime(new Date(from)),
    toTransactionTimeStamp: wireTime(new Date(to)),
  };
  const records: Transaction[] = [];
  for await (const record of pages(client, operations.getTransactionData, query, { signal, maxPages: 200 }))
    records.push(record);
  return records;
}

async function* batches<T>(records: AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/**
 * Quarter hours of the sessions of a range that are over and have none yet, or have changed since: one call for each
 * session. Those that are read stay so; a run that was interrupted goes on with the rest. Gives the number of sessions.
 */
export async function readIntervals(
  { client, store, signal, at, refuse, progress }: Reading,
  reader: SessionReader,
  account: string,
  from: string,
  to: string,
): Promise<number> {
  let count = 0;
  let after: readonly [start: string, id: string] = [from, "0"];
  for (;;) {
    const found = await reader.sessionsWithoutIntervals({ account, after, to, count: BATCH }, signal);
    for (const [sessionID] of found) {
      try {
        const request = { sessionID, energyConsumedInterval: true };
        const answer = await client.call(operations.get15minChargingSessionData, request, { signal });
        await store.intervals(sessionID, answer, at);
        count++;
        progress("intervals", count);
      } catch (error) {
        // The plan lacks it: no session will have any. Otherwise it is this session's matter.
        if (!(error instanceof ApiError) || error.kind === "forbidden") throw error;
        refuse(new Map([[`quarter hours of a session: ${error.guideText ?? `code ${error.code}`}`, 1]]));
      }
    }
    const last = found.at(-1);
    if (!last || found.length < BATCH) return count;
    after = [last[1], last[0]];
  }
}
