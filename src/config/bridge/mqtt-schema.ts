import { isLoopback } from "../loopback.ts";
import type { Schema, SentInClear } from "../schema/schema.ts";
import { flag, port, section, text } from "../schema/setting-kinds.ts";

const PROPERTIES: Readonly<Record<string, Schema>> = {
  url: {
    type: "string",
    pattern: "^(mqtts?|wss?)://[^\\s]+$",
    "x-expected": "a URL that begins with mqtt://, mqtts://, ws:// or wss://",
    default: "mqtt://localhost:1883",
    description: "The broker: mqtt://, mqtts://, ws:// or wss://, host and port.",
  },
  embedded: {
    type: "object",
    description: "A broker inside the bridge instead of one at a URL.",
    properties: {
      host: {
        type: "string",
        minLength: 1,
        default: "127.0.0.1",
        description: "Address to listen at; 0.0.0.0 for every network of the machine.",
      },
      port: port(1883, "Port to listen at."),
    },
    additionalProperties: false,
  },
  username: text("Name to log in with at the broker."),
  password: text("Password to log in with.", { "x-secret": true }),
  ca: text("PEM file of the authority that signed the broker's certificate."),
  cert: text("PEM file of the bridge's own certificate; needs key."),
  key: text("PEM file of the bridge's private key; needs cert."),
  protocol_version: { enum: [4, 5], default: 5, description: "4 for MQTT 3.1.1, 5 for MQTT 5." },
  base_topic: { type: "string", default: "", description: "Put before every topic; empty for nothing." },
  qos: { enum: [0, 1], default: 1, description: "0 at most once, 1 at least once." },
  retain: flag(
    true,
    "Whether the broker keeps the last message of each device topic. State topics it always keeps.",
  ),
  keepalive: {
    type: "integer",
    minimum: 1,
    maximum: 65_535,
    default: 60,
    description: "Seconds after which a silent connection is probed.",
  },
  payload: {
    enum: ["volttron", "json"],
    default: "volttron",
    description: "Form of device messages: VOLTTRON's arrays, or one JSON object.",
  },
  headers: {
    enum: ["payload", "properties", "both"],
    default: "payload",
    description: "Where a message's times go: third element of the array, MQTT 5 user properties, or both.",
  },
  state: {
    enum: ["json", "attribute", "both", "off"],
    default: "json",
    description: "The state view: one object a device, one topic a point, both, or none.",
  },
  state_refresh: {
    type: "number",
    minimum: 1,
    default: 300,
    description: "Seconds after which an unchanged state is published again.",
  },
  no_limit: {
    enum: ["null", "zero"],
    default: "null",
    description:
      "What the state view says of a limit that is not in force: null, or 0 as VOLTTRON's topics say. 0 also is a limit that stops charging.",
  },
  outbox_limit_mb: {
    type: "number",
    exclusiveMinimum: 0,
    default: 1024,
    description: "Megabytes that may wait on disk for the broker; the oldest go first.",
  },
};

/** The `mqtt` section of the bridge config. */
export const MQTT: Schema = {
  ...section("The broker, and what is published there.", PROPERTIES),
  "x-sends-in-clear": sentInClear,
};

function sentInClear(mqtt: {
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
