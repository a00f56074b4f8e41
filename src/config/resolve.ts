import { readFileSync } from "node:fs";
import { dirname, resolve as resolvePath } from "node:path";
import type { Secrets } from "../log.ts";
import { convertValue } from "../points/index.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { closest } from "./did-you-mean.ts";
import { readableByAll, readableByOthers } from "./file-access.ts";
import { type JsonDocument, type JsonPath, pathText } from "./json-document.ts";
import { innerSchema, type Schema } from "./schema.ts";

export interface LoadOptions {
  /** Takes every secret that is found, before anything else sees it. */
  readonly secrets: Secrets;
  /** Variables for `${NAME}`. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Resolved {
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The document's value with `${NAME}` and secret files put in (`$${` is a plain `${`). Text that is a number, where a number is
 * wanted, becomes one. What could not be resolved is a diagnostic, and the value then means nothing.
 */
export function resolveDocument(document: JsonDocument, schema: Schema, options: LoadOptions): Resolved {
  const resolver = new Resolver(document, options);
  const value = resolver.resolve(document.value, [], schema);
  return { value, diagnostics: resolver.diagnostics };
}

// A name in braces, or whatever else follows the dollar sign up to the closing brace.
const VARIABLE = /\$?\$\{([^}]*)\}?/g;
const SECRET_FORMS = `"\${NAME}" or {"file": "path"}`;
const VARIABLE_NAME = /^[A-Za-z_]\w*$/;

class Resolver {
  readonly diagnostics: Diagnostic[] = [];
  readonly #document: JsonDocument;
  readonly #secrets: Secrets;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(document: JsonDocument, options: LoadOptions) {
    this.#document = document;
    this.#secrets = options.secrets;
    this.#env = options.env ?? process.env;
  }

  resolve(value: unknown, path: JsonPath, schema: Schema | undefined): unknown {
    if (schema?.["x-unused"])
      this.#report("warning", "unused_setting", path, `the bridge does not use this: ${schema["x-unused"]}`);
    if (schema?.["x-secret"]) return this.#secret(value, path);
    if (schema?.["x-literal"]) return value;
    if (typeof value === "string") return this.#typed(value, this.#substitute(value, path), path, schema);
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

  #substitute(text: string, path: JsonPath): string {
    return text.replace(VARIABLE, (written: string, name: string) => {
      if (written.startsWith("$$")) return written.slice(1);
      if (!VARIABLE_NAME.test(name) || !written.endsWith("}")) {
        const message = "this is no name of a variable; a plain ${ is written $${";
        this.#report("error", "bad_variable", path, message, written, written);
        return "";
      }
      const value = this.#env[name];
      if (value === undefined) {
        const suggestion = closest(name, Object.keys(this.#env));
        const message = `the environment variable ${name} is not set`;
        this.#report("error", "missing_variable", path, message, written, undefined, suggestion);
      }
      return value ?? "";
    });
  }

  /** Variables are always text, and VOLTTRON takes an interval of "60": what is clear is taken, and said where it was not asked for. */
  #typed(written: string, text: string, path: JsonPath, schema: Schema | undefined): unknown {
    const types = [schema?.type ?? []].flat();
    if (types.includes("string")) return text;
    const fromVariable = text !== written;
    if (fromVariable && types.includes("boolean") && /^(true|false)$/i.test(text))
      return /^true$/i.test(text);
    if (!types.includes("integer") && !types.includes("number")) return text;
    const number = convertValue(text, "float");
    if (!number.ok || number.value === null) return text;
    if (!fromVariable)
      this.#report(
        "warning",
        "number_as_text",
        path,
        "a number is written without quotes",
        undefined,
        written,
      );
    return number.value;
  }

  #secret(value: unknown, path: JsonPath): unknown {
    if (typeof value === "string") {
      const secret = this.#substitute(value, path);
      this.#secrets.add(secret);
      if (secret === value && secret !== "" && readableByOthers(this.#document.file))
        this.#report(
          "warning",
          "secret_in_clear",
          path,
          `a secret stands here in the clear, and others can read this file; use ${SECRET_FORMS}, or chmod 600 it`,
        );
      return secret;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const { file, ...rest } = value as Record<string, unknown>;
    if (typeof file === "string" && file !== "" && Object.keys(rest).length === 0)
      return this.#secretFile(
        resolvePath(dirname(this.#document.file), this.#substitute(file, [...path, "file"])),
        path,
      );
    this.#report("error", "bad_secret", path, `a secret is text, ${SECRET_FORMS}`);
    return "";
  }

  #secretFile(file: string, path: JsonPath): string {
    try {
      const secret = readFileSync(file, "utf8").replace(/\r?\n$/, "");
      this.#secrets.add(secret);
      if (secret === "") this.#report("error", "empty_secret", path, `the secret file ${file} is empty`);
      else if (readableByAll(file))
        this.#report(
          "warning",
          "secret_readable",
          path,
          `everybody can read the secret file ${file}; chmod 600 it`,
        );
      return secret;
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? String(error);
      this.#report("error", "unreadable_secret", path, `the secret file ${file} cannot be read (${reason})`);
      return "";
    }
  }

  #report(
    severity: Diagnostic["severity"],
    code: string,
    path: JsonPath,
    message: string,
    text?: string,
    found?: string,
    suggestion?: string,
  ): void {
    this.diagnostics.push({
      code,
      severity,
      file: this.#document.file,
      ...(text === undefined ? this.#document.place(path) : this.#document.placeOf(path, text)),
      path: pathText(path),
      message,
      ...(found === undefined ? {} : { found: JSON.stringify(found) }),
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}
