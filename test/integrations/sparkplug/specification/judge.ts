import type { Entry, Message, Metric, Of, Record, Value } from "./record.ts";

/** What is found at each thing that was looked at: what is wrong with it, or undefined. */
export type Findings = Iterable<string | undefined>;

/** A sentence of the specification that an edge node can keep or break. */
export interface Assertion {
  /** Without `tck-id-`. */
  readonly id: string;
  /** What is asserted, in our words. */
  readonly says: string;
  /** The MQTT version that it is about; absent: both. */
  readonly version?: 4 | 5;
  check(record: Record): Findings;
  /** Breaks a record in this respect, so that the check is seen to report it. */
  breaks(record: Record): void;
}

export type Publish = Of<"publish">;
export const NODE_VERBS = ["NBIRTH", "NDATA", "NDEATH"] as const;
export const DEVICE_VERBS = ["DBIRTH", "DDATA", "DDEATH"] as const;
export type Verb = (typeof NODE_VERBS)[number] | (typeof DEVICE_VERBS)[number];
export const BIRTHS: readonly Verb[] = ["NBIRTH", "DBIRTH"];
export const DATA: readonly Verb[] = ["NDATA", "DDATA"];
/** The messages that have a number. */
export const NUMBERED: readonly Verb[] = ["NBIRTH", "NDATA", "DBIRTH", "DDATA", "DDEATH"];

export const verbOf = ({ topic }: Message): string => topic.split("/")[2] ?? "";
export const deviceOf = ({ topic }: Message): string | undefined => topic.split("/")[4];
export const isA = (entry: Entry, ...verbs: readonly Verb[]): entry is Publish =>
  entry.kind === "publish" && verbs.includes(verbOf(entry) as Verb);
export const kinds = <Kind extends Entry["kind"]>({ entries }: Record, kind: Kind) =>
  entries.filter((entry) => entry.kind === kind) as Of<Kind>[];
export const published = ({ entries }: Record, ...verbs: readonly Verb[]): Publish[] =>
  entries.filter((entry) => isA(entry, ...verbs)) as Publish[];
export const metricsOf = ({ payload }: Message): Metric[] => payload?.metrics ?? [];
export const metric = (message: Message | undefined, name: string): Metric | undefined =>
  message && metricsOf(message).find((one) => one.name === name);
export const bdSeqOf = (message: Message | undefined): number | undefined =>
  metric(message, "bdSeq")?.long_value;
export const isRebirthRequest = (entry: Entry): entry is Of<"delivered"> =>
  entry.kind === "delivered" &&
  verbOf(entry) === "NCMD" &&
  metric(entry, "Node Control/Rebirth")?.boolean_value === true;

const FIELDS = [
  "int_value",
  "long_value",
  "float_value",
  "double_value",
  "boolean_value",
  "string_value",
] as const;

export function sentValue(from: Omit<Value, "type">): unknown {
  const field = FIELDS.find((name) => from[name] !== undefined);
  return field === undefined ? null : from[field];
}

/** Whether there is a value, or the word that there is none, and not both. */
export const hasValue = (from: Omit<Value, "type">): boolean =>
  FIELDS.filter((name) => from[name] !== undefined).length === (from.is_null ? 0 : 1);

export const propertiesOf = ({ properties }: Metric): [string, Value][] =>
  (properties?.keys ?? []).map((key, i) => [key, properties!.values[i]!]);

/** Looks at each message of the verbs. `test` returns what is wrong. */
export function each(
  verbs: readonly Verb[],
  test: (message: Publish, record: Record) => string | false | undefined,
) {
  return function* (record: Record): Findings {
    for (const message of published(record, ...verbs)) {
      const wrong = test(message, record);
      yield wrong ? `${message.topic}: ${wrong}` : undefined;
    }
  };
}

/** Looks at each metric of the messages of the verbs. */
export function eachMetric(
  verbs: readonly Verb[],
  test: (metric: Metric, message: Publish) => string | false | undefined,
) {
  return function* (record: Record): Findings {
    for (const message of published(record, ...verbs))
      for (const one of metricsOf(message)) {
        const wrong = test(one, message);
        yield wrong ? `${message.topic}, ${one.name ?? `alias ${one.alias}`}: ${wrong}` : undefined;
      }
  };
}

/** What hosts know of the edge node when a message of it comes. */
export interface Known {
  /** The connection; absent before the CONNECT. */
  readonly connect: Of<"connect"> | undefined;
  /** The last birth in this connection. */
  readonly nbirth: Publish | undefined;
  /** Number of the message before, in this connection. */
  readonly seq: number | undefined;
  /** The metrics of the births by alias. */
  readonly aliases: ReadonlyMap<number, { readonly name: string; readonly device: string | undefined }>;
  /** Devices that are alive. */
  readonly alive: ReadonlySet<string>;
  /** Devices that were alive before the last birth of the node, and that it brings back, without those that are back already. */
  readonly awaited: ReadonlySet<string>;
}

/** Follows the record as a host does: calls `visit` with each entry and what was known before it. */
export function* follow(record: Record): Iterable<readonly [entry: Entry, known: Known, index: number]> {
  let connect: Of<"connect"> | undefined;
  let nbirth: Publish | undefined;
  let seq: number | undefined;
  let aliases = new Map<number, { name: string; device: string | undefined }>();
  const alive = new Set<string>();
  /** Devices that were alive at the last birth or death of the node. */
  let before = new Set<string>();
  let awaited = new Set<string>();
  for (const [index, entry] of record.entries.entries()) {
    yield [entry, { connect, nbirth, seq, aliases, alive, awaited }, index];
    if (entry.kind === "connect") {
      connect = entry;
      nbirth = undefined;
      seq = undefined;
    }
    if (entry.kind === "closed" || isA(entry, "NDEATH")) {
      if (alive.size > 0) before = new Set(alive);
      alive.clear();
    }
    if (!isA(entry, ...NUMBERED)) continue;
    seq = entry.payload?.seq ?? seq;
    const device = deviceOf(entry);
    if (isA(entry, "NBIRTH")) {
      nbirth = entry;
      aliases = new Map();
      if (alive.size > 0) before = new Set(alive);
      awaited = broughtBack(record, index, before);
      alive.clear();
    }
    if (isA(entry, ...BIRTHS))
      for (const { alias, name } of metricsOf(entry))
        if (alias !== undefined) aliases.set(alias, { name: name ?? "", device });
    if (device === undefined) continue;
    if (isA(entry, "DBIRTH")) alive.add(device);
    if (isA(entry, "DDEATH")) alive.delete(device);
    awaited.delete(device);
  }
}

/** Which of the devices have a birth after that of the node, before the next one and without a death between. */
function broughtBack({ entries }: Record, from: number, devices: ReadonlySet<string>): Set<string> {
  const back = new Set<string>();
  const dead = new Set<string>();
  for (const entry of entries.slice(from + 1)) {
    if (isA(entry, "NBIRTH") || entry.kind === "connect") break;
    if (!isA(entry, "DBIRTH", "DDEATH")) continue;
    const device = deviceOf(entry)!;
    if (verbOf(entry) === "DDEATH") dead.add(device);
    else if (devices.has(device) && !dead.has(device)) back.add(device);
  }
  return back;
}

/** Looks at each message of the verbs, with what hosts know by then. */
export function eachKnown(
  verbs: readonly Verb[],
  test: (message: Publish, known: Known, record: Record) => string | false | undefined,
) {
  return function* (record: Record): Findings {
    for (const [entry, known] of follow(record)) {
      if (!isA(entry, ...verbs)) continue;
      const wrong = test(entry, known, record);
      yield wrong ? `${entry.topic}: ${wrong}` : undefined;
    }
  };
}

/** Changes the first message of the verb that can be changed so. `change` returns false for one that cannot. */
export function breakMessage(verb: Verb, change: (message: Publish) => unknown) {
  return (record: Record): void => {
    if (!published(record, verb).some((message) => change(message) !== false))
      throw new Error(`no ${verb} could be broken`);
  };
}

/** Changes the first metric of a message of the verb that can be changed so. */
export function breakMetric(verb: Verb, change: (metric: Metric) => unknown) {
  return breakMessage(verb, (message) => metricsOf(message).some((one) => change(one) !== false));
}

/** Changes the first CONNECT. */
export function breakConnect(change: (connect: Of<"connect">) => unknown) {
  return (record: Record): void => void change(kinds(record, "connect")[0]!);
}

/** Adds a copy of an entry, possibly changed, before position `at`. */
export function insert(record: Record, at: number, entry: Entry): void {
  record.entries.splice(at, 0, structuredClone(entry));
}

export function drop(record: Record, which: (entry: Entry) => boolean): void {
  record.entries.splice(0, Number.POSITIVE_INFINITY, ...record.entries.filter((entry) => !which(entry)));
}
