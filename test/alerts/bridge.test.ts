import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTarget } from "../../src/alerts/targets/index.ts";
import { type Bridge, startBridge } from "../../src/bridge.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { loadBridge } from "../../src/config/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import type { AlertMessage } from "../../src/points/index.ts";
import { startSimulator } from "../../src/simulator/index.ts";
import { systemClock } from "../../src/time/clock.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { voltbridge } from "../helpers/voltbridge.ts";
import { Receiver, SECRET } from "./rig.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function receiver(): Promise<Receiver> {
  return stack.adopt(await new Receiver().listen(), (one) => one.close());
}

describe.skipIf(!mosquittoInstalled)("a bridge with alerts, over a real broker", () => {
  test("reports an alarm and its end to a webhook and over MQTT, goes on over a restart, and tells them in its health", async () => {
    const broker = stack.adopt(await Mosquitto.run(), (one) => one.stop());
    const simulator = stack.adopt(
      await startSimulator({ stations: 2, traffic: false, incidents: false }),
      (one) => one.close(),
    );
    const hook = await receiver();
    const { endpoint, username, password, stationIDs } = simulator;
    const site = new Site({
      ...{ endpoint, username, password, stationIDs },
      bridge: {
        mqtt: { url: broker.url },
        historian: { backend: "none" },
        web: { enabled: true, port: await freePort() },
        alerts: {
          targets: { hook: { type: "webhook", url: hook.url, secret: SECRET } },
          rules: { faults: { when: "station_alarm", severity: "critical", to: ["hook"] } },
        },
      },
      driver: { read_alarms: true },
    });
    stack.defer(() => site.remove());
    const heard = await Recorder.connect(broker.url, {}, "voltbridge/test/#");
    stack.defer(() => heard.client.endAsync());
    const start = async (): Promise<Bridge> => {
      const secrets = new Secrets();
      const { settings, devices } = await loadAll({ config: site.config, secrets, env: {} });
      const log = createLog({ level: "silent" });
      return startBridge({ settings, devices, log, secrets, version: "0.0.0", onDiagnostics: () => {} });
    };
    const shown = () => {
      const last = heard.on("voltbridge/test/alerts").at(-1);
      return last ? (JSON.parse(last.text) as { count: number; alerts: AlertMessage[] }) : undefined;
    };

    let bridge = await start();
    stack.defer(() => bridge.stop());
    await bridge.mqtt.whenConnected(AbortSignal.timeout(10_000));
    await eventually(() => expect(bridge.devices.counters().devices.online).toBe(2));
    simulator.world.breakDown(stationIDs[0]!, "1");
    await eventually(() => expect(hook.data.map(({ state }) => state)).toEqual(["raised"]));
    await eventually(() => expect(shown()).toMatchObject({ count: 1, alerts: [{ rule: "faults" }] }));
    await eventually(() =>
      expect(bridge.mqtt.health()).toMatchObject({
        alerts: {
          active: { critical: 1 },
          newest: ["critical faults: 1 station alarm: site/s1 (port 1: GFCI Soft Trip)"],
          targets: { hook: { sent: 1, waiting: 0 } },
        },
      }),
    );
    const answer = await fetch(`${bridge.web!.url}/api/v1/alerts`);
    expect(await answer.json()).toMatchObject({
      count: 1,
      alerts: [{ rule: "faults", severity: "critical", subjects: [{ name: "site/s1" }] }],
    });
    await bridge.stop();

    bridge = await start();
    await eventually(() => expect(bridge.devices.counters().devices.online).toBe(2));
    simulator.world.repair(stationIDs[0]!, "1");
    await eventually(() => expect(hook.data.map(({ state }) => state)).toEqual(["raised", "cleared"]));
    await eventually(() => expect(shown()).toMatchObject({ count: 0, alerts: [] }));
    const events = heard
      .on("voltbridge/test/alert/faults")
      .map(({ text }) => JSON.parse(text) as AlertMessage);
    expect(events.map(({ state }) => state)).toEqual(["raised", "cleared"]);
    expect(new Set([...events, ...hook.data].map(({ id }) => id)).size).toBe(1);
    expect(events[0]?.subjects[0]).toMatchObject({ name: "site/s1", text: "port 1: GFCI Soft Trip" });
  }, 60_000);
});

describe("the example", () => {
  test("has a config without problems, and a receiver that takes what is signed, once", async () => {
    const folder = fileURLToPath(new URL("../../examples/alerts", import.meta.url));
    const port = await freePort();
    const env = { WEBHOOK_SECRET: SECRET };
    const child = spawn(process.execPath, [join(folder, "receiver.mts")], {
      env: { ...process.env, ...env, PORT: String(port) },
    });
    stack.defer(() => void child.kill());
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk;
    });
    const config = join(folder, "bridge.json");
    const { settings, diagnostics } = loadBridge(config, { secrets: new Secrets(), env });
    expect(diagnostics.filter(({ code }) => code !== "secret_in_clear")).toEqual([]);
    const target = createTarget(
      { ...settings!.alerts.targets.receiver!, url: `http://127.0.0.1:${port}/` },
      { instance: "test", version: "0.0.0", mail: settings!.mail, clock: systemClock },
    );
    stack.defer(() => target.close?.());
    const message = {
      id: "a",
      state: "raised",
      rule: "r",
      when: "w",
      severity: "info",
      text: "it works",
    } as const;
    const times = { since: "", at: new Date().toISOString(), subjects: [], count: 0 };
    const send = () =>
      target.send([{ id: "msg_1", message: { ...message, ...times } }], new AbortController().signal);
    await eventually(send);
    await send();
    await eventually(() => expect(printed).toBe("alert.raised info: it works\n"));
    const forged = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" });
    expect(forged.status).toBe(401);
  });
});

describe("voltbridge alerts test", () => {
  test("sends a message to a target of the config, and says what is wrong", async () => {
    const hook = await receiver();
    const targets = {
      pager: { type: "webhook", url: hook.url, secret: SECRET },
      gone: { type: "webhook", url: "http://127.0.0.1:9/secret-path", secret: SECRET },
    };
    const account = { endpoint: "http://127.0.0.1:9/", username: "a", password: "b", stationIDs: [] };
    const site = new Site({ ...account, bridge: { alerts: { targets } } });
    stack.defer(() => site.remove());
    const run = (name: string) => voltbridge(["alerts", "test", name, "--config", site.config]);
    expect(await run("pager")).toMatchObject({ code: 0, stdout: "pager took the message\n" });
    expect(hook.data).toMatchObject([{ rule: "test", text: expect.stringContaining("no action is needed") }]);
    const failed = await run("gone");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /gone did not take the message: cannot reach http:\/\/127\.0\.0\.1:9: connection refused/,
    );
    expect(failed.stderr).not.toContain("secret-path");
    expect((await run("pagr")).stderr).toMatch(/no target "pagr" in alerts\.targets; did you mean "pager"\?/);
  });
});
