import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSchedulePayload } from "../../../src/mqtt/commands/schedule.ts";
import { LINKS, startControl, unavailable } from "../control-rig.ts";

const REQUEST = "devices/actuators/schedule/request";
const RESULT = "devices/actuators/schedule/result";
const MINUTE = 60_000;

for (const link of LINKS) {
  describe.skipIf(unavailable(link))(`the scheduler over ${link.name}`, () => {
    let control: Awaited<ReturnType<typeof startControl>>;
    beforeAll(async () => {
      control = await startControl(link);
    });
    afterAll(() => control?.stop());

    const at = (minutes: number) => new Date(control.clock.now() + minutes * MINUTE).toISOString();
    const slots = (device: string, from: number, to: number) => [[device, at(from), at(to)]];
    /** Sends a request as VOLTTRON's envelope, and gives the result for its task. */
    async function ask(headers: Record<string, unknown>, message: unknown = null) {
      const from = control.ear.messages.length;
      await control.ear.send(REQUEST, JSON.stringify({ headers, message }));
      return control.ear.json(RESULT, (one) => JSON.parse(one.text).result !== "PREEMPTED", from);
    }
    const reserve = (requesterID: string, taskID: string, priority: string, message: unknown) =>
      ask({ type: "NEW_SCHEDULE", requesterID, taskID, priority }, message);
    const cancel = (requesterID: string, taskID: string) =>
      ask({ type: "CANCEL_SCHEDULE", requesterID, taskID });

    test("D1: a request is answered on the result topic with its headers, and announced", async () => {
      const from = control.ear.messages.length;
      expect(await reserve("ann", "t1", "LOW_PREEMPT", slots("site/s1", 0, 30))).toEqual({
        ...{ result: "SUCCESS", info: "", data: {} },
        ...{
          type: "NEW_SCHEDULE",
          requesterID: "ann",
          taskID: "t1",
          time: "2026-11-21T08:00:00.000000+00:00",
        },
      });
      const announced = await control.ear.json(
        "devices/actuators/schedule/announce/site/s1",
        undefined,
        from,
      );
      const headers = {
        requesterID: "ann",
        taskID: "t1",
        window: 1800,
        time: "2026-11-21T08:00:00.000000+00:00",
      };
      expect(announced).toEqual([null, {}, headers]);
    });

    test("D1: the conflicting request is told what is in its way", async () => {
      expect(await reserve("bob", "t2", "LOW", slots("site/s1", 10, 20))).toMatchObject({
        result: "FAILURE",
        info: "CONFLICTS_WITH_EXISTING_SCHEDULES",
        data: { ann: { t1: slots("site/s1", 0, 30) } },
        requesterID: "bob",
      });
    });

    test("E18, E19: a set of anybody else is refused with an error of its own kind", async () => {
      const set = "devices/actuators/set/site/s1/limit";
      await control.ear.send(set, JSON.stringify({ value: 5, requester: "bob" }));
      const error = await control.ear.json("devices/actuators/error/site/s1/limit");
      expect(error).toMatchObject({ type: "ScheduleError", status: "refused", requesterID: "bob" });
      await control.ear.send(set, JSON.stringify({ value: 5, requester: "ann" }));
      const value = await control.ear.json("devices/actuators/value/site/s1/limit");
      expect(value).toMatchObject([5, {}, { requesterID: "ann", status: "confirmed" }]);
    });

    test("D1: who is preempted is told by whom", async () => {
      const from = control.ear.messages.length;
      expect(await reserve("eve", "must", "HIGH", slots("site/s1", 5, 15))).toMatchObject({
        result: "SUCCESS",
      });
      const told = await control.ear.json(RESULT, (one) => one.text.includes("PREEMPTED"), from);
      expect(told).toMatchObject({
        ...{ result: "PREEMPTED", info: "", data: { agentID: "eve", taskID: "must" } },
        ...{ requesterID: "ann", taskID: "t1", type: "CANCEL_SCHEDULE" },
      });
    });

    test("D1: cancelling, and what cannot be cancelled", async () => {
      expect(await cancel("ann", "must")).toMatchObject({ info: "AGENT_ID_TASK_ID_MISMATCH" });
      expect(await cancel("eve", "must")).toMatchObject({ result: "SUCCESS", type: "CANCEL_SCHEDULE" });
      expect(await cancel("eve", "must")).toMatchObject({ info: "TASK_ID_DOES_NOT_EXIST" });
    });

    test.each<[why: string, payload: string, info: string | RegExp]>([
      ["no kind", '{"headers": {"taskID": "x"}, "message": []}', "INVALID_REQUEST_TYPE"],
      ["an unknown kind", '{"type": "OLD_SCHEDULE"}', "INVALID_REQUEST_TYPE"],
      ["no requester", '{"type": "NEW_SCHEDULE", "taskID": "x", "priority": "LOW"}', "MISSING_AGENT_ID"],
      ["an object of another kind", '{"a": 1}', /^MALFORMED_REQUEST: BadPayloadError: this object/],
      ["no JSON", "x", /^MALFORMED_REQUEST: BadPayloadError: the message is not JSON/],
      ["nothing", "", "INVALID_REQUEST_TYPE"],
      [
        "E4: age",
        '{"type": "NEW_SCHEDULE", "time": "2026-11-21T07:00:00Z"}',
        /CommandExpiredError: .*3600 s old/,
      ],
    ])("%s: a failure that says so", async (_, payload, info) => {
      const from = control.ear.messages.length;
      await control.ear.send(REQUEST, payload);
      const answer = (await control.ear.json(RESULT, undefined, from)) as { result: string; info: string };
      expect(answer.result).toBe("FAILURE");
      if (typeof info === "string") expect(answer.info).toBe(info);
      else expect(answer.info).toMatch(info);
    });

    test.runIf(link.protocolVersion === 5)(
      "headers as user properties, answer on the response topic",
      async () => {
        const userProperties = { type: "NEW_SCHEDULE", requesterID: "ann", taskID: "props", priority: "LOW" };
        const correlationData = Buffer.from("c-1");
        await control.ear.send(REQUEST, JSON.stringify(slots("site/s2", 0, 5)), {
          properties: { userProperties, responseTopic: "reply/me", correlationData },
        });
        const answer = await control.ear.find("reply/me");
        expect(JSON.parse(answer.text)).toMatchObject({ result: "SUCCESS", taskID: "props" });
        expect(answer.properties.correlationData?.toString()).toBe("c-1");
        expect(await cancel("ann", "props")).toMatchObject({ result: "SUCCESS" });
      },
    );

    test.runIf(link.protocolVersion === 5)(
      "an answer never becomes a request of the bridge's own",
      async () => {
        const from = control.ear.messages.length;
        for (const responseTopic of [REQUEST, "voltbridge/bridge-1/rpc/clear_overrides"])
          await control.ear.send(REQUEST, "{}", { properties: { responseTopic } });
        await reserve("ann", "last", "LOW", []);
        const sent = (): string[] => control.ear.messages.slice(from).map(({ topic }) => topic);
        // The copy of a request for its sender may come after the answer.
        await expect.poll(() => sent().filter((topic) => topic === REQUEST).length).toBe(3);
        expect(sent().filter((topic) => topic === REQUEST || topic.includes("rpc"))).toHaveLength(3);
      },
    );
  });
}

for (const link of LINKS.filter(({ broker }) => broker === "mosquitto")) {
  test.skipIf(unavailable(link))(
    `E1: what the broker kept reserves and overrides nothing, over ${link.name}`,
    async () => {
      const slots = [["site/s1", "2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z"]];
      const headers = { type: "NEW_SCHEDULE", requesterID: "ann", taskID: "kept", priority: "HIGH" };
      const call = "voltbridge/bridge-1/rpc/set_override_on";
      const control = await startControl(link, {
        async before(ear) {
          await ear.send(REQUEST, JSON.stringify({ headers, message: slots }), { retain: true });
          await ear.send(call, JSON.stringify({ id: 1, params: ["*"] }), { retain: true });
        },
      });
      const refused = await control.ear.json(RESULT);
      expect(refused).toMatchObject({ result: "FAILURE", taskID: "kept" });
      expect((refused as { info: string }).info).toMatch(
        /^MALFORMED_REQUEST: RetainedCommandError: a retained/,
      );
      const answer = await control.ear.json(`${call}/response`);
      expect(answer).toMatchObject({ id: 1, error: { data: { type: "RetainedCommandError" } } });
      expect(control.scheduling.tasks()).toEqual([]);
      expect(control.overriding.overridePatterns()).toEqual([]);
      // The same again, as after a reconnect: no second answer. An empty message, which clears it, has none either.
      const from = control.ear.messages.length;
      await control.ear.send(REQUEST, "", { retain: true });
      await control.ear.send(REQUEST, "{}");
      await control.ear.find(RESULT, (one) => one.text.includes("BadPayloadError"), from);
      expect(control.ear.messages.slice(from).filter(({ topic }) => topic === RESULT)).toHaveLength(
        link.protocolVersion === 5 ? 1 : 2,
      );
      await control.stop();
    },
  );
}

describe("a message to the scheduler", () => {
  const parse = (payload: unknown, properties: Record<string, string> = {}) =>
    parseSchedulePayload(Buffer.from(JSON.stringify(payload)), properties);
  const expected = {
    type: "NEW_SCHEDULE",
    requester: "ann",
    taskId: "t",
    priority: "LOW",
    slots: [["a", "b", "c"]],
  };
  const headers = { type: "NEW_SCHEDULE", requesterID: "ann", taskID: "t", priority: "LOW" };

  test.each<[form: string, payload: unknown, properties?: Record<string, string>]>([
    ["slots with user properties", expected.slots, headers],
    ["VOLTTRON's envelope", { headers, message: expected.slots }],
    ["keys beside the slots", { ...headers, requests: expected.slots }],
    [
      "names in any case",
      {
        headers: { TYPE: "NEW_SCHEDULE", RequesterID: "ann", taskid: "t", Priority: "LOW" },
        message: expected.slots,
      },
    ],
    [
      "the message's word before the properties",
      { headers, message: expected.slots },
      { taskID: "other", priority: "HIGH" },
    ],
  ])("%s", (_, payload, properties) => {
    expect(parse(payload, properties)).toEqual(expected);
  });

  test("what it does not say is not made up", () => {
    expect(parse([])).toMatchObject({ requester: undefined, taskId: undefined, priority: undefined });
    expect(parse({ headers: { type: "NEW_SCHEDULE", taskID: 7 }, message: null })).toMatchObject({
      taskId: 7,
    });
  });
});
