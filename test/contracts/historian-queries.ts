import { beforeAll, describe, expect, it } from "vitest";
import type { Sample, TopicMeta } from "../../src/historian/contract.ts";
import { Historian, volttronAnswer } from "../../src/historian/query/historian.ts";
import type { HistoryQuery } from "../../src/historian/query/query.ts";
import { parseTime } from "../../src/historian/time.ts";
import type { PointValue } from "../../src/points/index.ts";

const META: TopicMeta = { units: "kWh", type: "float", tz: "UTC" };
const ENERGY = "Campus/Garage/energy";
const STATE = "Campus/Garage/state";

/** Both sides of ends of months, a day of a leap year, and neighbours of one microsecond. */
const ENERGY_VALUES: readonly (readonly [time: string, value: PointValue])[] = [
  ["2027-12-31T23:59:59.999999", 1],
  ["2028-01-01T00:00:00.000000", 2],
  ["2028-01-31T23:59:59.999999", 3.5],
  ["2028-02-01T00:00:00.000000", 4],
  ["2028-02-29T12:00:00.000000", 5],
  ["2028-02-29T12:00:00.000001", 6],
  ["2028-02-29T12:14:59.999999", null],
  ["2028-02-29T12:15:00.000000", 8],
  ["2028-03-01T00:00:00.000000", -9],
  ["2028-03-05T00:00:00.000000", 10],
  ["2028-04-30T23:59:59.999999", 11],
];
const STATE_VALUES: readonly (readonly [time: string, value: PointValue])[] = [
  ["2028-02-28T23:59:59.999999", "AVAILABLE"],
  ["2028-02-29T00:00:00.000000", true],
  ["2028-02-29T06:00:00.000000", false],
  ["2028-02-29T18:00:00.000000", 3],
  ["2028-02-29T18:00:01.000000", null],
  ["2028-02-29T23:59:59.999999", { code: 7 }],
];

const at = (text: string): number => parseTime(`${text}Z`, new Date(0), "time");
const samples: readonly Sample[] = [
  ...ENERGY_VALUES.map(([time, value]) => ({ topic: ENERGY, time: at(time), value, meta: META })),
  ...STATE_VALUES.map(([time, value]) => ({ topic: STATE, time: at(time), value, meta: META })),
];

type Answer = Readonly<Record<string, readonly (readonly [time: string, value: PointValue])[]>>;
const energy = (...rows: readonly (readonly [string, PointValue])[]): Answer => ({ [ENERGY]: rows });
const state = (...rows: readonly (readonly [string, PointValue])[]): Answer => ({ [STATE]: rows });
const values = (...of: PointValue[]): Answer =>
  energy(...ENERGY_VALUES.filter(([, value]) => of.includes(value)));
const monthly = (aggType: string): HistoryQuery => ({ topic: ENERGY, aggType, aggPeriod: "1M" });
const FEBRUARY = "2028-02-01T00:00:00.000000";

/** Question and answer; times of answers without their `+00:00`. */
const CASES: readonly (readonly [name: string, query: HistoryQuery, answer: Answer])[] = [
  ["everything, first to last", { topic: ENERGY }, energy(...ENERGY_VALUES)],
  [
    "everything, last to first",
    { topic: ENERGY, order: "LAST_TO_FIRST" },
    energy(...ENERGY_VALUES.toReversed()),
  ],
  ["in any case", { topic: ENERGY.toUpperCase(), count: 1 }, values(1)],
  ["start is inclusive", { topic: ENERGY, start: "2028-03-05T00:00:00Z" }, values(10, 11)],
  ["start, a microsecond later", { topic: ENERGY, start: "2028-03-05T00:00:00.000001Z" }, values(11)],
  ["end is exclusive", { topic: ENERGY, end: "2028-01-01T00:00:00Z" }, values(1)],
  ["end, a microsecond later", { topic: ENERGY, end: "2028-01-01T00:00:00.000001Z" }, values(1, 2)],
  [
    "start = end names exactly one time",
    { topic: ENERGY, start: "2028-02-29T12:00:00.000001Z", end: "2028-02-29T12:00:00.000001Z" },
    values(6),
  ],
  [
    "start = end where nothing is",
    { topic: ENERGY, start: "2028-02-29T12:00:00.000002Z", end: "2028-02-29T12:00:00.000002Z" },
    energy(),
  ],
  [
    "times without a zone are UTC, with one they are not",
    { topic: ENERGY, start: "2028-02-29T12:00:00", end: "2028-02-29T13:00:00.000001+01:00" },
    values(5),
  ],
  ["relative to now", { topic: ENERGY, start: "now -12h", end: "now -11h -59m" }, values(5, 6)],
  ["skip and count", { topic: ENERGY, skip: 2, count: 3 }, values(3.5, 4, 5)],
  [
    "skip and count, last to first",
    { topic: ENERGY, skip: 1, count: 2, order: "LAST_TO_FIRST" },
    energy(ENERGY_VALUES[9]!, ENERGY_VALUES[8]!),
  ],
  ["skip past the end", { topic: ENERGY, skip: 11 }, energy()],
  ["count of nothing", { topic: ENERGY, count: 0 }, energy()],
  [
    "skip and count hold for each topic",
    { topic: [STATE, ENERGY, "no/such"], skip: 1, count: 1 },
    { [STATE]: [STATE_VALUES[1]!], [ENERGY]: [ENERGY_VALUES[1]!] },
  ],
  ["a pattern", { pattern: "garage/(energy|power)$", count: 1 }, values(1)],
  ["an unknown topic", { topic: "no/such" }, {}],
  [
    "sums of calendar months",
    monthly("SUM"),
    energy(
      ["2027-12-01T00:00:00.000000", 1],
      ["2028-01-01T00:00:00.000000", 5.5],
      [FEBRUARY, 23],
      ["2028-03-01T00:00:00.000000", 1],
      ["2028-04-01T00:00:00.000000", 11],
    ),
  ],
  ["averages leave null out", { ...monthly("AVG"), skip: 2, count: 1 }, energy([FEBRUARY, 5.75])],
  ["counts leave null out", { ...monthly("COUNT"), skip: 2, count: 1 }, energy([FEBRUARY, 4])],
  [
    "quarters, from the last",
    { ...monthly("max"), aggPeriod: "3M", order: "LAST_TO_FIRST" },
    energy(
      ["2028-04-01T00:00:00.000000", 11],
      ["2028-01-01T00:00:00.000000", 10],
      ["2027-10-01T00:00:00.000000", 1],
    ),
  ],
  [
    "weeks begin on Sundays",
    {
      topic: ENERGY,
      aggType: "LAST",
      aggPeriod: "7d",
      start: "2028-02-27T00:00:00Z",
      end: "2028-03-06T00:00:00Z",
    },
    energy(["2028-02-27T00:00:00.000000", -9], ["2028-03-05T00:00:00.000000", 10]),
  ],
  [
    "quarters of an hour, of what lies in the range",
    {
      topic: ENERGY,
      aggType: "MIN",
      aggPeriod: "15m",
      start: "2028-02-29T12:00:00.000001Z",
      end: "2028-03-01T00:00:00Z",
    },
    energy(["2028-02-29T12:00:00.000000", 6], ["2028-02-29T12:15:00.000000", 8]),
  ],
  [
    "days of a zone, whose times without one are local",
    {
      ...{ topic: ENERGY, aggType: "SUM", aggPeriod: "1d", tz: "Asia/Kolkata" },
      ...{ start: "2028-02-29T17:30:00", end: "2028-03-06" },
    },
    energy(
      ["2028-02-28T18:30:00.000000", 19],
      ["2028-02-29T18:30:00.000000", -9],
      ["2028-03-04T18:30:00.000000", 10],
    ),
  ],
  [
    "windows of three months, from the last",
    { ...monthly("COUNT"), window: "3M", order: "LAST_TO_FIRST", count: 3 },
    energy(
      ["2028-05-01T00:00:00.000000", 7],
      ["2028-04-01T00:00:00.000000", 8],
      ["2028-03-01T00:00:00.000000", 7],
    ),
  ],
  [
    "a value that holds from before the range",
    { topic: ENERGY, fill: "previous", start: "2028-02-29T12:14:00Z", end: "2028-02-29T12:15:00Z" },
    energy(["2028-02-29T12:14:00.000000", 6], ["2028-02-29T12:14:59.999999", null]),
  ],
  [
    "booleans are 1 and 0, other values no numbers",
    { topic: STATE, aggType: "AVG", aggPeriod: "24h" },
    state(["2028-02-29T00:00:00.000000", 4 / 3]),
  ],
  [
    "any value but null is counted",
    { topic: STATE, aggType: "COUNT", aggPeriod: "1d" },
    state(["2028-02-28T00:00:00.000000", 1], ["2028-02-29T00:00:00.000000", 4]),
  ],
  [
    "any value but null can be the last",
    { topic: STATE, aggType: "LAST", aggPeriod: "1d", order: "LAST_TO_FIRST" },
    state(["2028-02-29T00:00:00.000000", { code: 7 }], ["2028-02-28T00:00:00.000000", "AVAILABLE"]),
  ],
];

/** VOLTTRON's query, with the same data and the same answers on every backend. */
export function historianQueries(under: { readonly backend: Historian["backend"] }): void {
  describe("B6: the same answers everywhere", () => {
    let historian: Historian;
    beforeAll(async () => {
      historian = new Historian(under.backend, { now: () => new Date("2028-03-01T00:00:00Z") });
      // The latest first: order of arrival must not matter.
      await under.backend.write(samples.toReversed());
    });

    it.each(CASES)("B6: %s", async (_, query, expected) => {
      const { values, metadata } = await historian.query(query);
      const short = Object.entries(values).map(([topic, rows]) => [
        topic,
        rows.map(([time, value]) => [time.replace(/\+00:00$/, ""), value]),
      ]);
      expect(Object.fromEntries(short)).toStrictEqual(expected);
      expect(Object.keys(values)).toEqual(Object.keys(expected));
      expect(metadata).toEqual(Object.fromEntries(Object.keys(expected).map((topic) => [topic, META])));
    });

    it("B6: one topic, several, none: VOLTTRON's shapes", async () => {
      const row = ["2027-12-31T23:59:59.999999+00:00", 1];
      expect(volttronAnswer(await historian.query({ topic: ENERGY, count: 1 }), true)).toEqual({
        values: [row],
        metadata: META,
      });
      expect(volttronAnswer(await historian.query({ topic: [ENERGY, "no/such"], count: 1 }), false)).toEqual({
        values: { [ENERGY]: [row] },
        metadata: {},
      });
      expect(volttronAnswer(await historian.query({ topic: ENERGY, start: "2030-01-01" }), true)).toEqual({});
    });
  });
}
