import type { Organisation } from "./organisations.ts";

/** Rights that an organisation can have on stations. The owner is network manager of its own. */
export type Profile = "network manager" | "station manager" | "detailed usage viewer";

export interface Task {
  readonly name: string;
  readonly description: string;
}

const LOOKING: readonly Task[] = [
  { name: "View stations", description: "See the stations with their ports, places and prices" },
  { name: "View usage", description: "See charging sessions with drivers and 15-minute data" },
  { name: "View load", description: "See the present load of stations and groups" },
  { name: "View alarms", description: "See the alarms that are not cleared" },
];
const OPERATING: readonly Task[] = [
  { name: "View status", description: "See whether ports are free, in use or out of reach" },
  { name: "View transactions", description: "See the fees of sessions" },
  { name: "Shed load", description: "Limit the load of ports, stations and groups, and free them again" },
  { name: "Clear alarms", description: "Move alarms to the historical ones" },
];
const GOVERNING: readonly Task[] = [
  { name: "Manage drivers", description: "Approve, reject and remove drivers" },
  { name: "Grant rights", description: "Give other organisations rights on station groups" },
];

/** The tasks of each profile, the profile with most rights first. */
export const PROFILES: Readonly<Record<Profile, readonly Task[]>> = {
  "network manager": [...LOOKING, ...OPERATING, ...GOVERNING],
  "station manager": [...LOOKING, ...OPERATING],
  "detailed usage viewer": LOOKING,
};

/** A custom station group. It includes the stations of nested groups. */
export interface Group {
  readonly id: number;
  readonly name: string;
  readonly organisation: Organisation;
  readonly parent: Group | null;
  /** Directly in it. */
  readonly stationNumbers: number[];
  readonly children: Group[];
  /** Rights of other organisations on the stations directly in it. */
  readonly grants: Map<Organisation, Profile>;
}
