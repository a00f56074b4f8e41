import { closest } from "../../../config/files/did-you-mean.ts";
import type { PointValue } from "../../../points/index.ts";
import { type PointTarget, splitTarget } from "../../topics.ts";
import { isObject, shorten } from "../command-payload.ts";

/** The parameters do not fit the verb (JSON-RPC -32602). */
export class BadParamsError extends Error {
  override readonly name = "BadParamsError";
}

/** Parameters of one call, as they came. */
export interface GivenParams {
  readonly args: readonly PointValue[];
  readonly kwargs: Readonly<Record<string, PointValue>>;
}

/**
 * Splits parameters into those by position and those by name: a list, an object, or both in the form of VOLTTRON's
 * `jsonrpc.py`, `{"*args": […], "**kwargs": {…}}`. Throws BadParamsError.
 */
export function splitParams(given: PointValue | undefined): GivenParams {
  if (given === undefined || given === null) return { args: [], kwargs: {} };
  if (Array.isArray(given)) return { args: given, kwargs: {} };
  if (!isObject(given)) throw new BadParamsError("params must be a list or an object");
  const { "*args": args, "**kwargs": kwargs } = given;
  if (Array.isArray(args) && isObject(kwargs) && Object.keys(given).length === 2) return { args, kwargs };
  return { args: [], kwargs: given };
}

/** Parameters of one call by name, however they came. */
export class Params {
  readonly #values: ReadonlyMap<string, PointValue>;
  readonly #usage: string;

  /** `order` is that of `args`; `named` can be given by name too. Throws BadParamsError. */
  constructor(
    { args, kwargs }: GivenParams,
    order: readonly string[],
    named: readonly string[],
    usage: string,
  ) {
    this.#usage = usage;
    if (args.length > order.length) throw this.wrong(`${args.length} parameters`);
    const known = [...new Set([...order, ...named])];
    const unknown = Object.keys(kwargs).find((name) => !known.includes(name));
    const near = unknown === undefined ? undefined : closest(unknown, known);
    if (unknown !== undefined)
      throw this.wrong(`unknown parameter "${unknown}"${near ? `; did you mean "${near}"?` : ""}`);
    const values = new Map(args.map((value, i) => [order[i]!, value]));
    for (const [name, value] of Object.entries(kwargs)) {
      if (values.has(name)) throw this.wrong(`"${name}" is given by position and by name`);
      values.set(name, value);
    }
    this.#values = values;
  }

  /** Returns a parameter as it came; undefined where it did not. */
  raw(name: string): PointValue | undefined {
    return this.#values.get(name);
  }

  text(name: string): string {
    const value = this.raw(name);
    if (typeof value === "string" && value !== "") return value;
    throw value === undefined ? this.wrong(`"${name}" is missing`) : this.#mustBe("text", name);
  }

  /** Returns a date and time, which must have a zone. */
  time(name: string): Date {
    const text = this.text(name);
    const time = new Date(text);
    if (Number.isNaN(time.getTime()) || !/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text))
      throw this.#mustBe("a date and time with a zone", name);
    return time;
  }

  number(name: string): number | undefined {
    const value = this.raw(name) ?? undefined;
    if (value === undefined || typeof value === "number") return value;
    throw this.#mustBe("a number", name);
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name) ?? undefined;
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#mustBe("true or false", name);
  }

  list(name: string, most: number): readonly PointValue[] {
    const value = this.raw(name);
    if (!Array.isArray(value)) throw this.#mustBe("a list", name);
    if (value.length > most)
      throw this.wrong(`"${name}" has ${value.length} items; at most ${most} are taken`);
    return value;
  }

  /** Returns the device of `path`, or of `topic` as VOLTTRON's actuator calls it. */
  device(): string {
    return trimmed(this.text(this.#oneOf("path", "topic")));
  }

  /**
   * Returns the point of `path` and `point_name`, or of both in one: a `topic`, or a `path` with the point as its last
   * level. The actuator calls them `topic` and `point`; a `[device, point]` pair may be its topic too.
   */
  point(): PointTarget {
    const device = this.#oneOf("path", "topic");
    const point = this.#oneOf("point_name", "point");
    if (this.has(point)) return { path: trimmed(this.text(device)), point: this.text(point) };
    const target = targetOf(this.raw(device) ?? null);
    return target ?? splitTarget(trimmed(this.text(device)));
  }

  has(name: string): boolean {
    return (this.raw(name) ?? undefined) !== undefined;
  }

  /** Returns which of two names of one parameter is given, the first where none is. Throws where both are. */
  #oneOf(first: string, second: string): string {
    if (this.has(first) && this.has(second)) throw this.wrong(`give either "${first}" or "${second}"`);
    return this.has(second) ? second : first;
  }

  wrong(text: string): BadParamsError {
    return new BadParamsError(`${text}; ${this.#usage}`);
  }

  #mustBe(what: string, name: string): BadParamsError {
    return this.wrong(
      `"${name}" must be ${what}, found ${shorten(JSON.stringify(this.raw(name)) ?? "nothing")}`,
    );
  }
}

/** Removes slashes around a path. */
export function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}

/** Returns the point that a topic, or a `[device, point]` pair, names; undefined where it names none. */
export function targetOf(topic: PointValue): PointTarget | undefined {
  if (typeof topic === "string") {
    const target = splitTarget(trimmed(topic));
    return target.path === "" || target.point === "" ? undefined : target;
  }
  if (!Array.isArray(topic) || topic.length < 2) return undefined;
  const [path, point] = topic;
  return typeof path === "string" && typeof point === "string" ? { path: trimmed(path), point } : undefined;
}
