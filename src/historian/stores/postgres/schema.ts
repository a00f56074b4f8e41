import type { Log } from "../../../log/log.ts";
import type { Query } from "../../../storage/postgres.ts";
import { newerText } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";
import type { Tables } from "./tables.ts";

/**
 * One step per schema version; never change a released step, add one. Steps can be repeated: they also restore dropped objects.
 *
 * `topic.key` is a hash of the lower-case name, because an index cannot contain names of 64 KB. `sample.value` contains numbers, `json`
 * all other values; both NULL is null. `json` is text and not jsonb, which rejects NUL and unpaired surrogates. A foreign key would
 * cost a third of the speed (measured); instead, removing topics changes `store.epoch`, upon which writers forget cached ids, and
 * ids in use by samples are not assigned again.
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
  // The latest values of the points that describe a station, by the names of the included registries.
  ({ topic, sample, station }) => String.raw`
    CREATE OR REPLACE VIEW ${station} AS
      SELECT
        max(device) AS device,
        max(text) FILTER (WHERE point = 'stationname') AS name,
        coalesce(max(text) FILTER (WHERE point = 'sgname'), max(text) FILTER (WHERE point = 'address')) AS site,
        max(text) FILTER (WHERE point = 'stationmodel') AS model
      FROM (
        SELECT
          regexp_replace(topic.name, '/[^/]*$', '') AS device,
          lower(substring(topic.name FROM '[^/]*$')) AS point,
          nullif(latest.json::json #>> '{}', '') AS text
        FROM ${topic} AS topic CROSS JOIN LATERAL (
          SELECT json FROM ${sample} AS sample
          WHERE sample.topic_id = topic.id AND json LIKE '"%' AND json !~ '\\u(0000|d[89a-f])'
          ORDER BY time DESC LIMIT 1) AS latest
        WHERE topic.name ~* '/(stationName|sgName|Address|stationModel)$') AS nameplate
      GROUP BY lower(device);`,
];

const SCHEMA_VERSION = STEPS.length;
/** First version whose `extract` is exact to the microsecond. */
const OLDEST_SERVER = 140_000;

/**
 * Returns the store's epoch. `begin` may start the transaction in which it is read. Throws the server's error when there is no store.
 * @throws {HistorianError} for a store of another version.
 */
export async function storeEpoch(query: Query, { store }: Tables, begin = ""): Promise<string> {
  const [row] = await query<[version: number, epoch: string]>(`${begin}SELECT version, epoch FROM ${store}`);
  const [version, epoch] = row ?? [0, ""];
  rejectNewer(version, store);
  if (version === SCHEMA_VERSION) return epoch;
  throw new HistorianError(
    "retry",
    `the history in ${store} has the schema of an older voltbridge; start voltbridge run, which migrates it`,
  );
}

/**
 * Creates, migrates or repairs the schema in one transaction; of concurrent callers only one does.
 * @throws {HistorianError} of kind `give_up` for an unsupported server or tables of other programs.
 */
export async function migrate(query: Query, tables: Tables, log: Log): Promise<void> {
  await checkServer(query);
  const { store, schema } = tables;
  await query("BEGIN");
  await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge ${store}`]);
  // Even IF NOT EXISTS requires the right to create one.
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
      `the history database must run PostgreSQL 14 or newer, found ${Math.floor(version / 10_000)}`,
    );
  if (encoding !== "UTF8")
    throw new HistorianError(
      "give_up",
      `the history database must have encoding UTF8, found ${encoding}; create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    );
}

/** Returns the schema version; 0 when neither a store nor tables with its names exist. */
async function versionOf(query: Query, tables: Tables): Promise<number> {
  const { store, topic, sample, history, station } = tables;
  if (await exists(query, "to_regclass", store)) {
    const [[version] = [0]] = await query<[number]>(`SELECT version FROM ${store}`);
    rejectNewer(version, store);
    return version;
  }
  const gone = await missing(query, tables);
  const other = [topic, sample, history, station].find((table) => !gone.includes(table));
  if (other === undefined) return 0;
  throw new HistorianError(
    "give_up",
    `${other} exists and is not a table of voltbridge; it was not changed. Set historian.connection.schema or table_prefix`,
  );
}

async function missing(query: Query, { topic, sample, history, station }: Tables): Promise<string[]> {
  const gone: string[] = [];
  for (const table of [topic, sample, history, station])
    if (!(await exists(query, "to_regclass", table))) gone.push(table);
  return gone;
}

async function exists(query: Query, find: "to_regclass" | "to_regnamespace", name: string): Promise<boolean> {
  const [[found] = [false]] = await query<[boolean]>(`SELECT ${find}($1) IS NOT NULL`, [name]);
  return found;
}

function rejectNewer(version: number, store: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new HistorianError(
    "give_up",
    newerText(
      `the history in ${store}`,
      version,
      SCHEMA_VERSION,
      "restore the database as it was before the upgrade, or set historian.connection.schema to another one",
    ),
  );
}

/** Makes the samples a hypertable of weekly chunks when the database has the TimescaleDB extension. */
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
      "history: TimescaleDB is on the server but not enabled in this database, so a plain table is used; to change that, see docs/historian.md",
    );
}
