/** Where the common columns of a report come from in a ChargePoint network. */

export interface Plug {
  readonly connector: string | null;
  readonly level: string | null;
}

/** `AC`, `DC`, or `AC/DC` where a station has both; null where its ports do not tell. */
export function chargerType(plugs: readonly Plug[]): string | null {
  const kinds = new Set(plugs.map(kindOf).filter((kind) => kind !== null));
  return kinds.size === 0 ? null : [...kinds].sort().join("/");
}

function kindOf({ connector, level }: Plug): "AC" | "DC" | null {
  if (/dc/i.test(level ?? "") || /ccs|combo|chademo|nacs-dc/i.test(connector ?? "")) return "DC";
  return connector || level ? "AC" : null;
}

export interface PortState {
  readonly Status: string | null;
  readonly faultReason: string | null;
}

/**
 * Whether a station can be used, from its network's word on it and the status of its ports: `operational`; `partly
 * operational`, where some ports are out of service; `non-operational`, where all are or the network does not reach it;
 * null where nothing is told.
 */
export function stateOf(network: string | null | undefined, ports: readonly PortState[]): string | null {
  const reach = network?.trim().toUpperCase();
  if (reach === "UNREACHABLE") return "non-operational";
  const told = ports.filter(({ Status, faultReason }) => Status || faultReason);
  if (told.length === 0) return reach === "REACHABLE" ? "operational" : null;
  const broken = told.filter(isBroken).length;
  if (broken === 0) return "operational";
  return broken === told.length ? "non-operational" : "partly operational";
}

function isBroken({ Status, faultReason }: PortState): boolean {
  const fault = faultReason?.trim() ?? "";
  return Status?.trim().toUpperCase() === "UNREACHABLE" || (fault !== "" && !/^none$/i.test(fault));
}
