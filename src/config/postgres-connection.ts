import { isLoopback } from "./loopback.ts";
import type { SentInClear } from "./schema/schema.ts";

export type SslMode = "disable" | "require" | "verify-full";

/** `historian.connection` and, without `table_prefix`, `sessions.connection` of a PostgreSQL database. */
export interface PostgresConnection {
  /** `postgresql://user:password@host:port/database?sslmode=…`. Its parts override the settings below. */
  readonly url?: string;
  /** Name, address, or folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  /** `require`: encrypted, without checking the server; `verify-full`: the server's certificate and name are checked. */
  readonly ssl: SslMode;
  /** PEM file of the authority that signed the server's certificate. Default: the authorities built into Node. */
  readonly ca?: string;
  readonly schema: string;
  /** Prefix of the name of every table. */
  readonly table_prefix: string;
  /** Maximum duration of a call, connecting included, in seconds. */
  readonly timeout: number;
}

/** An invalid connection setting; the message begins with its name. */
export class ConnectionSettingError extends Error {
  override readonly name = "ConnectionSettingError";
}

const SSL_MODES: readonly SslMode[] = ["disable", "require", "verify-full"];
const NAME = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]{0,39}$" };
const NAME_IN_WORDS = "a name of letters, digits and _ that does not begin with a digit";
const TEXT = { type: "string", minLength: 1 };

export const CONNECTION_SCHEMA = {
  type: "object",
  additionalProperties: false,
  "x-sends-in-clear": sentInClear,
  "x-place": placeOf,
  properties: {
    url: {
      type: "string",
      pattern: "^postgres(ql)?://",
      "x-secret": true,
      "x-destination": true,
      "x-expected": "a URL that begins with postgresql://",
    },
    host: { ...TEXT, default: "localhost", "x-destination": true },
    port: { type: "integer", minimum: 1, maximum: 65_535, default: 5432, "x-destination": true },
    database: { ...TEXT, default: "voltbridge" },
    user: { ...TEXT, default: "voltbridge" },
    password: { ...TEXT, "x-secret": true },
    ssl: { enum: SSL_MODES, default: "disable", "x-destination": true },
    ca: { ...TEXT, "x-local": true },
    schema: { ...NAME, "x-expected": NAME_IN_WORDS, default: "voltbridge" },
    table_prefix: {
      type: "string",
      pattern: "^([A-Za-z_][A-Za-z0-9_]{0,19})?$",
      "x-expected": `empty, or ${NAME_IN_WORDS}`,
      default: "",
    },
    timeout: { type: "number", minimum: 0.1, maximum: 300, default: 10 },
  },
};

/**
 * Returns the settings with the parts of the URL in their places. `setting` is their name in messages.
 *
 * @throws ConnectionSettingError for an invalid URL
 */
export function withUrl(connection: PostgresConnection, setting: string): PostgresConnection {
  if (connection.url === undefined) return connection;
  const { url: text, ...rest } = connection;
  const url = URL.parse(text);
  // The URL itself may hold a password.
  const badUrl = (why: string) => new ConnectionSettingError(`${setting}.url: ${why}`);
  if (!url) throw badUrl("it is not a URL; expected postgresql://user:password@host:port/database");
  const { sslmode = rest.ssl, ...unknown } = Object.fromEntries(url.searchParams);
  const [extra] = Object.keys(unknown);
  if (extra !== undefined) throw badUrl(`its parameter ${extra} is not known; only sslmode is`);
  const ssl = SSL_MODES.find((mode) => mode === sslmode);
  if (!ssl) throw badUrl(`its sslmode is none of ${SSL_MODES.join(", ")}`);
  const part = (encoded: string): string | undefined =>
    encoded === "" ? undefined : decodeURIComponent(encoded);
  const password = part(url.password) ?? rest.password;
  return {
    ...rest,
    host: part(url.hostname.replace(/^\[|\]$/g, "")) ?? rest.host,
    port: url.port === "" ? rest.port : Number(url.port),
    database: part(url.pathname.slice(1)) ?? rest.database,
    user: part(url.username) ?? rest.user,
    password,
    ssl,
  };
}

function placeOf(connection: PostgresConnection): string {
  let target = connection;
  try {
    target = withUrl(connection, "connection");
  } catch {
    // An invalid URL is reported when the database is opened.
  }
  const { host, port, database, schema, table_prefix: prefix } = target;
  return `${host}:${port} ${database} ${schema}.${prefix}`;
}

/** Settings without a password count too: it may come from the environment (PGPASSWORD). */
function sentInClear(connection: PostgresConnection): SentInClear | undefined {
  let target: PostgresConnection;
  try {
    target = withUrl(connection, "connection");
  } catch {
    // An invalid URL is reported when the database is opened.
    return undefined;
  }
  const { host, ssl } = target;
  if (ssl !== "disable" || host.startsWith("/") || isLoopback(host)) return undefined;
  const inUrl = connection.url !== undefined;
  return {
    setting: inUrl ? "url" : "host",
    host,
    remedy: `set ${inUrl ? "sslmode=verify-full in it" : 'ssl to "verify-full"'} where the server offers TLS`,
  };
}
