import type { Log } from "../../log.ts";
import { HistorianError } from "../errors.ts";
import type { Query } from "./sessions.ts";
import type { Tables } from "./tables.ts";

/**
 * One step per schema version; never change a released step, add one.
 *
 * `topic.key` is a hash of the name in lower case, for an index takes no names of 64 KB. `sample.value` holds numbers, `json`
 * whatever is none; both NULL is null. `json` is text and not jsonb, which refuses NUL and half surrogate pairs. What
 * removes topics changes `store.epoch`: writers that remember ids see it with their next batch.
 */
const STEPS: readonly ((tables: Tables) => string)[] = [
  ({ store, topic, sample, history, newEpoch }) => String.raw`
    CREATE TABLE ${topic} (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      key uuid NOT NULL UNIQUE,
      name text NOT NULL,
      units text NOT NULL,
      type text NOT NULL,
      tz text NOT NULL
    );
    CREATE INDEX ON ${topic} USING hash (name);

    CREATE FUNCTION ${newEpoch}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN UPDATE ${store} SET epoch = gen_random_uuid(); RETURN NULL; END $$;
    CREATE TRIGGER new_epoch AFTER DELETE OR TRUNCATE ON ${topic} EXECUTE FUNCTION ${newEpoch}();

    CREATE TABLE ${sample} (
      topic_id integer NOT NULL,
      time timestamptz NOT NULL,
      value double precision,
      json text,
      PRIMARY KEY (topic_id, time)
    );

    CREATE VIEW ${history} AS
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

/** The store's row: `[version, epoch]`. Throws the server's error where there is no store. */
export async function storeState(query: Query, { store }: Tables, begin = ""): Promise<string> {
  const [row] = await query<[version: number, epoch: string]>(`${begin}SELECT version, epoch FROM ${store}`);
  const [version, epoch] = row ?? [0, ""];
  if (version === SCHEMA_VERSION) return epoch;
  if (version > SCHEMA_VERSION)
    throw new HistorianError(
      "give_up",
      `the history in ${store} was made by a newer voltbridge (schema ${version}, this one knows ${SCHEMA_VERSION}); it is left as it is. Run that version, or set historian.connection.schema`,
    );
  throw new HistorianError(
    "retry",
    `the history in ${store} is of an older voltbridge; voltbridge run brings it up to date`,
  );
}

/** Makes the schema or brings it up to date, in one transaction; of several who try at once one does it. */
export async function migrate(query: Query, tables: Tables, log: Log): Promise<void> {
  await checkServer(query);
  const { store, schema } = tables;
  await query("BEGIN");
  await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge ${store}`]);
  // Even IF NOT EXISTS asks for the right to make one.
  const [[missing] = [true]] = await query<[boolean]>("SELECT to_regnamespace($1) IS NULL", [schema]);
  if (missing) await query(`CREATE SCHEMA ${schema}`);
  const version = await versionOf(query, store);
  if (version < SCHEMA_VERSION) {
    if (version === 0) await query(`CREATE TABLE ${store} (version integer NOT NULL, epoch uuid NOT NULL)`);
    for (const step of STEPS.slice(version)) await query(step(tables));
    if (version === 0) await makeHypertable(query, tables, log);
    await query(`DELETE FROM ${store}`);
    await query(`INSERT INTO ${store} VALUES (${SCHEMA_VERSION}, gen_random_uuid())`);
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

async function versionOf(query: Query, store: string): Promise<number> {
  const [[there] = [false]] = await query<[boolean]>("SELECT to_regclass($1) IS NOT NULL", [store]);
  if (!there) return 0;
  const [[version] = [0]] = await query<[number]>(`SELECT version FROM ${store}`);
  return version;
}

/** Where the TimescaleDB extension is installed in the database, the samples become a hypertable of weekly chunks. */
async function makeHypertable(query: Query, { sample }: Tables, log: Log): Promise<void> {
  const [extension] = await query<[schema: string]>(
    "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'timescaledb'",
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
      "history: TimescaleDB is there but not installed in this database, so a plain table is made; docs/historian.md tells how to change that",
    );
}
