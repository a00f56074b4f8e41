import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LINKS, startControl, unavailable } from "../control-rig.ts";

const [link] = LINKS;
const MINUTE = 60_000;

/** JSON-RPC and the scheduler of one bridge. */
function callerOf(control: () => Awaited<ReturnType<typeof startControl>>) {
  let calls = 0;
  async function answered(topic: string, payload: object, answer: string): Promise<unknown> {
    const from = control().ear.messages.length;
    await control().ear.send(topic, JSON.stringify(payload));
    return control().ear.json(answer, undefined, from);
  }
  return {
    answered,
    /** The result, or the error's type and text. */
    async call(verb: string, params: unknown, { more = {}, as = "" } = {}): Promise<unknown> {
      const topic = `voltbridge/bridge-1/rpc/${verb}`;
      const request = { jsonrpc: "2.0", id: `r${++calls}`, params, ...more };
      const { result, error } = (await answered(as + topic, request, `${topic}/response`)) as {
        result?: unknown;
        error?: { message: string; data: { type: string } };
      };
      return error ? `${error.data.type}: ${error.message}` : result;
    },
  };
}

describe.skipIf(unavailable(link))("the calls of VOLTTRON's actuator", () => {
  let control: Awaited<ReturnType<typeof startControl>>;
  const { call, answered } = callerOf(() => control);
  beforeAll(async () => {
    control = await startControl(link, { actuator: { writesPerMinute: 600 } });
  });
  afterEach(() => {
    for (const path of ["site/s1", "site/s2"]) control.station(path).calls.length = 0;
  });
  afterAll(() => control?.stop());

  const last = () => control.writes.at(-1);
  const writes = (path = "site/s1") => control.station(path).writes;

  describe("get_point(topic, point=None)", () => {
    test.each<[string, unknown]>([
      ["a topic", ["site/s1/load"]],
      ["a topic with slashes around it", ["/site/s1/load/"]],
      ["a device and a point, which is the driver's form too", ["site/s1", "load"]],
      ["by name", { topic: "site/s1/load" }],
      ["by name, with point", { topic: "site/s1", point: "load" }],
      ["by position and by name", { "*args": ["site/s1"], "**kwargs": { point: "load" } }],
      ["a pair", { topic: ["site/s1", "load"] }],
    ])("%s", async (_, params) => {
      expect(await call("get_point", params)).toBe(7.2);
    });
  });

  describe("set_point(requester_id, topic, value, point=None)", () => {
    test.each<[string, unknown, requester: string]>([
      ["the actuator's form", ["ann", "site/s1/limit", 6], "ann"],
      ["with point", ["ann", "site/s1", 6, "limit"], "ann"],
      ["by name", { requester_id: "ann", topic: "site/s1/limit", value: 6 }, "ann"],
      ["by name, with point", { requester_id: "ann", topic: "site/s1", value: 6, point: "limit" }, "ann"],
      ["by position and by name", { "*args": ["ann", "site/s1", 6], "**kwargs": { point: "limit" } }, "ann"],
      ["null for the requester", [null, "site/s1/limit", 6], "mqtt"],
      ["an empty requester", ["", "site/s1/limit", 6], "mqtt"],
      ["a number for the requester", [7, "site/s1/limit", 6], "7"],
      ["a pair", ["ann", ["site/s1", "limit"], 6], "ann"],
      ["the driver's form", ["site/s1", "limit", 6], "mqtt"],
      ["the driver's form with slashes", ["/site/s1/", "limit", 6], "mqtt"],
      [
        "the driver's, by name, with a requester",
        { path: "site/s1", point_name: "limit", value: 6, requester_id: "ann" },
        "ann",
      ],
    ])("%s", async (_, params, requester) => {
      expect(await call("set_point", params)).toBe(6);
      expect(writes()).toEqual(["set limit 6"]);
      expect(last()).toMatchObject({ requester, requested: 6 });
    });

    test("0 and false are values, which VOLTTRON's topics do not take", async () => {
      expect(await call("set_point", ["ann", "site/s1/limit", 0])).toBe(0);
      expect(await call("set_point", ["ann", "site/s1/enabled", false])).toBe(false);
    });

    test("a first argument that is a device is the driver's form, whatever comes after it", async () => {
      const params = ["site/s2", "site/s1/limit", 6];
      expect(await call("set_point", params)).toMatch(/^PointNotFoundError: .*site\/s1\/limit/);
      expect(writes()).toEqual([]);
      // By name a requester may have the name of a device.
      const named = { requester_id: "site/s2", topic: "site/s1/limit", value: 6 };
      expect(await call("set_point", named)).toBe(6);
      expect(last()).toMatchObject({ requester: "site/s2" });
    });

    test.each<[string, unknown, string | RegExp]>([
      ["an unknown device of the driver's form", ["site/s7", "limit", 6], /^DeviceNotFoundError: .*site\/s7/],
      [
        "an unknown device of the actuator's",
        ["ann", "site/s7/limit", 6],
        /^DeviceNotFoundError: .*site\/s7/,
      ],
      ["no value", ["ann", "site/s1/limit"], /^BadParamsError: "value" is missing/],
      [
        "two names for one",
        { path: "site/s1", topic: "site/s2/limit", value: 6 },
        /^BadParamsError: give either/,
      ],
      [
        "two points for one",
        { topic: "site/s1", point: "limit", point_name: "percent", value: 6 },
        /^BadParamsError: give either/,
      ],
      [
        "one parameter twice",
        { "*args": ["ann", "site/s1/limit", 6], "**kwargs": { value: 7, topic: "site/s1/limit" } },
        /^BadParamsError: ".*" is given by position and by name/,
      ],
      [
        "too many",
        ["ann", "site/s1", 6, "limit", 1],
        /expected \[path, point_name, value\] or \[requester_id, topic, value, point\]/,
      ],
      [
        "a requester that is a list",
        { requester_id: [], topic: "site/s1/limit", value: 6 },
        /^BadPayloadError/,
      ],
    ])("%s: nothing is written", async (_, params, error) => {
      expect(await call("set_point", params)).toMatch(error);
      expect(writes()).toEqual([]);
      expect(writes("site/s2")).toEqual([]);
    });
  });

  describe("revert_point(requester_id, topic, point=None) and revert_device(requester_id, topic)", () => {
    test.each<[string, string, unknown]>([
      ["the actuator's form", "revert_point", ["ann", "site/s1/limit"]],
      ["with point", "revert_point", ["ann", "site/s1", "limit"]],
      ["by name", "revert_point", { requester_id: "ann", topic: "site/s1/limit" }],
      ["the driver's form", "revert_point", ["site/s1", "limit"]],
      ["a topic alone", "revert_point", ["site/s1/limit"]],
    ])("%s of %s", async (_, verb, params) => {
      expect(await call(verb, params)).toBe(null);
      expect(writes()).toEqual(["revert limit"]);
    });

    test.each<[string, unknown, string]>([
      ["the actuator's form", ["ann", "site/s1"], "ann"],
      ["by name", { requester_id: "ann", topic: "/site/s1" }, "ann"],
      ["the driver's form", ["site/s1"], "mqtt"],
    ])("%s of revert_device", async (_, params, requester) => {
      await call("set_point", ["ann", "site/s1/limit", 5]);
      expect(await call("revert_device", params)).toBe(null);
      expect(writes()).toContain("revert limit");
      expect(last()).toMatchObject({ requester, action: "revert" });
    });

    test("revert_device with two devices reverts neither", async () => {
      expect(await call("revert_device", ["site/s1", "site/s2"])).toMatch(/^BadParamsError: 2 parameters/);
      expect([writes(), writes("site/s2")]).toEqual([[], []]);
    });
  });

  test("scrape_all(topic)", async () => {
    expect(await call("scrape_all", { topic: "site/s1" })).toMatchObject({ load: 7.2 });
  });

  test("get_multiple_points(topics): topics and pairs; one bad element fails alone", async () => {
    const bad = [7, "load", ["site/s1"], null, ["site/s1", 5], "site/s9/load", ["site/s1", "nope"]];
    const topics = ["/site/s1/load", ["site/s2", "load"], ...bad];
    const values = { "site/s1/load": 7.2, "site/s2/load": 7.2 };
    const noPoint = expect.stringMatching(/^BadParamsError: this names no point/);
    const errors = {
      ...{ 7: noPoint, load: noPoint, '["site/s1"]': noPoint, null: noPoint, '["site/s1",5]': noPoint },
      "site/s9/load": expect.stringMatching(/^DeviceNotFoundError/),
      "site/s1/nope": expect.stringMatching(/^PointNotFoundError/),
    };
    expect(await call("get_multiple_points", [topics])).toEqual([values, errors]);
    expect(await call("get_multiple_points", { topics })).toEqual([values, errors]);
    expect(await call("get_multiple_points", ["site/s1", ["load", 7]])).toEqual([
      { load: 7.2 },
      { 7: noPoint },
    ]);
    expect(await call("get_multiple_points", [[]])).toEqual([{}, {}]);
  });

  test("set_multiple_points(requester_id, topics_values): topics and pairs, one bad element fails alone", async () => {
    const pairs = [
      ["site/s1/limit", 3],
      [["site/s2", "limit"], 4],
    ];
    for (const params of [["ann", pairs], { requester_id: "ann", topics_values: pairs }]) {
      expect(await call("set_multiple_points", params)).toEqual({});
      expect([writes().at(-1), writes("site/s2").at(-1)]).toEqual(["set limit 3", "set limit 4"]);
      expect(last()).toMatchObject({ requester: "ann" });
    }
    expect(await call("set_multiple_points", [[["site/s1/limit", 2]]])).toEqual({});
    const one = ["site/s1", [["limit", 1]]];
    expect(await call("set_multiple_points", one)).toEqual({});
    const bad = [
      "ann",
      [
        ["limit", 1],
        [["site/s1", "load"], 1],
        ["site/s2/limit", 9],
      ],
    ];
    expect(await call("set_multiple_points", bad)).toEqual({
      limit: expect.stringMatching(/^BadParamsError: this names no point/),
      "site/s1/load": expect.stringMatching(/^PointReadOnlyError/),
    });
    expect(writes("site/s2").at(-1)).toBe("set limit 9");
  });

  test("set_multiple_points with an element that has no value writes nothing", async () => {
    expect(await call("set_multiple_points", ["ann", [["site/s1/limit", 5], ["site/s2/limit"]]])).toMatch(
      /^BadParamsError: .*is not a point with its value/,
    );
    expect(writes()).toEqual([]);
  });

  test("a reservation holds for the requester in the arguments, in each form", async () => {
    const at = (minutes: number) => new Date(control.clock.now() + minutes * MINUTE).toISOString();
    await call("request_new_schedule", ["ann", "mine", "LOW", [["site/s1", at(0), at(10)]]]);
    expect(await call("set_point", ["bob", "site/s1/limit", 6])).toMatch(/^ScheduleError/);
    expect(await call("revert_point", ["bob", "site/s1/limit"])).toMatch(/^ScheduleError/);
    expect(await call("revert_device", ["bob", "site/s1"])).toMatch(/^ScheduleError/);
    expect(await call("set_multiple_points", ["bob", [["site/s1/limit", 6]]])).toMatch(/^ScheduleError/);
    expect(writes()).toEqual([]);
    expect(await call("set_point", ["ann", "site/s1/limit", 6])).toBe(6);
    expect(await call("request_cancel_schedule", ["ann", "mine"])).toMatchObject({ result: "SUCCESS" });
  });

  describe("requests to the scheduler are checked the same by call and by topic", () => {
    const slot = ["site/s1", "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"];
    test.each<
      [string, { id?: unknown; task?: unknown; priority?: unknown; slots?: unknown; time?: unknown }, string]
    >([
      ["no task", { task: null }, "MISSING_TASK_ID"],
      ["no priority", { priority: null }, "MISSING_PRIORITY"],
      ["an unknown priority", { priority: "URGENT" }, "INVALID_PRIORITY"],
      ["no requester", { id: null }, "MISSING_AGENT_ID"],
      ["no slots", { slots: [] }, "MALFORMED_REQUEST_EMPTY"],
      ["an empty requester", { id: "" }, "MALFORMED_REQUEST: TypeError"],
      ["a number as requester", { id: 7 }, "MALFORMED_REQUEST: TypeError"],
      ["a number as task", { task: 7 }, "MALFORMED_REQUEST: TypeError"],
      ["a requester that is too long", { id: "x".repeat(129) }, "MALFORMED_REQUEST: ValueError"],
      ["a slot that overlaps another", { slots: [slot, slot] }, "REQUEST_CONFLICTS_WITH_SELF"],
      ["a time that is none", { slots: [["site/s1", "soon", "later"]] }, "MALFORMED_REQUEST: "],
      [
        "a request that is too old",
        { time: "2026-11-21T07:00:00Z" },
        "MALFORMED_REQUEST: CommandExpiredError",
      ],
      ["a time of sending that is none", { time: "noon" }, "MALFORMED_REQUEST: BadPayloadError"],
    ])("%s", async (_, { id = "ann", task = "t", priority = "LOW", slots = [slot], time }, info) => {
      const byCall = await call("request_new_schedule", [id, task, priority, slots], { more: { time } });
      const said = { type: "NEW_SCHEDULE", requesterID: id, taskID: task, priority, requests: slots, time };
      const schedule = "devices/actuators/schedule";
      const byTopic = (await answered(`${schedule}/request`, said, `${schedule}/result`)) as Record<
        string,
        unknown
      >;
      expect(byCall).toEqual({ result: byTopic.result, info: byTopic.info, data: byTopic.data });
      expect(byCall).toMatchObject({ result: "FAILURE", info: expect.stringContaining(info) });
    });
  });
});

describe.skipIf(unavailable(link))(
  "the calls of VOLTTRON's actuator where the topic names the requester",
  () => {
    let control: Awaited<ReturnType<typeof startControl>>;
    const { call } = callerOf(() => control);
    beforeAll(async () => {
      control = await startControl(link, { requester: "topic" });
    });
    afterAll(() => control?.stop());

    test("E20: the topic's name wins over the one in the arguments, in each form", async () => {
      const forms: [string, unknown][] = [
        ["set_point", ["ann", "site/s1/limit", 6]],
        ["set_point", { requester_id: "ann", topic: "site/s1/limit", value: 7 }],
        ["set_multiple_points", ["ann", [["site/s1/limit", 8]]]],
        ["revert_point", ["ann", "site/s1/limit"]],
        ["revert_device", ["ann", "site/s1"]],
      ];
      for (const [verb, params] of forms) {
        const before = control.writes.length;
        await call(verb, params, { as: "as/ben/" });
        const requesters = control.writes.slice(before).map(({ requester }) => requester);
        expect([...new Set(requesters)], verb).toEqual(["ben"]);
        expect(String(await call(verb, params)), verb).toMatch(/^RequesterError/);
      }
      const slots = [["site/s2", "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"]];
      await call("request_new_schedule", ["ann", "t", "LOW", slots], { as: "as/ben/" });
      expect(await call("get_schedules", [])).toMatchObject([{ requester: "ben" }]);
    });
  },
);
