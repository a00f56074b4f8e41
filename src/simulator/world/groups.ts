import type { Organisation } from "./organisations.ts";
import type { Profile } from "./profiles.ts";

/** A custom station group. Stations of a nested group are in the outer one too. */
export interface Group {
  readonly id: number;
  readonly name: string;
  readonly organisation: Organisation;
  readonly parent: Group | null;
  /** Directly in it. */
  readonly stationNumbers: number[];
  readonly children: Group[];
  /** What others may do with the stations directly in it. */
  readonly grants: Map<Organisation, Profile>;
}
