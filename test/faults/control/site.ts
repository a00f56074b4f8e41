import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../../helpers/eventually.ts";
import { faketimeLibrary } from "../../helpers/faketime.ts";
import { freePort, Mosquitto } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { LOGIN } from "../../helpers/rig-site.ts";
import { Site } from "../../helpers/site.ts";
import { type Exchange, SoapProxy } from "../../helpers/soap-proxy.ts";
import { RunningVoltbridge, voltbridge } from "../../helpers/voltbridge.ts";
import { SmallDisk } from "../../queue/small-disk.ts";
import type { Life } from "./judge.ts";
import { type Act, PORTS } from "./truth.ts";

/** Minutes of a lease by device; 0: until cleared. */
export const LEASES: Readonly<Record<string, number>> = {
  "site/s1": 1,
  "site/s2": 1,
  "site/s3": 2,
  "site/s4": 0,
};
export const DEVICES = Object.keys(LEASES);
export const CONFIRM_SECONDS = 8;
export const GRACE_SECONDS = 3;
export const INTERVAL_SECONDS = 2;
/** Within this a bridge notices that its clock was set (`clock-watch`). */
const CLOCK_NOTICED_MS = 3000;
const DISK_BYTES = 40 * 1024 * 1024;
const PORTAL = { username: "key-of-the-portal", password: "password-of-the-portal" };
const PATH = "/webservices/chargepoint/services/5.1";

/** A limit that the bridge lists. `port` undefined: of the whole station. */
export interface Listed {
  readonly device: string;
  readonly port: string | undefined;
  readonly mode: string;
  readonly value: number;
  readonly requester: string;
}

/** A bridge on a small disk and a clock of its own, between a real broker and a simulated service behind a proxy. */
export class ControlSite {
  readonly broker: Mosquitto;
  readonly ear: Recorder;
  readonly proxy: SoapProxy;
  readonly disk: SmallDisk;
  readonly lives: Life[] = [];
  /** Acts of the service's log, by number. */
  readonly acts: Act[] = [];
  /** Starts that failed, and what was printed. */
  readonly failedStarts: string[] = [];
  readonly #site: Site;
  readonly #simulator: RunningVoltbridge;
  readonly #folder: string;
  readonly #service: string;
  #bridge: RunningVoltbridge | undefined;
  #twin: RunningVoltbridge | undefined;
  #clockSeconds = 0;
  /** How it was set, and when. */
  readonly #clocks: { readonly at: number; readonly seconds: number }[] = [];
  #lastCall = 0;
  #passed = 0;

  static async start(): Promise<ControlSite> {
    const endings: (() => unknown)[] = [];
    try {
      const broker = await Mosquitto.run();
      endings.push(() => broker.dispose());
      const disk = new SmallDisk(DISK_BYTES);
      endings.push(() => disk.remove());
      const folder = mkdtempSync(join(tmpdir(), "voltbridge-control-"));
      endings.push(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, "accounts.json"), JSON.stringify([PORTAL]));
      const port = await freePort();
      const simulator = new RunningVoltbridge([
        ...[
          "simulate",
          "--port",
          String(port),
          "--stations",
          String(DEVICES.length),
          "--model",
          "CT4021-GW1",
        ],
        ...["--username", LOGIN.username, "--password", LOGIN.password, "--log-level", "error"],
        ...["--accounts", join(folder, "accounts.json")],
      ]);
      endings.push(() => simulator.stop("SIGKILL"));
      const [line] = await simulator.printed(/\{"endpoint".*\}/);
      const { stations } = JSON.parse(line) as { stations: string[] };
      const proxy = await SoapProxy.before(port);
      endings.push(() => proxy.close());
      const ear = await Recorder.connect(broker.url, { protocolVersion: 5 }, "judge/#");
      endings.push(() => ear.close());
      return new ControlSite({ broker, disk, proxy, ear }, { simulator, folder, port, stations });
    } catch (error) {
      for (const end of endings.reverse()) await end();
      throw error;
    }
  }

  private constructor(
    { broker, disk, proxy, ear }: Pick<ControlSite, "broker" | "disk" | "proxy" | "ear">,
    more: { simulator: RunningVoltbridge; folder: string; port: number; stations: readonly string[] },
  ) {
    this.broker = broker;
    this.disk = disk;
    this.proxy = proxy;
    this.ear = ear;
    this.#simulator = more.simulator;
    this.#folder = more.folder;
    this.#service = `http://127.0.0.1:${more.port}`;
    const bridge = {
      data: disk.data,
      mqtt: { url: broker.url, retain: false, state: "off" },
      historian: { backend: "none" },
      actuator: {
        ...{ confirm_timeout: CONFIRM_SECONDS, accepted_after: 1, writes_per_minute: 120 },
        controller_grace_seconds: GRACE_SECONDS,
      },
    };
    const stationIDs = more.stations.slice(0, DEVICES.length);
    this.#site = new Site({
      ...LOGIN,
      endpoint: `http://127.0.0.1:${proxy.port}${PATH}`,
      stationIDs,
      bridge,
      device: { registry_config: "config://control.csv", interval: INTERVAL_SECONDS },
    });
    this.#site.write("registry/control.csv", REGISTRY);
    stationIDs.forEach((stationID, index) => {
      const device = DEVICES[index]!;
      this.#stations.set(device, stationID);
      this.#site.write(`configs/devices/${device}.json`, {
        driver_type: "chargepoint",
        driver_config: {
          ...{ stationID, ...LOGIN, endpoint: `http://127.0.0.1:${proxy.port}${PATH}`, cacheExpiration: 0 },
          shed_lease_minutes: LEASES[device],
        },
        registry_config: "config://control.csv",
        interval: INTERVAL_SECONDS,
      });
    });
    this.#site.write("configs/twin.json", { instance: "test", ...bridge, data: join(this.#folder, "twin") });
    mkdirSync(join(this.#folder, "twin"));
    this.setClock(0);
  }

  readonly #stations = new Map<string, string>();

  stationOf(device: string): string {
    return this.#stations.get(device)!;
  }

  leaseMinutes(stationID: string): number {
    const [device] = [...this.#stations].find(([, id]) => id === stationID)!;
    return LEASES[device]!;
  }

  get runs(): boolean {
    return this.#bridge !== undefined;
  }

  /** What the bridge of this moment has printed. */
  get log(): string {
    return this.#bridge?.stderr ?? "";
  }

  /** Sets the bridge's wall clock so many seconds off the true time. */
  setClock(seconds: number): void {
    this.#clockSeconds = seconds;
    this.#clocks.push({ at: Date.now(), seconds });
    const made = join(this.#folder, "made");
    writeFileSync(made, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
    renameSync(made, join(this.#folder, "clock"));
  }

  get clockSeconds(): number {
    return this.#clockSeconds;
  }

  /** False where it did not start; then it says why in `failedStarts`. */
  async startBridge(): Promise<boolean> {
    const bridge = this.#run("bridge.json");
    const [ok] = await Promise.all([
      bridge.printed(/running devices=/).then(
        () => true,
        () => false,
      ),
    ]);
    if (!ok) {
      this.failedStarts.push(
        `exit code ${await bridge.ended}: ${bridge.stderr.trim().split("\n").slice(-3).join(" | ")}`,
      );
      return false;
    }
    this.#bridge = bridge;
    const life: { -readonly [K in keyof Life]: Life[K] } = {
      ...{ name: "the bridge", from: Date.now(), to: Number.POSITIVE_INFINITY, end: "ended by itself" },
      isAhead: this.#isAhead(),
    };
    this.lives.push(life);
    void bridge.ended.then((code) => {
      // Who ended it has said so.
      if (life.to === Number.POSITIVE_INFINITY)
        Object.assign(life, { to: Date.now(), end: `ended by itself (${code})` });
      if (this.#bridge === bridge) this.#bridge = undefined;
    });
    return true;
  }

  /** Whether the clock was set forward since the life before, or too shortly before its end to be noticed by it. */
  #isAhead(): boolean {
    const before = this.lives.at(-1);
    if (!before) return false;
    // Each of the last may have been noticed, or not.
    const noticed = this.#clocks.findLastIndex(({ at }) => at < before.to - CLOCK_NOTICED_MS);
    const steps = this.#clocks.slice(Math.max(0, noticed));
    return steps.some((one, i) => steps.slice(i + 1).some(({ seconds }) => seconds > one.seconds + 1));
  }

  async endBridge(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const bridge = this.#bridge;
    if (!bridge) return;
    this.#bridge = undefined;
    const life = this.lives.findLast(({ name }) => name === "the bridge")! as { to: number; end: string };
    const begun = Date.now();
    Object.assign(life, { to: begun, end: signal === "SIGKILL" ? "kill -9" : "TERM" });
    const code = await bridge.stop(signal);
    // What it had under way at TERM it may end.
    if (signal === "SIGTERM") Object.assign(life, { to: Date.now(), end: `TERM (${code})` });
  }

  /** A second bridge of the same name on the same stations. Resolves when it runs, or has ended with what it printed. */
  async startTwin(): Promise<string> {
    const twin = this.#run("twin.json");
    this.#twin = twin;
    return twin.printed(/running devices=/).then(
      () => "the twin runs",
      () => `the twin does not run: ${twin.stderr.trim().split("\n").slice(-2).join(" | ")}`,
    );
  }

  async endTwin(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.#twin?.stop(signal);
    this.#twin = undefined;
  }

  /** Clears a limit past the bridge, as somebody at the service's web page. */
  async clearAtPortal(device: string, port: string | undefined): Promise<void> {
    const ports = port === undefined ? "" : `<Ports><Port><portNumber>${port}</portNumber></Port></Ports>`;
    const { username, password } = PORTAL;
    const response = await fetch(`${this.#service}${PATH}`, {
      method: "POST",
      headers: { "Content-Type": "text/xml; charset=utf-8" },
      body:
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>' +
        '<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">' +
        `<wsse:UsernameToken><wsse:Username>${username}</wsse:Username><wsse:Password>${password}</wsse:Password></wsse:UsernameToken>` +
        '</wsse:Security></soap:Header><soap:Body><c:clearShedState xmlns:c="urn:dictionary:com.chargepoint.webservices">' +
        `<shedQuery><shedStation><stationID>${this.stationOf(device)}</stationID>${ports}</shedStation></shedQuery>` +
        "</c:clearShedState></soap:Body></soap:Envelope>",
    });
    const text = await response.text();
    if (!text.includes(">100<")) throw new Error(`the portal could not clear ${device}: ${text}`);
  }

  /** A trouble of the simulator's own, as `/control/trouble` takes it. */
  async trouble(rule: object): Promise<void> {
    await this.#control("trouble", { method: "POST", body: JSON.stringify(rule) });
  }

  async endTroubles(): Promise<void> {
    await this.#control("trouble", { method: "DELETE" });
    this.proxy.heal();
    // Stations fail by themselves too, seldom.
    for (const stationID of this.#stations.values()) {
      const { reachable } = (await this.#world(stationID)) as { reachable: boolean };
      if (!reachable)
        await this.#control("world", {
          method: "POST",
          body: JSON.stringify({ action: "reconnect", stationID }),
        });
    }
  }

  /** Takes what is new in the service's log. The proxy's record has the bridge's calls in the same order. */
  async readLog(): Promise<void> {
    const calls = (await this.#control(`log?since=${this.#lastCall}&effect=write`)) as LoggedCall[];
    for (const call of calls) {
      this.#lastCall = call.number;
      if (call.operation !== "shedLoad" && call.operation !== "clearShedState") continue;
      const by = call.account === PORTAL.username ? "portal" : "bridge";
      const exchange = by === "bridge" ? this.#nextPassed() : undefined;
      const { shedStation, timeInterval } = call.request.shedQuery;
      const [port] = shedStation.Ports?.Port ?? [];
      const kw = port ? port.allowedLoadPerPort : shedStation.allowedLoadPerStation;
      const percent = port ? port.percentShedPerPort : shedStation.percentShedPerStation;
      const { operation, outcome, receivedAt } = call;
      const isAbsolute = (kw ?? null) !== null;
      const act: Act = {
        ...{ operation, by, at: Date.parse(receivedAt), stationID: shedStation.stationID },
        port: port?.portNumber,
        mode: operation === "clearShedState" ? undefined : isAbsolute ? "allowedLoad" : "percentShed",
        value: (isAbsolute ? kw : percent) ?? undefined,
        minutes: exchange?.minutes ?? timeInterval ?? 0,
        ...(exchange && { exchange }),
      };
      if (
        exchange &&
        (exchange.operation !== operation ||
          exchange.stationID !== act.stationID ||
          exchange.port !== act.port)
      )
        throw new Error(`the proxy and the service's log disagree: ${JSON.stringify({ exchange, act })}`);
      if (outcome === "100") this.acts.push(act);
    }
  }

  #nextPassed(): Exchange {
    const { exchanges } = this.proxy;
    while (this.#passed < exchanges.length && !exchanges[this.#passed]!.passed) this.#passed++;
    const exchange = exchanges[this.#passed++];
    if (!exchange) throw new Error("the service's log has a call that did not come through the proxy");
    return exchange;
  }

  /** Limits in force at the service, whatever its answers say. */
  async inForce(): Promise<{ device: string; port: string; mode: string; value: number }[]> {
    const found: { device: string; port: string; mode: string; value: number }[] = [];
    for (const [device, stationID] of this.#stations) {
      const { ports } = (await this.#world(stationID)) as { ports: WorldPort[] };
      for (const { portNumber: port, shedState, allowedLoad, percentShed } of ports)
        if (shedState === 1 && PORTS.includes(port)) {
          const byPercent = percentShed > 0;
          const mode = byPercent ? "percentShed" : "allowedLoad";
          found.push({ device, port, mode, value: byPercent ? percentShed : allowedLoad });
        }
    }
    return found;
  }

  /** What `voltbridge sheds --json` says: what is the bridge's, and what it takes for somebody else's. */
  async listed(): Promise<{ held: Listed[]; others: { device: string; text: string }[] }> {
    const { code, stdout, stderr } = await voltbridge([
      "sheds",
      "--json",
      "--config",
      this.#site.config,
      "--timeout",
      "20",
    ]);
    if (code !== 0) throw new Error(`voltbridge sheds: ${stderr}`);
    const { held, others } = JSON.parse(stdout) as {
      held: { device: string; point: string; value: number; requester: string; state?: string }[];
      others: { device: string; text: string }[];
    };
    return {
      others,
      held: held
        .filter(({ state }) => state !== "ended")
        .map(({ device, point, value, requester }) => {
          const [mode = "", port] = point.split("_");
          return { device, port, mode, value: Number(value), requester };
        }),
    };
  }

  /** Waits until every device was scraped so often from now on. */
  async scraped(times: number): Promise<void> {
    const from = this.ear.messages.length;
    await this.ear.client.subscribeAsync("devices/site/+/all", { qos: 1 });
    try {
      await eventually(() => {
        for (const device of DEVICES) {
          const heard = this.ear.messages
            .slice(from)
            .filter(({ topic }) => topic === `devices/${device}/all`);
          if (heard.length < times)
            throw new Error(`${device} was not scraped ${times} times:\n${this.log.slice(-3000)}`);
        }
      }, 75_000);
    } finally {
      await this.ear.client.unsubscribeAsync("devices/site/+/all");
    }
  }

  async end(): Promise<void> {
    this.disk.empty();
    await this.#bridge?.stop("SIGKILL");
    await this.endTwin("SIGKILL");
    await this.ear.close();
    await this.proxy.close();
    await this.#simulator.stop("SIGKILL");
    await this.broker.dispose();
    this.#site.remove();
    // The disk is busy until the last file of a killed process is closed.
    await delay(200);
    this.disk.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(config: string): RunningVoltbridge {
    const env = {
      ...{ LD_PRELOAD: faketimeLibrary()!, FAKETIME_TIMESTAMP_FILE: join(this.#folder, "clock") },
      ...{ FAKETIME_NO_CACHE: "1", DONT_FAKE_MONOTONIC: "1" },
    };
    return new RunningVoltbridge(["run", "--config", join(this.#site.folder, "configs", config)], { env });
  }

  #world(stationID: string): Promise<unknown> {
    return this.#control(`world?stationID=${encodeURIComponent(stationID)}`);
  }

  async #control(what: string, init?: RequestInit): Promise<unknown> {
    const response = await fetch(`${this.#service}/control/${what}`, init);
    const body = (await response.json()) as { error?: string };
    if (!response.ok) throw new Error(`/control/${what}: ${body.error}`);
    return body;
  }
}

interface WorldPort {
  readonly portNumber: string;
  readonly shedState: number;
  readonly allowedLoad: number;
  readonly percentShed: number;
}

interface LoggedCall {
  readonly number: number;
  readonly account: string | null;
  readonly operation: string;
  readonly receivedAt: string;
  readonly outcome: string;
  readonly request: {
    readonly shedQuery: {
      readonly timeInterval?: number | null;
      readonly shedStation: {
        readonly stationID: string;
        readonly allowedLoadPerStation?: number | null;
        readonly percentShedPerStation?: number | null;
        readonly Ports?: {
          readonly Port: readonly {
            readonly portNumber: string;
            readonly allowedLoadPerPort?: number | null;
            readonly percentShedPerPort?: number | null;
          }[];
        } | null;
      };
    };
  };
}

const REGISTRY = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable",
  ...["", "1", "2"].flatMap((port) => {
    const end = port === "" ? "" : `_${port}`;
    return [
      `shedState${end},shedState,LoadRegister,${port},integer,,TRUE`,
      `allowedLoad${end},allowedLoad,LoadRegister,${port},float,kW,TRUE`,
      `percentShed${end},percentShed,LoadRegister,${port},integer,%,TRUE`,
    ];
  }),
].join("\n");
