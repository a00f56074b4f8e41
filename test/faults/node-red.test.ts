import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { RunningCli } from "../cli/in-process.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";

const FLOW = fileURLToPath(new URL("../../examples/node-red/flow.json", import.meta.url));
const VERSION = "5.0.7";

/** A Node-RED of its own in a temporary folder, with the example's flow and the broker at this port. */
class NodeRed {
  readonly url: string;
  readonly #folder: string;
  readonly #child;
  printed = "";

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    const program = join(folder, "node_modules", "node-red", "red.js");
    this.#child = spawn(
      process.execPath,
      [program, "--userDir", folder, "--port", String(port), "flow.json"],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.printed += chunk;
      });
  }

  static async start(brokerPort: number): Promise<NodeRed> {
    const folder = mkdtempSync(join(tmpdir(), "voltbridge-node-red-"));
    writeFileSync(join(folder, "package.json"), "{}");
    const args = ["install", `node-red@${VERSION}`, "--no-audit", "--no-fund", "--ignore-scripts"];
    await promisify(execFile)("npm", args, { cwd: folder });
    const flow = JSON.parse(readFileSync(FLOW, "utf8")) as { type: string; port?: string }[];
    for (const node of flow) if (node.type === "mqtt-broker") node.port = String(brokerPort);
    writeFileSync(join(folder, "flow.json"), JSON.stringify(flow));
    writeFileSync(
      join(folder, "settings.js"),
      'module.exports = { uiHost: "127.0.0.1", flowFile: "flow.json", telemetry: { enabled: false } };',
    );
    mkdirSync(join(folder, "nodes"), { recursive: true });
    return new NodeRed(folder, await freePort());
  }

  async get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.url}${path}`);
    return answer.ok ? answer.json() : undefined;
  }

  async set(body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${this.url}/voltbridge/set`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill();
      await once(this.#child, "close");
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe("the flow of examples/node-red in Node-RED itself, against a bridge", () => {
  let simulator: Simulator;
  let site: Site;
  let bridge: RunningCli;
  let nodeRed: NodeRed;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    const port = await freePort();
    site = new Site({
      ...simulator,
      bridge: { instance: "garage", mqtt: { embedded: { port } }, historian: { backend: "none" } },
      device: { registry_config: "config://chargepoint.csv" },
    });
    bridge = new RunningCli(["run", "--config", site.config]);
    await bridge.printed(/running devices=2/);
    nodeRed = await NodeRed.start(port);
  }, 600_000);
  afterAll(async () => {
    await nodeRed?.stop();
    await bridge?.stop();
    await simulator?.close();
    site?.remove();
  });

  test("it shows the stations, as they change", async () => {
    const stations = async () =>
      (await nodeRed.get("/voltbridge/stations").catch(() => undefined)) as
        | Record<string, Record<string, unknown>>
        | undefined;
    const load = async () => (await stations())?.["site/s1"]?.portLoad_1;
    await expect.poll(load, { timeout: 60_000 }).toBe(0);
    expect(Object.keys((await stations())!)).toEqual(["site/s1", "site/s2"]);
    simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7.2, needKwh: 500 });
    await expect.poll(load, { timeout: 20_000 }).toBe(7.2);
    expect((await stations())!["site/s1"]).toMatchObject({ availability: "online", Status_1: "INUSE" });
  });

  test("a set point is answered with what was read back, and a refused one with the reason", async () => {
    const point = { device: "site/s1", point: "allowedLoad_1" };
    expect(await nodeRed.set({ ...point, value: 3, minutes: 15 })).toMatchObject({
      status: 200,
      body: { status: "confirmed", requested: 3, readBack: 3 },
    });
    expect(await nodeRed.set({ ...point, value: 99 })).toMatchObject({
      status: 409,
      body: { requested: 99 },
    });
    expect(await nodeRed.set({ ...point, point: "allowedLoat_1", value: 3 })).toMatchObject({
      status: 409,
      body: { error: "PointNotFoundError", text: expect.stringContaining("allowedLoad_1") },
    });
    expect(await nodeRed.set({ device: "site/s1" })).toMatchObject({ status: 400 });
  });

  test("an alarm appears when it is raised", async () => {
    simulator.world.raiseAlarm(simulator.stationIDs[0]!, "Stuck Relay", "1");
    await expect
      .poll(() => nodeRed.get("/voltbridge/alarms"), { timeout: 30_000 })
      .toMatchObject([{ device: "site/s1", port: "1", alarm: "Stuck Relay", state: "raised" }]);
  });
});
