/** Something that happened to a charging session, in its order: started, updated any number of times, ended. */
export interface SessionEvent {
  readonly event: "started" | "updated" | "ended";
  /** Tells events apart: one that is published again has the same. */
  readonly id: string;
  readonly stationID: string;
  /** Null where the network does not tell. */
  readonly port: string | null;
  /** What is known of the session now, by everyday names with units; personal data only where settings ask for it. */
  readonly session: Readonly<Record<string, string | number | boolean | null>>;
}

/** Energy that a port has delivered in all its sessions; it never goes down. */
export interface PortEnergy {
  readonly stationID: string;
  readonly port: string;
  readonly energyKwh: number;
  readonly sessions: number;
  /** When it was counted. */
  readonly at: string;
}

/** Where session events go out. `dropped`: sending it again later is right; `refused`: it is not. */
export interface SessionOutlet {
  event(event: SessionEvent): Promise<"published" | "dropped" | "refused">;
  energy(energy: PortEnergy): Promise<"published" | "dropped" | "refused">;
}
