import type { SetMember } from "../../abilities.ts";
import type { FoundStation } from "./find-stations.ts";

/** A station as a member of a set: what stands for the placeholders of a topic template. */
export function memberOf(station: FoundStation): SetMember {
  const { stationID, stationName, serial, model, city, state } = station;
  const [organisation, name] = partsOf(stationName ?? "");
  const known = { stationID, stationName, organisation, name, serial, model, city, state };
  const names = Object.entries(known).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return { id: stationID, names: Object.fromEntries(names) };
}

/** `organisation / name` (§7.1.4); what has no slash is all name. */
function partsOf(stationName: string): [organisation: string, name: string] {
  const at = stationName.indexOf("/");
  if (at < 0) return ["", stationName.trim()];
  return [stationName.slice(0, at).trim(), stationName.slice(at + 1).trim()];
}
