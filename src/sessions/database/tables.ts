/**
 * The tables of charging sessions: the statements that create and fill them in SQLite and PostgreSQL and the types of their rows are
 * derived from here. Times are UTC; money is in the row's `currency`.
 */

/** `long`: a whole number of up to 64 bits, text in JavaScript. `time`: an instant. `money`: decimal. */
export type ColumnType = "text" | "integer" | "long" | "number" | "money" | "time" | "boolean";

export interface Column {
  readonly type: ColumnType;
  readonly doc: string;
  readonly required: boolean;
  /** Identifies the driver; empty when `personal_data` is false. */
  readonly personal?: true;
}

export interface Table {
  readonly doc: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly key: readonly string[];
  readonly references?: readonly { readonly columns: readonly string[]; readonly table: string }[];
  readonly indexes?: readonly { readonly columns: readonly string[]; readonly where?: string }[];
}

const column =
  <T extends ColumnType>(type: T) =>
  (doc: string) =>
    ({ type, doc, required: false }) as const;
const required = <T extends ColumnType>({ type, doc }: { readonly type: T; readonly doc: string }) =>
  ({ type, doc, required: true }) as const;
const personal = <C extends Column>(inner: C) => ({ ...inner, personal: true }) as const;

const text = column("text");
const integer = column("integer");
const long = column("long");
const number = column("number");
const money = column("money");
const time = column("time");
const boolean = column("boolean");

const stationID = required(text("CPNID:StationIdentifier; unchanged when the hardware is replaced"));
const portNumber = text("Text: ports can be 1A");
const toStation = { columns: ["station_id"], table: "station" };
const toPort = { columns: ["station_id", "port_number"], table: "port" };

export const tables = {
  station: {
    doc: "Stations of getStations; one known only from sessions or alarms has little more than its id",
    columns: {
      station_id: stationID,
      name: text("Organisation / station"),
      manufacturer: text(""),
      model: text(""),
      serial_number: text("Of the hardware"),
      mac_address: text(""),
      address: text("Street and number"),
      city: text(""),
      state: text(""),
      country: text(""),
      postal_code: text("Text, to keep leading zeros"),
      latitude: number("Degrees north"),
      longitude: number("Degrees east"),
      port_count: integer(""),
      organization_id: text("CPNID:CompanyID"),
      organization_name: text(""),
      group_ids: text("Station groups, joined by commas"),
      group_names: text("Their names, joined by commas"),
      currency: text("ISO 4217; of its prices"),
      utc_offset: text("Such as -08:00"),
      activated_at: time(""),
      modified_at: time("Last change of the record at the network"),
      network_status: text("REACHABLE or UNREACHABLE, when last listed"),
      firmware: text(""),
      warranty_expires_on: text("As the network writes it"),
      listed_at: time("When getStations last listed it; empty: never"),
    },
    key: ["station_id"],
  },
  port: {
    doc: "Ports of the stations",
    columns: {
      station_id: stationID,
      port_number: required(portNumber),
      connector: text("Such as J1772"),
      level: text("L1, L2, …: stations in the US and Australia"),
      mode: text("Stations in Europe"),
      voltage_v: number("Nominal"),
      current_a: number("Supported"),
      power_kw: number("Supported"),
      reservable: boolean(""),
      description: text(""),
    },
    key: ["station_id", "port_number"],
    references: [toStation],
  },
  pricing: {
    doc: "Prices of the stations, as they are now",
    columns: {
      station_id: stationID,
      position: required(integer("Place in the station's list, from 1")),
      type: text("Unit of the price: Session, Hourly, kWh"),
      starts_at: text("From this local time of day"),
      ends_at: text("Until this local time of day"),
      currency: text("ISO 4217"),
      minimum_amount: money("Minimum charge for a session"),
      maximum_amount: money("Maximum charge for a session"),
      per_hour_amount: money(""),
      per_session_amount: money(""),
      per_kwh_amount: money(""),
      first_hourly_amount: money("Hourly price of the first portion"),
      first_minutes: integer("Length of the first portion"),
      later_hourly_amount: money("Hourly price after the first portion"),
    },
    key: ["station_id", "position"],
    references: [toStation],
  },
  user: {
    doc: "Drivers: of sessions, and of getUsers; empty where personal_data is false",
    columns: {
      user_id: required(text("Neither account number nor user name")),
      driver_name: text("From sessions: drivers connected to the organisation"),
      account_number: text("From sessions: Enterprise plan"),
      first_name: text(""),
      last_name: text(""),
      email: text(""),
      connection_status: text("APPROVED, PENDING, …"),
      modified_at: time("Last change of the account"),
    },
    key: ["user_id"],
  },
  session: {
    doc: "Charging sessions; an active one has no ended_at",
    columns: {
      session_id: required(long("Globally unique")),
      account: required(text("Fingerprint of the API account that reported it first")),
      station_id: stationID,
      port_number: portNumber,
      user_id: personal(text("Empty: the driver is unknown; such sessions count too")),
      started_at: required(time("For a station that was offline, when it reconnected")),
      ended_at: time("Empty: active"),
      energy_kwh: number("Of an active session, so far"),
      charging_seconds: integer("Time in which current flowed"),
      connected_seconds: integer(""),
      start_battery_percent: number(""),
      stop_battery_percent: number(""),
      ended_by: text("Such as Customer, Timeout, Plug Out at Vehicle"),
      credential_id: personal(text("Card serial number or app identifier")),
      rfid_serial_number: personal(text("")),
      vehicle_make: text(""),
      vehicle_model: text(""),
      vehicle_model_year: text(""),
      vehicle_type: text(""),
      vehicle_id: personal(text("")),
      vehicle_mac: personal(text("Of the vehicle's charge port")),
      opted_out: boolean("Of a load shed event"),
      opted_out_at: time(""),
      payment_terminal: personal(text("")),
      revision: required(integer("1, and one more with every change after it was stored")),
      changed_at: required(time("When this row was last stored or changed")),
      intervals_at: time("When its quarter hours were stored; empty: they were not"),
      to_announce: text("Events to be published"),
    },
    key: ["session_id"],
    references: [toStation, toPort, { columns: ["user_id"], table: "user" }],
    indexes: [
      { columns: ["started_at"] },
      { columns: ["station_id", "port_number", "started_at"] },
      { columns: ["account", "started_at"], where: "ended_at IS NULL" },
      { columns: ["session_id"], where: "to_announce IS NOT NULL" },
    ],
  },
  payment: {
    doc: "What sessions and reservations cost, of getTransactionData",
    columns: {
      transaction_id: required(long("")),
      session_id: long("Found by station, port and start; empty for reservations"),
      station_id: stationID,
      port_number: portNumber,
      type: text("Session, Reservation, …"),
      pricing_rule: text(""),
      reported_at: required(time("When the station reported it")),
      started_at: time("Of the session"),
      ended_at: time("Of the session"),
      energy_kwh: number(""),
      currency: text("ISO 4217; of all amounts of this row"),
      gross_amount: money("Paid by the driver"),
      service_fee_amount: money("Kept by the network"),
      tax_amount: money(""),
      net_amount: money("Expected"),
      net_revenue_amount: money("Paid to the organisation"),
      usd_rate: number("Between currency and US dollars"),
      card_digits: personal(text("Last four digits of the card")),
    },
    key: ["transaction_id"],
    references: [toStation, { columns: ["session_id"], table: "session" }],
    indexes: [
      { columns: ["reported_at"] },
      { columns: ["session_id"] },
      { columns: ["station_id", "port_number", "started_at"], where: "session_id IS NULL" },
    ],
  },
  interval: {
    doc: "Sessions by quarter hours of the clock, of get15minChargingSessionData",
    columns: {
      session_id: required(long("")),
      started_at: required(time("The first begins with the session")),
      energy_kwh: number("In this interval; their sum is the session's"),
      peak_kw: number(""),
      average_kw: number(""),
    },
    key: ["session_id", "started_at"],
    references: [{ columns: ["session_id"], table: "session" }],
  },
  alarm: {
    doc: "Alarms of getAlarms; they remain here when they are cleared at the network",
    columns: {
      station_id: stationID,
      occurred_at: required(time("")),
      type: required(text("")),
      port_number: required(text("Empty text: the alarm is the station's own")),
    },
    key: ["station_id", "occurred_at", "type", "port_number"],
    references: [toStation],
    indexes: [{ columns: ["occurred_at"] }],
  },
  port_energy: {
    doc: "Lifetime energy of each port, the sum of its sessions; it never decreases",
    columns: {
      station_id: stationID,
      port_number: required(portNumber),
      energy_kwh: required(number("")),
      session_count: required(integer("Of those in these tables")),
      changed_at: required(time("")),
      to_announce: required(boolean("Whether it is to be published")),
      earlier_kwh: number("After the loss of a database: of the sessions before earlier_until"),
      earlier_until: time("Sessions that start from here on are added to it"),
    },
    key: ["station_id", "port_number"],
    references: [toPort],
  },
  sync_run: {
    doc: "Progress of reading from the network; an interrupted run resumes from here",
    columns: {
      account: required(text("Fingerprint of the API account")),
      kind: required(text("continuous: of the bridge; backfill: of voltbridge sessions sync")),
      range_from: required(time("Sessions that start at or after this")),
      range_to: time("And before this; empty: up to now"),
      sessions_to: required(time("Sessions that start before this are stored")),
      payments_to: required(time("Payments reported before this are stored")),
      first_at: required(
        time("Start of the account's first run of this kind; events are published from then on"),
      ),
      began_at: required(time("")),
      ended_at: time("Empty: interrupted, or running"),
      rechecked_at: time("When older sessions were last checked for changes"),
      seen: required(integer("Sessions in the responses")),
      added: required(integer("New here")),
      updated: required(integer("Changed after they were stored")),
      unchanged: required(integer("")),
      refused: required(integer("Records that cannot be stored")),
    },
    key: ["account", "kind"],
  },
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof tables;
export type SqlValue = string | number | boolean | null;

type ValueOf<C extends Column> = C["type"] extends "integer" | "number" | "money"
  ? number
  : C["type"] extends "boolean"
    ? boolean
    : string;

/** A row as read and written: times are `2026-11-21T08:00:00Z`, longs are text. */
export type RowOf<N extends TableName> = {
  readonly [K in keyof (typeof tables)[N]["columns"]]: (typeof tables)[N]["columns"][K] extends infer C extends
    Column
    ? C["required"] extends true
      ? ValueOf<C>
      : ValueOf<C> | null
    : never;
};

/** Returns the columns of a table with their descriptions, in order. */
export function columnsOf(table: TableName): [name: string, column: Column][] {
  return Object.entries(tables[table].columns);
}

export const tableNames = Object.keys(tables) as readonly TableName[];
