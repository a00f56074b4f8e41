import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { openCluster } from "../../cluster/backends.ts";
import type { ClusterStore, EstateView } from "../../cluster/contract.ts";
import { SETTINGS } from "../../cluster/settings.ts";
import { type EstateStatus, statusOf } from "../../cluster/status.ts";
import { closest } from "../../config/index.ts";
import { type Shard, shardsOf } from "../../devices/index.ts";
import { Secrets } from "../../log/log.ts";
import { loadAll } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

interface Flags {
  readonly config?: string;
  readonly json?: true;
  readonly clear?: true;
  readonly timeout: number;
}

const LOOK_MS = 200;

/** Shows and changes who has which stations of an estate. It asks the cluster service itself, so that no member needs to answer. */
export function cluster(program: Command, terminal: Terminal): void {
  const group = program
    .command("cluster")
    .description("Members of an estate of bridges, and what they have.");
  const command = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .option("--config <file>", "bridge config (default: configs/bridge.json)")
      .option("--json", "print JSON")
      .option("--timeout <seconds>", "maximum time to wait for the effect", numberOption({ above: 0 }), 30);
  command("status", "Members, shards and their owners, and what needs attention.").action((flags: Flags) =>
    withEstate(flags, terminal, async ({ store, shards }) => {
      const status = statusOf(
        await store.view(),
        shards.map(({ name }) => name),
      );
      if (flags.json) printJson(terminal, status);
      else terminal.out(textOf(status));
    }),
  );
  command("move", "Give an account to a member, as long as that runs.")
    .argument("<account>", "shard, or a device of it")
    .argument("[member]", "member; none with --clear")
    .option("--clear", "let the members decide again")
    .action((account: string, member: string | undefined, flags: Flags) =>
      withEstate(flags, terminal, async (estate) => {
        const { store, shards } = estate;
        const name = shardNamed(account, shards);
        if (flags.clear) {
          await store.set(SETTINGS.move(name), null);
          terminal.out(`${name}: the members decide\n`);
          return;
        }
        if (member === undefined) throw new CommandError("name the member, or --clear", EXIT.usage);
        checkMember(member, await store.view());
        await store.set(SETTINGS.move(name), member);
        await until(estate, flags, terminal, `${name} runs on ${member}`, ({ owners }) => {
          return owners.get(name)?.member === member;
        });
      }),
    );
  command("drain", "Let a member give up its stations, before it is stopped.")
    .argument("<member>")
    .option("--clear", "let it have stations again")
    .action((member: string, flags: Flags) =>
      withEstate(flags, terminal, async (estate) => {
        const { store } = estate;
        checkMember(member, await store.view());
        await store.set(SETTINGS.drain(member), flags.clear ? null : "yes");
        if (flags.clear) terminal.out(`${member} gets stations again\n`);
        else
          await until(estate, flags, terminal, `${member} has no shards`, ({ owners }) => {
            return [...owners.values()].every((owner) => owner.member !== member);
          });
      }),
    );
  command("confirm", "After the data of the cluster service was lost: allow writes again.").action(
    (flags: Flags) =>
      withEstate(flags, terminal, async ({ store }) => {
        const id = (await store.view()).settings.get(SETTINGS.estate);
        if (id === undefined) throw new CommandError("no member runs, so there is nothing to confirm");
        await store.set(SETTINGS.confirmed, id);
        terminal.out("confirmed: the members write again\n");
      }),
  );
}

interface Estate {
  readonly store: ClusterStore;
  readonly shards: readonly Shard[];
}

async function withEstate(
  flags: Flags,
  terminal: Terminal,
  work: (estate: Estate) => Promise<void>,
): Promise<void> {
  const { settings, devices } = await loadAll({
    config: flags.config,
    secrets: new Secrets(),
    env: terminal.env,
  });
  if (settings.cluster.backend === "none")
    throw new CommandError(
      `${settings.file} has no cluster: set cluster.backend, see docs/cluster.md`,
      EXIT.configuration,
    );
  const store = openCluster(settings);
  try {
    await work({ store, shards: shardsOf(devices, settings.limits) });
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError((error as Error).message);
  } finally {
    await store.close();
  }
}

/** Waits for the effect, and prints each change of an owner on the way. */
async function until(
  { store }: Estate,
  { timeout }: Flags,
  terminal: Terminal,
  done: string,
  isDone: (view: EstateView) => boolean,
): Promise<void> {
  const begun = performance.now();
  const tookMs = () => Math.round(performance.now() - begun);
  let before: EstateView | undefined;
  for (;;) {
    const view = await store.view();
    for (const [shard, owner] of before?.owners ?? [])
      if (view.owners.get(shard)?.epoch !== owner.epoch)
        terminal.out(`${tookMs()} ms: ${owner.member} released ${shard}\n`);
    for (const [shard, { member, epoch }] of before ? view.owners : [])
      if (before?.owners.get(shard)?.epoch !== epoch)
        terminal.out(`${tookMs()} ms: ${member} claimed ${shard}\n`);
    before = view;
    if (isDone(view)) {
      terminal.out(`${tookMs()} ms: ${done}\n`);
      return;
    }
    if (tookMs() > timeout * 1000)
      throw new CommandError(`not yet, after ${timeout} s: see "voltbridge cluster status"`);
    await delay(LOOK_MS, undefined, { signal: terminal.ending });
  }
}

function shardNamed(account: string, shards: readonly Shard[]): string {
  const found = shards.find(
    ({ name, devices }) => name === account || devices.some(({ settings }) => settings.path === account),
  );
  if (found) return found.name;
  const names = shards.map(({ name }) => name);
  const near = closest(account, names);
  throw new CommandError(
    `there is no shard or device ${account}${near ? `; did you mean ${near}?` : `; the shards are ${names.join(", ")}`}`,
    EXIT.usage,
  );
}

function checkMember(member: string, { members }: EstateView): void {
  if (members.has(member)) return;
  const ids = [...members.keys()];
  const near = closest(member, ids);
  throw new CommandError(
    `there is no member ${member}${near ? `; did you mean ${near}?` : `; there are ${ids.join(", ") || "none"}`}`,
    EXIT.usage,
  );
}

function textOf({ revision, members, shards, problems }: EstateStatus): string {
  const ofMembers = formatTable(
    ["member", "host", "version", "since", "weight", "shards", "configuration"],
    members.map((one) => [
      one.id,
      one.host,
      one.version,
      one.startedAt,
      String(one.weight),
      String(one.shards),
      one.isDraining ? `${one.configuration}, draining` : one.configuration,
    ]),
  );
  const ofShards = formatTable(
    ["shard", "owner", "epoch", "moved to"],
    shards.map(({ name, owner, epoch, pinnedTo }) => [name, owner ?? "–", epoch ?? "–", pinnedTo ?? ""]),
  );
  const found = problems.map((problem) => `! ${problem}\n`).join("");
  return `configuration ${revision ?? "none"}\n\n${ofMembers}\n${ofShards}${found === "" ? "" : `\n${found}`}`;
}
