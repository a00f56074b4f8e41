import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { PYTHON, pahoInstalled } from "../helpers/python.ts";
import { Site } from "../helpers/site.ts";

const folder = fileURLToPath(new URL("../../examples/volttron-agent", import.meta.url));
const host = fileURLToPath(new URL("volttron_host.py", import.meta.url));

type Headers = Record<string, unknown>;
type Published = readonly [topic: string, headers: Headers, message: unknown];

/** The agent, on a stand-in of the platform: what it publishes on the bus, and calls to what it exports. */
class AgentHost {
  readonly published: Published[] = [];
  log = "";
  readonly #process: ChildProcess;
  readonly #answers = new Map<number, { result?: unknown; error?: [string, string] }>();
  readonly #heard = new EventEmitter().setMaxListeners(50);
  #calls = 0;

  constructor(config: string) {
    this.#process = spawn(PYTHON, [host, config, folder], { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stderr!.on("data", (text) => {
      this.log += text;
      this.#heard.emit("line");
    });
    createInterface(this.#process.stdout!).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.published) this.published.push(event.published);
      else this.#answers.set(event.id, event);
      this.#heard.emit("line");
    });
  }

  /** Returns the result, or `<type>: <text>` of the exception. */
  async call(verb: string, args: unknown[], { peer = "ems", kwargs = {} } = {}): Promise<unknown> {
    const id = ++this.#calls;
    this.#write({ call: [verb, args, kwargs], peer, id });
    const { result, error } = await this.#until(() => this.#answers.get(id), verb);
    return error ? error.join(": ") : result;
  }

  /** An agent of the bus publishes. */
  say(topic: string, headers: Headers, message: unknown): void {
    this.#write({ publish: [topic, headers, message], sender: "ems" });
  }

  /** An agent of the bus publishes; returns the next message of ours on the topic `answer`. */
  async ask(topic: string, headers: Headers, message: unknown, answer: string): Promise<Published> {
    const from = this.published.length;
    this.say(topic, headers, message);
    return this.next(answer, from);
  }

  next(topic: string, from = this.published.length, passes: (one: Published) => boolean = () => true) {
    return this.#until(
      () => this.published.slice(from).find((one) => one[0] === topic && passes(one)),
      topic,
    );
  }

  logged(pattern: RegExp, from = 0): Promise<unknown> {
    return this.#until(() => this.log.slice(from).match(pattern) ?? undefined, String(pattern));
  }

  async end(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.stdin!.end();
    await ended;
  }

  #write(request: object): void {
    this.#process.stdin!.write(`${JSON.stringify(request)}\n`);
  }

  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    const deadline = AbortSignal.timeout(30_000);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await once(this.#heard, "line", { signal: deadline }).catch(() => {
        throw new Error(`nothing on ${what} within 30 s; the agent says:\n${this.log}`);
      });
    }
  }
}

const CASES = [
  { answers: "bridge", version: 4, user: "" },
  { answers: "volttron", version: 5, user: "" },
  { answers: "bridge", version: 5, user: "volttron" },
] as const;

describe.skipIf(!mosquittoInstalled || !pahoInstalled).each(CASES)(
  "the VOLTTRON agent, answers $answers, MQTT version $version, user $user",
  ({ answers, version, user }) => {
    const requesterID = user || "ems";

    let simulator: Simulator;
    let broker: Mosquitto;
    let site: Site;
    let bridge: RunningCli;
    let agent: AgentHost;

    beforeAll(async () => {
      simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
      simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7.2, needKwh: 500 });
      broker = await Mosquitto.run();
      const mqtt = { url: broker.url, protocol_version: version, answers };
      const actuator = { requester: user ? "topic" : "message" };
      site = new Site({ ...simulator, bridge: { mqtt, actuator, historian: { backend: "none" } } });
      site.write("agent", { url: broker.url, instance: "test", protocol_version: version, user_topic: user });
      agent = new AgentHost(join(site.folder, "agent"));
      await agent.logged(/connected to the bridge's broker/);
      // A heartbeat is not retained, and the next comes after a minute: the agent is there first.
      bridge = new RunningCli(["run", "--config", site.config]);
      await bridge.printed(/running devices=2/);
      await agent.next("devices/site/s1/all", 0);
    });
    afterAll(async () => {
      await agent?.end();
      await bridge?.stop();
      await broker?.dispose();
      await simulator?.close();
      site?.remove();
    });

    test("a scrape is VOLTTRON's [values, metadata], its times are headers; the heartbeat is its text", async () => {
      const [, headers, message] = await agent.next("devices/site/s1/all");
      const [values, metadata, ...rest] = message as [Headers, Headers];
      expect(values).toMatchObject({ portLoad_1: 7.2 });
      expect(metadata.portLoad_1).toEqual({ units: "kW", type: "float", tz: "UTC" });
      expect(rest).toEqual([]);
      expect(headers).toMatchObject({ TimeStamp: expect.stringMatching(/\+00:00$/) });
      const [, , beat] = await agent.next("heartbeat/test", 0);
      expect(beat).toMatch(/^(STARTING|GOOD)$/);
    });

    test("calls of the actuator are answered by the bridge, in the caller's name", async () => {
      const from = agent.published.length;
      expect(await agent.call("get_point", ["site/s1/portLoad_1"])).toBe(7.2);
      expect(await agent.call("set_point", ["whoever", "site/s1/allowedLoad_1", 3.5])).toBe(3.5);
      const isEnd = ([, { status }]: Published) => status !== undefined;
      const [, headers] = await agent.next("devices/actuators/write/site/s1/allowedLoad_1", from, isEnd);
      expect(headers).toMatchObject({ requesterID, status: "confirmed" });
      const kwargs = { point: "allowedLoad_1" };
      expect(await agent.call("get_point", ["site/s1"], { kwargs })).toBe(3.5);
      expect(await agent.call("scrape_all", ["site/s1"])).toMatchObject({ allowedLoad_1: 3.5 });
      const topics = ["site/s1/allowedLoad_1", ["site/s1", "nope"]];
      expect(await agent.call("get_multiple_points", [topics])).toEqual([
        { "site/s1/allowedLoad_1": 3.5 },
        { "site/s1/nope": expect.stringContaining("nope") },
      ]);
      expect(await agent.call("set_multiple_points", ["", [["site/s1/allowedLoad_1", 3]]])).toEqual({});
      expect(await agent.call("revert_point", ["", "site/s1/allowedLoad_1"])).toBe(null);
      expect(await agent.call("revert_device", ["", "site/s1"])).toBe(null);
    });

    // Where the topic names the requester, all agents of the platform are the agent's user.
    test.skipIf(user)("errors are exceptions with VOLTTRON's names", async () => {
      const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
      const slots = [["site/s2", at(-1), at(1)]];
      expect(await agent.call("request_new_schedule", ["", "t1", "HIGH", slots])).toMatchObject({
        result: "SUCCESS",
      });
      const other = { peer: "other" };
      expect(await agent.call("set_point", ["ems", "site/s2/allowedLoad_1", 3], other)).toMatch(
        /^actuator\.agent\.LockError: .*reserved/,
      );
      expect(await agent.call("request_cancel_schedule", ["ems", "t1"], other)).toMatchObject({
        info: "AGENT_ID_TASK_ID_MISMATCH",
      });
      expect(await agent.call("request_cancel_schedule", ["", "t1"])).toMatchObject({ result: "SUCCESS" });
      expect(await agent.call("get_point", ["site/s1/nope"])).toMatch(
        /^platform_driver\.interfaces\.DriverInterfaceError: /,
      );
      expect(await agent.call("set_point", ["", "site/s1/portLoad_1", 3])).toMatch(/^builtins\.OSError: /);
    });

    test("requests on the bus are answered there; those for other devices are left alone", async () => {
      const point = "site/s1/allowedLoad_2";
      const [, headers, value] = await agent.ask(
        `devices/actuators/set/${point}`,
        {},
        4,
        `devices/actuators/value/${point}`,
      );
      expect([headers, value]).toMatchObject([{ requesterID }, 4]);
      const reverted = await agent.ask(
        `devices/actuators/revert/point/${point}`,
        {},
        null,
        `devices/actuators/reverted/point/${point}`,
      );
      expect(reverted[2]).toBe(null);
      const from = agent.published.length;
      const bad = "site/s1/nope";
      agent.say("devices/actuators/get/campus/ahu/temp", {}, null);
      const [, , error] = await agent.ask(
        `devices/actuators/set/${bad}`,
        {},
        4,
        `devices/actuators/error/${bad}`,
      );
      expect(Object.keys(error as object).sort()).toEqual(["type", "value"]);
      expect(agent.published.slice(from).filter(([topic]) => topic.includes("campus/ahu"))).toEqual([]);
      const day = ["2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z"];
      const schedule = { type: "NEW_SCHEDULE", taskID: "bus", priority: "LOW", requesterID: "ignored" };
      const asked = "devices/actuators/schedule/request";
      const answer = "devices/actuators/schedule/result";
      const [, said, result] = await agent.ask(asked, schedule, [["site/s1", ...day]], answer);
      expect(said).toMatchObject({ requesterID, taskID: "bus", type: "NEW_SCHEDULE" });
      expect(result).toEqual({ result: "SUCCESS", info: "", data: {} });
      const cancel = { type: "CANCEL_SCHEDULE", taskID: "bus" };
      expect((await agent.ask(asked, cancel, null, answer))[2]).toMatchObject({ result: "SUCCESS" });
    });

    test("without a broker calls and requests fail at once and are not kept; then it connects again", async () => {
      const lost = agent.log.length;
      await broker.kill();
      await agent.logged(/is lost/, lost);
      expect(await agent.call("set_point", ["", "site/s1/allowedLoad_1", 5])).toMatch(
        /ConnectionError: .*nothing was sent/,
      );
      const point = "site/s1/allowedLoad_1";
      const error = await agent.ask(
        `devices/actuators/set/${point}`,
        {},
        5,
        `devices/actuators/error/${point}`,
      );
      expect(error[2]).toMatchObject({ type: "ConnectionError" });
      await broker.start();
      await agent.logged(/connected to the bridge's broker/, lost);
      await agent.next("devices/site/s1/all");
      await expect.poll(() => agent.call("get_point", [`${point}`]), { timeout: 20_000 }).toBe(0);
    });
  },
);
