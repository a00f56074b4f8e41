import { isLoopback } from "../loopback.ts";
import type { Schema, SentInClear } from "../schema/schema.ts";
import { choice, number, optionalText, seconds, section } from "../schema/setting-kinds.ts";

/** The `cluster` section of the bridge config. The settings of the service in `connection` are checked by its own schema. */
export const CLUSTER = {
  ...section("[Several bridges that share the work](cluster.md), one on each machine.", {
    backend: {
      ...choice(
        ["none", "etcd", "postgres"],
        "none",
        "Service that keeps who owns which accounts. `none`: this bridge is alone, and the lock of its data folder suffices.",
      ),
      "x-literal": true,
      "x-destination": true,
    },
    connection: {
      type: "object",
      default: {},
      description: "Settings of the service: [connections](cluster.md#connections).",
    },
    member: {
      ...optionalText(
        "Name of this member, different on each machine. Default: the name of the host without its domain.",
      ),
      pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$",
      "x-expected": "letters, digits, - and _, at most 40",
    },
    ttl: seconds(
      6,
      { minimum: 3, maximum: 60 },
      "Seconds without a renewal after which a member counts as dead and others take over; whole seconds. It is renewed three times as often.",
    ),
    weight: number(
      1,
      { exclusiveMinimum: 0, maximum: 1000 },
      "Share of the stations that this member takes, relative to those of the others.",
    ),
  }),
  "x-local": true,
} as const satisfies Schema;

const TEXT = { type: "string", minLength: 1 } as const;

/** `cluster.connection` of etcd. */
export interface EtcdConnection {
  /** One for each server: `http://host:2379`. */
  readonly endpoints: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** PEM file of the authority that signed the servers' certificates. Default: the authorities built into Node. */
  readonly ca?: string;
  /** PEM files of the client's certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Maximum duration of a call, connecting included, in seconds. */
  readonly timeout: number;
}

export const ETCD_CONNECTION_SCHEMA = {
  type: "object",
  additionalProperties: false,
  "x-sends-in-clear": sentInClear,
  properties: {
    endpoints: {
      type: "array",
      minItems: 1,
      items: {
        type: "string",
        pattern: "^https?://[^/]+/?$",
        "x-expected": "http://host:port or https://host:port",
      },
      default: ["http://127.0.0.1:2379"],
      "x-destination": true,
    },
    username: TEXT,
    password: { ...TEXT, "x-secret": true },
    ca: { ...TEXT, "x-local": true },
    cert: { ...TEXT, "x-local": true },
    key: { ...TEXT, "x-local": true },
    timeout: { type: "number", minimum: 0.1, maximum: 60, default: 2 },
  },
};

function sentInClear({ endpoints, password }: EtcdConnection): SentInClear | undefined {
  const bare = endpoints.find(
    (one) => one.startsWith("http:") && !isLoopback(URL.parse(one)?.hostname ?? ""),
  );
  if (bare === undefined || password === undefined) return undefined;
  return { setting: "endpoints", host: URL.parse(bare)?.host ?? bare, remedy: "write https://" };
}
