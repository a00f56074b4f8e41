import { isAbsolute, join } from "node:path";
import { CONNECTION_SCHEMA, type PostgresConnection, withUrl } from "../../config/postgres-connection.ts";
import { type SessionDatabase, SessionDatabaseError } from "./contract.ts";
import { PostgresSessions, SETTING } from "./postgres.ts";
import { SqliteSessions } from "./sqlite.ts";

interface OpenContext {
  /** The bridge's data folder. */
  readonly dataFolder: string;
  readonly readonly: boolean;
}

interface SessionBackend<Connection> {
  /** JSON Schema of `sessions.connection`. */
  readonly configSchema: Readonly<Record<string, unknown>>;
  create(connection: Connection, context: OpenContext): SessionDatabase;
}

const sqlite: SessionBackend<{ readonly path: string }> = {
  configSchema: {
    type: "object",
    additionalProperties: false,
    properties: { path: { type: "string", minLength: 1, default: "sessions.sqlite", "x-local": true } },
  },
  create: ({ path }, { dataFolder, readonly }) =>
    new SqliteSessions(isAbsolute(path) ? path : join(dataFolder, path), readonly),
};

const { table_prefix: _, ...POSTGRES_SETTINGS } = CONNECTION_SCHEMA.properties;

const postgres: SessionBackend<PostgresConnection> = {
  configSchema: {
    ...CONNECTION_SCHEMA,
    properties: { ...POSTGRES_SETTINGS, schema: { ...POSTGRES_SETTINGS.schema, default: "charging" } },
  },
  create(connection, { readonly }) {
    try {
      return new PostgresSessions(withUrl(connection, SETTING), readonly);
    } catch (error) {
      throw new SessionDatabaseError((error as Error).message, false, { cause: error });
    }
  },
};

/** THE LIST of databases for sessions. */
export const sessionBackends = { sqlite, postgres } as const;

export interface OpenOptions extends OpenContext {
  readonly backend: keyof typeof sessionBackends;
  /** Settings, checked by the backend's `configSchema` and with its defaults. */
  readonly connection: Readonly<Record<string, unknown>>;
}

/** Creates the configured database without opening it. @throws {SessionDatabaseError} for invalid settings */
export function createSessionDatabase(options: OpenOptions): SessionDatabase {
  const backend = sessionBackends[options.backend] as SessionBackend<never>;
  // A bridge without a config file has no settings of the database.
  return backend.create({ ...defaultsOf(backend), ...options.connection } as never, options);
}

/** Opens the configured database; creates or migrates its tables unless it is only read. @throws {SessionDatabaseError} */
export async function openSessionDatabase(
  options: OpenOptions,
  signal?: AbortSignal,
): Promise<SessionDatabase> {
  const database = createSessionDatabase(options);
  try {
    await database.open(signal);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function defaultsOf({ configSchema }: SessionBackend<never>): Record<string, unknown> {
  const properties = Object.entries(
    configSchema.properties as Record<string, { readonly default?: unknown }>,
  );
  return Object.fromEntries(
    properties.flatMap(([name, schema]) => ("default" in schema ? [[name, schema.default]] : [])),
  );
}
