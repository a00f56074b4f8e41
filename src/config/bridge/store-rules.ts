import { dirname, resolve } from "node:path";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import type { JsonPath } from "../files/json-document.ts";
import type { Schema } from "../schema/schema.ts";
import type { SettingsContent } from "../schema/settings-file.ts";
import type { Backends } from "./bridge-schema.ts";
import type { BridgeFile } from "./bridge-settings.ts";

/** Checks that the stores of the historian differ in their names and in where they keep the data. */
export function checkStores(
  { historian, data }: BridgeFile,
  { document, sound }: SettingsContent,
  backends: Backends | undefined,
  report: (code: DiagnosticCode, path: JsonPath, message: string) => void,
): void {
  if (!sound("historian.backend") || !sound("historian.also")) return;
  const { also, backend } = historian;
  if (also.length > 0 && backend === "none") {
    const message =
      "queries are answered by historian.backend, which is none; make one of these stores the main one";
    report("conflicting_settings", ["historian", "also"], message);
    return;
  }
  const folder = resolve(dirname(document.file), data);
  const placeOf = (one: { readonly backend: string; readonly connection: object }) => {
    const schema: Schema | undefined = backends?.[one.backend];
    return schema?.["x-place"]?.(one.connection as never, folder);
  };
  const names = new Set<string>();
  const places = new Map<string, string>();
  const main = sound("historian.connection") ? placeOf(historian) : undefined;
  if (main !== undefined) places.set(main, "historian.connection");
  for (const [i, one] of also.entries()) {
    const at = ["historian", "also", i];
    const name = one.name ?? one.backend;
    if (names.has(name))
      report(
        "duplicate_store",
        [...at, one.name === undefined ? "backend" : "name"],
        `another store of historian.also has the name "${name}"; give each a "name" of its own`,
      );
    names.add(name);
    const place = placeOf(one);
    if (place === undefined) continue;
    const same = places.get(place);
    if (same !== undefined)
      report("duplicate_store", [...at, "connection"], `this is the same store as ${same}: ${place}`);
    places.set(place, `historian.also[${i}]`);
  }
}
