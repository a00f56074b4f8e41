import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const WRITES = /^(shedLoad|clearShedState)$/;
const SET = "devices/actuators/set/site/s1/allowedLoad_1";
const VALUE = "devices/actuators/value/site/s1/allowedLoad_1";
const ALL = "devices/site/s1/all";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
});
afterAll(() => simulator.close());

/** A process, which can be killed, and others with its instance name, each with a data folder of its own, at one broker. */
describe.skipIf(!mosquittoInstalled)("two bridges of one name", { timeout: 60_000 }, () => {
  let broker: Mosquitto;
  let proxy: TcpProxy;
  let ear: Recorder;
  let sites: Site[];
  let ends: (() => Promise<unknown>)[];
  let seen: number;

  const writes = () =>
    simulator.calls
      .filter(({ number, operation }) => number > seen && WRITES.test(operation))
      .map(({ operation }) => operation);
  const start = (site: number, ...more: string[]) => {
    const bridge = new RunningCli(["run", "--config", sites[site]!.config, ...more]);
    ends.push(() => bridge.stop());
    return bridge;
  };
  const startFirst = async () => {
    const bridge = new RunningVoltbridge(["run", "--config", sites[0]!.config]);
    ends.push(() => bridge.stop("SIGKILL"));
    await bridge.printed(/running devices=1/);
    await ear.find(ALL, undefined, ear.messages.length, 15_000);
    return bridge;
  };
  const event = (kind: string, from?: number) =>
    ear.find("voltbridge/test/event", ({ text }) => text.includes(`"${kind}"`), from, 20_000);
  /** The one answer to a set, and what the simulator was asked for it. */
  const set = async (kw: number) => {
    const [from, before] = [ear.messages.length, writes().length];
    await ear.send(SET, JSON.stringify({ value: kw, id: `kw-${kw}` }));
    const { text } = await ear.find(VALUE, ({ text }) => text.includes(`"kw-${kw}"`), from, 15_000);
    // A second writer would have written and answered by the end of the next round.
    await ear.find(ALL, undefined, ear.messages.length);
    const answers = ear.messages.slice(from).filter(({ topic }) => /actuators\/(value|error)/.test(topic));
    return { status: JSON.parse(text)[2].status, answers: answers.length, writes: writes().slice(before) };
  };
  const ONCE = { status: "confirmed", answers: 1, writes: ["shedLoad"] };

  beforeEach(async () => {
    broker = await Mosquitto.run();
    proxy = await TcpProxy.before(broker.port);
    ear = await Recorder.connect(broker.url, { protocolVersion: 5 });
    simulator.world.clearShed(simulator.world.findStation(simulator.stationIDs[0]!)!);
    seen = simulator.calls.at(-1)?.number ?? 0;
    ends = [];
    const bridge = { mqtt: { url: `mqtt://127.0.0.1:${proxy.port}` }, actuator: { confirm_timeout: 5 } };
    sites = [0, 1].map(() => new Site({ ...simulator, bridge }));
  });
  afterEach(async () => {
    for (const end of ends) await end();
    await ear.close();
    await proxy.close();
    await broker.dispose();
    for (const site of sites) site.remove();
  });

  test("E28: the newcomer reads only and says so, the earlier one goes on and says so; each command is written once, after an outage of the broker too", async () => {
    const first = await startFirst();
    const second = start(1);
    await second.printed(/another bridge with the instance name "test" is running/);
    await event("instance_in_use");
    await event("instance_twin");
    await first.printed(/another bridge with the instance name "test" .* this one goes on/);
    expect(await set(3)).toEqual(ONCE);
    const from = ear.messages.length;
    proxy.refusing = true;
    proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    proxy.heal();
    await ear.find("voltbridge/test/state", ({ text }) => text === "online", from, 15_000);
    await ear.find(ALL, undefined, from);
    expect(await set(4)).toEqual(ONCE);
    expect(second.stderr).not.toContain("is in charge now");
    // One of them publishes what both have read: a round comes once, and once more after each of the two writes.
    const headers = ear.on(ALL).map(({ text }) => JSON.parse(text)[2]);
    const rounds = headers.filter(({ Late }) => !Late).map((of) => of.SynchronizedTimeStamp);
    expect(rounds.length - new Set(rounds).size).toBeLessThanOrEqual(2);
    const status = await cli(["status", "--url", broker.url]);
    expect(status.stdout).toMatch(/role active, others \(.*process \d+.* read-only\)/);
    // The newcomer's own store has what it read, and no write.
    const end = ear.messages.length;
    await second.stop();
    expect(ear.messages.slice(end).filter(({ text }) => text === "offline")).toEqual([]);
    const stored = await cli([
      "history",
      "query",
      "site/s1/stationLoad",
      "--config",
      sites[1]!.config,
      "--json",
    ]);
    expect(Object.values(JSON.parse(stored.stdout).values).flat().length, stored.stderr).toBeGreaterThan(2);
    const audit = await cli(["audit", "--config", sites[1]!.config, "--json"]);
    expect(JSON.parse(audit.stdout)).toEqual([]);
  });

  test("E28: the newcomer takes over when the earlier one is gone, or at once with --force; nothing retained or forged stops a bridge", async () => {
    const told = { devices: ["site/s1"], instance: "test", version: "9" };
    const claim = { id: "0", startedAt: 0, state: "active", host: "ghost", pid: 1 };
    await ear.send("voltbridge/test/info", JSON.stringify(told), { retain: true });
    await ear.send("voltbridge/test/state", "online", { retain: true });
    for (const topic of ["ask", "answer"])
      await ear.send(
        `voltbridge/test/owner/${topic}`,
        JSON.stringify({ [topic]: "0".repeat(32), from: claim }),
        {
          retain: true,
        },
      );
    const first = await startFirst();
    await ear.send("voltbridge/test/owner/answer", JSON.stringify({ answer: "f".repeat(32), from: claim }));
    expect(await set(3)).toEqual(ONCE);
    const second = start(1);
    await event("instance_in_use");
    await first.stop("SIGKILL");
    const taken = ear.messages.length;
    await second.printed(
      /no bridge with the instance name "test" answers any more; this one is in charge now/,
    );
    await ear.find("voltbridge/test/state", ({ text }) => text === "online", taken);
    expect(await set(4)).toEqual(ONCE);
    // The first is back as a newcomer, and then by force.
    const from = ear.messages.length;
    const back = start(0);
    await event("instance_in_use", from);
    expect(await set(5)).toEqual(ONCE);
    await back.stop();
    const forced = start(0, "--force");
    await second.printed(/another bridge with the instance name "test" has taken over/);
    await forced.printed(/running/);
    await ear.find(ALL, undefined, ear.messages.length);
    expect(await set(6)).toEqual(ONCE);
  });
});
