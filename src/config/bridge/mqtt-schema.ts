import { isLoopback } from "../loopback.ts";
import type { Schema, SentInClear } from "../schema/schema.ts";
import { choice, flag, number, optionalText, port, seconds, section, text } from "../schema/setting-kinds.ts";

/** Where a broker is, and who logs in there. */
export const BROKER_ADDRESS = {
  url: {
    type: "string",
    pattern: "^(mqtts?|wss?)://[^\\s]+$",
    "x-expected": "a URL that begins with mqtt://, mqtts://, ws:// or wss://",
    default: "mqtt://localhost:1883",
    "x-destination": true,
    description: "URL of the broker: scheme, host and port.",
  },
  username: optionalText("User name at the broker."),
  password: {
    ...optionalText("Password at the broker. A [secret](#variables-and-secrets)."),
    "x-secret": true,
  },
} as const;

/** The `mqtt` section of the bridge config. */
export const MQTT = {
  ...section("The broker, and what is published there.", {
    url: BROKER_ADDRESS.url,
    embedded: {
      type: "object",
      description:
        "Broker inside the bridge instead of one at a URL; `{}` takes its defaults. It speaks MQTT 5 and 3.1.1 over TCP only, accepts 1000 connections, and loses its retained messages and sessions on restart. With `mqtt.username` and `mqtt.password` set, every client must log in with them.",
      properties: {
        host: text(
          "127.0.0.1",
          "Address to listen on; `0.0.0.0` for every network of the machine. Any address but loopback requires `mqtt.username` and `mqtt.password`.",
        ),
        port: port(1883, "Port to listen on."),
      },
      additionalProperties: false,
      "x-destination": true,
    },
    username: BROKER_ADDRESS.username,
    password: BROKER_ADDRESS.password,
    ca: {
      ...optionalText(
        "PEM file of the authority that signed the broker's certificate. Only with `mqtts://` or `wss://`.",
      ),
      "x-local": true,
    },
    cert: {
      ...optionalText("PEM file of the bridge's own certificate; requires `mqtt.key`."),
      "x-local": true,
    },
    key: { ...optionalText("PEM file of the bridge's private key; requires `mqtt.cert`."), "x-local": true },
    protocol_version: choice(
      [4, 5],
      5,
      "5 for MQTT 5, 4 for MQTT 3.1.1. If the broker refuses 5, the bridge connects with 3.1.1.",
    ),
    client_id: {
      ...optionalText(
        "Client id of the bridge at the broker, for brokers whose access rules go by it. A broker ends the connection of a client when another one connects with its id, so no other program may use it, no second bridge either. Default: the instance and a random part, another one at each start.",
      ),
      minLength: 1,
      maxLength: 65_535,
    },
    base_topic: {
      type: "string",
      default: "",
      description: "Prefix of every topic, e.g. `site7` gives `site7/devices/…`; empty for none.",
    },
    qos: choice(
      [0, 1],
      1,
      "QoS of the device topics and of the announcements of writes: 0 at most once, 1 at least once. Everything else is published with QoS 1.",
    ),
    retain: flag(
      true,
      "Whether the broker retains the last message of each device topic. State topics are always retained.",
    ),
    keepalive: {
      type: "integer",
      minimum: 1,
      maximum: 65_535,
      default: 60,
      "x-unit": "seconds",
      description: "Seconds without traffic after which the connection is probed.",
    },
    payload: choice(
      ["volttron", "json"],
      "volttron",
      "Format of the device messages: VOLTTRON's arrays, or one JSON object. See [MQTT](mqtt.md#the-volttron-view).",
    ),
    answers: choice(
      ["bridge", "volttron"],
      "bridge",
      "Form of the answers to [commands](mqtt.md#the-answer), reservations and calls: the bridge's, with all that it knows, or that of [VOLTTRON's actuator](volttron.md#answers-of-the-actuator) with its error names.",
    ),
    headers: choice(
      ["payload", "properties", "both"],
      "payload",
      "Place of a message's times: third element of the array, MQTT 5 user properties, or both. Over MQTT 3.1.1 always the array.",
    ),
    state: choice(
      ["json", "attribute", "both", "off"],
      "json",
      "The [state view](mqtt.md#the-state-view): one object for each device, one topic for each point, both, or none.",
    ),
    state_refresh: seconds(300, { minimum: 1 }, "Seconds after which an unchanged state is published again."),
    no_limit: choice(
      ["null", "zero"],
      "null",
      "Value in the [state view](mqtt.md#the-state-view) of a limit that is not in force: `null`, or 0 as in VOLTTRON's topics. A 0 is also the value of a limit that stops charging.",
    ),
    outbox_limit_mb: number(
      1024,
      { exclusiveMinimum: 0 },
      "Megabytes of scrapes that may [wait on disk for the broker](mqtt.md#delivery); the oldest are dropped first.",
    ),
  }),
  "x-sends-in-clear": sentInClear,
} as const satisfies Schema;

/** Returns where a login goes out unencrypted. */
export function sentInClear(mqtt: {
  readonly url: string;
  readonly embedded?: object;
  readonly username: string | null;
}): SentInClear | undefined {
  const url = mqtt.embedded ? null : URL.parse(mqtt.url);
  if (!url || !["mqtt:", "ws:"].includes(url.protocol) || isLoopback(url.hostname)) return undefined;
  if (mqtt.username === null && url.username === "") return undefined;
  return {
    setting: "url",
    host: url.host,
    remedy: `write ${url.protocol === "ws:" ? "wss" : "mqtts"}:// where the broker offers it`,
  };
}
