import type { Log } from "../../../log/log.ts";
import type { Query } from "../../../storage/postgres.ts";
import { HistorianError } from "../../errors.ts";
import type { Tables } from "./tables.ts";

/**
 * One step per schema version; never change a released step, add one. A step can be run again: it also puts back what
 * somebody dropped.
 *
 * `topic.key` is a hash of the name in lower case, for an index takes no names of 64 KB. `sample.value` holds numbers, `json`
 * whatever is none; both NULL is null. `json` is text and not jsonb, which refuses NUL and half surrogate pairs. A foreign
 * key would cost a third of the speed (measured); instead, what removes topics changes `store.epoch`, which tells writers
 * to forget the ids that they remember, and no id that samples have is given out again.
 */
const STEPS: readonly ((tables: Tables) => string)[] = [
  ({ store, topic, sample, history, newEpoch, topicName }) => String.raw`
    CREATE TABLE IF NOT EXISTS ${topic} (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      key uuid NOT NULL UNIQUE,
      name text NOT NULL,
      units text NOT NULL,
      type text NOT NULL,
      tz text NOT NULL
    );
    CREATE INDEX IF NOT EXISTS ${topicName} ON ${topic} USING hash (name);

    CREATE TABLE IF NOT EXISTS ${sample} (
      topic_id integer NOT NULL,
      time timestamptz NOT NULL,
      value double precision,
      json text,
      PRIMARY KEY (topic_id, time)
    );

    CREATE OR REPLACE FUNCTION ${newEpoch}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM setval(
          pg_get_serial_sequence('${topic}', 'id'),
          greatest((SELECT max(topic_id) FROM ${sample}), (SELECT max(id) FROM ${topic}), 1));
        UPDATE ${store} SET epoch = gen_random_uuid();
        RETURN NULL;
      END $$;
    CREATE OR REPLACE TRIGGER new_epoch AFTER DELETE OR TRUNCATE ON ${topic} EXECUTE FUNCTION ${newEpoch}();
    -- Calls it: the table may be younger than the samples.
    DELETE FROM ${topic} WHERE false;

    CREATE OR REPLACE VIEW ${history} AS
      SELECT
        topic.name AS topic,
        sample.time,
        CASE sample.json WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE sample.value END AS value,
        CASE
          WHEN sample.json LIKE '"%' AND sample.json !~ '\\u(0000|d[89a-f])' THEN sample.json::json #>> '{}'
          ELSE sample.json
        END AS text,
        topic.units
      FROM ${topic} AS topic JOIN ${sample} AS sample ON sample.topic_id = topic.id;`,
];

const SCHEMA_VERSION = STEPS.length;
/** The first whose `extract` is exact to the microsecond. */
const OLDEST_SERVER = 140_000;

/**
 * The store's epoch, asked for in a transaction that this begins where `begin` says so. Throws the server's error where there
 * is no store, and a HistorianError where it is not of this version.
 */
export async function storeEpoch(query: Query, { store }: Tables, begin = ""): Promise<string> {
  const [row] = await query<[version: number, epoch: string]>(`${begin}SELECT version, epoch FROM ${store}`);
  const [version, epoch] = row ?? [0, ""];
  refuseNewer(version, store);
  if (version === SCHEMA_VERSION) return epoch;
  throw new HistorianError(
    "retry",
    `the history in ${store} is of an older voltbridge; voltbridge run brings it up to date`,
  );
}

/**
 * Makes the schema, brings it up to date or makes it whole, in one transaction; of several who try at once one does it.
 * Throws a HistorianError (kind `give_up`) for a server or tables that it cannot be done with.
 */
export async function migrate(query: Query, tables: Tables, log: Log): Promise<void> {
  await checkServer(query);
  const { store, schema } = tables;
  await query("BEGIN");
  await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge ${store}`]);
  // Even IF NOT EXISTS asks for the right to make one.
  if (!(await exists(query, "to_regnamespace", schema))) await query(`CREATE SCHEMA ${schema}`);
  const version = await versionOf(query, tables);
  const whole = version === SCHEMA_VERSION && (await missing(query, tables)).length === 0;
  if (!whole) {
    const plain = !(await exists(query, "to_regclass", tables.sample));
    if (version === 0)
      await query(
        `CREATE TABLE ${store} (version integer NOT NULL, epoch uuid NOT NULL);
         INSERT INTO ${store} VALUES (0, gen_random_uuid())`,
      );
    for (const step of STEPS) await query(step(tables));
    if (plain) await makeHypertable(query, tables, log);
    await query(`UPDATE ${store} SET version = ${SCHEMA_VERSION}, epoch = gen_random_uuid()`);
  }
  await query("COMMIT");
}

async function checkServer(query: Query): Promise<void> {
  const [[version, encoding] = [0, ""]] = await query<[number, string]>(
    "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding')",
  );
  if (version < OLDEST_SERVER)
    throw new HistorianError(
      "give_up",
      `the history database runs PostgreSQL ${Math.floor(version / 10_000)}; 14 or newer is needed`,
    );
  if (encoding !== "UTF8")
    throw new HistorianError(
      "give_up",
      `the history database keeps text as ${encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    );
}

/** 0 where there is no store yet, nor anything in its place. */
async function versionOf(query: Query, tables: Tables): Promise<number> {
  const { store, topic, sample, history } = tables;
  if (await exists(query, "to_regclass", store)) {
    const [[version] = [0]] = await query<[number]>(`SELECT version FROM ${store}`);
    refuseNewer(version, store);
    return version;
  }
  const gone = await missing(query, tables);
  const other = [topic, sample, history].find((table) => !gone.includes(table));
  if (other === undefined) return 0;
  throw new HistorianError(
    "give_up",
    `${other} is there and is not a table of voltbridge; it is left as it is. Set historian.connection.schema or table_prefix`,
  );
}

async function missing(query: Query, { topic, sample, history }: Tables): Promise<string[]> {
  const gone: string[] = [];
  for (const table of [topic, sample, history])
    if (!(await exists(query, "to_regclass", table))) gone.push(table);
  return gone;
}

async function exists(query: Query, find: "to_regclass" | "to_regnamespace", name: string): Promise<boolean> {
  const [[found] = [false]] = await query<[boolean]>(`SELECT ${find}($1) IS NOT NULL`, [name]);
  return found;
}

function refuseNewer(version: number, store: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new HistorianError(
    "give_up",
    `the history in ${store} was made by a newer voltbridge (schema ${version}, this one knows ${SCHEMA_VERSION}); it is left as it is. Run that version, or set historian.connection.schema`,
  );
}

/** Where the TimescaleDB extension is installed in the database, the samples become a hypertable of weekly chunks. */
async function makeHypertable(query: Query, { sample }: Tables, log: Log): Promise<void> {
  const [extension] = await query<[schema: string]>(
    `SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
     WHERE extname = 'timescaledb'`,
  );
  if (extension) {
    await query(
      `SELECT ${extension[0]}.create_hypertable('${sample}'::regclass, 'time', chunk_time_interval => '7 days'::interval)`,
    );
    log.info(`history: ${sample} is a TimescaleDB hypertable`);
    return;
  }
  const available = await query("SELECT FROM pg_available_extensions WHERE name = 'timescaledb'");
  if (available.length > 0)
    log.info(
      "history: TimescaleDB is on the server but not in this database, so a plain table is made; docs/historian.md tells how to change that",
    );
}
