import { closest } from "../../config/files/did-you-mean.ts";
import type { SetMember } from "../abilities.ts";
import type { StationEntry } from "./api/index.ts";
import type { EconnectConfig } from "./config.ts";
import { DOCUMENTED_FIELDS, fieldsOf, parseField, readField, textOf } from "./field.ts";

/** Maximum number of field names in a message. */
const NAMES_SHOWN = 8;

/** No station of the account has the field, so it is probably misspelt. */
export class UnknownFieldError extends Error {
  override readonly name = "UnknownFieldError";
}

/** The account has no such station. */
export class StationMissingError extends Error {
  override readonly name = "StationMissingError";
}

/** The result of one walk over an account's stations. */
export class Stations {
  readonly entries: readonly StationEntry[];
  readonly #byKey = new Map<string, ReadonlyMap<string, StationEntry>>();
  readonly #unknown = new Map<string, UnknownFieldError | undefined>();

  constructor(entries: readonly StationEntry[]) {
    this.entries = entries;
  }

  /** Returns the stations by the value of a field; of two with the same value, the later one. */
  by(key: string): ReadonlyMap<string, StationEntry> {
    const known = this.#byKey.get(key) ?? this.#index(key);
    this.#byKey.set(key, known);
    return known;
  }

  /** @throws StationMissingError */
  find(key: string, id: string): StationEntry {
    const byKey = this.by(key);
    const entry = byKey.get(id);
    if (entry) return entry;
    const count = `${this.entries.length} station${this.entries.length === 1 ? "" : "s"}`;
    if (byKey.size === 0 && this.entries.length > 0) {
      const names = fieldsOf(this.entries[0]!).slice(0, NAMES_SHOWN).join(", ");
      throw new StationMissingError(
        `station ${id} was not found: none of the account's ${count} has the field "${key}"; set station_key to the field that identifies a station (they have ${names}, …)`,
      );
    }
    const near = closest(id, [...byKey.keys()]);
    throw new StationMissingError(
      `none of the account's ${count} has "${id}" in the field "${key}"${near === undefined ? "; check station and station_key" : `; did you mean "${near}"?`}`,
    );
  }

  /** Returns the value of a field, null where this station has none. @throws UnknownFieldError */
  valueOf(entry: StationEntry, attribute: string): unknown {
    const value = readField(entry, parseField(attribute));
    if (value !== undefined) return value;
    if (!this.#unknown.has(attribute)) this.#unknown.set(attribute, this.#lookFor(attribute));
    const unknown = this.#unknown.get(attribute);
    if (unknown) throw unknown;
    return null;
  }

  #index(key: string): ReadonlyMap<string, StationEntry> {
    const path = parseField(key);
    const pairs = this.entries.flatMap((entry): [string, StationEntry][] => {
      const id = textOf(readField(entry, path));
      return id === undefined ? [] : [[id, entry]];
    });
    return new Map(pairs);
  }

  #lookFor(attribute: string): UnknownFieldError | undefined {
    const path = parseField(attribute);
    // A station without a documented field has no value there.
    if (Object.hasOwn(DOCUMENTED_FIELDS, attribute)) return undefined;
    if (this.entries.some((entry) => readField(entry, path) !== undefined)) return undefined;
    const names = new Set(this.entries.slice(0, NAMES_SHOWN).flatMap(fieldsOf));
    const near = closest(attribute, [...names]);
    return new UnknownFieldError(
      `no station of the account has the field "${attribute}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    );
  }
}

/** Returns the stations of a set, each once; those without the key belong to no set. */
export function membersOf(
  stations: Stations,
  { station_key: key, stations: set }: Pick<EconnectConfig, "station_key" | "stations">,
): SetMember[] {
  const isMember = membership(set);
  return [...stations.by(key)]
    .filter(([id, entry]) => isMember(id, entry))
    .map(([id, entry]) => ({ id, names: namesOf(id, entry) }));
}

function membership(set: EconnectConfig["stations"]): (id: string, entry: StationEntry) => boolean {
  if (set === undefined || set === "all") return () => true;
  if (isList(set)) {
    const listed = new Set(set);
    return (id) => listed.has(id);
  }
  const wanted = Object.entries(set).map(([field, value]) => ({ path: parseField(field), value }));
  return (_id, entry) => wanted.every(({ path, value }) => textOf(readField(entry, path)) === value);
}

function isList(set: NonNullable<EconnectConfig["stations"]>): set is readonly string[] {
  return Array.isArray(set);
}

/** Returns the values for the placeholders of a topic template. */
function namesOf(station: string, entry: StationEntry): Record<string, string> {
  const known = { station, modelInfo: textOf(entry.modelInfo), type: textOf(entry.type) };
  return Object.fromEntries(
    Object.entries(known).filter((pair): pair is [string, string] => !!pair[1]?.trim()),
  );
}
