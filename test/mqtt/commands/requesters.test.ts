import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LINKS, startControl, unavailable } from "../control-rig.ts";

const POINT = "site/s1/limit";
const SLOT = ["site/s2", "2000-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];

for (const link of LINKS) {
  describe.skipIf(unavailable(link))(`names from topics over ${link.name}`, () => {
    let control: Awaited<ReturnType<typeof startControl>>;
    beforeAll(async () => {
      control = await startControl(link, { requester: "topic" });
    });
    afterAll(() => control?.stop());

    const as = (user: string, topic: string) => `as/${user}/${topic}`;
    async function answered(topic: string, payload: unknown, answer: string) {
      const from = control.ear.messages.length;
      await control.ear.send(topic, JSON.stringify(payload));
      return control.ear.json(answer, undefined, from);
    }
    /** JSON-RPC: the result, or type and text of the error. */
    async function call(user: string | undefined, verb: string, params: unknown, more: object = {}) {
      const plain = `voltbridge/bridge-1/rpc/${verb}`;
      const request = { jsonrpc: "2.0", id: 1, params, ...more };
      const topic = user === undefined ? plain : as(user, plain);
      const { result, error } = (await answered(topic, request, `${plain}/response`)) as {
        result?: unknown;
        error?: { message: string; data: { type: string } };
      };
      return error ? `${error.data.type}: ${error.message}` : result;
    }

    test("E20: the topic says who asks, and what the message claims is passed over", async () => {
      const set = as("ben", `devices/actuators/set/${POINT}`);
      const envelope = { headers: { requesterID: "ann" }, message: 5 };
      const [value, , headers] = (await answered(set, envelope, `devices/actuators/value/${POINT}`)) as [
        number,
        object,
        object,
      ];
      expect([value, headers]).toMatchObject([5, { requesterID: "ben", status: "confirmed" }]);
      expect(control.writes.at(-1)).toMatchObject({ requester: "ben", requested: 5 });
      expect(await call("ben", "set_point", [...POINT.split(/.(?=limit)/), 6], { requester: "ann" })).toBe(6);
      expect(await call("ben", "set_point", { topic: POINT, value: 7, requester_id: "ann" })).toBe(7);
      expect(control.writes.slice(-2)).toMatchObject([{ requester: "ben" }, { requester: "ben" }]);
      await answered(as("cleo", `state/${POINT}/set`), 4, `state/${POINT}/result`);
      expect(control.writes.at(-1)).toMatchObject({ requester: "cleo", requested: 4 });
    });

    test("E20: without a name nobody sets, reverts, reserves or overrides; reading needs none", async () => {
      const before = control.station("site/s1").writes.length;
      const error = `devices/actuators/error/${POINT}`;
      const refused = {
        type: "RequesterError",
        status: "refused",
        requesterID: "mqtt",
        value: expect.stringContaining(`as/<user>/`),
      };
      const command = { value: 9, requester: "ann" };
      expect(await answered(`devices/actuators/set/${POINT}`, command, error)).toMatchObject(refused);
      expect(control.writes.at(-1)).toMatchObject({
        requester: "mqtt",
        status: "refused",
        error: "RequesterError",
      });
      expect(await answered(`devices/actuators/revert/point/${POINT}`, {}, error)).toMatchObject(refused);
      expect(
        await answered("devices/actuators/revert/device/site/s1", {}, "devices/actuators/error/site/s1"),
      ).toMatchObject({ type: "RequesterError" });
      expect(await answered(`state/${POINT}/set`, 9, `state/${POINT}/result`)).toMatchObject({
        status: "refused",
        text: expect.stringContaining(`as/<user>/state/${POINT}/set`),
      });
      const schedule = {
        type: "NEW_SCHEDULE",
        requesterID: "ann",
        taskID: "t",
        priority: "LOW",
        requests: [SLOT],
      };
      expect(
        await answered("devices/actuators/schedule/request", schedule, "devices/actuators/schedule/result"),
      ).toMatchObject({ result: "FAILURE", info: expect.stringContaining("RequesterError") });
      expect(await call(undefined, "set_point", [POINT, 9].toSpliced(0, 1, "site/s1", "limit"))).toMatch(
        /^RequesterError/,
      );
      expect(await call(undefined, "set_override_on", ["site/*"])).toMatch(/^RequesterError/);
      expect(await call(undefined, "request_new_schedule", ["ann", "t", "LOW", [SLOT]])).toMatchObject({
        result: "FAILURE",
      });
      expect(control.station("site/s1").writes).toHaveLength(before);
      expect(await call(undefined, "get_point", ["site/s1", "load"])).toBe(7.2);
      expect(
        await answered("devices/actuators/get/site/s1/load", {}, "devices/actuators/value/site/s1/load"),
      ).toEqual([7.2, expect.anything(), expect.anything()]);
    });

    test("E20: nobody cancels another's reservation, or writes to what another has reserved", async () => {
      const request = as("ann", "devices/actuators/schedule/request");
      const schedule = {
        type: "NEW_SCHEDULE",
        requesterID: "x",
        taskID: "mine",
        priority: "LOW",
        requests: [SLOT],
      };
      expect(await answered(request, schedule, "devices/actuators/schedule/result")).toMatchObject({
        ...{ result: "SUCCESS", requesterID: "ann" },
      });
      expect(await call("ben", "request_cancel_schedule", ["ann", "mine"])).toMatchObject({
        info: "AGENT_ID_TASK_ID_MISMATCH",
      });
      expect(await call("ben", "set_point", ["site/s2", "limit", 3], { requester: "ann" })).toMatch(
        /^ScheduleError/,
      );
      expect(await call("ben", "revert_device", ["site/s2"])).toMatch(/^ScheduleError/);
      expect(await call("ann", "set_point", ["site/s2", "limit", 3])).toBe(3);
      expect(await call("ann", "request_cancel_schedule", ["ben", "mine"])).toMatchObject({
        result: "SUCCESS",
      });
    });

    test("an answer goes to no topic where bridges speak or listen", async () => {
      if (link.protocolVersion !== 5) return;
      const { ear } = control;
      for (const responseTopic of [
        "as/ann/devices/actuators/set/site/s1/limit",
        "devices/site/s1/all",
        "state/site/s1",
        "voltbridge/bridge-1/state",
        "heartbeat/bridge-1",
      ]) {
        const from = ear.messages.length;
        const topic = as("ben", "devices/actuators/get/site/s1/load");
        await ear.send(topic, "{}", { properties: { responseTopic } });
        await ear.find("devices/actuators/value/site/s1/load", undefined, from);
        expect(ear.messages.slice(from).filter((message) => message.topic === responseTopic)).toEqual([]);
      }
      await ear.send(as("ben", "devices/actuators/get/site/s1/load"), "{}", {
        properties: { responseTopic: "reply/ben" },
      });
      expect(await ear.json("reply/ben")).toMatchObject({ value: 7.2 });
    });
  });
}
