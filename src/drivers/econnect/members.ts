import type { SetMember } from "../abilities.ts";
import type { StationEntry } from "./api/index.ts";
import type { EconnectConfig } from "./config.ts";
import { parseField, readField, textOf } from "./field.ts";
import type { Stations } from "./stations.ts";

/** The stations of a set, each once; those without the key are nobody's. */
export function membersOf(
  stations: Stations,
  { station_key: key, stations: set }: Pick<EconnectConfig, "station_key" | "stations">,
): SetMember[] {
  const isMember = membership(set);
  return [...stations.by(key)]
    .filter(([id, entry]) => isMember(id, entry))
    .map(([id, entry]) => ({ id, names: namesOf(id, entry) }));
}

function membership(set: EconnectConfig["stations"]): (id: string, entry: StationEntry) => boolean {
  if (set === undefined || set === "all") return () => true;
  if (isList(set)) {
    const listed = new Set(set);
    return (id) => listed.has(id);
  }
  const wanted = Object.entries(set).map(([field, value]) => ({ path: parseField(field), value }));
  return (_id, entry) => wanted.every(({ path, value }) => textOf(readField(entry, path)) === value);
}

function isList(set: NonNullable<EconnectConfig["stations"]>): set is readonly string[] {
  return Array.isArray(set);
}

/** What the placeholders of a topic template stand for. */
function namesOf(station: string, entry: StationEntry): Record<string, string> {
  const known = { station, modelInfo: textOf(entry.modelInfo), type: textOf(entry.type) };
  return Object.fromEntries(
    Object.entries(known).filter((pair): pair is [string, string] => !!pair[1]?.trim()),
  );
}
