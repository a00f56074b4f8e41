/** The common columns of a report, derived from ChargePoint's data. */

export interface Plug {
  readonly connector: string | null;
  readonly level: string | null;
}

/** Returns `AC`, `DC`, or `AC/DC` for a station with both; null when unknown. */
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
 * Returns a station's state from its network's status and the status of its ports: `operational`; `partly operational` when some ports
 * are out of service; `non-operational` when all are or the network does not reach it; null when unknown.
 */
export function stateOf(network: string | null | undefined, ports: readonly PortState[]): string | null {
  const reach = network?.trim().toUpperCase();
  if (reach === "UNREACHABLE") return "non-operational";
  const reported = ports.filter(({ Status, faultReason }) => Status || faultReason);
  if (reported.length === 0) return reach === "REACHABLE" ? "operational" : null;
  const broken = reported.filter(isBroken).length;
  if (broken === 0) return "operational";
  return broken === reported.length ? "non-operational" : "partly operational";
}

function isBroken({ Status, faultReason }: PortState): boolean {
  const fault = faultReason?.trim() ?? "";
  return Status?.trim().toUpperCase() === "UNREACHABLE" || (fault !== "" && !/^none$/i.test(fault));
}

/** Returns the address of a site from its parts; undefined where none is known. */
export function siteOf(parts: readonly (string | null)[]): string | undefined {
  const known = parts.map((part) => part?.trim().toLowerCase() ?? "").filter((part) => part !== "");
  return known.length === 0 ? undefined : known.join(", ");
}

/** Alarms by which ChargePoint reports that others of the port or station are over, in lower case. */
const ENDINGS = new Set(["fault cleared", "reachable"]);

export function isEnding(alarm: string): boolean {
  return ENDINGS.has(alarm.trim().toLowerCase());
}
