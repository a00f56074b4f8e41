import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HistorianSettings } from "../../../src/config/index.ts";
import type { Sample } from "../../../src/historian/contract.ts";
import { ArrivalClock, Ingest, Naming, PreciseClock } from "../../../src/historian/ingest/index.ts";
import type { IngestMessage } from "../../../src/historian/ingest/message.ts";
import { parseTime } from "../../../src/historian/time.ts";
import { SETTINGS } from "../settings.ts";

const NOW = at("2026-11-21T12:00:00Z");
const T = "2026-11-21T08:00:01.250001+00:00";
const PATH = "pnnl/garage/station-1";
const ALL = `devices/${PATH}/all`;

function at(text: string): number {
  return parseTime(text, new Date(0), "time");
}

function message(topic: string, payload: unknown, more: Partial<IngestMessage> = {}): IngestMessage {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return { topic, payload: Buffer.from(text), retained: false, userProperties: {}, arrivedAt: NOW, ...more };
}

function ingest(
  topic: string,
  payload: unknown,
  more: Partial<IngestMessage> = {},
  settings: Partial<HistorianSettings> = {},
) {
  return new Ingest({ ...SETTINGS, ...settings }).ingest(message(topic, payload, more));
}

/** `topic time value` of every sample. */
const rows = (samples: readonly Sample[]) => samples.map(({ topic, time, value }) => [topic, time, value]);
const reasons = (...args: Parameters<typeof ingest>) => ingest(...args).ignored.map(({ reason }) => reason);

const VOLTTRON = [
  { load: 4.5, on: true },
  { load: { units: "kW", type: "float", tz: "US/Pacific" }, on: { units: "", type: "boolean", tz: "UTC" } },
];

describe("B7: device topics", () => {
  test("VOLTTRON's array, its time in MQTT 5 user properties", () => {
    const { samples, ignored } = ingest(ALL, VOLTTRON, { userProperties: { TimeStamp: T } });
    expect(ignored).toEqual([]);
    expect(samples).toEqual([
      {
        topic: `${PATH}/load`,
        time: at(T),
        value: 4.5,
        meta: { units: "kW", type: "float", tz: "US/Pacific" },
      },
      { topic: `${PATH}/on`, time: at(T), value: true, meta: { units: "", type: "boolean", tz: "UTC" } },
    ]);
  });

  test.each<[form: string, payload: unknown, more?: Partial<IngestMessage>]>([
    ["headers as a third element", [...VOLTTRON, { TimeStamp: T }]],
    ["the envelope of MQTT 3.1.1", { headers: { TimeStamp: T }, message: VOLTTRON }],
    ["header names in another case", { headers: { timestamp: T }, message: VOLTTRON }],
    ["properties in another case", VOLTTRON, { userProperties: { TIMESTAMP: T } }],
    ["Date where there is no TimeStamp", [...VOLTTRON, { Date: T }]],
    ["TimeStamp before Date", [...VOLTTRON, { Date: "2020-01-01T00:00:00Z", TimeStamp: T }]],
    ["null is no TimeStamp", [...VOLTTRON, { TimeStamp: null, Date: T }]],
    [
      "the message before its properties",
      [...VOLTTRON, { TimeStamp: T }],
      { userProperties: { TimeStamp: "2020-01-01" } },
    ],
    [
      "the message before its envelope",
      { headers: { TimeStamp: "2020-01-01" }, message: [...VOLTTRON, { TimeStamp: T }] },
    ],
    ["a time without a zone is UTC", [...VOLTTRON, { TimeStamp: "2026-11-21T08:00:01.250001" }]],
    ["a time as Python prints it", [...VOLTTRON, { TimeStamp: "2026-11-21 08:00:01.250001+00:00" }]],
    ["a time of another zone", [...VOLTTRON, { TimeStamp: "2026-11-21T00:00:01.250001-08:00" }]],
    ["a bare object of values", { load: 4.5, on: true }, { userProperties: { TimeStamp: T } }],
    ["values without metadata", [{ load: 4.5, on: true }], { userProperties: { TimeStamp: T } }],
    [
      "an own JSON message",
      { device: "x", timestamp: T, values: { load: 4.5, on: true }, units: { load: "kW" }, failures: {} },
    ],
  ])("%s", (_form, payload, more) => {
    expect(rows(ingest(ALL, payload, more).samples)).toEqual([
      [`${PATH}/load`, at(T), 4.5],
      [`${PATH}/on`, at(T), true],
    ]);
  });

  test("SynchronizedTimeStamp is no time of the values, and a message without a time has that of its arrival", () => {
    expect(rows(ingest(ALL, [{ load: 1 }, {}, { SynchronizedTimeStamp: T }]).samples)).toEqual([
      [`${PATH}/load`, NOW, 1],
    ]);
  });

  test("null and 0 are values; without metadata the value tells the type, and a number is a float", () => {
    const { samples } = ingest(ALL, { a: null, b: 0, c: false, d: "x", e: { f: [1] } });
    expect(samples.map(({ value, meta }) => [value, meta.type])).toEqual([
      [null, "string"],
      [0, "float"],
      [false, "boolean"],
      ["x", "string"],
      [{ f: [1] }, "dictionary"],
    ]);
  });

  test("units of an own JSON message are kept", () => {
    const { samples } = ingest(ALL, { device: "x", timestamp: T, values: { a: 1 }, units: { a: "kW" } });
    expect(samples[0]?.meta).toEqual({ units: "kW", type: "float", tz: "UTC" });
  });

  test.each([
    ["a point, depth first", `devices/${PATH}/load`, "not_all"],
    ["all, breadth first", "devices/all/station-1/garage/pnnl", "not_all"],
    ["a point, breadth first", "devices/load/station-1/garage/pnnl", "not_all"],
    ["a device breadth first whose last level is all", "devices/all/station-1/all", "not_all"],
    ["a command", `devices/actuators/set/${PATH}/load`, "actuators"],
    ["a command to a point all", `devices/actuators/set/${PATH}/all`, "actuators"],
    ["an answer", `devices/actuators/value/${PATH}/load`, "actuators"],
    ["no device", "devices//all", "bad_name"],
    ["all of nothing", "devices/all", "bad_name"],
  ])("%s is not stored", (_what, topic, reason) => {
    expect(reasons(topic, VOLTTRON)).toEqual([reason]);
  });

  test("Python's NaN and Infinity do not cost the rest of a scrape", () => {
    const { samples } = ingest(ALL, '[{"a": NaN, "b": -Infinity, "c": "NaN, \\"Infinity", "d": 1}, {}]');
    expect(samples.map(({ value }) => value)).toEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      'NaN, "Infinity',
      1,
    ]);
  });
});

describe("B7: datalogger topics", () => {
  const log = (item: unknown, more?: Partial<IngestMessage>) =>
    ingest("datalogger/campus/log", { p: item }, more);

  test("the stored name keeps datalogger/, double is float, a bare reading has the time of arrival", () => {
    expect(log({ Readings: 3, Units: "kW", data_type: "double", tz: "US/Pacific" }).samples).toEqual([
      {
        topic: "datalogger/campus/log/p",
        time: NOW,
        value: 3,
        meta: { units: "kW", type: "float", tz: "US/Pacific" },
      },
    ]);
  });

  test("a reading with its time, and several", () => {
    const Units = "kW";
    expect(rows(log({ Readings: [T, 3], Units }).samples)).toEqual([["datalogger/campus/log/p", at(T), 3]]);
    expect(
      rows(
        log({
          Readings: [
            [T, 3],
            ["2026-11-21T09:00:00", 4],
          ],
          Units,
        }).samples,
      ),
    ).toEqual([
      ["datalogger/campus/log/p", at(T), 3],
      ["datalogger/campus/log/p", at("2026-11-21T09:00:00Z"), 4],
    ]);
  });

  test("headers do not give readings a time; float is the type where none is named", () => {
    const { samples } = log({ Readings: 3, Units: "" }, { userProperties: { Date: T, TimeStamp: T } });
    expect(samples[0]).toMatchObject({ time: NOW, meta: { type: "float" } });
  });

  test.each([
    ["Readings missing", { Units: "kW" }, "bad_readings"],
    ["Units missing", { Readings: 1 }, "bad_readings"],
    ["no object", 7, "bad_readings"],
    ["a list that is no reading", { Readings: [1, 2, 3], Units: "" }, "bad_readings"],
    ["a time that is none", { Readings: ["yesterday", 2], Units: "" }, "bad_time"],
  ])("%s: that point alone is left out", (_what, item, reason) => {
    const { samples, ignored } = ingest("datalogger/x", { bad: item, good: { Readings: 1, Units: "" } });
    expect(samples.map(({ topic }) => topic)).toEqual(["datalogger/x/good"]);
    expect(ignored.map((one) => one.reason)).toEqual([reason]);
  });
});

describe("B7: record and analysis topics", () => {
  test.each([[5], [[1, 2, 3]], [{ a: { b: 1 } }], [null], [{ headers: 1, message: 2 }]])(
    "a record is any JSON: %j",
    (body) => {
      expect(rows(ingest("record/x/y", body).samples)).toEqual([["record/x/y", NOW, body]]);
    },
  );

  test("a record's time is its Date", () => {
    const userProperties = { Date: T, TimeStamp: "2020-01-01" };
    expect(rows(ingest("record/x", 5, { userProperties }).samples)).toEqual([["record/x", at(T), 5]]);
    expect(rows(ingest("record/x", { headers: { Date: T }, message: 5 }).samples)).toEqual([
      ["record/x", at(T), 5],
    ]);
  });

  test.each(["analysis/a/b", "analysis/a/b/all", "analysis/a/b/", "analysis/a/b/all/"])(
    "%s is stored as a/b/<point>",
    (topic) => {
      expect(rows(ingest(topic, [{ p: 1 }, {}, { TimeStamp: T }]).samples)).toEqual([["a/b/p", at(T), 1]]);
    },
  );

  test("ours: only a level that is all is cut off, not the end of a word", () => {
    expect(rows(ingest("analysis/a/overall", { p: 1 }).samples)).toEqual([["a/overall/p", NOW, 1]]);
  });
});

describe("B7: names", () => {
  const names = (from: string, to: string, topic = ALL) =>
    ingest(topic, topic.startsWith("record") ? 1 : { load: 1 }, {}, { topicReplaceList: [{ from, to }] })
      .samples[0]?.topic;

  test.each([
    ["whatever the case", "PNNL/GARAGE", "site", "site/station-1/load"],
    ["every occurrence", "n", "m", "pmml/garage/statiom-1/load"],
    ["plain text, no pattern", ".", "x", `${PATH}/load`],
    ["$& is plain text too", "garage", "$&", "pnnl/$&/station-1/load"],
    ["the first level counts", "devices/pnnl", "devices/x", "x/garage/station-1/load"],
    ["names of points stay", "load", "x", `${PATH}/load`],
  ])("topic_replace_list: %s", (_what, from, to, name) => {
    expect(names(from, to)).toBe(name);
  });

  test("topic_replace_list works on records too, and one after the other", () => {
    expect(names("record/a", "record/b", "record/a/c")).toBe("record/b/c");
    const topicReplaceList = [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
    ];
    expect(ingest("record/x", 1, {}, { topicReplaceList: [{ from: "X", to: "y" }] }).samples[0]?.topic).toBe(
      "record/y",
    );
    expect(new Naming({ topicReplaceList, deviceDataFilter: {} }).rename("a")).toBe("c");
  });

  test("device_data_filter: only the points of keys found in the path, case included", () => {
    const kept = (deviceDataFilter: Record<string, string[]>) =>
      ingest(ALL, { a: 1, b: 2, c: 3 }, {}, { deviceDataFilter }).samples.map(({ topic }) => topic.at(-1));
    expect(kept({})).toEqual(["a", "b", "c"]);
    expect(kept({ "garage/": ["a"], pnnl: ["c", "x"], roof: ["b"] })).toEqual(["a", "c"]);
    expect(kept({ PNNL: ["a"] })).toEqual([]);
    expect(reasons(ALL, { a: 1 }, {}, { deviceDataFilter: { roof: ["a"] } })).toEqual(["filtered"]);
  });

  test("device_data_filter looks at the renamed path, and leaves other kinds alone", () => {
    const settings = { deviceDataFilter: { site: ["a"] }, topicReplaceList: [{ from: "pnnl", to: "site" }] };
    expect(ingest(ALL, { a: 1, b: 1 }, {}, settings).samples.map(({ topic }) => topic)).toEqual([
      "site/garage/station-1/a",
    ]);
    expect(ingest("analysis/x", { b: 1 }, {}, settings).samples).toHaveLength(1);
  });
});

describe("B7: what is captured", () => {
  test("the capture settings choose the subscriptions; custom topics come on top", () => {
    const filters = (settings: Partial<HistorianSettings>) =>
      new Ingest({ ...SETTINGS, ...settings }).filters;
    expect(filters({})).toEqual(["devices/#", "datalogger/#", "record/#", "analysis/#"]);
    const off = {
      captureDeviceData: false,
      captureLogData: false,
      captureRecordData: false,
      captureAnalysisData: false,
    };
    expect(filters(off)).toEqual([]);
    const customTopics = { capture_device_data: ["meters"], capture_record_data: ["audit/+/x"] };
    expect(filters({ ...off, customTopics })).toEqual(["meters/#", "audit/+/x"]);
    expect(reasons("record/x", 1, {}, off)).toEqual(["not_captured"]);
  });

  test("a custom topic is read by the rules of its kind", () => {
    const stored = (handler: string, topic: string, body: unknown) =>
      ingest(topic, body, {}, { customTopics: { [handler]: ["own"] } }).samples.map((sample) => sample.topic);
    expect(stored("capture_device_data", "own/a/all", { p: 1 })).toEqual(["a/p"]);
    expect(stored("capture_device_data", "own/a/p", { p: 1 })).toEqual([]);
    expect(stored("capture_analysis_data", "own/a", { p: 1 })).toEqual(["a/p"]);
    expect(stored("capture_log_data", "own/a", { p: { Readings: 1, Units: "" } })).toEqual(["own/a/p"]);
    expect(stored("capture_record_data", "own/a", { p: 1 })).toEqual(["own/a"]);
    // As in VOLTTRON.
    expect(stored("anything", "own/a", { p: 1 })).toEqual(["own/a"]);
  });

  test("a retained message is stored with its own time, and without one not at all", () => {
    const retained = { retained: true };
    expect(rows(ingest(ALL, [{ a: 1 }, {}, { TimeStamp: T }], retained).samples)).toEqual([
      [`${PATH}/a`, at(T), 1],
    ]);
    expect(reasons(ALL, { a: 1 }, retained)).toEqual(["retained_without_time"]);
    expect(reasons("record/x", 1, retained)).toEqual(["retained_without_time"]);
    const log = { old: { Readings: 1, Units: "" }, timed: { Readings: [T, 1], Units: "" } };
    expect(ingest("datalogger/x", log, retained)).toMatchObject({
      samples: [{ topic: "datalogger/x/timed" }],
      ignored: [{ reason: "retained_without_time" }],
    });
  });
});

describe("sync_timestamp: the aligned time of a scrape", () => {
  const aligned = "2026-11-21T08:00:00+00:00";
  const headers = { TimeStamp: T, SynchronizedTimeStamp: aligned };
  const timeOf = (payload: unknown, topic = ALL, syncTimestamp = true) =>
    ingest(topic, payload, {}, { syncTimestamp }).samples[0]?.time;

  test("of device and analysis messages that have it, whatever their form; otherwise their usual time", () => {
    expect(timeOf({ headers, message: { a: 1 } })).toBe(at(aligned));
    expect(timeOf([{ a: 1 }, {}, headers], "analysis/x/all")).toBe(at(aligned));
    const own = { device: PATH, timestamp: T, synchronized: aligned, values: { a: 1 } };
    expect(timeOf(own)).toBe(at(aligned));
    expect(timeOf({ headers, message: { a: 1 } }, ALL, false)).toBe(at(T));
    expect(timeOf(own, ALL, false)).toBe(at(T));
    expect(timeOf({ headers: { TimeStamp: T }, message: { a: 1 } })).toBe(at(T));
    expect(timeOf({ headers: { ...headers, Date: T }, message: { a: 1 } }, "record/x")).toBe(at(T));
  });
});

describe("D7: time tolerance", () => {
  const DAY = 86_400;
  const of = (
    secondsAgo: number,
    tolerance: number | undefined,
    topics: HistorianSettings["timeToleranceTopics"] = ["devices"],
    topic = ALL,
  ) => {
    const time = new Date(NOW / 1000 - secondsAgo * 1000).toISOString();
    const { samples, late, ignored } = ingest(
      topic,
      { headers: { TimeStamp: time, Date: time }, message: { a: 1 } },
      {},
      {
        ...(tolerance !== undefined && { timeToleranceSeconds: tolerance }),
        timeToleranceTopics: topics,
      },
    );
    expect(ignored).toEqual([]);
    expect(samples.length + late.samples.length).toBe(1);
    return late.samples.map(() => "time_tolerance");
  };

  test.each([
    [0, []],
    [5, []],
    [-5, []],
    [5.001, ["time_tolerance"]],
    [-5.001, ["time_tolerance"]],
    [DAY + 1, ["time_tolerance"]],
    [-DAY - 1, ["time_tolerance"]],
    [400 * DAY + 3, ["time_tolerance"]],
  ])("%s s ago with a tolerance of 5 s", (secondsAgo, expected) => {
    expect(of(secondsAgo, 5)).toEqual(expected);
  });

  test("a tolerance of more than a day, none at all, and kinds it does not hold for", () => {
    expect(of(DAY + 1, 2 * DAY)).toEqual([]);
    expect(of(2 * DAY + 1, 2 * DAY)).toEqual(["time_tolerance"]);
    expect(of(400 * DAY, undefined)).toEqual([]);
    expect(of(DAY, 5, ["record"])).toEqual([]);
    expect(of(DAY, 5, ["devices"], "record/x")).toEqual([]);
    expect(of(DAY, 5, ["record"], "record/x")).toEqual(["time_tolerance"]);
  });

  test("a message without a time of its own is never too old", () => {
    expect(reasons(ALL, { a: 1 }, {}, { timeToleranceSeconds: 0.001 })).toEqual([]);
  });
});

describe("G3: what cannot be stored is ignored with its reason", () => {
  test.each<[what: string, topic: string, payload: Buffer | string, reason: string]>([
    ["empty", ALL, "", "not_json"],
    ["no JSON", ALL, "GOOD", "not_json"],
    ["half JSON", ALL, '[{"a":1},', "not_json"],
    ["bad UTF-8", ALL, Buffer.from([0x22, 0xff, 0xfe, 0x22]), "not_utf8"],
    ["10 MB", ALL, Buffer.alloc(10 * 1024 * 1024, "["), "too_large"],
    ["deep lists", ALL, `${"[".repeat(500_000)}${"]".repeat(500_000)}`, "too_deep"],
    ["deep objects", "record/x", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, "too_deep"],
    ["a bare value", ALL, "5", "no_values"],
    ["null", ALL, "null", "no_values"],
    ["a point's message on an all topic", ALL, "[5, {}]", "no_values"],
    ["no values", ALL, "{}", "no_values"],
    ["an empty list", ALL, "[]", "no_values"],
    ["a time that is none", ALL, '[{"a":1},{},{"TimeStamp":"soon"}]', "bad_time"],
    ["a time relative to now", ALL, '[{"a":1},{},{"TimeStamp":"now -1h"}]', "bad_time"],
    ["a number as time", ALL, '[{"a":1},{},{"TimeStamp":1763712000}]', "bad_time"],
    [
      "a time beyond what can be stored",
      ALL,
      '[{"a":1},{},{"TimeStamp":"9999-12-31T00:00:00Z"}]',
      "bad_time",
    ],
    ["a point without a name", ALL, '{"":1}', "bad_name"],
    ["half a character in a name", ALL, '{"\\ud800":1}', "bad_name"],
    ["a name of 70 KB", ALL, `{"${"x".repeat(70_000)}":1}`, "bad_name"],
    ["an unending text full of quotes", ALL, `NaN "${'\\"'.repeat(200_000)}`, "not_json"],
  ])("%s", (_what, topic, payload, reason) => {
    const message = {
      topic,
      payload: Buffer.from(payload),
      retained: false,
      userProperties: {},
      arrivedAt: NOW,
    };
    const started = performance.now();
    const { samples, ignored } = new Ingest(SETTINGS).ingest(message);
    expect({ samples, reasons: ignored.map((one) => one.reason) }).toEqual({
      samples: [],
      reasons: [reason],
    });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("__proto__ and its like are names", () => {
    const { samples } = ingest(
      ALL,
      '[{"__proto__": 1, "constructor": 2, "+": 3, "a/#": 4}, {"__proto__": {"units": "kW"}}]',
    );
    expect(samples.map(({ topic, value, meta }) => [topic, value, meta.units])).toEqual([
      [`${PATH}/__proto__`, 1, "kW"],
      [`${PATH}/constructor`, 2, ""],
      [`${PATH}/+`, 3, ""],
      [`${PATH}/a/#`, 4, ""],
    ]);
    expect(({} as Record<string, unknown>).units).toBeUndefined();
  });

  test("a bad point does not take the others with it", () => {
    expect(ingest(ALL, { "": 1, a: 2 })).toMatchObject({
      samples: [{ topic: `${PATH}/a` }],
      ignored: [{ reason: "bad_name" }],
    });
  });

  test("no message at all makes it throw", () => {
    const topic = fc.oneof(fc.constantFrom(ALL, "record/x", "datalogger/x", "analysis/x"), fc.string());
    const payload = fc.oneof(fc.json(), fc.string(), fc.uint8Array());
    const every = new Ingest({ ...SETTINGS, timeToleranceSeconds: 5, deviceDataFilter: { a: ["b"] } });
    fc.assert(
      fc.property(topic, payload, fc.boolean(), (on, body, retained) => {
        const { samples, ignored } = every.ingest({
          topic: on,
          payload: typeof body === "string" ? Buffer.from(body) : body,
          retained,
          userProperties: {},
          arrivedAt: NOW,
        });
        expect(samples.length + ignored.length).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test("no two messages have one time of arrival", () => {
  let now = at("2026-11-21T08:00:00.001Z");
  const first = now;
  const clock = new ArrivalClock(() => now);
  expect([clock.next(), clock.next(), clock.next()]).toEqual([first, first + 1, first + 2]);
  now = at("2026-11-21T07:00:00Z");
  expect(clock.next()).toBe(now);
});

test("the time of arrival is the time of day", () => {
  const time = new PreciseClock().now();
  expect(Math.abs(time / 1000 - Date.now())).toBeLessThan(10);
  expect(Number.isSafeInteger(time)).toBe(true);
});
