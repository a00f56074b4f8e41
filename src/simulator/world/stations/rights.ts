import type { Group } from "./groups.ts";
import { PROFILES, type Profile } from "./groups.ts";
import type { Organisation } from "./organisations.ts";
import type { Station } from "./station.ts";

const BY_MIGHT = Object.keys(PROFILES) as readonly Profile[];

/** Returns the rights of an organisation on the stations directly in a group; null: none. */
export function groupRights(organisation: Organisation, group: Group): Profile | null {
  return group.organisation === organisation ? "network manager" : (group.grants.get(organisation) ?? null);
}

/** Returns the rights of an organisation on a station: the strongest of those on its groups; null: none. */
export function stationRights(organisation: Organisation, station: Station): Profile | null {
  if (station.organisation === organisation) return "network manager";
  let best: Profile | null = null;
  for (const group of station.groups) {
    const granted = group.grants.get(organisation);
    if (granted && (best === null || BY_MIGHT.indexOf(granted) < BY_MIGHT.indexOf(best))) best = granted;
  }
  return best;
}

/** Returns whether the rights exceed viewing: status, money, control (guide §6.3.1, §7.2.1). */
export function manages(profile: Profile | null): boolean {
  return profile === "network manager" || profile === "station manager";
}
