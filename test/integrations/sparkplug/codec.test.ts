import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import {
  DataType,
  decodePayload,
  encodePayload,
  type Metric,
  typedValue,
} from "../../../src/integrations/sparkplug/codec.ts";

/** protobufjs's own reader of the .proto file: it shares no code with the codec beyond the reading of bytes. */
const root = protobuf.loadSync(
  join(import.meta.dirname, "../../../src/integrations/sparkplug/sparkplug_b.proto"),
);
const schema = root.lookupType("org.eclipse.tahu.protobuf.Payload");

function bySchema(bytes: Uint8Array): unknown {
  return schema.toObject(schema.decode(bytes), { longs: String });
}

const AT = 1_796_000_000_123;

describe("what is sent", () => {
  it.each<[string, Omit<Metric, "timestamp">, object]>([
    ["Int32", { type: DataType.Int32, value: -1 }, { intValue: 4294967295 }],
    ["Int64", { type: DataType.Int64, value: -2 }, { longValue: "18446744073709551614" }],
    ["Int64 beyond 32 bits", { type: DataType.Int64, value: 2 ** 53 - 1 }, { longValue: "9007199254740991" }],
    ["Double", { type: DataType.Double, value: -0.1 }, { doubleValue: -0.1 }],
    ["Float", { type: DataType.Float, value: 1.5 }, { floatValue: 1.5 }],
    ["Boolean", { type: DataType.Boolean, value: false }, { booleanValue: false }],
    ["String", { type: DataType.String, value: "Gärage ⚡" }, { stringValue: "Gärage ⚡" }],
    ["empty String", { type: DataType.String, value: "" }, { stringValue: "" }],
    ["DateTime", { type: DataType.DateTime, value: AT }, { longValue: String(AT) }],
    ["null", { type: DataType.Double, value: null }, { isNull: true }],
    [
      "historical",
      { type: DataType.Double, value: 1, isHistorical: true },
      { isHistorical: true, doubleValue: 1 },
    ],
  ])("a metric of a birth and of data: %s", (_name, metric, expected) => {
    const birth = encodePayload({
      timestamp: AT,
      seq: 0,
      metrics: [{ name: "Port 1/Load", alias: 300, timestamp: AT, ...metric }],
    });
    expect(bySchema(birth)).toEqual({
      timestamp: String(AT),
      seq: "0",
      metrics: [
        { name: "Port 1/Load", alias: "300", timestamp: String(AT), datatype: metric.type, ...expected },
      ],
    });
    const data = encodePayload({
      timestamp: AT,
      seq: 255,
      metrics: [{ alias: 300, timestamp: AT, ...metric }],
    });
    expect(bySchema(data)).toEqual({
      timestamp: String(AT),
      seq: "255",
      metrics: [{ alias: "300", timestamp: String(AT), ...expected }],
    });
  });

  it("properties, one of them null", () => {
    const bytes = encodePayload({
      timestamp: AT,
      metrics: [
        {
          name: "a",
          timestamp: AT,
          type: DataType.Double,
          value: 1,
          properties: [
            { key: "engUnit", type: DataType.String, value: "kW" },
            { key: "engHigh", type: DataType.Double, value: 7.2 },
            { key: "Quality", type: DataType.Int32, value: 500 },
            { key: "readOnly", type: DataType.Boolean, value: null },
          ],
        },
      ],
    });
    expect(bySchema(bytes)).toMatchObject({
      metrics: [
        {
          properties: {
            keys: ["engUnit", "engHigh", "Quality", "readOnly"],
            values: [
              { type: 12, stringValue: "kW" },
              { type: 10, doubleValue: 7.2 },
              { type: 3, intValue: 500 },
              { type: 11, isNull: true },
            ],
          },
        },
      ],
    });
    const [metric] = decodePayload(bytes).metrics;
    expect(metric!.properties!.get("Quality")).toEqual({
      type: 3,
      value: { field: "int_value", value: 500 },
    });
  });
});

describe("what is received", () => {
  /** Bytes of a payload as another program would write it. */
  const sent = (payload: object) => schema.encode(schema.fromObject(payload)).finish();

  it.each<[string, DataType, object, unknown]>([
    ["a negative Int32", DataType.Int32, { intValue: 4294967295 }, -1],
    ["a negative Int64", DataType.Int64, { longValue: "18446744073709551615" }, -1],
    ["an Int64 that no number holds", DataType.Int64, { longValue: "9007199254740993" }, undefined],
    ["a Double", DataType.Double, { doubleValue: 3.3 }, 3.3],
    ["a Float", DataType.Float, { floatValue: 0.5 }, 0.5],
    ["a Boolean", DataType.Boolean, { booleanValue: true }, true],
    ["a String", DataType.String, { stringValue: "⚡" }, "⚡"],
    ["a String for a Double", DataType.Double, { stringValue: "3" }, undefined],
    ["an Int32 for a Double", DataType.Double, { intValue: 3 }, undefined],
    ["bytes for a Double", DataType.Double, { bytesValue: "AAAA" }, undefined],
    [
      "a data set for a Double",
      DataType.Double,
      { datasetValue: { numOfColumns: 1, columns: ["a"] } },
      undefined,
    ],
  ])("%s", (_name, type, value, expected) => {
    const [metric] = decodePayload(sent({ metrics: [{ alias: 7, ...value }] })).metrics;
    expect(metric!.alias).toBe(7n);
    expect(typedValue(type, metric!.value!)).toBe(expected);
  });

  it("an alias of 64 bits, an unknown field, metadata and a null", () => {
    const bytes = sent({
      timestamp: AT,
      uuid: "x",
      metrics: [{ alias: "18446744073709551615", isNull: true, metadata: { description: "x" } }],
    });
    const extended = Buffer.concat([bytes, Buffer.from([0x9a, 0x06, 2, 1, 2])]);
    expect(decodePayload(extended)).toEqual({
      timestamp: AT,
      metrics: [{ alias: 18446744073709551615n, isNull: true }],
    });
  });

  it("bytes that are no payload throw, whatever they are, and never take long", () => {
    const good = encodePayload({
      timestamp: AT,
      seq: 3,
      metrics: [{ name: "a", timestamp: AT, type: DataType.String, value: "text" }],
    });
    for (let length = 1; length < good.length; length++) {
      // A cut between two fields is a payload again.
      try {
        decodePayload(good.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
    for (const bytes of ['{"value":1}', "\x12\x7f", "\xff\xff\xff\xff\xff\xff", "\x12\x02\x0a\x05abcde"])
      expect(() => decodePayload(Buffer.from(bytes, "latin1"))).toThrow();
    expect(() => decodePayload(Buffer.alloc(40_002, Buffer.from([0x12, 0])))).toThrow("10000 metrics");
  });
});
