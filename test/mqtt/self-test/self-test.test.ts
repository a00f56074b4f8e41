import { describe, expect, test } from "vitest";
import type { Notice } from "../../../src/bus.ts";
import type { MqttSettings } from "../../../src/config/index.ts";
import { selfTest } from "../../../src/mqtt/index.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { connected, device, PATH, point, type Rig, STATION, scrape, startRig, until } from "../rig.ts";

interface TestedRig extends Rig {
  readonly notices: Notice[];
}

async function bridge(url: string, settings: Partial<MqttSettings> = {}): Promise<TestedRig> {
  const times = { firstPauseMs: 50, longestPauseMs: 200, stableMs: 100, connectTimeoutMs: 500 };
  const rig = await startRig({ url, ...settings }, { times });
  endings.push(() => rig.mqtt.stop());
  const notices: Notice[] = [];
  rig.bus.on("notice", (notice) => void notices.push(notice));
  await connected(rig.mqtt);
  return { ...rig, notices };
}

const findings = ({ notices }: TestedRig) =>
  notices.filter(({ kind }) => kind === "selftest").map(({ text }) => text);

/** Rights of a bridge as the manual has them. */
const RIGHTS = [
  "topic write devices/#",
  "topic write state/#",
  "topic write heartbeat/#",
  "topic readwrite voltbridge/#",
];
const COMMANDS = ["get", "set", "revert"].map((verb) => `topic read devices/actuators/${verb}/#`);
const SOME_COMMANDS = [...COMMANDS.filter((rule) => !rule.includes("/set/")), "topic read state/#"];

async function health(url: string): Promise<Record<string, string>> {
  const ear = await Recorder.connect(url, {}, "voltbridge/+/health");
  endings.push(() => ear.close());
  const passes = ({ text }: { text: string }) => JSON.parse(text).selfTest !== undefined;
  const { selfTest: report } = JSON.parse((await ear.find("voltbridge/bridge-1/health", passes)).text);
  return report;
}

describe.skipIf(!mosquittoInstalled)("the self-test at connect", () => {
  for (const version of [5, 4] as const)
    test(`MQTT ${version}: a broker that allows everything: nothing to say, and health shows it`, async () => {
      const mosquitto = await broker();
      const rig = await bridge(mosquitto.url, { protocolVersion: version });
      await new Promise((resolve) => setTimeout(resolve, 300));
      rig.bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
      rig.bus.emit("availability", { device: STATION, availability: "online", since: new Date() });
      const report = await health(mosquitto.url);
      expect(report).toMatchObject({
        ...{ get: "ok", set: "ok", revert_point: "ok", revert_device: "ok", state_set: "ok" },
        ...{ own_topics: "ok", message_size: "ok" },
      });
      expect(rig.notices).toEqual([]);
      expect(rig.commands.calls).toEqual([]);
    });

  for (const version of [5, 4] as const)
    test(`A23, T9: MQTT ${version}: a subscription that never delivers is found, and said once`, async () => {
      const mosquitto = await broker({ acl: [...RIGHTS, ...SOME_COMMANDS] });
      const rig = await bridge(mosquitto.url, { protocolVersion: version });
      await until(() => findings(rig).length > 0, "a finding");
      expect(findings(rig)).toHaveLength(1);
      expect(findings(rig)[0]).toContain("commands on devices/actuators/set/# may never reach the bridge");
      expect(rig.log.filter((line) => line.includes("self-test"))).toHaveLength(1);
    });

  test("A23, T6: MQTT 3.1.1: device topics that the access rules deny are found, and the counters' delivered is doubted", async () => {
    const mosquitto = await broker({
      acl: ["topic read #", ...RIGHTS.slice(1), "topic write devices/actuators/#"],
    });
    const rig = await bridge(mosquitto.url, { protocolVersion: 4 });
    rig.bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
    await until(() => findings(rig).length > 0, "a finding");
    expect(findings(rig)).toHaveLength(1);
    expect(findings(rig)[0]).toContain(
      `acknowledged a message on devices/${PATH}/all and did not deliver it`,
    );
  });

  test("a message larger than the bridge itself takes is no fault of the broker's", async () => {
    const mosquitto = await broker();
    const points = Array.from({ length: 2000 }, (_, n) => point(`${"long".repeat(120)} ${n}`));
    const times = { firstPauseMs: 50, longestPauseMs: 200, stableMs: 100, connectTimeoutMs: 500 };
    const { mqtt } = await startRig(
      { url: mosquitto.url, state: "off" },
      { times, devices: new Map([[PATH, device(PATH, points)]]) },
    );
    endings.push(() => mqtt.stop());
    await connected(mqtt);
    expect(await health(mosquitto.url)).toMatchObject({ message_size: "ok" });
  });

  for (const version of [5, 4] as const)
    test(`A23, T7: MQTT ${version}: a broker whose limit is below the largest message is found before it is sent`, async () => {
      const mosquitto = await broker({ config: ["message_size_limit 500"] });
      const rig = await bridge(mosquitto.url, { protocolVersion: version, state: "off" });
      await until(() => findings(rig).length > 0, "a finding");
      expect(findings(rig)[0]).toMatch(
        /which has \d+ bytes.*as large as those of pnnl\/garage\/station-1.*message_size_limit/,
      );
      await connected(rig.mqtt);
      // Over MQTT 5 that ended the connection; it is not tried again, nor is anything of that size.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(rig.mqtt.connected).toBe(true);
      expect(rig.log.filter((line) => line.includes("lost")).length).toBeLessThanOrEqual(
        version === 5 ? 1 : 0,
      );
    });
});

describe.skipIf(!mosquittoInstalled)("selfTest()", () => {
  const visit = (url: string, protocolVersion: 4 | 5) =>
    selfTest({
      broker: { url, protocolVersion, baseTopic: "" },
      ...{ instance: "bridge-1", devices: [STATION], requester: "message", timeoutMs: 400 },
    });
  const outcomes = (checks: Awaited<ReturnType<typeof visit>>) =>
    Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));

  for (const version of [5, 4] as const)
    test(`MQTT ${version}: all is well, with a bridge that runs`, async () => {
      const mosquitto = await broker();
      const rig = await bridge(mosquitto.url, { protocolVersion: version, retain: true });
      const ear = await Recorder.connect(mosquitto.url);
      endings.push(() => ear.close());
      rig.bus.emit("scrape", scrape(STATION, { allowedLoad: 4 }));
      await ear.find(`devices/${PATH}/all`);
      const from = ear.messages.length;
      expect(outcomes(await visit(mosquitto.url, version))).toEqual({
        ...{ connect: "ok", get: "ok", set: "ok", revert_point: "ok", revert_device: "ok", state_set: "ok" },
        ...{
          version: "ok",
          sessions: "ok",
          bridge: "ok",
          device_topics: "ok",
          own_topics: "ok",
          message_size: "ok",
        },
      });
      // What the bridge says of itself and of its device meanwhile is none of the visit's.
      const own = new RegExp(
        `voltbridge/bridge-1|voltbridge-probe/bridge-1|^heartbeat/|^devices/(${PATH}|.*garage/pnnl)`,
      );
      const said = ear.messages.slice(from).map(({ topic }) => topic);
      expect(said.filter((topic) => !own.test(topic))).toEqual([]);
      expect(rig.commands.calls).toEqual([]);
    });

  test("no bridge, no right to write commands, no right to read set", async () => {
    const mosquitto = await broker({ acl: [...RIGHTS.slice(2), ...SOME_COMMANDS] });
    const checks = await visit(mosquitto.url, 5);
    expect(outcomes(checks)).toMatchObject({
      connect: "ok",
      get: "unknown",
      set: "unknown",
      bridge: "unknown",
    });
    expect(checks.find(({ check }) => check === "set")?.text).toContain("let the bridge's user write");
  });

  test("no broker", async () => {
    const checks = await visit("mqtt://127.0.0.1:1", 5);
    expect(checks).toMatchObject([{ check: "connect", outcome: "failed" }]);
    expect(checks[0]?.text).toContain("ECONNREFUSED");
  });
});
