import type { Diagnostic } from "../files/diagnostic.ts";
import { type JsonDocument, type JsonPath, pathText } from "../files/json-document.ts";

/** A setting under VOLTTRON's name, and what it is here. */
export interface Rename {
  readonly from: JsonPath;
  /** Absent: it has no effect here, for the reason in `unused`. */
  readonly to?: JsonPath;
  readonly value?: unknown;
  readonly unused?: string;
}

type Settings = Record<string | number, unknown>;

/** Moves settings of a document to their names here, in its value; a setting that is given under both names keeps its own. */
export function applyRenames(document: JsonDocument, renames: readonly Rename[]): Diagnostic[] {
  return renames.map(({ from, to, value, unused }) => {
    const place = document.place(from, "key");
    const warning = (code: Diagnostic["code"], message: string): Diagnostic => {
      return { code, severity: "warning", file: document.file, ...place, path: pathText(from), message };
    };
    remove(document.value as Settings, from);
    if (!to) return warning("unused_setting", `the bridge does not use this: ${unused}`);
    const name = pathText(to);
    if (document.source(to) !== undefined)
      return warning("renamed_setting", `ignored, because "${name}" is given; VOLTTRON's name of it is this`);
    put(document.value as Settings, to, value);
    document.rename(from, to);
    const shown = typeof value === "boolean" ? `: ${value}` : "";
    return warning("renamed_setting", `used as "${name}"${shown}, which is its name here`);
  });
}

function remove(settings: Settings, path: JsonPath): void {
  const holder = path
    .slice(0, -1)
    .reduce<unknown>((inner, step) => (inner as Settings | undefined)?.[step], settings);
  if (typeof holder === "object" && holder !== null) delete (holder as Settings)[path.at(-1)!];
}

/** Puts a value at a path; objects on the way that are missing are made. */
function put(settings: Settings, path: JsonPath, value: unknown): void {
  let holder = settings;
  for (const step of path.slice(0, -1)) {
    const inner = holder[step];
    if (typeof inner === "object" && inner !== null) holder = inner as Settings;
    else {
      const made: Settings = {};
      holder[step] = made;
      holder = made;
    }
  }
  holder[path.at(-1)!] = value;
}
