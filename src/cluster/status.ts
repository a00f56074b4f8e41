import type { EstateView, MemberRecord } from "./contract.ts";
import { hasRevision } from "./placement.ts";
import { SETTINGS } from "./settings.ts";

/** A shard of the configuration, as far as it is shown. */
export interface ShownShard {
  readonly name: string;
  /** Labels of its accounts. */
  readonly accounts: readonly string[];
  readonly stations: number;
}

/**
 * `active`: runs the active revision, and has nothing else in its files. `pending`: runs it, and its files are newer. `applying`: has it
 * in its files, and is about to run it. `lacking`: has it nowhere, so it gets no shards.
 */
export type RevisionState = "active" | "pending" | "applying" | "lacking";

export interface MemberStatus {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly startedAt: string;
  readonly weight: number;
  readonly draining: boolean;
  /** Revision that it runs. */
  readonly revision: string | null;
  /** Revision of its files. */
  readonly files: string;
  readonly state: RevisionState;
  /** Address of its page. */
  readonly url: string | null;
  /** Names of the shards that it owns. */
  readonly shards: readonly string[];
  readonly stations: number;
}

export interface ShardStatus {
  readonly name: string;
  readonly accounts: readonly string[];
  /** Null: the configuration here has no shard of this name. */
  readonly stations: number | null;
  readonly owner: string | null;
  readonly epoch: string | null;
  /** Member that an operator has chosen for it. */
  readonly pinned: string | null;
}

export interface EstateProblem {
  /** `error`: stations are not read or not written. */
  readonly severity: "error" | "warning";
  readonly text: string;
}

/** An estate at one moment, for people. */
export interface EstateStatus {
  /** Id of the estate; null: no member has joined yet. */
  readonly estate: string | null;
  /** Revision of the configuration that members run. */
  readonly revision: string | null;
  readonly members: readonly MemberStatus[];
  readonly shards: readonly ShardStatus[];
  readonly settings: Readonly<Record<string, string>>;
  readonly problems: readonly EstateProblem[];
}

/** Returns what to show of an estate with the shards of the configuration at hand. */
export function estateStatus(view: EstateView, known: readonly ShownShard[]): EstateStatus {
  const { settings, owners } = view;
  const active = settings.get(SETTINGS.revision);
  const shards = shardsIn(view, known);
  const members = [...view.members.values()].sort(byId).map((member): MemberStatus => {
    const own = shards.filter(({ name }) => owners.get(name)?.member === member.id);
    const { id, host, version, startedAt, weight, revision, files, url = null } = member;
    return {
      ...{ id, host, version, startedAt, weight },
      draining: settings.has(SETTINGS.drain(id)),
      ...{ revision, files, state: revisionState(member, active), url },
      shards: own.map(({ name }) => name),
      stations: own.reduce((sum, { stations }) => sum + (stations ?? 0), 0),
    };
  });
  return {
    estate: settings.get(SETTINGS.estate) ?? null,
    revision: active ?? null,
    ...{ members, shards },
    settings: Object.fromEntries([...settings].sort(([a], [b]) => (a < b ? -1 : 1))),
    problems: [
      ...ownershipProblems(members, shards, active),
      ...revisionProblems(members, active),
      ...lossProblems(view),
      ...pinProblems(members, shards, settings),
    ],
  };
}

function shardsIn({ owners, settings }: EstateView, known: readonly ShownShard[]): ShardStatus[] {
  const names = new Set([...known.map(({ name }) => name), ...owners.keys()]);
  return [...names].sort().map((name) => {
    const shard = known.find((one) => one.name === name);
    const owner = owners.get(name);
    return {
      name,
      accounts: shard?.accounts ?? [],
      stations: shard?.stations ?? null,
      owner: owner?.member ?? null,
      epoch: owner?.epoch ?? null,
      pinned: settings.get(SETTINGS.move(name)) ?? null,
    };
  });
}

function revisionState(member: MemberRecord, active: string | undefined): RevisionState {
  if (!hasRevision(member, active)) return "lacking";
  if (member.revision !== active) return "applying";
  return member.files === active ? "active" : "pending";
}

function ownershipProblems(
  members: readonly MemberStatus[],
  shards: readonly ShardStatus[],
  active: string | undefined,
): EstateProblem[] {
  if (members.length === 0)
    return [error("no member is in the estate, so no station is read or written; start a bridge")];
  const found: EstateProblem[] = [];
  const ownerless = shards.filter(({ owner }) => owner === null);
  if (ownerless.length > 0) {
    const stations = ownerless.reduce((sum, shard) => sum + (shard.stations ?? 0), 0);
    const [has, is] = ownerless.length === 1 ? ["shard", "has"] : ["shards", "have"];
    const whose = ownerless.length === 1 ? "its" : "their";
    const are = stations === 1 ? `${whose} station is` : `${whose} ${stations} stations are`;
    found.push(
      error(
        `${has} ${few(ownerless.map(({ name }) => name))} ${is} no owner: ${are} neither read nor written`,
      ),
    );
  }
  const ready = members.filter(({ state, draining }) => state !== "lacking" && !draining);
  if (ready.length === 0 && active !== undefined)
    found.push(
      error("no member takes shards: each is draining or lacks the active revision of the configuration"),
    );
  for (const { name, stations, owner } of shards)
    if (stations === null)
      found.push(
        warning(`${owner} has shard ${name}, which the configuration here does not have; compare the files`),
      );
  return found;
}

function revisionProblems(members: readonly MemberStatus[], active: string | undefined): EstateProblem[] {
  const found: EstateProblem[] = [];
  for (const { id, state, files } of members)
    if (state === "lacking" && active !== undefined)
      found.push(
        error(
          `member ${id} lacks the active revision ${active}: its files are ${files}, so it gets no shards; give it the files of the others`,
        ),
      );
  const pending = members.filter(({ files }) => files !== active);
  for (const [files, having] of Map.groupBy(pending, (member) => member.files)) {
    // A member that merely lacks the active one is named already.
    if (active !== undefined && having.every(({ state }) => state === "lacking")) continue;
    const without = members.filter((member) => member.files !== files).map(({ id }) => id);
    found.push(
      warning(
        without.length === 0
          ? `revision ${files} is about to become active`
          : `revision ${files} is pending: ${list(having.map(({ id }) => id))} ${having.length === 1 ? "has" : "have"} it, ${list(without)} ${without.length === 1 ? "lacks" : "lack"} it`,
      ),
    );
  }
  const versions = Map.groupBy(members, ({ version }) => version);
  if (versions.size > 1) {
    const each = [...versions].map(([version, some]) => `${version} (${list(some.map(({ id }) => id))})`);
    found.push(warning(`members run different versions: ${list(each)}`));
  }
  return found;
}

/** The data of the service was lost while members remember the estate that was in it. */
function lossProblems({ members, settings }: EstateView): EstateProblem[] {
  const estate = settings.get(SETTINGS.estate);
  if (estate === undefined || settings.get(SETTINGS.confirmed) === estate) return [];
  const others = [...members.values()].filter((one) => one.estate !== undefined && one.estate !== estate);
  if (others.length === 0) return [];
  return [
    error(
      `the data of the cluster service was lost: ${list(others.map(({ id }) => id).sort())} ${others.length === 1 ? "remembers" : "remember"} another estate, and no member writes to stations; check the limits at the stations, then run "voltbridge cluster confirm"`,
    ),
  ];
}

function pinProblems(
  members: readonly MemberStatus[],
  shards: readonly ShardStatus[],
  settings: EstateView["settings"],
): EstateProblem[] {
  const found: EstateProblem[] = [];
  for (const { name, owner, pinned } of shards) {
    if (pinned === null || pinned === owner) continue;
    const member = members.find(({ id }) => id === pinned);
    const why = !member
      ? "is not in the estate"
      : member.draining
        ? "is draining"
        : member.state === "lacking"
          ? "lacks the active revision"
          : undefined;
    found.push(
      warning(
        why === undefined
          ? `shard ${name} is on its way to ${pinned}`
          : `shard ${name} is pinned to ${pinned}, which ${why}; ${owner ?? "nobody"} has it meanwhile`,
      ),
    );
  }
  for (const [setting] of settings) {
    const id = /^drain\/(.+)$/.exec(setting)?.[1];
    if (id === undefined) continue;
    const member = members.find((one) => one.id === id);
    if (!member)
      found.push(
        warning(`member ${id} is set to drain, and is not in the estate; it gets no shards when it is back`),
      );
    else if (member.shards.length > 0)
      found.push(warning(`member ${id} is draining, and still has ${few(member.shards)}`));
  }
  return found;
}

const error = (text: string): EstateProblem => ({ severity: "error", text });
const warning = (text: string): EstateProblem => ({ severity: "warning", text });

const MOST_NAMES = 3;

/** `a, b, c and 9 more` */
function few(names: readonly string[]): string {
  if (names.length <= MOST_NAMES + 1) return list(names);
  return `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} more`;
}

/** `a, b and c` */
function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function byId(a: MemberRecord, b: MemberRecord): number {
  return a.id < b.id ? -1 : 1;
}
