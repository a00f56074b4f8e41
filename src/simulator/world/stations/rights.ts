import type { Group } from "./groups.ts";
import { PROFILES, type Profile } from "./groups.ts";
import type { Organisation } from "./organisations.ts";
import type { Station } from "./station.ts";

const BY_MIGHT = Object.keys(PROFILES) as readonly Profile[];

/** What an organisation may do with the stations directly in a group; null: nothing. */
export function groupRights(organisation: Organisation, group: Group): Profile | null {
  return group.organisation === organisation ? "network manager" : (group.grants.get(organisation) ?? null);
}

/** What an organisation may do with a station: the mightiest of what it may with the groups it is in; null: nothing. */
export function stationRights(organisation: Organisation, station: Station): Profile | null {
  if (station.organisation === organisation) return "network manager";
  let best: Profile | null = null;
  for (const group of station.groups) {
    const granted = group.grants.get(organisation);
    if (granted && (best === null || BY_MIGHT.indexOf(granted) < BY_MIGHT.indexOf(best))) best = granted;
  }
  return best;
}

/** Whether the rights go beyond looking: status, money, control (guide §6.3.1, §7.2.1). */
export function manages(profile: Profile | null): boolean {
  return profile === "network manager" || profile === "station manager";
}
