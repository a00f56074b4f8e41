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
