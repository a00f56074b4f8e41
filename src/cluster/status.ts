import type { EstateView, MemberRecord } from "./contract.ts";
import { SETTINGS } from "./settings.ts";

/** A member as it is shown. */
export interface ShownMember
  extends Pick<MemberRecord, "id" | "host" | "version" | "startedAt" | "weight" | "url"> {
  readonly isDraining: boolean;
  /** `pending`: its files are newer than the active revision; `lacks it`: it has neither run nor read that. */
  readonly configuration: "active" | "pending" | "lacks it";
  readonly shards: number;
}

export interface ShownShard {
  readonly name: string;
  /** Null: none. */
  readonly owner: string | null;
  readonly epoch: string | null;
  /** The member that it was moved to by hand. */
  readonly pinnedTo: string | null;
}

export interface EstateStatus {
  readonly revision: string | null;
  readonly members: readonly ShownMember[];
  readonly shards: readonly ShownShard[];
  /** What an operator should look at. */
  readonly problems: readonly string[];
}

/** Returns what is shown of an estate with these shards. */
export function statusOf({ members, owners, settings }: EstateView, names: readonly string[]): EstateStatus {
  const revision = settings.get(SETTINGS.revision) ?? null;
  const problems: string[] = [];
  const shown = [...members.values()].sort(byId).map((member): ShownMember => {
    const { id, host, version, startedAt, weight, url } = member;
    const runs = member.revision === revision;
    const configuration = runs ? (member.files === revision ? "active" : "pending") : "lacks it";
    if (configuration === "pending")
      problems.push(`${id} has newer files (${member.files}), which take effect when every member has them`);
    if (configuration === "lacks it")
      problems.push(
        `${id} has other files (${member.files}) than the active ones (${revision}), so it gets no stations`,
      );
    const shards = [...owners.values()].filter((owner) => owner.member === id).length;
    const isDraining = settings.has(SETTINGS.drain(id));
    return { id, host, version, startedAt, weight, url, isDraining, configuration, shards };
  });
  const known = new Set([...names, ...owners.keys()]);
  const shards = [...known].sort().map((name): ShownShard => {
    const { member: owner = null, epoch = null } = owners.get(name) ?? {};
    if (owner === null) problems.push(`${name} has no owner: it is not read, and commands for it wait`);
    return { name, owner, epoch, pinnedTo: settings.get(SETTINGS.move(name)) ?? null };
  });
  const versions = new Set(shown.map(({ version }) => version));
  if (versions.size > 1)
    problems.push(`the members run different versions: ${[...versions].sort().join(", ")}`);
  const estate = settings.get(SETTINGS.estate);
  const strangers = [...members.values()].filter((one) => one.estate !== undefined && one.estate !== estate);
  if (strangers.length > 0 && settings.get(SETTINGS.confirmed) !== estate)
    problems.push(
      `nothing is written: the data of the cluster service was lost (${strangers.map(({ id }) => id).join(", ")} remember another); check the stations, then run "voltbridge cluster confirm"`,
    );
  return { revision, members: shown, shards, problems };
}

function byId(a: MemberRecord, b: MemberRecord): number {
  return a.id < b.id ? -1 : 1;
}
