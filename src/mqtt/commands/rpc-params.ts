import { closest } from "../../config/did-you-mean.ts";
import type { PointValue } from "../../points/index.ts";
import { splitTarget } from "../topics.ts";
import { isObject } from "./command-payload.ts";

/** The parameters do not fit the verb (JSON-RPC -32602). */
export class BadParamsError extends Error {
  override readonly name = "BadParamsError";
}

/** Parameters of one call by name, whether they came as a list or as an object. */
export class Params {
  readonly #values: ReadonlyMap<string, PointValue>;
  readonly #usage: string;

  /** `names` in the order of a list. `also`: taken by name only. */
  constructor(given: PointValue | undefined, names: readonly string[], also: readonly string[] = []) {
    this.#usage = `expected ${names.length === 0 ? "no parameters" : `[${names.join(", ")}]`}`;
    if (Array.isArray(given)) {
      if (given.length > names.length) throw this.wrong(`${given.length} parameters`);
      this.#values = new Map(given.map((value, i) => [names[i]!, value]));
    } else if (isObject(given)) {
      const known = [...names, ...also];
      const unknown = Object.keys(given).find((name) => !known.includes(name));
      const near = unknown === undefined ? undefined : closest(unknown, known);
      if (unknown !== undefined)
        throw this.wrong(`unknown parameter "${unknown}"${near ? `; did you mean "${near}"?` : ""}`);
      this.#values = new Map(Object.entries(given));
    } else {
      this.#values = new Map();
      if (given !== undefined && given !== null) throw this.wrong("params is neither a list nor an object");
    }
  }

  /** As it came; undefined where it did not. */
  raw(name: string): PointValue | undefined {
    return this.#values.get(name);
  }

  text(name: string): string {
    const value = this.raw(name);
    if (typeof value === "string" && value !== "") return value;
    throw this.wrong(value === undefined ? `"${name}" is missing` : `"${name}" is no text`);
  }

  /** A date and time with its zone. */
  time(name: string): Date {
    const text = this.text(name);
    const time = new Date(text);
    if (Number.isNaN(time.getTime()) || !/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text))
      throw this.wrong(`"${name}" is no date and time with its zone`);
    return time;
  }

  number(name: string): number | undefined {
    const value = this.raw(name) ?? undefined;
    if (value === undefined || typeof value === "number") return value;
    throw this.wrong(`"${name}" is no number`);
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name) ?? undefined;
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrong(`"${name}" is neither true nor false`);
  }

  list(name: string, most: number): readonly PointValue[] {
    const value = this.raw(name);
    if (!Array.isArray(value)) throw this.wrong(`"${name}" is no list`);
    if (value.length > most)
      throw this.wrong(`"${name}" has ${value.length} items; at most ${most} are taken`);
    return value;
  }

  /** `path` and `point_name`, or both as one: `topic`, or the path alone with the point behind its last slash. */
  point(): { path: string; point: string } {
    const point = this.raw("point_name") ?? undefined;
    const topic = this.raw("topic") ?? undefined;
    if (point !== undefined) return { path: trimmed(this.text("path")), point: this.text("point_name") };
    return splitTarget(trimmed(this.text(topic === undefined ? "path" : "topic")));
  }

  wrong(text: string): BadParamsError {
    return new BadParamsError(`${text}; ${this.#usage}`);
  }
}

/** Slashes around a path do not count. */
export function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}
