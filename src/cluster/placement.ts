import { createHash } from "node:crypto";
import type { EstateView, MemberRecord } from "./contract.ts";
import { SETTINGS } from "./settings.ts";

/** By how much a member's share of the stations may exceed what its weight gives it. */
const TOLERANCE = 1.1;

export interface PlacedShard {
  readonly name: string;
  readonly stations: number;
}

export interface PlacedMember {
  readonly id: string;
  readonly weight: number;
}

/** Returns whether a member runs the active revision of the configuration, or has it in its files and is about to run it. */
export function hasRevision({ revision, files }: MemberRecord, active: string | undefined): boolean {
  return active !== undefined && (revision === active || files === active);
}

/** Returns the members that get shards: with the active revision, and not draining. */
export function readyMembers({ members, settings }: EstateView): MemberRecord[] {
  const active = settings.get(SETTINGS.revision);
  return [...members.values()].filter(
    (member) => hasRevision(member, active) && !settings.has(SETTINGS.drain(member.id)),
  );
}

/** Returns which member is to have which of these shards in an estate. */
export function placed(view: EstateView, shards: readonly PlacedShard[]): Map<string, string> {
  const pinned = new Map<string, string>();
  for (const { name } of shards) {
    const to = view.settings.get(SETTINGS.move(name));
    if (to !== undefined) pinned.set(name, to);
  }
  return place(shards, readyMembers(view), pinned);
}

/**
 * Returns which member is to have which shard: the same on every member that knows the same shards and members, without a leader.
 * Rendezvous hashing (Thaler and Ravishankar, 1998) with weights ranks the members for each shard, so that a member that joins or leaves
 * moves few shards; large shards come first, and a member that has its share takes no more. `pinned`: the member of a shard by name,
 * as long as it is there.
 */
export function place(
  shards: readonly PlacedShard[],
  members: readonly PlacedMember[],
  pinned: ReadonlyMap<string, string> = new Map(),
): Map<string, string> {
  const placed = new Map<string, string>();
  if (members.length === 0) return placed;
  const weights = members.reduce((sum, { weight }) => sum + weight, 0);
  const stations = shards.reduce((sum, shard) => sum + shard.stations, 0);
  const loads = new Map(members.map(({ id }) => [id, 0]));
  const put = ({ name, stations: more }: PlacedShard, id: string): void => {
    placed.set(name, id);
    loads.set(id, loads.get(id)! + more);
  };
  const isPinned = ({ name }: PlacedShard) => loads.has(pinned.get(name) ?? "");
  for (const shard of shards.filter(isPinned)) put(shard, pinned.get(shard.name)!);
  const bySize = (a: PlacedShard, b: PlacedShard) => b.stations - a.stations || (a.name < b.name ? -1 : 1);
  for (const shard of shards.filter((one) => !isPinned(one)).sort(bySize)) {
    const ranked = members.toSorted((a, b) => score(shard.name, b) - score(shard.name, a));
    const fits = ({ id, weight }: PlacedMember) =>
      loads.get(id)! + shard.stations <= (TOLERANCE * stations * weight) / weights;
    const emptiest = ranked.toSorted((a, b) => loads.get(a.id)! / a.weight - loads.get(b.id)! / b.weight)[0]!;
    put(shard, (ranked.find(fits) ?? emptiest).id);
  }
  return placed;
}

/** Rank of a member for a shard: the highest has it. */
function score(shard: string, { id, weight }: PlacedMember): number {
  const hash = createHash("sha256").update(`${shard}\n${id}`).digest().readUIntBE(0, 6);
  return -weight / Math.log((hash + 0.5) / 2 ** 48);
}
