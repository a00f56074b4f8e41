import type { EstateView } from "../../cluster/contract.ts";
import { placed, readyMembers } from "../../cluster/placement.ts";
import { SETTINGS } from "../../cluster/settings.ts";
import { pause, systemClock } from "../../time/clock.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type KnownEstate, shardNamed, unknown } from "./estate.ts";

export interface WaitFlags {
  /** Seconds. */
  readonly timeout: number;
  readonly clear?: true;
}

/** Pins the shard of an account to a member, or unpins it, and waits until it is where it is to be. */
export async function move(
  estate: KnownEstate,
  account: string,
  member: string | undefined,
  flags: WaitFlags,
  terminal: Terminal,
): Promise<void> {
  const shard = shardNamed(account, estate).name;
  const view = await estate.store.view();
  const setting = SETTINGS.move(shard);
  if (flags.clear) {
    if (member !== undefined)
      throw new CommandError("name a member, or --clear to let the members place it", EXIT.usage);
    const pinned = view.settings.get(setting);
    if (pinned === undefined) return terminal.out(`${shard} is not pinned\n`);
    const after = withSetting(view, setting, null);
    return await change(
      estate,
      view,
      { setting, value: null, text: `${shard} is not pinned any more` },
      moved(estate, view, after),
      flags,
      terminal,
    );
  }
  if (member === undefined)
    throw new CommandError("name the member that is to have it, or --clear", EXIT.usage);
  checkMember(view, member);
  if (!readyMembers(view).some(({ id }) => id === member)) {
    const remedy = view.settings.has(SETTINGS.drain(member))
      ? `is draining; end that with "voltbridge cluster drain ${member} --clear"`
      : "lacks the active revision of the configuration; give it the files of the others";
    throw new CommandError(`${member} ${remedy}`);
  }
  const text = `${shard} is pinned to ${member}`;
  // Others may move the other way, so that each member keeps its share.
  const targets = new Map([[shard, member], ...moved(estate, view, withSetting(view, setting, member))]);
  await change(estate, view, { setting, value: member, text }, targets, flags, terminal);
}

/** Takes all shards from a member, or lets it have some again, and waits until each is where it is to be. */
export async function drain(
  estate: KnownEstate,
  member: string,
  flags: WaitFlags,
  terminal: Terminal,
): Promise<void> {
  const view = await estate.store.view();
  const setting = SETTINGS.drain(member);
  const isDraining = view.settings.has(setting);
  // One that has left may be set to drain still.
  if (!(flags.clear && isDraining)) checkMember(view, member);
  if (flags.clear && !isDraining) return terminal.out(`${member} is not draining\n`);
  const value = flags.clear ? null : "yes";
  const after = withSetting(view, setting, value);
  const owned = [...view.owners].filter((one) => one[1].member === member);
  if (!flags.clear && owned.length > 0 && readyMembers(after).length === 0)
    throw new CommandError(
      `no other member takes the ${counted(owned.length, "shard")} of ${member}; start one, or see "voltbridge cluster status"`,
    );
  const text = flags.clear ? `${member} takes shards again` : `${member} is draining`;
  const targets = moved(estate, view, after);
  // Also those that the files of this machine do not have.
  if (!flags.clear) for (const [shard] of owned) if (!targets.has(shard)) targets.set(shard, undefined);
  await change(estate, view, { setting, value, text }, targets, flags, terminal);
}

function checkMember({ members }: EstateView, member: string): void {
  if (!members.has(member)) throw unknown("member", member, [...members.keys()]);
}

function withSetting(view: EstateView, name: string, value: string | null): EstateView {
  const settings = new Map(view.settings);
  if (value === null) settings.delete(name);
  else settings.set(name, value);
  return { ...view, settings };
}

/** By shard, the member that it moves to; undefined: any other than now. */
type Targets = Map<string, string | undefined>;

function moved({ shards }: KnownEstate, before: EstateView, after: EstateView): Targets {
  const to = [...placed(after, shards)];
  return new Map(to.filter(([shard, member]) => before.owners.get(shard)?.member !== member));
}

const LOOK_MS = 50;

/** Changes a setting of the estate, prints each step that the members take, and waits until the shards have their new owners. */
async function change(
  { store }: KnownEstate,
  before: EstateView,
  {
    setting,
    value,
    text,
  }: { readonly setting: string; readonly value: string | null; readonly text: string },
  targets: Targets,
  { timeout }: WaitFlags,
  terminal: Terminal,
): Promise<void> {
  const begun = systemClock.monotonic();
  const elapsed = () => `${((systemClock.monotonic() - begun) / 1000).toFixed(2).padStart(6)} s  `;
  const isSet = before.settings.get(setting) === (value ?? undefined);
  if (!isSet && !(await store.set(setting, value, before.settings.get(setting) ?? null)))
    throw new CommandError("another operator changed the same at this moment; run it again");
  terminal.out(`${elapsed()}${text}\n`);
  const steps = new Steps(before);
  let hasMoved = false;
  const isThere = ({ owners }: EstateView, shard: string, to: string | undefined) => {
    const owner = owners.get(shard)?.member;
    return to === undefined
      ? owner !== undefined && owner !== before.owners.get(shard)?.member
      : owner === to;
  };
  for (let view = before; ; view = await store.view()) {
    for (const step of steps.next(view)) {
      hasMoved = true;
      terminal.out(`${elapsed()}${step}\n`);
    }
    const waiting = [...targets].filter(([shard, to]) => !isThere(view, shard, to));
    if (waiting.length === 0) break;
    terminal.ending.throwIfAborted();
    if (systemClock.monotonic() - begun > timeout * 1000)
      throw new CommandError(
        `not done within ${timeout} s: ${missing(waiting)}. It is still wanted; see "voltbridge cluster status"`,
      );
    await pause(systemClock, LOOK_MS, terminal.ending);
  }
  terminal.out(`${elapsed()}done${hasMoved ? "" : ": nothing has to move"}\n`);
}

const MOST_NAMES = 3;

function missing(waiting: readonly (readonly [shard: string, to: string | undefined])[]): string {
  const first = waiting
    .slice(0, MOST_NAMES)
    .map(([shard, to]) => `${shard} is not with ${to ?? "another member"}`);
  return `${first.join(", ")}${waiting.length > MOST_NAMES ? `, nor are ${waiting.length - MOST_NAMES} more` : ""}`;
}

/** What happens to owners between two views. */
class Steps {
  #owners: EstateView["owners"];
  /** Times since which shards have no owner, by the monotonic clock in milliseconds. */
  readonly #free = new Map<string, number>();

  constructor({ owners }: EstateView) {
    this.#owners = owners;
  }

  *next({ owners, members }: EstateView): Generator<string> {
    const now = systemClock.monotonic();
    for (const [shard, { member, epoch }] of this.#owners)
      if (owners.get(shard)?.epoch !== epoch) {
        this.#free.set(shard, now);
        yield members.has(member)
          ? `${member} released ${shard} (epoch ${epoch})`
          : `${member} has left the estate, and had ${shard} (epoch ${epoch})`;
      }
    for (const [shard, { member, epoch }] of owners) {
      if (this.#owners.get(shard)?.epoch === epoch) continue;
      const since = this.#free.get(shard);
      this.#free.delete(shard);
      // The views are that far apart.
      const ms = since === undefined ? 0 : Math.round(now - since);
      const free =
        since === undefined ? "" : `, ${ms < LOOK_MS ? `less than ${LOOK_MS}` : ms} ms without an owner`;
      yield `${member} claimed ${shard} (epoch ${epoch}${free})`;
    }
    this.#owners = owners;
  }
}
