import { ServiceError } from "../../../errors.ts";
import { ApiError } from "../../api/errors.ts";

/** Codes of guide §3 for a stationID that cannot be one: only a change of the config mends it. */
const INVALID_STATION: ReadonlySet<string> = new Set(["119", "152"]);

export function isInvalidStation(error: unknown): error is ApiError {
  return error instanceof ApiError && INVALID_STATION.has(error.code);
}

/** Whether the service does not know the station: no such station (103), or no valid stationID. */
export function isUnknownStation(error: unknown): error is ApiError {
  return isInvalidStation(error) || (error instanceof ApiError && error.code === "103");
}

/** The service does not know the station of a device. */
export class UnknownStationError extends ServiceError {
  override readonly name = "UnknownStationError";

  constructor(cause: ApiError, stationID: string, file: string | undefined) {
    const place = file === undefined ? "" : ` of ${file}`;
    const text = `stationID "${stationID}"${place}; correct it there, or have the account granted rights to the station`;
    super(`${cause.message}: ${text}`, cause.code, false, { cause });
  }
}

/** The answer does not hold the station that was asked for; another station's is never taken for it. */
export class StationMissingError extends Error {
  override readonly name = "StationMissingError";

  constructor(operation: string, stationID: string, others: readonly (string | null)[] = []) {
    const found =
      others.length > 0
        ? `the answer is for ${others.slice(0, 3).join(", ")}`
        : "the account sees no such station";
    super(`${operation} has no station ${stationID}: ${found}; check stationID and the account's rights`);
  }
}

/** The station's record, by its identifier and never by its place. */
export function pick<R extends { stationID: string | null }>(
  operation: string,
  stationID: string,
  records: readonly R[],
): R {
  const record = records.find((candidate) => candidate.stationID === stationID);
  if (record) return record;
  const others = records.map((candidate) => candidate.stationID);
  throw new StationMissingError(operation, stationID, others);
}

/** The station's records among those of an answer, which has none or some; only others' answer something else. */
export function own<R extends { stationID: string | null }>(
  operation: string,
  stationID: string,
  records: readonly R[],
): R[] {
  const found = records.filter((record) => record.stationID === stationID);
  if (found.length === 0 && records.length > 0) pick(operation, stationID, records);
  return found;
}
