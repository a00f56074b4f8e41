import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitTarget, Topics, topicFault, unknownDevice } from "../../src/mqtt/topics.ts";
import { matches } from "../../src/points/index.ts";
import { PATH } from "./rig.ts";

const topics = new Topics("bridge-1", "");
const target = { path: PATH, point: "allowedLoad" };

describe("the topics of contracts.md", () => {
  test("the device of an `all` topic is known, whichever way it reads", () => {
    const based = new Topics("bridge-1", "site");
    for (const of of [topics, based])
      for (const topic of [of.allDepthFirst(PATH), of.allBreadthFirst(PATH)])
        expect(of.parseAll(topic)).toBe(PATH);
    expect(topics.parseAll(topics.pointDepthFirst(PATH, "p"))).toBeUndefined();
  });

  test.each([
    [topics.allDepthFirst(PATH), "devices/pnnl/garage/station-1/all"],
    [topics.allBreadthFirst(PATH), "devices/all/station-1/garage/pnnl"],
    [topics.pointDepthFirst(PATH, "p"), "devices/pnnl/garage/station-1/p"],
    [topics.pointBreadthFirst(PATH, "p"), "devices/p/station-1/garage/pnnl"],
    [topics.heartbeat(), "heartbeat/bridge-1"],
    [topics.state(PATH), "state/pnnl/garage/station-1"],
    [topics.attribute(PATH, "p"), "state/pnnl/garage/station-1/p"],
    [topics.availability(PATH), "state/pnnl/garage/station-1/availability"],
    [topics.result(target), "state/pnnl/garage/station-1/allowedLoad/result"],
    [topics.own("state"), "voltbridge/bridge-1/state"],
    [topics.own("info"), "voltbridge/bridge-1/info"],
    [topics.own("health"), "voltbridge/bridge-1/health"],
    [topics.own("event"), "voltbridge/bridge-1/event"],
    [topics.value(target), "devices/actuators/value/pnnl/garage/station-1/allowedLoad"],
    [topics.error(target), "devices/actuators/error/pnnl/garage/station-1/allowedLoad"],
    [topics.error({ path: PATH }), "devices/actuators/error/pnnl/garage/station-1"],
    [topics.reverted(target), "devices/actuators/reverted/point/pnnl/garage/station-1/allowedLoad"],
    [topics.reverted({ path: PATH }), "devices/actuators/reverted/device/pnnl/garage/station-1"],
    [topics.write(PATH, "p"), "devices/actuators/write/pnnl/garage/station-1/p"],
    [topics.write(PATH), "devices/actuators/write/pnnl/garage/station-1"],
    [topics.command("get", target), "devices/actuators/get/pnnl/garage/station-1/allowedLoad"],
    [topics.command("set", target), "devices/actuators/set/pnnl/garage/station-1/allowedLoad"],
    [topics.command("revert", target), "devices/actuators/revert/point/pnnl/garage/station-1/allowedLoad"],
    [topics.command("revert", { path: PATH }), "devices/actuators/revert/device/pnnl/garage/station-1"],
  ])("%s", (topic, expected) => expect(topic).toBe(expected));

  test("a base topic stands before them", () => {
    expect(new Topics("b", "site/7").allDepthFirst("a/b")).toBe("site/7/devices/a/b/all");
  });
});

const level = fc.stringMatching(/^[A-Za-z0-9_. -]{1,8}$/);
const path = fc.array(level, { minLength: 1, maxLength: 12 }).map((levels) => levels.join("/"));
const base = fc.oneof(fc.constant(""), path);

describe("command topics", () => {
  test("what is sent is understood, and listened to", () => {
    fc.assert(
      fc.property(base, path, level, (under, device, point) => {
        const some = new Topics("b", under);
        const filters = some.commandFilters([device]);
        const heard = (topic: string): boolean => filters.some((filter) => matches(filter, topic));
        for (const action of ["get", "set", "revert"] as const) {
          const topic = some.command(action, { path: device, point });
          expect(some.parseCommand(topic)).toEqual({
            action,
            view: "volttron",
            target: { path: device, point },
          });
          expect(heard(topic)).toBe(true);
        }
        const whole = some.command("revert", { path: device });
        expect(some.parseCommand(whole)).toEqual({
          action: "revert",
          view: "volttron",
          target: { path: device },
        });
        const state = `${some.attribute(device, point)}/set`;
        expect(some.parseCommand(state)).toEqual({
          action: "set",
          view: "state",
          target: { path: device, point },
        });
        expect(heard(state)).toBe(true);
      }),
    );
  });

  test("nothing the bridge publishes is a command or listened to", () => {
    fc.assert(
      fc.property(base, path, level, (under, device, point) => {
        fc.pre(point !== "set");
        const some = new Topics("b", under);
        const filters = some.commandFilters([device]);
        const at = { path: device, point };
        for (const topic of [
          ...[some.allDepthFirst(device), some.allBreadthFirst(device), some.pointDepthFirst(device, point)],
          ...[some.state(device), some.attribute(device, point), some.availability(device), some.result(at)],
          ...[some.value(at), some.error(at), some.reverted(at), some.write(device, point), some.heartbeat()],
          ...[some.own("state"), some.own("info"), some.response("r")],
        ]) {
          fc.pre(!topic.endsWith("/set"));
          expect(some.parseCommand(topic)).toBeUndefined();
          expect(filters.filter((filter) => matches(filter, topic))).toEqual([]);
        }
      }),
    );
  });

  test("topics of others are none", () => {
    for (const topic of [
      "",
      "devices/a/b",
      "devices/actuators/revert/both/a/b",
      "state/a/set",
      "state/a/b/c",
    ])
      expect(topics.parseCommand(topic)).toBeUndefined();
    expect(new Topics("b", "site").parseCommand("devices/actuators/get/a/b")).toBeUndefined();
  });

  test("the last level is the point", () => {
    expect(splitTarget("a/b/c")).toEqual({ path: "a/b", point: "c" });
    expect(splitTarget("c")).toEqual({ path: "", point: "c" });
  });

  test("an unknown device is told with the nearest", () => {
    const known = new Set([PATH]);
    expect(unknownDevice({ path: "pnnl/garage/station1", point: "p" }, known)).toContain(
      `did you mean "${PATH}"?`,
    );
    expect(unknownDevice({ path: "elsewhere", point: "p" }, known)).toBe("there is no device elsewhere");
  });
});

test("A24: impossible topics are known before they are sent", () => {
  for (const topic of ["", "a/+", "#", "a\u0000", "a\n", "\ud800", "é".repeat(40_000), "/".repeat(100)])
    expect(topicFault(topic)).toBeTypeOf("string");
  for (const topic of ["a", "$a", " a /b", "é/🔌", "/".repeat(99), "x".repeat(65_535)])
    expect(topicFault(topic)).toBeUndefined();
});
