import type { StationEntry } from "../../drivers/econnect/api/index.ts";
import type { FleetData, FleetStation, Part, Wanted } from "../fleet-data.ts";

/** Reads the stations of the eConnect Masterdata API, with the service's field names. It provides no other data. */
export async function econnectFleet(
  entries: AsyncIterable<StationEntry>,
  { parts }: Wanted,
): Promise<FleetData> {
  const stations: FleetStation[] = [];
  for await (const fields of entries)
    stations.push({ id: textOf(fields.id), name: textOf(fields.name), fields });
  const lacks = [...parts].map((part: Part) => ({
    part,
    reason: "the eConnect Masterdata API provides stations only",
  }));
  return { stations, timeColumns: new Set(["installDate"]), lacks };
}

function textOf(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}
