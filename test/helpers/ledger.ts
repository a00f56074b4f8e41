import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { fromRecord } from "../../src/historian/delivery/sample-record.ts";
import type { HistorianBackend } from "../../src/historian/index.ts";
import { isOwnTopic } from "../../src/historian/storable.ts";
import { createLog } from "../../src/log/log.ts";
import { readingMessage } from "../../src/mqtt/publishing/reading.ts";
import { type NewRecord, openQueue, type QueueCounters } from "../../src/queue/index.ts";
import type { Recorded } from "./mqtt-recorder.ts";

export type QueueName = "outbox" | "spool";

/** What a process that had the fault points of `fault-points.ts` left behind. */
export interface Life {
  /** The file that it wrote down in what went into its queues. */
  readonly tap: string;
  /** Its log as JSON lines, debug lines included. */
  readonly log: string;
}

/** The books of one sink, by the ledger; in values. */
export interface Balance {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  /** Neither there nor waiting; dropped or dead-lettered by the counters. */
  readonly left: number;
  /** Messages that came more than once; of the store: values that were replaced. */
  readonly duplicates: number;
}

interface TapLine {
  readonly q: QueueName;
  readonly call: number;
  readonly records?: readonly NewRecord[];
  readonly ids?: readonly number[];
}

interface State {
  readonly lastId: number;
  readonly waiting: ReadonlySet<number>;
}

const EMPTY: State = { lastId: 0, waiting: new Set() };
const SENDING = { qos: 1, retain: false, places: { inPayload: true, inProperties: false } } as const;

/** Joins what went into the queues, what the bridge called accepted, what a subscriber and a store have, and the counters. */
export class Ledger {
  readonly #folder: string;
  readonly #accepted: Record<QueueName, Map<number, NewRecord>> = { outbox: new Map(), spool: new Map() };
  readonly #state: Record<QueueName, State> = { outbox: EMPTY, spool: EMPTY };

  /** Of the queues in a data folder. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  file(queue: QueueName): string {
    return join(this.#folder, `${queue}.sqlite`);
  }

  /** Records that were accepted, by id. */
  accepted(queue: QueueName): ReadonlyMap<number, NewRecord> {
    return this.#accepted[queue];
  }

  /** Puts records into a queue before any life, as one that ended with a backlog. */
  async fill(queue: QueueName, records: readonly NewRecord[]): Promise<void> {
    const file = await openQueue({ file: this.file(queue), log: createLog({ level: "silent" }) });
    for (let from = 0; from < records.length; from += 1000)
      for (const record of await file.append(records.slice(from, from + 1000)))
        this.#accepted[queue].set(record.id, record);
    await file.close();
    this.#state[queue] = look(this.file(queue));
  }

  /** Books a life after its end: of what was handed over, that is accepted which got an id in the file. */
  add(life: Life): void {
    const tap = lines<TapLine>(readFileSync(life.tap, "utf8"));
    const log = lines<{ part?: string; msg: string; from: number; to: number; samples: number }>(life.log);
    for (const queue of ["outbox", "spool"] as const) {
      if (!existsSync(this.file(queue))) continue;
      const before = this.#state[queue].lastId;
      this.#state[queue] = look(this.file(queue));
      const { lastId } = this.#state[queue];
      const known = this.#accepted[queue];
      const mine = tap.filter(({ q }) => q === queue);
      const answers = new Map(mine.flatMap(({ call, ids }) => (ids ? [[call, ids]] : [])));
      let next = before + 1;
      for (const { call, records } of mine) {
        if (!records) continue;
        const ids = answers.get(call) ?? records.map((_, i) => next + i).filter((id) => id <= lastId);
        ids.forEach((id, i) => {
          known.set(id, records[i]!);
        });
        if (ids.length > 0) next = ids.at(-1)! + 1;
      }
      expect(next, `${queue}: every id of the file was handed over`).toBe(lastId + 1);

      const part = queue === "outbox" ? "outbox" : "historian";
      let told = before;
      for (const { from, to, samples } of log.filter(
        (line) => line.part === part && line.msg === "accepted",
      )) {
        expect(from, `${queue}: what is accepted has no gap`).toBe(told + 1);
        expect(to, `${queue}: what was called accepted is on disk`).toBeLessThanOrEqual(lastId);
        let sum = 0;
        for (let id = from; id <= to; id++) sum += known.get(id)?.samples ?? 0;
        expect(sum, `${queue}: values of ${from} to ${to}`).toBe(samples);
        told = to;
      }
    }
  }

  /** The counters of the file, as the bridge itself would tell them. */
  async counters(queue: QueueName): Promise<QueueCounters> {
    const log = createLog({ level: "silent" });
    const file = await openQueue({ file: this.file(queue), log, shared: true });
    try {
      return await file.counters();
    } finally {
      await file.close();
    }
  }

  /**
   * Balances the broker's side: every message that is settled came, as it was accepted and never otherwise. `lost`: how many of them
   * a broker may have lost after it had acknowledged them.
   */
  async mqtt(heard: readonly Recorded[], { lost = 0 } = {}): Promise<Balance> {
    const expected = new Map<string, { id: number; samples: number }>();
    for (const [id, record] of this.#accepted.outbox) {
      const { topic, payload } = readingMessage(record, false, SENDING);
      expected.set(`${topic} ${payload}`, { id, samples: record.samples });
    }
    expect(expected.size, "no two scrapes look the same").toBe(this.#accepted.outbox.size);
    const came = new Set<number>();
    let duplicates = 0;
    for (const { topic, text, retained } of heard) {
      if (retained || !topic.startsWith("devices/") || !topic.endsWith("/all")) continue;
      const record = expected.get(`${topic} ${text.replace(/,"Late":true\}\]$/, "}]")}`);
      expect(record, `what came was accepted: ${topic} ${text}`).toBeDefined();
      if (came.has(record!.id)) duplicates++;
      came.add(record!.id);
    }
    return { ...(await this.#balance("outbox", (id) => came.has(id), lost)), duplicates };
  }

  /** Balances the historian's side: every value that is settled is in the store as it was accepted, and nothing else is. */
  async store(backend: HistorianBackend): Promise<Balance> {
    const rows = new Map<string, string>();
    for (const { name } of await backend.topics()) {
      const limit = 10_000;
      for (let skip = 0, more = true; more; skip += limit) {
        const page = await backend.read({ topic: name, order: "FIRST_TO_LAST", skip, limit });
        for (const [time, value] of page) rows.set(`${name.toLowerCase()} ${time}`, JSON.stringify(value));
        more = page.length === limit;
      }
    }
    /** What is accepted under each key, in the order of arrival. */
    const keys = new Map<string, { readonly id: number; readonly value: string }[]>();
    for (const [id, record] of this.#accepted.spool)
      for (const { topic, time, value } of fromRecord(record.text).samples) {
        const key = `${topic.toLowerCase()} ${time}`;
        keys.set(key, [...(keys.get(key) ?? []), { id, value: JSON.stringify(value) }]);
      }
    const { waiting } = this.#state.spool;
    const missing = new Map<number, string>();
    let duplicates = 0;
    for (const [key, values] of keys) {
      const row = rows.get(key);
      // The last one counts; of what waits nobody knows whether the store has it already.
      const last = values.findLastIndex(({ id }) => !waiting.has(id));
      const allowed = values.slice(Math.max(last, 0)).map(({ value }) => value);
      if (row === undefined) for (const { id, value } of values) missing.set(id, `${id}: ${key} ${value}`);
      else expect(allowed, `${key} is what was accepted`).toContain(row);
      // Only what the bridge says of itself takes the place of what it said before: a measured value is never replaced.
      if (!isOwnTopic(key)) expect(new Set(values.map(({ value }) => value)).size, key).toBe(1);
      duplicates += values.length - 1;
    }
    const strangers = [...rows.keys()].filter((key) => !keys.has(key));
    expect(strangers, "the store has nothing that was not accepted").toEqual([]);
    const settled = [...missing].filter(([id]) => !waiting.has(id)).map(([, text]) => text);
    const { dropped, deadLettered } = await this.counters("spool");
    if (Object.keys({ ...dropped, ...deadLettered }).length === 0)
      expect(settled, "whatever is settled is in the store").toEqual([]);
    return { ...(await this.#balance("spool", (id) => !missing.has(id), 0)), duplicates };
  }

  /** By what is there and what waits, and again by the counters of the file: both must agree exactly. */
  async #balance(
    queue: QueueName,
    isThere: (id: number) => boolean,
    lost: number,
  ): Promise<Omit<Balance, "duplicates">> {
    const { waiting } = this.#state[queue];
    const books = { accepted: 0, delivered: 0, waiting: 0, left: 0 };
    for (const [id, { samples }] of this.#accepted[queue]) {
      books.accepted += samples;
      if (waiting.has(id)) books.waiting += samples;
      else if (isThere(id)) books.delivered += samples;
      else books.left += samples;
    }
    const counters = await this.counters(queue);
    const sum = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).reduce((a, b) => a + b, 0);
    const left = sum(counters.dropped) + sum(counters.deadLettered);
    const { accepted, delivered } = counters;
    expect(delivered + counters.waiting + left, `${queue}: the counters balance`).toBe(accepted);
    // What found no room was never on disk, and is counted as accepted and dropped.
    const noRoom = counters.dropped.disk ?? 0;
    const own = { accepted: accepted - noRoom, waiting: counters.waiting, left: left - noRoom };
    if (lost === 0)
      expect({ ...books }, `${queue}: ledger and counters agree`).toEqual({ ...own, delivered });
    else {
      expect(books.left, `${queue}: the broker lost no more than it may`).toBeLessThanOrEqual(
        lost + own.left,
      );
      expect({ accepted: books.accepted, waiting: books.waiting }).toEqual({
        accepted: own.accepted,
        waiting: own.waiting,
      });
    }
    return books;
  }
}

/** A queue file between two lives. It is looked at in a copy, so that the next life finds what the last one left. */
function look(file: string): State {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-ledger-"));
  try {
    for (const end of ["", "-wal"])
      if (existsSync(file + end)) copyFileSync(file + end, join(folder, `queue${end}`));
    const db = new DatabaseSync(join(folder, "queue"));
    try {
      const [check] = db.prepare("PRAGMA integrity_check").all();
      expect(check, `${file} is sound`).toEqual({ integrity_check: "ok" });
      const lastId = db.prepare("SELECT last_id FROM state").get()?.last_id as number;
      const ids = db.prepare("SELECT id FROM record").all() as { id: number }[];
      return { lastId, waiting: new Set(ids.map(({ id }) => id)) };
    } finally {
      db.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** JSON lines; the last one may be cut, and what is no JSON is nobody's. */
function lines<T>(text: string): T[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}
