import type { AbleService, AbleType } from "../../drivers/abilities.ts";
import type { DeviceInit } from "../../drivers/driver.ts";
import { driverTypes } from "../../drivers/index.ts";
import type { AccountPlan, KnownGroups, PlannedSet } from "../../drivers/plan.ts";
import type { Log } from "../../log/log.ts";
import { messageOf } from "../../log/log.ts";
import { systemClock, withDeadline } from "../../time/clock.ts";
import { type LoadedDevice, rowChecker } from "./build.ts";
import { type DriverServices, openServices } from "./driver-services.ts";
import { TopicOwners } from "./owners.ts";
import { deviceOfMember, labelOf, memberFault, pathOfMember } from "./set-member.ts";

/**
 * Returns the calls of each account that the devices make, without sets: only the service knows their members.
 * `stationsPerGroup`: presumed number of stations in each of an account's groups. Pure.
 */
export function planAccounts(loaded: readonly LoadedDevice[], stationsPerGroup: number): AccountPlan[] {
  const initOf = deviceInits();
  const single = loaded.filter(({ settings }) => settings.set === undefined);
  return Object.values(driverTypes).flatMap((type) => {
    const own = single.filter(({ settings }) => settings.driverType === type.name);
    if (own.length === 0) return [];
    return (
      type.plan?.(
        own.map((one) => initOf(type, one)),
        { stationsPerGroup },
      ) ?? []
    );
  });
}

/** Returns the input of a driver type's plan, with valid rows only. */
function deviceInits(): (type: AbleType, loaded: LoadedDevice) => DeviceInit {
  const soundRows = rowChecker([]);
  return (type, { settings: { path, driverConfig: config, intervalSeconds }, rows }) => ({
    ...{ path, config, intervalSeconds },
    rows: soundRows(type, rows),
  });
}

/** Maximum number of subjects named in a message for one reason. */
const MAX_NAMED = 3;

export interface LookupOptions {
  /** Stations in each group of an account whose groups cannot be looked up. */
  readonly stationsPerGroup: number;
  /** Time limit of the lookups of each account, in seconds. */
  readonly seconds: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The plan of an account whose sets and groups were looked up. */
export interface LookedUpPlan extends AccountPlan {
  /** The sets whose members are included. */
  readonly sets: readonly PlannedSet[];
  /** Stations of those sets that cannot be devices, with the reason. */
  readonly notRun: readonly string[];
  /** Failed lookups, with the reason. */
  readonly failure?: string;
}

interface AskedAccount {
  readonly type: AbleType;
  readonly service: AbleService;
  readonly label: string;
  readonly loaded: readonly LoadedDevice[];
}

interface Answer {
  readonly devices: readonly LoadedDevice[];
  readonly groups?: KnownGroups | undefined;
  readonly sets: readonly PlannedSet[];
  readonly notRun: readonly string[];
  readonly failure?: string;
}

/**
 * Plans with what the services return: the members of sets and the groups that cover the stations, looked up as a bridge
 * does when it starts, all accounts in parallel. Failed lookups are described in `failure`, and the rest is planned without
 * them. Writes nothing. Rejects only where `signal` is aborted.
 */
export async function planWithLookup(
  loaded: readonly LoadedDevice[],
  options: LookupOptions,
): Promise<LookedUpPlan[]> {
  const { log, signal, seconds, stationsPerGroup } = options;
  await using opened = openServices(log);
  const owners = new TopicOwners(loaded);
  const initOf = deviceInits();
  const accounts = accountsOf(loaded, opened.services);
  return await Promise.all(
    accounts.map(async (account) => {
      const { type, label } = account;
      const inits = (devices: readonly LoadedDevice[]) => devices.map((device) => initOf(type, device));
      const deadline = { clock: systemClock, ms: seconds * 1000, signal, what: "looking it up" };
      const answer = await withDeadline(deadline, (s) => ask(account, owners, inits, s)).catch((error) =>
        unanswered(account, error, signal),
      );
      const { devices, groups, ...rest } = answer;
      const assumed = { stationsPerGroup, sets: rest.sets, ...(groups && { groups }) };
      const [plan] = devices.length > 0 ? type.plan!(inits(devices), assumed) : [];
      return { ...(plan ?? { account: label, stations: 0, calls: [] }), ...rest };
    }),
  );
}

function accountsOf(loaded: readonly LoadedDevice[], services: DriverServices): AskedAccount[] {
  return Object.values(driverTypes).flatMap((type) => {
    const own = loaded.filter(({ settings }) => settings.driverType === type.name);
    if (own.length === 0 || !type.accountOf || !type.plan) return [];
    const service = services.open(type);
    const keyed = Map.groupBy(own, ({ settings }) => type.accountOf!(settings.driverConfig).key);
    return [...keyed.values()].map((members) => ({
      ...{ type, service, loaded: members },
      label: type.accountOf!(members[0]!.settings.driverConfig).label,
    }));
  });
}

async function ask(
  { service, loaded }: AskedAccount,
  owners: TopicOwners,
  inits: (devices: readonly LoadedDevice[]) => DeviceInit[],
  signal: AbortSignal,
): Promise<Answer> {
  const failures = new Map<string, string[]>();
  const failed = (what: string, error: unknown) => {
    const why = messageOf(error);
    failures.set(why, [...(failures.get(why) ?? []), what]);
  };
  const found = await Promise.allSettled(
    loaded.map(async ({ settings: { set, driverConfig } }) =>
      set ? await service.findMembers?.(driverConfig, signal) : undefined,
    ),
  );
  const devices: LoadedDevice[] = [];
  const sets: PlannedSet[] = [];
  const notRun: string[] = [];
  for (const [index, one] of loaded.entries()) {
    const { file, set } = one.settings;
    const answer = found[index]!;
    if (!set) devices.push(one);
    if (answer.status === "rejected") failed(`the set of ${file}`, answer.reason);
    if (!set || answer.status === "rejected") continue;
    const members = answer.value ?? [];
    sets.push({ file, members: members.length, refreshSeconds: set.refreshSeconds });
    for (const member of members) {
      const fault = memberFault(one, member, (path) => owners.of(path));
      const path = pathOfMember(one, member);
      if (fault !== undefined || path === undefined) {
        notRun.push(`${labelOf(member)} of the set of ${file} is not run: ${fault}`);
        continue;
      }
      owners.take(path, `${labelOf(member)} of ${file}`);
      devices.push(deviceOfMember(one, member, path));
    }
  }
  let groups: KnownGroups | undefined;
  if (devices.length > 0)
    groups = await service.findGroups?.(inits(devices), signal).catch((error) => {
      failed("its station groups", error);
      return undefined;
    });
  const failure = [...failures].map(([why, what]) => `${few(what)}: ${why}`).join("; ");
  return { devices, groups, sets, notRun, ...(failure && { failure }) };
}

function few(what: readonly string[]): string {
  const more = what.length - MAX_NAMED;
  return `${what.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Returns the answer of an account that could not be looked up: its single devices only. */
function unanswered({ loaded }: AskedAccount, error: unknown, signal: AbortSignal): Answer {
  if (signal.aborted) throw error;
  const devices = loaded.filter(({ settings }) => settings.set === undefined);
  return { devices, sets: [], notRun: [], failure: messageOf(error) };
}
