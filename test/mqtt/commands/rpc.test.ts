import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LINKS, startControl, unavailable } from "../control-rig.ts";

const MINUTE = 60_000;

for (const link of LINKS) {
  describe.skipIf(unavailable(link))(`JSON-RPC over ${link.name}`, () => {
    let control: Awaited<ReturnType<typeof startControl>>;
    let calls = 0;
    beforeAll(async () => {
      control = await startControl(link);
    });
    afterEach(() => {
      control.overriding.clearOverrides(control.command());
    });
    afterAll(() => control?.stop());

    const topic = (verb: string) => `voltbridge/bridge-1/rpc/${verb}`;
    async function raw(verb: string, payload: unknown, passes?: (text: string) => boolean) {
      const from = control.ear.messages.length;
      await control.ear.send(topic(verb), typeof payload === "string" ? payload : JSON.stringify(payload));
      const answer = await control.ear.find(
        `${topic(verb)}/response`,
        (one) => passes?.(one.text) ?? true,
        from,
      );
      return JSON.parse(answer.text);
    }
    /** The result, or `[code, type]` of the error. */
    async function call(verb: string, params?: unknown, more: object = {}) {
      const id = `r${++calls}`;
      const answer = await raw(verb, {
        jsonrpc: "2.0",
        id,
        ...(params !== undefined && { params }),
        ...more,
      });
      expect(answer).toMatchObject({ jsonrpc: "2.0", id });
      return answer.error ? [answer.error.code, answer.error.data.type] : answer.result;
    }

    test("get_point, set_point and reverts, by position and by name", async () => {
      expect(await call("get_point", ["site/s1", "load"])).toBe(7.2);
      expect(await call("get_point", { path: "site/s1", point_name: "load" })).toBe(7.2);
      expect(await call("get_point", { topic: "site/s1/load" })).toBe(7.2);
      expect(await call("set_point", ["site/s1", "limit", 6])).toBe(6);
      expect(await call("set_point", { path: "site/s1", point_name: "limit", value: 0 })).toBe(0);
      const timed = { topic: "site/s1/limit", value: 4, duration_minutes: 30, requester_id: "ann" };
      expect(await call("set_point", timed)).toBe(4);
      expect(control.station("site/s1").writes).toEqual([
        ...["set limit 6", "set limit 0", "set limit 4 for 30 min"],
      ]);
      expect(control.writes.at(-1)).toMatchObject({ requester: "ann", via: "rpc", status: "confirmed" });
      expect(await call("revert_point", ["site/s1", "limit"])).toBe(null);
      expect(await call("revert_device", ["site/s1"])).toBe(null);
      expect(control.station("site/s1").writes.slice(3)).toEqual(["revert limit", "revert enabled"]);
    });

    test("a call of an earlier run that wrote one point is answered by the note that was stored with it", async () => {
      const from = control.ear.messages.length;
      const device = control.devices.byPath.get("site/s1")!;
      const replyTo = JSON.stringify({ verb: "set_point", id: "earlier" });
      control.bus.emit("write", {
        ...{ id: "w1", requester: "ann", via: "rpc", device, point: "limit", action: "set", at: new Date() },
        ...{ requested: 5, readBack: 4, status: "confirmed", replyTo },
      });
      const answer = await control.ear.find(`${topic("set_point")}/response`, undefined, from);
      expect(JSON.parse(answer.text)).toEqual({ jsonrpc: "2.0", id: "earlier", result: 4 });
    });

    test("scrape_all and many points at once", async () => {
      const values = { load: 7.2, limit: 0, percent: 0, enabled: true, label: null };
      expect(await call("scrape_all", ["site/s2"])).toEqual(values);
      const [results, errors] = await call("get_multiple_points", [
        ["site/s1/load", "site/s2/nope", "site/s2/limit"],
      ]);
      expect(results).toEqual({ "site/s1/load": 7.2, "site/s2/limit": 0 });
      expect(errors).toEqual({ "site/s2/nope": expect.stringMatching(/^PointNotFoundError: /) });
      expect(await call("get_multiple_points", ["site/s1", ["load"]])).toEqual([{ load: 7.2 }, {}]);
      const set = await call("set_multiple_points", [
        "site/s1",
        [
          ["limit", 3],
          ["load", 1],
        ],
      ]);
      expect(set).toEqual({ load: expect.stringMatching(/^PointReadOnlyError: /) });
      expect(await call("set_multiple_points", [[["site/s2/limit", 9]]])).toEqual({});
      expect(await call("get_point", ["site/s2", "limit"])).toBe(9);
    });

    test("pause_device, resume_device and get_paused; a reload needs a bridge that runs from files", async () => {
      expect(await call("pause_device", ["site/s2"])).toEqual([-32_000, "LimitInForceError"]);
      await call("revert_device", ["site/s2"]);
      const since = new Date(control.clock.now()).toISOString();
      const paused = { device: "site/s2", since, requester: "ops" };
      expect(await call("pause_device", ["site/s2"], { requester: "ops" })).toEqual(paused);
      expect(await call("get_paused")).toEqual([paused]);
      expect(await call("set_point", ["site/s2", "limit", 6])).toEqual([-32_000, "PausedDeviceError"]);
      expect(await call("get_point", ["site/s2", "limit"])).toEqual([-32_000, "PausedDeviceError"]);
      expect(await call("scrape_all", ["site/s2"])).toEqual([-32_000, "PausedDeviceError"]);
      const late = { expires_at: new Date(control.clock.now() - 1).toISOString() };
      expect(await call("resume_device", ["site/s2"], late)).toEqual([-32_000, "CommandExpiredError"]);
      expect(await call("resume_device", { path: "/site/s2/" })).toBe(null);
      expect(await call("get_paused")).toEqual([]);
      expect(await call("pause_device", [])).toEqual([-32_602, "BadParamsError"]);
      expect(await call("reload")).toEqual([-32_000, "ReloadUnavailableError"]);
      expect(await call("reload", { confirm: "yes" })).toEqual([-32_602, "BadParamsError"]);
    });

    test("E32: a batch with one device reserved by another, or under an override, writes nothing at all", async () => {
      const at = (minutes: number) => new Date(control.clock.now() + minutes * MINUTE).toISOString();
      const slots = [["site/s2", at(0), at(10)]];
      await call("request_new_schedule", ["ann", "batch", "LOW", slots]);
      const written = () => ["site/s1", "site/s2"].map((path) => control.station(path).writes.length);
      const [[one, two], told] = [written(), control.writes.length];
      const batch = [
        [
          ["site/s1/limit", 5],
          ["site/s2/limit", 6],
        ],
      ];
      const bob = { requester: "bob" };
      expect(await call("set_multiple_points", batch, bob)).toEqual([-32_000, "ScheduleError"]);
      // Each is on record, refused.
      const refused = control.writes.slice(told).map(({ device, status }) => [device.path, status]);
      expect(refused).toEqual([
        ["site/s1", "refused"],
        ["site/s2", "refused"],
      ]);
      control.overriding.setOverrideOn("site/s1", { failsafeRevert: false }, control.command());
      const ann = { requester: "ann" };
      expect(await call("set_multiple_points", batch, ann)).toEqual([-32_000, "OverrideError"]);
      expect(written()).toEqual([one, two]);
      control.overriding.clearOverrides(control.command());
      expect(await call("set_multiple_points", batch, ann)).toEqual({});
      expect(written()).toEqual([one! + 1, two! + 1]);
      await call("request_cancel_schedule", ["ann", "batch"]);
    });

    test("E19: overrides", async () => {
      expect(await call("set_override_on", ["site/s*", 600, false])).toBe(null);
      expect(await call("set_override_on", { pattern: "*2", failsafe_revert: false })).toBe(null);
      expect(await call("get_override_patterns")).toEqual(["site/s*", "*2"]);
      expect(await call("get_override_devices", [])).toEqual(["site/s1", "site/s2"]);
      const endsAt = new Date(control.clock.now() + 10 * MINUTE).toISOString();
      expect(await call("get_overrides")).toEqual([
        { pattern: "site/s*", endsAt, devices: ["site/s1", "site/s2"] },
        { pattern: "*2", endsAt: null, devices: ["site/s2"] },
      ]);
      expect(await call("set_point", ["site/s1", "limit", 6])).toEqual([-32_000, "OverrideError"]);
      expect(await call("set_override_off", ["site/s1"])).toEqual([-32_000, "OverrideError"]);
      expect(await call("set_override_off", ["site/s*"])).toBe(null);
      expect(await call("clear_overrides")).toBe(null);
      expect(await call("get_override_devices")).toEqual([]);
    });

    test("D1: schedules; who asks stands beside params or in them", async () => {
      const at = (minutes: number) => new Date(control.clock.now() + minutes * MINUTE).toISOString();
      const slots = [["site/s1", at(0), at(10)]];
      expect(await call("request_new_schedule", ["ann", "t1", "LOW", slots])).toEqual({
        ...{ result: "SUCCESS", info: "", data: {} },
      });
      expect(await call("get_schedules")).toEqual([
        { taskId: "t1", requester: "ann", priority: "LOW", state: "running", slots },
      ]);
      expect(await call("set_point", ["site/s1", "limit", 6], { requester: "bob" })).toEqual([
        ...[-32_000, "ScheduleError"],
      ]);
      expect(await call("set_point", ["site/s1", "limit", 6], { requester: "ann" })).toBe(6);
      const nobody = { task_id: "t2", priority: "LOW", requests: slots };
      expect(await call("request_new_schedule", nobody)).toMatchObject({ info: "MISSING_AGENT_ID" });
      expect(await call("request_cancel_schedule", ["bob", "t1"])).toMatchObject({
        info: "AGENT_ID_TASK_ID_MISMATCH",
      });
      expect(await call("request_cancel_schedule", { task_id: "t1" }, { requester: "ann" })).toMatchObject({
        result: "SUCCESS",
      });
    });

    test.each<[why: string, verb: string, params: unknown, error: [number, string]]>([
      ["an unknown verb", "get_points", [], [-32_601, "UnknownVerbError"]],
      ["a verb that every object has", "toString", [], [-32_601, "UnknownVerbError"]],
      ["no point", "get_point", ["site"], [-32_000, "DeviceNotFoundError"]],
      ["too many parameters", "get_point", ["a", "b", "c"], [-32_602, "BadParamsError"]],
      ["an unknown parameter", "get_point", { pat: "a" }, [-32_602, "BadParamsError"]],
      ["no parameters", "get_point", undefined, [-32_602, "BadParamsError"]],
      ["params that are none", "get_point", 5, [-32_602, "BadParamsError"]],
      ["no value", "set_point", ["site/s1", "limit"], [-32_602, "BadParamsError"]],
      ["E15: null", "set_point", ["site/s1", "limit", null], [-32_000, "InvalidValueError"]],
      ["a duration that is text", "set_override_on", ["*", "60"], [-32_602, "BadParamsError"]],
      ["too many points", "get_multiple_points", [Array(1001).fill("a/b")], [-32_602, "BadParamsError"]],
    ])("%s: an error with its code", async (_, verb, params, error) => {
      expect(await call(verb, params)).toEqual(error);
    });

    test.each<[why: string, payload: unknown, code: number]>([
      ["no JSON", "{", -32_700],
      ["no object", 5, -32_600],
      ["an empty batch", [], -32_600],
      ["a batch that is too long", Array(101).fill({ id: 1 }), -32_600],
      ["another version", { jsonrpc: "1.0", id: 1 }, -32_600],
      ["another method than the topic's", { method: "get_point", id: 1 }, -32_600],
      ["an id of another kind", { id: {} }, -32_600],
      ["an unknown key", { id: 1, parms: [] }, -32_600],
    ])("%s: no call at all", async (_, payload, code) => {
      expect(await raw("get_overrides", payload)).toMatchObject({ id: null, error: { code } });
    });

    test("a batch is answered in its order; a notification in it is carried out and not answered", async () => {
      const [a, b] = ["p/*", "q/*"].map((pattern) => ({ params: [pattern, 0, false] }));
      const answers = await raw("set_override_on", [{ id: 1, ...a }, b, { id: 2 }, 7]);
      expect(answers).toMatchObject([
        { id: 1, result: null },
        { id: 2, error: { code: -32_602 } },
        { id: null, error: { code: -32_600 } },
      ]);
      expect(await call("get_override_patterns")).toEqual(["p/*", "q/*"]);
    });

    test("E4: a call that is too old is refused", async () => {
      const before = control.station("site/s1").writes.length;
      for (const late of [{ time: "2026-11-21T07:00:00Z" }, { expires_at: "2026-11-21T07:59:59Z" }]) {
        expect(await call("set_point", ["site/s1", "limit", 6], late)).toEqual([
          -32_000,
          "CommandExpiredError",
        ]);
        expect(await call("set_override_on", ["*"], late)).toEqual([-32_000, "CommandExpiredError"]);
      }
      expect(control.station("site/s1").writes).toHaveLength(before);
    });

    test("E13: a write that fails is an error with what is known of it", async () => {
      control.station("site/s1").writeError = new Error("network away");
      const answer = await raw("set_point", { id: 9, params: ["site/s1", "limit", 6] });
      expect(answer.error).toMatchObject({
        code: -32_000,
        message: "network away",
        data: { status: "failed" },
      });
      control.station("site/s1").writeError = undefined;
    });

    test.runIf(link.protocolVersion === 5)("E1: a retained call does nothing", async () => {
      const from = control.ear.messages.length;
      const verb = "set_override_on";
      await control.ear.send(topic(verb), JSON.stringify({ id: 1, params: ["*"] }), { retain: true });
      const answer = (await control.ear.json(`${topic(verb)}/response`, undefined, from)) as {
        error: object;
      };
      expect(answer.error).toMatchObject({ data: { type: "RetainedCommandError" } });
      expect(control.overriding.overridePatterns()).toEqual([]);
      await control.ear.send(topic(verb), "", { retain: true });
    });

    test.runIf(link.protocolVersion === 5)("the answer goes to the response topic alone", async () => {
      const from = control.ear.messages.length;
      const properties = {
        responseTopic: "reply/rpc",
        correlationData: Buffer.from("c"),
        userProperties: { requesterID: "eve" },
      };
      await control.ear.send(topic("set_point"), JSON.stringify({ id: 1, params: ["site/s2", "limit", 2] }), {
        properties,
      });
      const answer = await control.ear.find("reply/rpc");
      expect(JSON.parse(answer.text)).toEqual({ jsonrpc: "2.0", id: 1, result: 2 });
      expect(answer.properties.correlationData?.toString()).toBe("c");
      expect(control.writes.at(-1)).toMatchObject({ requester: "eve" });
      expect(control.ear.messages.slice(from).filter((one) => one.topic.endsWith("/response"))).toEqual([]);
    });
  });
}
