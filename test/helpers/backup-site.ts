import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type BackupOptions, type BackupReport, backUp } from "../../src/backup/back-up.ts";
import { DAY } from "../../src/historian/time.ts";
import { Secrets } from "../../src/log/log.ts";
import { readBridge } from "../../src/reload/bridge-files.ts";
import { Connection } from "../../src/storage/sqlite.ts";
import { cli, type Outcome } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { MIDNIGHT, THE_DAY } from "../historian/stores/sqlite/days/rows.ts";
import { SmallStore } from "../historian/stores/sqlite/days/small-store.ts";
import { freePort } from "./mosquitto.ts";

const SECOND = 1_000_000;

/** The registry of a site to be backed up. */
export const REGISTRY = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes,Min,Max",
  "load,constant(3.6),FakeRegister,1,float,kW,,FALSE,,,",
  "limit,memory(7.2),FakeRegister,1,float,kW,,TRUE,,,22",
  "",
].join("\n");

/** A bridge with one device and an embedded broker, a folder for its backups, and one for a restored copy. */
export class BackupSite {
  readonly place: Workplace;
  readonly config: string;
  readonly folder: string;

  static async make(settings: Readonly<Record<string, unknown>> = {}): Promise<BackupSite> {
    return new BackupSite(await freePort(), settings);
  }

  private constructor(port: number, settings: Readonly<Record<string, unknown>>) {
    this.place = new Workplace({
      "site/configs/bridge.json": {
        ...{ instance: "desk", data: "../data", mqtt: { embedded: { port } } },
        actuator: { confirm_timeout: 1 },
        ...settings,
      },
      "site/configs/devices/lab/one.json": {
        ...{ driver_type: "fake", driver_config: {}, registry_config: "config://fake.csv", interval: 1 },
      },
      "site/registry/fake.csv": REGISTRY,
    });
    this.config = this.place.at("site/configs/bridge.json");
    this.folder = this.place.at("backups");
  }

  remove(): void {
    this.place.remove();
  }

  /** Path in the data folder of the site, or of its copy. */
  data(path = "", site = "site"): string {
    return this.place.at(join(site, "data", path));
  }

  /** Three closed days of 500 values, in the data folder or elsewhere. */
  fill(folder = this.data()): void {
    for (const one of [this.data(), folder]) mkdirSync(one, { mode: 0o700, recursive: true });
    const store = new SmallStore(folder);
    for (let day = 0; day < 3; day++)
      store.write(
        ...Array.from({ length: 500 }, (_, n) => {
          return ["site/s1/load", MIDNIGHT + day * DAY + n * SECOND, n % 9] as const;
        }),
      );
    store.closeDays(THE_DAY + 3);
    store.end();
  }

  /** The parts of the embedded store, to be ended. */
  store(): SmallStore {
    return new SmallStore(this.data());
  }

  backup(...args: string[]): Promise<Outcome> {
    return cli(["backup", this.folder, "--config", this.config, ...args]);
  }

  verify(...args: string[]): Promise<Outcome> {
    return cli(["backup", "verify", this.folder, ...args]);
  }

  restore(...args: string[]): Promise<Outcome> {
    return cli(["restore", this.folder, "--to", this.place.at("copy"), ...args]);
  }

  /** Makes a backup in this process, where something can be done at each step of it. */
  backUp(more: Partial<BackupOptions> = {}): Promise<BackupReport> {
    const load = { config: this.config, secrets: new Secrets(), env: {} };
    return backUp({
      ...{ settings: readBridge(this.config, load).settings!, load, folder: this.folder, version: "0.0.0" },
      signal: new AbortController().signal,
      onProgress: () => {},
      ...more,
    });
  }

  /** Returns all values of a topic in the filled days, as the command prints them. */
  async query(site = "site", topic = "site/s1/load"): Promise<readonly unknown[]> {
    const range = ["--start", "2026-11-21T00:00:00Z", "--end", "2026-11-25T00:00:00Z"];
    const config = this.place.at(`${site}/configs/bridge.json`);
    const { stdout } = await cli(["history", "query", topic, ...range, "--json", "--config", config]);
    return JSON.parse(stdout).values[topic];
  }

  /** Contents of the backups, by path in the folder. */
  objects(): string[] {
    const all = existsSync(join(this.folder, "objects"))
      ? readdirSync(join(this.folder, "objects"), { recursive: true, encoding: "utf8" })
      : [];
    return all.filter((path) => path.includes("/"));
  }
}

/** Returns every row of every table of a database, but those of the clock, which go on. */
export function contentsOf(file: string): Record<string, unknown[]> {
  const database = Connection.open(file, { readOnly: true });
  try {
    const tables = database.all<[name: string]>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    );
    return Object.fromEntries(
      tables.map(([name]) => [
        name,
        database
          .all(`SELECT * FROM "${name}"`)
          .filter(([namespace]) => name !== "state" || namespace !== "clock"),
      ]),
    );
  } finally {
    database.close();
  }
}
