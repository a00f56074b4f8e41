import {
  type Assertion,
  BIRTHS,
  bdSeqOf,
  breakMessage,
  breakMetric,
  DATA,
  deviceOf,
  drop,
  each,
  eachKnown,
  eachMetric,
  type Findings,
  follow,
  hasValue,
  insert,
  isA,
  isRebirthRequest,
  type Known,
  metric,
  metricsOf,
  type Publish,
  published,
  type Verb,
} from "./judge.ts";
import type { Record } from "./record.ts";

const REBIRTH = "Node Control/Rebirth";
/** Time that a request may need from the broker to the node, in milliseconds. */
const ON_THE_WAY_MS = 250;

const bdSeq = (message: Publish, { connect }: Known) => {
  const { datatype } = metric(message, "bdSeq") ?? {};
  const [born, will] = [bdSeqOf(message), bdSeqOf(connect?.will)];
  if (born === undefined) return "there is no bdSeq";
  if (datatype !== 4) return `the data type of bdSeq is ${datatype}`;
  return born !== will && `bdSeq is ${born}, and ${will} in the will`;
};

const breakBdSeq = breakMessage("NBIRTH", (message) => {
  metric(message, "bdSeq")!.long_value! += 1;
});
const breakName = (name: string) =>
  breakMessage("NBIRTH", (message) => {
    metric(message, name)!.name = "other";
  });

const rebirth = each(["NBIRTH"], (message) => {
  const one = metric(message, REBIRTH);
  if (!one) return "there is none";
  return !(one.datatype === 11 && one.boolean_value === false) && "it is not a Boolean that is false";
});

const named = (verb: Verb) =>
  eachMetric(
    [verb],
    (one) => !(one.name && one.datatype !== undefined && hasValue(one)) && "has no name, type or value",
  );

const valued = (verb: Verb) =>
  eachMetric([verb], (one) => !hasValue(one) && "has neither value nor is_null, or both");

/** Every metric of the data is one of the birth before. */
const complete = (verb: Verb) =>
  eachKnown([verb], (message, { aliases }) => {
    const strange = metricsOf(message).find(({ alias, name }) => {
      if (alias === undefined) return name === undefined;
      return aliases.get(alias)?.device !== deviceOf(message) || !aliases.has(alias);
    });
    return strange && `alias ${strange.alias} is not of its birth`;
  });

const breakAlias = (verb: Verb) =>
  breakMetric(verb, (one) => {
    one.alias = 999_999;
  });

/** Data come only when all births of a node's birth are out. */
const ordered = (verbs: readonly Verb[]) =>
  eachKnown(verbs, (_, { nbirth, awaited }) => {
    if (!nbirth) return "before NBIRTH";
    return awaited.size > 0 && `before DBIRTH of ${[...awaited].slice(0, 3)}`;
  });

/** Puts a message of the verb between a later birth of the node and those of its devices. */
const early = (verb: Verb) => (record: Record) => {
  for (const [entry, { awaited }, index] of follow(record)) {
    if (!isA(entry, "DBIRTH") || awaited.size < 2) continue;
    insert(record, index, published(record, verb)[0]!);
    return;
  }
  throw new Error("no device was born again");
};

/** Each request for births that was met, with what the node published from then to the births. */
function* requests(
  record: Record,
): Iterable<{ before: Publish[]; nbirth: Publish | undefined; dbirths: Set<string>; alive: Set<string> }> {
  for (const [entry, { alive, nbirth: known }, index] of follow(record)) {
    if (!isRebirthRequest(entry) || !known) continue;
    const rest = record.entries.slice(index + 1);
    const born = rest.findIndex((one) => isA(one, "NBIRTH"));
    const over = rest.findIndex(({ kind }) => kind === "closed");
    if (over >= 0 && over < born) continue;
    const dead = new Set(rest.flatMap((one) => (isA(one, "DDEATH") ? [deviceOf(one)!] : [])));
    const dbirths = new Set<string>();
    for (const one of rest.slice(born + 1)) {
      if (one.kind === "closed" || isA(one, "NBIRTH")) break;
      if (isA(one, "DBIRTH")) dbirths.add(deviceOf(one)!);
    }
    yield {
      before: rest
        .slice(0, born < 0 ? undefined : born)
        .filter(
          (one) => isA(one, ...DATA) && one.payload!.timestamp! > entry.at + ON_THE_WAY_MS,
        ) as Publish[],
      nbirth: born < 0 ? undefined : (rest[born] as Publish),
      dbirths,
      alive: new Set([...alive].filter((device) => !dead.has(device))),
    };
  }
}

const dbirthOrder: Assertion["check"] = function* (record) {
  yield* ordered(DATA)(record);
  yield* eachKnown(["DDATA"], (message, { alive }) => {
    const device = deviceOf(message)!;
    return !alive.has(device) && `data of ${device} before its DBIRTH`;
  })(record);
};

const INCLUDED = ["topics-nbirth-bdseq-included", "payloads-nbirth-bdseq"];
const MATCHING = [
  "topics-nbirth-bdseq-matching",
  "payloads-nbirth-bdseq-repeat",
  "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
];
const COMPLETE: readonly (readonly [id: string, verb: Verb, data: Verb])[] = [
  ["topics-nbirth-metric-reqs", "NBIRTH", "NDATA"],
  ["operational-behavior-data-publish-nbirth", "NBIRTH", "NDATA"],
  ["topics-dbirth-metric-reqs", "DBIRTH", "DDATA"],
  ["operational-behavior-data-publish-dbirth", "DBIRTH", "DDATA"],
];

export const birthAssertions: readonly Assertion[] = [
  ...BIRTHS.flatMap((verb): Assertion[] => [
    {
      id: `topics-${verb.toLowerCase()}-metrics`,
      says: `${verb}: each metric has name, data type and value`,
      check: named(verb),
      breaks: breakMetric(verb, (one) => {
        one.datatype = undefined;
      }),
    },
    {
      id: `operational-behavior-data-publish-${verb.toLowerCase()}-values`,
      says: `${verb}: each metric has its value, or is_null and no value`,
      check: valued(verb),
      breaks: breakMetric(verb, (one) => {
        one.is_null = !one.is_null;
      }),
    },
  ]),
  ...COMPLETE.map(
    ([id, verb, data]): Assertion => ({
      id,
      says: `${verb} has every metric that ${data} sends later`,
      check: complete(data),
      breaks: breakAlias(data),
    }),
  ),
  ...INCLUDED.map(
    (id): Assertion => ({
      id,
      says: "NBIRTH has the metric bdSeq",
      check: eachKnown(["NBIRTH"], bdSeq),
      breaks: breakName("bdSeq"),
    }),
  ),
  ...MATCHING.map(
    (id): Assertion => ({
      id,
      says: "NBIRTH: bdSeq, an Int64, is that of the connection's will",
      check: eachKnown(["NBIRTH"], bdSeq),
      breaks: breakBdSeq,
    }),
  ),
  {
    id: "message-flow-edge-node-birth-publish-nbirth-payload",
    says: "NBIRTH is a payload of Sparkplug B",
    check: each(["NBIRTH"], ({ payload }) => !payload && "is none"),
    breaks: breakMessage("NBIRTH", (message) => {
      message.payload = undefined;
    }),
  },
  {
    id: "message-flow-device-birth-publish-dbirth-payload",
    says: "DBIRTH is a payload of Sparkplug B",
    check: each(["DBIRTH"], ({ payload }) => !payload && "is none"),
    breaks: breakMessage("DBIRTH", (message) => {
      message.payload = undefined;
    }),
  },
  ...["topics-nbirth-rebirth-metric", "payloads-nbirth-rebirth-req"].map(
    (id): Assertion => ({
      id,
      says: `NBIRTH has \`${REBIRTH}\`, a Boolean that is false`,
      check: rebirth,
      breaks: breakName(REBIRTH),
    }),
  ),
  {
    id: "operational-behavior-data-commands-rebirth-name",
    says: `NBIRTH has \`${REBIRTH}\``,
    check: rebirth,
    breaks: breakName(REBIRTH),
  },
  {
    id: "operational-behavior-data-commands-rebirth-name-aliases",
    says: `\`${REBIRTH}\` has no alias`,
    check: each(["NBIRTH"], (message) => metric(message, REBIRTH)?.alias !== undefined && "it has one"),
    breaks: breakMessage("NBIRTH", (message) => {
      metric(message, REBIRTH)!.alias = 7;
    }),
  },
  {
    id: "operational-behavior-data-commands-rebirth-datatype",
    says: `\`${REBIRTH}\` is a Boolean`,
    check: rebirth,
    breaks: breakMessage("NBIRTH", (message) => {
      metric(message, REBIRTH)!.datatype = 12;
    }),
  },
  {
    id: "operational-behavior-data-commands-rebirth-value",
    says: `\`${REBIRTH}\` is false`,
    check: rebirth,
    breaks: breakMessage("NBIRTH", (message) => {
      metric(message, REBIRTH)!.boolean_value = true;
    }),
  },
  {
    id: "operational-behavior-data-commands-rebirth-action-1",
    says: "after a request for births no data come before them",
    *check(record): Findings {
      for (const { before } of requests(record)) yield before[0] && `${before[0].topic} came first`;
    },
    breaks: (record) => {
      const at = record.entries.findIndex((entry) => isRebirthRequest(entry));
      const data = structuredClone(published(record, "DDATA")[0]!);
      data.payload!.timestamp = record.entries[at]!.at + 2 * ON_THE_WAY_MS;
      insert(record, at + 1, data);
    },
  },
  {
    id: "operational-behavior-data-commands-rebirth-action-2",
    says: "a request is answered by NBIRTH and DBIRTH of all devices that are alive",
    *check(record): Findings {
      for (const { nbirth, dbirths, alive } of requests(record)) {
        const missing = [...alive].filter((device) => !dbirths.has(device));
        yield nbirth && missing.length === 0 ? undefined : `missing: ${nbirth ? missing : "NBIRTH"}`;
      }
    },
    breaks: (record) => {
      const asked = record.entries.findLastIndex((entry) => isRebirthRequest(entry));
      const lost = record.entries.find((entry, at) => at > asked && isA(entry, "DBIRTH"));
      drop(record, (entry) => entry === lost);
    },
  },
  {
    id: "operational-behavior-data-commands-rebirth-action-3",
    says: "births that were asked for have the bdSeq of the connection's will",
    *check(record): Findings {
      const asked = new Set([...requests(record)].map(({ nbirth }) => nbirth));
      for (const [entry, known] of follow(record))
        if (isA(entry, "NBIRTH") && asked.has(entry)) yield bdSeq(entry, known) || undefined;
    },
    breaks: (record) => {
      const [first] = [...requests(record)];
      metric(first!.nbirth, "bdSeq")!.long_value! += 1;
    },
  },
  {
    id: "message-flow-device-birth-publish-nbirth-wait",
    says: "DBIRTH comes after NBIRTH of the same connection",
    check: eachKnown(["DBIRTH"], (_, { nbirth }) => !nbirth && "no NBIRTH came before"),
    breaks: (record) => drop(record, (entry) => isA(entry, "NBIRTH")),
  },
  {
    id: "payloads-dbirth-order",
    says: "DBIRTHs follow NBIRTH at once, before data; no device has data before its DBIRTH",
    check: dbirthOrder,
    breaks: early("DDATA"),
  },
  {
    id: "payloads-ndata-order",
    says: "NDATA comes after NBIRTH and the DBIRTHs",
    check: ordered(["NDATA"]),
    breaks: early("NDATA"),
  },
  {
    id: "payloads-ddata-order",
    says: "DDATA comes after NBIRTH and the DBIRTHs",
    check: ordered(["DDATA"]),
    breaks: early("DDATA"),
  },
];
