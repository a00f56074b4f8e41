/** Commands about an estate: several bridges that share the work. They ask the service that keeps its owners, not a bridge. */

import type { Command } from "commander";
import { SETTINGS } from "../../cluster/settings.ts";
import { CommandError } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type EstateFlags, withEstate } from "./estate.ts";
import { drain, move, type WaitFlags } from "./move.ts";
import { showStatus, watchStatus } from "./status.ts";

interface StatusFlags extends EstateFlags {
  readonly json?: true;
  readonly watch?: true;
}

interface MoveFlags extends EstateFlags, WaitFlags {
  readonly clear?: true;
}

/** Maximum time for a hand-over, in seconds: most take less than one, and writes under way are waited for. */
const WAIT_SECONDS = 60;

export function cluster(program: Command, terminal: Terminal): void {
  const group = program
    .command("cluster")
    .description("Bridges that share the work: show who has which stations, and move them.");
  const command = (name: string, description: string): Command =>
    group
      .command(name)
      .description(description)
      .option("--config <file>", "bridge config of this machine (default: configs/bridge.json)");
  const waiting = (one: Command): Command =>
    one.option(
      "--timeout <seconds>",
      "maximum time to wait until it is done",
      numberOption({ above: 0, fraction: true }),
      WAIT_SECONDS,
    );

  command(
    "status",
    "Show members, shards and problems. Exits with 1 while stations are not read or not written.",
  )
    .option("--json", "print JSON; with --watch, one line at each change")
    .option("--watch", "show it again at each change, until Ctrl-C")
    .action((flags: StatusFlags) =>
      withEstate(flags, terminal, (estate) =>
        (flags.watch ? watchStatus : showStatus)(estate, flags, terminal),
      ),
    );

  waiting(
    command("move", "Hand the stations of an account over to a member, and keep them there while it lives.")
      .argument("<account>", "name of the shard, user name of the account, or topic path of a device of it")
      .argument("[member]", "the member that is to have it")
      .option("--clear", "let the members place it again"),
  ).action((account: string, member: string | undefined, flags: MoveFlags) =>
    withEstate(flags, terminal, (estate) => move(estate, account, member, flags, terminal)),
  );

  waiting(
    command("drain", "Hand over all that a member has, and give it nothing more, e.g. before an upgrade.")
      .argument("<member>", "the member")
      .option("--clear", "let it take shards again"),
  ).action((member: string, flags: MoveFlags) =>
    withEstate(flags, terminal, (estate) => drain(estate, member, flags, terminal)),
  );

  command(
    "confirm",
    "Allow writes again after the data of the cluster service was lost. Check the limits at the stations first.",
  ).action((flags: EstateFlags) =>
    withEstate(flags, terminal, async ({ store }) => {
      const { settings } = await store.view();
      const id = settings.get(SETTINGS.estate);
      if (id === undefined)
        throw new CommandError("there is no estate yet: no member has joined; start a bridge");
      const before = settings.get(SETTINGS.confirmed);
      if (before === id) return terminal.out(`the estate ${id} is confirmed already\n`);
      if (!(await store.set(SETTINGS.confirmed, id, before ?? null)))
        throw new CommandError("another operator confirmed it at the same moment; run it again");
      terminal.out(`confirmed the estate ${id}; its members write to stations again\n`);
    }),
  );
}
