import type { StationEntry } from "./api/index.ts";

/** Path of a value in a station's entry: field names, and list indexes from 0. */
export type FieldPath = readonly (string | number)[];

/** Fields that the service documents, with their meanings. */
export const DOCUMENTED_FIELDS: Readonly<Record<string, string>> = {
  modelInfo: "Hardware model.",
  installDate: "Day of installation, as the service writes it; null while planned.",
  type: "Kind of station.",
  state: "Whether it is operational, non-operational or still planned.",
};

const STEP = /^([^.[\]]+)((?:\[\d+\])*)$/;
/** Maximum number of field names collected from one entry. */
const MAX_NAMES = 500;

/** Parses an Attribute Name such as `modelInfo`, `location.city` or `chargingPoints[0].evseId`. @throws SyntaxError */
export function parseField(text: string): FieldPath {
  return text.split(".").flatMap((part) => {
    const [, name, places = ""] = STEP.exec(part) ?? [];
    if (name === undefined) throw new SyntaxError(`${JSON.stringify(part)} is not a field name`);
    return [name, ...[...places.matchAll(/\d+/g)].map(([digits]) => Number(digits))];
  });
}

/** Returns the value in an entry; undefined where the entry has no such field. */
export function readField(entry: StationEntry, path: FieldPath): unknown {
  let value: unknown = entry;
  for (const step of path) {
    const isThere =
      typeof step === "number"
        ? Array.isArray(value)
        : typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isThere || !Object.hasOwn(value as object, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Returns the fields of an entry as Attribute Names, down to single values. */
export function fieldsOf(entry: StationEntry): string[] {
  const names: string[] = [];
  const visit = (value: unknown, name: string): void => {
    if (names.length >= MAX_NAMES) return;
    if (typeof value !== "object" || value === null) {
      names.push(name);
    } else if (Array.isArray(value)) {
      for (const [place, item] of value.entries()) visit(item, `${name}[${place}]`);
    } else {
      for (const [key, inner] of Object.entries(value)) visit(inner, name === "" ? key : `${name}.${key}`);
    }
  };
  visit(entry, "");
  return names;
}

/**
 * Returns the text by which a value names a station or is compared with a setting; undefined for objects, lists and empty
 * text.
 */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
