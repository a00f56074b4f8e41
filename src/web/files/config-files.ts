import { realpathSync } from "node:fs";
import { basename, resolve } from "node:path";
import {
  type BridgeSettings,
  type Diagnostic,
  decodeText,
  deviceSchema,
  disk,
  type FileAccess,
  hasErrors,
  JsonDocument,
  LARGEST_CONFIG,
  sortDiagnostics,
} from "../../config/index.ts";
import type { DeviceChange } from "../../devices/commands.ts";
import {
  describeChange,
  driverDiagnostics,
  type LoadedDevice,
  type RunningDevices,
} from "../../devices/index.ts";
import { Secrets } from "../../log/log.ts";
import { readRegistry } from "../../registry/index.ts";
import { bridgeSchemaOf, driverSchemas, loadDevice, readBridge } from "../../reload/bridge-files.ts";
import { inSlices } from "../../time/in-slices.ts";
import { foreignRegistry, KnownReferences, localChanges } from "./config-rules.ts";
import { FileFolder, type FolderFile } from "./file-folder.ts";
import { maskedDocument, maskSecrets, restoreSecrets, type SchemaText } from "./masked-secrets.ts";
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

export interface ConfigFilesParts {
  /** Returns the settings as they are in the file now. */
  readonly settings: () => BridgeSettings;
  readonly devices: Pick<RunningDevices, "changes">;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** `bridge`: the bridge config, whose name is that of its file. Others are below `devices/`. */
export type ConfigKind = "bridge" | "device";

export interface ListedConfig extends FolderFile {
  readonly kind: ConfigKind;
  /** Topic path of its device or set, if it runs. */
  readonly device?: string;
}

export interface CheckedConfig {
  readonly diagnostics: readonly Diagnostic[];
}

export interface ConfigPreview extends CheckedConfig {
  /** Absent: they differ too much to be shown. */
  readonly diff?: readonly DiffHunk[] | undefined;
  /** What becomes of the devices; of the bridge config nothing is foretold. */
  readonly changes: readonly DeviceChange[];
}

const DEVICES = "devices/";
const EXTENSIONS = [".json", ".jsonc", ".config"];

/** A config that is named from outside. */
interface Place {
  readonly name: string;
  readonly kind: ConfigKind;
  readonly file: string;
  readonly exists: boolean;
}

/**
 * The bridge config and the device configs: read, checked and written while the bridge runs. Secrets are never read from them; those
 * that a written text shows as dots stay as they are on disk.
 */
export class ConfigFiles {
  readonly #parts: ConfigFilesParts;
  readonly #turns = new Turns();

  constructor(parts: ConfigFilesParts) {
    this.#parts = parts;
  }

  async list(): Promise<ListedConfig[]> {
    const settings = this.#parts.settings();
    const running = new Map(
      this.#parts.devices.changes.current.map((one) => [one.settings.file, one.settings.path]),
    );
    const folder = this.#folder(settings);
    const devices = (await folder.list()).map((found): ListedConfig => {
      const device = running.get(resolve(settings.devices, found.name));
      return {
        ...found,
        name: DEVICES + found.name,
        kind: "device",
        ...(device !== undefined && { device }),
      };
    });
    const { bytes, modifiedAt } = this.#readIf(this.#bridgePlace(settings)) ?? {};
    const bridge: ListedConfig[] = bytes
      ? [{ name: basename(settings.file), kind: "bridge", bytes: bytes.length, modifiedAt: modifiedAt! }]
      : [];
    return [
      ...bridge,
      ...devices.filter(
        ({ name }) => !isSame(resolve(settings.devices, name.slice(DEVICES.length)), settings.file),
      ),
    ];
  }

  /** Returns a config with its secrets masked. */
  async read(
    name: string,
  ): Promise<Omit<StoredText, "bytes"> & CheckedConfig & { readonly kind: ConfigKind }> {
    const place = this.#place(name);
    const stored = this.#read(place);
    const { bytes: _, ...shown } = stored;
    const { diagnostics } = await this.#load(place, stored.bytes);
    return { ...shown, text: this.#masked(place, stored), kind: place.kind, diagnostics };
  }

  /** Checks a text with masked secrets as the content of a config, which need not exist. Places are those of this text. */
  async check(name: string, text: string): Promise<CheckedConfig> {
    const { diagnostics } = await this.#restored(this.#place(name), text);
    return { diagnostics };
  }

  async preview(name: string, text: string): Promise<ConfigPreview> {
    const place = this.#place(name);
    const stored = this.#readIf(place);
    const { diagnostics, loaded } = await this.#restored(place, text);
    const before = stored ? this.#masked(place, stored) : "";
    return {
      diagnostics,
      diff: textDiff(before, maskSecrets(text, schemaText(place, text))),
      changes: loaded && !hasErrors(diagnostics) ? this.#changes(place, loaded) : [],
    };
  }

  /**
   * Writes a config whose text has masked secrets. `basedOn`: revision that the text was made from; null for a new file.
   * @throws FileRefusal where the text has an error, or the file was changed meanwhile
   */
  save(name: string, text: string, basedOn: string | null): Promise<Saved> {
    return this.#turns.run(() => this.#save(name, text, basedOn));
  }

  async #save(name: string, text: string, basedOn: string | null): Promise<Saved> {
    const place = this.#place(name);
    const stored = this.#readIf(place);
    checkBase(name, stored, basedOn);
    const { diagnostics, bytes } = await this.#restored(place, text);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    if (errors.length > 0)
      throw new FileRefusal("file_not_usable", "nothing was written: the config has errors", {
        diagnostics: errors,
      });
    return await saveStored(place.file, bytes, stored);
  }

  #folder({ devices }: BridgeSettings): FileFolder {
    return new FileFolder(devices, EXTENSIONS, "device config");
  }

  #bridgePlace({ file }: BridgeSettings): Place {
    return { name: basename(file), kind: "bridge", file, exists: true };
  }

  /** @throws FileRefusal for a name that no config can have */
  #place(name: string): Place {
    const settings = this.#parts.settings();
    const bridge = this.#bridgePlace(settings);
    if (name === bridge.name) return bridge;
    if (!name.startsWith(DEVICES))
      throw new FileRefusal(
        "no_such_file",
        `there is no config ${JSON.stringify(name.slice(0, 500))}: they are ${bridge.name}, and device configs by their path, ${DEVICES}…`,
      );
    const { file, exists } = this.#folder(settings).resolve(name.slice(DEVICES.length));
    if (isSame(file, settings.file))
      throw new FileRefusal("bad_file_name", `this is the bridge config; its name here is ${bridge.name}`);
    return { name, kind: "device", file, exists };
  }

  #read({ file }: Place): StoredText {
    return readStored(file, LARGEST_CONFIG);
  }

  #readIf(place: Place): StoredText | undefined {
    try {
      return this.#read(place);
    } catch (error) {
      if (error instanceof FileRefusal && error.kind === "no_such_file") return undefined;
      throw error;
    }
  }

  #masked(place: Place, { text }: StoredText): string {
    return maskSecrets(text, schemaText(place, text));
  }

  /** Puts the kept secrets back into a text, and checks the result: first for what is not changed through the web. */
  async #restored(
    place: Place,
    text: string,
  ): Promise<{
    readonly bytes: Buffer;
    readonly diagnostics: readonly Diagnostic[];
    readonly loaded?: LoadedDevice | undefined;
  }> {
    const stored = this.#readIf(place);
    const given = schemaText(place, text);
    const onDisk = stored && schemaText(place, stored.text);
    const { text: restored, problems, placeBefore } = restoreSecrets(text, given, stored?.text, onDisk);
    const bytes = bytesOf(restored, stored);
    if (bytes.length > LARGEST_CONFIG)
      throw new FileRefusal("file_too_large", `a config has at most ${LARGEST_CONFIG / 1e6} MB`);
    if (given.document.problems.length > 0) return { bytes, diagnostics: given.document.problems };
    const shown = stored && onDisk && shownText(stored.text, onDisk);
    const refused = [...problems, ...(await this.#refused(place, given, shown))];
    // Not loaded: that would read what the new references name.
    if (refused.length > 0) return { bytes, diagnostics: sortDiagnostics(refused) };
    const { diagnostics, loaded } = await this.#load(place, bytes);
    return {
      bytes,
      loaded,
      diagnostics: diagnostics.map((one) =>
        one.file === place.file ? { ...one, ...placeBefore(one) } : one,
      ),
    };
  }

  async #refused(place: Place, given: SchemaText, shown: SchemaText | undefined): Promise<Diagnostic[]> {
    const known = new KnownReferences();
    if (shown) known.add(shown);
    let fresh = known.newOnes(given);
    if (fresh.length > 0 && place.kind === "device") {
      await this.#addOthers(known);
      fresh = known.newOnes(given);
    }
    const changed = place.kind === "bridge" ? localChanges(given, shown) : foreignRegistry(given, shown);
    return [...fresh, ...changed];
  }

  /** Adds the references of all device configs on disk. */
  async #addOthers(known: KnownReferences): Promise<void> {
    const folder = this.#folder(this.#parts.settings());
    const found = await folder.list();
    await inSlices(
      (function* (read: (place: Place) => StoredText | undefined) {
        for (const { name } of found) {
          yield;
          const place: Place = { name, kind: "device", file: folder.existing(name), exists: true };
          const stored = read(place);
          if (stored) known.add(shownText(stored.text, schemaText(place, stored.text)));
        }
      })((place) => this.#readIf(place)),
    );
  }

  /** Checks bytes in the place of a config, as "voltbridge check" checks a file. */
  async #load(place: Place, bytes: Buffer): Promise<CheckedConfig & { readonly loaded?: LoadedDevice }> {
    const files: FileAccess = {
      ...disk,
      read: (file, maxBytes) => (file === place.file ? bytes : disk.read(file, maxBytes)),
    };
    // Secrets of a text that is only checked are not blanked in the log from then on.
    const options = { secrets: new Secrets(), env: this.#parts.env ?? process.env, files };
    if (place.kind === "bridge") return { diagnostics: readBridge(place.file, options).diagnostics };
    const settings = this.#parts.settings();
    const { device, diagnostics } = loadDevice(place.file, settings, options);
    if (!device) return { diagnostics };
    const { rows, diagnostics: ofRegistry } = await readRegistry(device.registryFile);
    const loaded = { settings: device, rows };
    return {
      loaded,
      diagnostics: sortDiagnostics([...diagnostics, ...ofRegistry, ...driverDiagnostics([loaded], settings)]),
    };
  }

  #changes(place: Place, loaded: LoadedDevice): DeviceChange[] {
    const { changes } = this.#parts.devices;
    const isKnown = changes.current.some(({ settings }) => settings.file === place.file);
    const after = changes.current.map((one) => (one.settings.file === place.file ? loaded : one));
    return changes.plan(isKnown ? after : [...after, loaded]).map((change) => describeChange(change));
  }
}

function schemaText({ kind, file }: Place, text: string): SchemaText {
  const document = new JsonDocument(file, decodeText(Buffer.from(text)).text);
  const raw = document.value;
  if (kind === "bridge") return { document, schema: bridgeSchemaOf(raw) };
  const driverType = (raw as { driver_type?: unknown } | null | undefined)?.driver_type;
  return { document, schema: deviceSchema(driverType, driverSchemas) };
}

/** Returns what a reader sees of a config on disk. */
function shownText(text: string, onDisk: SchemaText): SchemaText {
  return { document: maskedDocument(text, onDisk), schema: onDisk.schema };
}

function isSame(one: string, other: string): boolean {
  return real(one) === real(other);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
