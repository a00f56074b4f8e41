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
import type { SyncPart } from "./options.ts";
import { alarmRow, paymentRow, userRow } from "./rows.ts";
import { convertRecords } from "./store.ts";

/** Number of rows in a transaction or a query. */
const BATCH = 500;
const DAY_MS = 86_400_000;
const MIN_WINDOW_MS = 60_000;

/** Reads stations, ports and prices of getStations. Returns the number of stations. */
export async function readStations({
  client,
  store,
  signal,
  at,
  refuse,
  progress,
}: SyncPart): Promise<number> {
  let count = 0;
  const stations = pages(client, operations.getStations, {}, { signal });
  for await (const batch of batches<Station>(stations)) {
    refuse(await store.stations(batch, at));
    count += batch.length;
    progress("stations", count);
  }
  return count;
}

/** Reads drivers of getUsers. Returns their number. */
export async function readUsers({ client, store, signal, refuse }: SyncPart): Promise<number> {
  let count = 0;
  for await (const batch of batches(pages(client, operations.getUsers, {}, { signal }))) {
    const { rows, refused } = convertRecords(batch, userRow);
    await store.rows("user", rows);
    refuse(refused);
    count += rows.length;
  }
  return count;
}

/** Reads the alarms of a range, which are few and in any order. Returns their number. */
export async function readAlarms(
  { client, store, signal, refuse, progress }: SyncPart,
  from: string,
  to: string,
): Promise<number> {
  let count = 0;
  const query = { startTime: from, endTime: to };
  for await (const batch of batches(pages(client, operations.getAlarms, query, { signal }))) {
    const { rows, refused } = convertRecords(batch, alarmRow);
    await store.rows("alarm", rows);
    refuse(refused);
    count += rows.length;
    progress("alarms", count);
  }
  return count;
}

/**
 * Reads payments reported in a range day by day: a payment has one time, so no window misses one. A window whose pages do not end is
 * halved. `reached` returns the statement that stores the progress. Returns the number of payments.
 */
export async function readPayments(
  part: SyncPart,
  from: string,
  to: string,
  reached: (time: string) => Statement,
): Promise<number> {
  const { store, refuse, progress, signal } = part;
  let count = 0;
  let length = DAY_MS;
  let before: ReadonlyMap<string, unknown> = new Map();
  const end = Date.parse(to);
  for (let start = Date.parse(from); start < end; ) {
    signal.throwIfAborted();
    const next = Math.min(end, start + length);
    let records: Transaction[];
    try {
      records = await windowOf(part, start, next);
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.fault !== "paging" || length <= MIN_WINDOW_MS)
        throw error;
      length = Math.max(MIN_WINDOW_MS, Math.floor(length / 2000) * 1000);
      continue;
    }
    const { rows, refused } = convertRecords(records, paymentRow);
    const now = wireTime(new Date(next));
    // Of equal keys in one statement the last one counts.
    const unique = new Map(rows.map((row) => [row.transaction_id, row]));
    await store.rows("payment", [...unique.values()], [reached(now)]);
    refuse(refused);
    // A payment at the border of two windows is in both.
    count += [...unique.keys()].filter((id) => !before.has(id)).length;
    before = unique;
    progress("payments", count, now);
    start = next;
    length = Math.min(DAY_MS, length * 2);
  }
  await store.linkPayments();
  return count;
}

/** Reads a window. The service includes both of its ends (guide §6.3.2). */
async function windowOf({ client, signal }: SyncPart, from: number, to: number): Promise<Transaction[]> {
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
 * Reads the quarter hours of ended sessions in a range that have none yet or have changed since, with one call for each session. An
 * interrupted run resumes with the rest. Returns the number of sessions.
 */
export async function readIntervals(
  { client, store, signal, at, refuse, progress }: SyncPart,
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
        // Forbidden by the plan for all sessions; any other error concerns this session only.
        if (!(error instanceof ApiError) || error.kind === "forbidden") throw error;
        refuse(new Map([[`quarter hours of a session: ${error.guideText ?? `code ${error.code}`}`, 1]]));
      }
    }
    const last = found.at(-1);
    if (!last || found.length < BATCH) return count;
    after = [last[1], last[0]];
  }
}
