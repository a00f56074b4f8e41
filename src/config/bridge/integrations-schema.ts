import type { Schema } from "../schema/schema.ts";
import { choice, flag, integer, optionalText, section, text } from "../schema/setting-kinds.ts";
import { BROKER_ADDRESS, sentInClear } from "./mqtt-schema.ts";

/** An id of Sparkplug: a level of a topic. */
const ID = { pattern: "^[^+/#]+$", "x-expected": "a name without +, / and #" } as const;

const SPARKPLUG = section(
  "Edge node of [Sparkplug B 3.0](sparkplug.md), for Ignition and other SCADA: each station is a device with its metrics.",
  {
    enabled: flag(false, "Whether the bridge is a Sparkplug edge node."),
    group: { ...text("voltbridge", "Group ID, usually the site."), ...ID },
    node: { ...optionalText("Edge node ID. Default: the bridge's `instance`."), ...ID },
    primary_host: {
      ...optionalText(
        "Host ID of the primary host application. The bridge publishes nothing until this host is online; values that change meanwhile are [sent later as historical](sparkplug.md#values-of-an-outage). Default: none.",
      ),
      ...ID,
    },
    requester: text(
      "sparkplug",
      "[Requester](control.md) of the writes that come from hosts, for reservations and the log.",
    ),
    history_limit: integer(
      100_000,
      { minimum: 0, maximum: 10_000_000 },
      "Maximum number of values that wait in memory while the broker or the primary host is away, about 150 bytes each; the oldest are dropped first.",
    ),
    broker: {
      type: "object",
      description:
        "The broker of the hosts, where it is another one than the bridge's. Left out: the bridge's.",
      properties: {
        ...BROKER_ADDRESS,
        ca: {
          ...optionalText("PEM file of the authority that signed the broker's certificate."),
          "x-local": true,
        },
        cert: { ...optionalText("PEM file of the edge node's own certificate."), "x-local": true },
        key: { ...optionalText("PEM file of its private key."), "x-local": true },
        protocol_version: choice(
          [4, 5],
          5,
          "5 for MQTT 5, 4 for MQTT 3.1.1. If the broker refuses 5, the edge node connects with 3.1.1.",
        ),
      },
      additionalProperties: false,
      "x-destination": true,
      "x-sends-in-clear": sentInClear,
    },
  },
);

const HOME_ASSISTANT = section(
  "Devices and entities of [Home Assistant](home-assistant.md), which appear there by themselves (MQTT discovery).",
  {
    enabled: flag(
      false,
      "Whether Home Assistant is told of the devices. Switched off while the bridge runs, or before it starts, their entities are removed from Home Assistant.",
    ),
    prefix: {
      type: "string",
      default: "homeassistant",
      pattern: "^[^+#/\\p{C}]+(/[^+#/\\p{C}]+)*$",
      "x-expected": "a topic without wildcards, and without a slash at its beginning and end",
      description:
        "First levels of the topics of discovery: the discovery prefix of Home Assistant's MQTT integration. `mqtt.base_topic` is not put before it.",
    },
    discovery: choice(
      ["device", "component"],
      "device",
      "`device`: one message for all entities of a device. `component`: one for each entity, for brokers that refuse large messages and for Home Assistant before 2024.11. After a change the entities keep their settings and history.",
    ),
    requester: {
      type: "string",
      minLength: 1,
      maxLength: 128,
      default: "home-assistant",
      description:
        "Name under which set points from Home Assistant are written, reserved ([scheduling](control.md)) and recorded.",
    },
    personal: flag(
      false,
      "Whether values that identify a driver or a vehicle become entities. Home Assistant stores what its entities show.",
    ),
  },
);

/** The `integrations` section of the bridge config: one key for each integration. */
export const INTEGRATIONS = section(
  "Views of the devices for other platforms, each with a connection of its own to the broker.",
  { home_assistant: HOME_ASSISTANT, sparkplug: SPARKPLUG },
) satisfies Schema;
