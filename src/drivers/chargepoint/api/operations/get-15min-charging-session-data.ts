import { boolean, dateTime, double, group, list, long, operation, result, string } from "../message.ts";

/** A charging session by quarter hours (guide §6.2). */
export const get15minChargingSessionData = operation({
  name: "get15minChargingSessionData",
  doc: "Energy and power of one charging session by quarter hours",
  restrictions: "Enterprise plan",
  section: "6.2",
  effect: "read",
  sequence: true,
  request: {
    sessionID: long("As getChargingSessionData gave it", { required: true }),
    energyConsumedInterval: boolean("true: energy of each interval; false: energy so far. Default false"),
  },
  response: {
    ...result,
    sessionID: long("Globally unique session identifier"),
    stationID: string("CPNID:StationIdentifier"),
    portNumber: string("Text: ports can be 1A"),
    fifteenminData: list(
      group({
        stationTime: dateTime("Start of the interval; the first begins with the session"),
        energyConsumed: double("Energy of the interval, or so far, kWh"),
        peakPower: double("Largest power in the interval, kW"),
        rollingPowerAvg: double("Mean power in the interval, kW"),
      }),
    ),
  },
});
