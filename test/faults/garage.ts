import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { type FastClock, fastEnvironment, fastTime, ROUND_SECONDS } from "../helpers/fast-clock.ts";
import { HomeAssistant } from "../helpers/home-assistant-double.ts";
import { freePort, Mosquitto } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { Host, shown } from "../integrations/sparkplug/rig.ts";
import { Random } from "./control/random.ts";

const STATIONS = 3;
const LOGIN = { username: "garage", password: "garage-password" };
const START = Date.UTC(2026, 10, 16, 6);
const HOUR_MS = 3_600_000;

/** A garage in which time runs fast, with a bridge, a broker and subscribers; everything can be restarted. */
export class Garage {
  readonly random: Random;
  /** What subscribers were told of each port, by topic or metric, in order. */
  readonly told = new Map<string, number[]>();
  log = "";
  lives = 0;
  readonly #speed: number;
  readonly #since = Date.now();
  readonly #port: number;
  readonly #broker: Mosquitto;
  /** JSON has no infinity. */
  #until = Number.MAX_SAFE_INTEGER;
  #simulator!: Simulator;
  #site!: Site;
  #bridge: RunningVoltbridge | undefined;
  #recorder!: Recorder;
  #homeAssistant!: HomeAssistant;

  static async start(seed: number, speed: number): Promise<Garage> {
    const garage = new Garage(seed, speed, await freePort(), await Mosquitto.run());
    await garage.#startSimulator();
    const { endpoint, stationIDs } = garage.#simulator;
    garage.#site = new Site({
      ...{ ...LOGIN, endpoint, stationIDs },
      bridge: garage.#config(7),
      device: { interval: 3600 },
    });
    await garage.#listen();
    await garage.startBridge();
    await eventually(() => expect(garage.told.size).toBeGreaterThan(0));
    // What later lives know of sessions before them is not because they look back.
    garage.#site.write("configs/bridge.json", garage.#config(0));
    return garage;
  }

  private constructor(seed: number, speed: number, port: number, broker: Mosquitto) {
    this.random = new Random(seed);
    this.#speed = speed;
    this.#port = port;
    this.#broker = broker;
  }

  get hours(): number {
    return (fastTime(this.#clock) - START) / HOUR_MS;
  }

  async startBridge(): Promise<void> {
    this.lives++;
    this.#bridge = new RunningVoltbridge(["run", "--config", this.#site.config], {
      env: fastEnvironment(this.#clock),
    });
    await this.#bridge.printed(/running devices=/);
  }

  async endBridge(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const bridge = this.#bridge;
    this.#bridge = undefined;
    await bridge?.stop(signal);
    this.log += bridge?.stderr ?? "";
  }

  async restartBroker(): Promise<void> {
    await this.#broker.kill();
    await this.pause();
    await this.#broker.start();
  }

  /** The charging network is away for a while; its stations go on. */
  async restartSimulator(): Promise<void> {
    await this.#simulator.close();
    await this.pause();
    await this.#startSimulator();
  }

  /** Restarts something; with a database, that of the sessions is removed meanwhile, or replaced by an older copy. */
  async trouble(what: Trouble): Promise<void> {
    const database = join(this.#site.data, "sessions.sqlite");
    const copy = `${database}.copy`;
    const isGentle = this.random.chance(0.3);
    switch (what) {
      case "bridge":
        await this.endBridge(isGentle ? "SIGTERM" : "SIGKILL");
        await this.pause();
        return this.startBridge();
      case "broker":
        return this.restartBroker();
      case "simulator":
        return this.restartSimulator();
      case "everything":
        await this.endBridge("SIGKILL");
        await Promise.all([this.restartBroker(), this.restartSimulator()]);
        return this.startBridge();
      case "lost database":
        await this.endBridge(isGentle ? "SIGTERM" : "SIGKILL");
        removeDatabase(database);
        return this.startBridge();
      case "older database":
        await this.endBridge("SIGTERM");
        copyFileSync(database, copy);
        await this.startBridge();
        await this.pause();
        await this.endBridge("SIGKILL");
        removeDatabase(database);
        copyFileSync(copy, database);
        return this.startBridge();
    }
  }

  /** Stops time, and waits until every subscriber has what the garage has charged. Returns the kWh of each port, by station and port. */
  async settle(): Promise<Map<string, number>> {
    await this.endBridge("SIGTERM");
    this.#until = fastTime(this.#clock);
    await this.startBridge();
    const charged = this.#charged();
    const stations = this.#simulator.stationIDs;
    await eventually(async () => {
      const homeAssistant = await this.#lifetimeEntities();
      for (const [key, kwh] of charged) {
        const [stationID, port] = JSON.parse(key) as [string, string];
        const path = `site/s${stations.indexOf(stationID) + 1}`;
        for (const topic of [`${stationID}/${port}`, `${path}/${port}`])
          expect(this.told.get(`voltbridge/test/energy/${topic}`)?.at(-1), topic).toBeCloseTo(kwh, 5);
        expect(homeAssistant.get(`voltbridge/test/energy/${stationID}/${port}`), key).toBeCloseTo(kwh, 5);
        expect(this.told.get(`sparkplug ${path} ${port}`)?.at(-1), key).toBeCloseTo(kwh, 5);
      }
    }, 25_000);
    return charged;
  }

  async end(): Promise<void> {
    await this.endBridge("SIGKILL");
    await this.#recorder?.close();
    await this.#homeAssistant?.stop();
    await this.#simulator?.close();
    await this.#broker.dispose();
    this.#site?.remove();
  }

  #config(lookBackDays: number) {
    return {
      instance: "test",
      mqtt: { url: this.#broker.url },
      sessions: { enabled: true, interval: ROUND_SECONDS, look_back_days: lookBackDays },
      integrations: { home_assistant: { enabled: true }, sparkplug: { enabled: true, group: "garage" } },
    };
  }

  get #clock(): FastClock {
    return { from: START, since: this.#since, speed: this.#speed, until: this.#until };
  }

  /** Lets time pass. */
  pause(): Promise<unknown> {
    return delay(this.random.between(100, 2000));
  }

  /** With the same seed and the same start it becomes the same world, whose sessions are those of before. */
  async #startSimulator(): Promise<void> {
    let isMade = false;
    const now = () => (isMade ? fastTime(this.#clock) : START);
    const stations = { stations: STATIONS, historyHours: 0, incidents: false };
    this.#simulator = await startSimulator({ ...LOGIN, ...stations, port: this.#port, clock: { now } });
    isMade = true;
  }

  /** By the simulator's own record, to a millionth of a kWh as its meters have it. */
  #charged(): Map<string, number> {
    const charged = new Map<string, number>();
    const now = fastTime(this.#clock);
    for (const session of this.#simulator.world.catchUp().sessions) {
      const key = JSON.stringify([session.stationID, session.portNumber]);
      charged.set(key, (charged.get(key) ?? 0) + session.kwhAt(now));
    }
    return charged;
  }

  async #listen(): Promise<void> {
    const { url } = this.#broker;
    this.#recorder = await Recorder.connect(url, {}, "voltbridge/test/energy/#");
    this.#recorder.client.on("message", (topic, payload) =>
      this.#tell(topic, (JSON.parse(payload.toString()) as { energyKwh: number }).energyKwh),
    );
    const host = await Host.connect(url);
    host.client.on("message", (topic) => {
      const heard = host.heard.at(-1);
      if (!heard || !topic.includes(`/D`) || topic.includes("/DCMD/")) return;
      for (const metric of heard.payload.metrics) {
        const port = /^Port (.+)\/Lifetime Energy$/.exec(host.nameOf(metric) ?? "")?.[1];
        const value = shown(metric);
        if (port === undefined || typeof value !== "number" || metric.isHistorical) continue;
        this.#tell(`sparkplug ${topic.split("/").at(-1)!.replaceAll(":", "/")} ${port}`, value);
      }
    });
    this.#homeAssistant = new HomeAssistant(url);
    await this.#homeAssistant.start();
  }

  #tell(what: string, kwh: number): void {
    this.told.set(what, [...(this.told.get(what) ?? []), kwh]);
  }

  /** Values of Home Assistant's entities by their topic. */
  async #lifetimeEntities(): Promise<Map<string, number>> {
    const homeAssistant = this.#homeAssistant;
    const entities = await homeAssistant.entities();
    expect(homeAssistant.complaints).toEqual([]);
    return new Map(
      [...homeAssistant.discovered.values()]
        .filter(({ config }) => String(config.state_topic).includes("/energy/"))
        .map(({ config }) => [
          String(config.state_topic),
          Number(entities.get(String(config.unique_id))?.value),
        ]),
    );
  }
}

export type Trouble = "bridge" | "broker" | "simulator" | "everything" | "lost database" | "older database";

function removeDatabase(file: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
}

/** Lets a garage charge for so many hours, through these troubles in turn, and compares what subscribers were told with what was charged. */
export async function chargeThrough(
  hours: number,
  {
    seed,
    speed,
    nextTrouble,
  }: { seed: number; speed: number; nextTrouble: (random: Random) => Trouble | undefined },
): Promise<{ readonly kwh: number; readonly lives: number; readonly messages: number }> {
  const garage = await Garage.start(seed, speed);
  try {
    const troubles: string[] = [];
    await garage.pause();
    for (let next = nextTrouble(garage.random); next !== undefined; next = nextTrouble(garage.random)) {
      troubles.push(`${Math.round(garage.hours)} h: ${next}`);
      await garage.trouble(next);
      await garage.pause();
      if (garage.hours > hours) break;
    }
    const said = `seed ${seed}; ${troubles.join(", ")}`;
    const charged = await garage.settle().catch((error: unknown) => {
      throw new Error(said, { cause: error });
    });
    for (const [what, kwh] of garage.told)
      expect(kwh, `${what}; ${said}`).toEqual(kwh.toSorted((a, b) => a - b));
    expect(charged.size).toBeGreaterThan(1);
    return {
      kwh: [...charged.values()].reduce((sum, kwh) => sum + kwh, 0),
      lives: garage.lives,
      messages: [...garage.told.values()].reduce((sum, { length }) => sum + length, 0),
    };
  } finally {
    await garage.end();
  }
}
