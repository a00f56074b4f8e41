import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const WRITES = /^(shedLoad|clearShedState|clearAlarms)$/;
const SET = "devices/actuators/set/site/s1";
const VALUE = "devices/actuators/value/site/s1";
const ERROR = "devices/actuators/error/site/s1";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
  for (const stationID of simulator.stationIDs)
    for (const port of ["1", "2"]) simulator.world.plugIn(stationID, port, { kw: 7, needKwh: 900 });
});
afterAll(() => simulator.close());

/** A bridge, in its own process where that is killed, between a broker and the simulator, which counts the writes. */
describe.skipIf(!mosquittoInstalled)("control, from outside", { timeout: 60_000 }, () => {
  let broker: Mosquitto;
  let site: Site;
  let end: (() => Promise<unknown>) | undefined;
  let ear: Recorder;
  let seen = 0;

  const writes = () =>
    simulator.calls.filter(({ number, operation }) => number > seen && WRITES.test(operation));
  const limits = () =>
    writes().map(({ request }) => {
      const { shedStation } = (request as { shedQuery: { shedStation: { Ports?: { Port: object[] } } } })
        .shedQuery;
      return (shedStation.Ports?.Port[0] as { allowedLoadPerPort?: number })?.allowedLoadPerPort;
    });

  async function start(): Promise<void> {
    const bridge = new RunningCli(["run", "--config", site.config]);
    end = () => bridge.stop();
    await runs(bridge);
  }
  async function startProcess(): Promise<RunningVoltbridge> {
    const bridge = new RunningVoltbridge(["run", "--config", site.config]);
    end = () => bridge.stop("SIGKILL");
    await runs(bridge);
    return bridge;
  }
  async function runs(bridge: RunningCli | RunningVoltbridge): Promise<void> {
    const from = ear.messages.length;
    await bridge.printed(/running devices=2/);
    await ear.find("voltbridge/test/state", ({ text }) => text === "online", from);
    await ear.find("devices/site/s1/all", undefined, from);
  }
  const json = async (topic: string, passes?: (text: string) => boolean, from?: number) =>
    JSON.parse((await ear.find(topic, ({ text }) => passes?.(text) ?? true, from, 15_000)).text);
  const told = (headers: { status: string }) => headers.status;

  async function prepare(actuator: object = {}, driver: Record<string, unknown> = {}): Promise<void> {
    const bridgeSettings = { mqtt: { url: broker.url }, actuator: { confirm_timeout: 2, ...actuator } };
    site = new Site({ ...simulator, bridge: bridgeSettings, driver });
  }

  beforeEach(async () => {
    broker = await Mosquitto.run({ config: ["persistence true", "max_queued_messages 0"] });
    ear = await Recorder.connect(broker.url, { protocolVersion: 5 });
    // Every test begins with stations that nobody limits.
    for (const stationID of simulator.stationIDs)
      simulator.world.clearShed(simulator.world.findStation(stationID)!);
    seen = simulator.calls.at(-1)?.number ?? 0;
  });
  afterEach(async () => {
    simulator.trouble.end();
    await end?.();
    await ear.close();
    await broker.dispose();
    site.remove();
  });

  test("E1: a retained set never acts: not at the start, not after a broker's restart; the CLI clears it", async () => {
    await prepare();
    await ear.send(`${SET}/allowedLoad_1`, "0", { retain: true });
    await start();
    const error = await json(`${ERROR}/allowedLoad_1`);
    expect(error).toMatchObject({ type: "RetainedCommandError", status: "refused" });
    const online = ear.messages.filter(({ text }) => text === "online").length;
    await broker.stop();
    await broker.start();
    await expect
      .poll(() => ear.messages.filter(({ text }) => text === "online").length)
      .toBeGreaterThan(online);
    await ear.find("devices/site/s1/all", undefined, ear.messages.length);
    const clear = ["set", "site/s1/allowedLoad_1", "--clear-retained", "--url", broker.url];
    expect(await cli(clear)).toMatchObject({ code: 0, stdout: `cleared: ${SET}/allowedLoad_1\n` });
    expect((await cli(clear)).stdout).toContain("nothing is retained");
    expect(writes()).toEqual([]);
  });

  test("E15: false to shedState clears and true to clearAlarms clears the alarms, as with VOLTTRON's driver; no other number is a switch", async () => {
    await prepare();
    const file = join(site.folder, "registry", "chargepoint-minimal.csv");
    appendFileSync(file, "clearAlarms,clearAlarms,AlarmRegister,,integer,,,TRUE,,,,\n");
    await start();
    await ear.send(`${SET}/allowedLoad_1`, "3");
    await json(`${VALUE}/allowedLoad_1`);
    for (const [point, value] of [
      ["shedState_1", "false"],
      ["clearAlarms", "true"],
    ]) {
      await ear.send(`${SET}/${point}`, value!);
      const [, , headers] = await json(`${VALUE}/${point}`);
      expect(told(headers)).toBe("confirmed");
    }
    await ear.send(`${SET}/allowedLoad_1`, "true");
    expect(await json(`${ERROR}/allowedLoad_1`)).toMatchObject({ type: "InvalidValueError" });
    expect(writes().map(({ operation }) => operation)).toEqual([
      ...["shedLoad", "clearShedState", "clearAlarms"],
    ]);
  });

  test("E2, E5: what is sent while the bridge is away never acts; a bare set to the running one does", async () => {
    await prepare();
    await (await startProcess()).stop("SIGKILL");
    for (let n = 0; n < 20; n++) await ear.send(`${SET}/allowedLoad_1`, `${n / 10}`);
    await start();
    await ear.send(`${SET}/allowedLoad_1`, "3.5");
    const [value, , headers] = await json(`${VALUE}/allowedLoad_1`);
    expect([value, told(headers)]).toEqual([3.5, "confirmed"]);
    expect(limits()).toEqual([3.5]);
  });

  test("E3: the same id again is answered with the first result and not written, after a kill too; with other content it is refused", async () => {
    await prepare();
    const killed = await startProcess();
    const command = JSON.stringify({ value: 3, id: "dr-1", requester: "ems" });
    const answers = async (from: number) => {
      await ear.send(`${SET}/allowedLoad_1`, command);
      const [, , headers] = await json(`${VALUE}/allowedLoad_1`, undefined, from);
      return [headers.id, headers.status, headers.readBack, headers.repeated];
    };
    expect(await answers(0)).toEqual(["dr-1", "confirmed", 3, undefined]);
    expect(await answers(ear.messages.length)).toEqual(["dr-1", "confirmed", 3, true]);
    await killed.stop("SIGKILL");
    await start();
    expect(await answers(ear.messages.length)).toEqual(["dr-1", "confirmed", 3, true]);
    await ear.send(`${SET}/allowedLoad_1`, JSON.stringify({ value: 4, id: "dr-1", requester: "ems" }));
    expect(await json(`${ERROR}/allowedLoad_1`)).toMatchObject({ type: "DuplicateIdError", id: "dr-1" });
    expect(limits()).toEqual([3]);
  });

  test("E6: killed when the service has the shed and the result is not stored: read back after the restart, answered, not written again", async () => {
    await prepare();
    for (let round = 1; round <= 2; round++) {
      const killed = await startProcess();
      const from = ear.messages.length;
      const over = simulator.trouble.begin({
        operation: "shedLoad",
        effect: { kind: "delay", seconds: 60 },
      });
      const properties = { responseTopic: "reply/me", correlationData: Buffer.from(`c-${round}`) };
      const command = { value: round, id: `k-${round}` };
      await ear.send(`${SET}/allowedLoad_1`, JSON.stringify(command), { properties });
      await expect.poll(() => writes().length, { timeout: 5000, interval: 5 }).toBe(round);
      await killed.stop("SIGKILL");
      over();
      await start();
      const [value, , headers] = await json(
        `${VALUE}/allowedLoad_1`,
        (text) => text.includes(`"k-${round}"`),
        from,
      );
      expect([value, told(headers)]).toEqual([round, "confirmed"]);
      expect(headers.text).toContain("it was not sent again");
      const direct = await ear.find("reply/me", undefined, from);
      expect(JSON.parse(direct.text)).toMatchObject({ id: `k-${round}`, status: "confirmed" });
      expect(direct.properties.correlationData?.toString()).toBe(`c-${round}`);
      if (round === 1) await end?.();
    }
    expect(limits()).toEqual([1, 2]);
    // It is held like any other.
    const sheds = await cli(["sheds", "--url", broker.url, "--json"]);
    expect(JSON.parse(sheds.stdout)).toMatchObject({ held: [{ point: "allowedLoad_1", value: 2 }] });
  });

  test("E6: killed, and the service never took it: unconfirmed, by JSON-RPC as well; not written again", async () => {
    await prepare();
    const killed = await startProcess();
    simulator.trouble.begin({ operation: "shedLoad", effect: { kind: "hang" } });
    await ear.send(`${SET}/allowedLoad_1`, JSON.stringify({ value: 2, id: "lost" }));
    const call = { jsonrpc: "2.0", id: 7, params: ["site/s2", "allowedLoad_1", 2] };
    await ear.send("voltbridge/test/rpc/set_point", JSON.stringify(call));
    await expect.poll(() => writes().length).toBe(2);
    await killed.stop("SIGKILL");
    simulator.trouble.end();
    await start();
    const [value, , headers] = await json(`${VALUE}/allowedLoad_1`, (text) => text.includes('"lost"'));
    expect([value, told(headers)]).toEqual([0, "unconfirmed"]);
    expect(headers.text).toContain("it is not known whether the device accepted it");
    const response = await json("voltbridge/test/rpc/set_point/response");
    expect(response).toMatchObject({ id: 7, error: { data: { type: "UnconfirmedError", readBack: 0 } } });
    expect(writes()).toHaveLength(2);
  });

  test("E14: the service shows it late: accepted, then confirmed, on the same topics; the CLI tells both", async () => {
    await prepare({ accepted_after: 0.2, confirm_timeout: 10 });
    await start();
    simulator.trouble.writesShowLateSeconds = 2;
    const properties = { responseTopic: "reply/me", correlationData: Buffer.from("c-1") };
    await ear.send(`${SET}/allowedLoad_1`, JSON.stringify({ value: 2.5, id: "slow" }), { properties });
    const statuses = async (topic: string) => {
      await ear.find(topic, ({ text }) => text.includes('"confirmed"'), 0, 10_000);
      return ear.on(topic).map(({ text }) => {
        const body = JSON.parse(text);
        const { status, final, readBack } = Array.isArray(body) ? body[2] : body;
        return [status, final, readBack];
      });
    };
    const both = [
      ["accepted", false, undefined],
      ["confirmed", undefined, 2.5],
    ];
    expect(await statuses(`${VALUE}/allowedLoad_1`)).toEqual(both);
    expect(await statuses("reply/me")).toEqual(both);
    const printed = await cli(["set", "site/s1/allowedLoad_2", "2", "--url", broker.url]);
    expect(printed.stderr).toMatch(/^accepted: site\/s1\/allowedLoad_2 = 2 /);
    expect(printed.stdout).toMatch(/^confirmed: site\/s1\/allowedLoad_2 = 2, read back 2/);
    expect(limits()).toEqual([2.5, 2]);
  });

  test("E13, E16: a refusal has the service's code and text; a set whose connection is reset is unconfirmed and is not kept", async () => {
    await prepare();
    await start();
    simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "code", code: "126" } });
    await ear.send(`${SET}/allowedLoad_1`, "3");
    const refused = await json(`${ERROR}/allowedLoad_1`);
    expect(refused).toMatchObject({ type: "ApiError", status: "failed", code: "126" });
    simulator.trouble.begin({ effect: { kind: "reset" } });
    const from = ear.messages.length;
    await ear.send(`${SET}/allowedLoad_1`, "3");
    expect(await json(`${ERROR}/allowedLoad_1`, undefined, from)).toMatchObject({
      type: "TransportError",
      status: "unconfirmed",
    });
    simulator.trouble.end();
    const done = writes().filter(({ outcome }) => outcome === "100");
    await ear.find("devices/site/s1/all", undefined, ear.messages.length);
    await ear.find("devices/site/s1/all", undefined, ear.messages.length);
    expect(writes().filter(({ outcome }) => outcome === "100")).toEqual(done);
    expect(done).toEqual([]);
  });

  test("E15: what is no value is refused, and nothing is sent", async () => {
    await prepare();
    await start();
    const wrong = [
      '""',
      "null",
      '"abc"',
      "[1]",
      "{}",
      "1e309",
      "-1",
      "{",
      '{"__proto__":1}',
      "x".repeat(65_536),
    ];
    for (const payload of [...wrong, Buffer.from([0x22, 0xff, 0x22])]) {
      const from = ear.messages.length;
      await ear.send(`${SET}/allowedLoad_1`, payload);
      expect(await json(`${ERROR}/allowedLoad_1`, undefined, from)).toMatchObject({ status: "refused" });
    }
    await ear.send(`${SET}/shedState_1`, "101");
    expect(await json(`${ERROR}/shedState_1`)).toMatchObject({ status: "refused" });
    expect(writes()).toEqual([]);
    await ear.send(`${SET}/allowedLoad_1`, "0");
    const [value] = await json(`${VALUE}/allowedLoad_1`);
    expect(value).toBe(0);
  });

  test("E17: a thousand sets at once on one point: within the pace, the last one stands, every sender is answered", async () => {
    await prepare({ writes_per_minute: 30 });
    await start();
    await Promise.all(
      Array.from({ length: 1000 }, (_, n) =>
        ear.send(`${SET}/allowedLoad_1`, JSON.stringify({ value: (n % 70) / 10 + 0.1, id: `s-${n}` })),
      ),
    );
    const idOf = (text: string) => /"id":"(s-\d+)"/.exec(text)?.[1];
    const answered = () =>
      new Set(
        [...ear.on(`${VALUE}/allowedLoad_1`), ...ear.on(`${ERROR}/allowedLoad_1`)].map(({ text }) =>
          idOf(text),
        ),
      );
    await expect.poll(() => answered().size, { timeout: 10_000 }).toBe(1000);
    const [value, , headers] = await json(`${VALUE}/allowedLoad_1`, (text) => text.includes('"s-999"'));
    expect([value, told(headers)]).toEqual([2, "confirmed"]);
    expect(limits().at(-1)).toBe(2);
    expect(writes().length).toBeLessThanOrEqual(30);
  });

  test("E24: TERM while a write is in flight: it is finished or its outcome told, and answered", async () => {
    await prepare();
    const ended = await startProcess();
    simulator.trouble.begin({ operation: "shedLoad", effect: { kind: "delay", seconds: 1 } });
    await ear.send(`${SET}/allowedLoad_1`, JSON.stringify({ value: 3, id: "last" }));
    await expect.poll(() => writes().length).toBe(1);
    expect(await ended.stop("SIGTERM")).toBe(0);
    const [, , headers] = await json(`${VALUE}/allowedLoad_1`);
    expect(headers).toMatchObject({ id: "last", status: expect.stringMatching(/^(accepted|confirmed)$/) });
    expect(limits()).toEqual([3]);
  });

  test("E8: starts, kills and a broker that comes and goes write nothing, with Starting Values in the registry", async () => {
    await prepare();
    const rows = [
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable",
      "allowedLoad_1,allowedLoad,LoadRegister,1,float,kW,3,TRUE",
      "percentShed_2,percentShed,LoadRegister,2,integer,%,50,TRUE",
    ];
    site.write("registry/chargepoint-minimal.csv", `${rows.join("\n")}\n`);
    for (let round = 0; round < 4; round++) {
      await (round % 2 ? startProcess() : start());
      if (round === 2) {
        await broker.stop();
        await broker.start();
        await ear.find("devices/site/s1/all", undefined, ear.messages.length, 15_000);
      }
      await end?.();
    }
    expect(writes()).toEqual([]);
  });
});
