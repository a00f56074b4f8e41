import { readFileSync } from "node:fs";
import { chargepoint } from "../../src/drivers/chargepoint/index.ts";
import type { Sample, TopicMeta } from "../../src/historian/contract.ts";
import { createLog } from "../../src/log/log.ts";
import type { PointValue } from "../../src/points/index.ts";
import { parseRegistry } from "../../src/registry/index.ts";
import { SteppedClock, startSimulator, type World } from "../../src/simulator/index.ts";
import type { Session } from "../../src/simulator/world/sessions/session.ts";
import type { Port, Station } from "../../src/simulator/world/stations/station.ts";
import { outagesTo } from "../../test/helpers/outages.ts";

export const MINUTE = 60_000_000;
export const MINUTES_A_DAY = 1440;
/** A Sunday. In microseconds since 1970 UTC. */
export const START = Date.UTC(2025, 10, 2) * 1000;
const REGISTRY = "registry/chargepoint.csv";
const STATIONS = 6;
/** Largest delay of a scrape, in whole milliseconds as the times of scrapes are. */
const JITTER_MS = 400;
/** Share of a load by which it varies from minute to minute. */
const NOISE = 0.01;
/** Interval of a station's reports, in milliseconds. */
const REPORT_MS = 900_000;

interface Column {
  readonly topic: string;
  readonly meta: TopicMeta;
  value: PointValue;
}

interface Scraped {
  readonly station: Station;
  readonly columns: readonly Column[];
  readonly byPoint: ReadonlyMap<string, Column>;
  /** The sessions whose values the columns have, by port. */
  readonly sessions: Map<string, Session | null>;
}

/**
 * Six stations of the simulator with two ports each, as a bridge would store them every minute. All points of the registry are scraped
 * once, by the driver; afterwards those that change are taken from the simulated world itself, rounded as on the wire. Only the loads
 * are not: those of the simulator are constant for as long as a vehicle accepts all of it, so that they get 1 % of noise. Always the same.
 */
export class Garage {
  readonly #clock: SteppedClock;
  readonly #world: World;
  readonly #stations: readonly Scraped[];
  #seed = 1;
  #minute = 0;
  #charging = 0;

  private constructor(clock: SteppedClock, world: World, stations: readonly Scraped[]) {
    this.#clock = clock;
    this.#world = world;
    this.#stations = stations;
  }

  /** `wanted`: which points are stored. */
  static async open(wanted: (point: string) => boolean = () => true): Promise<Garage> {
    const clock = new SteppedClock(START / 1000);
    const simulator = await startSimulator({ stations: STATIONS, seed: 1, clock });
    const log = createLog({ level: "warn" });
    const state = { get: () => null, set: () => undefined };
    const service = chargepoint.open({
      log,
      state,
      notice: (_severity, kind, text) => log.warn(text, { kind }),
      outages: outagesTo(({ kind, text }) => log.warn(text, { kind })),
    });
    try {
      const { rows } = parseRegistry(readFileSync(REGISTRY), REGISTRY);
      const { endpoint, username, password, stationIDs, world } = simulator;
      const options = {
        region: "NA",
        cacheExpiration: 0,
        shed_lease_minutes: 60,
        shed_mode_change: "reject",
      };
      const stations = stationIDs.map(async (stationID, index): Promise<Scraped> => {
        const path = `campus/garage/station-${index + 1}`;
        const config = { ...options, endpoint, username, password, stationID };
        const device = service.createDevice({ path, config: config as never, rows, intervalSeconds: 60 });
        const { values, failures } = await device.scrapeAll(AbortSignal.timeout(30_000));
        if (failures.size > 0) throw new Error(`${path}: ${[...failures.keys()].join(", ")} cannot be read`);
        const all = rows.map(({ point }): [string, Column] => {
          const meta = { units: point.units, type: point.type, tz: "America/Los_Angeles" };
          return [
            point.name,
            { topic: `${path}/${point.name}`, meta, value: values.get(point.name) ?? null },
          ];
        });
        return {
          station: world.findStation(stationID)!,
          columns: all.filter(([point]) => wanted(point)).map(([, column]) => column),
          byPoint: new Map(all),
          sessions: new Map(),
        };
      });
      return new Garage(clock, world, await Promise.all(stations));
    } finally {
      await service.close();
      await simulator.close();
    }
  }

  get topics(): string[] {
    return this.#stations.flatMap(({ columns }) => columns.map(({ topic }) => topic));
  }

  /** Share of the ports that were charging so far. */
  get charging(): number {
    return this.#charging / (this.#minute * STATIONS * 2);
  }

  /** Returns the samples of the next minutes, scrape by scrape. */
  take(minutes: number): Sample[] {
    const samples: Sample[] = [];
    for (let count = 0; count < minutes; count++) {
      const at = START + this.#minute++ * MINUTE;
      const { now } = this.#world.catchUp();
      for (const [index, scraped] of this.#stations.entries()) {
        this.#update(scraped, now);
        const time = at + index * 20_000 + Math.floor(this.#random() * JITTER_MS) * 1000;
        for (const { topic, meta, value } of scraped.columns) samples.push({ topic, time, value, meta });
      }
      this.#clock.advance(60);
    }
    return samples;
  }

  #update(scraped: Scraped, now: number): void {
    const { station, byPoint } = scraped;
    const set = (point: string, value: PointValue) => {
      byPoint.get(point)!.value = value;
    };
    const reachable = station.unreachableSince === null;
    const reported = timeText(station.unreachableSince ?? Math.floor(now / REPORT_MS) * REPORT_MS);
    for (const point of ["reachability", "networkStatus"])
      set(point, reachable ? "REACHABLE" : "UNREACHABLE");
    let load = 0;
    for (const port of station.ports) {
      const kw = rounded((port.session?.kwAt(now) ?? 0) * (1 + NOISE * (2 * this.#random() - 1)), 3);
      load += kw;
      if (kw > 0) this.#charging++;
      set(`portLoad_${port.number}`, kw);
      set(`StatusTimeStamp_${port.number}`, reported);
      set(`Status_${port.number}`, statusOf(station, port));
      set(`faultReason_${port.number}`, port.fault ?? "NONE");
      this.#updateSession(scraped, port, now, set);
    }
    const free = station.ports.map(({ session }) => session === null);
    set("anyPortFree", free.includes(true));
    set("allPortsFree", !free.includes(false));
    set("stationLoad", rounded(load, 3));
    // The world keeps alarms in the order of time.
    const alarm = this.#world.alarms.findLast(({ stationID }) => stationID === station.id);
    const end = alarm?.portNumber ? `_${alarm.portNumber}` : "";
    if (!alarm || byPoint.get(`alarmTime${end}`)?.value === timeText(alarm.at)) return;
    set(`alarmType${end}`, alarm.type);
    set(`alarmTime${end}`, timeText(alarm.at));
  }

  #updateSession(
    { station, sessions }: Scraped,
    { number, session }: Port,
    now: number,
    set: (point: string, value: PointValue) => void,
  ): void {
    const shown = session ?? sessions.get(number);
    const battery = session && station.tellsBattery ? rounded(session.batteryPercentAt(now), 1) : null;
    set(`lastBatteryPercent_${number}`, battery);
    if (sessions.get(number) !== session) {
      const driver = session && this.#world.driverOf(session);
      set(`loadSessionID_${number}`, session ? String(session.id) : "0");
      set(`loadUserID_${number}`, driver?.userID ?? null);
      set(`loadCredentialID_${number}`, driver?.credentialID ?? null);
      if (session && driver) {
        const values: Record<string, PointValue> = {
          sessionID: String(session.id),
          startTime: timeText(session.startedAt),
          endTime: null,
          endedBy: null,
          userID: driver.userID,
          credentialID: driver.credentialID,
          rfidSerialNumber: driver.rfidSerialNumber,
          driverAccountNumber: driver.accountNumber,
          vehicleMake: driver.vehicle.make,
          vehicleModel: driver.vehicle.model,
          vehicleModelYear: String(driver.vehicleModelYear),
          vehiclePortMAC: driver.vehiclePortMAC,
          vehicleID: driver.vehicleID,
        };
        for (const [name, value] of Object.entries(values)) set(`session_${name}_${number}`, value);
      } else if (shown?.endedAt) {
        set(`session_endTime_${number}`, timeText(shown.endedAt));
        set(`session_endedBy_${number}`, shown.endedBy);
      }
    }
    if (session) sessions.set(number, session);
    if (!shown) return;
    set(`session_Energy_${number}`, rounded(shown.kwhAt(now), 6));
    set(`session_totalChargingDuration_${number}`, duration(shown.chargingMsAt(now)));
    set(`session_totalSessionDuration_${number}`, duration(shown.durationMsAt(now)));
  }

  /** Numerical Recipes' generator. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

function statusOf({ unreachableSince }: Station, { fault, session }: Port): string {
  if (unreachableSince !== null) return "UNREACHABLE";
  if (fault !== null) return "UNAVAILABLE";
  return session === null ? "AVAILABLE" : "INUSE";
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function duration(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
