import type { Form } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";

/**
 * One step per schema version; `user_version` counts the steps taken. Never change a released step, add one.
 *
 * The key of `sample` is device, then time: the points of one scrape are adjacent (one page written per device and scrape, not one per
 * point), and the history of one topic is one range of its device, independent of other devices. `bench/historian.ts` compares it
 * with the other orders. `value REAL` stores numbers in the fewest bytes; other values are JSON text, null is NULL, and `@` refers to
 * a text in `large_value`, because large rows slow a WITHOUT ROWID table. Times are microseconds since 1970 UTC.
 *
 * `day` has the days (UTC, counted from 1970) that are being closed or are closed: with a `path`, their samples are in that file, and
 * those that `sample` still has of them no longer count; `cleared` says that it has none. `day_topic` says where the rows of a topic are
 * in the file of a day, and has its hourly rollups unless they would be long. Samples of these days that arrive later are in `late`, large ones too, and replace those of `sample` or the file.
 * `stray_file` has the files that a crash may leave behind.
 */
const STEPS = [
  `CREATE TABLE device (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);

   CREATE TABLE topic (
     id INTEGER PRIMARY KEY,
     device_id INTEGER NOT NULL REFERENCES device,
     key TEXT NOT NULL UNIQUE,
     name TEXT NOT NULL,
     units TEXT NOT NULL,
     type TEXT NOT NULL,
     tz TEXT NOT NULL
   );

   CREATE TABLE sample (
     device_id INTEGER NOT NULL,
     time INTEGER NOT NULL,
     topic_id INTEGER NOT NULL,
     value REAL,
     PRIMARY KEY (device_id, time, topic_id)
   ) WITHOUT ROWID;

   CREATE TABLE large_value (
     topic_id INTEGER NOT NULL,
     time INTEGER NOT NULL,
     json TEXT NOT NULL,
     PRIMARY KEY (topic_id, time)
   );
   CREATE TRIGGER large_value_replaced AFTER UPDATE ON sample WHEN old.value = '@' AND new.value IS NOT '@' BEGIN
     DELETE FROM large_value WHERE topic_id = old.topic_id AND time = old.time;
   END;
   CREATE TRIGGER large_value_deleted AFTER DELETE ON sample WHEN old.value = '@' BEGIN
     DELETE FROM large_value WHERE topic_id = old.topic_id AND time = old.time;
   END;

   CREATE VIEW history AS
     SELECT
       topic.name AS topic,
       strftime('%Y-%m-%dT%H:%M:%fZ', sample.time / 1000000.0, 'unixepoch') AS time,
       CASE
         WHEN sample.value = '@' THEN (
           SELECT json_extract(json, '$') FROM large_value
           WHERE large_value.topic_id = sample.topic_id AND large_value.time = sample.time)
         WHEN typeof(sample.value) = 'text' THEN json_extract(sample.value, '$')
         ELSE sample.value
       END AS value,
       topic.units AS units
     FROM topic JOIN sample ON sample.device_id = topic.device_id AND sample.topic_id = topic.id;`,

  `CREATE TABLE day (
     day INTEGER PRIMARY KEY,
     path TEXT,
     sha256 TEXT,
     bytes INTEGER NOT NULL DEFAULT 0,
     rows INTEGER NOT NULL DEFAULT 0,
     first_time INTEGER,
     last_time INTEGER,
     cleared INTEGER NOT NULL DEFAULT 0
   );

   CREATE TABLE day_topic (
     topic_id INTEGER NOT NULL,
     day INTEGER NOT NULL,
     first_row INTEGER NOT NULL,
     rows INTEGER NOT NULL,
     columns INTEGER NOT NULL,
     hours BLOB,
     PRIMARY KEY (topic_id, day)
   ) WITHOUT ROWID;

   CREATE TABLE late (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     topic_id INTEGER NOT NULL,
     time INTEGER NOT NULL,
     value REAL,
     UNIQUE (topic_id, time)
   );
   CREATE INDEX late_time ON late (time);

   CREATE TABLE stray_file (path TEXT PRIMARY KEY) WITHOUT ROWID;

   DROP VIEW history;
   CREATE VIEW history AS
     SELECT
       topic.name AS topic,
       strftime('%Y-%m-%dT%H:%M:%fZ', sample.time / 1000000.0, 'unixepoch') AS time,
       CASE
         WHEN sample.value = '@' THEN (
           SELECT json_extract(json, '$') FROM large_value
           WHERE large_value.topic_id = sample.topic_id AND large_value.time = sample.time)
         WHEN typeof(sample.value) = 'text' THEN json_extract(sample.value, '$')
         ELSE sample.value
       END AS value,
       topic.units AS units
     FROM topic JOIN sample ON sample.device_id = topic.device_id AND sample.topic_id = topic.id
     WHERE NOT EXISTS (SELECT 1 FROM late WHERE late.topic_id = sample.topic_id AND late.time = sample.time)
     UNION ALL SELECT
       topic.name,
       strftime('%Y-%m-%dT%H:%M:%fZ', late.time / 1000000.0, 'unixepoch'),
       CASE WHEN typeof(late.value) = 'text' THEN json_extract(late.value, '$') ELSE late.value END,
       topic.units
     FROM topic JOIN late ON late.topic_id = topic.id;`,
];

/** Marks in `sample.value` a text in `large_value`. Neither JSON nor a number, so it is never a value. */
export const LARGE = "@";

/** The tables of a history file. */
export const HISTORY_FORM: Form = {
  newest: STEPS.length,
  steps: (version) => STEPS.slice(version),
  newer: (message) => new HistorianError("give_up", message),
  foreign(connection) {
    const volttron = connection.get("SELECT 1 FROM pragma_table_xinfo('data') WHERE name = 'value_string'");
    return new HistorianError(
      "give_up",
      volttron
        ? `${connection.file} is a file of VOLTTRON's historian and was not changed. Set historian.backend to volttron-sqlite`
        : `${connection.file} is a SQLite file of another program and was not changed. Set historian.connection.path to another file`,
    );
  },
};
