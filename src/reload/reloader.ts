/** Config files and registries change while the bridge runs: they are loaded again, and what changed is applied to the devices that it concerns. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Bus, Notice } from "../bus.ts";
import { type BridgeSettings, type Diagnostic, formatDiagnostic } from "../config/index.ts";
import type { Reloading, ReloadReport } from "../devices/commands.ts";
import type { ConfigChange, LoadedDevice, RunningDevices } from "../devices/index.ts";
import { describeChange } from "../devices/index.ts";
import { type Log, messageOf } from "../log/log.ts";
import type { Clock } from "../time/clock.ts";

/** The files of a bridge, as last loaded. */
export interface LoadedConfigs {
  /** Those of the load before where the bridge config has an error. */
  readonly settings: BridgeSettings;
  readonly devices: readonly LoadedDevice[];
  readonly diagnostics: readonly Diagnostic[];
  /** Folders in which a change may change the result: those of configs and registries, of the bridge config and of secret files. */
  readonly folders: ReadonlySet<string>;
}

export interface ReloaderOptions {
  /** What runs. */
  readonly loaded: LoadedConfigs;
  readonly load: () => Promise<LoadedConfigs>;
  readonly devices: RunningDevices["changes"];
  /** Returns why what was loaded must not be applied yet, if so. */
  readonly holdBack?: (loaded: LoadedConfigs) => string | undefined;
  /** Whether limits of removed devices can be reverted. */
  readonly mayWrite: () => boolean;
  /** Applies changed sections of the bridge config. */
  readonly changeSettings: (sections: readonly string[], settings: BridgeSettings) => void;
  /** Called with the folders to watch after each load. */
  readonly follow: (folders: ReadonlySet<string>) => void;
  readonly bus: Bus;
  readonly log: Log;
  readonly clock: Clock;
}

/** Sections of the bridge config that take effect at once. */
const LIVE: ReadonlySet<string> = new Set(["limits", "reload", "web", "integrations", "mail", "alerts"]);
/** Settings of them that take effect after a restart. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  web: ["enabled", "host", "port", "tls", "personalData"],
};
/** Maximum number of problems and of devices named in a message. */
const MOST_NAMED = 3;
/** Time after which changes that could not be made are tried again, in milliseconds. */
const RETRY_MS = 60_000;

interface Next {
  readonly after: readonly LoadedDevice[];
  readonly plan: readonly ConfigChange[];
  readonly problems: readonly Diagnostic[];
  readonly unconfirmed?: string;
  readonly settings: readonly string[];
  readonly afterRestart: readonly string[];
}

/** Reloads the configs, one reload at a time. A file with an error keeps what runs of it until it is mended. */
export class Reloader implements Reloading {
  readonly #options: ReloaderOptions;
  /** The settings with which the process was started. */
  readonly #started: BridgeSettings;
  #settings: BridgeSettings;
  #loadedAt: number;
  #problems: readonly Diagnostic[];
  #unconfirmed: string | undefined;
  #afterRestart: readonly string[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    const { settings, diagnostics } = options.loaded;
    this.#started = settings;
    this.#settings = settings;
    this.#loadedAt = options.clock.now();
    this.#problems = errorsOf(diagnostics);
  }

  start(): void {
    const { follow, loaded } = this.#options;
    follow(loaded.folders);
  }

  /** Resolves when a reload that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    await this.#last;
  }

  /** Section of the health message. */
  get health() {
    const state = this.#unconfirmed ? "unconfirmed" : this.#problems.length > 0 ? "config_error" : "ok";
    return {
      state,
      loadedAt: new Date(this.#loadedAt).toISOString(),
      ...(this.#unconfirmed && { text: this.#unconfirmed }),
      problemCount: this.#problems.length,
      /** The first of them. */
      problems: this.#problems.slice(0, MOST_NAMED).map((problem) => formatDiagnostic(problem)),
      afterRestart: this.#afterRestart,
    };
  }

  reload(options: { readonly confirm?: boolean; readonly preview?: boolean } = {}): Promise<ReloadReport> {
    return this.#inTurn(() => this.#reload(options));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => undefined);
    return working;
  }

  /** Reloads because a file may have changed; reports what cannot be loaded. */
  async filesChanged(): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.#inTurn(() => this.#reload({ isReported: false }));
    } catch (error) {
      const text = `the configs cannot be loaded again, and what runs goes on: ${messageOf(error)}`;
      this.#say("error", "config_error", text);
    }
  }

  /** `isReported`: whether anybody reads which devices were changed; of a fleet it takes long to say. */
  async #reload({ confirm = false, preview = false, isReported = true }): Promise<ReloadReport> {
    const { load, follow, devices, mayWrite, changeSettings, clock } = this.#options;
    const loaded = await load();
    await nextTurn();
    const next = await this.#next(loaded, confirm);
    const { after, plan, settings, afterRestart } = next;
    const unconfirmed = next.unconfirmed ?? this.#options.holdBack?.(loaded);
    const report = { settings, afterRestart };
    if (preview || unconfirmed !== undefined) {
      if (!preview) {
        follow(loaded.folders);
        this.#note(next.problems, unconfirmed, afterRestart);
      }
      const { problems } = next;
      const result = unconfirmed !== undefined ? "unconfirmed" : resultOf(plan, settings, problems);
      return { result, changes: plan.map(describeChange), ...report, problems };
    }
    follow(loaded.folders);
    const holds = mayWrite() ? loaded.settings.reload.holds : "keep";
    // Comparing and changing the devices of a fleet each take long.
    await nextTurn();
    const { changes, problems: found } = await devices.apply(after, plan, holds);
    changeSettings(settings, loaded.settings);
    this.#settings = loaded.settings;
    this.#loadedAt = clock.now();
    const problems = [...next.problems, ...errorsOf(found)];
    this.#note(problems, undefined, afterRestart);
    this.#sayApplied(changes, settings);
    // A limit that could not be reverted now may be later.
    this.#cancelRetry?.();
    if (errorsOf(found).length > 0 && !this.#isStopped)
      this.#cancelRetry = clock.after(RETRY_MS, () => void this.filesChanged());
    const result = resultOf(changes, settings, problems);
    return { result, changes: isReported ? changes.map(describeChange) : [], ...report, problems };
  }

  /** Compares what was loaded with what runs. */
  async #next(
    { settings: loaded, devices: configs, diagnostics }: LoadedConfigs,
    confirm: boolean,
  ): Promise<Next> {
    const { devices } = this.#options;
    const errors = errorsOf(diagnostics);
    const broken = new Set(errors.map(({ file }) => file));
    const runs = new Map(devices.current.map((one) => [one.settings.file, one]));
    const faults = new Set<Diagnostic>();
    const isFaulty = (one: LoadedDevice): boolean => {
      const found = errorsOf(devices.faultsOf(one));
      for (const fault of found) faults.add(fault);
      return found.length > 0 || broken.has(one.settings.registryFile);
    };
    const after = configs.map((one) => {
      const before = runs.get(one.settings.file);
      if (!isFaulty(one) || !before) return one;
      const isSameRegistry = before.settings.registryFile === one.settings.registryFile;
      return isSameRegistry ? { settings: one.settings, rows: before.rows } : before;
    });
    const files = new Set(configs.map(({ settings }) => settings.file));
    const paths = new Set(configs.map(({ settings }) => settings.path));
    for (const [file, one] of runs)
      if (broken.has(file) && !files.has(file) && !paths.has(one.settings.path)) after.push(one);
    await nextTurn();
    const plan = devices.plan(after);
    const { running, removed } = devices.countRemoved(plan);
    const changed = sections(loaded).filter(
      (name) => LIVE.has(name) && !isDeepStrictEqual(livePart(loaded, name), livePart(this.#settings, name)),
    );
    return {
      after,
      plan,
      problems: [...errors, ...faults],
      ...(removed * 2 > running &&
        !confirm && { unconfirmed: unconfirmedText(removed, running, loaded.devices) }),
      settings: changed,
      afterRestart: sections(loaded)
        .filter((name) => !isDeepStrictEqual(fixedPart(loaded, name), fixedPart(this.#started, name)))
        .map(nameInFile),
    };
  }

  /** Keeps the state of the configs, and reports it where it has changed. */
  #note(
    problems: readonly Diagnostic[],
    unconfirmed: string | undefined,
    afterRestart: readonly string[],
  ): void {
    const before = [this.#problems, this.#unconfirmed, this.#afterRestart] as const;
    this.#problems = problems;
    this.#unconfirmed = unconfirmed;
    this.#afterRestart = afterRestart;
    if (unconfirmed !== undefined && unconfirmed !== before[1])
      this.#say("error", "config_unconfirmed", unconfirmed);
    if (problems.length > 0 && !isDeepStrictEqual(problems, before[0])) {
      const text = `files have errors, and what runs of them goes on as before: ${few(problems, (problem) => formatDiagnostic(problem), "; ")}`;
      this.#say("error", "config_error", text);
    }
    if (
      problems.length === 0 &&
      unconfirmed === undefined &&
      (before[0].length > 0 || before[1] !== undefined)
    )
      this.#say("info", "config_ok", "all configs and registries are valid");
    if (afterRestart.length > 0 && !isDeepStrictEqual(afterRestart, before[2]))
      this.#say(
        "warning",
        "config_after_restart",
        `changed settings take effect after a restart: ${afterRestart.join(", ")}`,
      );
  }

  #say(severity: Notice["severity"], kind: string, text: string): void {
    const { log, bus, clock } = this.#options;
    log[severity === "warning" ? "warn" : severity](text, { kind });
    bus.emit("notice", { severity, kind, text, at: new Date(clock.now()) });
  }

  #sayApplied(changes: readonly ConfigChange[], settings: readonly string[]): void {
    if (changes.length === 0 && settings.length === 0) return;
    const kinds = Map.groupBy(changes, ({ kind }) => kind);
    const named = (change: ConfigChange) => {
      const { device, text } = describeChange(change);
      return `${device} (${text})`;
    };
    const devices = [...kinds].map(([kind, some]) => `${some.length} ${kind}: ${few(some, named, ", ")}`);
    const text = [...devices, ...settings.map((name) => `${name} changed`)].join("; ");
    this.#say("info", "config_applied", `the changed configs are in effect: ${text}`);
  }
}

function resultOf(
  changes: readonly unknown[],
  settings: readonly unknown[],
  problems: readonly unknown[],
): ReloadReport["result"] {
  if (changes.length > 0 || settings.length > 0) return "applied";
  return problems.length > 0 ? "invalid" : "unchanged";
}

function errorsOf(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.filter(({ severity }) => severity === "error");
}

type Section = Exclude<keyof BridgeSettings, "file">;

function sections(settings: BridgeSettings): Section[] {
  return Object.keys(settings).filter((name) => name !== "file") as Section[];
}

/** Returns what takes effect at once of a section. */
function livePart(settings: BridgeSettings, name: Section): object {
  const fixed = FIXED[name] ?? [];
  return Object.fromEntries(Object.entries(settings[name]).filter(([key]) => !fixed.includes(key)));
}

/** Returns what takes effect after a restart of a section. */
function fixedPart(settings: BridgeSettings, name: Section): unknown {
  if (!LIVE.has(name)) return settings[name];
  const fixed = FIXED[name] ?? [];
  return Object.entries(settings[name]).filter(([key]) => fixed.includes(key));
}

/** Returns the name that a section has in the config file. */
function nameInFile(section: string): string {
  return section.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function unconfirmedText(removed: number, running: number, folder: string): string {
  return `${removed} of ${running} devices have no config any more, so nothing was changed: is ${folder} complete? "voltbridge reload --confirm" removes them`;
}

function few<T>(all: readonly T[], name: (one: T) => string, separator: string): string {
  const more = all.length - MOST_NAMED;
  return `${all.slice(0, MOST_NAMED).map(name).join(separator)}${more > 0 ? ` and ${more} more` : ""}`;
}
