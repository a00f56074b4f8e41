import {
  type Assertion,
  BIRTHS,
  bdSeqOf,
  breakMessage,
  DATA,
  deviceOf,
  drop,
  each,
  eachKnown,
  type Findings,
  follow,
  insert,
  isA,
  metric,
  metricsOf,
  NUMBERED,
  type Publish,
  propertiesOf,
  published,
  sentValue,
  type Verb,
} from "./judge.ts";
import type { Message, Metric, Of, Record } from "./record.ts";

const isNumber = (seq: number | undefined): boolean =>
  seq !== undefined && Number.isInteger(seq) && seq >= 0 && seq <= 255;

const hasNumber = (verbs: readonly Verb[]) =>
  each(verbs, ({ payload }) => !isNumber(payload?.seq) && `seq is ${payload?.seq}`);

/** One more than the message before, and 0 after 255. */
const counts = (verbs: readonly Verb[]) =>
  eachKnown(verbs, ({ payload }, { seq }) => {
    const due = seq === undefined ? undefined : (seq + 1) % 256;
    return (payload?.seq === undefined || payload.seq !== due) && `seq is ${payload?.seq}, ${due} was due`;
  });

const breakSeq = (verb: Verb, change: (seq: number) => number | undefined) =>
  breakMessage(verb, ({ payload }) => {
    payload!.seq = change(payload!.seq!);
  });
const skip = (verb: Verb) => breakSeq(verb, (seq) => (seq + 1) % 256);
const omit = (verb: Verb) => breakSeq(verb, () => undefined);

/** Quality in the words of the specification; left out means good. */
const qualityOf = (one: Metric): number =>
  propertiesOf(one).find(([key]) => key === "Quality")?.[1].int_value ?? 192;

/** Each value that is not historical differs from the last one that was sent, or its quality does. */
function changes(verbs: readonly Verb[]) {
  return function* (record: Record): Findings {
    const last = new Map<number, string>();
    for (const [entry, { nbirth }] of follow(record)) {
      if (!isA(entry, ...BIRTHS, ...DATA)) continue;
      const isJudged = isA(entry, ...verbs) && nbirth !== undefined;
      for (const one of metricsOf(entry)) {
        if (one.alias === undefined || one.is_historical) continue;
        const said = `${JSON.stringify(sentValue(one))} of quality ${qualityOf(one)}`;
        if (isJudged) yield last.get(one.alias) === said ? `${entry.topic}: again ${said}` : undefined;
        last.set(one.alias, said);
      }
    }
  };
}

const twice = (verb: Verb) => (record: Record) => {
  const message = published(record, verb).find((one) => metricsOf(one).some((a) => !a.is_historical))!;
  insert(record, record.entries.indexOf(message), message);
};

/** Values that are not historical are in the order of their times. */
const inOrder = (verbs: readonly Verb[]) =>
  each(verbs, (message) => {
    const times = metricsOf(message).flatMap((one) => (one.is_historical ? [] : one.timestamp!));
    return times.some((at, i) => i > 0 && at < times[i - 1]!) && `the times are ${times}`;
  });

const disorder = (verb: Verb) =>
  breakMessage(verb, (message) => {
    const metrics = metricsOf(message);
    if (metrics.length < 2) return false;
    metrics[0]!.timestamp = metrics[1]!.timestamp! + 1000;
    return true;
  });

/** Each change at the site is sent later, as data or in a birth. */
function* arrives(record: Record, ofNode: boolean): Findings {
  const waiting = new Set<Of<"changed">>();
  for (const [entry, { aliases }] of follow(record)) {
    if (entry.kind === "changed" && (entry.device === undefined) === ofNode) waiting.add(entry);
    if (waiting.size === 0 || !isA(entry, ...BIRTHS, ...DATA)) continue;
    for (const one of metricsOf(entry)) {
      const name = one.name ?? aliases.get(one.alias ?? -1)?.name;
      for (const change of waiting) {
        if (change.device !== deviceOf(entry) || change.metric !== name || change.value !== sentValue(one))
          continue;
        waiting.delete(change);
        yield undefined;
      }
    }
  }
  for (const { device = "the node", metric: name, value } of waiting)
    yield `${device}: ${name} = ${value} never came`;
}

const unsaid = (verb: Verb) => (record: Record) => drop(record, (entry) => isA(entry, verb));

/** Deaths of the node that were published, and those that the broker has as wills. */
function deaths(test: (death: Message, born: Publish | undefined) => string | false | undefined) {
  return function* (record: Record): Findings {
    for (const [entry, { nbirth }] of follow(record)) {
      if (isA(entry, "NDEATH")) yield test(entry, nbirth) || undefined;
      if (entry.kind !== "connect" || !entry.will) continue;
      const born = record.entries.find(
        (one): one is Publish => isA(one, "NBIRTH") && one.connection === entry.connection,
      );
      yield test(entry.will, born) || undefined;
    }
  };
}

/** Each loss of a device that is alive is followed by its death, before it is born again. */
function* losses(record: Record): Findings {
  for (const [entry, { alive }, index] of follow(record)) {
    if (entry.kind !== "lost" || !alive.has(entry.device)) continue;
    const next = record.entries
      .slice(index)
      .find(
        (one) =>
          one.kind === "closed" || (isA(one, "DBIRTH", "DDEATH", "DDATA") && deviceOf(one) === entry.device),
      );
    yield next && isA(next, "DDEATH") ? undefined : `${entry.device} was lost, and then came ${next?.kind}`;
  }
}

const COUNTED: readonly (readonly [id: string, verb: Verb])[] = [
  ["topics-ndata-seq-num", "NDATA"],
  ["topics-dbirth-seq", "DBIRTH"],
  ["topics-ddata-seq-num", "DDATA"],
  ["topics-ddeath-seq-num", "DDEATH"],
  ["message-flow-device-birth-publish-dbirth-payload-seq", "DBIRTH"],
  ["payloads-dbirth-seq-inc", "DBIRTH"],
  ["payloads-ndata-seq-inc", "NDATA"],
  ["payloads-ddata-seq-inc", "DDATA"],
  ["payloads-ddeath-seq-inc", "DDEATH"],
];
const WITH_NUMBER: readonly (readonly [id: string, verb: Verb])[] = [
  ["payloads-nbirth-seq", "NBIRTH"],
  ["payloads-sequence-num-req-nbirth", "NBIRTH"],
  ["payloads-sequence-num-zero-nbirth", "NBIRTH"],
  ["message-flow-edge-node-birth-publish-nbirth-payload-seq", "NBIRTH"],
  ["payloads-dbirth-seq", "DBIRTH"],
  ["payloads-ndata-seq", "NDATA"],
  ["payloads-ddata-seq", "DDATA"],
  ["payloads-ddeath-seq", "DDEATH"],
  ["payloads-ddeath-seq-number", "DDEATH"],
];

export const dataAssertions: readonly Assertion[] = [
  {
    id: "topics-nbirth-seq-num",
    says: "NBIRTH: seq is 0",
    check: each(["NBIRTH"], ({ payload }) => payload?.seq !== 0 && `it is ${payload?.seq}`),
    breaks: skip("NBIRTH"),
  },
  ...WITH_NUMBER.map(
    ([id, verb]): Assertion => ({
      id,
      says: `${verb}: seq is there, from 0 to 255`,
      check: hasNumber([verb]),
      breaks: omit(verb),
    }),
  ),
  {
    id: "payloads-sequence-num-always-included",
    says: "all messages but NDEATH have seq",
    check: hasNumber(NUMBERED),
    breaks: omit("DDATA"),
  },
  ...COUNTED.map(
    ([id, verb]): Assertion => ({
      id,
      says: `${verb}: seq is one more than that of the message before, and 0 after 255`,
      check: counts([verb]),
      breaks: skip(verb),
    }),
  ),
  {
    id: "payloads-sequence-num-incrementing",
    says: "seq counts all messages after NBIRTH without a gap, over 255 too",
    check: counts(NUMBERED.filter((verb) => verb !== "NBIRTH")),
    breaks: skip("DDATA"),
  },
  ...(
    [
      ["nbirth", "NDATA"],
      ["dbirth", "DDATA"],
    ] as const
  ).flatMap(([birth, verb]): Assertion[] => [
    {
      id: `operational-behavior-data-publish-${birth}-change`,
      says: `${verb} is sent only for what has changed`,
      check: changes([verb]),
      breaks: twice(verb),
    },
    {
      id: `operational-behavior-data-publish-${birth}-order`,
      says: `${birth.toUpperCase()} and ${verb}: metrics are in the order of their times`,
      check: inOrder([birth.toUpperCase() as Verb, verb]),
      breaks: disorder(birth.toUpperCase() as Verb),
    },
    {
      id: `topics-${verb.toLowerCase()}-payload`,
      says: `what has changed at ${verb === "NDATA" ? "the node" : "a device"} is sent`,
      check: (record) => arrives(record, verb === "NDATA"),
      breaks: unsaid(verb),
    },
  ]),
  {
    id: "principles-rbe-recommended",
    says: "nothing is sent again and again that has not changed",
    check: changes(DATA),
    breaks: twice("DDATA"),
  },
  {
    id: "topics-ndeath-payload",
    says: "NDEATH has one metric, bdSeq",
    check: deaths((death) => !(metricsOf(death).length === 1 && metric(death, "bdSeq")) && "it has others"),
    breaks: breakMessage("NDEATH", ({ payload }) => payload!.metrics.push({ name: "more", int_value: 1 })),
  },
  ...["topics-ndeath-seq", "payloads-ndeath-seq"].map(
    (id): Assertion => ({
      id,
      says: "NDEATH has no seq",
      check: deaths(({ payload }) => payload?.seq !== undefined && `seq is ${payload.seq}`),
      breaks: breakSeq("NDEATH", () => 0),
    }),
  ),
  {
    id: "payloads-ndeath-bdseq",
    says: "NDEATH: bdSeq is that of the NBIRTH",
    check: deaths((death, born) =>
      bdSeqOf(death) === undefined
        ? "there is no bdSeq"
        : born && bdSeqOf(death) !== bdSeqOf(born) && `bdSeq is ${bdSeqOf(death)}, ${bdSeqOf(born)} at birth`,
    ),
    breaks: breakMessage("NDEATH", (message) => {
      metric(message, "bdSeq")!.long_value! += 1;
    }),
  },
  {
    id: "operational-behavior-device-ddeath",
    says: "a device that is lost has a DDEATH, before it is born again",
    check: losses,
    breaks: unsaid("DDEATH"),
  },
];
