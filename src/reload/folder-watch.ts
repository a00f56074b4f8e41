/** Says when files in the folders of configs and registries have changed, whatever an editor or a deployment does to them. */

import { type FSWatcher, readdirSync, type Stats, statSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { type Log, messageOf } from "../log/log.ts";
import { Reported } from "../log/notices.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { inSlices } from "../time/in-slices.ts";

export interface FolderWatchOptions {
  onChange(): void;
  readonly log: Log;
  readonly clock?: Clock;
  /** Milliseconds without a change after which `onChange` is called. */
  readonly quietMs?: number;
  /** Maximum time from the first change to `onChange`, in milliseconds. */
  readonly longestMs?: number;
  /** Watches one folder. */
  readonly watch?: typeof watch;
}

/** Time between two looks at all folders, in milliseconds: at mounts, which cause no event, and at those that cannot be watched. */
const LOOK_MS = 2000;

/** Files that the bridge itself keeps, where its data folder is also a watched one. */
const OWN_FILES = /\.sqlite(-[a-z]+)?$|^lock\.json$|\.part$/;

interface Followed {
  /** The folder itself, or its nearest existing parent while it does not exist. */
  readonly at: string;
  /** Identity of `at`: another folder may take its place. */
  readonly identity: string;
  /** Undefined for a folder that cannot be watched. */
  readonly watcher: FSWatcher | undefined;
  /** The entries of a folder that cannot be watched. */
  entries: string | undefined;
}

/**
 * Calls `onChange` once after changes in the watched folders. A folder that begins to be watched counts as a change: what happened in it
 * between the load that named it and now had no watcher.
 */
export class FolderWatch {
  readonly #onChange: () => void;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #longestMs: number;
  readonly #watch: typeof watch;
  readonly #followed = new Map<string, Followed>();
  readonly #failures = new Reported();
  #looking: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** Monotonic times of the first and the last change that `onChange` was not called for yet. */
  #pending: { readonly first: number; last: number; cancel: () => void } | undefined;

  constructor(options: FolderWatchOptions) {
    this.#onChange = options.onChange;
    this.#log = options.log.part("reload");
    this.#clock = options.clock ?? systemClock;
    this.#quietMs = options.quietMs ?? 300;
    this.#longestMs = options.longestMs ?? 3000;
    this.#watch = options.watch ?? watch;
  }

  /** Watches these folders instead of those before. One that does not exist is waited for. */
  follow(folders: ReadonlySet<string>): void {
    for (const folder of [...this.#followed.keys()]) if (!folders.has(folder)) this.#close(folder);
    for (const folder of folders) {
      const { at, watcher } = this.#followed.get(folder) ?? {};
      if (at === undefined || (at === folder && !watcher)) this.#open(folder);
    }
    if (this.#looking) return;
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
    this.#looking.unref();
  }

  stop(): void {
    for (const folder of [...this.#followed.keys()]) this.#close(folder);
    clearInterval(this.#looking);
    this.#looking = undefined;
    this.#pending?.cancel();
    this.#pending = undefined;
  }

  #open(folder: string): void {
    const before = this.#followed.get(folder);
    this.#close(folder);
    // What is made or removed while it begins is found by a second look.
    for (let tries = 0; tries < 3; tries++) {
      const at = nearest(folder);
      const watcher = this.#watcherOf(folder, at);
      const known = before?.at === folder ? before.entries : undefined;
      const entries = watcher || at !== folder ? undefined : (known ?? entriesOf(folder));
      this.#followed.set(folder, { at, identity: identityOf(at), watcher, entries });
      if (!this.#isStale(folder)) break;
      this.#close(folder);
    }
    const { at, watcher } = this.#followed.get(folder) ?? {};
    if (at === folder && (watcher || !before)) this.#changed();
  }

  #close(folder: string): void {
    this.#followed.get(folder)?.watcher?.close();
    this.#followed.delete(folder);
  }

  #watcherOf(folder: string, at: string): FSWatcher | undefined {
    try {
      const watcher = this.#watch(at, { persistent: false }, (_, name) => this.#onEvent(folder, at, name));
      watcher.on("error", (error) => {
        watcher.close();
        const followed = this.#followed.get(folder);
        if (followed?.watcher !== watcher) return;
        this.#followed.set(folder, { ...followed, watcher: undefined, entries: undefined });
        this.#report(at, error);
        this.#changed();
      });
      return watcher;
    } catch (error) {
      // A folder that was removed meanwhile is waited for.
      if (identityOf(at) !== "") this.#report(at, error);
      return undefined;
    }
  }

  #report(folder: string, error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    if (!this.#failures.isNew(code ?? messageOf(error))) return;
    this.#log.warn(
      `cannot watch ${folder} (${code ?? messageOf(error)}): changes there, and in other folders that cannot be watched, are noticed by ` +
        `a look every ${LOOK_MS / 1000} s. ${REMEDIES[code ?? ""] ?? 'Use "voltbridge reload" if a change is missed'}`,
    );
  }

  #onEvent(folder: string, at: string, name: string | null): void {
    if (name !== null && OWN_FILES.test(name)) return;
    if (at === folder) this.#changed();
    else if (this.#isStale(folder)) this.#open(folder);
  }

  /** Returns whether a path leads to another folder than the one that is watched. */
  #isStale(folder: string): boolean {
    const followed = this.#followed.get(folder);
    const at = nearest(folder);
    return followed?.at !== at || followed.identity !== identityOf(at);
  }

  /** Looks at every folder: is it still there, is it the same, and, where it cannot be watched, are its entries. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    await inSlices(this.#lookAtAll());
    this.#isLooking = false;
  }

  *#lookAtAll(): Generator<void, void> {
    for (const folder of [...this.#followed.keys()]) {
      yield;
      this.#renew(folder);
      const followed = this.#followed.get(folder);
      if (!followed || followed.watcher || followed.at !== folder) continue;
      const entries = entriesOf(folder);
      if (entries !== followed.entries) this.#changed();
      followed.entries = entries;
    }
  }

  /** Watches what a path leads to now. A folder that went counts as a change as one that came. */
  #renew(folder: string): void {
    if (!this.#followed.has(folder) || !this.#isStale(folder)) return;
    const wasThere = this.#followed.get(folder)?.at === folder;
    this.#open(folder);
    if (wasThere) this.#changed();
  }

  #changed(): void {
    const now = this.#clock.monotonic();
    if (this.#pending) this.#pending.last = now;
    else this.#pending = { first: now, last: now, cancel: this.#clock.after(this.#quietMs, this.#settle) };
  }

  readonly #settle = (): void => {
    const pending = this.#pending;
    if (!pending) return;
    const due = Math.min(pending.last + this.#quietMs, pending.first + this.#longestMs);
    const wait = due - this.#clock.monotonic();
    if (wait > 0) {
      pending.cancel = this.#clock.after(wait, this.#settle);
      return;
    }
    void this.#finish(pending);
  };

  /** Watches folders that were replaced again before their files are read. */
  async #finish(pending: object): Promise<void> {
    await inSlices(this.#renewAll());
    if (this.#pending !== pending) return;
    this.#pending = undefined;
    this.#onChange();
  }

  *#renewAll(): Generator<void, void> {
    for (const folder of [...this.#followed.keys()]) {
      yield;
      this.#renew(folder);
    }
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Raise fs.inotify.max_user_watches (sysctl)",
  EMFILE: "Raise fs.inotify.max_user_instances (sysctl), and the limit of open files (ulimit -n)",
};

/** Returns the folder, or its nearest parent that exists. */
function nearest(folder: string): string {
  for (let at = folder; ; at = dirname(at)) if (identityOf(at) !== "" || at === dirname(at)) return at;
}

/** Returns which folder a path leads to; nothing if to none. */
function identityOf(path: string): string {
  const stats = statsOf(path);
  return stats?.isDirectory() ? `${stats.dev} ${stats.ino}` : "";
}

function entriesOf(folder: string): string {
  try {
    return readdirSync(folder)
      .filter((name) => !OWN_FILES.test(name))
      .map((name) => {
        const stats = statsOf(join(folder, name));
        return `${name}/${stats?.ino}/${stats?.size}/${stats?.mtimeMs}/${stats?.ctimeMs}`;
      })
      .join("\n");
  } catch {
    return "";
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
