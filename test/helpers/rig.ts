import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { loadSettings } from "../../src/cli/setup/load.ts";
import type { BridgeSettings } from "../../src/config/index.ts";
import { openHistorian } from "../../src/historian/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { eventually } from "./eventually.ts";
import { type FaultPoint, faultEnvironment } from "./fault-environment.ts";
import { Influxd } from "./influxdb.ts";
import { type Balance, Ledger, type QueueName } from "./ledger.ts";
import { freePort, Mosquitto } from "./mosquitto.ts";
import { Recorder } from "./mqtt-recorder.ts";
import { LOGIN, type RigOptions, rigSite, STATIONS } from "./rig-site.ts";
import type { Site } from "./site.ts";
import { TcpProxy } from "./tcp-proxy.ts";
import { RunningVoltbridge } from "./voltbridge.ts";

export interface Scraped {
  readonly topic: string;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly late: boolean;
  readonly at: number;
}

/** Of a broker that keeps what it acknowledged when it is ended in good order. */
const KEEPING = ["persistence true", "max_queued_messages 0"];
/** What the manual asks for where it may be killed: it then writes its whole state at every change, some 200 messages a second. */
const KEEPING_ALWAYS = [...KEEPING, "autosave_interval 1", "autosave_on_changes true"];

/**
 * One bridge as users run it, a simulated service, a broker and a store, each a process of its own behind a proxy, a subscriber that
 * misses nothing, and the {@link Ledger} over all.
 */
export class Rig {
  readonly broker: Mosquitto;
  readonly influxd: Influxd | undefined;
  readonly recorder: Recorder;
  readonly ledger: Ledger;
  readonly site: Site;
  readonly toBroker: TcpProxy;
  readonly toService: TcpProxy;
  readonly toStore: TcpProxy | undefined;
  /** Of all lives so far. */
  log = "";
  #bridge: RunningVoltbridge | undefined;
  #service: RunningVoltbridge | undefined;
  #lives = 0;
  readonly #stations: number;
  readonly #taps: string;

  static async start(options: RigOptions = {}): Promise<Rig> {
    const endings: (() => unknown)[] = [];
    try {
      const broker = await Mosquitto.run({ config: options.careful ? KEEPING_ALWAYS : KEEPING });
      endings.push(() => broker.dispose());
      const influxd = options.store === "influxdb" ? await Influxd.run() : undefined;
      endings.push(() => influxd?.dispose());
      const toBroker = await TcpProxy.before(broker.port);
      const toService = await TcpProxy.before(await freePort());
      const toStore = influxd && (await TcpProxy.before(influxd.port));
      endings.push(() => Promise.all([toBroker, toService, toStore].map((proxy) => proxy?.close())));
      const recorder = await Recorder.connect(
        broker.url,
        { protocolVersion: 5, clean: false, clientId: "ledger", properties: { sessionExpiryInterval: 3600 } },
        "devices/#",
      );
      return new Rig(options, { broker, influxd, toBroker, toService, toStore, recorder });
    } catch (error) {
      for (const end of endings.reverse()) await end();
      throw error;
    }
  }

  private constructor(
    options: RigOptions,
    parts: Pick<Rig, "broker" | "influxd" | "toBroker" | "toService" | "toStore" | "recorder">,
  ) {
    const { stations = STATIONS, data } = options;
    this.broker = parts.broker;
    this.influxd = parts.influxd;
    this.toBroker = parts.toBroker;
    this.toService = parts.toService;
    this.toStore = parts.toStore;
    this.recorder = parts.recorder;
    this.#stations = stations;
    this.#taps = mkdtempSync(join(tmpdir(), "voltbridge-taps-"));
    this.site = rigSite(options, {
      broker: parts.toBroker.port,
      service: parts.toService.port,
      store: parts.toStore?.port,
    });
    this.ledger = new Ledger(data ?? this.settings.data);
  }

  get settings(): BridgeSettings {
    return loadSettings({ config: this.site.config, secrets: new Secrets(), env: {} }).settings;
  }

  get bridge(): RunningVoltbridge {
    if (!this.#bridge) throw new Error("no bridge runs");
    return this.#bridge;
  }

  /** Loads say who measured what: every one is a number of its own. */
  async startService(): Promise<void> {
    this.#service = new RunningVoltbridge([
      ...[
        "simulate",
        "--port",
        String(this.toService.target),
        "--stations",
        String(Math.max(this.#stations, 4)),
      ],
      ...["--username", LOGIN.username, "--password", LOGIN.password, "--serials", "--log-level", "error"],
    ]);
    await this.#service.printed(/"endpoint"/);
  }

  async killService(): Promise<void> {
    await this.#service?.stop("SIGKILL");
    this.#service = undefined;
  }

  /** Starts the bridge, or its next life; gives the milliseconds until it said that it runs, or died at its fault point. */
  async startBridge(point?: readonly [point: FaultPoint, queue: string, times: number]): Promise<number> {
    const begun = performance.now();
    this.#bridge = new RunningVoltbridge(
      ["run", "--config", this.site.config, "--log-level", "debug", "--log-format", "json"],
      { env: faultEnvironment({ tap: this.#tap(++this.#lives), ...(point && { point }) }) },
    );
    const running = this.bridge.printed(/"msg":"running"/);
    await (point ? Promise.race([running.catch(() => undefined), this.bridge.ended]) : running);
    return performance.now() - begun;
  }

  /** Ends the bridge, or waits for its end, and books what it did. */
  async endBridge(signal: NodeJS.Signals | undefined): Promise<number | null> {
    const { bridge } = this;
    const code = await this.abandonBridge(signal);
    const tap = this.#tap(this.#lives);
    writeFileSync(tap, "", { flag: "a" });
    this.ledger.add({ tap, log: bridge.stderr });
    rmSync(tap);
    return code;
  }

  /** The same for a life that the ledger cannot book: its files are damaged, or go. */
  async abandonBridge(signal: NodeJS.Signals | undefined): Promise<number | null> {
    const { bridge } = this;
    const code = await (signal === undefined ? bridge.ended : bridge.stop(signal));
    this.#bridge = undefined;
    this.log += bridge.stderr;
    return code;
  }

  /** Another subscriber. */
  listen(filter: string): Promise<Recorder> {
    return Recorder.connect(this.broker.url, {}, filter);
  }

  /** Ends the broker as the signal says and starts it again after so long; the bridge finds it when the subscriber is back. */
  async restartBroker(signal: "stop" | "kill", awayMs: number): Promise<void> {
    this.toBroker.refusing = true;
    await this.broker[signal]();
    await delay(awayMs);
    await this.broker.start();
    await eventually(() => expect(this.recorder.client.connected).toBe(true));
    await this.recorder.client.subscribeAsync("devices/#", { qos: 1 });
    this.toBroker.refusing = false;
  }

  /** What came from devices, in the order of arrival, from the n-th message on. */
  scrapes(from = 0): Scraped[] {
    return this.recorder.messages.slice(from).flatMap(({ topic, text, at, retained }) => {
      if (retained || !topic.endsWith("/all")) return [];
      const { TimeStamp, Late = false } = JSON.parse(text)[2] as { TimeStamp: string; Late?: boolean };
      return [{ topic, takenAt: Date.parse(TimeStamp), late: Late, at }];
    });
  }

  /** Waits until every station was heard so often, not counting the first messages. */
  async heard(times: number, from = this.recorder.messages.length): Promise<void> {
    await eventually(() => {
      const mine = this.scrapes(from).filter(({ topic }) => topic.startsWith("devices/site/"));
      const counts = Object.groupBy(mine, ({ topic }) => topic);
      expect(Object.values(counts).filter((of) => of!.length >= times)).toHaveLength(this.#stations);
    }, 60_000);
  }

  /** Memory of the bridge that is not on disk, bytes. */
  get rss(): number {
    const status = readFileSync(`/proc/${this.bridge.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Values that wait in a queue of the running bridge. */
  waiting(queue: QueueName): number {
    const file = this.ledger.file(queue);
    if (!existsSync(file)) return 0;
    const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    try {
      const sql = "SELECT sum(samples) AS sum FROM tally WHERE kind = 'waiting'";
      return Number(db.prepare(sql).get()?.sum ?? 0);
    } finally {
      db.close();
    }
  }

  /** With nothing more to scrape, waits until nothing waits any more. */
  async drain(...queues: readonly QueueName[]): Promise<void> {
    await this.killService();
    const all = queues.length > 0 ? queues : (["outbox", "spool"] as const);
    await eventually(() => expect(all.map((queue) => this.waiting(queue))).toEqual(all.map(() => 0)), 90_000);
  }

  /** Drains, ends the bridge, and balances both sinks. */
  async balance(options: { lost?: number } = {}): Promise<{ mqtt: Balance; historian: Balance }> {
    await this.drain();
    expect(await this.endBridge("SIGTERM")).toBe(0);
    return await this.books(options);
  }

  /** The books of a bridge that does not run. */
  async books({ lost = 0 }: { lost?: number } = {}): Promise<{ mqtt: Balance; historian: Balance }> {
    const { historian, data } = this.settings;
    const store = await openHistorian(historian, data, {
      log: createLog({ level: "silent" }),
      readonly: true,
    });
    try {
      const settled = await this.ledger.store(store.backend);
      // What the bridge had delivered may still be on its way from the broker to the subscriber.
      const mqtt = await eventually(() => this.ledger.mqtt(this.recorder.messages, { lost }), 15_000);
      return { mqtt, historian: settled };
    } finally {
      await store.close();
    }
  }

  /** Ends everything, whatever became of it. */
  async end(): Promise<void> {
    const ends = [
      () => this.#bridge?.stop("SIGKILL"),
      () => this.killService(),
      () => this.recorder.close(),
      ...[this.toBroker, this.toService, this.toStore].map((proxy) => () => proxy?.close()),
      () => this.broker.dispose(),
      () => this.influxd?.dispose(),
      () => this.site.remove(),
      () => rmSync(this.#taps, { recursive: true }),
    ];
    const failed: unknown[] = [];
    for (const end of ends) await Promise.resolve(end()).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw new AggregateError(failed, "the rig did not end well");
  }

  #tap(life: number): string {
    return join(this.#taps, `${life}.jsonl`);
  }
}
