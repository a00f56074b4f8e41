import { choice, flag, number, seconds, section } from "../schema/setting-kinds.ts";

/** The `sessions` section of the bridge config. The settings of the database in `connection` are checked by its own schema. */
export const SESSIONS = section("Charging sessions in SQL tables.", {
  enabled: flag(false, "Whether the bridge reads the sessions of the ChargePoint accounts of its devices."),
  backend: {
    ...choice(["sqlite", "postgres"], "sqlite", "Kind of database."),
    "x-literal": true,
    "x-destination": true,
  },
  connection: {
    type: "object",
    default: {},
    description: "Settings of the database: [sessions](sessions.md#databases).",
  },
  interval: seconds(
    300,
    { minimum: 60 },
    "Seconds between reads. The network updates its data every five minutes.",
  ),
  look_back_days: number(
    7,
    { minimum: 0 },
    "Days that the first read looks back; `voltbridge sessions sync` fetches older sessions.",
  ),
  recheck_days: number(
    3,
    { minimum: 0 },
    "Days that one read a day looks back, for sessions that changed or arrived late.",
  ),
  payments: flag(true, "Whether payments are read, where the account's plan includes them."),
  intervals: flag(false, "Whether quarter-hour values are read too: one call for each session."),
  personal_data: flag(true, "Whether user, card, vehicle and names are stored in the tables."),
  publish: flag(
    true,
    "Whether session events are published over MQTT. The lifetime energy of the ports always is.",
  ),
  publish_personal_data: flag(false, "Whether user, card and vehicle are published with the events."),
});
