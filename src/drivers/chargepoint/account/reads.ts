import type { ChargePointClient } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { getAlarms } from "../api/operations/get-alarms.ts";
import { getChargingSessionData } from "../api/operations/get-charging-session-data.ts";
import { getLoad } from "../api/operations/get-load.ts";
import { getStationRights } from "../api/operations/get-station-rights.ts";
import { getStationStatus } from "../api/operations/get-station-status.ts";
import { getStations } from "../api/operations/get-stations.ts";
import { pages, type QueryOf } from "../api/paging.ts";
import type { Answers } from "./answers.ts";

/** The answer does not hold the station that was asked for; another station's is never taken for it. */
export class StationMissingError extends Error {
  override readonly name = "StationMissingError";

  constructor(operation: string, stationID: string, others: readonly (string | null)[]) {
    const found =
      others.length > 0
        ? `the answer is for ${others.slice(0, 3).join(", ")}`
        : "the account sees no such station";
    super(`${operation} has no station ${stationID}: ${found}; check stationID and the account's rights`);
  }
}

export interface ReadContext {
  readonly client: ChargePointClient;
  readonly stationID: string;
  readonly signal: AbortSignal;
  /** Ask getStationStatus for Connector and Power too (§7.2.2). */
  readonly portDetails: boolean;
  /** `fromTimeStamp` of the station's session window. */
  sessionsFrom(): string;
}

type Reads = { readonly [K in keyof Answers]: (context: ReadContext) => Promise<Answers[K]> };

/** One call per station and operation. Fleet reads replace what stands behind these names, not the names. */
export const reads: Reads = {
  async station({ client, stationID, signal }) {
    const answer = await client.call(getStations, { searchQuery: { stationID } }, { signal });
    return pick(getStations.name, stationID, answer.stationData);
  },

  async status({ client, stationID, signal, portDetails }) {
    const query = { stationID, ...(portDetails ? { portDetails } : {}) };
    const answer = await client.call(getStationStatus, { searchQuery: query }, { signal });
    return pick(getStationStatus.name, stationID, answer.stationData);
  },

  async load({ client, stationID, signal }) {
    const answer = await client.call(getLoad, { searchQuery: { stationID } }, { signal });
    return pick(getLoad.name, stationID, answer.stationData);
  },

  async alarms({ client, stationID, signal }) {
    const alarms = await collect(pages(client, getAlarms, { stationID }, { signal }));
    return own(getAlarms.name, stationID, alarms);
  },

  async rights({ client, stationID, signal }) {
    const rights = await collect(pages(client, getStationRights, { stationID }, { signal }));
    own(
      getStationRights.name,
      stationID,
      rights.flatMap((group) => group.stationData),
    );
    const ofStation = rights.map((group) => ({
      ...group,
      stationData: group.stationData.filter((station) => station.stationID === stationID),
    }));
    return ofStation.filter((group) => group.stationData.length > 0);
  },

  /** Two calls: the service gives final sessions, or with activeSessionsOnly those under way, never both (§6.1.2). */
  async sessions({ client, stationID, signal, sessionsFrom }) {
    const read = (query: QueryOf<typeof getChargingSessionData>) =>
      collect(pages(client, getChargingSessionData, { stationID, ...query }, { signal }));
    const [ended, active] = await Promise.all([
      read({ fromTimeStamp: sessionsFrom() }),
      read({ activeSessionsOnly: true }),
    ]);
    return own(getChargingSessionData.name, stationID, [...ended, ...active]);
  },
};

function pick<R extends { stationID: string | null }>(
  operation: string,
  stationID: string,
  records: readonly R[],
): R {
  const record = records.find((candidate) => candidate.stationID === stationID);
  if (record) return record;
  throw new StationMissingError(
    operation,
    stationID,
    records.map((candidate) => candidate.stationID),
  );
}

/** The station's records among those of an answer, which has none or some of its own; only others' answer something else. */
function own<R extends { stationID: string | null }>(
  operation: string,
  stationID: string,
  records: readonly R[],
): R[] {
  const found = records.filter((record) => record.stationID === stationID);
  if (found.length === 0 && records.length > 0) pick(operation, stationID, records);
  return found;
}

async function collect<R>(records: AsyncIterable<R>): Promise<R[]> {
  const all: R[] = [];
  for await (const record of records) all.push(record);
  return all;
}

/** Codes by which the service says that the plan or the rights do not allow a call: said once, the rest goes on. */
export function isForbidden(error: unknown): error is ApiError {
  return error instanceof ApiError && error.kind === "forbidden";
}
