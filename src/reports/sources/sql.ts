import { tables } from "../../sessions/database/tables.ts";
import { wireTime } from "../../sessions/database/times.ts";
import { type RowOf, type SessionDatabase, SessionReader } from "../../sessions/index.ts";
import {
  type Alarms,
  COMMON_COLUMNS,
  type Contact,
  type FleetData,
  type FleetStation,
  NEWEST_ALARMS,
  type Period,
  type Revenue,
  type Usage,
  type Wanted,
} from "../fleet-data.ts";
import { byCalendar, type ClockHour } from "../usage.ts";
import { chargerType, isEnding, siteOf, stateOf } from "./chargepoint-columns.ts";

/** Columns with times in the table `station`. */
const TIME_COLUMNS = new Set(["installDate", "activated_at", "modified_at", "listed_at"]);

/** Columns for SQL: the common ones, and those of `station`, whose `state` is `address_state` here. */
export const sqlColumns: readonly string[] = [
  ...COMMON_COLUMNS,
  ...Object.keys(tables.station.columns).map((name) => (name === "state" ? "address_state" : name)),
];

/** Reads the fleet from the session tables. @throws SessionDatabaseError */
export async function sqlFleet(
  database: SessionDatabase,
  { period, parts, now }: Wanted,
  signal?: AbortSignal,
): Promise<FleetData> {
  const reader = new SessionReader(database);
  const [rows, ports] = [await reader.all("station", signal), await reader.all("port", signal)];
  const portsOf = Map.groupBy(ports, ({ station_id }) => station_id);
  const sql = new FleetQueries(database, period, now, signal);
  const wanted = parts.has("utilisation") || parts.has("energy");
  return {
    stations: rows.map((row) => fleetStation(row, portsOf.get(row.station_id) ?? [])),
    timeColumns: TIME_COLUMNS,
    ...(wanted && { usage: { ports: await sql.portUsage(), ...byCalendar(await sql.hourUsage()) } }),
    ...(parts.has("energy") && { revenue: await sql.revenue() }),
    ...(parts.has("alarms") && { alarms: await sql.alarms() }),
    ...(parts.has("unseen") && { contacts: contacts(rows, await sql.lastSessions()) }),
    lacks: [],
  };
}

function fleetStation(row: RowOf<"station">, ports: readonly RowOf<"port">[]): FleetStation {
  const { state: address_state, ...fields } = row;
  return {
    id: row.station_id,
    name: row.name,
    activatedAt: row.activated_at === null ? undefined : new Date(row.activated_at),
    site: siteOf([row.address, row.postal_code, row.city]),
    ports: row.port_count ?? ports.length,
    fields: {
      ...fields,
      address_state,
      modelInfo: row.model,
      installDate: row.activated_at,
      type: chargerType(ports),
      state: stateOf(row.network_status, []),
    },
  };
}

/** Returns contacts: a station was last seen when its network reported it reachable, or at its last session. */
function contacts(rows: readonly RowOf<"station">[], last: ReadonlyMap<string, string>): Contact[] {
  return rows.map(({ station_id, network_status, listed_at }) => {
    const said = network_status?.toUpperCase();
    const network = said === "REACHABLE" ? "reachable" : said === "UNREACHABLE" ? "unreachable" : null;
    const times = [last.get(station_id), network === "reachable" ? listed_at : null].filter(
      (time) => time !== null && time !== undefined,
    );
    const lastSeen = times.length === 0 ? null : new Date(times.sort().at(-1)!);
    return { stationID: station_id, network, lastSeen };
  });
}

/** Queries that sum in the database. */
class FleetQueries {
  readonly #database: SessionDatabase;
  readonly #from: string;
  readonly #to: string;
  readonly #period: Period;
  readonly #now: Date;
  readonly #signal: AbortSignal | undefined;

  constructor(database: SessionDatabase, period: Period, now: Date, signal: AbortSignal | undefined) {
    this.#database = database;
    this.#from = wireTime(period.from);
    this.#to = wireTime(period.to);
    this.#period = period;
    this.#now = now;
    this.#signal = signal;
  }

  /** Returns the usage of all ports. Sessions count at their start; time in use counts within the period. */
  async portUsage(): Promise<Usage["ports"]> {
    const { greatest } = this.#database.dialect;
    const least = this.#database.dialect.name === "sqlite" ? "min" : "least";
    const [from, to, now] = [Date.parse(this.#from), Date.parse(this.#to), this.#now.getTime()].map((time) =>
      Math.floor(time / 1000),
    );
    const rows = await this.#read(
      `WITH used AS (
         SELECT station_id, port_number, started_at >= ? AS starts, energy_kwh, charging_seconds,
           ${greatest}(${this.#seconds("started_at")}, ${from}) AS since,
           ${least}(coalesce(${this.#seconds("ended_at")}, ${now}), ${to}) AS until
         FROM session WHERE started_at < ? AND (started_at >= ? OR ended_at > ? OR ended_at IS NULL)
       ), lined AS (
         SELECT used.*, ${greatest}(since, coalesce(max(until) OVER (
           PARTITION BY station_id, port_number ORDER BY since, until
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), since)) AS free_since
         FROM used
       ), summed AS (
         SELECT station_id, port_number, sum(CASE WHEN starts THEN 1 ELSE 0 END) AS sessions,
           sum(CASE WHEN starts THEN coalesce(energy_kwh, 0) ELSE 0 END) AS energy,
           sum(CASE WHEN starts THEN coalesce(charging_seconds, 0) ELSE 0 END) AS charging,
           sum(CASE WHEN until > free_since THEN until - free_since ELSE 0 END) AS in_use
         FROM lined GROUP BY station_id, port_number
       )
       SELECT station_id, port_number, sessions, energy, charging, in_use FROM summed
       UNION ALL
       SELECT station_id, port_number, 0, 0, 0, 0 FROM port WHERE NOT EXISTS (
         SELECT 1 FROM summed WHERE summed.station_id = port.station_id AND summed.port_number = port.port_number)
       ORDER BY 1, 2`,
      [this.#from, this.#to, this.#from, this.#from],
    );
    return rows.map(([station, port, sessions, energy, charging, inUse]) => ({
      stationID: String(station),
      port: port === null ? null : String(port),
      sessions: Number(sessions),
      energyKwh: kwh(energy),
      chargingSeconds: Number(charging),
      inUseSeconds: Number(inUse),
    }));
  }

  /** Returns the sessions by hours of local time. */
  async hourUsage(): Promise<ClockHour[]> {
    const local = `(${this.#seconds("started_at")} + ${this.#offset("started_at")})`;
    const hour = this.#database.dialect.name === "sqlite" ? `${local} / 3600` : `floor(${local} / 3600)`;
    const rows = await this.#read(
      `SELECT ${hour}, count(*), coalesce(sum(energy_kwh), 0), coalesce(sum(charging_seconds), 0)
       FROM session WHERE started_at >= ? AND started_at < ? GROUP BY 1 ORDER BY 1`,
      [this.#from, this.#to],
    );
    return rows.map(([localHour, sessions, energy, charging]) => ({
      localHour: Number(localHour),
      sessions: Number(sessions),
      energyKwh: kwh(energy),
      chargingSeconds: Number(charging),
    }));
  }

  /** Returns the payments of the period by currency, the largest first. */
  async revenue(): Promise<Revenue[]> {
    const money = (column: string) => this.#database.dialect.shown(`coalesce(sum(${column}), 0)`, "money");
    const rows = await this.#read(
      `SELECT currency, count(*), ${money("gross_amount")}, ${money("net_revenue_amount")}
       FROM payment WHERE reported_at >= ? AND reported_at < ? GROUP BY currency ORDER BY 3 DESC, 1`,
      [this.#from, this.#to],
    );
    return rows.map(([currency, payments, gross, net]) => ({
      currency: currency === null ? null : String(currency),
      payments: Number(payments),
      gross: amount(gross),
      net: amount(net),
    }));
  }

  async alarms(): Promise<Alarms> {
    const within = [this.#from, this.#to];
    const types = await this.#read(
      `SELECT type, count(*), count(DISTINCT station_id), ${this.#text("max(occurred_at)")}
       FROM alarm WHERE occurred_at >= ? AND occurred_at < ? GROUP BY type ORDER BY 2 DESC, 1`,
      within,
    );
    const newest = await this.#read(
      `SELECT ${this.#text("occurred_at")}, station_id, port_number, type FROM alarm
       WHERE occurred_at >= ? AND occurred_at < ?
       ORDER BY alarm.occurred_at DESC, station_id, type LIMIT ${NEWEST_ALARMS}`,
      within,
    );
    return {
      byType: types.map(([type, count, stations, latest]) => ({
        type: String(type),
        isEnding: isEnding(String(type)),
        count: Number(count),
        stations: Number(stations),
        latest: new Date(String(latest)),
      })),
      newest: newest.map(([at, stationID, port, type]) => ({
        at: new Date(String(at)),
        stationID: String(stationID),
        port: port === "" ? null : String(port),
        type: String(type),
      })),
    };
  }

  /** Returns the end (or start, if active) of each station's latest session. */
  async lastSessions(): Promise<Map<string, string>> {
    const rows = await this.#read(
      `SELECT station_id, ${this.#text("max(coalesce(ended_at, started_at))")} FROM session GROUP BY station_id`,
      [],
    );
    return new Map(rows.map(([station, last]) => [String(station), String(last)]));
  }

  #read(sql: string, values: readonly string[]) {
    return this.#database.read(sql, values, this.#signal);
  }

  #text(time: string): string {
    return this.#database.dialect.shown(time, "time");
  }

  /** Returns SQL for a time in seconds since 1970. */
  #seconds(time: string): string {
    return this.#database.dialect.name === "sqlite" ? `unixepoch(${time})` : `extract(epoch FROM ${time})`;
  }

  /** Returns SQL for what the clocks of the period's zone show, minus UTC, in seconds. */
  #offset(time: string): string {
    const { from, to, zone } = this.#period;
    const changes = zone.changes(from.getTime(), to.getTime());
    const seconds = (at: number) => String(Math.round(zone.offset(at) / 1000));
    const branches = changes.map((at, index) => {
      const before = index === 0 ? from.getTime() : changes[index - 1]!;
      return `WHEN ${time} < '${wireTime(new Date(at))}' THEN ${seconds(before)}`;
    });
    const last = seconds(changes.at(-1) ?? from.getTime());
    return branches.length === 0 ? last : `CASE ${branches.join(" ")} ELSE ${last} END`;
  }
}

/** Decimals of a kWh beyond any measurement; further ones are rounding errors of binary addition. */
const KWH_DECIMALS = 9;

/** Money without the rounding errors of binary addition. */
function amount(sum: unknown): number {
  return Number(Number(sum).toFixed(4));
}

function kwh(sum: unknown): number {
  return Number(Number(sum).toFixed(KWH_DECIMALS));
}
