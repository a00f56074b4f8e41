import type { Diagnostic } from "../files/diagnostic.ts";
import { disk, unreadable } from "../files/file-access.ts";
import { JsonDocument, type JsonPath, pathText } from "../files/json-document.ts";
import { decodeText } from "../files/text-file.ts";
import { checkValue } from "./check.ts";
import { applyRenames, type Rename } from "./renames.ts";
import { type LoadOptions, resolveDocument } from "./resolve.ts";
import { innerSchema, type Schema, type SettingFault } from "./schema.ts";

/** A settings file after it was read, resolved and checked. */
export interface SettingsFile {
  readonly diagnostics: readonly Diagnostic[];
  /** Absent if the file is not valid JSON. */
  readonly content?: SettingsContent;
}

export interface SettingsContent {
  readonly document: JsonDocument;
  /** With defaults filled in. Only settings that are `sound` are what the schema describes. */
  readonly value: unknown;
  /** Returns whether a setting (`mqtt.url`), its contents and the sections around it have no error. */
  sound(setting: string): boolean;
}

/** Maximum size of a config file, in bytes; a list of 100,000 stations takes half of it. */
export const LARGEST_CONFIG = 4_000_000;

/**
 * Reads and checks one JSON(C) file. `schemaOf` returns the schema for the raw document, whose settings have been renamed by
 * `renamesOf` before. Never throws.
 */
export function readSettingsFile(
  file: string,
  schemaOf: (raw: unknown) => Schema,
  options: LoadOptions,
  renamesOf?: (raw: unknown) => readonly Rename[],
): SettingsFile {
  let bytes: Uint8Array;
  try {
    bytes = (options.files ?? disk).read(file, LARGEST_CONFIG);
  } catch (error) {
    return { diagnostics: [unreadable(file, error)] };
  }
  const { text, encoding } = decodeText(bytes);
  const warnings = encoding === "windows-1252" ? [notUtf8(file)] : [];
  const document = new JsonDocument(file, text);
  if (document.problems.length > 0) return { diagnostics: [...warnings, ...document.problems] };
  warnings.push(...applyRenames(document, renamesOf?.(document.value) ?? []));
  const schema = schemaOf(document.value);
  const resolved = resolveDocument(document, schema, options);
  // Values that could not be resolved have a diagnostic already.
  const gaps = new Set(resolved.diagnostics.filter((d) => d.severity === "error").map((d) => d.path));
  const faults = checkValue(document, resolved.value, schema).filter((d) => !gaps.has(d.path));
  const diagnostics = [...warnings, ...resolved.diagnostics, ...faults];
  const sound = (setting: string) => !hasErrorAt(diagnostics, setting);
  const content = { document, value: resolved.value, sound };
  const misfits = [...misfitsIn(content, resolved.value, schema, [])];
  return {
    diagnostics: [...diagnostics, ...misfits],
    content: { ...content, sound: (setting) => sound(setting) && !hasErrorAt(misfits, setting) },
  };
}

/** Finds settings that do not fit each other, or send credentials over the network unencrypted; skips sections with errors. */
function* misfitsIn(
  { document, sound }: Pick<SettingsContent, "document" | "sound">,
  value: unknown,
  schema: Schema | undefined,
  path: JsonPath,
): Generator<Diagnostic> {
  if (!schema || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries())
      yield* misfitsIn({ document, sound }, item, innerSchema(schema, i), [...path, i]);
    return;
  }
  const { "x-sends-in-clear": isSent, "x-faults": faultsOf } = schema;
  if ((isSent || faultsOf) && sound(pathText(path))) {
    const sent = isSent?.(value as never);
    const isGiven = (setting: string) => document.source([...path, setting]) !== undefined;
    const faults: SettingFault[] = [...(faultsOf?.(value as never, isGiven) ?? [])];
    if (sent)
      faults.push({
        code: "sent_in_clear",
        severity: "warning",
        setting: sent.setting,
        message: `credentials go to ${sent.host} unencrypted; ${sent.remedy}`,
      });
    for (const { setting, ...fault } of faults) {
      const place = [...path, setting];
      yield { ...fault, file: document.file, ...document.place(place), path: pathText(place) };
    }
  }
  for (const [key, inner] of Object.entries(value))
    yield* misfitsIn({ document, sound }, inner, innerSchema(schema, key), [...path, key]);
}

function hasErrorAt(diagnostics: readonly Diagnostic[], setting: string): boolean {
  return diagnostics.some((d) => d.severity === "error" && concerns(d.path, setting));
}

function concerns(path: string | undefined, setting: string): boolean {
  const within = (inner: string, outer: string) =>
    inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length));
  return path === undefined || path === setting || within(path, setting) || within(setting, path);
}

function notUtf8(file: string): Diagnostic {
  return {
    code: "not_utf8",
    severity: "warning",
    file,
    line: 1,
    column: 1,
    message: "the file is not UTF-8; it was read as Windows-1252. Save it as UTF-8",
  };
}
