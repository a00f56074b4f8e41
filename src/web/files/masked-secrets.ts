import {
  closest,
  type Diagnostic,
  innerSchema,
  JsonDocument,
  type JsonPath,
  pathText,
  type Schema,
  type Span,
} from "../../config/index.ts";

/** Shown in place of a secret. In a text that is written it means: keep the secret that is there. */
export const KEPT = "••••••••";

/** Names of settings that hold a secret, where no schema says so: in files with errors, in unknown settings, in comments. */
const SECRET_NAME = /pas+w|pass|pwd|secret|token|credential|licen[cs]e|api[-_]?key|hash/i;
const SECRET_WORDS = ["password", "passwd", "secret", "token", "credentials", "hash"];
/** Such a name and its value, as in JSON or nearly. */
const NAMED_VALUE = new RegExp(
  `[\\w-]*(?:${SECRET_NAME.source})[\\w-]*["']?\\s*[:=]\\s*("(?:[^"\\\\\\n]|\\\\.)*"|"[^\\n]*|'[^'\\n]*'?|[^\\s,{}[\\]"']+)`,
  "gi",
);
/** A password in a URL, which ends at the last `@` before the path. */
const URL_PASSWORD = /(?<=\b[a-z][\w+.-]*:\/\/[^\s/:@"]*:)[^\s/"]+(?=@)/gi;
/** A variable of the environment; `$${` is plain text. */
const VARIABLE = /(?<!\$)\$\{/;

/** A config with what its schema says of it. */
export interface SchemaText {
  readonly document: JsonDocument;
  readonly schema: Schema;
}

/** Returns the text of a config with {@link KEPT} in place of every secret; names of variables and of secret files stay. */
export function maskSecrets(text: string, { document, schema }: SchemaText): string {
  if (document.problems.length > 0) return maskNamed(text);
  const spans: Replacement[] = [...document.leaves()].flatMap((leaf) => {
    const { path, value } = leaf;
    const masked = isSecret(schema, path) ? maskValue(value) : maskUrl(value);
    return masked === value ? [] : [{ ...leaf, by: JSON.stringify(masked) }];
  });
  for (const { start, end } of document.comments()) {
    const masked = maskNamed(text.slice(start, end));
    if (masked !== text.slice(start, end)) spans.push({ start, end, by: masked });
  }
  return replaceSpans(text, spans);
}

/** A text in which the kept secrets are as on disk. */
export interface Restored {
  readonly text: string;
  /** Secrets that cannot be kept, each at its place in the text as given. Empty: all could. */
  readonly problems: readonly Diagnostic[];
  /** Returns the place, in the text as given, of a place in the restored text. */
  readonly placeBefore: (place: { readonly line: number; readonly column: number }) => {
    readonly line: number;
    readonly column: number;
  };
}

/**
 * Puts back what {@link maskSecrets} replaced, from the text on disk. A secret is put back only in its own setting, and only while
 * the settings that say where it is sent are as on disk: otherwise it could be sent to a server of somebody else.
 */
export function restoreSecrets(
  text: string,
  given: SchemaText,
  disk: string | undefined,
  stored: SchemaText | undefined,
): Restored {
  const { document } = given;
  const isReadable = stored && disk !== undefined && stored.document.problems.length === 0;
  const sources = new Map<string, string>();
  if (isReadable)
    for (const { path, start, end } of stored.document.leaves())
      sources.set(pathText(path), disk.slice(start, end));
  const masked = isReadable ? maskedDocument(disk, stored) : undefined;
  const problems: Diagnostic[] = [];
  const spans: Replacement[] = [];
  for (const leaf of document.leaves()) {
    const { path, value } = leaf;
    if (typeof value !== "string" || !value.includes(KEPT)) continue;
    const source = sources.get(pathText(path));
    const fault =
      !masked || source === undefined || valueAt(masked.value, path) !== value
        ? "there is no secret of this setting on disk that could be kept"
        : isElsewhere(given, masked.value, path)
          ? "the settings that say where this secret is sent were changed, so it is not sent there by itself"
          : undefined;
    if (fault === undefined) spans.push({ ...leaf, by: source! });
    else problems.push(secretNeeded(document, path, fault));
  }
  if (isReadable) spans.push(...restoredComments(text, document, disk, stored.document));
  return { text: replaceSpans(text, spans), problems, placeBefore: placesBefore(text, spans) };
}

/** Returns whether a setting holds a secret: by the schema, by its name, or by that of a section that the schema does not know. */
function isSecret(schema: Schema, path: JsonPath): boolean {
  const marked = markedAt(schema, path, "x-secret");
  if (marked !== undefined) return !isFileName(path, marked);
  const names = path.filter((step) => typeof step === "string");
  const known = schemaAt(schema, path) !== undefined;
  if (known) return SECRET_NAME.test(names.at(-1) ?? "");
  return names.some((name) => SECRET_NAME.test(name) || closest(name, SECRET_WORDS) !== undefined);
}

/** Returns the length of the shortest beginning of a path whose schema has a keyword. */
function markedAt(schema: Schema, path: JsonPath, keyword: "x-secret" | "x-file"): number | undefined {
  let inner: Schema | undefined = schema;
  for (const [depth, step] of path.entries()) {
    inner = innerSchema(inner, step);
    if (inner?.[keyword]) return depth + 1;
  }
  return undefined;
}

/** Returns whether a path is that of `{"file": …}` in place of a secret. */
function isFileName(path: JsonPath, marked: number): boolean {
  return path.length === marked + 1 && path[marked] === "file";
}

export function schemaAt(schema: Schema, path: JsonPath): Schema | undefined {
  return path.reduce<Schema | undefined>((inner, step) => innerSchema(inner, step), schema);
}

function maskValue(value: unknown): unknown {
  if (value === null || value === "" || (typeof value === "string" && VARIABLE.test(value))) return value;
  return KEPT;
}

function maskUrl(value: unknown): unknown {
  return typeof value === "string"
    ? value.replaceAll(URL_PASSWORD, (found) => (VARIABLE.test(found) ? found : KEPT))
    : value;
}

/** Masks what looks like a secret in a text that is no JSON. */
function maskNamed(text: string): string {
  const named = text.replaceAll(NAMED_VALUE, (found, value: string) => {
    if (VARIABLE.test(value)) return found;
    const quote = /^["']/.exec(value)?.[0] ?? "";
    return `${found.slice(0, found.length - value.length)}${quote}${KEPT}${quote}`;
  });
  return maskUrl(named) as string;
}

/** Returns whether the settings that say where a secret is sent differ from those on disk. */
function isElsewhere({ document, schema }: SchemaText, masked: unknown, path: JsonPath): boolean {
  return destinationOf(document.value, schema, path) !== destinationOf(masked, schema, path);
}

/**
 * Returns what says where a secret is sent: the settings marked as such around it. Where there are none, that is the whole section, and
 * of a list its whole item.
 */
export function destinationOf(value: unknown, schema: Schema, path: JsonPath): string {
  const found: unknown[] = [];
  for (let depth = 0; depth < path.length; depth++) {
    const around = path.slice(0, depth);
    for (const [name, inner] of Object.entries(schemaAt(schema, around)?.properties ?? {})) {
      const place = [...around, name];
      if (inner["x-destination"] && pathText(place) !== pathText(path))
        found.push([place, valueAt(value, place)]);
    }
  }
  const item = path.findIndex((step) => typeof step === "number");
  if (item !== -1) found.push(valueAt(value, path.slice(0, item + 1)));
  else if (found.length === 0 || schemaAt(schema, path) === undefined)
    found.push(valueAt(value, path.slice(0, 1)));
  return JSON.stringify(found);
}

export function valueAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<string | number, unknown>)[step]
        : undefined,
    value,
  );
}

/** Returns a config with its secrets masked. */
export function maskedDocument(text: string, config: SchemaText): JsonDocument {
  return new JsonDocument(config.document.file, maskSecrets(text, config));
}

/** A value that is not text of its own: it comes from the environment or a file. */
export interface Reference {
  readonly path: JsonPath;
  readonly text: string;
  /** The setting that it is the value of, without `file`. */
  readonly setting: JsonPath;
}

/** Yields the variables and secret files of a config. */
export function* referencesOf({ document, schema }: SchemaText): Generator<Reference> {
  for (const { path, value } of document.leaves()) {
    if (typeof value !== "string") continue;
    const marked = markedAt(schema, path, "x-secret") ?? markedAt(schema, path, "x-file");
    if (marked !== undefined && isFileName(path, marked))
      yield { path, text: value, setting: path.slice(0, marked) };
    else if (VARIABLE.test(value)) yield { path, text: value, setting: path };
  }
}

function secretNeeded(document: JsonDocument, path: JsonPath, why: string): Diagnostic {
  return {
    code: "secret_needed",
    severity: "error",
    file: document.file,
    ...document.place(path),
    path: pathText(path),
    message: `${why}; enter it again`,
  };
}

interface Replacement extends Span {
  readonly by: string;
}

function replaceSpans(text: string, spans: readonly Replacement[]): string {
  let replaced = "";
  let at = 0;
  for (const { start, end, by } of spans.toSorted((a, b) => a.start - b.start)) {
    replaced += text.slice(at, start) + by;
    at = end;
  }
  return replaced + text.slice(at);
}

/** Puts back comments that are as they were shown. */
function restoredComments(
  text: string,
  document: JsonDocument,
  disk: string,
  stored: JsonDocument,
): Replacement[] {
  const originals = new Map<string, string>();
  for (const { start, end } of stored.comments()) {
    const comment = disk.slice(start, end);
    originals.set(maskNamed(comment), comment);
  }
  return [...document.comments()].flatMap((span) => {
    const comment = text.slice(span.start, span.end);
    const original = comment.includes(KEPT) ? originals.get(comment) : undefined;
    return original === undefined ? [] : [{ ...span, by: original }];
  });
}

/** Returns the function from places in a text with replacements to places in the text before; no replacement holds a line break. */
function placesBefore(text: string, spans: readonly Replacement[]): Restored["placeBefore"] {
  const sorted = spans.toSorted((a, b) => a.start - b.start);
  return ({ line, column }) => {
    let shift = 0;
    for (const { start, end, by } of sorted) {
      const before = text.slice(0, start).split(/\r\n|\n|\r/);
      const placed = before.at(-1)!.length + 1 + shift;
      if (before.length === line && placed < column) shift += by.length - (end - start);
    }
    return { line, column: Math.max(1, column - shift) };
  };
}
