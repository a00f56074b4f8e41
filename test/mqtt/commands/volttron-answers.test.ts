import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorText, pythonText } from "../../../src/mqtt/commands/volttron-errors.ts";
import { request } from "../../../src/mqtt/index.ts";
import { LINKS, startControl, unavailable } from "../control-rig.ts";
import { SETTINGS } from "../rig.ts";

const MINUTE = 60_000;
const POINT = "site/s1/limit";
const ACTUATORS = "devices/actuators";

/** Places in VOLTTRON 9.0.4 (`services/core`) that say what is published. */
const AGENT = "ActuatorAgent/actuator/agent.py";
const PUBSUB_TESTS = "ActuatorAgent/tests/test_actuator_pubsub.py";
const DRIVER = "PlatformDriverAgent/platform_driver";

/** One fact: what is sent, and the message that VOLTTRON's actuator publishes. */
interface Fact {
  readonly source: string;
  readonly send: readonly [topic: string, payload: string];
  readonly answer: readonly [topic: string, message: unknown];
}

const FACTS: Readonly<Record<string, Fact>> = {
  "a get: the bare value": {
    source: `${AGENT} handle_get`,
    send: [`get/site/s1/load`, ""],
    answer: ["value/site/s1/load", 7.2],
  },
  "a set: the bare value": {
    source: `${AGENT} _set_point`,
    send: [`set/${POINT}`, "5"],
    answer: [`value/${POINT}`, 5],
  },
  "a revert of a point: nothing": {
    source: `${AGENT} _revert_point`,
    send: [`revert/point/${POINT}`, ""],
    answer: [`reverted/point/${POINT}`, null],
  },
  "a revert of a device: nothing": {
    source: `${AGENT} _revert_device`,
    send: ["revert/device/site/s1", ""],
    answer: ["reverted/device/site/s1", null],
  },
  "a set without a value: ValueError": {
    source: `${AGENT} handle_set`,
    send: [`set/${POINT}`, ""],
    answer: [`error/${POINT}`, { type: "ValueError", value: expect.stringContaining("no value") }],
  },
  "a device that another has reserved: LockError": {
    source: `${AGENT} _handle_standard_error; ${PUBSUB_TESTS}:1798`,
    send: ["set/site/s2/limit", "5"],
    answer: ["error/site/s2/limit", { type: "LockError", value: expect.stringContaining("reserved") }],
  },
  "a point that there is not: the driver's error, with the list of its arguments": {
    source: `${AGENT} _handle_remote_error; ${PUBSUB_TESTS}:1242`,
    send: ["get/site/s1/nope", ""],
    answer: [
      "error/site/s1/nope",
      {
        type: "platform_driver.interfaces.DriverInterfaceError",
        value: expect.stringMatching(/^\['.*nope.*'\]$/),
      },
    ],
  },
  "a device that there is not: KeyError": {
    source: `${DRIVER}/agent.py get_point`,
    send: ["get/site/s9/load", ""],
    answer: [
      "error/site/s9/load",
      { type: "builtins.KeyError", value: expect.stringMatching(/^\[".*s9.*"\]$|^\['.*s9.*'\]$/) },
    ],
  },
  "a point that is read only: OSError": {
    source: `${DRIVER}/interfaces/chargepoint/__init__.py _set_point`,
    send: ["set/site/s1/load", "5"],
    answer: ["error/site/s1/load", { type: "builtins.OSError", value: expect.stringMatching(/^\['.*'\]$/) }],
  },
  "a value that does not fit: ValueError, from the driver": {
    source: `${DRIVER}/interfaces/fakedriver.py`,
    send: [`set/${POINT}`, '"much"'],
    answer: [`error/${POINT}`, { type: "builtins.ValueError", value: expect.stringMatching(/^\[.*\]$/) }],
  },
};

for (const link of LINKS) {
  describe.skipIf(unavailable(link))(`answers of VOLTTRON's actuator over ${link.name}`, () => {
    let control: Awaited<ReturnType<typeof startControl>>;
    beforeAll(async () => {
      control = await startControl(link, { answers: "volttron", actuator: { writesPerMinute: 600 } });
      const slot = ["site/s2", "2000-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
      control.scheduling.requestNewSchedule(
        { taskId: "others", priority: "LOW", slots: [slot] },
        control.command({ requester: "ann" }),
      );
    });
    afterAll(() => control?.stop());

    /** Message and headers: over MQTT 5 user properties, over 3.1.1 in the envelope. */
    async function heard(
      topic: string,
      from: number,
    ): Promise<{ message: unknown; headers: Record<string, unknown> }> {
      const { text, properties } = await control.ear.find(`${ACTUATORS}/${topic}`, undefined, from);
      const body = JSON.parse(text);
      if (link.protocolVersion === 4) return body;
      return { message: body, headers: { ...properties.userProperties } };
    }
    async function call(verb: string, params: unknown) {
      const topic = `voltbridge/bridge-1/rpc/${verb}`;
      const from = control.ear.messages.length;
      await control.ear.send(topic, JSON.stringify({ jsonrpc: "2.0", id: from, params }));
      return JSON.parse((await control.ear.find(`${topic}/response`, undefined, from)).text);
    }

    test.each(Object.entries(FACTS))("%s", async (_, { send: [topic, payload], answer: [to, message] }) => {
      const from = control.ear.messages.length;
      await control.ear.send(`${ACTUATORS}/${topic}`, payload);
      const answer = await heard(to, from);
      expect(answer.message).toEqual(message);
      expect(answer.headers).toMatchObject({ time: expect.stringMatching(/\+00:00$/), requesterID: "mqtt" });
    });

    test("OverrideError has the driver's module", async () => {
      control.overriding.setOverrideOn("site/s1", { failsafeRevert: false }, control.command());
      const from = control.ear.messages.length;
      await control.ear.send(`${ACTUATORS}/set/${POINT}`, "5");
      expect((await heard(`error/${POINT}`, from)).message).toEqual({
        type: "platform_driver.agent.OverrideError",
        value: expect.stringMatching(/^\[.*\]$/),
      });
      control.overriding.clearOverrides(control.command());
    });

    test("a set is announced once, when the device has taken it, by its value alone; a refused one is not", async () => {
      const from = control.ear.messages.length;
      await control.ear.send(`${ACTUATORS}/set/site/s1/load`, "4");
      await heard("error/site/s1/load", from);
      await control.ear.send(`${ACTUATORS}/set/${POINT}`, JSON.stringify({ value: 4, requester: "bob" }));
      const { message, headers } = await heard(`write/${POINT}`, from);
      expect([message, headers]).toMatchObject([4, { requesterID: "bob" }]);
      await heard(`value/${POINT}`, from);
      const topics = control.ear.messages.slice(from).map(({ topic }) => topic);
      expect(topics.filter((topic) => topic.startsWith(`${ACTUATORS}/write/`))).toEqual([
        `${ACTUATORS}/write/${POINT}`,
      ]);
    });

    test("there is one answer to a write, when it is known how it ended", async () => {
      const station = control.station("site/s1");
      station.lagMs = 10_000;
      const from = control.ear.messages.length;
      await control.ear.send(`${ACTUATORS}/set/${POINT}`, JSON.stringify({ value: 3, id: "late" }));
      for (
        let i = 0;
        i < 200 && !control.writes.some(({ id, status }) => id === "late" && status !== undefined);
        i++
      )
        await control.clock.advance(1000);
      const { message, headers } = await heard(`value/${POINT}`, from);
      expect([message, headers]).toMatchObject([3, { id: "late", status: "confirmed" }]);
      expect(
        control.ear.messages.slice(from).filter(({ topic }) => topic === `${ACTUATORS}/value/${POINT}`),
      ).toHaveLength(1);
      station.lagMs = 0;
    });

    test("a call that writes is published too, as the actuator does; a failed one is not", async () => {
      const from = control.ear.messages.length;
      expect(await call("set_point", ["bob", POINT, 6])).toMatchObject({ result: 6 });
      const { message, headers } = await heard(`value/${POINT}`, from);
      expect([message, headers]).toMatchObject([6, { requesterID: "bob" }]);
      expect(await call("revert_point", ["bob", POINT])).toMatchObject({ result: null });
      expect((await heard(`reverted/point/${POINT}`, from)).message).toBe(null);
      await call("set_point", ["bob", "site/s2/limit", 6]);
      expect(
        control.ear.messages.slice(from).some(({ topic }) => topic.startsWith(`${ACTUATORS}/error/`)),
      ).toBe(false);
    });

    // volttron/platform/jsonrpc.py: exception_from_json
    test("an error of a call has what VOLTTRON's clients make a RemoteError of", async () => {
      const { error } = await call("set_point", ["bob", "site/s2/limit", 6]);
      expect(error).toMatchObject({
        code: -32_000,
        message: "unhandled exception",
        data: {
          detail: expect.stringContaining("reserved"),
          "exception.py": {
            exc_type: "actuator.agent.LockError",
            exc_args: [expect.stringContaining("reserved")],
          },
          type: "ScheduleError",
        },
      });
      const other = await call("get_point", ["site/s1/nope"]);
      expect(other.error.data["exception.py"].exc_type).toBe(
        "platform_driver.interfaces.DriverInterfaceError",
      );
    });

    // interfaces/__init__.py get_multiple_points and set_multiple_points; agent.py set_multiple_points
    test("calls for many points name whole topics, and errors by Python's repr", async () => {
      expect(await call("get_multiple_points", ["site/s1", ["load", "nope"]])).toMatchObject({
        result: [
          { "site/s1/load": 7.2 },
          { "site/s1/nope": expect.stringMatching(/^DriverInterfaceError\('.*'\)$/) },
        ],
      });
      const values = [
        ["site/s1/load", 1],
        ["limit", 1],
      ];
      expect(await call("set_multiple_points", ["bob", values])).toMatchObject({
        result: {
          "site/s1/load": expect.stringMatching(/^OSError\('.*'\)$/),
          limit: expect.stringMatching(/^ValueError\('.*'\)$/),
        },
      });
    });

    // scheduler.py request_slots; agent.py _request_new_schedule, _update_device_state_and_schedule
    test("reservations: result, preemption and announcement", async () => {
      const at = (minutes: number) => new Date(control.clock.now() + minutes * MINUTE).toISOString();
      const ask = async (task: string, priority: string, start: number) => {
        const from = control.ear.messages.length;
        const headers = { type: "NEW_SCHEDULE", requesterID: "ems", taskID: task, priority };
        const message = [["site/s1", at(start), at(60)]];
        await control.ear.send(`${ACTUATORS}/schedule/request`, JSON.stringify({ headers, message }));
        const results = [];
        for (let i = from; results.length < (task === "first" ? 1 : 2); ) {
          const one = await control.ear.find(`${ACTUATORS}/schedule/result`, undefined, i);
          i = control.ear.messages.indexOf(one) + 1;
          const body = JSON.parse(one.text);
          results.push(
            link.protocolVersion === 4
              ? body
              : { message: body, headers: { ...one.properties.userProperties } },
          );
        }
        return { results, from };
      };
      const first = await ask("first", "LOW", 30);
      expect(first.results).toEqual([
        {
          message: { result: "SUCCESS", info: "", data: {} },
          headers: expect.objectContaining({ requesterID: "ems", taskID: "first", type: "NEW_SCHEDULE" }),
        },
      ]);
      const second = await ask("second", "HIGH", 0);
      expect(second.results).toEqual([
        {
          message: { result: "PREEMPTED", info: "", data: { agentID: "ems", taskID: "second" } },
          headers: expect.objectContaining({ requesterID: "ems", taskID: "first", type: "CANCEL_SCHEDULE" }),
        },
        {
          message: { result: "SUCCESS", info: "TASK_WERE_PREEMPTED", data: [["ems", "first"]] },
          headers: expect.objectContaining({ taskID: "second", type: "NEW_SCHEDULE" }),
        },
      ]);
      const { message, headers } = await heard("schedule/announce/site/s1", second.from);
      expect(message).toBe(null);
      expect(headers).toMatchObject({ requesterID: "ems", taskID: "second" });
      expect(Number(headers.window)).toBeGreaterThan(0);
      expect(await call("request_cancel_schedule", ["ems", "second"])).toMatchObject({
        result: { result: "SUCCESS", info: "", data: {} },
      });
    });

    test("voltbridge's own commands read these answers", async () => {
      const broker = { ...SETTINGS, url: control.mqtt.url, protocolVersion: link.protocolVersion };
      const options = { broker, timeoutMs: 10_000 };
      expect(await request({ action: "get", target: "site/s1/load" }, options)).toMatchObject({ value: 7.2 });
      expect(await request({ action: "set", target: POINT, value: 2 }, options)).toMatchObject({
        ...{ status: "confirmed", readBack: 2 },
      });
      expect(await request({ action: "set", target: "site/s2/limit", value: 2 }, options)).toMatchObject({
        error: expect.stringMatching(/^(ScheduleError|LockError)$/),
        text: expect.stringContaining("reserved"),
      });
    });
  });
}

test("text is written as Python's repr writes it", () => {
  expect(pythonText("plain")).toBe("'plain'");
  expect(pythonText("it's")).toBe(`"it's"`);
  expect(pythonText(`both ' and "`)).toBe(`'both \\' and "'`);
  expect(pythonText("a\\b\n")).toBe("'a\\\\b\\n'");
  expect(errorText("ApiError", "too much", "177")).toBe("CPAPIException('177', 'too much')");
  expect(errorText("StoppingError", "the bridge is stopping")).toBe(
    "StoppingError('the bridge is stopping')",
  );
});
