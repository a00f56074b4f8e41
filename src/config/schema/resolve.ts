import { dirname, resolve as resolvePath } from "node:path";
import type { Secrets } from "../../log/log.ts";
import { convertValue } from "../../points/index.ts";
import type { Diagnostic } from "../files/diagnostic.ts";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { closest } from "../files/did-you-mean.ts";
import {
  disk,
  type FileAccess,
  readableByAll,
  readableByOthers,
  unreadableReason,
} from "../files/file-access.ts";
import { type JsonDocument, type JsonPath, MOST_PROBLEMS, pathText } from "../files/json-document.ts";
import { innerSchema, type Schema } from "./schema.ts";

export interface LoadOptions {
  /** Receives every secret that is found, before any other code does. */
  readonly secrets: Secrets;
  /** Environment variables for `${NAME}`. Default: those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Reads the files. Default: {@link disk}. */
  readonly files?: FileAccess;
}

export interface Resolved {
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Returns the document's value with variables (`${NAME}`; `$${` is a plain `${`) and secret files resolved. Numeric text becomes a number
 * where a number is expected. Values that cannot be resolved are undefined and have a diagnostic.
 */
export function resolveDocument(document: JsonDocument, schema: Schema, options: LoadOptions): Resolved {
  const resolver = new Resolver(document, options);
  const value = resolver.resolve(document.value, [], schema);
  return { value, diagnostics: resolver.diagnostics };
}

// Any text after `${` up to the closing brace; VARIABLE_NAME decides whether it is a name.
const VARIABLE = /\$?\$\{([^}]*)\}?/g;
const VARIABLE_NAME = /^[A-Za-z_]\w*$/;
/** Maximum size of a secret file, in bytes; keys and certificates are far smaller. */
const LARGEST_SECRET = 64_000;
const SECRET_FORMS = `"\${NAME}" or {"file": "path"}`;

class Resolver {
  readonly diagnostics: Diagnostic[] = [];
  readonly #reported = { error: 0, warning: 0 };
  readonly #document: JsonDocument;
  readonly #secrets: Secrets;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #files: FileAccess;

  constructor(document: JsonDocument, options: LoadOptions) {
    this.#document = document;
    this.#secrets = options.secrets;
    this.#env = options.env ?? process.env;
    this.#files = options.files ?? disk;
  }

  resolve(value: unknown, path: JsonPath, schema: Schema | undefined): unknown {
    if (schema?.["x-unused"]) {
      const place = this.#document.place(path, "key");
      this.#warn("unused_setting", path, `the bridge does not use this: ${schema["x-unused"]}`, place);
    }
    const isInFile = schema?.["x-file"] && typeof value === "object" && value !== null;
    if (schema?.["x-secret"] || isInFile) return this.#secret(value, path);
    if (schema?.["x-literal"]) return value;
    if (typeof value === "string") return this.#typed(value, path, schema);
    if (Array.isArray(value))
      return value.map((item, i) => this.resolve(item, [...path, i], innerSchema(schema, i)));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        this.resolve(inner, [...path, key], innerSchema(schema, key)),
      ]),
    );
  }

  /** Returns the text with its variables replaced, or undefined if one of them cannot be. */
  #substitute(text: string, path: JsonPath): string | undefined {
    let sound = true;
    const fail = (written: string, code: DiagnosticCode, message: string, suggestion?: string) => {
      sound = false;
      if (this.#reported.error >= MOST_PROBLEMS) return "";
      const more = { ...this.#document.placeOf(path, written), ...(suggestion ? { suggestion } : {}) };
      this.#fail(code, path, message, more);
      return "";
    };
    const substituted = text.replace(VARIABLE, (written: string, name: string) => {
      if (written.startsWith("$$")) return written.slice(1);
      if (!VARIABLE_NAME.test(name) || !written.endsWith("}"))
        return fail(written, "bad_variable", "this is not the name of a variable; write a plain ${ as $${");
      const value = this.#env[name];
      if (value !== undefined) return value;
      const message = `the environment variable ${name} is not set`;
      return fail(written, "missing_variable", message, closest(name, Object.keys(this.#env)));
    });
    return sound ? substituted : undefined;
  }

  /** Converts text to the expected type: variables are always text, and VOLTTRON accepts an interval of "60". */
  #typed(written: string, path: JsonPath, schema: Schema | undefined): unknown {
    const text = this.#substitute(written, path);
    const types = [schema?.type ?? []].flat();
    if (text === undefined || types.includes("string")) return text;
    const fromVariable = text !== written;
    if (fromVariable && types.includes("boolean") && /^(true|false)$/i.test(text)) return /^t/i.test(text);
    if (!types.includes("integer") && !types.includes("number")) return text;
    const number = convertValue(text, "float");
    if (!number.ok || number.value === null) return text;
    if (!fromVariable)
      this.#warn("number_as_text", path, "a number is written without quotes", {
        found: JSON.stringify(text),
      });
    return number.value;
  }

  #secret(value: unknown, path: JsonPath): unknown {
    if (typeof value === "string") {
      const secret = this.#substitute(value, path);
      if (secret === undefined) return undefined;
      this.#secrets.add(secret);
      const inClear = value !== "" && !/(?<!\$)\$\{/.test(value);
      if (inClear && readableByOthers(this.#document.file))
        this.#warn(
          "secret_in_clear",
          path,
          `this secret is in clear text, and other users can read this file; use ${SECRET_FORMS}, or chmod 600 the file`,
        );
      return secret;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const { file, ...rest } = value as Record<string, unknown>;
    if (typeof file !== "string" || file === "" || Object.keys(rest).length > 0) {
      this.#fail("bad_secret", path, `a secret is text, ${SECRET_FORMS}`);
      return undefined;
    }
    const name = this.#substitute(file, path);
    return name === undefined
      ? undefined
      : this.#secretFile(resolvePath(dirname(this.#document.file), name), path);
  }

  #secretFile(file: string, path: JsonPath): string | undefined {
    try {
      const secret = this.#files
        .read(file, LARGEST_SECRET)
        .toString()
        .replace(/\r?\n$/, "");
      this.#secrets.add(secret);
      if (secret === "") this.#fail("empty_secret", path, `the secret file ${file} is empty`);
      else if (readableByAll(file))
        this.#warn("secret_readable", path, `all users can read the secret file ${file}; chmod 600 it`);
      return secret;
    } catch (error) {
      const reason = unreadableReason(error);
      this.#fail("unreadable_secret", path, `the secret file ${file} ${reason}`);
      return undefined;
    }
  }

  #fail(code: DiagnosticCode, path: JsonPath, message: string, more: Partial<Diagnostic> = {}): void {
    this.#report("error", code, path, message, more);
  }

  #warn(code: DiagnosticCode, path: JsonPath, message: string, more: Partial<Diagnostic> = {}): void {
    this.#report("warning", code, path, message, more);
  }

  #report(
    severity: "error" | "warning",
    code: DiagnosticCode,
    path: JsonPath,
    message: string,
    more: Partial<Diagnostic>,
  ): void {
    // The rest would not change the outcome: one error is enough to reject the file.
    if (++this.#reported[severity] > MOST_PROBLEMS) return;
    const { file } = this.#document;
    this.diagnostics.push({
      code,
      severity,
      file,
      ...this.#document.place(path),
      path: pathText(path),
      message,
      ...more,
    });
  }
}
