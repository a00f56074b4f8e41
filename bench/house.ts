/**
 * The shape of the sources, to look at in a review: files, lines, the largest folders, small files that only one other
 * imports; and, by V8's coverage of one run, the files whose functions one scrape, one set point and one stored sample
 * really pass.
 *
 *   npm run house -- [--list]
 *
 * `--list` names the files too. The walks are of the real bridge over Mosquitto against a simulator in a process of its own,
 * with the embedded historian; what timers do meanwhile is counted in.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connectAsync, type MqttClient } from "mqtt";
import { type Bridge, startBridge } from "../src/bridge.ts";
import { loadAll } from "../src/cli/setup/load.ts";
import { createLog, Secrets } from "../src/log/log.ts";
import { Mosquitto } from "../test/helpers/mosquitto.ts";
import { Site } from "../test/helpers/site.ts";
import { importsOf } from "../test/helpers/source-imports.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";

const SMALL_LINES = 60;
const FOLDERS = 12;
/** Long enough for everything that a scrape brings about to be over. */
const INTERVAL_SECONDS = 3;
const PUBLISHED_MS = 500;
const STORED_MS = 1000;
/** Code, connections and caches are warm then. */
const WARM_SCRAPES = 2;

const { values: flags } = parseArgs({ options: { list: { type: "boolean", default: false } } });
const src = resolve(fileURLToPath(new URL("../src", import.meta.url)));
const lines = new Map(
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path, readFileSync(join(src, path), "utf8").trimEnd().split("\n").length]),
);

function printShape(): void {
  const sorted = [...lines.values()].sort((a, b) => a - b);
  const total = sorted.reduce((sum, count) => sum + count, 0);
  console.log(`${lines.size} files, ${total} lines, median ${sorted[Math.floor(sorted.length / 2)]}`);
  const folders = Map.groupBy(lines.keys(), (path) => dirname(path));
  console.log("\nlargest folders");
  for (const [folder, files] of [...folders].sort(([, a], [, b]) => b.length - a.length).slice(0, FOLDERS))
    console.log(`${String(files.length).padStart(5)}  ${folder}`);
  const importers = new Map<string, Set<string>>();
  for (const path of lines.keys())
    for (const target of importsOf(src, path))
      importers.set(target, (importers.get(target) ?? new Set<string>()).add(path));
  const single = [...lines].filter(([path, count]) => count < SMALL_LINES && importers.get(path)?.size === 1);
  console.log(`\n${single.length} files under ${SMALL_LINES} lines that one other imports`);
  if (flags.list) list(single.map(([path]) => path));
}

function list(files: readonly string[]): void {
  for (const path of [...files].sort()) console.log(`${String(lines.get(path)).padStart(5)}  ${path}`);
}

async function printWalks(): Promise<void> {
  const scrape = await walk("none", scraped);
  show("one scrape, from the timer to the topic", scrape);
  show(
    "one set point, from the topic to the service and back",
    await walk("none", async ({ client, path }) => {
      await client.publishAsync(`devices/actuators/set/${path}/allowedLoad_1`, "3", { qos: 1 });
      await new Promise((resolve) => client.once("message", resolve));
    }),
  );
  const stored = await walk("sqlite", async (bridge) => {
    await scraped(bridge);
    await delay(STORED_MS);
  });
  show(
    "one stored sample, from the bus into SQLite",
    stored.filter((path) => !scrape.includes(path)),
  );
}

interface Running {
  readonly bridge: Bridge;
  /** Hears of each set point. */
  readonly client: MqttClient;
  /** Of the device. */
  readonly path: string;
}

async function scraped({ bridge }: Pick<Running, "bridge">): Promise<void> {
  await new Promise<void>((resolve) => {
    const deaf = bridge.bus.on("scrape", () => {
      deaf();
      resolve();
    });
  });
  await delay(PUBLISHED_MS);
}

/** The files of a running bridge whose functions are called while `work` is done. */
async function walk(
  backend: "none" | "sqlite",
  work: (running: Running) => Promise<void>,
): Promise<string[]> {
  await using undo = new AsyncDisposableStack();
  const coverage = await Coverage.start();
  undo.defer(() => coverage.stop());
  const broker = await Mosquitto.run();
  undo.defer(() => broker.dispose());
  const simulation = new RunningVoltbridge([
    ...["simulate", "--port", "0", "--log-level", "warn", "--stations", "1", "--model", "CT4021-GW1"],
  ]);
  undo.defer(() => void simulation.stop());
  const [line] = await simulation.printed(/\{.*\}/);
  const { endpoint, username, password } = JSON.parse(line) as Record<
    "endpoint" | "username" | "password",
    string
  >;
  const site = new Site({
    ...{ endpoint, username, password, stationIDs: ["1:100001"] },
    bridge: { mqtt: { url: broker.url }, historian: { backend } },
    device: { interval: INTERVAL_SECONDS },
  });
  undo.defer(() => site.remove());
  const secrets = new Secrets();
  const { settings, devices } = await loadAll({ config: site.config, secrets, env: {} });
  const log = createLog({ level: "error", write: (text) => process.stderr.write(text) });
  const onDiagnostics = () => undefined;
  const bridge = await startBridge({ settings, devices, log, secrets, version: "house", onDiagnostics });
  undo.defer(() => bridge.stop());
  const client = await connectAsync(broker.url);
  undo.defer(() => client.endAsync(true));
  await client.subscribeAsync("devices/actuators/value/#", { qos: 1 });
  const [path] = bridge.devices.byPath.keys();
  for (let n = 0; n < WARM_SCRAPES; n++) await scraped({ bridge });
  await coverage.take();
  await work({ bridge, client, path: path! });
  return coverage.take();
}

function show(what: string, files: readonly string[]): void {
  const passed = files.reduce((sum, path) => sum + (lines.get(path) ?? 0), 0);
  console.log(`\n${what}: ${files.length} files (${passed} lines)`);
  if (flags.list) list(files);
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
}

/** Which functions were called, in this thread and those that it starts. */
class Coverage {
  readonly #session = new Session();
  readonly #threads = new Set<string>();
  readonly #waiting = new Map<number, (scripts: readonly Script[]) => void>();
  #asked = 0;

  static async start(): Promise<Coverage> {
    const coverage = new Coverage();
    const session = coverage.#session;
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId } }) => {
      coverage.#threads.add(sessionId);
      void coverage.#tell(sessionId, "Profiler.enable");
      void coverage.#tell(sessionId, "Profiler.startPreciseCoverage", { callCount: true, detailed: false });
    });
    session.on("NodeWorker.detachedFromWorker", ({ params: { sessionId } }) => {
      coverage.#threads.delete(sessionId);
    });
    session.on("NodeWorker.receivedMessageFromWorker", ({ params: { message } }) => {
      const { id, result } = JSON.parse(message) as { id: number; result?: { result?: readonly Script[] } };
      coverage.#waiting.get(id)?.(result?.result ?? []);
      coverage.#waiting.delete(id);
    });
    await session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
    return coverage;
  }

  /** Files of the sources with a function that was called since it was asked last. */
  async take(): Promise<string[]> {
    const here = await this.#session.post("Profiler.takePreciseCoverage");
    const there = await Promise.all(
      [...this.#threads].map((thread) => this.#tell(thread, "Profiler.takePreciseCoverage")),
    );
    const passed = [here.result as readonly Script[], ...there]
      .flat()
      .filter(({ functions }) => functions.some(({ ranges: [whole] }) => whole!.count > 0))
      .map(({ url }) => (url.startsWith("file:") ? relative(src, fileURLToPath(url)) : url));
    return [...new Set(passed)].filter((path) => lines.has(path)).sort();
  }

  stop(): void {
    this.#session.disconnect();
  }

  #tell(sessionId: string, method: string, params = {}): Promise<readonly Script[]> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      void this.#session.post("NodeWorker.sendMessageToWorker", {
        sessionId,
        message: JSON.stringify({ id, method, params }),
      });
    });
  }
}

printShape();
await printWalks();
