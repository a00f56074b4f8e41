import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto } from "./mosquitto.ts";
import { Recorder } from "./mqtt-recorder.ts";
import { Site } from "./site.ts";

/** Kept data folders, one folder for each version; each file is compressed. */
export const KEPT_FOLDERS = join(import.meta.dirname, "../cases/data-folder");

/** What the program answers about a data folder. Only what was in it when it was kept: nothing that came later. */
export interface Answers {
  readonly held: readonly unknown[];
  readonly overrides: readonly unknown[];
  readonly reservations: readonly unknown[];
  /** Number of values of each topic, and the sum of those that are numbers. */
  readonly history: Readonly<Record<string, readonly [values: number, sum: number]>>;
  /** Those that a second store got, for which they waited. */
  readonly second: Readonly<Record<string, readonly [values: number, sum: number]>>;
  /** Number of messages that waited for the broker, by topic. */
  readonly waited: Readonly<Record<string, number>>;
  readonly deadLetters: readonly unknown[];
  readonly sessions: { readonly count: number; readonly kwh: number };
  /** Files of each backup, and what is wrong with them. */
  readonly backups: readonly unknown[];
}

/** Returns the simulated network of the kept folders. `traffic`: with vehicles, and sessions of the day before. */
export function networkOf(traffic: boolean): Promise<Simulator> {
  return startSimulator({ stations: 2, traffic, incidents: false });
}

/** Makes the site of the kept folders, without its data. `second`: file of the second store. */
export function siteOf(simulator: Simulator, brokerUrl: string, second: string): Site {
  const { endpoint, username, password, stationIDs } = simulator;
  return new Site({
    ...{ endpoint, username, password, stationIDs },
    bridge: {
      mqtt: { url: brokerUrl },
      sessions: { enabled: true },
      historian: { also: [{ name: "second", backend: "sqlite", connection: { path: second } }] },
    },
    device: { interval: 2 },
    driver: { shed_lease_minutes: 0 },
  });
}

/** Compresses the files of a folder into another one. */
export function keep(folder: string, target: string): void {
  for (const file of filesOf(folder)) {
    const kept = join(target, `${relative(folder, file)}.gz`);
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, gzipSync(readFileSync(file), { level: 9 }));
  }
}

/** Puts the files of a kept folder into another one. */
export function unpack(kept: string, folder: string): void {
  for (const file of filesOf(kept)) {
    const target = join(folder, relative(kept, file).replace(/\.gz$/, ""));
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    writeFileSync(target, gunzipSync(readFileSync(file)), { mode: 0o600 });
  }
}

export function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Runs a command that prints JSON, which must succeed. */
export async function ask(...args: string[]): Promise<never> {
  const { code, stdout, stderr } = await cli([...args, "--json"]);
  if (code !== 0) throw new Error(`voltbridge ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as never;
}

/**
 * Opens a kept folder with the program of today, twice, and returns its answers of each life. `until`: when the folder was kept, as ISO
 * 8601; what is later is left out of the answers.
 */
export async function answersOf(kept: string, until: string, lives = 2): Promise<Answers[]> {
  await using stack = new AsyncDisposableStack();
  const simulator = await networkOf(false);
  stack.defer(() => simulator.close());
  const broker = await Mosquitto.run();
  stack.defer(() => broker.dispose());
  const site = siteOf(simulator, broker.url, "second.sqlite");
  stack.defer(() => site.remove());
  unpack(join(kept, "data"), site.data);
  const backups = join(site.folder, "backups");
  if (existsSync(join(kept, "backups"))) unpack(join(kept, "backups"), backups);
  site.write("configs/second.json", {
    data: "../data",
    historian: { backend: "sqlite", connection: { path: "second.sqlite" } },
  });
  const answers: Answers[] = [];
  for (let life = 0; life < lives; life++) answers.push(await live(site, broker.url, backups, until));
  return answers;
}

/** Runs a bridge, and a historian where the folder has been one's, until everything that waited has gone out. */
async function live(site: Site, url: string, backups: string, until: string): Promise<Answers> {
  await using stack = new AsyncDisposableStack();
  const ear = await Recorder.connect(url, {}, "devices/#");
  stack.defer(() => ear.close());
  const processes = ["run", ...(readdirSync(site.data).includes("historian") ? ["historian"] : [])].map(
    (command) => new RunningCli([command, "--config", site.config]),
  );
  for (const process of processes)
    stack.defer(async () => {
      await process.stop();
    });
  await processes[0]!.printed(/running devices=2/);
  // Messages are published in the order in which they were accepted.
  for (const device of ["s1", "s2"])
    await ear.find(`devices/site/${device}/all`, ({ text }) => timeOf(text) > until);

  const config = ["--config", site.config];
  const { held } = await ask("sheds", ...config);
  const overrides: { readonly pattern: string }[] = await ask("override", "list", ...config);
  const reservations: Task[] = await ask("schedule", "list", ...config);
  const sessions: Session[] = await ask(
    "sessions",
    "list",
    ...["--from", "2026-01-01T00:00:00Z", "--to", until],
    ...config,
  );
  const dead: DeadLetter[] = await ask("deadletter", "list", ...config);
  const all = ear.messages.filter(({ topic, text }) => topic.endsWith("/all") && timeOf(text) <= until);
  for (const process of processes) {
    const { stderr } = await process.stop();
    if (/damaged|set aside|newer/.test(stderr)) throw new Error(stderr);
  }
  return {
    held: (held as Held[]).map(({ device, point, value, requester }) => ({
      device,
      point,
      value,
      requester,
    })),
    overrides: overrides.map(({ pattern }) => pattern),
    reservations: reservations.map(({ taskId, requester, priority, slots }) => ({
      ...{ taskId, requester, priority, slots },
    })),
    // After the processes have stored what they had.
    history: await exported(site, site.config, until),
    second: await exported(site, join(site.folder, "configs/second.json"), until),
    waited: Object.fromEntries(
      [...Map.groupBy(all, ({ topic }) => topic)].map(([topic, messages]) => [topic, messages.length]).sort(),
    ),
    deadLetters: dead.map(({ sink, reason, key, samples }) => ({ sink, reason, key, samples })),
    sessions: {
      count: sessions.length,
      kwh: rounded(sessions.reduce((sum, { energy_kwh }) => sum + Number(energy_kwh ?? 0), 0)),
    },
    backups: existsSync(backups) ? await checked(backups) : [],
  };
}

interface Held {
  readonly device: string;
  readonly point: string;
  readonly value: unknown;
  readonly requester: string;
}
interface Task {
  readonly taskId: string;
  readonly requester: string;
  readonly priority: string;
  readonly slots: unknown;
}
interface Session {
  readonly energy_kwh: number | null;
}
interface DeadLetter {
  readonly sink: string;
  readonly reason: string;
  readonly key: string;
  readonly samples: number;
}

async function checked(backups: string): Promise<unknown[]> {
  const list: { readonly name: string; readonly files: number; readonly faults: unknown }[] = await ask(
    ...["backup", "verify", backups],
  );
  return list.map(({ name, files, faults }) => ({ name, files, faults }));
}

/** Returns the number of values of every topic of a store, and the sum of the numbers. */
async function exported(
  site: Site,
  config: string,
  until: string,
): Promise<Record<string, [values: number, sum: number]>> {
  const out = join(site.folder, "export.json");
  await ask("history", "export", "--out", out, "--end", until, "--config", config);
  const { values } = JSON.parse(readFileSync(out, "utf8")) as {
    readonly values: Readonly<Record<string, readonly (readonly [time: string, value: unknown])[]>>;
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([topic, rows]) => {
      const sum = rows.reduce((all, [, value]) => all + (typeof value === "number" ? value : 0), 0);
      return rows.length > 0 ? [[topic, [rows.length, rounded(sum)]]] : [];
    }),
  );
}

function timeOf(text: string): string {
  return String(JSON.parse(text).at(-1)?.TimeStamp ?? "");
}

function rounded(sum: number): number {
  return Math.round(sum * 1000) / 1000;
}
