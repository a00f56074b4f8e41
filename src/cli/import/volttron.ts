import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { JsonDocument } from "../../config/index.ts";
import { csvLine } from "../../csv-cell.ts";
import { messageOf } from "../../log/log.ts";
import { devicePathFault } from "../../points/index.ts";
import { driverSchemas } from "../../reload/bridge-files.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { readExport, type StoredConfig } from "./volttron-store.ts";

interface Flags {
  readonly out: string;
  readonly json?: true;
}

export function volttron(group: Command, terminal: Terminal): void {
  group
    .command("volttron")
    .description(
      "Convert an export of VOLTTRON's configuration store into device configs, registries and a bridge config. Overwrites nothing.",
    )
    .argument(
      "<dir>",
      "folder of configs named as in the store, the folder configuration_store, or one .store file of it",
    )
    .option("--out <folder>", "folder to write configs/ and registry/ into", ".")
    .option("--json", "print JSON")
    .action((path: string, flags: Flags) => importStore(path, flags, terminal));
}

/** A file made of a config of the store. */
interface Converted {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** What differs from the original. */
  readonly notes: readonly string[];
}

interface Left {
  readonly name: string;
  readonly reason: string;
}

function importStore(path: string, flags: Flags, terminal: Terminal): void {
  if (!statSync(path, { throwIfNoEntry: false }))
    throw new CommandError(`no such file or folder: ${path}`, EXIT.usage);
  const { driver, actuator, unread } = readExport(path);
  const conversion = new Conversion(driver);
  conversion.addDevices();
  conversion.addSettings([...driver, ...actuator].filter(({ name }) => name === "config"));
  const left = [...unread, ...conversion.left];
  const kept: string[] = [];
  const written = conversion.files.filter((file) => {
    const isNew = write(join(flags.out, file.to), file.text);
    if (!isNew) kept.push(file.to);
    return isNew;
  });
  const shown = written.map(({ from, to, notes }) => ({ from, to, notes }));
  if (flags.json) printJson(terminal, { written: shown, kept, left });
  else terminal.out(report(shown, kept, left, flags.out));
  if (conversion.files.length === 0)
    throw new CommandError(`${path} has no config of the driver that can be converted`, EXIT.failed);
  if (kept.length > 0) throw new CommandError("", EXIT.failed);
}

function report(
  written: readonly Omit<Converted, "text">[],
  kept: readonly string[],
  left: readonly Left[],
  out: string,
): string {
  const parts: string[] = [];
  if (written.length > 0)
    parts.push(
      formatTable(
        ["from", "to"],
        written.map(({ from, to }) => [from, to]),
      ),
    );
  const notes = written.flatMap(({ to, notes: own }) => own.map((note) => `  ${to}: ${note}\n`));
  if (notes.length > 0) parts.push(`changed on the way:\n${notes.join("")}`);
  if (kept.length > 0)
    parts.push(`already there, not overwritten:\n${kept.map((file) => `  ${file}\n`).join("")}`);
  if (left.length > 0)
    parts.push(`not converted:\n${left.map(({ name, reason }) => `  ${name}: ${reason}\n`).join("")}`);
  const config = join(out, BRIDGE_FILE);
  if (written.length > 0)
    parts.push(`${counted(written.length, "file")} written. Next: voltbridge check --config ${config}\n`);
  return parts.join("\n");
}

/** Writes a new file that only its owner can read, as it may hold a password; returns whether it did not exist. */
function write(file: string, text: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new CommandError(`cannot write: ${messageOf(error)}`, EXIT.failed, { cause: error });
  }
}

const BRIDGE_FILE = "configs/bridge.json";
const REFERENCE = /^config:\/\//i;
const TOPIC_KEYS = ["campus", "building", "unit", "path"];

/** Settings of VOLTTRON's driver and actuator, with the setting of the bridge that each becomes. */
const SETTINGS: Readonly<Record<string, readonly [section: "driver" | "actuator", key: string]>> = {
  driver_scrape_interval: ["driver", "driver_scrape_interval"],
  group_offset_interval: ["driver", "group_offset_interval"],
  publish_depth_first_all: ["driver", "publish_depth_first_all"],
  publish_breadth_first_all: ["driver", "publish_breadth_first_all"],
  publish_depth_first: ["driver", "publish_depth_first"],
  publish_breadth_first: ["driver", "publish_breadth_first"],
  heartbeat_interval: ["driver", "heartbeat_interval"],
  schedule_publish_interval: ["actuator", "schedule_publish_interval"],
  preempt_grace_time: ["actuator", "preempt_grace_time"],
  allow_no_lock_write: ["actuator", "require_schedule"],
};

type Json = Record<string, unknown>;

class Conversion {
  readonly files: Converted[] = [];
  readonly left: Left[] = [];
  readonly #store: readonly StoredConfig[];
  /** Names of the store without regard to case, as VOLTTRON finds them. */
  readonly #byName: ReadonlyMap<string, StoredConfig>;
  /** Files of registries by the name in the store. */
  readonly #registries = new Map<string, string>();
  readonly #paths = new Map<string, string>();

  constructor(store: readonly StoredConfig[]) {
    this.#store = store;
    this.#byName = new Map(store.map((config) => [config.name.toLowerCase(), config]));
  }

  addDevices(): void {
    const used = new Set<string>(["config"]);
    for (const config of this.#store) {
      const { name, text } = config;
      const isDevice = /^devices\//i.test(name) || /"driver_type"/.test(text);
      if (!isDevice) continue;
      used.add(name);
      const document = new JsonDocument(name, text);
      const value = document.value as Json | undefined;
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        const [problem] = document.problems;
        const where = problem ? ` (line ${problem.line}, column ${problem.column}: ${problem.message})` : "";
        this.#leave(name, `it is not a JSON object${where}`);
      } else this.#addDevice(config, value);
    }
    for (const { name } of this.#store)
      if (!used.has(name) && !this.#registries.has(name.toLowerCase()))
        this.#leave(name, "no device that was converted uses it");
  }

  #leave(name: string, reason: string): void {
    this.left.push({ name, reason });
  }

  #addDevice({ name, text }: StoredConfig, value: Json): void {
    const type = value.driver_type;
    if (typeof type !== "string" || !Object.hasOwn(driverSchemas, type)) {
      const known = Object.keys(driverSchemas).join(", ");
      this.#leave(name, `there is no driver type ${JSON.stringify(type ?? null)} here, only ${known}`);
      return;
    }
    const notes: string[] = [];
    const device = this.#withoutLinks(value, notes);
    const inStore = /^devices\/(.+)$/i.exec(name)?.[1]?.replace(/\.(json|jsonc|config)$/i, "");
    const keys = TOPIC_KEYS.filter((key) => device[key]);
    const byKeys = keys.map((key) => String(device[key])).join("/");
    const path = inStore ?? (byKeys || name.replace(/\.[^./]*$/, ""));
    const fault = devicePathFault(path) ?? pathFault(path);
    if (fault !== undefined) {
      this.#leave(name, `its topic path ${fault}`);
      return;
    }
    const other = this.#paths.get(path.toLowerCase());
    if (other !== undefined) {
      this.#leave(name, `${other} has the same topic path ${path}`);
      return;
    }
    if (keys.length > 0 && byKeys !== path) {
      for (const key of TOPIC_KEYS) delete device[key];
      notes.push(`without ${keys.join(", ")}: VOLTTRON takes the topic from the name in the store`);
    }
    if (!this.#addRegistry(name, device, notes)) return;
    this.#paths.set(path.toLowerCase(), name);
    const to = `configs/devices/${path}.json`;
    const isSame = JSON.stringify(device) === JSON.stringify(value);
    this.files.push({ from: name, to, notes, text: isSame ? text : `${JSON.stringify(device, null, 2)}\n` });
  }

  /** Returns a copy with the configs that it links to in place of their links; the registry stays a link. */
  #withoutLinks(value: Json, notes: string[]): Json {
    const resolve = (part: unknown, depth: number): unknown => {
      if (typeof part === "string" && REFERENCE.test(part) && depth < 10) {
        const linked = this.#byName.get(part.replace(REFERENCE, "").toLowerCase());
        const inner = linked && new JsonDocument(linked.name, linked.text).value;
        if (inner === undefined) return part;
        notes.push(`with the text of ${part} in its place`);
        this.#registries.set(linked!.name.toLowerCase(), "");
        return resolve(inner, depth + 1);
      }
      // Such text is a variable here.
      if (typeof part === "string") return part.replaceAll("${", () => "$${");
      if (Array.isArray(part)) return part.map((one) => resolve(one, depth + 1));
      if (typeof part !== "object" || part === null) return part;
      return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, resolve(inner, depth + 1)]));
    };
    const { registry_config: registry, ...rest } = value;
    const resolved = resolve(rest, 0) as Json;
    return Object.fromEntries(
      Object.keys(value).map((key) => [key, key === "registry_config" ? registry : resolved[key]]),
    );
  }

  /** Converts the registry of a device and makes the device name it; returns false where there is none. */
  #addRegistry(name: string, device: Json, notes: string[]): boolean {
    const reference = device.registry_config;
    if (Array.isArray(reference)) {
      const file = `${name.replace(/^devices\//i, "").replaceAll("/", "-")}.csv`;
      this.files.push({
        from: `${name} (registry_config)`,
        to: `registry/${file}`,
        text: csvOf(reference),
        notes: [],
      });
      device.registry_config = `config://${file}`;
      notes.push(`its registry is config://${file}`);
      return true;
    }
    if (typeof reference !== "string") {
      this.#leave(name, "it names no registry_config");
      return false;
    }
    const wanted = reference.replace(REFERENCE, "");
    const stored = this.#byName.get(wanted.toLowerCase());
    if (!stored) {
      this.#leave(name, `its registry ${reference} is not in the export`);
      return false;
    }
    const file = this.#registries.get(stored.name.toLowerCase()) || this.#registryFile(stored);
    if (file === undefined) {
      this.#leave(name, `its registry ${reference} is neither CSV nor a JSON list of rows`);
      return false;
    }
    if (file.toLowerCase() === wanted.toLowerCase()) return true;
    device.registry_config = `config://${file}`;
    notes.push(`its registry is config://${file} instead of ${reference}`);
    return true;
  }

  #registryFile(stored: StoredConfig): string | undefined {
    const { name, text } = stored;
    if (pathFault(name) !== undefined) return undefined;
    const isJson = /^\s*[[{]/.test(text);
    const rows = isJson ? new JsonDocument(name, text).value : undefined;
    if (isJson && !Array.isArray(rows)) return undefined;
    const isNamedCsv = /\.csv$/i.test(name);
    const file = isNamedCsv ? name : `${name.replace(/\.json$/i, "")}.csv`;
    const notes = rows ? ["a JSON registry, as CSV"] : [];
    this.#registries.set(name.toLowerCase(), file);
    const csv = rows ? csvOf(rows as readonly unknown[]) : text;
    this.files.push({ from: name, to: `registry/${file}`, text: csv, notes });
    return file;
  }

  /** Makes a bridge config of the main configs of the driver and the actuator. */
  addSettings(configs: readonly StoredConfig[]): void {
    const sections: Record<"driver" | "actuator", Json> = { driver: {}, actuator: {} };
    const notes: string[] = [];
    for (const { name, text } of configs) {
      const { value, problems } = new JsonDocument(name, text);
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        this.#leave(name, `it is not a JSON object${problems[0] ? `: ${problems[0].message}` : ""}`);
        continue;
      }
      for (const [key, given] of Object.entries(value)) {
        const place = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined;
        if (!place) {
          this.#leave(`${name}: ${key}`, "it has no counterpart");
          continue;
        }
        const [section, setting] = place;
        sections[section][setting] = key === "allow_no_lock_write" ? !given : given;
        if (key !== setting || section === "actuator") notes.push(`${key} is ${section}.${setting}`);
      }
    }
    if (this.files.length === 0 && configs.length === 0) return;
    const filled = Object.entries(sections).filter(([, settings]) => Object.keys(settings).length > 0);
    const text = `${JSON.stringify({ instance: "voltbridge", ...Object.fromEntries(filled) }, null, 2)}\n`;
    const from = configs.length > 0 ? "config" : "defaults";
    this.files.push({ from, to: BRIDGE_FILE, text, notes });
  }
}

/** Returns what is wrong with a name as a path of a file below a folder. */
function pathFault(name: string): string | undefined {
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part.startsWith(".")))
    return "has a level that is empty or begins with a dot";
  if (/[\\\0]/.test(name) || /^[a-z]:/i.test(name)) return "has a backslash, a NUL byte or a drive";
  return undefined;
}

/** Returns the CSV of a JSON registry: a list of objects by column. */
function csvOf(rows: readonly unknown[]): string {
  const objects = rows.filter(
    (row): row is Json => typeof row === "object" && row !== null && !Array.isArray(row),
  );
  const columns = [...new Set(objects.flatMap(Object.keys))];
  return [columns, ...objects.map((row) => columns.map((column) => row[column]))].map(csvLine).join("");
}
