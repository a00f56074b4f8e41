import { ServiceError } from "../../../errors.ts";
import { ApiError } from "../../api/errors.ts";

/** Codes of guide §3 for an invalid stationID: only a change of the config can fix it. */
const INVALID_STATION: ReadonlySet<string> = new Set(["119", "152"]);

export function isInvalidStation(error: unknown): error is ApiError {
  return error instanceof ApiError && INVALID_STATION.has(error.code);
}

/** Returns whether the service does not know the station: no such station (103), or an invalid stationID. */
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

/** The requested station is missing from the answer; a record of another station is never used instead. */
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

/** Returns the station's record, found by its identifier and never by its position. */
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

/** Returns the station's records in an answer; throws where the answer has only records of other stations. */
export function own<R extends { stationID: string | null }>(
  operation: string,
  stationID: string,
  records: readonly R[],
): R[] {
  const found = records.filter((record) => record.stationID === stationID);
  if (found.length === 0 && records.length > 0) pick(operation, stationID, records);
  return found;
}
