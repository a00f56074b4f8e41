import { closest } from "../config/files/did-you-mean.ts";

/** Meaning of a command topic. */
export type CommandTopic =
  | { readonly action: "get" | "set" | "revert"; readonly view: "volttron"; readonly target: PointTarget }
  | { readonly action: "set"; readonly view: "state"; readonly target: PointTarget }
  | { readonly action: "revert"; readonly view: "volttron"; readonly target: DeviceTarget };

export interface PointTarget {
  readonly path: string;
  readonly point: string;
}

export interface DeviceTarget {
  readonly path: string;
  readonly point?: undefined;
}

/** Prefixes of the command topics, below the base topic. */
const COMMANDS = [
  { prefix: "devices/actuators/get/", action: "get", whole: false },
  { prefix: "devices/actuators/set/", action: "set", whole: false },
  { prefix: "devices/actuators/revert/point/", action: "revert", whole: false },
  { prefix: "devices/actuators/revert/device/", action: "revert", whole: true },
] as const;

/** First level of the device path in probes, with which bridges test their subscriptions. */
const PROBE = "voltbridge-probe";

const SCHEDULE = "devices/actuators/schedule/";

/** First level of signed topics; the second names the requester. */
const SIGNED = "as";

/**
 * Maximum number of levels of `<path>/<point>` for which `state/<path>/<point>/set` is always subscribed to. MQTT has no
 * wildcard for any number of levels in the middle; devices with more levels add their own.
 */
const STATE_LEVELS = 8;

/** The topics of one bridge. */
export class Topics {
  readonly #base: string;
  readonly #instance: string;

  /** `base`: first levels of every topic, without a slash at the end; empty for none. */
  constructor(instance: string, base: string) {
    this.#base = base === "" ? "" : `${base}/`;
    this.#instance = instance;
  }

  allDepthFirst(path: string): string {
    return `${this.#base}devices/${path}/all`;
  }

  allBreadthFirst(path: string): string {
    return `${this.#base}devices/all/${reversed(path)}`;
  }

  /** Returns the device path of an `all` topic, of either form; undefined for any other topic. */
  parseAll(topic: string): string | undefined {
    const local = topic.slice(this.#base.length);
    const [, forward, backward] = /^devices\/(?:(.+)\/all|all\/(.+))$/.exec(local) ?? [];
    return backward === undefined ? forward : reversed(backward);
  }

  pointDepthFirst(path: string, point: string): string {
    return `${this.#base}devices/${path}/${point}`;
  }

  pointBreadthFirst(path: string, point: string): string {
    return `${this.#base}devices/${point}/${reversed(path)}`;
  }

  /** Returns the filters of everything that bridges of this instance publish; the first two hold those of other bridges too. */
  ofInstance(): string[] {
    const own = `${this.#base}voltbridge/${this.#instance}/#`;
    return [`${this.#base}devices/#`, `${this.#base}state/#`, this.heartbeat(), own];
  }

  heartbeat(): string {
    return `${this.#base}heartbeat/${this.#instance}`;
  }

  state(path: string): string {
    return `${this.#base}state/${path}`;
  }

  attribute(path: string, point: string): string {
    return `${this.#base}state/${path}/${point}`;
  }

  availability(path: string): string {
    return `${this.#base}state/${path}/availability`;
  }

  /** Returns the topic of when the limits of a device end, where each point has a topic of its own. */
  limitEnds(path: string): string {
    return `${this.#base}state/${path}/ends`;
  }

  result(target: PointTarget): string {
    return `${this.#base}state/${target.path}/${target.point}/result`;
  }

  /** Returns `voltbridge/<instance>/…`; with instance `+` a filter for every bridge. */
  own(kind: "state" | "info" | "health" | "event" | "probe" | "alerts"): string {
    return `${this.#base}voltbridge/${this.#instance}/${kind}`;
  }

  /** Returns a topic of an integration's own: `voltbridge/<instance>/<integration>/…`. */
  integration(name: string, rest: string): string {
    return `${this.#base}voltbridge/${this.#instance}/${name}/${rest}`;
  }

  /** Returns the topic on which bridges of this instance name ask for others, or on which these answer. */
  owner(kind: "ask" | "answer"): string {
    return `${this.#base}voltbridge/${this.#instance}/owner/${kind}`;
  }

  /** Returns the topic on which a controller publishes `online`, and its will `offline`; with name `+` a filter for all. */
  controller(name: string): string {
    return `${this.#base}voltbridge/${this.#instance}/controller/${name}/state`;
  }

  /** Returns the topic of a session, or of a port's lifetime energy. Station and port are one level each. */
  session(kind: "session" | "energy", station: string, port: string): string {
    return `${this.#base}voltbridge/${this.#instance}/${kind}/${station}/${port}`;
  }

  /**
   * Returns a topic by device path: of an alarm that was raised or cleared, of the open alarms, of the availability with its reason.
   */
  ofDevice(kind: "alarm" | "alarms" | "availability", path: string): string {
    return `${this.#base}voltbridge/${this.#instance}/${kind}/${path}`;
  }

  /** Returns the topic of a port's lifetime energy by its device; {@link session} has it by station. */
  deviceEnergy(path: string, port: string): string {
    return `${this.#base}voltbridge/${this.#instance}/energy/${path}/${port}`;
  }

  /** Returns the topic of alerts of a rule that begin or end. */
  alertOf(rule: string): string {
    return `${this.#base}voltbridge/${this.#instance}/alert/${rule}`;
  }

  /** Returns VOLTTRON's topic of alerts, by the class and the identity of their agent. */
  alert(): string {
    return `${this.#base}alerts/voltbridge/${this.#instance.replaceAll(".", "_")}`;
  }

  /** Returns the response topic of a requester with this id. */
  response(id: string): string {
    return `${this.#base}voltbridge/response/${id}`;
  }

  /** Returns the topic of a command; {@link parseCommand} reads it. */
  command(action: "get" | "set" | "revert", target: PointTarget | DeviceTarget): string {
    const { prefix } = COMMANDS.find((c) => c.action === action && c.whole === (target.point === undefined))!;
    return `${this.#base}${prefix}${join(target)}`;
  }

  value(target: PointTarget): string {
    return `${this.#base}devices/actuators/value/${join(target)}`;
  }

  error(target: PointTarget | DeviceTarget): string {
    return `${this.#base}devices/actuators/error/${join(target)}`;
  }

  reverted(target: PointTarget | DeviceTarget): string {
    const kind = target.point === undefined ? "device" : "point";
    return `${this.#base}devices/actuators/reverted/${kind}/${join(target)}`;
  }

  /** Returns the topic of an attempted write; without a point, of the whole device. */
  write(path: string, point?: string): string {
    return `${this.#base}devices/actuators/write/${point === undefined ? path : `${path}/${point}`}`;
  }

  /** Returns the topics of probes, which reach the bridge as commands do, for each kind of command; no device has this path. */
  commandProbes(
    requester: "message" | "topic" = "message",
  ): { readonly name: string; readonly filter: string; readonly topic: string }[] {
    const target = `${PROBE}/${this.#instance}`;
    return [
      ...COMMANDS.map(({ prefix }) => ({
        name: prefix.slice("devices/actuators/".length, -1).replace("/", "_"),
        filter: `${this.#base}${prefix}#`,
        topic: `${this.#base}${prefix}${target}`,
      })),
      {
        name: "state_set",
        filter: `${this.#base}state/…/set`,
        topic: `${this.#base}state/${target}/set`,
      },
      ...(requester === "message"
        ? []
        : [
            {
              name: "signed",
              filter: this.signed(`${this.#base}#`, "+"),
              topic: this.signed(`${this.#base}${COMMANDS[1].prefix}${target}`, PROBE),
            },
          ]),
    ];
  }

  /** Returns the topic of requests to the scheduler, or of their results. */
  schedule(kind: "request" | "result"): string {
    return `${this.#base}${SCHEDULE}${kind}`;
  }

  /** Returns the topic on which the present reservation of a device is published. */
  announcement(path: string): string {
    return `${this.#base}${SCHEDULE}announce/${path}`;
  }

  /** Returns the topic of calls of a verb; with verb `+` a filter for all. */
  rpc(verb: string): string {
    return `${this.#base}voltbridge/${this.#instance}/rpc/${verb}`;
  }

  rpcResponse(verb: string): string {
    return `${this.rpc(verb)}/response`;
  }

  /** Returns the verb of a topic of {@link rpc}; undefined for any other topic. */
  parseRpc(topic: string): string | undefined {
    const prefix = this.rpc("");
    const verb = topic.slice(prefix.length);
    return topic.startsWith(prefix) && verb !== "" && !verb.includes("/") ? verb : undefined;
  }

  /** Returns a topic, or a filter, signed with the name of the requester. */
  signed(topic: string, user: string): string {
    return `${this.#base}${SIGNED}/${user}/${topic.slice(this.#base.length)}`;
  }

  /** Returns the requester of a signed topic, and the topic without the signature; undefined for any other topic. */
  parseSigned(topic: string): { readonly user: string; readonly topic: string } | undefined {
    if (!topic.startsWith(`${this.#base}${SIGNED}/`)) return undefined;
    const [, user, ...rest] = topic.slice(this.#base.length).split("/");
    if (user === undefined || user === "" || rest.length === 0) return undefined;
    return { user, topic: `${this.#base}${rest.join("/")}` };
  }

  /**
   * Returns whether bridges publish or subscribe to a topic. It must not serve as response topic: the answer would be a
   * request, or a reading, in the bridge's name.
   */
  isReserved(topic: string): boolean {
    if (!topic.startsWith(this.#base)) return false;
    const [first, second] = topic.slice(this.#base.length).split("/");
    if (first === "voltbridge") return second !== "response";
    return [SIGNED, "devices", "state", "heartbeat", "alerts"].includes(first!);
  }

  /** Returns the filters of the commands for devices with these paths. */
  commandFilters(paths: Iterable<string>): string[] {
    const levels = new Set<number>();
    for (let n = 2; n <= STATE_LEVELS; n++) levels.add(n);
    for (const path of paths) levels.add(path.split("/").length + 1);
    return [
      ...COMMANDS.map(({ prefix }) => `${this.#base}${prefix}#`),
      ...[...levels].map((n) => `${this.#base}state/${"+/".repeat(n)}set`),
    ];
  }

  /**
   * Returns the meaning of a command topic; undefined for any other topic and for probes. The last level is the point, those
   * before it the path, whether these exist or not.
   */
  parseCommand(topic: string): CommandTopic | undefined {
    if (!topic.startsWith(this.#base)) return undefined;
    const local = topic.slice(this.#base.length);
    for (const { prefix, action, whole } of COMMANDS) {
      if (!local.startsWith(prefix)) continue;
      const rest = local.slice(prefix.length);
      if (rest.startsWith(`${PROBE}/`)) return undefined;
      if (whole) return { action: "revert", view: "volttron", target: { path: rest } };
      return { action, view: "volttron", target: splitTarget(rest) };
    }
    const state = /^state\/(.+)\/([^/]+)\/set$/.exec(local);
    return state && state[1] !== PROBE
      ? { action: "set", view: "state", target: { path: state[1]!, point: state[2]! } }
      : undefined;
  }
}

/** Splits `a/b/c` into path `a/b` and point `c`; with one level the path is empty. */
export function splitTarget(text: string): PointTarget {
  const slash = text.lastIndexOf("/");
  return { path: text.slice(0, Math.max(0, slash)), point: text.slice(slash + 1) };
}

function join(target: PointTarget | DeviceTarget): string {
  if (target.point === undefined) return target.path;
  return target.path === "" ? target.point : `${target.path}/${target.point}`;
}

function reversed(path: string): string {
  return path.split("/").reverse().join("/");
}

/** Returns the text for an unknown device path of a command, with the nearest known one. */
export function unknownDevice(target: PointTarget | DeviceTarget, paths: ReadonlySet<string>): string {
  const whole = join(target);
  if (target.point !== undefined && paths.has(whole))
    return `the topic names the device ${whole} and no point of it; add /<point>`;
  if (target.path === "") return "the topic names no device; expected <device path>/<point>";
  const near = closest(target.path, paths);
  return `there is no device ${target.path}${near ? `; did you mean "${near}"?` : ""}`;
}

/** Returns why no broker takes a subscription to this filter, if so. */
export function filterFault(filter: string): string | undefined {
  const levels = filter.split("/");
  if (levels.slice(0, -1).some((level) => level.includes("#")) || /.#$/.test(levels.at(-1)!))
    return "has a # that is not its last level";
  if (levels.some((level) => level.includes("+") && level !== "+"))
    return "has a + that is not a whole level";
  return topicFault(filter.replace(/[+#]/g, "_"));
}

const LONGEST_TOPIC = 65_535;
/** Maximum number of levels; brokers disconnect a client that uses more (Mosquitto 200, aedes 100). */
const DEEPEST_TOPIC = 100;
/** ASCII without control characters and wildcards, as nearly every topic is. */
const PLAIN_TOPIC = /^[ -"$-*,-~]+$/;

/**
 * Returns why no broker takes a message on this topic, if so. A wildcard published at QoS 1 ends the connection and, when
 * resent, blocks all messages behind it.
 */
export function topicFault(topic: string): string | undefined {
  if (topic === "") return "is empty";
  if (topic.length < DEEPEST_TOPIC && PLAIN_TOPIC.test(topic)) return undefined;
  if (/[+#]/.test(topic)) return "holds a wildcard";
  if (/[\p{Cc}\p{Noncharacter_Code_Point}]/u.test(topic) || !topic.isWellFormed())
    return "holds a character that MQTT forbids";
  if (Buffer.byteLength(topic) > LONGEST_TOPIC) return `is longer than ${LONGEST_TOPIC} bytes`;
  if (topic.split("/").length > DEEPEST_TOPIC) return `has more than ${DEEPEST_TOPIC} levels`;
  return undefined;
}
