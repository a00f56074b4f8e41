import type { Contact } from "./fleet-data.ts";

export interface UnseenStation {
  readonly stationID: string;
  /** `unreachable`: reported by its network; `silent`: no sign of life for too long; `never`: no sign of life at all. */
  readonly reason: "unreachable" | "silent" | "never";
  readonly lastSeen: Date | null;
}

/** Returns stations that are unreachable or have had no sign of life for `days`, those seen longest ago first. */
export function unseenStations(contacts: readonly Contact[], now: Date, days: number): UnseenStation[] {
  const oldest = now.getTime() - days * 86_400_000;
  const reasonOf = ({ network, lastSeen }: Contact): UnseenStation["reason"] | undefined => {
    if (network === "unreachable") return "unreachable";
    if (lastSeen === null) return network === "reachable" ? undefined : "never";
    return lastSeen.getTime() < oldest ? "silent" : undefined;
  };
  return contacts
    .flatMap((contact) => {
      const reason = reasonOf(contact);
      const { stationID, lastSeen } = contact;
      return reason === undefined ? [] : [{ stationID, reason, lastSeen }];
    })
    .sort((a, b) => (a.lastSeen?.getTime() ?? 0) - (b.lastSeen?.getTime() ?? 0));
}
