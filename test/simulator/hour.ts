import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import type { Simulator, SteppedClock } from "../../src/simulator/index.ts";
import { call } from "./call.ts";

/** What somebody who watches a garage over the web services sees, at one moment. */
export interface HourRow {
  /** Minutes since the beginning. */
  readonly minute: number;
  /** What was asked of the station at this moment, before it was looked at. */
  readonly action: string | null;
  /** Of the station that is shed, kW. */
  readonly stationLoad: number;
  readonly percentShed: number;
  /** Of its sessions so far, kWh. */
  readonly energy: number;
  /** Of the whole garage, kW. */
  readonly garageLoad: number;
  readonly portsInUse: number;
}

const GARAGE = 20003;
const STATION = "1:100001";

/** By minute. The guide's own example (§5.1): percentages refer to what was drawn when the first was asked for. */
const PLAN: Readonly<Record<number, number | "clear">> = { 15: 30, 30: 50, 45: "clear" };

/**
 * An hour at a garage, every five minutes: a station gives two vehicles 5 kW each, is shed by 30 %, then by 50 %, then
 * freed, while around it vehicles come and go.
 */
export async function* hourAtAGarage(simulator: Simulator, clock: SteppedClock): AsyncGenerator<HourRow> {
  const { world } = simulator;
  for (const port of ["1", "2"]) {
    world.unplug(STATION, port);
    world.plugIn(STATION, port, { kw: 5, needKwh: 40 });
  }
  for (let minute = 0; minute <= 60; minute += 5) {
    if (minute > 0) clock.advance(300);
    const step = PLAN[minute];
    if (step !== undefined) await ask(simulator, step);
    const garage = await call(simulator, operations.getLoad, { searchQuery: { sgID: GARAGE } });
    const sessions = await call(simulator, operations.getChargingSessionData, {
      searchQuery: { stationID: STATION, activeSessionsOnly: true },
    });
    const station = garage.stationData.find(({ stationID }) => stationID === STATION)!;
    yield {
      minute,
      action: step === undefined ? null : step === "clear" ? "clear" : `shed ${step} %`,
      stationLoad: station.stationLoad!,
      percentShed: station.Port[0]!.percentShed!,
      energy: sessions.ChargingSessionData.reduce((sum, { Energy }) => sum + Energy!, 0),
      garageLoad: Number(garage.sgLoad),
      portsInUse: garage.stationData.flatMap(({ Port }) => Port).filter(({ sessionID }) => sessionID !== "0")
        .length,
    };
  }
}

async function ask(simulator: Simulator, step: number | "clear"): Promise<void> {
  const shedStation = { stationID: STATION };
  const { responseCode, responseText } =
    step === "clear"
      ? await call(simulator, operations.clearShedState, { shedQuery: { shedStation } })
      : await call(simulator, operations.shedLoad, {
          shedQuery: { shedStation: { ...shedStation, percentShedPerStation: step }, timeInterval: 0 },
        });
  if (responseCode !== "100") throw new Error(`${responseCode}: ${responseText}`);
}
