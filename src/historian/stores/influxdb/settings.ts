import { isLoopback } from "../../../config/loopback.ts";
import type { SentInClear, SettingFault } from "../../../config/schema/schema.ts";
import { HistorianError } from "../../errors.ts";

/** `historian.connection` of the InfluxDB backend, as the config has it. */
export interface InfluxConnection {
  readonly url: string;
  readonly version: 1 | 2 | 3;
  readonly database: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly org: string | null;
  readonly bucket: string | null;
  readonly token: string | null;
  readonly retention_policy: string | null;
  readonly retention_duration: string;
  readonly layout: "volttron" | "ev";
  readonly value_string: boolean;
  readonly station_tags: boolean;
  readonly gzip: boolean | null;
  readonly consistency: "any" | "one" | "quorum" | "all" | null;
  readonly timeout: number;
}

const NAME = '^[^"\\\\/\\u0000-\\u001f]+$';
const nameOrNull = (description: string) => ({
  type: ["string", "null"],
  minLength: 1,
  pattern: NAME,
  default: null,
  description,
});
const textOrNull = (description: string, more: object = {}) => ({
  type: ["string", "null"],
  minLength: 1,
  default: null,
  description,
  ...more,
});

export const CONNECTION_SCHEMA = {
  type: "object",
  additionalProperties: false,
  "x-sends-in-clear": sentInClear,
  "x-faults": faultsOf,
  "x-place": placeOf,
  properties: {
    url: {
      type: "string",
      pattern: "^https?://",
      "x-expected": "a URL that begins with http:// or https://",
      default: "http://127.0.0.1:8086",
      "x-destination": true,
      description: "Where the server is; without credentials.",
    },
    version: { enum: [1, 2, 3], default: 1, description: "Major version of the server." },
    database: {
      type: "string",
      pattern: NAME,
      default: "voltbridge",
      description: "Database (versions 1 and 3). Version 1: made where it is missing.",
    },
    username: textOrNull("Name to log in with (version 1)."),
    password: textOrNull("Password to log in with (version 1).", { "x-secret": true }),
    org: textOrNull("Organisation (version 2)."),
    bucket: nameOrNull("Bucket (version 2); it must exist. null: the name of `database`."),
    token: textOrNull("API token (versions 2 and 3).", { "x-secret": true }),
    retention_policy: nameOrNull(
      "Retention policy (version 1), made where it is missing. null: the default one.",
    ),
    retention_duration: {
      type: "string",
      pattern: "^(INF|([0-9]+[hdw])+)$",
      "x-expected": "INF or a duration of hours, days or weeks like 90d",
      default: "INF",
      description: "How long a retention policy that has to be made keeps its data.",
    },
    layout: {
      enum: ["volttron", "ev"],
      default: "volttron",
      description: "`volttron`: one measurement a point; `ev`: wide lines for dashboards.",
    },
    value_string: {
      type: "boolean",
      default: true,
      description:
        "Layout `volttron`: whether each value is stored as text too, in the field `value_string`, as VOLTTRON's historian does.",
    },
    station_tags: {
      type: "boolean",
      default: false,
      description:
        "Layout `ev`: whether lines have the station's name, site and model as tags. Each change of one begins new series.",
    },
    gzip: {
      type: ["boolean", "null"],
      default: null,
      description: "Whether points are sent compressed. null: yes, unless the server is on this machine.",
    },
    consistency: {
      enum: ["any", "one", "quorum", "all", null],
      default: null,
      description: "Write consistency of a 1.x cluster.",
    },
    timeout: {
      type: "number",
      exclusiveMinimum: 0,
      maximum: 600,
      default: 10,
      description: "Seconds after which a request without a complete answer is given up.",
    },
  },
};

/** The settings, checked and with their defaults. */
export interface InfluxTarget {
  /** Without a trailing slash. */
  readonly url: string;
  readonly version: 1 | 2 | 3;
  /** Name of the database in queries; the bucket for version 2. */
  readonly database: string;
  readonly username: string;
  readonly password: string;
  readonly authorization: string | undefined;
  readonly retentionPolicy: string | undefined;
  readonly retentionDuration: string;
  readonly gzip: boolean;
  readonly timeoutMs: number;
  readonly write: WriteEndpoint;
}

export interface WriteEndpoint {
  readonly path: string;
  /** Parameters except the retention policy. */
  readonly query: Readonly<Record<string, string>>;
}

function sentInClear({ url: text, username, token }: InfluxConnection): SentInClear | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== "http:" || isLoopback(url.hostname)) return undefined;
  if (username === null && token === null) return undefined;
  return { setting: "url", host: url.host, remedy: "write https:// where the server offers it" };
}

/** Finds what the schema cannot: settings that do not fit each other. */
function faultsOf(connection: InfluxConnection): SettingFault[] {
  const { version } = connection;
  const faults: SettingFault[] = [];
  const report = (code: SettingFault["code"], setting: string, message: string, expected?: string) =>
    faults.push({ code, severity: "error", setting, message, expected });
  const url = URL.parse(connection.url);
  if (!url)
    report(
      "bad_url",
      "url",
      `url must be a URL, found "${connection.url.replace(/\/\/[^/@\s]*@/, "//***@")}"`,
    );
  if (url?.username || url?.password)
    report("bad_url", "url", "url must not contain credentials; move them to username and password");
  if (url?.search || url?.hash)
    report("bad_url", "url", "url must not have a query or fragment; use only host, port and path");
  for (const [name, versions] of Object.entries(ONLY_FOR))
    if (connection[name as keyof InfluxConnection] !== null && !versions.includes(version))
      report(
        "conflicting_settings",
        name,
        `${name} is a setting for version ${versions.join(" and ")}; this is version ${version}`,
      );
  if (version !== 2) return faults;
  if (connection.org === null)
    report(
      "missing_key",
      "org",
      "version 2 requires org",
      "the name of the organisation that has the bucket",
    );
  if (connection.token === null)
    report(
      "missing_key",
      "token",
      "version 2 requires token",
      "an API token that may read and write the bucket",
    );
  return faults;
}

/** @throws {HistorianError} of kind `give_up` for settings that do not fit each other. */
export function targetOf(connection: InfluxConnection): InfluxTarget {
  const [fault] = faultsOf(connection);
  if (fault) throw unusable(fault.message);
  const url = new URL(connection.url);
  const { version } = connection;
  return {
    url: url.href.replace(/\/$/, ""),
    version,
    database: version === 2 ? (connection.bucket ?? connection.database) : connection.database,
    username: connection.username ?? "",
    password: connection.password ?? "",
    authorization: authorization(connection),
    retentionPolicy: connection.retention_policy ?? undefined,
    retentionDuration: connection.retention_duration,
    gzip: connection.gzip ?? !isLoopback(url.hostname),
    timeoutMs: connection.timeout * 1000,
    write: writeEndpoint(connection),
  };
}

function placeOf(connection: InfluxConnection): string {
  const { url, version, database, bucket, org, retention_policy: policy } = connection;
  const name = version === 2 ? [org, bucket ?? database] : version === 1 ? [database, policy] : [database];
  const parts = name.filter((part) => part !== null);
  const at = URL.parse(url);
  return [at ? `${at.host}${at.pathname.replace(/\/$/, "")}` : url, ...parts].join(" ");
}

const ONLY_FOR: Readonly<Record<string, readonly number[]>> = {
  username: [1],
  password: [1],
  retention_policy: [1],
  consistency: [1],
  org: [2],
  bucket: [2],
  token: [2, 3],
};

function authorization({ version, username, password, token }: InfluxConnection): string | undefined {
  if (version === 1)
    return username === null
      ? undefined
      : `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
  return token === null ? undefined : `${version === 2 ? "Token" : "Bearer"} ${token}`;
}

function writeEndpoint({ version, database, bucket, org, consistency }: InfluxConnection): WriteEndpoint {
  switch (version) {
    case 1:
      return {
        path: "/write",
        query: { db: database, precision: "u", ...(consistency === null ? {} : { consistency }) },
      };
    case 2:
      return {
        path: "/api/v2/write",
        query: { org: org ?? "", bucket: bucket ?? database, precision: "us" },
      };
    case 3:
      return {
        path: "/api/v3/write_lp",
        query: { db: database, precision: "microsecond", accept_partial: "true" },
      };
  }
}

function unusable(what: string): HistorianError {
  return new HistorianError("give_up", `historian.connection (backend influxdb): ${what}`);
}
