/** Commands that read what is stored: the bridge config names the store, which is opened beside a running bridge. */

import { resolve } from "node:path";
import type { Command } from "commander";
import type { HistorianSettings } from "../../config/index.ts";
import { type Historian, HistorianError, openHistorian, QueryError } from "../../historian/index.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions } from "../terminal/options.ts";
import { type LogFlags, type Terminal, terminalLog } from "../terminal/terminal.ts";

export interface StoreFlags extends LogFlags {
  readonly config?: string;
  readonly data?: string;
  readonly json?: true;
}

/** Adds the options that select the store. */
export function storeOptions(command: Command): Command {
  const withStore = command
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "data folder (default: the bridge config's)")
    .option("--json", "print JSON");
  return logOptions(withStore, "warn");
}

/** Returns the settings of the store, and the data folder. */
export function storeSettings(
  { config, data }: StoreFlags,
  { secrets, env }: Terminal,
): { readonly settings: HistorianSettings; readonly folder: string } {
  const { settings } = loadSettings({ config, secrets, env });
  return { settings: settings.historian, folder: data === undefined ? settings.data : resolve(data) };
}

/**
 * Opens the store for reading, even while a bridge runs.
 * @throws CommandError with exit code 2 for a bad query, with 1 for a failure of the store
 */
export async function withHistorian(
  flags: StoreFlags,
  terminal: Terminal,
  use: (historian: Historian) => Promise<void>,
): Promise<void> {
  const { settings, folder } = storeSettings(flags, terminal);
  await storeErrors(async () => {
    const log = terminalLog(terminal, flags, terminal.secrets);
    const historian = await openHistorian(settings, folder, { readonly: true, log });
    try {
      await use(historian);
    } finally {
      await historian.close();
    }
  });
}

/** Runs something and converts its errors of queries and stores as {@link withHistorian} does. */
export async function storeErrors(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof QueryError) {
      const message = error.message
        .replaceAll("agg_type", "--agg")
        .replaceAll("agg_period", "--period")
        .replaceAll("min_count", "--min-count");
      throw new CommandError(message, EXIT.usage, { cause: error });
    }
    if (error instanceof HistorianError) throw new CommandError(error.message, EXIT.failed, { cause: error });
    throw error;
  }
}
