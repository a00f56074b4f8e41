import type { ChargingSession, SessionIntervals, Station } from "../../drivers/chargepoint/api/index.ts";
import {
  countRows,
  NO_ROWS,
  type RowCounts,
  type SessionDatabase,
  type Statement,
} from "../database/contract.ts";
import { quoted } from "../database/dialect.ts";
import { columnsOf, type RowOf, type TableName } from "../database/tables.ts";
import { insert, insertMissing, type PartOf, upsert } from "./inserts.ts";
import {
  intervalRows,
  portRows,
  pricingRows,
  RefusedRecord,
  sessionRow,
  stationOfSession,
  stationRow,
  userOfSession,
} from "./rows.ts";

export interface StoreOptions {
  /** Whether data that identify the driver are stored. */
  readonly personalData: boolean;
}

/** Origin of a page of sessions, and which of their events to publish. */
export interface SessionsFrom {
  readonly account: string;
  /** Current time, `2026-11-21T08:00:00Z`. */
  readonly at: string;
  /** Publishes events of sessions that ended at or after this or are active; null: of none. */
  readonly announceSince: string | null;
}

/** Outcome of a page. */
export interface Stored extends RowCounts {
  /** Number of records that cannot be stored, by reason. */
  readonly refused: ReadonlyMap<string, number>;
}

/** Writes the tables. A bad record is skipped with its reason; the others of its page are stored. */
export class SessionStore {
  readonly #database: SessionDatabase;
  readonly #personalData: boolean;

  constructor(database: SessionDatabase, { personalData }: StoreOptions) {
    this.#database = database;
    this.#personalData = personalData;
  }

  /**
   * Stores a page of sessions. `then` returns further statements of the same transaction, such as the progress, which may use the outcome
   * of the sessions. An older response does not reopen an ended session.
   */
  async sessions(
    records: readonly ChargingSession[],
    { account, at, announceSince }: SessionsFrom,
    then: (refused: number) => readonly Statement[] = () => [],
  ): Promise<Stored> {
    const { rows, taken, refused } = convertRecords(records, sessionRow);
    const byID = new Map(
      rows.map((row) => {
        const ended = row.ended_at ?? null;
        const events = ended === null ? "started" : "started ended";
        const to_announce =
          announceSince !== null && (ended === null || ended >= announceSince) ? events : null;
        return [row.session_id!, { ...row, account, revision: 1, changed_at: at, to_announce }];
      }),
    );
    const sessions = this.#upsertSessions([...byID.values()]);
    const statements = [
      ...this.#mentioned(taken),
      ...(this.#personalData ? [this.#usersOf(taken)] : []),
      sessions,
      ...then(total(refused)),
    ];
    const answers = await this.#database.write(statements);
    const at_ = statements.indexOf(sessions);
    return { ...(sessions.rows.length > 0 ? countRows(sessions, answers[at_]!) : NO_ROWS), refused };
  }

  /** Stores stations with their ports and prices from getStations. */
  async stations(records: readonly Station[], at: string): Promise<ReadonlyMap<string, number>> {
    const { rows, taken, refused } = convertRecords(records, (record) => stationRow(record, at));
    const { dialect } = this.#database;
    const prices = taken.flatMap(pricingRows);
    await this.#database.write([
      this.#upsertAll("station", rows),
      this.#upsertAll(
        "port",
        unique(taken.flatMap(portRows), ({ station_id, port_number }) => `${station_id} ${port_number}`),
      ),
      { sql: "DELETE FROM pricing WHERE station_id = ?", rows: rows.map(({ station_id }) => [station_id]) },
      insertMissing(dialect, "pricing", names("pricing"), prices),
    ]);
    return refused;
  }

  /** Stores rows of a table, and the stations that they refer to. */
  async rows<N extends "payment" | "alarm" | "user">(
    table: N,
    rows: readonly PartOf<N>[],
    then: readonly Statement[] = [],
  ): Promise<void> {
    const stations = rows.flatMap((row) =>
      "station_id" in row ? { station_id: String(row.station_id) } : [],
    );
    await this.#database.write([
      insertMissing(
        this.#database.dialect,
        "station",
        ["station_id"],
        unique(stations, (row) => row.station_id),
      ),
      this.#upsertAll(table, rows),
      ...then,
    ]);
  }

  /** Replaces the quarter hours of a session. */
  async intervals(sessionID: string, answer: SessionIntervals | null, at: string): Promise<void> {
    const rows = answer ? intervalRows(sessionID, answer) : [];
    await this.#database.write([
      { sql: `DELETE FROM ${quoted("interval")} WHERE session_id = ?`, rows: [[sessionID]] },
      this.#upsertAll(
        "interval",
        unique(rows, (row) => row.started_at),
      ),
      { sql: "UPDATE session SET intervals_at = ? WHERE session_id = ?", rows: [[at, sessionID]] },
    ]);
  }

  /** Links each payment to its session by station, port and start. */
  async linkPayments(): Promise<void> {
    await this.#database.write([
      {
        sql: `UPDATE payment SET session_id = (
                SELECT min(session.session_id) FROM session
                WHERE session.station_id = payment.station_id AND session.port_number = payment.port_number
                  AND session.started_at = payment.started_at)
              WHERE session_id IS NULL AND started_at IS NOT NULL AND lower(type) = 'session'`,
        rows: [[]],
      },
    ]);
  }

  /** Updates the lifetime energy of all ports from their sessions; it never decreases. */
  async countEnergy(at: string, announce: boolean): Promise<void> {
    const { types, greatest, rounded } = this.#database.dialect;
    const since = `coalesce(sum(CASE WHEN s.started_at >= p.earlier_until THEN s.energy_kwh END), 0)`;
    const energy = `${greatest}(coalesce(sum(s.energy_kwh), 0), coalesce(max(p.earlier_kwh), 0) + ${since})`;
    await this.#database.write([
      {
        sql: `INSERT INTO port_energy (station_id, port_number, energy_kwh, session_count, changed_at, to_announce)
              SELECT s.station_id, s.port_number, ${rounded(energy)}, count(*),
                CAST(? AS ${types.time}), CAST(? AS ${types.boolean})
              FROM session s LEFT JOIN port_energy p
                ON p.station_id = s.station_id AND p.port_number = s.port_number
              WHERE s.port_number IS NOT NULL GROUP BY s.station_id, s.port_number
              ON CONFLICT (station_id, port_number) DO UPDATE SET
                energy_kwh = ${greatest}(excluded.energy_kwh, port_energy.energy_kwh),
                session_count = excluded.session_count,
                changed_at = excluded.changed_at,
                to_announce = port_energy.to_announce
                  OR (excluded.to_announce AND excluded.energy_kwh > port_energy.energy_kwh)
              WHERE excluded.energy_kwh > port_energy.energy_kwh
                OR excluded.session_count <> port_energy.session_count`,
        rows: [[at, announce]],
      },
    ]);
  }

  /** Returns statements that add missing stations and ports of sessions. */
  #mentioned(records: readonly ChargingSession[]): Statement[] {
    const { dialect } = this.#database;
    const stations = unique(records.map(stationOfSession), ({ station_id }) => station_id!);
    const ports = records.flatMap(({ stationID, portNumber }) =>
      stationID && portNumber ? { station_id: stationID, port_number: portNumber } : [],
    );
    return [
      insertMissing(
        dialect,
        "station",
        ["station_id", "name", "address", "city", "state", "country", "postal_code"],
        stations,
      ),
      insertMissing(
        dialect,
        "port",
        ["station_id", "port_number"],
        unique(ports, ({ station_id, port_number }) => `${station_id} ${port_number}`),
      ),
    ];
  }

  #usersOf(records: readonly ChargingSession[]): Statement {
    const users = records.flatMap((record) => userOfSession(record) ?? []);
    return upsert(
      this.#database.dialect,
      "user",
      ["user_id", "driver_name", "account_number"],
      unique(users, ({ user_id }) => user_id!),
    );
  }

  #upsertAll<N extends TableName>(table: N, rows: readonly PartOf<N>[]): Statement {
    const clean = this.#personalData ? rows : rows.map((row) => withoutPersonal(table, row));
    return upsert(this.#database.dialect, table, names(table), clean);
  }

  #upsertSessions(rows: readonly PartOf<"session">[]): Statement {
    const given = names("session").filter((name) => !OWN.has(name));
    const of = (side: "session" | "excluded") => given.map((name) => `${side}.${name}`).join(", ");
    const merged = given.map((name) => `coalesce(excluded.${name}, session.${name})`);
    const clean = this.#personalData ? rows : rows.map((row) => withoutPersonal("session", row));
    const columns = names("session").filter((name) => name !== "intervals_at");
    const statement = insert(
      this.#database.dialect,
      "session",
      columns,
      clean,
      `ON CONFLICT (session_id) DO UPDATE SET
         ${given.map((name, index) => `${name} = ${merged[index]}`).join(", ")},
         revision = session.revision + 1, changed_at = excluded.changed_at, intervals_at = NULL,
         to_announce = CASE
           WHEN excluded.to_announce IS NULL THEN session.to_announce
           WHEN session.ended_at IS NULL AND excluded.ended_at IS NOT NULL THEN
             CASE WHEN session.to_announce LIKE 'started%' THEN 'started ended' ELSE 'ended' END
           ELSE coalesce(session.to_announce, 'updated')
         END
       WHERE (${merged.join(", ")}) IS DISTINCT FROM (${of("session")})
         AND (session.ended_at IS NULL OR excluded.ended_at IS NOT NULL)
       RETURNING revision`,
    );
    return { ...statement, counted: true };
  }
}

/** Columns of a session that do not come from the network. */
const OWN: ReadonlySet<string> = new Set([
  "session_id",
  "account",
  "revision",
  "changed_at",
  "intervals_at",
  "to_announce",
]);

function names<N extends TableName>(table: N): (keyof RowOf<N> & string)[] {
  return columnsOf(table).map(([name]) => name as keyof RowOf<N> & string);
}

function withoutPersonal<N extends TableName>(table: N, row: PartOf<N>): PartOf<N> {
  const hidden = columnsOf(table).flatMap(([name, { personal }]) => (personal ? [[name, null]] : []));
  return { ...row, ...Object.fromEntries(hidden) };
}

/** Converts records to rows, and counts the others by reason. */
export function convertRecords<R, Row>(
  records: readonly R[],
  row: (record: R) => Row,
): { rows: Row[]; taken: R[]; refused: Map<string, number> } {
  const rows: Row[] = [];
  const taken: R[] = [];
  const refused = new Map<string, number>();
  for (const record of records) {
    try {
      rows.push(row(record));
      taken.push(record);
    } catch (error) {
      if (!(error instanceof RefusedRecord)) throw error;
      refused.set(error.message, (refused.get(error.message) ?? 0) + 1);
    }
  }
  return { rows, taken, refused };
}

export function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Returns the last row of each key: a statement cannot contain a key twice. */
function unique<T>(rows: readonly T[], key: (row: T) => string): T[] {
  return [...new Map(rows.map((row) => [key(row), row])).values()];
}
