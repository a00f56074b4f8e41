import type { Schema } from "../schema/schema.ts";
import { flag, section } from "../schema/setting-kinds.ts";

export const SESSIONS_BACKEND: Schema = {
  enum: ["sqlite", "postgres"],
  default: "sqlite",
  "x-literal": true,
  description: "Kind of database.",
};

/** The `sessions` section of the bridge config, its database's own settings unchecked. */
export const SESSIONS = section("Charging sessions in SQL tables.", {
  enabled: flag(false, "Whether the bridge reads the sessions of its ChargePoint accounts."),
  backend: SESSIONS_BACKEND,
  connection: { type: "object", default: {}, description: "Settings of the database." },
  interval: {
    type: "number",
    minimum: 60,
    default: 300,
    description: "Seconds between reads; the network renews its data every five minutes.",
  },
  look_back_days: {
    type: "number",
    minimum: 0,
    default: 7,
    description: "Days that the first read looks back.",
  },
  recheck_days: {
    type: "number",
    minimum: 0,
    default: 3,
    description: "Days that a read looks back once a day, for sessions that changed or came late.",
  },
  payments: flag(true, "Whether payments are read, where the account's plan includes them."),
  intervals: flag(false, "Whether quarter hours are read too: one call for each session."),
  personal_data: flag(true, "Whether user, card, vehicle and names go into the tables."),
  publish: flag(true, "Whether session events and lifetime energy are published over MQTT."),
  publish_personal_data: flag(false, "Whether user, card and vehicle are published with them."),
});
