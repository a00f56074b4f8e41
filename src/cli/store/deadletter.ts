import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { DataFolderInUseError, DataLock } from "../../devices/index.ts";
import { spoolFile, spoolNames } from "../../historian/index.ts";
import { type DeadLetter, openQueue, type Queue, QueueError } from "../../queue/index.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions, numberOption } from "../terminal/options.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";

/** Queue files that every data folder may have, by their sink. */
const FILES: Readonly<Record<string, string>> = { mqtt: "outbox.sqlite", historian: spoolFile() };
const SINKS = "mqtt, historian, or historian/<name> for a store of historian.also";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly data?: string;
  readonly sink?: string;
  readonly json?: true;
}

export function deadletter(program: Command, terminal: Terminal): void {
  const group = program
    .command("deadletter")
    .description(
      "List, retry or discard values that a broker or a store rejected; works while the bridge runs.",
    );

  options(group.command("list").description("List rejected values, oldest first, and why."))
    .option("--count <number>", "maximum number per sink", numberOption({ min: 1 }), 1000)
    .action((flags: Flags & { readonly count: number }) => list(flags, terminal));

  for (const [name, description, done] of [
    ["retry", "Put rejected values back at the end of the queue: all, or those with these ids.", "put back"],
    ["discard", "Drop rejected values, counted as discarded: all, or those with these ids.", "discarded"],
  ] as const)
    options(group.command(name).description(description))
      .argument("[ids...]", "ids from the list; require --sink", idsArgument)
      .action((ids: readonly number[], flags: Flags) =>
        move(flags, terminal, ids, done, (queue, chosen) => queue[name](chosen)),
      );
}

async function list(flags: Flags & { readonly count: number }, terminal: Terminal): Promise<void> {
  const found: ({ readonly sink: string } & DeadLetter)[] = [];
  await withQueues(flags, terminal, async (queue, sink) => {
    const letters = await queue.deadLetters({ count: flags.count });
    found.push(...letters.map((letter) => ({ sink, ...letter })));
    if (letters.length === flags.count) terminal.err(`${sink}: there may be more; raise --count\n`);
  });
  if (flags.json) return printJson(terminal, found);
  if (found.length === 0) return terminal.err("no dead letters\n");
  const rows = found.map(({ sink, id, at, samples, retries, key, reason, detail }) => [
    ...[sink, String(id), at.toISOString(), String(samples), String(retries), key, reason, detail],
  ]);
  terminal.out(
    formatTable(["sink", "id", "set aside", "values", "retries", "about", "reason", "detail"], rows),
  );
}

async function move(
  flags: Flags,
  terminal: Terminal,
  ids: readonly number[],
  done: string,
  act: (queue: Queue, ids?: readonly number[]) => Promise<number>,
): Promise<void> {
  if (ids.length > 0 && flags.sink === undefined)
    throw new CommandError(
      "ids belong to one sink; add --sink mqtt, --sink historian or --sink historian/<name>",
      EXIT.usage,
    );
  const counts: Record<string, number> = {};
  await withQueues(flags, terminal, async (queue, sink) => {
    counts[sink] = await act(queue, ids.length > 0 ? ids : undefined);
  });
  if (flags.json) printJson(terminal, counts);
  else
    for (const [sink, count] of Object.entries(counts))
      terminal.out(`${sink}: ${counted(count, "dead letter")} ${done}\n`);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total < ids.length)
    throw new CommandError(
      `${ids.length - total} of these ids do not exist; "voltbridge deadletter list" shows those that do`,
    );
}

function options(command: Command): Command {
  const withQueue = command
    .option("--sink <sink>", `sink that rejected them: ${SINKS} (default: all)`)
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "data folder (default: the bridge config's)")
    .option("--json", "print JSON");
  return logOptions(withQueue, "warn");
}

function idsArgument(text: string, before: readonly number[] = []): readonly number[] {
  const id = Number(text);
  if (!Number.isSafeInteger(id) || id < 1) throw new InvalidArgumentError("expected an id from the list");
  return [...before, id];
}

/** Opens the existing queues one after the other: beside a running bridge, or as their owner when none runs. */
async function withQueues(
  flags: Flags,
  terminal: Terminal,
  use: (queue: Queue, sink: string) => Promise<void>,
): Promise<void> {
  const { secrets } = terminal;
  const folder =
    flags.data === undefined
      ? loadSettings({ config: flags.config, secrets, env: terminal.env }).settings.data
      : resolve(flags.data);
  const files = queueFiles(folder);
  const { sink: wanted } = flags;
  if (wanted !== undefined && !files.has(wanted))
    throw new CommandError(
      `there is no sink "${wanted}" in ${folder}${files.size > 0 ? `; it has ${[...files.keys()].join(", ")}` : ""}`,
      wanted in FILES || /^historian\/./.test(wanted) ? EXIT.failed : EXIT.usage,
    );
  if (files.size === 0) {
    const expected = Object.values(FILES).join(" or ");
    throw new CommandError(`there is no ${expected} in ${folder}; "voltbridge run" creates it`);
  }
  const lock = takeLock(folder);
  try {
    for (const [sink, file] of files) {
      if (wanted !== undefined && sink !== wanted) continue;
      const queue = await openQueue({
        file,
        shared: lock === undefined,
        log: terminalLog(terminal, flags, secrets),
      });
      try {
        await use(queue, sink);
      } finally {
        await queue.close();
      }
    }
  } catch (error) {
    throw error instanceof QueueError
      ? new CommandError(error.message, EXIT.failed, { cause: error })
      : error;
  } finally {
    lock?.release();
  }
}

/** Returns the queue files of a data folder by their sink, those of removed stores too. */
function queueFiles(folder: string): Map<string, string> {
  const names = existsSync(folder) ? spoolNames(folder) : [];
  const all = [
    ...Object.entries(FILES),
    ...names.map((name) => [`historian/${name}`, spoolFile(name)] as const),
  ];
  const found = all.map(([sink, file]) => [sink, join(folder, file)] as const);
  return new Map(found.filter(([, file]) => existsSync(file)));
}

/** Returns undefined when a bridge uses this folder. */
function takeLock(folder: string): DataLock | undefined {
  try {
    return DataLock.take(folder);
  } catch (error) {
    if (error instanceof DataFolderInUseError) return undefined;
    throw new CommandError((error as Error).message, EXIT.failed, { cause: error });
  }
}
