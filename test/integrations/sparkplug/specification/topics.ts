import {
  type Assertion,
  BIRTHS,
  breakMessage,
  DEVICE_VERBS,
  deviceOf,
  each,
  eachKnown,
  type Findings,
  insert,
  kinds,
  metricsOf,
  NODE_VERBS,
  type Publish,
  published,
  type Verb,
} from "./judge.ts";
import type { Message, Record } from "./record.ts";

const ALL: readonly Verb[] = [...NODE_VERBS, ...DEVICE_VERBS];

/** The topics of all messages of the node, its wills among them. */
function topics(test: (levels: string[], record: Record) => boolean | undefined) {
  return function* (record: Record): Findings {
    const messages: Message[] = kinds(record, "publish");
    for (const { will } of kinds(record, "connect")) if (will) messages.push(will);
    for (const { topic } of messages) {
      const isRight = test(topic.split("/"), record);
      yield isRight === false ? `the topic is ${topic}` : undefined;
    }
  };
}

/** The topics of the messages of the verb alone. */
const form = (verb: Verb) =>
  topics((levels, { group, node }) => {
    if (levels[2] !== verb) return undefined;
    const [namespace, ofGroup, , ofNode, device, more] = levels;
    const hasDevice = device !== undefined && device !== "" && more === undefined;
    return (
      namespace === "spBv1.0" &&
      ofGroup === group &&
      ofNode === node &&
      (verb.startsWith("D") ? hasDevice : levels.length === 4)
    );
  });

/** Replaces a level of a topic. */
const level = (verb: Verb, at: number, text: string) =>
  breakMessage(verb, (message) => {
    const levels = message.topic.split("/");
    levels[at] = text;
    message.topic = levels.join("/");
  });

const isText = (text: string | undefined): boolean =>
  text !== undefined && text !== "" && text.isWellFormed() && !text.includes("\uFFFD");
// biome-ignore lint/suspicious/noControlCharactersInRegex: MQTT has no NUL in topics.
const RESERVED = /[+#/\u0000]/;
const isPlain = (text: string | undefined): boolean => text !== undefined && !RESERVED.test(text);

const FORMS: readonly (readonly [id: string, verb: Verb])[] = [
  ["topics-nbirth-topic", "NBIRTH"],
  ["message-flow-edge-node-birth-publish-nbirth-topic", "NBIRTH"],
  ["topics-ndata-topic", "NDATA"],
  ["topics-ndeath-topic", "NDEATH"],
  ["topics-dbirth-topic", "DBIRTH"],
  ["message-flow-device-birth-publish-dbirth-topic", "DBIRTH"],
  ["topics-ddata-topic", "DDATA"],
  ["topics-ddeath-topic", "DDEATH"],
];

const QOS_0: readonly (readonly [id: string, verb: Verb, what: "qos" | "retain" | "both"])[] = [
  ["topics-nbirth-mqtt", "NBIRTH", "both"],
  ["topics-ndata-mqtt", "NDATA", "both"],
  ["topics-dbirth-mqtt", "DBIRTH", "both"],
  ["topics-ddata-mqtt", "DDATA", "both"],
  ["topics-ddeath-mqtt", "DDEATH", "both"],
  ["message-flow-edge-node-birth-publish-nbirth-qos", "NBIRTH", "qos"],
  ["message-flow-edge-node-birth-publish-nbirth-retained", "NBIRTH", "retain"],
  ["message-flow-device-birth-publish-dbirth-qos", "DBIRTH", "qos"],
  ["message-flow-device-birth-publish-dbirth-retained", "DBIRTH", "retain"],
  ...(["NBIRTH", "DBIRTH", "NDATA", "DDATA"] as const).flatMap((verb) =>
    (["qos", "retain"] as const).map(
      (what) => [`payloads-${verb.toLowerCase()}-${what}`, verb, what] as const,
    ),
  ),
];

const QOS_WORDS = { qos: "has QoS 0", retain: "is not retained", both: "has QoS 0 and is not retained" };

/** IDs of the group, the node and devices: valid text without the characters that topics reserve. */
const IDS: readonly (readonly [id: string, what: string, verb: Verb, at: number])[] = [
  ["group-id", "Group ID", "NBIRTH", 1],
  ["edge-node-id", "Edge node ID", "NBIRTH", 3],
  ["device-id", "Device ID", "DBIRTH", 4],
];

export const topicAssertions: readonly Assertion[] = [
  {
    id: "topic-structure",
    says: "topics are namespace / group / verb / edge node, and / device for devices",
    check: topics(
      (levels) => ALL.includes(levels[2] as Verb) && levels.length === (levels[2]!.startsWith("D") ? 5 : 4),
    ),
    breaks: level("NBIRTH", 2, "BIRTH"),
  },
  {
    id: "topic-structure-namespace-a",
    says: "the namespace is `spBv1.0`",
    check: topics(([namespace]) => namespace === "spBv1.0"),
    breaks: level("DDATA", 0, "spAv1.0"),
  },
  ...IDS.flatMap(([id, what, verb, at]): Assertion[] => [
    {
      id: `intro-${id}-string`,
      says: `${what}: valid UTF-8 in its level of the topic`,
      check: topics((levels) => (at < 4 || levels[2]!.startsWith("D") ? isText(levels[at]) : undefined)),
      breaks: level(verb, at, "\uFFFD"),
    },
    {
      id: `intro-${id}-chars`,
      says: `${what}: only characters that MQTT allows in topics`,
      check: topics((levels) => (levels[at] === undefined ? undefined : isPlain(levels[at]))),
      breaks: level(verb, at, "a\u0000"),
    },
    {
      id: `topic-structure-namespace-valid-${id}`,
      says: `${what}: none of \`+\`, \`/\`, \`#\``,
      check: topics((levels) =>
        levels.length > 5 ? false : levels[at] === undefined ? undefined : isPlain(levels[at]),
      ),
      breaks: level(verb, at, "a#"),
    },
  ]),
  {
    id: "topic-structure-namespace-unique-device-id",
    says: "no two devices that are alive have the same ID",
    check: eachKnown(["DBIRTH"], (message, { alive }) => alive.has(deviceOf(message)!) && "is alive already"),
    breaks: (record) => {
      const at = record.entries.indexOf(published(record, "DBIRTH")[0]!);
      insert(record, at, record.entries[at]!);
    },
  },
  {
    id: "case-sensitivity-sparkplug-ids",
    says: "IDs of devices do not differ in case only",
    *check(record) {
      const ids = new Map<string, string>();
      for (const message of published(record, ...DEVICE_VERBS)) {
        const id = deviceOf(message)!;
        const other = ids.get(id.toLowerCase());
        ids.set(id.toLowerCase(), id);
        yield other !== undefined && other !== id ? `${id} beside ${other}` : undefined;
      }
    },
    breaks: (record) => {
      const [birth] = published(record, "DBIRTH");
      insert(record, record.entries.length, { ...birth!, topic: birth!.topic.replace(/[^/]+$/, "SITE:A") });
    },
  },
  {
    id: "case-sensitivity-metric-names",
    says: "names of a birth's metrics do not differ in case only",
    check: each(BIRTHS, (message) => {
      const names = metricsOf(message).map(({ name }) => name?.toLowerCase());
      return new Set(names).size < names.length && "two names are the same in lower case";
    }),
    breaks: breakMessage("DBIRTH", ({ payload }) => {
      payload!.metrics[0]!.name = payload!.metrics[1]!.name!.toUpperCase();
    }),
  },
  {
    id: "topic-structure-namespace-device-id-associated-message-types",
    says: "topics of DBIRTH, DDATA, DDEATH have the device's ID",
    check: each(DEVICE_VERBS, (message) => !deviceOf(message) && "has no device"),
    breaks: breakMessage("DDEATH", (message) => {
      message.topic = message.topic.split("/").slice(0, 4).join("/");
    }),
  },
  {
    id: "topic-structure-namespace-device-id-non-associated-message-types",
    says: "topics of NBIRTH, NDATA, NDEATH have no device's ID",
    check: each(NODE_VERBS, (message) => deviceOf(message) !== undefined && "has a device"),
    breaks: breakMessage("NDATA", (message) => {
      message.topic += "/a";
    }),
  },
  ...FORMS.map(
    ([id, verb]): Assertion => ({
      id,
      says: `${verb}: the topic is spBv1.0/group/${verb}/edge node${verb.startsWith("D") ? "/device" : ""}`,
      check: form(verb),
      breaks: breakMessage(verb, (message) => {
        message.topic += "/more";
      }),
    }),
  ),
  {
    id: "message-flow-device-birth-publish-dbirth-match-edge-node-topic",
    says: "DBIRTH: group and edge node are those of the NBIRTH before",
    check: eachKnown(["DBIRTH"], ({ topic }, { nbirth }) => {
      const [, group, , node] = topic.split("/");
      const [, ofGroup, , ofNode] = nbirth?.topic.split("/") ?? [];
      return (group !== ofGroup || node !== ofNode) && `NBIRTH was ${nbirth?.topic}`;
    }),
    breaks: level("DBIRTH", 1, "other"),
  },
  ...QOS_0.map(
    ([id, verb, what]): Assertion => ({
      id,
      says: `${verb} ${QOS_WORDS[what]}`,
      check: each([verb], ({ qos, retain }) =>
        what !== "retain" && qos !== 0 ? `has QoS ${qos}` : what !== "qos" && retain && "is retained",
      ),
      breaks: breakMessage(verb, (message: Publish) => {
        if (what === "qos") message.qos = 1;
        else message.retain = true;
      }),
    }),
  ),
];
