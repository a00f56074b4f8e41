import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, decodeStrict } from "../../../../src/drivers/chargepoint/api/documents/decode.ts";
import { encode } from "../../../../src/drivers/chargepoint/api/documents/encode.ts";
import { parseXml, type XmlNode } from "../../../../src/drivers/chargepoint/api/documents/xml.ts";
import {
  boolean,
  dateTime,
  decimal,
  double,
  type Fields,
  group,
  int,
  list,
  long,
  type Operation,
  string,
} from "../../../../src/drivers/chargepoint/api/message.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { anyValue } from "./values.ts";

const read = (xml: string): XmlNode => parseXml(`<m>${xml}</m>`);
const decoded = <F extends Fields>(fields: F, xml: string) => decode(fields, read(xml));
const problems = (fields: Fields, xml: string) =>
  decodeStrict(fields, read(xml)).problems.map(({ path, kind }) => `${kind} ${path}`);

const SAMPLE = {
  name: string(),
  count: int(),
  big: long(),
  power: decimal("", { fixed: 3 }),
  limit: decimal(),
  energy: double(),
  on: boolean(),
  at: dateTime("", { also: ["At"] }),
  tags: list(string(), "", { also: ["Tags"] }),
  Geo: group({ Lat: string(), Long: string() }),
  Port: list(group({ portNumber: string(), load: decimal() })),
};

describe("whatever is written is read back", () => {
  describe.each(Object.entries<Operation>(operations))("%s", (_name, operation) => {
    it.each(["request", "response"] as const)("%s", (side) => {
      const fields = operation[side];
      fc.assert(
        fc.property(anyValue(fields), (value) => {
          const written = encode(fields, value);
          const node = read(written);
          expect(decode(fields, node)).toEqual(value);
          expect(encode(fields, decode(fields, node) as typeof value)).toBe(written);
          const sequence = side === "request" && operation.sequence;
          expect(decodeStrict(fields, node, sequence)).toEqual({ value, problems: [] });
        }),
        { numRuns: 25 },
      );
    });
  });
});

describe("decode", () => {
  it("C7: an absent, empty, nil or None element is null, an absent list is empty", () => {
    const nothing = {
      ...{ name: null, count: null, big: null, power: null, limit: null, energy: null, on: null, at: null },
      ...{ tags: [], Geo: null, Port: [] },
    };
    expect(decoded(SAMPLE, "")).toEqual(nothing);
    expect(decoded(SAMPLE, "<name/><count></count><on> </on><Geo/><Port/><tags/>")).toEqual(nothing);
    expect(decoded(SAMPLE, "<name>None</name><count> None </count><at>None</at>")).toEqual(nothing);
    const nil =
      '<name xsi:nil="true" xmlns:xsi="x">a</name><Geo xsi:nil="1" xmlns:xsi="x"><Lat>1</Lat></Geo>';
    expect(decoded(SAMPLE, nil)).toEqual(nothing);
  });

  it("C7: elements are found by name in any order, whatever the prefix, and unknown ones passed over", () => {
    const xml =
      '<x>1</x><p:count xmlns:p="q">7</p:count><Geo><Long>2</Long><y/><Lat>1</Lat></Geo><name>a</name>';
    expect(decoded(SAMPLE, xml)).toMatchObject({ name: "a", count: 7, Geo: { Lat: "1", Long: "2" } });
  });

  it("a list of one is a list, and its elements may stand apart", () => {
    expect(decoded(SAMPLE, "<Port><portNumber>1</portNumber></Port>").Port).toHaveLength(1);
    const apart = decoded(SAMPLE, "<tags>a</tags><name>n</name><Tags>b</Tags>");
    expect(apart.tags).toEqual(["a", "b"]);
  });

  it("other spellings are read", () => {
    expect(decoded(SAMPLE, "<At>2021-12-07T21:05:05Z</At>").at).toBe("2021-12-07T21:05:05Z");
    const status = decoded(
      operations.getStationStatus.response,
      "<stationData><Port><FaultReason>NONE</FaultReason></Port></stationData><MoreFlag>1</MoreFlag>",
    );
    expect(status).toMatchObject({ stationData: [{ Port: [{ faultReason: "NONE" }] }], moreFlag: 1 });
    const sessions = decoded(
      operations.getChargingSessionData.response,
      "<ChargingSessionData><driverOptedOutTimestamp>t</driverOptedOutTimestamp></ChargingSessionData><moreFlag>1</moreFlag>",
    );
    expect(sessions).toMatchObject({ ChargingSessionData: [{ driverOptOutTimestamp: "t" }], MoreFlag: 1 });
    const stations = decoded(
      operations.getStations.response,
      "<stationData><stationMACAddress>0024:B1</stationMACAddress></stationData>",
    );
    expect(stations.stationData[0]?.stationMacAddr).toBe("0024:B1");
  });

  it.each([
    ["true", true],
    ["TRUE", true],
    ["False", false],
    ["1", true],
    ["0", false],
    ["yes", null],
  ])("boolean %s is %s", (text, value) => {
    expect(decoded(SAMPLE, `<on>${text}</on>`).on).toBe(value);
  });

  it.each([
    ["count", " 12 ", 12],
    ["count", "-3", -3],
    ["count", "12.0", 12],
    ["count", "12.5", null],
    ["count", "true", 1],
    ["count", "0x1F", null],
    ["count", "9007199254740993", null],
    ["power", "6.600", 6.6],
    ["power", ".5", 0.5],
    ["power", "6,6", null],
    ["power", "NaN", null],
    ["power", "INF", null],
    ["energy", "2.5E1", 25],
    ["energy", "1e999", null],
    ["energy", "6.6 kWh", null],
  ])("number %s of %j is %s", (name, text, value) => {
    expect(decoded(SAMPLE, `<${name}>${text}</${name}>`)[name as "count"]).toBe(value);
  });

  it("texts keep their zeros and digits, and lose their padding", () => {
    const value = decoded(SAMPLE, "<name>\n  000123 </name><big>12345678901234567890</big>");
    expect(value).toMatchObject({ name: "000123", big: "12345678901234567890" });
  });
});

describe("decodeStrict", () => {
  it("names unknown elements, repeated ones and values of another type by their path", () => {
    const xml = "<nam>a</nam><Geo><lat>1</lat>x</Geo><count>a</count><on>1</on><name>a</name><name>b</name>";
    expect(problems(SAMPLE, xml).sort()).toEqual([
      "repeated name",
      "unknown Geo/lat",
      "unknown nam",
      "value Geo",
      "value count",
    ]);
    expect(problems(SAMPLE, "<at>yesterday</at><big>1.5</big><power>x</power><on>maybe</on>")).toHaveLength(
      4,
    );
    expect(problems(SAMPLE, "<Port><portNumber><b/></portNumber></Port>")).toEqual(["value Port/portNumber"]);
  });

  it("asks for the order of bare elements where the operation is a sequence", () => {
    const { request, sequence } = operations.getStationGroupDetails;
    const late = read("<stationID>1:1</stationID><sgID>1</sgID>");
    expect(decodeStrict(request, late).problems).toEqual([]);
    expect(decodeStrict(request, late, sequence).problems).toMatchObject([
      { kind: "misplaced", path: "sgID" },
    ]);
  });

  it("an element that some callers wrap is read bare and wrapped, and nothing else is let in by that", () => {
    const { request } = operations.removeLoadShedEvent;
    for (const xml of ["<eventId>7</eventId>", "<shedEvent><eventID>7</eventID></shedEvent>"]) {
      expect(decodeStrict(request, read(xml))).toEqual({ value: { eventId: 7 }, problems: [] });
    }
    expect(problems(request, "<shedEvent><sgID>7</sgID></shedEvent>")).toEqual(["unknown sgID"]);
    expect(problems(request, "<shedEvents><eventId>7</eventId></shedEvents>")).toEqual([
      "unknown shedEvents",
    ]);
    expect(problems(request, "<eventId>7</eventId><shedEvent><eventID>8</eventID></shedEvent>")).toEqual([
      "repeated eventID",
    ]);
  });

  it("asks for an order only in a sequence", () => {
    const any = { q: group({ a: string(), b: string() }) };
    const sequence = { q: group({ a: string(), b: string() }, "", { sequence: true }) };
    expect(problems(any, "<q><b>1</b><a>2</a></q>")).toEqual([]);
    expect(problems(sequence, "<q><b>1</b><a>2</a></q>")).toEqual(["misplaced q/a"]);
    expect(problems(sequence, "<q><a>1</a><b>2</b></q>")).toEqual([]);
    const load = "<searchQuery><stationID>1:1</stationID><sgID>1</sgID></searchQuery>";
    expect(problems(operations.getLoad.request, load)).toEqual(["misplaced searchQuery/sgID"]);
  });
});

describe("encode", () => {
  it("writes in the order of the description, leaves undefined out, and null empty", () => {
    const value = {
      Port: [{ load: 1.5, portNumber: "1A" }],
      tags: null,
      on: true,
      count: undefined,
      name: null,
    };
    expect(encode(SAMPLE, value as never)).toBe(
      "<name/><on>true</on><Port><portNumber>1A</portNumber><load>1.5</load></Port>",
    );
  });

  it.each([
    ["power", 1.23456, "1.235"],
    ["power", 0, "0.000"],
    ["power", -0.0001, "0.000"],
    ["limit", 3, "3"],
    ["limit", 1.23456, "1.235"],
    ["limit", 1e-7, "0"],
    ["limit", -0, "0"],
    ["limit", 1e20, "100000000000000000000"],
    ["energy", 25.867001, "25.867001"],
    ["energy", 1.5e-7, "0.00000015"],
    ["energy", -1e-10, "-0.0000000001"],
  ])("%s %d is written %s", (name, value, text) => {
    expect(encode(SAMPLE, { [name]: value })).toBe(`<${name}>${text}</${name}>`);
  });

  it.each([
    ["count", 1.5],
    ["count", "1"],
    ["power", Number.NaN],
    ["power", Number.POSITIVE_INFINITY],
    ["power", 1e21],
    ["on", "true"],
    ["big", 5],
    ["name", 5],
    ["Geo", "x"],
    ["Port", {}],
    ["nam", "a"],
    ["toString", "a"],
  ])("refuses %s: %j and says where", (name, value) => {
    expect(() => encode(SAMPLE, { [name]: value })).toThrow(new RegExp(`^${name}: `));
  });

  it("what XML cannot carry is replaced", () => {
    expect(encode(SAMPLE, { name: 'a\u0000\u001b<&>"\ud800\r\n' })).toBe(
      "<name>a\ufffd\ufffd&lt;&amp;&gt;&quot;\ufffd&#13;\n</name>",
    );
  });
});
