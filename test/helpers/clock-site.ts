import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli } from "../cli/in-process.ts";
import { faketimeLibrary } from "./faketime.ts";
import { Mosquitto } from "./mosquitto.ts";
import { type Recorded, Recorder } from "./mqtt-recorder.ts";
import { Site } from "./site.ts";
import { RunningVoltbridge } from "./voltbridge.ts";

const blocker = new URL("./loop-blocker.ts", import.meta.url).href;

export interface ClockSiteOptions {
  readonly intervalSeconds?: number;
  readonly bridge?: Record<string, unknown>;
  /** Seconds by which its clock is wrong from the start. */
  readonly offset?: number;
  readonly timezone?: string;
}

/** What a device said, when by its own clock and when by the clock of the test. Milliseconds. */
export interface Heard {
  readonly taken: number;
  readonly at: number;
  readonly headers: Record<string, unknown>;
}

/** A bridge whose wall clock a test sets, between a broker and a service that have the true time. */
export class ClockSite {
  readonly simulator: Simulator;
  readonly broker: Mosquitto;
  readonly ear: Recorder;
  readonly site: Site;
  readonly bridge: RunningVoltbridge;
  readonly #folder: string;

  static async start({ bridge, offset = 0, timezone, intervalSeconds = 1 }: ClockSiteOptions = {}) {
    const simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    const broker = await Mosquitto.run();
    const ear = await Recorder.connect(broker.url, { protocolVersion: 5 });
    const folder = mkdtempSync(join(tmpdir(), "voltbridge-clock-"));
    setOffset(folder, offset);
    const settings = { mqtt: { url: broker.url }, driver: { driver_scrape_interval: 0.3 }, ...bridge };
    const device = { interval: intervalSeconds };
    const site = new Site({ ...simulator, bridge: settings, device, driver: { cacheExpiration: 0 } });
    const env = {
      ...{ LD_PRELOAD: faketimeLibrary()!, FAKETIME_TIMESTAMP_FILE: offsetFile(folder) },
      ...{ FAKETIME_NO_CACHE: "1", DONT_FAKE_MONOTONIC: "1", NODE_OPTIONS: `--import ${blocker}` },
      ...(timezone !== undefined && { TZ: timezone }),
    };
    const running = new RunningVoltbridge(["run", "--config", site.config], { env });
    const made = new ClockSite({ simulator, broker, ear, site, bridge: running }, folder);
    try {
      await running.printed(/running devices=2/);
      for (const path of ["site/s1", "site/s2"]) await ear.find(`devices/${path}/all`, undefined, 0, 10_000);
    } catch (error) {
      await made.end();
      throw error;
    }
    return made;
  }

  private constructor(
    parts: Pick<ClockSite, "simulator" | "broker" | "ear" | "site" | "bridge">,
    folder: string,
  ) {
    this.simulator = parts.simulator;
    this.broker = parts.broker;
    this.ear = parts.ear;
    this.site = parts.site;
    this.bridge = parts.bridge;
    this.#folder = folder;
  }

  /** Sets the bridge's wall clock so many seconds off the true time. */
  setClock(offset: number): void {
    setOffset(this.#folder, offset);
  }

  /** What a device said since message `from`. */
  heard(path: string, from = 0): Heard[] {
    return this.ear.messages
      .slice(from)
      .filter(({ topic, retained }) => topic === `devices/${path}/all` && !retained)
      .map(heardOf);
  }

  /** Waits until a device was heard so often since message `from`. */
  async hears(path: string, times: number, from: number): Promise<Heard[]> {
    for (;;) {
      const heard = this.heard(path, from);
      if (heard.length >= times) return heard;
      await this.ear.find(`devices/${path}/all`, undefined, this.ear.messages.length, 10_000);
    }
  }

  /** Waits for a call by RPC to be carried out. */
  async call(verb: string, params: readonly unknown[]): Promise<unknown> {
    const from = this.ear.messages.length;
    await this.ear.send(`voltbridge/test/rpc/${verb}`, JSON.stringify({ jsonrpc: "2.0", id: verb, params }));
    const answer = (await this.ear.json(`voltbridge/test/rpc/${verb}/response`, undefined, from)) as object;
    if ("error" in answer) throw new Error(JSON.stringify(answer.error));
    return (answer as { result?: unknown }).result;
  }

  /** The next event of a kind after message `from`: its text and when it came. */
  async event(kind: string, from: number): Promise<{ text: string; at: number }> {
    const passes = ({ text }: Recorded) => JSON.parse(text).kind === kind;
    const { text, at } = await this.ear.find("voltbridge/test/event", passes, from, 10_000);
    return { text: JSON.parse(text).text, at };
  }

  /** Times of the stored values of a point, milliseconds since 1970, in their order. */
  async stored(topic: string): Promise<number[]> {
    const args = ["history", "query", topic, "--config", this.site.config, "--start", "1960-01-01"];
    const { code, stdout, stderr } = await cli([...args, "--format", "csv"]);
    if (code !== 0) throw new Error(stderr);
    const times = stdout.match(/\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)/g) ?? [];
    return times.map((time) => Date.parse(time));
  }

  /** Stops the bridge's process, or blocks its event loop, for so long. Resolves when that is over. */
  async hold(how: "stopped" | "blocked", ms: number, meanwhile: () => Promise<unknown>): Promise<void> {
    const pid = this.bridge.pid!;
    const begun = performance.now();
    process.kill(pid, how === "stopped" ? "SIGSTOP" : "SIGUSR2");
    // It has the signal before anything else reaches it.
    await delay(100);
    await meanwhile();
    await delay(ms - (performance.now() - begun));
    if (how === "stopped") process.kill(pid, "SIGCONT");
  }

  async end(): Promise<void> {
    await this.bridge.stop("SIGKILL");
    await this.ear.close();
    await this.broker.dispose();
    await this.simulator.close();
    this.site.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function heardOf({ text, at }: Recorded): Heard {
  const headers = JSON.parse(text)[2] as Record<string, unknown>;
  return { taken: Date.parse(String(headers.TimeStamp)), at, headers };
}

const offsetFile = (folder: string): string => join(folder, "offset");

/** At once as a whole: the file is read at every look at the clock. */
function setOffset(folder: string, seconds: number): void {
  const made = join(folder, "made");
  writeFileSync(made, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
  renameSync(made, offsetFile(folder));
}
