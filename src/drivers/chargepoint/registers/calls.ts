import type { AnswerKind } from "../account/answers.ts";

/** The call by which one kind of answer is read. */
export interface AnswerCall {
  readonly operation: string;
  /** Calls for one station, and how often, at the settings' defaults. */
  readonly price: string;
  /** What else those calls read. */
  readonly shared: string;
}

/** The calls by kind of answer. `planning/plan.ts` computes their number for given devices. */
export const CALLS = {
  station: { operation: "getStations", price: "1 call an hour", shared: "for up to 500 stations" },
  status: { operation: "getStationStatus", price: "1 call a scrape", shared: "for up to 500 stations" },
  load: {
    operation: "getLoad",
    price: "1 call a scrape",
    shared: "for each station group, or for each station outside of groups",
  },
  alarms: { operation: "getAlarms", price: "1 call a scrape", shared: "for all stations" },
  rights: { operation: "getStationRights", price: "1 call an hour", shared: "for up to 100 stations" },
  sessions: {
    operation: "getChargingSessionData",
    price: "2 calls every 5 minutes",
    shared: "for all stations",
  },
  publicStation: { operation: "getPublicStations", price: "1 call an hour", shared: "for each station" },
  publicStatus: {
    operation: "getPublicStationStatus",
    price: "1 call a scrape",
    shared: "for up to 500 stations",
  },
} as const satisfies Readonly<Record<AnswerKind, AnswerCall>>;
