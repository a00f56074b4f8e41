import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { bridgeEditorSchema, deviceEditorSchema, readLeniently } from "../../config/index.ts";
import { driverSchemas } from "../../reload/bridge-files.ts";
import type { NewFile } from "./new-files.ts";

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

/** Returns the JSON Schemas that editors check configs by, by the names of their files. */
export function editorSchemas(): Record<
  "bridge.schema.json" | "device.schema.json",
  Record<string, unknown>
> {
  return {
    "bridge.schema.json": { $schema: DRAFT, title: "voltbridge: bridge config", ...bridgeEditorSchema() },
    "device.schema.json": {
      $schema: DRAFT,
      title: "voltbridge: device config",
      ...deviceEditorSchema(driverSchemas),
    },
  };
}

/** Returns the schema files to write beside a bridge config: those that are missing, or of another version. */
export function schemaFiles(folder: string): NewFile[] {
  return Object.entries(editorSchemas()).flatMap(([name, schema]) => {
    const path = join(folder, name);
    const plain: unknown = JSON.parse(JSON.stringify(schema));
    const present = existsSync(path) ? readLeniently(readFileSync(path, "utf8")) : undefined;
    if (isDeepStrictEqual(present, plain)) return [];
    return [{ path, text: `${JSON.stringify(plain, null, 2)}\n`, replace: true }];
  });
}
