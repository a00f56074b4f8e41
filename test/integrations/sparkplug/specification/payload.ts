import {
  type Assertion,
  BIRTHS,
  breakMessage,
  breakMetric,
  DATA,
  DEVICE_VERBS,
  deviceOf,
  each,
  eachMetric,
  type Findings,
  follow,
  isA,
  metricsOf,
  NODE_VERBS,
  propertiesOf,
  published,
  type Verb,
} from "./judge.ts";
import type { Metric, Record, Value } from "./record.ts";

const ALL: readonly Verb[] = [...NODE_VERBS, ...DEVICE_VERBS];
const VALUED: readonly Verb[] = [...BIRTHS, ...DATA];
/** An hour: another zone than UTC would be further away. Milliseconds. */
const FAR = 3_600_000;
const MINUTE = 60_000;
const isNear = (timestamp: number | undefined, at: number, most: number) =>
  timestamp !== undefined && Math.abs(timestamp - at) < most;

const stamped = (verbs: readonly Verb[]) =>
  each(verbs, ({ payload, at }) => !isNear(payload?.timestamp, at, MINUTE) && `it is ${payload?.timestamp}`);

const unstamped = (verb: Verb) =>
  breakMessage(verb, ({ payload }) => {
    payload!.timestamp = undefined;
  });

const isUnsigned = (type: number | undefined): boolean =>
  type !== undefined && Number.isInteger(type) && type >= 0 && type < 2 ** 32;
const isDataType = (type: number | undefined): boolean => isUnsigned(type) && type! >= 1 && type! <= 34;
/** The basic types, and sets of properties. */
const isPropertyType = (type: number | undefined): boolean =>
  isUnsigned(type) && ((type! >= 1 && type! <= 15) || type === 20 || type === 21);

const typed = (test: (type: number) => boolean) =>
  eachMetric(BIRTHS, ({ datatype }) => !(datatype !== undefined && test(datatype)) && `type ${datatype}`);
const retype = (type: number | undefined) =>
  breakMetric("DBIRTH", (one) => {
    one.datatype = type;
  });

/** Looks at each property of each metric. */
const eachProperty = (test: (key: string, value: Value) => string | false | undefined) =>
  function* (record: Record): Findings {
    for (const message of published(record, ...VALUED))
      for (const one of metricsOf(message))
        for (const [key, value] of propertiesOf(one)) yield test(key, value) || undefined;
  };

const breakProperty = (verb: Verb, key: string | undefined, change: (value: Value) => void) =>
  breakMetric(verb, (one) => {
    const found = propertiesOf(one).find(([name]) => key === undefined || name === key);
    if (found) change(found[1]);
    return found !== undefined;
  });

function* qualities(record: Record, test: (value: Value) => boolean): Findings {
  for (const message of published(record, ...VALUED))
    for (const one of metricsOf(message))
      for (const [key, value] of propertiesOf(one))
        if (key === "Quality") yield test(value) ? undefined : `${message.topic}: ${JSON.stringify(value)}`;
}

const sameSize = eachMetric(VALUED, ({ properties }) =>
  properties && properties.keys.length !== properties.values.length ? "keys and values differ" : undefined,
);

const unequal = (list: "keys" | "values") =>
  breakMetric("DBIRTH", ({ properties }) => (properties?.keys.length ? properties[list].pop() : false));

/** Each alias of a birth names one metric, of one device, until the next birth of the node. */
function* uniqueAliases(record: Record): Findings {
  for (const [entry, { aliases }] of follow(record)) {
    if (!isA(entry, ...BIRTHS)) continue;
    const own = new Set<number>();
    for (const { alias, name } of metricsOf(entry)) {
      if (alias === undefined) continue;
      const other = isA(entry, "NBIRTH") ? undefined : aliases.get(alias);
      const isTaken = other && (other.name !== name || other.device !== deviceOf(entry));
      yield own.has(alias) || isTaken ? `alias ${alias} of ${name} is ${other?.name}'s too` : undefined;
      own.add(alias);
    }
  }
}

const STAMPED: readonly (readonly [id: string, verb: Verb])[] = [
  ...(["NBIRTH", "NDATA", "DBIRTH", "DDATA"] as const).flatMap((verb) => [
    [`topics-${verb.toLowerCase()}-timestamp`, verb] as const,
    [`payloads-${verb.toLowerCase()}-timestamp`, verb] as const,
  ]),
  ["payloads-ddeath-timestamp", "DDEATH"],
];

const isRebirth = ({ name }: Metric) => name === "Node Control/Rebirth";

export const payloadAssertions: readonly Assertion[] = [
  ...STAMPED.map(
    ([id, verb]): Assertion => ({
      id,
      says: `${verb}: the payload has the time at which it was published`,
      check: stamped([verb]),
      breaks: unstamped(verb),
    }),
  ),
  {
    id: "payloads-timestamp-in-UTC",
    says: "times of payloads are UTC, on a machine in another zone",
    check: stamped(ALL),
    breaks: breakMessage("NDEATH", ({ payload }) => {
      payload!.timestamp! -= 8 * FAR;
    }),
  },
  {
    id: "payloads-metric-timestamp-in-UTC",
    says: "times of metrics are UTC, on a machine in another zone",
    check: eachMetric(VALUED, ({ timestamp }, { at }) => !isNear(timestamp, at, FAR) && `it is ${timestamp}`),
    breaks: breakMetric("DDATA", (one) => {
      one.timestamp! -= 8 * FAR;
    }),
  },
  {
    id: "payloads-name-birth-data-requirement",
    says: "each metric of births and data has a time",
    check: eachMetric(VALUED, ({ timestamp }) => timestamp === undefined && "has none"),
    breaks: breakMetric("NDATA", (one) => {
      one.timestamp = undefined;
    }),
  },
  {
    id: "payloads-name-requirement",
    says: "a metric without a name has an alias",
    check: eachMetric(ALL, ({ name, alias }) => !name && alias === undefined && "has neither"),
    breaks: breakMetric("DDATA", (one) => {
      one.alias = undefined;
    }),
  },
  {
    id: "payloads-alias-uniqueness",
    says: "no alias names two metrics of the node and its devices",
    check: uniqueAliases,
    breaks: (record) => {
      const [first, second] = published(record, "DBIRTH");
      metricsOf(second!)[0]!.alias = metricsOf(first!)[0]!.alias;
    },
  },
  {
    id: "payloads-alias-birth-requirement",
    says: "metrics of births have name and alias (but `Node Control/Rebirth`, which must have none)",
    check: eachMetric(
      BIRTHS,
      (one) => !(one.name && (isRebirth(one) || one.alias !== undefined)) && "has no name or no alias",
    ),
    breaks: breakMetric("DBIRTH", (one) => {
      one.alias = undefined;
    }),
  },
  {
    id: "payloads-alias-data-cmd-requirement",
    says: "metrics of data have an alias and no name",
    check: eachMetric(DATA, ({ name, alias }) => (alias === undefined || name !== undefined) && "has a name"),
    breaks: breakMetric("DDATA", (one) => {
      one.name = "Port 1/portLoad";
    }),
  },
  {
    id: "payloads-metric-datatype-value-type",
    says: "data types are unsigned 32-bit numbers",
    check: typed(isUnsigned),
    breaks: retype(-1),
  },
  {
    id: "payloads-metric-datatype-value",
    says: "data types are among those of the specification",
    check: typed(isDataType),
    breaks: retype(35),
  },
  {
    id: "payloads-metric-datatype-req",
    says: "metrics of births have a data type",
    check: typed(() => true),
    breaks: retype(undefined),
  },
  {
    id: "payloads-metric-datatype-not-req",
    says: "metrics of data have no data type",
    check: eachMetric(DATA, ({ datatype }) => datatype !== undefined && `has ${datatype}`),
    breaks: breakMetric("DDATA", (one) => {
      one.datatype = 10;
    }),
  },
  {
    id: "payloads-propertyset-keys-array-size",
    says: "properties: as many keys as values",
    check: sameSize,
    breaks: unequal("keys"),
  },
  {
    id: "payloads-propertyset-values-array-size",
    says: "properties: as many values as keys",
    check: sameSize,
    breaks: unequal("values"),
  },
  {
    id: "payloads-metric-propertyvalue-type-type",
    says: "types of properties are unsigned 32-bit numbers",
    check: eachProperty((key, { type }) => !isUnsigned(type) && `${key}: ${type}`),
    breaks: breakProperty("DBIRTH", undefined, (value) => {
      value.type = 0.5;
    }),
  },
  {
    id: "payloads-metric-propertyvalue-type-value",
    says: "types of properties are among those of the specification",
    check: eachProperty((key, { type }) => !isPropertyType(type) && `${key}: ${type}`),
    breaks: breakProperty("DBIRTH", undefined, (value) => {
      value.type = 16;
    }),
  },
  {
    id: "payloads-metric-propertyvalue-type-req",
    says: "properties of births have a type",
    check: eachProperty((key, { type }) => type === undefined && `${key} has none`),
    breaks: breakProperty("DBIRTH", undefined, (value) => {
      value.type = undefined;
    }),
  },
  {
    id: "payloads-propertyset-quality-value-type",
    says: "Quality is an Int32 (3)",
    check: (record) => qualities(record, ({ type }) => type === 3),
    breaks: breakProperty("DDATA", "Quality", (value) => {
      value.type = 4;
    }),
  },
  {
    id: "payloads-propertyset-quality-value-value",
    says: "Quality is 0, 192 or 500, as int_value",
    check: (record) => qualities(record, ({ int_value }) => [0, 192, 500].includes(int_value!)),
    breaks: breakProperty("DDATA", "Quality", (value) => {
      value.int_value = 193;
    }),
  },
];
