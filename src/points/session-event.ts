/** An event of a charging session, in order: started, updated any number of times, ended. */
export interface SessionEvent {
  readonly event: "started" | "updated" | "ended";
  /** Unique id; the same when the event is published again. */
  readonly id: string;
  readonly stationID: string;
  /** Null when the network does not name it. */
  readonly port: string | null;
  /** Current values of the session, by names with units; personal data only if configured. */
  readonly session: Readonly<Record<string, string | number | boolean | null>>;
}

/** Energy that a port has delivered in all its sessions; it never decreases. */
export interface PortEnergy {
  readonly stationID: string;
  readonly port: string;
  readonly energyKwh: number;
  readonly sessions: number;
  /** When it was counted. */
  readonly at: string;
}

/** Publishes session events and the energy of ports. `dropped`: publish it again later; `refused`: do not. */
export interface SessionOutlet {
  event(event: SessionEvent): Promise<"published" | "dropped" | "refused">;
  energy(energy: PortEnergy): Promise<"published" | "dropped" | "refused">;
}
