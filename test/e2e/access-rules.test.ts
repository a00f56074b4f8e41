import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

const example = fileURLToPath(new URL("../../examples/mosquitto-acl/acl", import.meta.url));
const shipped = readFileSync(example, "utf8").split("\n");
const USERS = ["bridge", "controller", "other", "viewer"] as const;
type User = (typeof USERS)[number];

/** The shipped rules with a second controller; `pattern`: in the way that their last comment proposes. */
const RULES = {
  "a section for each controller": [
    ...shipped,
    ...["user other", "topic read devices/#", "topic read voltbridge/#", "topic write as/other/#"],
  ],
  "a pattern for all": [
    ...shipped
      .filter((line) => !/^topic write as\/controller/.test(line))
      .flatMap((line) => (line === "user viewer" ? [line, "topic deny as/#"] : [line]))
      .map((line) => line.replace(/^# pattern/, "pattern")),
    ...["user other", "topic read devices/#", "topic read voltbridge/#"],
  ],
};

const POINT = "site/s1/allowedLoad_1";

describe.skipIf(!mosquittoInstalled).each(Object.entries(RULES))("the shipped access rules: %s", (_, acl) => {
  let simulator: Simulator;
  let mosquitto: Mosquitto;
  let site: Site;
  let bridge: RunningCli;
  let ears: Record<User, Recorder>;
  const urlOf = (user: User) => mosquitto.url.replace("//", `//${user}:secret-${user}@`);
  const ask = (user: User, ...args: string[]) => cli([...args, "--url", urlOf(user), "--timeout", "5"]);

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    const users = Object.fromEntries(USERS.map((user) => [user, `secret-${user}`]));
    mosquitto = await Mosquitto.run({ acl, users });
    const { endpoint, username, password, stationIDs } = simulator;
    site = new Site({
      ...{ endpoint, username, password, stationIDs },
      bridge: {
        instance: "voltbridge",
        mqtt: { url: mosquitto.url, username: "bridge", password: "secret-bridge", state: "both" },
        actuator: { requester: "topic", confirm_timeout: 2 },
      },
    });
    const connect = (user: User) => Recorder.connect(urlOf(user), { protocolVersion: 5 });
    const [b, c, o, v] = await Promise.all(USERS.map(connect));
    ears = { bridge: b!, controller: c!, other: o!, viewer: v! };
    bridge = new RunningCli(["run", "--config", site.config]);
    await ears.viewer.find("state/site/s1/availability", ({ text }) => text === "online");
  }, 20_000);
  afterAll(async () => {
    await bridge?.stop();
    for (const ear of Object.values(ears ?? {})) await ear.close();
    await mosquitto?.dispose();
    await simulator?.close();
    site?.remove();
  });

  test("G5: the bridge's rights are enough for all that it does", async () => {
    const health = (await ears.viewer.json(
      "voltbridge/voltbridge/health",
      ({ text }) => text.includes('"device_topics"') || text.includes('"message_size"'),
    )) as { mqtt: object; outbox: object; selfTest: Record<string, string> };
    expect(health.mqtt).toMatchObject({ refused: 0 });
    const { at: _, ...checks } = health.selfTest;
    expect(new Set(Object.values(checks))).toEqual(new Set(["ok"]));
    expect(Object.keys(checks)).toContain("signed");
    await ears.viewer.find("devices/site/s1/all");
    await ears.viewer.find("state/site/s1");
    await ears.viewer.find("heartbeat/voltbridge");
    const selftest = await cli(["selftest", "--config", site.config, "--json"]);
    const failed = JSON.parse(selftest.stdout).filter(({ outcome }: { outcome: string }) => outcome !== "ok");
    expect(failed).toEqual([]);
  });

  test("G5: a controller reads, sets, reverts, reserves and overrides, in its own name", async () => {
    expect((await ask("controller", "set", POINT, "3")).stdout).toMatch(/^confirmed/);
    const from = ears.viewer.messages.length;
    await ears.controller.send(`as/controller/state/${POINT}/set`, "4");
    expect(await ears.controller.json(`state/${POINT}/result`)).toMatchObject({ status: "confirmed" });
    expect(await ears.viewer.json(`devices/actuators/write/${POINT}`, undefined, from)).toMatchObject({
      2: { requesterID: "controller", from: 3 },
    });
    expect((await ask("controller", "get", POINT)).stdout).toBe("4\n");
    const slot = ["site/s1", "2000-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
    expect((await ask("controller", "schedule", "request", "mine", ...slot)).stdout).toBe("SUCCESS\n");
    expect((await ask("other", "set", POINT, "5")).stdout).toContain(
      "ScheduleError: device site/s1 is reserved by controller",
    );
    expect((await ask("other", "schedule", "cancel", "mine")).stdout).toContain("AGENT_ID_TASK_ID_MISMATCH");
    expect((await ask("controller", "schedule", "cancel", "mine")).stdout).toBe("SUCCESS\n");
    expect((await ask("controller", "override", "on", "site/s2")).code).toBe(0);
    expect((await ask("controller", "override", "clear")).code).toBe(0);
    expect((await ask("controller", "revert", POINT)).stdout).toMatch(/^confirmed/);
  });

  test("E20, G5: nobody writes in another's name, without one, or where the bridge speaks; a viewer not at all", async () => {
    await ask("controller", "set", POINT, "3");
    const calls = simulator.calls.filter(({ operation }) => operation !== "getLoad").length;
    const attempts: [User, string, string][] = [
      ["other", `as/controller/devices/actuators/set/${POINT}`, "5"],
      ["other", "as/controller/devices/actuators/revert/device/site/s1", "{}"],
      ["other", `devices/actuators/set/${POINT}`, '{"value": 5, "requester": "controller"}'],
      ["other", `state/${POINT}/set`, "5"],
      [
        "other",
        "voltbridge/voltbridge/rpc/revert_device",
        '{"jsonrpc": "2.0", "id": 1, "params": ["site/s1"]}',
      ],
      ["controller", "devices/site/s1/all", "[{}]"],
      ["controller", "state/site/s1", "{}"],
      ["controller", "voltbridge/voltbridge/state", "offline"],
      ["other", "voltbridge/voltbridge/controller/controller/state", "offline"],
      ["viewer", `as/viewer/devices/actuators/set/${POINT}`, "5"],
      ["viewer", `as/controller/devices/actuators/set/${POINT}`, "5"],
      ["viewer", `devices/actuators/set/${POINT}`, "5"],
      ["viewer", `state/${POINT}/set`, "5"],
      [
        "viewer",
        "voltbridge/voltbridge/rpc/set_point",
        '{"jsonrpc": "2.0", "id": 1, "params": ["site/s1", "allowedLoad_1", 5]}',
      ],
      ["viewer", "devices/actuators/schedule/request", "[]"],
    ];
    for (const [user, topic, payload] of attempts) {
      const code = await ears[user].send(topic, payload).then(
        () => "taken",
        (error: { code?: number }) => error.code,
      );
      expect([user, topic, code]).toEqual([user, topic, 135]);
    }
    expect((await ask("viewer", "set", POINT, "5")).code).toBe(1);
    expect((await ask("other", "set", POINT, "5", "--requester", "controller")).code).toBe(1);
    // Behind all of these, for commands are carried out in order.
    expect((await ask("controller", "get", POINT)).stdout).toBe("3\n");
    const later = simulator.calls.filter(({ operation }) => operation !== "getLoad");
    expect(later.slice(calls).filter(({ operation }) => /shed/i.test(operation))).toEqual([]);
  });

  test("E21, G5: a controller says whether it is there, for itself", async () => {
    await ears.controller.send("voltbridge/voltbridge/controller/controller/state", "online");
    await ears.viewer.find("voltbridge/voltbridge/controller/controller/state");
  });

  test("G5: what others may read is not delivered to who may not", async () => {
    expect(ears.controller.messages.some(({ topic }) => topic.startsWith("as/"))).toBe(false);
    expect(ears.viewer.messages.some(({ topic }) => topic.startsWith("as/"))).toBe(false);
  });
});
