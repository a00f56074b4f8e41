import protobuf, { type Reader, type Writer } from "protobufjs/minimal.js";

/** The data types that the bridge sends and takes, by their numbers in the specification (chapter 6.4.16). */
export const DataType = {
  Int32: 3,
  Int64: 4,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
} as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

/** A time (`DateTime`) is a number of milliseconds since 1970. */
export type MetricValue = null | boolean | number | string;

export interface Property {
  readonly key: string;
  readonly type: DataType;
  readonly value: MetricValue;
}

/** A metric to send. */
export interface Metric {
  /** Of a metric in a birth or death; its data type is sent with it, and only there. */
  readonly name?: string;
  readonly alias?: number;
  /** When the value was read, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly type: DataType;
  readonly value: MetricValue;
  readonly isHistorical?: boolean;
  readonly properties?: readonly Property[];
}

/** A payload to send. */
export interface Payload {
  readonly timestamp: number;
  readonly metrics: readonly Metric[];
  /** Absent in deaths of the node. */
  readonly seq?: number;
}

/** Returns the payload as Protocol Buffers. */
export function encodePayload({ timestamp, metrics, seq }: Payload): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32(8).uint64(timestamp);
  for (const metric of metrics) writeMetric(writer.uint32(18).fork(), metric).ldelim();
  if (seq !== undefined) writer.uint32(24).uint64(seq);
  return Buffer.from(writer.finish());
}

function writeMetric(writer: Writer, metric: Metric): Writer {
  const { name, alias, timestamp, type, value, properties } = metric;
  if (name !== undefined) writer.uint32(10).string(name);
  if (alias !== undefined) writer.uint32(16).uint64(alias);
  writer.uint32(24).uint64(timestamp);
  if (name !== undefined) writer.uint32(32).uint32(type);
  if (metric.isHistorical) writer.uint32(40).bool(true);
  if (value === null) writer.uint32(56).bool(true);
  if (properties && properties.length > 0) {
    writer.uint32(74).fork();
    for (const { key } of properties) writer.uint32(10).string(key);
    for (const property of properties) {
      writer.uint32(18).fork().uint32(8).uint32(property.type);
      if (property.value === null) writer.uint32(16).bool(true);
      else writeValue(writer, 3, property.type, property.value);
      writer.ldelim();
    }
    writer.ldelim();
  }
  return value === null ? writer : writeValue(writer, 10, type, value);
}

/** Writes the member of the `oneof` for the type; `first` is the number of its first field, `int_value`. */
function writeValue(
  writer: Writer,
  first: number,
  type: DataType,
  value: Exclude<MetricValue, null>,
): Writer {
  switch (type) {
    case DataType.Int32:
      // The field is unsigned: negative numbers go as two's complement (chapter 6.4.16).
      return writer.uint32(first << 3).uint32(Number(value) >>> 0);
    case DataType.Int64:
    case DataType.DateTime:
      return writer.uint32((first + 1) << 3).int64(Number(value));
    case DataType.Float:
      return writer.uint32(((first + 2) << 3) | 5).float(Number(value));
    case DataType.Double:
      return writer.uint32(((first + 3) << 3) | 1).double(Number(value));
    case DataType.Boolean:
      return writer.uint32((first + 4) << 3).bool(Boolean(value));
    case DataType.String:
      return writer.uint32(((first + 5) << 3) | 2).string(String(value));
  }
}

/** A value as it was sent, by its field. `other`: bytes, a data set, a template or an extension, whose content is not read. */
export type SentValue =
  | { readonly field: "int_value"; readonly value: number }
  | { readonly field: "long_value"; readonly value: bigint }
  | { readonly field: "float_value" | "double_value"; readonly value: number }
  | { readonly field: "boolean_value"; readonly value: boolean }
  | { readonly field: "string_value"; readonly value: string }
  | { readonly field: "other" };

/** A metric as it was received: any program may have sent it. */
export interface ReceivedMetric {
  readonly name?: string;
  readonly alias?: bigint;
  /** In milliseconds since 1970. */
  readonly timestamp?: number;
  readonly datatype?: number;
  readonly isHistorical?: boolean;
  readonly isNull?: boolean;
  readonly properties?: ReadonlyMap<string, { readonly type?: number; readonly value?: SentValue }>;
  readonly value?: SentValue;
}

export interface ReceivedPayload {
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics: readonly ReceivedMetric[];
}

/** Maximum number of metrics of a payload that are read. */
const MOST_METRICS = 10_000;

/** Throws where the bytes are no payload. */
export function decodePayload(bytes: Uint8Array): ReceivedPayload {
  const reader = protobuf.Reader.create(bytes);
  const payload: { -readonly [K in keyof ReceivedPayload]: ReceivedPayload[K] } = { metrics: [] };
  const metrics: ReceivedMetric[] = [];
  payload.metrics = metrics;
  fields(reader, reader.len, (tag) => {
    if (tag === 8) payload.timestamp = Number(unsigned(reader));
    else if (tag === 24) payload.seq = Number(unsigned(reader));
    else if (tag !== 18) return false;
    else if (metrics.length < MOST_METRICS) metrics.push(readMetric(reader, end(reader)));
    else throw new Error(`the payload holds more than ${MOST_METRICS} metrics`);
    return true;
  });
  return payload;
}

function readMetric(reader: Reader, stop: number): ReceivedMetric {
  const metric: { -readonly [K in keyof ReceivedMetric]: ReceivedMetric[K] } = {};
  fields(reader, stop, (tag) => {
    if (tag === 10) metric.name = reader.string();
    else if (tag === 16) metric.alias = unsigned(reader);
    else if (tag === 24) metric.timestamp = Number(unsigned(reader));
    else if (tag === 32) metric.datatype = reader.uint32();
    else if (tag === 40) metric.isHistorical = reader.bool();
    else if (tag === 56) metric.isNull = reader.bool();
    else if (tag === 74) metric.properties = readProperties(reader, end(reader));
    else {
      const value = readValue(reader, tag, 10);
      if (!value) return false;
      metric.value = value;
    }
    return true;
  });
  return metric;
}

function readProperties(reader: Reader, stop: number): NonNullable<ReceivedMetric["properties"]> {
  const keys: string[] = [];
  const values: { type?: number; value?: SentValue }[] = [];
  fields(reader, stop, (tag) => {
    if (tag === 10) keys.push(reader.string());
    else if (tag === 18) {
      const property: { type?: number; value?: SentValue } = {};
      fields(reader, end(reader), (inner) => {
        if (inner === 8) property.type = reader.uint32();
        else property.value = readValue(reader, inner, 3) ?? property.value;
        // `readValue` has read the field only where it returns a value.
        return inner === 8 || isValueTag(inner, 3);
      });
      values.push(property);
    } else return false;
    return true;
  });
  if (keys.length !== values.length) throw new Error("a property set has more keys than values, or fewer");
  return new Map(keys.map((key, i) => [key, values[i]!]));
}

function isValueTag(tag: number, first: number): boolean {
  const at = (tag >>> 3) - first;
  return at >= 0 && at < WIRE_TYPES.length && (tag & 7) === WIRE_TYPES[at];
}

/** Wire types of the fields of a value, from `int_value` to `string_value`. */
const WIRE_TYPES = [0, 0, 5, 1, 0, 2];

/** Reads a member of the `oneof`; undefined where the tag is none, and then nothing was read. */
function readValue(reader: Reader, tag: number, first: number): SentValue | undefined {
  if (first === 10 && tag >>> 3 > 15 && tag >>> 3 < 20 && (tag & 7) === 2) {
    reader.skipType(2);
    return { field: "other" };
  }
  if (!isValueTag(tag, first)) return undefined;
  switch ((tag >>> 3) - first) {
    case 0:
      return { field: "int_value", value: reader.uint32() };
    case 1:
      return { field: "long_value", value: unsigned(reader) };
    case 2:
      return { field: "float_value", value: reader.float() };
    case 3:
      return { field: "double_value", value: reader.double() };
    case 4:
      return { field: "boolean_value", value: reader.bool() };
    default:
      return { field: "string_value", value: reader.string() };
  }
}

/** Reads the fields up to `stop`. `read` returns false for a tag that it does not read: the field is skipped. */
function fields(reader: Reader, stop: number, read: (tag: number) => boolean): void {
  while (reader.pos < stop) {
    const tag = reader.uint32();
    if (!read(tag)) reader.skipType(tag & 7, 0, tag >>> 3);
  }
  if (reader.pos !== stop) throw new Error("a field is longer than the message that holds it");
}

/** Returns the position after the message whose length comes next. */
function end(reader: Reader): number {
  const length = reader.uint32();
  const stop = reader.pos + length;
  if (stop > reader.len) throw new Error("a field is longer than the message that holds it");
  return stop;
}

function unsigned(reader: Reader): bigint {
  const long = reader.uint64() as { readonly low: number; readonly high: number } | number;
  if (typeof long === "number") return BigInt(long);
  return (BigInt(long.high >>> 0) << 32n) | BigInt(long.low >>> 0);
}

/** Returns the value of a type, or undefined where another field or no number of the type's range was sent. */
export function typedValue(type: DataType, sent: SentValue): MetricValue | undefined {
  switch (type) {
    case DataType.Int32:
      return sent.field === "int_value" ? sent.value | 0 : undefined;
    case DataType.Int64:
    case DataType.DateTime: {
      if (sent.field !== "long_value") return undefined;
      const number = Number(BigInt.asIntN(64, sent.value));
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case DataType.Float:
      return sent.field === "float_value" ? sent.value : undefined;
    case DataType.Double:
      return sent.field === "double_value" ? sent.value : undefined;
    case DataType.Boolean:
      return sent.field === "boolean_value" ? sent.value : undefined;
    case DataType.String:
      return sent.field === "string_value" ? sent.value : undefined;
  }
}
