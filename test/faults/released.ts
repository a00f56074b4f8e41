import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";

/**
 * Files as released versions made them, by their own words: never change one, add one with each new schema. The tests open them
 * with the code of today.
 */

const TIME = Date.UTC(2026, 10, 21, 8);

const QUEUE_1 = `
  PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
  CREATE TABLE record (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, samples INTEGER NOT NULL, retries INTEGER NOT NULL,
    checksum INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL);
  CREATE TABLE dead_letter (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, samples INTEGER NOT NULL, retries INTEGER NOT NULL,
    checksum INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE tally (kind TEXT NOT NULL, reason TEXT NOT NULL, samples INTEGER NOT NULL, PRIMARY KEY (kind, reason)) WITHOUT ROWID;
  CREATE TABLE state (last_id INTEGER NOT NULL, last_dead_id INTEGER NOT NULL, dead_bytes INTEGER NOT NULL, batch INTEGER NOT NULL,
    batch_first INTEGER NOT NULL, batch_gone INTEGER NOT NULL);
  PRAGMA application_id = 1986163061; PRAGMA user_version = 1;`;

function checksum(time: number, samples: number, ...texts: readonly string[]): number {
  return texts.reduce((sum, text) => crc32(text, sum), crc32(`${time} ${samples}`));
}

const waiting = Array.from({ length: 30 }, (_, i) => ({
  id: 11 + i,
  time: TIME + i * 1000,
  samples: 2,
  key: "devices/site/s1/all",
  text: `"devices/site/s1/all"\n{"TimeStamp":"2026-11-21T08:00:${String(i).padStart(2, "0")}.000000+00:00"}\n{"a":${i},"b":"é"}\n{}`,
}));
const dead = {
  id: 1,
  time: TIME,
  samples: 1,
  retries: 3,
  key: "devices/site/s2/all",
  text: "x",
  reason: "too_large",
  detail: "said so",
};

function makeQueue1(file: string): void {
  const db = new DatabaseSync(file);
  db.exec(QUEUE_1);
  const insert = db.prepare("INSERT INTO record VALUES (?, ?, ?, 0, ?, ?, ?)");
  for (const { id, time, samples, key, text } of waiting)
    insert.run(id, time, samples, checksum(time, samples, key, text), key, text);
  const { id, time, samples, retries, key, text, reason, detail } = dead;
  const sum = checksum(time, samples, key, text, reason, detail);
  db.prepare("INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
    ...[id, time, samples, retries, sum, key, text, reason, detail, TIME + 5000],
  );
  db.exec(`INSERT INTO state VALUES (40, 1, 300, 7, 31, 0);
    INSERT INTO tally VALUES ('accepted', '', 100), ('waiting', '', 60), ('delivered', '', 30), ('dropped', 'limit', 9), ('dead', 'too_large', 1)`);
  db.close();
}

const QUEUE_2 = `
  CREATE TABLE shared (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
  ALTER TABLE record ADD COLUMN shared INTEGER;
  PRAGMA user_version = 2;`;

const metadata = '{"a":{"units":"kW","type":"integer","tz":"UTC"}}';
/** What waits there has its metadata in common, but for the first one, which an earlier version wrote. */
const sharing = waiting.map((record, i) =>
  i === 0 ? record : { ...record, text: record.text.slice(0, -3), shared: metadata },
);

function makeQueue2(file: string): void {
  makeQueue1(file);
  const db = new DatabaseSync(file);
  db.exec(QUEUE_2);
  const number = createHash("sha256").update(metadata).digest().readUIntBE(0, 6);
  db.prepare("INSERT INTO shared VALUES (?, ?)").run(number, metadata);
  const update = db.prepare("UPDATE record SET text = ?, shared = ?, checksum = ? WHERE id = ?");
  for (const { id, time, samples, key, text } of sharing.slice(1))
    update.run(text, number, checksum(time, samples, key, text, String(number)), id);
  db.close();
}

const contents = {
  waiting,
  deadLetters: [{ ...dead, at: new Date(TIME + 5000) }],
  counters: {
    accepted: 100,
    waiting: 60,
    delivered: 30,
    dropped: { limit: 9 },
    deadLettered: { too_large: 1 },
  },
};

export const releasedQueues = {
  "1": {
    make: makeQueue1,
    contents,
  },
  "2": { make: makeQueue2, contents: { ...contents, waiting: sharing } },
};

const HISTORIAN_1 = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE device (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
  CREATE TABLE topic (id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL REFERENCES device, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    units TEXT NOT NULL, type TEXT NOT NULL, tz TEXT NOT NULL);
  CREATE TABLE sample (device_id INTEGER NOT NULL, time INTEGER NOT NULL, topic_id INTEGER NOT NULL, value REAL,
    PRIMARY KEY (device_id, time, topic_id)) WITHOUT ROWID;
  CREATE TABLE large_value (topic_id INTEGER NOT NULL, time INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (topic_id, time));
  CREATE TRIGGER large_value_replaced AFTER UPDATE ON sample WHEN old.value = '@' AND new.value IS NOT '@' BEGIN
    DELETE FROM large_value WHERE topic_id = old.topic_id AND time = old.time;
  END;
  CREATE TRIGGER large_value_deleted AFTER DELETE ON sample WHEN old.value = '@' BEGIN
    DELETE FROM large_value WHERE topic_id = old.topic_id AND time = old.time;
  END;
  CREATE VIEW history AS SELECT topic.name AS topic, sample.time AS time, sample.value AS value, topic.units AS units
    FROM topic JOIN sample ON sample.device_id = topic.device_id AND sample.topic_id = topic.id;
  INSERT INTO device VALUES (1, 'site/s1');
  INSERT INTO topic VALUES (1, 1, 'site/s1/load', 'site/s1/Load', 'kW', 'float', 'UTC'), (2, 1, 'site/s1/name', 'site/s1/name', '', 'string', 'US/Pacific');
  INSERT INTO sample VALUES (1, 1000001, 1, 1.5), (1, 2000000, 1, NULL), (1, 1000001, 2, '"a"'), (1, 2000000, 2, '@');
  INSERT INTO large_value VALUES (2, 2000000, '"long"');
  PRAGMA user_version = 1;`;

function makeHistorian1(file: string): void {
  const db = new DatabaseSync(file);
  db.exec(HISTORIAN_1);
  db.close();
}

export const releasedHistorians = {
  "1": {
    make: makeHistorian1,
    topics: [
      { name: "site/s1/Load", meta: { units: "kW", type: "float", tz: "UTC" } },
      { name: "site/s1/name", meta: { units: "", type: "string", tz: "US/Pacific" } },
    ],
    rows: {
      "site/s1/load": [
        [1_000_001, 1.5],
        [2_000_000, null],
      ],
      "site/s1/name": [
        [1_000_001, "a"],
        [2_000_000, "long"],
      ],
    },
  },
};
