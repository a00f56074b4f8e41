import {
  type BridgeSettings,
  type Diagnostic,
  type FileVersion,
  FileVersions,
  hasErrors,
  sortDiagnostics,
} from "../../config/index.ts";
import type { DeviceChange } from "../../devices/commands.ts";
import { DeviceNotFoundError, DeviceNotMadeError } from "../../devices/errors.ts";
import {
  type ConfigChange,
  describeChange,
  driverTypes,
  type LoadedDevice,
  type RunningDevices,
  type ScrapedOnce,
} from "../../devices/index.ts";
import { type Registry, type RegistryGrid, readingGrid, registryReading } from "../../registry/index.ts";
import { inSlices } from "../../time/in-slices.ts";
import { FileFolder, type FolderFile } from "./file-folder.ts";
import { FileRefusal } from "./refusal.ts";
import {
  bytesOf,
  checkBase,
  readStored,
  type Saved,
  type StoredText,
  saveStored,
  Turns,
} from "./stored-file.ts";
import { type DiffHunk, textDiff } from "./text-diff.ts";

/** Maximum size of a registry that is read or written here, in bytes: some 50,000 rows. Larger ones would hold the event loop up. */
export const MAX_WEB_BYTES = 8_000_000;

export interface RegistryFilesParts {
  /** Returns the settings as they are in the file now. */
  readonly settings: () => BridgeSettings;
  readonly devices: Pick<RunningDevices, "changes" | "readWith">;
}

export interface RegistryUse {
  readonly device: string;
  readonly driverType: string;
  /** Config of the device, or of the set that it belongs to. */
  readonly file: string;
}

export interface ListedRegistry extends FolderFile {
  /** Number of devices that use it. */
  readonly devices: number;
  readonly errors: number;
  readonly warnings: number;
}

export interface CheckedRegistry {
  readonly diagnostics: readonly Diagnostic[];
  /** Absent where the file is edited as text only. */
  readonly grid?: RegistryGrid | undefined;
}

/** What a save would do. */
export interface RegistryPreview {
  readonly diagnostics: readonly Diagnostic[];
  /** Absent: they differ too much to be shown. */
  readonly diff?: readonly DiffHunk[] | undefined;
  readonly points: { readonly added: string[]; readonly removed: string[]; readonly changed: string[] };
  readonly changes: readonly DeviceChange[];
}

/** The registries of a bridge: read, checked, tried and written while it runs. One trial and one save at a time. */
export class RegistryFiles {
  readonly #parts: RegistryFilesParts;
  readonly #turns = new Turns();
  readonly #versions = new FileVersions();
  /** Numbers of problems of unchanged files. */
  readonly #counted = new WeakMap<FileVersion, ProblemCounts>();
  #isTrying = false;

  constructor(parts: RegistryFilesParts) {
    this.#parts = parts;
  }

  /** The folder of the registries. */
  get folder(): string {
    return this.#folder().path;
  }

  async list(): Promise<ListedRegistry[]> {
    const folder = this.#folder();
    this.#versions.startRound();
    const uses = Map.groupBy(this.#parts.devices.changes.ofDevices, ({ settings }) => settings.registryFile);
    const listed: ListedRegistry[] = [];
    for (const found of await folder.list()) {
      const file = folder.existing(found.name);
      const used = uses.get(file) ?? [];
      const { errors, warnings } = await this.#count(file, typesOf(used));
      listed.push({ ...found, devices: used.length, errors, warnings });
    }
    return listed;
  }

  async read(
    name: string,
  ): Promise<StoredText & CheckedRegistry & { readonly uses: readonly RegistryUse[] }> {
    const file = this.#folder().existing(name);
    const stored = readStored(file, MAX_WEB_BYTES);
    const uses = this.#usesOf(file).map(({ settings }) => ({
      device: settings.path,
      driverType: settings.driverType,
      file: settings.file,
    }));
    return { ...stored, uses, ...(await this.#check(file, stored.bytes)) };
  }

  /** Checks a text as the content of a registry, which need not exist. */
  check(name: string, text: string): Promise<CheckedRegistry> {
    const { file } = this.#folder().resolve(name);
    return this.#check(file, bounded(Buffer.from(text)));
  }

  /**
   * Reads a device once with the rows of a text, by calls of its account.
   * @throws DeviceNotFoundError; FileRefusal where no row can be read, or another trial runs
   */
  async try(
    name: string,
    text: string,
    path: string,
    signal: AbortSignal,
  ): Promise<ScrapedOnce & { readonly problems: readonly Diagnostic[] }> {
    const { file } = this.#folder().resolve(name);
    const device = this.#parts.devices.changes.ofDevices.find(({ settings }) => settings.path === path);
    if (!device) throw new DeviceNotFoundError(path);
    const { rows, diagnostics } = await parsed(file, bounded(Buffer.from(text)));
    if (rows.length === 0)
      throw new FileRefusal("file_not_usable", "the text has no row that can be read", { diagnostics });
    if (this.#isTrying)
      throw new FileRefusal("trial_running", "another registry is being tried; wait until it is done");
    this.#isTrying = true;
    try {
      const loaded = { settings: { ...device.settings, registryFile: file }, rows };
      return { ...(await this.#parts.devices.readWith(loaded, signal)), problems: diagnostics };
    } catch (error) {
      if (!(error instanceof DeviceNotMadeError)) throw error;
      throw new FileRefusal("file_not_usable", `the device cannot be read with these rows: ${error.message}`);
    } finally {
      this.#isTrying = false;
    }
  }

  async preview(name: string, text: string): Promise<RegistryPreview> {
    const { file, exists } = this.#folder().resolve(name);
    const stored = exists ? readStored(file, MAX_WEB_BYTES) : undefined;
    const bytes = bounded(bytesOf(text, stored));
    const { rows, diagnostics } = await this.#checked(file, bytes);
    const before = stored ? await parsed(file, stored.bytes) : undefined;
    return {
      diagnostics,
      diff: textDiff(stored?.text ?? "", text),
      points: changedPoints(before?.rows ?? [], rows),
      changes: this.#changes(file, rows, diagnostics),
    };
  }

  /**
   * Writes a registry. `basedOn`: revision that the text was made from; null for a new file. A row with an error does not hinder a
   * save: the devices keep the rows that they have until it is mended.
   * @throws FileRefusal where the file was changed meanwhile, or could not be used at all
   */
  save(name: string, text: string, basedOn: string | null): Promise<Saved> {
    return this.#turns.run(() => this.#save(name, text, basedOn));
  }

  async #save(name: string, text: string, basedOn: string | null): Promise<Saved> {
    const { file, exists } = this.#folder().resolve(name);
    const stored = exists ? readStored(file, MAX_WEB_BYTES) : undefined;
    checkBase(name, stored, basedOn);
    const bytes = bounded(bytesOf(text, stored));
    const { diagnostics } = await parsed(file, bytes);
    const fatal = diagnostics.filter(({ code, severity }) => severity === "error" && UNUSABLE.has(code));
    if (fatal.length > 0)
      throw new FileRefusal(
        "file_not_usable",
        "nothing was written: the text is no registry that any row could be read from; mend its column names first",
        { diagnostics: fatal },
      );
    return await saveStored(file, bytes, stored);
  }

  #folder(): FileFolder {
    return new FileFolder(this.#parts.settings().registries, [".csv"], "registry");
  }

  #usesOf(file: string): LoadedDevice[] {
    return this.#parts.devices.changes.ofDevices.filter(({ settings }) => settings.registryFile === file);
  }

  #check(file: string, bytes: Uint8Array): Promise<CheckedRegistry> {
    return Promise.all([this.#checked(file, bytes), inSlices(readingGrid(bytes))]).then(
      ([{ diagnostics }, grid]) => ({
        diagnostics,
        grid,
      }),
    );
  }

  async #checked(file: string, bytes: Uint8Array): Promise<Registry> {
    return withDrivers(await parsed(file, bytes), typesOf(this.#usesOf(file)));
  }

  async #count(file: string, types: ReadonlySet<string>): Promise<ProblemCounts> {
    const checkedFor = [...types].sort().join();
    const version = this.#versions.current(file);
    const known = version && this.#counted.get(version);
    if (known?.checkedFor === checkedFor) return known;
    let now: FileVersion | undefined;
    const read = (path: string, maxBytes: number) => {
      const found = this.#versions.read(path, maxBytes);
      now = found.version;
      return found.bytes;
    };
    const { diagnostics } = withDrivers(await inSlices(registryReading(file, read)), types);
    const count = (of: Diagnostic["severity"]) =>
      diagnostics.filter(({ severity }) => severity === of).length;
    const counts = { checkedFor, errors: count("error"), warnings: count("warning") };
    if (now) this.#counted.set(now, counts);
    return counts;
  }

  /** Returns what becomes of the devices; nothing while the registry has errors, with which they keep their rows. */
  #changes(file: string, rows: Registry["rows"], diagnostics: readonly Diagnostic[]): DeviceChange[] {
    if (hasErrors(diagnostics)) return [];
    const { changes } = this.#parts.devices;
    const after = changes.current.map((one) => (one.settings.registryFile === file ? { ...one, rows } : one));
    return changes.plan(after).map((change: ConfigChange) => describeChange(change));
  }
}

interface ProblemCounts {
  /** Driver types that checked the rows. */
  readonly checkedFor: string;
  readonly errors: number;
  readonly warnings: number;
}

/** Faults with which no row of a file can be used. */
const UNUSABLE: ReadonlySet<string> = new Set([
  "not_csv",
  "too_many_rows",
  "no_header",
  "missing_column",
  "duplicate_column",
]);

function bounded(bytes: Buffer): Buffer {
  if (bytes.length <= MAX_WEB_BYTES) return bytes;
  throw new FileRefusal(
    "file_too_large",
    `a registry of more than ${MAX_WEB_BYTES / 1e6} MB is written on the machine of the bridge only`,
  );
}

function parsed(file: string, bytes: Buffer | Uint8Array): Promise<Registry> {
  return inSlices(registryReading(file, () => Buffer.from(bytes)));
}

function typesOf(devices: readonly LoadedDevice[]): ReadonlySet<string> {
  return new Set(devices.map(({ settings }) => settings.driverType));
}

/** Adds what the driver types of its devices find in the rows; without a device, what the type finds that fits best. */
function withDrivers({ rows, diagnostics }: Registry, types: ReadonlySet<string>): Registry {
  const checks = Object.values(driverTypes)
    .filter(({ name }) => types.size === 0 || types.has(name))
    .map((type) => [...type.checkRows(rows), ...(type.noteRows?.(rows) ?? [])]);
  const count = (found: readonly Diagnostic[]) => found.filter(({ severity }) => severity === "error").length;
  const found = types.size === 0 ? (checks.toSorted((a, b) => count(a) - count(b))[0] ?? []) : checks.flat();
  return { rows, diagnostics: sortDiagnostics([...diagnostics, ...found]) };
}

function changedPoints(before: Registry["rows"], after: Registry["rows"]): RegistryPreview["points"] {
  const old = new Map(before.map((row) => [row.point.name, row]));
  const now = new Set(after.map(({ point }) => point.name));
  const isChanged = (row: Registry["rows"][number]) => {
    const one = old.get(row.point.name);
    return one !== undefined && asText(one) !== asText(row);
  };
  const names = (rows: Registry["rows"]) => rows.map(({ point }) => point.name);
  return {
    added: names(after.filter(({ point }) => !old.has(point.name))),
    removed: names(before.filter(({ point }) => !now.has(point.name))),
    changed: names(after.filter(isChanged)),
  };
}

function asText({ point, attribute, register, port }: Registry["rows"][number]): string {
  return JSON.stringify([point, attribute, register, port]);
}

/** What the rows of a registry can name: of each driver type, its attributes. */
export function listAttributes() {
  return Object.values(driverTypes).flatMap(({ name: driver, attributes }) =>
    (attributes?.() ?? []).map((attribute) => ({ driver, ...attribute })),
  );
}
