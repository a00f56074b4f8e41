import { openCluster } from "../../cluster/backends.ts";
import { type ClusterStore, ClusterUnavailableError } from "../../cluster/contract.ts";
import { closest, templateBeginning } from "../../config/index.ts";
import { type Shard, shardsOf } from "../../devices/index.ts";
import { messageOf } from "../../log/log.ts";
import { countErrors } from "../setup/diagnostics.ts";
import { loadAll } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface EstateFlags {
  readonly config?: string;
}

/** The estate of the bridge config of this machine. */
export interface KnownEstate {
  readonly store: ClusterStore;
  readonly instance: string;
  /** Shards of the files of this machine. */
  readonly shards: readonly Shard[];
}

/** Runs a command with a connection to the service that keeps the estate. */
export async function withEstate(
  { config }: EstateFlags,
  terminal: Terminal,
  run: (estate: KnownEstate) => Promise<void>,
): Promise<void> {
  const { secrets, env } = terminal;
  const { settings, devices, diagnostics } = await loadAll({ config, secrets, env });
  const { cluster, instance, limits, file } = settings;
  if (cluster.backend === "none")
    throw new CommandError(
      `${file} has no cluster: set cluster.backend to the service that keeps the owners of several bridges`,
      EXIT.configuration,
    );
  const errors = countErrors(diagnostics);
  if (errors > 0)
    terminal.err(
      `${counted(errors, "error")} in the files of this machine, so some shards may not be known here: "voltbridge check" lists them\n`,
      "warn",
    );
  const store = openCluster(settings);
  try {
    await run({ store, instance, shards: shardsOf(devices, limits) });
  } catch (error) {
    if (error instanceof CommandError || terminal.ending.aborted) throw error;
    const what =
      error instanceof ClusterUnavailableError ? "does not answer, or has no quorum" : "refused the request";
    throw new CommandError(`the cluster service ${what}: ${messageOf(error)}`, EXIT.failed, { cause: error });
  } finally {
    await store.close();
  }
}

/** Returns the shard that has an account: by its own name, a user name, or the topic path of a device. */
export function shardNamed(text: string, { shards }: KnownEstate): Shard {
  const found = shards.filter((shard) =>
    namesOf(shard).some(
      (name) => name === text || (name.includes("{") && text.startsWith(templateBeginning(name))),
    ),
  );
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new CommandError(
      `${JSON.stringify(text)} means several shards: ${found.map(({ name }) => name).join(", ")}; name one of them`,
      EXIT.usage,
    );
  // User names are keys of an API: a shard is suggested by its own name.
  const near = closest(text, shards.flatMap(namesOf));
  const suggestion = shards.find((shard) => near !== undefined && namesOf(shard).includes(near));
  const isPath = suggestion?.devices.some(({ settings }) => settings.path === near);
  throw unknown(
    "account",
    text,
    shards.map(({ name }) => name),
    isPath ? near : suggestion?.name,
  );
}

function namesOf({ name, devices }: Shard): string[] {
  const others = devices.flatMap(({ settings: { path, driverConfig } }) => {
    const { username } = driverConfig as { readonly username?: unknown };
    return typeof username === "string" ? [path, username] : path;
  });
  return [name, ...new Set(others)];
}

/** Returns the error for a name that nothing has. */
export function unknown(
  what: string,
  text: string,
  known: readonly string[],
  near: string | undefined = closest(text, known),
): CommandError {
  const remedy = near
    ? `; did you mean "${near}"?`
    : known.length > 0
      ? `; there are ${known.slice(0, 10).join(", ")}${known.length > 10 ? ", …" : ""}`
      : "; there is none";
  return new CommandError(`unknown ${what} ${JSON.stringify(text)}${remedy}`, EXIT.usage);
}
