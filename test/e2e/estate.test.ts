import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Etcd, etcdInstalled } from "../helpers/etcd.ts";
import { eventually } from "../helpers/eventually.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { RunningVoltbridge, voltbridge } from "../helpers/voltbridge.ts";

const TTL = 3;
const STATIONS = 6;
const ACCOUNTS = ["one", "two", "three"].map((name) => ({ username: `key-${name}`, password: `pw-${name}` }));
const REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable
load,stationLoad,LoadRegister,,float,kW,FALSE
limit,allowedLoad,LoadRegister,,float,kW,TRUE
`;

interface ShedLoad {
  readonly receivedAt: string;
  readonly client: string;
  readonly outcome: string;
  readonly request: { readonly shedQuery: { readonly shedStation: { readonly stationID: string } } };
}

/** Two bridges that share three accounts of one simulated service, over etcd and Mosquitto. */
class TwoBridges {
  readonly folder = mkdtempSync(join(tmpdir(), "voltbridge-estate-"));
  readonly answers = new Map<string, Record<string, unknown>>();
  readonly #endings: (() => unknown)[] = [];
  readonly members = new Map<string, RunningVoltbridge>();
  #endpoint = "";
  #client!: MqttClient;
  #etcd!: Etcd;
  #broker!: Mosquitto;

  async start(): Promise<void> {
    this.#broker = await Mosquitto.run();
    this.#endings.push(() => this.#broker.dispose());
    this.#etcd = await Etcd.run();
    this.#endings.push(() => this.#etcd.dispose());
    writeFileSync(join(this.folder, "accounts.json"), JSON.stringify(ACCOUNTS));
    const simulator = new RunningVoltbridge([
      ...["simulate", "--port", "0", "--stations", String(STATIONS), "--model", "CT4021-GW1"],
      ...["--accounts", join(this.folder, "accounts.json"), "--log-level", "error"],
    ]);
    this.#endings.push(() => simulator.stop("SIGKILL"));
    const [line] = await simulator.printed(/\{"endpoint".*\}/);
    this.#endpoint = (JSON.parse(line) as { endpoint: string }).endpoint;
    this.#client = await connectAsync(this.#broker.url, { protocolVersion: 5 });
    this.#endings.push(() => this.#client.endAsync(true));
    this.#client.on("message", (_topic, payload) => {
      const answer = JSON.parse(payload.toString()) as Record<string, unknown>;
      this.answers.set(String(answer.id), answer);
    });
    await this.#client.subscribeAsync("test/answers", { qos: 1 });
  }

  async end(): Promise<void> {
    for (const member of this.members.values()) await member.stop("SIGKILL");
    for (const ending of this.#endings.reverse()) await ending();
    rmSync(this.folder, { recursive: true, force: true });
  }

  config(member: string): string {
    return join(this.folder, member, "bridge.json");
  }

  async run(member: string): Promise<void> {
    const folder = join(this.folder, member);
    mkdirSync(join(folder, "devices"), { recursive: true });
    writeFileSync(join(folder, "limits.csv"), REGISTRY);
    const bridge = {
      ...{ instance: "estate", devices: "devices", registries: ".", data: "data" },
      mqtt: { url: this.#broker.url, state: "off" },
      historian: { backend: "none" },
      actuator: { confirm_timeout: 5 },
      cluster: { backend: "etcd", member, ttl: TTL, connection: { endpoints: this.#etcd.endpoints } },
    };
    writeFileSync(join(folder, "bridge.json"), JSON.stringify(bridge), { mode: 0o600 });
    for (let i = 0; i < STATIONS; i++) {
      const login = ACCOUNTS[i % ACCOUNTS.length]!;
      const device = {
        driver_type: "chargepoint",
        driver_config: {
          ...login,
          endpoint: this.#endpoint,
          stationID: `1:${100_001 + i}`,
          cacheExpiration: 0,
        },
        ...{ registry_config: "config://limits.csv", interval: 2, topic: `garage/s${i}` },
      };
      writeFileSync(join(folder, "devices", `s${i}.json`), JSON.stringify(device), { mode: 0o600 });
    }
    const running = new RunningVoltbridge(["run", "--config", this.config(member)]);
    this.members.set(member, running);
    await running.printed(/the configuration \w+ is active/);
  }

  /** Number of shards by member, when each has an owner. */
  async owners(): Promise<Record<string, number>> {
    const { stdout } = await voltbridge(["cluster", "status", "--json", "--config", this.config("a")]);
    const { shards } = JSON.parse(stdout) as { shards: { owner: string | null }[] };
    const counts: Record<string, number> = {};
    for (const { owner } of shards) counts[owner ?? "nobody"] = (counts[owner ?? "nobody"] ?? 0) + 1;
    return counts;
  }

  /** Sends a limit to every station, and returns the ids of the commands. */
  async limit(round: string, kw: number): Promise<string[]> {
    const ids = Array.from({ length: STATIONS }, (_, i) => `${round}-${i}`);
    for (const [i, id] of ids.entries())
      await this.#client.publishAsync(
        `devices/actuators/set/garage/s${i}/limit`,
        JSON.stringify({ value: kw, id, requester: "test" }),
        { qos: 1, properties: { responseTopic: "test/answers" } },
      );
    return ids;
  }

  async answered(ids: readonly string[], deadlineMs: number): Promise<Record<string, unknown>[]> {
    return await eventually(
      () => ids.map((id) => this.answers.get(id) ?? expect.fail(`${id} has no answer`)),
      deadlineMs,
    );
  }

  /** What the service did, oldest first. */
  async sheds(): Promise<ShedLoad[]> {
    const answer = await fetch(new URL("/control/log?operation=shedLoad", this.#endpoint));
    return (await answer.json()) as ShedLoad[];
  }
}

/** Returns the writes after which the station was written to by a smaller epoch, of which there must be none. */
function overlaps(sheds: readonly ShedLoad[]): ShedLoad[] {
  const newest = new Map<string, number>();
  return sheds.filter(({ client, request }) => {
    const station = request.shedQuery.shedStation.stationID;
    const epoch = Number(/\/(\d+)\)$/.exec(client)?.[1] ?? Number.NaN);
    const before = newest.get(station) ?? 0;
    newest.set(station, Math.max(before, epoch));
    return !(epoch >= before);
  });
}

describe.runIf(etcdInstalled() && mosquittoInstalled)("two bridges that share accounts", () => {
  const estate = new TwoBridges();
  beforeAll(async () => {
    await estate.start();
    await estate.run("a");
    await estate.run("b");
    await eventually(async () => expect(Object.keys(await estate.owners()).sort()).toEqual(["a", "b"]));
  }, 40_000);
  afterAll(() => estate.end());

  it("E34: a member that is killed is replaced within the lease and two seconds; each command is carried out once, none is lost", async () => {
    const first = await estate.limit("first", 5);
    // A shard without a record of an owner waits with its first write until the lease of one would be over.
    for (const { status } of await estate.answered(first, 15_000)) expect(status).toBe("confirmed");
    await estate.members.get("a")!.stop("SIGKILL");
    const killedAt = Date.now();
    const second = await estate.limit("second", 4);
    await eventually(async () => expect(await estate.owners()).toEqual({ b: ACCOUNTS.length }), 15_000, 50);
    const taken = [...estate.members.get("b")!.stderr.matchAll(/^(\S+) info +cluster: member b has /gm)];
    expect(Date.parse(taken.at(-1)![1]!) - killedAt).toBeLessThan((TTL + 2) * 1000);
    for (const { status } of await estate.answered(second, 35_000)) expect(status).toBe("confirmed");
    const sheds = await estate.sheds();
    expect(overlaps(sheds)).toEqual([]);
    expect(sheds.filter(({ outcome }) => outcome === "100")).toHaveLength(2 * STATIONS);
    // The same command again is answered from what the dead member had recorded.
    await estate.limit("first", 5);
    await eventually(() => expect(estate.answers.get("first-0")?.repeated).toBe(true), 10_000);
    expect(await estate.sheds()).toHaveLength(sheds.length);
  }, 80_000);

  it("E34: a member that is stopped and goes on writes nothing after another has taken over", async () => {
    await estate.run("a");
    await eventually(
      async () => expect(Object.keys(await estate.owners()).sort()).toEqual(["a", "b"]),
      15_000,
    );
    const a = estate.members.get("a")!;
    const ids = await estate.limit("third", 3);
    process.kill(a.pid!, "SIGSTOP");
    await eventually(async () => expect(await estate.owners()).toEqual({ b: ACCOUNTS.length }), 15_000, 50);
    process.kill(a.pid!, "SIGCONT");
    // What it had taken from the broker and not recorded has no answer; the same command again has one.
    await estate.limit("third", 3);
    for (const { status } of await estate.answered(ids, 45_000))
      expect(["confirmed", "unconfirmed", "refused"]).toContain(status);
    await eventually(
      async () => expect(Object.keys(await estate.owners()).sort()).toEqual(["a", "b"]),
      20_000,
    );
    const sheds = await estate.sheds();
    expect(overlaps(sheds)).toEqual([]);
    const ofThird = sheds.slice(2 * STATIONS).filter(({ outcome }) => outcome === "100");
    expect(ofThird.length).toBeLessThanOrEqual(STATIONS);
  }, 90_000);

  it("hands its shards over when it is drained, in less than a second each", async () => {
    const { code, stdout } = await voltbridge(["cluster", "drain", "a", "--config", estate.config("a")]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ s {2}done\n$/)]);
    const { stdout: status } = await voltbridge(["cluster", "status", "--config", estate.config("b")]);
    expect(status).toMatch(/active, draining/);
    const handOver = estate.members.get("a")!.stderr.match(/has handed over \S+ to b \((\d+) ms\)/);
    expect(Number(handOver?.[1])).toBeLessThan(1000);
  }, 30_000);
});
