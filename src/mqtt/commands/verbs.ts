import { closest } from "../../config/files/did-you-mean.ts";
import type { Command, CommandResult, Commands, Control, History, Override } from "../../devices/commands.ts";
import { LimitGroupNotFoundError } from "../../devices/errors.ts";
import type { PointValue } from "../../points/index.ts";
import { type PointTarget, splitTarget } from "../topics.ts";
import { isObject, shorten } from "./command-payload.ts";

/** The parameters do not fit the verb (JSON-RPC -32602). */
export class BadParamsError extends Error {
  override readonly name = "BadParamsError";
}

/** Parameters of one call by name, whether they came as a list or as an object. */
export class Params {
  readonly #values: ReadonlyMap<string, PointValue>;
  readonly #usage: string;

  /** `names` in the order of a list. `also`: taken by name only. Throws BadParamsError. */
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
      if (given !== undefined && given !== null) throw this.wrong("params must be a list or an object");
    }
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

  /** Returns the `path` of a device. */
  device(): string {
    return trimmed(this.text("path"));
  }

  /** Returns the point of `path` and `point_name`, or of both in one: `topic`, or `path` with the point as its last level. */
  point(): PointTarget {
    const point = this.raw("point_name") ?? undefined;
    const topic = this.raw("topic") ?? undefined;
    if (point !== undefined) return { path: trimmed(this.text("path")), point: this.text("point_name") };
    return splitTarget(trimmed(this.text(topic === undefined ? "path" : "topic")));
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
function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}

/** What a verb may use. */
interface Call {
  readonly commands: Commands;
  readonly control: Control;
  /** Returns the health of the bridge at this moment. */
  readonly health: () => object;
  readonly command: Command;
  /** As it was sent; undefined where the sender gave none. */
  readonly requester: PointValue | undefined;
  readonly signal: AbortSignal;
}

/** The bridge was not started from config files, so there is nothing to load again. */
class ReloadUnavailableError extends Error {
  override readonly name = "ReloadUnavailableError";

  constructor() {
    super(
      "this bridge does not run from config files, or cannot load them while it runs; restart it instead",
    );
  }
}

class NoStoreError extends Error {
  override readonly name = "NoStoreError";

  constructor() {
    super("this bridge stores nothing: set historian.backend in its config and restart it");
  }
}

/** A write that was refused, failed, or was not confirmed. */
export class WriteFailedError extends Error {
  override readonly name: string;
  readonly result: CommandResult;

  constructor(result: CommandResult) {
    super(result.text ?? `the write was ${result.status}`);
    this.name = result.error ?? "UnconfirmedError";
    this.result = result;
  }
}

interface Verb {
  /** Parameters in the order of a list, VOLTTRON's names. */
  readonly params: readonly string[];
  /** Parameters that can only be given by name. */
  readonly named?: readonly string[];
  /** Of a verb that writes one point or device: its call resolves with a CommandResult. */
  readonly write?: "set" | "revert";
  call(params: Params, call: Call): unknown;
}

const MOST_POINTS = 1000;
const POINT = ["path", "point_name"] as const;

/** THE LIST of verbs: VOLTTRON's, and the bridge's own where VOLTTRON has none. */
export const verbs: Readonly<Record<string, Verb>> = {
  get_point: {
    params: POINT,
    named: ["topic"],
    call(params, { commands, signal }) {
      const { path, point } = params.point();
      return commands.get(path, point, signal);
    },
  },
  set_point: {
    params: [...POINT, "value"],
    named: ["topic", "duration_minutes"],
    write: "set",
    call(params, { commands, command }) {
      const { path, point } = params.point();
      const value = params.raw("value");
      if (value === undefined) throw params.wrong('"value" is missing');
      const minutes = params.number("duration_minutes");
      const timed = minutes === undefined ? command : { ...command, durationMinutes: minutes };
      return commands.set(path, point, value, timed);
    },
  },
  scrape_all: {
    params: ["path"],
    async call(params, { control, signal }) {
      const scrape = await control.scrapeAll(params.device(), signal);
      return Object.fromEntries(scrape.values);
    },
  },
  get_multiple_points: {
    params: ["path", "point_names"],
    async call(params, { commands, signal }) {
      const points = manyPoints(params, "point_names");
      const all = points.map(({ name, path, point }) => settled(name, commands.get(path, point, signal)));
      return collected(await Promise.all(all));
    },
  },
  set_multiple_points: {
    params: ["path", "point_names_values"],
    async call(params, { commands, command }) {
      const points = manyPoints(params, "point_names_values");
      // As VOLTTRON's actuator does: every device is checked before the first write.
      const refusal = refusalOf(points, (path, point) => commands.checkFree(path, point, command));
      const asked = { ...command, ...(refusal && { refusal }) };
      const all = points.map(({ name, path, point, value }) =>
        settled(
          name,
          commands.set(path, point, value, { ...asked, id: `${command.id}/${name}` }).then(succeeded),
        ),
      );
      const [, errors] = collected(await Promise.all(all));
      if (refusal && Object.keys(errors).length > 0) throw refusal;
      return errors;
    },
  },
  revert_point: {
    params: POINT,
    named: ["topic"],
    write: "revert",
    call(params, { commands, command }) {
      const { path, point } = params.point();
      return commands.revertPoint(path, point, command);
    },
  },
  revert_device: {
    params: ["path"],
    write: "revert",
    call: (params, { commands, command }) => commands.revertDevice(params.device(), command),
  },
  set_override_on: {
    params: ["pattern", "duration", "failsafe_revert", "staggered_revert"],
    call(params, { control, command }) {
      const options = {
        durationSeconds: params.number("duration"),
        failsafeRevert: params.boolean("failsafe_revert"),
        staggeredRevert: params.boolean("staggered_revert"),
      };
      control.overriding.setOverrideOn(params.text("pattern"), options, command);
    },
  },
  set_override_off: {
    params: ["pattern"],
    call: (params, { control, command }) =>
      control.overriding.setOverrideOff(params.text("pattern"), command),
  },
  clear_overrides: {
    params: [],
    call: (_, { control, command }) => control.overriding.clearOverrides(command),
  },
  get_override_devices: {
    params: [],
    call: (_, { control }) => control.overriding.overrideDevices(),
  },
  get_override_patterns: {
    params: [],
    call: (_, { control }) => control.overriding.overridePatterns().map(({ pattern }) => pattern),
  },
  request_new_schedule: {
    params: ["requester_id", "task_id", "priority", "requests"],
    call(params, { control, command, requester }) {
      const asked = {
        taskId: params.raw("task_id"),
        priority: params.raw("priority"),
        slots: params.raw("requests"),
      };
      return control.scheduling.requestNewSchedule(asked, { ...command, requester });
    },
  },
  request_cancel_schedule: {
    params: ["requester_id", "task_id"],
    call: (params, { control, command, requester }) =>
      control.scheduling.requestCancelSchedule(params.raw("task_id"), { ...command, requester }),
  },
  get_overrides: {
    params: [],
    call: (_, { control }) => control.overriding.overridePatterns().map(overrideJson),
  },
  create_event: {
    params: ["path", "start", "minutes"],
    named: ["kw", "percent", "group", "allow_opt_out"],
    call(params, { control, command }) {
      const [kw, percent] = [params.number("kw"), params.number("percent")];
      if ((kw === undefined) === (percent === undefined)) throw params.wrong('give either "kw" or "percent"');
      const group = params.raw("group") ?? undefined;
      const plan = {
        startsAt: params.time("start"),
        durationMinutes: params.number("minutes") ?? Number.NaN,
        limit: kw === undefined ? { percent: percent! } : { kw },
        allowOptOut: params.boolean("allow_opt_out") ?? true,
        ...(group !== undefined && { group: String(group) }),
      };
      return control.eventing.createEvent(params.device(), plan, command);
    },
  },
  remove_event: {
    params: ["id"],
    call: (params, { control, command }) => control.eventing.removeEvent(String(params.raw("id")), command),
  },
  get_events: {
    params: [],
    call: (_, { control }) => control.eventing.events(),
  },
  get_sheds: {
    params: [],
    call: (_, { control }) => control.sheds(),
  },
  get_limits: {
    params: ["group"],
    call(params, { control }) {
      const groups = control.limiting?.limits() ?? [];
      if ((params.raw("group") ?? null) === null) return groups;
      const name = params.text("group");
      const known = groups.map(({ group }) => group);
      if (!known.includes(name)) throw new LimitGroupNotFoundError(name, known);
      return groups.filter(({ group }) => group === name);
    },
  },
  set_limit: {
    params: ["group", "kw"],
    call(params, { control, command }) {
      const kw = params.raw("kw");
      const name = params.text("group");
      if (kw === undefined) throw params.wrong('"kw" is missing');
      if (!control.limiting) throw new LimitGroupNotFoundError(name, []);
      return control.limiting.setLimit(name, kw, command);
    },
  },
  get_schedules: {
    params: [],
    call: (_, { control }) => control.scheduling.tasks(),
  },
  pause_device: {
    params: ["path"],
    call: (params, { control, command }) => control.pausing.pause(params.device(), command),
  },
  resume_device: {
    params: ["path"],
    call: (params, { control, command }) => control.pausing.resume(params.device(), command),
  },
  get_paused: {
    params: [],
    call: (_, { control }) => control.pausing.paused(),
  },
  reload: {
    params: ["confirm", "preview"],
    call(params, { control, command }) {
      const confirm = params.boolean("confirm") ?? false;
      const preview = params.boolean("preview") ?? false;
      if (!control.reloading) throw new ReloadUnavailableError();
      if (!preview) control.checkCommand(command);
      return control.reloading.reload({ confirm, preview });
    },
  },
  get_topic_list: historyVerb("get_topic_list", []),
  get_topics_by_pattern: historyVerb("get_topics_by_pattern", ["topic_pattern"]),
  get_topics_metadata: historyVerb("get_topics_metadata", ["topics"]),
  get_aggregate_topics: historyVerb("get_aggregate_topics", []),
  query: historyVerb("query", ["topic", "start", "end", "agg_type", "agg_period", "skip", "count", "order"]),
  insert: {
    params: ["records"],
    async call(params, { control, command }) {
      const records = params.list("records", MOST_POINTS);
      const history = historyOf(control);
      control.checkCommand(command);
      await history.insert(records);
      return null;
    },
  },
  get_health: {
    params: [],
    call: (_, { health }) => health(),
  },
};

/** Returns a verb that is a method of VOLTTRON's historian. */
function historyVerb(method: Parameters<History["call"]>[0], names: readonly string[]): Verb {
  return {
    params: names,
    call(params, { control, signal }) {
      const args = Object.fromEntries(names.map((name) => [name, params.raw(name)]));
      return historyOf(control).call(method, args, signal);
    },
  };
}

function historyOf({ history }: Control): History {
  if (history) return history;
  throw new NoStoreError();
}

function overrideJson({ pattern, endsAt, devices }: Override) {
  return { pattern, endsAt: endsAt?.toISOString() ?? null, devices };
}

/** Returns the result of a write that succeeded; throws {@link WriteFailedError} otherwise. */
export function succeeded(result: CommandResult): CommandResult {
  if (result.status === "confirmed" || result.status === "accepted") return result;
  throw new WriteFailedError(result);
}

/**
 * Returns points of one device (`path`, and a list of names or of `[name, value]`), or of several (the list alone, with
 * whole topics in place of the names).
 */
function manyPoints(params: Params, list: string) {
  const single = params.raw(list) === undefined;
  const device = single ? undefined : params.device();
  return params.list(single ? "path" : list, MOST_POINTS).map((item) => {
    const [name, value] = Array.isArray(item) ? item : [item];
    if (typeof name !== "string") throw params.wrong(`${JSON.stringify(name)} must be the name of a point`);
    if (list === "point_names_values" && value === undefined) throw params.wrong(`no value for ${name}`);
    const { path, point } = device === undefined ? splitTarget(trimmed(name)) : { path: device, point: name };
    return { name, path, point, value };
  });
}

/** Returns why a batch is refused as a whole, if it is. */
function refusalOf(
  points: ReturnType<typeof manyPoints>,
  check: (path: string, point: string) => void,
): Error | undefined {
  try {
    for (const { path, point } of points) check(path, point);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

interface Settled {
  readonly name: string;
  readonly value?: unknown;
  readonly error?: string;
}

async function settled(name: string, work: Promise<unknown>): Promise<Settled> {
  try {
    return { name, value: await work };
  } catch (error) {
    const { name: kind, message } = error as Error;
    return { name, error: `${kind}: ${message}` };
  }
}

/** Returns VOLTTRON's `[results, errors]`. */
function collected(all: readonly Settled[]): [results: object, errors: object] {
  return [
    Object.fromEntries(
      all.filter(({ error }) => error === undefined).map(({ name, value }) => [name, value]),
    ),
    Object.fromEntries(
      all.filter(({ error }) => error !== undefined).map(({ name, error }) => [name, error]),
    ),
  ];
}
