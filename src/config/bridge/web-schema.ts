import type { Schema } from "../schema/schema.ts";
import {
  choice,
  flag,
  integer,
  optionalText,
  port,
  seconds,
  section,
  text,
} from "../schema/setting-kinds.ts";

/** Roles of the web interface; each may do what those before it may. */
export const ROLES = ["view", "operate", "admin"] as const;
export type Role = (typeof ROLES)[number];

const CALLER_NAME = {
  type: "string",
  maxLength: 100,
  pattern: "^[^\\p{C}\\s]([^\\p{C}]*[^\\p{C}\\s])?$",
  "x-expected": "a name of up to 100 characters, without control characters and without spaces around it",
} as const;

/** The `web` section of the bridge config. */
export const WEB = section("The page, its HTTP interface, and who may use them.", {
  enabled: flag(false, "Whether the bridge serves the page and the HTTP interface."),
  host: text(
    "127.0.0.1",
    "Address to listen on; `0.0.0.0` for every network of the machine. Any address but loopback requires users or tokens, and TLS or a trusted proxy: [users and access](web.md#users-and-access).",
  ),
  port: port(8080, "Port to listen on."),
  tls: {
    type: "object",
    description:
      "Certificate and key, for `https://`. The files are read again when they change. Left out: `http://`.",
    properties: {
      cert: {
        type: "string",
        minLength: 1,
        description:
          "PEM file of the certificate, followed by those of the authorities between it and the root.",
      },
      key: { type: "string", minLength: 1, description: "PEM file of the private key, not encrypted." },
    },
    required: ["cert", "key"],
    additionalProperties: false,
  },
  users: {
    type: "array",
    default: [],
    items: {
      type: "object",
      properties: {
        name: { ...CALLER_NAME, description: "User name." },
        password: {
          type: "string",
          minLength: 1,
          "x-secret": true,
          description:
            "Password, where there is no `hash`. A [secret](#variables-and-secrets); in clear text it is a warning.",
        },
        hash: {
          type: "string",
          minLength: 1,
          "x-secret": true,
          description:
            "Hash of the password, as `voltbridge web user` prints it. A [secret](#variables-and-secrets).",
        },
        role: choice(ROLES, "operate", "What the user may do: [roles](web.md#roles)."),
      },
      required: ["name"],
      additionalProperties: false,
    },
    description:
      "Users who can log in. Without users, tokens and a proxy, everybody on this machine may look.",
  },
  tokens: {
    type: "array",
    default: [],
    items: {
      type: "object",
      properties: {
        name: { ...CALLER_NAME, description: "Name of the program that has the token." },
        hash: {
          type: "string",
          minLength: 1,
          description: "SHA-256 of the token in hexadecimal, as `voltbridge web token` prints it.",
        },
        role: choice(ROLES, "view", "What the program may do: [roles](web.md#roles)."),
      },
      required: ["name", "hash"],
      additionalProperties: false,
    },
    description: "Bearer tokens of programs.",
  },
  trusted_proxy: {
    type: "object",
    description: "A reverse proxy in front of the bridge: [behind a proxy](web.md#behind-a-proxy).",
    properties: {
      addresses: {
        type: "array",
        minItems: 1,
        items: { type: "string", minLength: 1 },
        description:
          "Addresses of the proxy, or networks: `10.0.0.0/24`. The headers of the proxy count only from there.",
      },
      user_header: optionalText(
        "Header in which the proxy names the user that it has logged in. The proxy must remove it from requests. Left out: users log in at the bridge.",
      ),
      role_header: optionalText(
        "Header with the user's role, or with a list in which the highest role counts, such as that of groups.",
      ),
      role: choice(ROLES, "view", "Role of users for whom the proxy sends none."),
    },
    required: ["addresses"],
    additionalProperties: false,
  },
  allowed_hosts: {
    type: "array",
    default: [],
    items: { type: "string", minLength: 1 },
    description:
      "Names by which browsers reach the page, with or without a port, e.g. `console.example.com`. Always allowed: `host`, IP addresses and `localhost`. Any other name is refused, so that foreign pages cannot [point their own name](web.md#names-of-the-bridge) at the bridge.",
  },
  session: section("How long a login lasts.", {
    idle: seconds(28_800, { minimum: 60 }, "Seconds without a request after which a user must log in again."),
    absolute: seconds(604_800, { minimum: 60 }, "Seconds after which a user must log in again in any case."),
  }),
  personal_data: choice(
    ROLES,
    "operate",
    "Role from which personal data (drivers, users, credentials) is shown.",
  ),
});

/** The `metrics` section of the bridge config. */
export const METRICS = section("Metrics for Prometheus.", {
  enabled: flag(
    true,
    "Whether `/metrics` is served: to callers of the web interface, such as a [token](web.md#tokens) with the role `view`.",
  ),
  host: text("127.0.0.1", "Address of `metrics.port`. Everyone who can reach it can read the metrics."),
  port: {
    type: ["integer", "null"],
    minimum: 1,
    maximum: 65_535,
    default: null,
    description:
      "Port of its own for `/metrics`, without names and tokens. Left out: on the port of the web interface.",
  },
  per_port: flag(true, "Whether there are load, limit and state for each port of a station."),
  max_series: integer(
    20_000,
    { minimum: 1 },
    "Maximum number of series about ports. Further ports are left out, and the metrics say how many.",
  ),
}) satisfies Schema;
