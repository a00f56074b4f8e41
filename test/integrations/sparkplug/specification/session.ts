import {
  type Assertion,
  BIRTHS,
  bdSeqOf,
  breakConnect,
  drop,
  eachKnown,
  type Findings,
  insert,
  isA,
  kinds,
  metric,
  metricsOf,
  propertiesOf,
  verbOf,
} from "./judge.ts";
import type { Entry, Message, Of, Record } from "./record.ts";

/** Looks at each CONNECT. */
function connects(test: (connect: Of<"connect">, record: Record) => string | false | undefined) {
  return function* (record: Record): Findings {
    for (const connect of kinds(record, "connect")) yield test(connect, record) || undefined;
  };
}

const will = (test: (will: Message, record: Record) => string | false | undefined) =>
  connects(({ will: message }, record) => (message ? test(message, record) : "there is no will"));

const ndeath = ({ group, node }: Record) => `spBv1.0/${group}/NDEATH/${node}`;

/** Whether the connection had subscribed, with QoS 1, before the entry. */
function isSubscribed({ entries }: Record, before: Entry, topic: string): boolean {
  return entries
    .slice(0, entries.indexOf(before))
    .some(
      (entry) =>
        entry.kind === "subscribe" &&
        entry.connection === before.connection &&
        entry.filters.some(({ filter, qos }) => filter === topic && qos === 1),
    );
}

/** The numbers of the wills, each one more than the last, from 0 on. */
const numbers: Assertion["check"] = function* (record) {
  let next = 0;
  for (const { will: message } of kinds(record, "connect")) {
    const { datatype } = metric(message, "bdSeq") ?? {};
    const bdSeq = bdSeqOf(message);
    yield bdSeq === next && datatype === 4
      ? undefined
      : `bdSeq is ${bdSeq} with data type ${datatype}, where ${next} was due`;
    next = (next + 1) % 256;
  }
};

/** STATE messages of the primary host, each with whether it counts: not older than the last that counted. */
function states(record: Record): Map<Entry, { isOnline: boolean; counts: boolean }> {
  const found = new Map<Entry, { isOnline: boolean; counts: boolean }>();
  let last = Number.NEGATIVE_INFINITY;
  for (const entry of kinds(record, "delivered")) {
    if (entry.topic !== `spBv1.0/STATE/${record.host}`) continue;
    const { online, timestamp } = entry.state ?? {};
    const counts = typeof online === "boolean" && typeof timestamp === "number" && timestamp >= last;
    if (counts) last = timestamp;
    found.set(entry, { isOnline: online === true, counts });
  }
  return found;
}

/** Each birth of the node: whether, by the last STATE message of its connection that counts, the host was online. */
const waits: Assertion["check"] = function* (record) {
  const all = states(record);
  let isOnline = false;
  for (const entry of record.entries) {
    if (entry.kind === "connect") isOnline = false;
    const state = all.get(entry);
    if (state?.counts) isOnline = state.isOnline;
    if (isA(entry, ...BIRTHS))
      yield isOnline ? undefined : `${entry.topic} although the host ${record.host} was not online`;
  }
};

/** Changes the STATE messages that were delivered. */
const breakStates = (change: (state: Of<"delivered">) => unknown) => (record: Record) => {
  for (const entry of kinds(record, "delivered")) if (entry.state) change(entry);
};

/** Each time that the host went offline while the node was born: what the node sent in this connection after it. */
function* hostLosses(record: Record): Iterable<readonly [state: Entry, after: Entry[], next: Entry[]]> {
  const all = states(record);
  let isBorn = false;
  for (const [at, entry] of record.entries.entries()) {
    if (isA(entry, "NBIRTH")) isBorn = true;
    if (entry.kind === "closed") isBorn = false;
    const state = all.get(entry);
    if (!isBorn || !state?.counts || state.isOnline) continue;
    const rest = record.entries.slice(at + 1);
    const end = rest.findIndex(({ kind }) => kind === "closed");
    yield [entry, end < 0 ? rest : rest.slice(0, end + 1), end < 0 ? [] : rest.slice(end + 1)];
  }
}

/** For each DISCONNECT what was published last in its connection. */
function* departures(record: Record): Iterable<Of<"publish"> | undefined> {
  for (const [at, entry] of record.entries.entries()) {
    if (entry.kind !== "disconnect") continue;
    const { connection } = entry;
    const last = record.entries
      .slice(0, at)
      .findLast((one): one is Of<"publish"> => one.kind === "publish" && one.connection === connection);
    yield last;
  }
}

const saysGoodbye: Assertion["check"] = function* (record) {
  for (const last of departures(record))
    yield last && verbOf(last) === "NDEATH"
      ? undefined
      : `before DISCONNECT came ${last?.topic ?? "nothing"}`;
};

const withoutDeaths = (record: Record) => drop(record, (entry) => isA(entry, "NDEATH"));

const WILL_QOS = [
  "message-flow-edge-node-birth-publish-will-message-qos",
  "payloads-ndeath-will-message-qos",
];
const WILL_RETAIN = [
  "message-flow-edge-node-birth-publish-will-message-will-retained",
  "payloads-ndeath-will-message-retain",
];

export const sessionAssertions: readonly Assertion[] = [
  {
    id: "principles-persistence-clean-session-311",
    says: "CONNECT over MQTT 3.1.1 has Clean Session",
    version: 4,
    check: connects(({ isClean, version }) => !(isClean && version === 4) && "not clean, or not 3.1.1"),
    breaks: breakConnect((connect) => {
      connect.isClean = false;
    }),
  },
  {
    id: "principles-persistence-clean-session-50",
    says: "CONNECT over MQTT 5 has Clean Start and a Session Expiry Interval of 0",
    version: 5,
    check: connects(
      ({ isClean, sessionExpiry, version }) =>
        !(isClean && sessionExpiry === 0 && version === 5) && `expires after ${sessionExpiry} s`,
    ),
    breaks: breakConnect((connect) => {
      connect.sessionExpiry = 3600;
    }),
  },
  {
    id: "principles-birth-certificates-order",
    says: "the first message of a connection is NBIRTH",
    *check(record) {
      for (const { connection } of kinds(record, "connect")) {
        const first: Of<"publish"> | undefined = kinds(record, "publish").find(
          (entry) => entry.connection === connection,
        );
        if (first) yield verbOf(first) === "NBIRTH" ? undefined : `it is ${first.topic}`;
      }
    },
    breaks: (record) =>
      insert(
        record,
        record.entries.findIndex((entry) => isA(entry, "NBIRTH")),
        record.entries.find((entry) => isA(entry, "DBIRTH"))!,
      ),
  },
  {
    id: "message-flow-edge-node-birth-publish-connect",
    says: "births are published after the broker took the CONNECT",
    *check(record) {
      const taken = new Set<number>();
      for (const entry of record.entries) {
        if (entry.kind === "connack") taken.add(entry.connection);
        if (isA(entry, ...BIRTHS))
          yield taken.has(entry.connection) ? undefined : `${entry.topic} before CONNACK`;
      }
    },
    breaks: (record) => drop(record, ({ kind }) => kind === "connack"),
  },
  ...["message-flow-edge-node-birth-publish-will-message", "payloads-ndeath-will-message"].map(
    (id): Assertion => ({
      id,
      says: "each CONNECT has NDEATH as its will",
      check: will((message) => verbOf(message) !== "NDEATH" && `the will is ${message.topic}`),
      breaks: breakConnect((connect) => {
        connect.will = undefined;
      }),
    }),
  ),
  {
    id: "message-flow-edge-node-birth-publish-will-message-topic",
    says: "the will's topic is that of NDEATH",
    check: will(({ topic }, record) => topic !== ndeath(record) && `it is ${topic}`),
    breaks: breakConnect(({ will: message }) => {
      message!.topic += "/a";
    }),
  },
  {
    id: "message-flow-edge-node-birth-publish-will-message-payload",
    says: "the will is a payload of Sparkplug B",
    check: will(({ payload }) => !payload && "it is none"),
    breaks: breakConnect(({ will: message }) => {
      message!.payload = undefined;
    }),
  },
  {
    id: "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    says: "the will has bdSeq as Int64, one more than the last CONNECT's",
    check: numbers,
    breaks: (record) => {
      metric(kinds(record, "connect")[1]!.will, "bdSeq")!.long_value = 7;
    },
  },
  {
    id: "topics-nbirth-bdseq-increment",
    says: "bdSeq begins at 0 and counts each CONNECT",
    check: numbers,
    breaks: (record) => {
      metric(kinds(record, "connect")[0]!.will, "bdSeq")!.long_value = 1;
    },
  },
  ...WILL_QOS.map(
    (id): Assertion => ({
      id,
      says: "the will has QoS 1",
      check: will(({ qos }) => qos !== 1 && `it has ${qos}`),
      breaks: breakConnect(({ will: message }) => {
        message!.qos = 0;
      }),
    }),
  ),
  ...WILL_RETAIN.map(
    (id): Assertion => ({
      id,
      says: "the will is not retained",
      check: will(({ retain }) => retain && "it is"),
      breaks: breakConnect(({ will: message }) => {
        message!.retain = true;
      }),
    }),
  ),
  {
    id: "message-flow-edge-node-ncmd-subscribe",
    says: "NCMD is subscribed with QoS 1 before NBIRTH",
    check: eachKnown(
      ["NBIRTH"],
      (message, _, record) =>
        !isSubscribed(record, message, `spBv1.0/${record.group}/NCMD/${record.node}`) && "NCMD is not",
    ),
    breaks: (record) => {
      for (const { filters } of kinds(record, "subscribe")) for (const one of filters) one.qos = 0;
    },
  },
  {
    id: "message-flow-device-dcmd-subscribe",
    says: "DCMD of each device with a writable metric is subscribed with QoS 1 before its DBIRTH",
    *check(record) {
      for (const message of kinds(record, "publish")) {
        if (!isA(message, "DBIRTH")) continue;
        const isWritable = metricsOf(message).some((one) =>
          propertiesOf(one).some(([key, value]) => key === "readOnly" && value.boolean_value === false),
        );
        if (!isWritable) continue;
        const topic = message.topic.replace("/DBIRTH/", "/DCMD/");
        yield isSubscribed(record, message, topic) ? undefined : `${topic} is not`;
      }
    },
    breaks: (record) => drop(record, ({ kind }) => kind === "subscribe"),
  },
  {
    id: "operational-behavior-primary-application-state-with-multiple-servers-state-subs",
    says: "STATE of the primary host is subscribed before NBIRTH",
    check: eachKnown(
      ["NBIRTH"],
      (message, _, record) =>
        !isSubscribed(record, message, `spBv1.0/STATE/${record.host}`) && "STATE is not",
    ),
    breaks: (record) => drop(record, ({ kind }) => kind === "subscribe"),
  },
  {
    id: "operational-behavior-primary-application-state-with-multiple-servers-single-server",
    says: "no connection begins before the last one ended",
    *check({ entries }) {
      const open = new Set<number>();
      for (const { kind, connection } of entries) {
        if (kind === "closed") open.delete(connection);
        if (kind !== "connect") continue;
        yield open.size > 0 ? `connection ${connection} beside ${[...open]}` : undefined;
        open.add(connection);
      }
    },
    breaks: (record) => drop(record, ({ kind }) => kind === "closed"),
  },
  ...[
    "message-flow-edge-node-birth-publish-phid-wait",
    "operational-behavior-edge-node-birth-sequence-wait",
  ].map(
    (id): Assertion => ({
      id,
      says: "births wait for the primary host's STATE",
      check: waits,
      breaks: (record) => drop(record, (entry) => entry.kind === "delivered" && entry.state !== undefined),
    }),
  ),
  {
    id: "message-flow-edge-node-birth-publish-phid-wait-id",
    says: "only STATE of the configured host ID counts",
    check: waits,
    breaks: breakStates((entry) => {
      entry.topic = "spBv1.0/STATE/other";
    }),
  },
  {
    id: "message-flow-edge-node-birth-publish-phid-wait-online",
    says: "only `online` = true counts as online",
    check: waits,
    breaks: breakStates((entry) => {
      entry.state!.online = "true";
    }),
  },
  {
    id: "message-flow-edge-node-birth-publish-phid-wait-timestamp",
    says: "STATE older than the last one does not count",
    check: waits,
    breaks: breakStates((entry) => {
      if (entry.state!.online === true) entry.state!.timestamp = Number(entry.state!.timestamp) - 1500;
    }),
  },
  {
    id: "message-flow-edge-node-birth-publish-phid-offline",
    says: "the host goes offline: NDEATH at once, DISCONNECT, and a new CONNECT",
    *check(record) {
      for (const [, after, next] of hostLosses(record)) {
        const published = after.find(({ kind }) => kind === "publish");
        const isRight =
          published !== undefined &&
          isA(published, "NDEATH") &&
          after.some(({ kind }) => kind === "disconnect") &&
          next[0]?.kind === "connect";
        yield isRight ? undefined : `came ${after.map(({ kind }) => kind)}, then ${next[0]?.kind}`;
      }
    },
    breaks: withoutDeaths,
  },
  {
    id: "operational-behavior-edge-node-termination-host-offline",
    says: "the host goes offline, with a time that is not older: the node disconnects",
    *check(record) {
      for (const [, after] of hostLosses(record))
        yield after.at(-1)?.kind === "closed" ? undefined : "it stays";
    },
    breaks: (record) => drop(record, ({ kind }) => kind === "closed"),
  },
  {
    id: "operational-behavior-edge-node-termination-host-offline-reconnect",
    says: "after it left because of the host, it connects again",
    *check(record) {
      for (const [, , next] of hostLosses(record))
        yield next.some(({ kind }) => kind === "connect") ? undefined : "it does not";
    },
    breaks: (record) => {
      const second = record.entries.indexOf(kinds(record, "connect")[1]!);
      record.entries.splice(second);
    },
  },
  {
    id: "operational-behavior-edge-node-termination-host-offline-timestamp",
    says: "an offline STATE older than the last one does not make it leave",
    *check(record) {
      for (const [state, { counts, isOnline }] of states(record)) {
        if (counts || isOnline) continue;
        const { connection } = state;
        const next = record.entries
          .slice(record.entries.indexOf(state) + 1)
          .find((entry) => entry.connection === connection && /publish|disconnect|closed/.test(entry.kind));
        yield next && isA(next, "NDATA", "DDATA", "DBIRTH", "NBIRTH", "DDEATH")
          ? undefined
          : `then came ${next?.kind}`;
      }
    },
    breaks: (record) => {
      const all = states(record);
      const at = record.entries.findIndex((entry) => {
        const state = all.get(entry);
        return state && !state.counts && !state.isOnline;
      });
      const { connection } = record.entries[at]!;
      insert(record, at + 1, { kind: "disconnect", reason: 4, connection, at: 0 });
    },
  },
  ...[
    "operational-behavior-edge-node-intentional-disconnect-ndeath",
    "payloads-ndeath-will-message-publisher",
  ].map(
    (id): Assertion => ({
      id,
      says: "NDEATH is published before each DISCONNECT",
      check: saysGoodbye,
      breaks: withoutDeaths,
    }),
  ),
  {
    id: "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
    says: "over MQTT 3.1.1, NDEATH is published before each DISCONNECT",
    version: 4,
    check: saysGoodbye,
    breaks: withoutDeaths,
  },
  {
    id: "payloads-ndeath-will-message-publisher-disconnect-mqtt50",
    says: "over MQTT 5, DISCONNECT has the reason code 0x04 (with will)",
    version: 5,
    *check(record) {
      for (const { reason } of kinds(record, "disconnect"))
        yield reason === 4 ? undefined : `the reason code is ${reason}`;
    },
    breaks: (record) => {
      kinds(record, "disconnect")[0]!.reason = 0;
    },
  },
  {
    id: "operational-behavior-edge-node-intentional-disconnect-packet",
    says: "DISCONNECT follows NDEATH, and nothing else is published between",
    check: saysGoodbye,
    breaks: (record) => {
      const data = record.entries.find((entry) => isA(entry, "DDATA"))!;
      const at = record.entries.findIndex(({ kind }) => kind === "disconnect");
      insert(record, at, { ...data, connection: record.entries[at]!.connection });
    },
  },
];
