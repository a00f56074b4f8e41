import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type BridgeSettings, FileVersions, listing, RecordedFiles } from "../config/index.ts";
import { type StorePlaces, storePlaces } from "../historian/index.ts";
import { isWithin, type LoadOptions, loadDevice, readBridge } from "../reload/bridge-files.ts";
import { inSlices } from "../time/in-slices.ts";
import type { LeftOut, StoreKind } from "./backup-folder.ts";

export interface Database {
  readonly file: string;
  readonly store: StoreKind;
  /** Folder of the closed days of a history. */
  readonly history?: string;
}

/** What a backup has to contain. */
export interface Sources {
  readonly databases: readonly Database[];
  readonly files: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * Order in which databases are copied, each as of its own time. A value, event or command moves from one store to the next; it is first
 * written there and then removed here. So whatever hands over is copied before what takes over, or a value could be in neither copy. The
 * state comes last, so that it has every command and limit that appears in the other copies.
 */
const ORDER: readonly StoreKind[] = ["queue", "history", "other", "sessions", "state"];
/** Locks, logs, reserves, counters and unfinished or damaged files: made anew, or of no use in a restored folder. */
const NOT_KEPT =
  /^(lock\.sqlite|lock\.json|restoring\.json)$|-(wal|shm|journal|ballast|mark)$|\.(new|part|scratch)$|\.(aside|damaged)-/;
/** Folders that the system fills at each start, e.g. with credentials of a service. */
const VOLATILE = ["/run", "/proc", "/sys", "/dev"];

/** Finds everything that a bridge needs to run again. */
export async function findSources(settings: BridgeSettings, options: LoadOptions): Promise<Sources> {
  const { data } = settings;
  const histories = storePlaces(settings.historian, data).filter(({ file }) => existsSync(file));
  const sessions =
    settings.sessions.backend === "sqlite"
      ? resolve(data, String(settings.sessions.connection.path ?? "sessions.sqlite"))
      : undefined;
  const kindOf = (file: string): StoreKind => {
    const history = histories.find((one) => one.file === file);
    if (history) return history.history === undefined ? "other" : "history";
    if (file === sessions) return "sessions";
    const name = basename(file);
    if (name === "outbox.sqlite" || /^spool(-[\w-]+)?\.sqlite$/.test(name)) return "queue";
    return name === "state.sqlite" ? "state" : "other";
  };
  const files = new Set<string>();
  const databases = new Map<string, Database>();
  const add = (file: string) => {
    const store = kindOf(file);
    const history = histories.find((one) => one.file === file)?.history;
    databases.set(file, { file, store, ...(history !== undefined && { history }) });
  };
  for (const { file } of histories) add(file);
  if (sessions !== undefined && existsSync(sessions)) add(sessions);
  for (const file of filesOf(data, histories))
    if (extname(file) === ".sqlite") add(file);
    else if (!databases.has(file)) files.add(file);

  const leftOut: LeftOut[] = [];
  for (const file of await configFiles(settings, options)) {
    if (VOLATILE.some((folder) => isWithin(folder, file)))
      leftOut.push({
        path: file,
        why: "the system provides it at each start; provide it again",
        provided: true,
      });
    else files.add(file);
  }
  const rank = ({ file, store }: Database) => rankOf(file, store);
  return {
    databases: [...databases.values()].sort((a, b) => rank(a) - rank(b)),
    files: [...files],
    leftOut,
  };
}

function rankOf(file: string, store: StoreKind): number {
  // Events of sessions go into the outbox; what the spools hold goes into the history.
  return basename(file) === "outbox.sqlite" ? ORDER.length - 1.5 : ORDER.indexOf(store);
}

/** Lists the files of the data folder that are kept, without those of closed days, of which the catalogue tells. */
function filesOf(folder: string, histories: readonly StorePlaces[]): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (NOT_KEPT.test(entry.name) || histories.some(({ history }) => history === path)) return [];
    if (entry.isDirectory()) return filesOf(path, histories);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? [path] : [];
  });
}

/** Returns the bridge config, all files of the folders of devices and registries, and every file that a config names. */
async function configFiles(settings: BridgeSettings, options: LoadOptions): Promise<Set<string>> {
  const read = new RecordedFiles(new FileVersions());
  const { secrets, env } = options;
  readBridge(options.config, { secrets, env, files: read });
  const named = new Set<string>([settings.file]);
  const configs = await inSlices(listing(settings.devices));
  const registries = await inSlices(listing(settings.registries));
  for (const file of [...configs.files, ...registries.files]) named.add(file);
  for (const file of configs.files) {
    if (![".json", ".jsonc", ".config"].includes(extname(file).toLowerCase())) continue;
    const { device } = loadDevice(file, settings, { secrets, env, files: read });
    if (device) named.add(device.registryFile);
  }
  for (const file of read.paths()) named.add(resolve(file));
  const isFile = (file: string) => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  return new Set([...named].filter(isFile));
}

/** Returns the nearest folder above all paths. */
export function folderAbove(paths: readonly string[]): string {
  let folder = dirname(paths[0]!);
  while (!paths.every((path) => isWithin(folder, path))) folder = dirname(folder);
  return folder;
}
