import { createHash } from "node:crypto";
import { templateBeginning } from "../../config/index.ts";
import { driverTypes } from "../../drivers/index.ts";
import { pathPattern } from "../overrides/pattern.ts";
import type { LoadedDevice } from "./build.ts";

/** Devices that one bridge of an estate has at a time: those of an account, or of several that a site limit joins. */
export interface Shard {
  /** Readable, unique, and the same on every machine. */
  readonly name: string;
  /** Labels of its accounts. */
  readonly accounts: readonly string[];
  readonly devices: readonly LoadedDevice[];
  /** Names of the groups of the site limit controller that cover its devices; the first shard has those that cover none. */
  readonly groups: readonly string[];
  /** Its part of the work: number of devices; a set counts as {@link STATIONS_OF_A_SET}. */
  readonly stations: number;
}

/** Assumed size of a set, whose members are not known before it is looked up. */
const STATIONS_OF_A_SET = 100;

interface Account {
  readonly key: string;
  readonly label: string;
  readonly devices: LoadedDevice[];
}

/**
 * Returns the shards of configs, sorted by name. Walks over pages, alarms, sessions and budgets of calls are per account, so an account is
 * never split; a group of the site limit controller has one controller, so it joins the accounts of its devices.
 */
export function shardsOf(
  loaded: readonly LoadedDevice[],
  groups: Readonly<Record<string, { readonly devices: readonly string[] }>>,
): Shard[] {
  const accounts = new Map<string, Account>();
  for (const one of loaded) {
    const { key, label } = accountOf(one);
    const known = accounts.get(key) ?? { key, label, devices: [] };
    accounts.set(key, known);
    known.devices.push(one);
  }
  const leaders = new Map<Account, Account>();
  const leaderOf = (account: Account): Account => {
    const next = leaders.get(account);
    return next ? leaderOf(next) : account;
  };
  const covering = new Map<string, Account | undefined>();
  for (const [name, { devices: patterns }] of Object.entries(groups)) {
    const covers = coverage(patterns);
    const joined = [...accounts.values()].filter(({ devices }) => devices.some(covers));
    const [first, ...others] = [...new Set(joined.map(leaderOf))].sort(byKey);
    for (const other of others) leaders.set(other, first!);
    covering.set(name, first);
  }
  const joined = Map.groupBy([...accounts.values()].sort(byKey), leaderOf);
  const shards = [...joined]
    .map(([leader, members]) => {
      const { key, label } = leader;
      const devices = members.flatMap((account) => account.devices);
      const sets = devices.filter(({ settings }) => settings.set).length;
      return {
        name: nameOf(label, key),
        accounts: members.map((account) => account.label),
        devices,
        groups: [...covering].flatMap(([name, account]) =>
          account && leaderOf(account) === leader ? name : [],
        ),
        stations: devices.length - sets + sets * STATIONS_OF_A_SET,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const without = [...covering].flatMap(([name, account]) => (account ? [] : name));
  return shards.map((shard, i) => (i === 0 ? { ...shard, groups: [...shard.groups, ...without] } : shard));
}

/** Devices of a driver type without accounts are one. */
function accountOf({ settings: { driverType, driverConfig } }: LoadedDevice): { key: string; label: string } {
  const account = driverTypes[driverType]?.accountOf?.(driverConfig);
  return account
    ? { key: `${driverType} ${account.key}`, label: account.label }
    : { key: driverType, label: driverType };
}

/** Returns whether a group may cover a device. The members of a set are not known: its paths and a pattern that begin alike may meet. */
function coverage(patterns: readonly string[]): (loaded: LoadedDevice) => boolean {
  const matches = patterns.map(pathPattern);
  const beginnings = patterns.map((pattern) => /^[^*?[]*/.exec(pattern)![0]);
  return ({ settings: { path, set } }) => {
    if (!set) return matches.some((one) => one(path));
    const beginning = templateBeginning(path);
    return beginnings.some((one) => one.startsWith(beginning) || beginning.startsWith(one));
  };
}

const LONGEST_NAME = 40;

function nameOf(label: string, key: string): string {
  const short = label.replace(/https?:\/\/([^/:]+)\S*/, "$1");
  const readable = short.replaceAll(/[^A-Za-z0-9_.-]+/g, "-").slice(0, LONGEST_NAME);
  return `${readable}-${createHash("sha256").update(key).digest("hex").slice(0, 6)}`;
}

function byKey(a: Account, b: Account): number {
  return a.key < b.key ? -1 : 1;
}
