import type { PointValue, PortEnergy } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import { inSlices } from "../../time/in-slices.ts";
import type { Rows, SessionDatabase } from "../database/contract.ts";
import { wireTime } from "../database/times.ts";
import { SessionReader } from "../query/reader.ts";
import { insertMissing } from "./inserts.ts";
import { SessionStore } from "./store.ts";

/** What is kept of a port beside the database. */
interface SavedEnergy {
  readonly energyKwh: number;
  readonly at: string;
  /** Energy of the sessions that started before `until`; the sum of the others is the rest. */
  readonly earlierKwh: number;
  readonly until: string;
}

const isTime = (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const isSaved = recordOf<SavedEnergy>({
  energyKwh: "number",
  at: isTime,
  earlierKwh: "number",
  until: isTime,
});

export interface LifetimeEnergyOptions {
  readonly database: SessionDatabase;
  /** Survives the loss of the database. */
  readonly state: Pick<StateNamespace, "records" | "setAll">;
  /** Called with the energy of each port when it is first known, and when it has changed. */
  readonly onEnergy: (energy: PortEnergy) => void;
}

/** Number of ports saved in one transaction. */
const SAVED_AT_ONCE = 500;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The lifetime energy of the ports. It is counted in the tables, and kept beside them before it is published: where the database is
 * lost, or an older copy of it is put back, each port goes on from its last energy, with the sessions since then.
 */
export class LifetimeEnergy {
  readonly #options: LifetimeEnergyOptions;
  readonly #saved: Map<string, SavedEnergy>;
  /** By station and port. */
  readonly #known = new Map<string, Map<string, PortEnergy>>();

  constructor(options: LifetimeEnergyOptions) {
    this.#options = options;
    this.#saved = new Map(options.state.records(isSaved));
  }

  /** Returns that of a station's ports, as far as it is known. */
  of(stationID: string | undefined): Iterable<PortEnergy> {
    return this.#known.get(stationID ?? "")?.values() ?? [];
  }

  /** Takes over what is kept where the tables have less. Returns whether any did. */
  async restore(): Promise<boolean> {
    const { database } = this.#options;
    const { types } = database.dialect;
    const ports = [...this.#saved].map(([key, saved]) => {
      const [station_id = "", port_number = ""] = JSON.parse(key) as string[];
      return { station_id, port_number, ...saved };
    });
    const stations = [...new Set(ports.map(({ station_id }) => station_id))];
    const answers = await database.write([
      insertMissing(
        database.dialect,
        "station",
        ["station_id"],
        stations.map((station_id) => ({ station_id })),
      ),
      insertMissing(database.dialect, "port", ["station_id", "port_number"], ports),
      {
        sql: `INSERT INTO port_energy (station_id, port_number, energy_kwh, session_count, changed_at, to_announce,
                earlier_kwh, earlier_until)
              VALUES (?, ?, CAST(? AS ${types.number}), 0, CAST(? AS ${types.time}), CAST(? AS ${types.boolean}),
                CAST(? AS ${types.number}), CAST(? AS ${types.time}))
              ON CONFLICT (station_id, port_number) DO UPDATE SET
                energy_kwh = excluded.energy_kwh, changed_at = excluded.changed_at,
                to_announce = excluded.to_announce, earlier_kwh = excluded.earlier_kwh,
                earlier_until = excluded.earlier_until
              WHERE excluded.energy_kwh > port_energy.energy_kwh
              RETURNING station_id`,
        rows: ports.map(({ station_id, port_number, energyKwh, at, earlierKwh, until }) => [
          ...[station_id, port_number, energyKwh, at, true, earlierKwh, until],
        ]),
      },
    ]);
    return answers[2]!.length > 0;
  }

  /** Returns the start of the first session that the tables need for going on after a loss, if there was one. */
  async neededFrom(): Promise<string | undefined> {
    const { database } = this.#options;
    const earliest = database.dialect.shown("min(earlier_until)", "time");
    const [row] = await database.read(`SELECT ${earliest} FROM port_energy`);
    return row?.[0] === null || row === undefined ? undefined : String(row[0]);
  }

  /** Counts the sessions in the tables, which are those of these accounts, keeps the energy, and reports what is new. */
  async count(now: number, accounts: ReadonlySet<string>): Promise<void> {
    await new SessionStore(this.#options.database, { personalData: false }).countEnergy(
      wireTime(new Date(now)),
      true,
    );
    await this.#note(accounts);
  }

  /** What is kept must fit the tables: call it after they were counted. */
  async #note(accounts: ReadonlySet<string>): Promise<void> {
    const { database } = this.#options;
    const { shown, rounded, types } = database.dialect;
    const runs = (await new SessionReader(database).all("sync_run")).filter(
      ({ account, kind }) => kind === "continuous" && accounts.has(account),
    );
    // How far every account was read: a read that takes long, or fails, leaves the tables behind the present.
    const readTo = Math.min(...runs.map(({ sessions_to }) => Date.parse(sessions_to)));
    // Sessions that may still change, or become known: those under way, and those that started from an hour before that on.
    const rows = await database.read(
      `SELECT e.station_id, e.port_number, e.energy_kwh, e.session_count, ${shown("e.changed_at", "time")},
         ${rounded("e.energy_kwh - coalesce(sum(s.energy_kwh), 0)")}, ${shown("e.until", "time")}
       FROM (
         SELECT port_energy.station_id, port_number, energy_kwh, session_count, changed_at,
           CASE WHEN began < last.hour THEN began ELSE last.hour END AS until
         FROM port_energy
         CROSS JOIN (SELECT CAST(? AS ${types.time}) AS hour) last
         LEFT JOIN (
           SELECT station_id AS station, port_number AS port, min(started_at) AS began
           FROM session WHERE ended_at IS NULL GROUP BY station_id, port_number
         ) active ON active.station = station_id AND active.port = port_number
       ) e
       LEFT JOIN session s
         ON s.station_id = e.station_id AND s.port_number = e.port_number AND s.started_at >= e.until
       GROUP BY e.station_id, e.port_number, e.energy_kwh, e.session_count, e.changed_at, e.until`,
      [wireTime(new Date(runs.length === 0 ? 0 : readTo - HOUR_MS))],
    );
    // Of a large fleet it is long work, on the thread of the scrapes.
    if (runs.length > 0) await inSlices(this.#save(rows));
    await inSlices(this.#report(rows));
  }

  *#save(rows: Rows): Generator<void, void> {
    const { state } = this.#options;
    for (let at = 0; at < rows.length; at += SAVED_AT_ONCE) {
      const changes: [key: string, saved: PointValue][] = [];
      for (const [station, port, energy, , changedAt, earlier, until] of rows.slice(at, at + SAVED_AT_ONCE)) {
        const key = JSON.stringify([station, port]);
        const saved: SavedEnergy = {
          ...{ energyKwh: Number(energy), at: String(changedAt) },
          ...{ earlierKwh: Number(earlier), until: String(until) },
        };
        const before = this.#saved.get(key);
        // The sum is the same, however long ago it was taken; but the longer ago, the more is to be read after a loss.
        const isOld = before && Date.parse(saved.until) - Date.parse(before.until) > DAY_MS;
        if (before?.energyKwh === saved.energyKwh && !isOld) continue;
        this.#saved.set(key, saved);
        changes.push([key, { ...saved }]);
      }
      if (changes.length > 0) state.setAll(changes);
      yield;
    }
  }

  *#report(rows: Rows): Generator<void, void> {
    for (const [station, portNumber, energy, count, changedAt] of rows) {
      const [stationID, port] = [String(station), String(portNumber)];
      const ports = this.#known.get(stationID) ?? new Map<string, PortEnergy>();
      const before = ports.get(port);
      if (before?.energyKwh === energy && before?.sessions === count) continue;
      const known = {
        ...{ stationID, port, energyKwh: Number(energy), sessions: Number(count) },
        at: String(changedAt),
      };
      this.#known.set(stationID, ports.set(port, known));
      this.#options.onEnergy(known);
      yield;
    }
  }
}
