import { Account } from "../../../src/drivers/chargepoint/account/account.ts";
import { ChargePointClient } from "../../../src/drivers/chargepoint/api/client.ts";
import { NominalPower } from "../../../src/drivers/chargepoint/control/nominal-power.ts";
import { OwnLimits } from "../../../src/drivers/chargepoint/control/own-limits.ts";
import { ShedControl } from "../../../src/drivers/chargepoint/control/shed.ts";
import { ShedCalls } from "../../../src/drivers/chargepoint/control/shed-calls.ts";
import { Station, type StationInit } from "../../../src/drivers/chargepoint/station.ts";
import type { DriverState } from "../../../src/drivers/driver.ts";
import { createLog } from "../../../src/log/log.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../../src/simulator/index.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { hurried } from "../../helpers/hurried.ts";
import { outagesAsLines } from "../../helpers/outages.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Starting Value,Writable\n";
const REGISTRY = `${HEADER}load_1,portLoad,LoadRegister,1,float,,
load_2,portLoad,LoadRegister,2,float,,
limit,allowedLoad,LoadRegister,,float,,TRUE
limit_1,allowedLoad,LoadRegister,1,float,,TRUE
status_1,Status,StationStatusRegister,1,string,,
alarm,alarmType,AlarmRegister,,string,,
session_1,sessionID,ChargingSessionRegister,1,string,,
`;

export const LOAD_POINTS = ["load_1", "load_2", "limit", "limit_1"];

/** A call's deadline, far below the 20 s of a bridge. */
export const DEADLINE_MS = 500;

type Paces = Pick<StationInit, "maxAgeSeconds" | "nameplateSeconds">;

export interface TroubleRig {
  readonly simulator: Simulator;
  readonly clock: SteppedClock;
  readonly station: Station;
  /** A station of the same account; the rig's own is the first. */
  stationAt(index: number): Station;
  /** The first station with other rows. */
  stationOf(rows: string, paces?: Partial<Paces>): Station;
  readonly notices: string[];
  /** Moves the account's clock. */
  wait(seconds: number): void;
  /** Operations called since the last question. */
  called(): string[];
  close(): Promise<void>;
}

/**
 * The real driver on a simulated network, with a short deadline, and a clock of the account's that a test moves. Two
 * vehicles charge at the first station, with 6 kW and 3 kW. `patienceMs`: how long a scrape waits for a walk over the
 * account.
 */
export async function openTroubleRig(
  stations = 3,
  deadlineMs = DEADLINE_MS,
  patienceMs?: number,
): Promise<TroubleRig> {
  const clock = new SteppedClock();
  const simulator = await startSimulator({ stations, traffic: false, incidents: false, clock });
  const { endpoint, username, password, stationIDs } = simulator;
  // Without groups every station's load is asked for by its own name, as the trouble here means it.
  for (const operation of ["getOrgsAndStationGroups", "getStationGroups"]) {
    simulator.trouble.begin({ operation, effect: { kind: "code", code: "101" } });
  }
  simulator.world.plugIn(stationIDs[0]!, "1", { kw: 6 });
  simulator.world.plugIn(stationIDs[0]!, "2", { kw: 3 });
  const notices: string[] = [];
  const notice = (severity: string, kind: string, text: string): void => {
    notices.push(`${severity} ${kind}: ${text}`);
  };
  const log = createLog({ level: "silent" });
  // As Accounts makes them, but for the deadline and the clocks.
  // Pauses between attempts are no part of what is tested here.
  const client = new ChargePointClient({
    clock: hurried(),
    endpoint,
    username,
    password,
    retries: 1,
    deadlineMs,
    log,
  });
  const state = new Map<string, PointValue>();
  const store: DriverState = {
    get: (key) => state.get(key) ?? null,
    set: (key, value) => void state.set(key, value),
  };
  let waited = 0;
  const { after } = systemClock;
  const account = new Account({
    label: "me",
    client,
    log,
    notice,
    outages: outagesAsLines(notices),
    clock: {
      now: () => clock.now(),
      monotonic: () => performance.now() + waited * 1000,
      after: (ms, callback) => after(patienceMs ?? ms, callback),
    },
    state: store,
    stateKey: "me",
    callsInFlight: 8,
    callsPerMinute: 6000,
  });
  const station = (index: number, registry: string, paces: Partial<Paces> = {}): Station => {
    const { rows } = parseRegistry(Buffer.from(registry), "test.csv");
    const stationID = stationIDs[index]!;
    const own = new OwnLimits();
    const shed = new ShedControl(new ShedCalls(account, stationID), own, {
      leaseMinutes: 60,
      onModeChange: "clear_first",
      onPortClear: "restore_others",
      onIdlePort: "warn",
    });
    return new Station({
      path: `site/s${index}`,
      file: `configs/devices/s${index}.json`,
      rows,
      stationID,
      account,
      shed,
      own,
      power: new NominalPower(account, stationID),
      leaseMinutes: 60,
      maxAgeSeconds: 0,
      intervalSeconds: 60,
      nameplateSeconds: 0,
      ...paces,
      log,
    });
  };
  const stationAt = (index: number): Station => station(index, REGISTRY);
  let seen = 0;
  return {
    simulator,
    clock,
    station: stationAt(0),
    stationAt,
    stationOf: (rows, paces) => station(0, `${HEADER}${rows}\n`, paces),
    notices,
    wait(seconds) {
      waited += seconds;
    },
    called() {
      const names = simulator.calls.slice(seen).map((call) => call.operation);
      seen = simulator.calls.length;
      return names;
    },
    async close() {
      await account.close();
      await simulator.close();
    },
  };
}
