import { expect } from "vitest";
import { StateStore } from "../../../../src/storage/state-store.ts";
import { broker, endings } from "../../../helpers/endings.ts";
import { eventually } from "../../../helpers/eventually.ts";
import { TcpProxy } from "../../../helpers/tcp-proxy.ts";
import { Host, type Rig, startNode, station } from "../rig.ts";
import { bdSeqOf, deviceOf, isA } from "./judge.ts";
import { type Entry, type Record, recordAt } from "./record.ts";

const HOST = "scada";
const FLEET = Array.from({ length: 6 }, (_, i) => `fleet/${i + 1}`);

/** Lets an edge node live through all that the specification speaks of, and returns what it sent and got. */
export async function lifeOf(version: 4 | 5): Promise<Record> {
  const mosquitto = await broker();
  const proxy = await TcpProxy.before(mosquitto.port);
  endings.push(() => proxy.close());
  const record = recordAt(proxy, { version, group: "site", node: "bridge-1", host: HOST });
  const life = new Life(record, await Host.connect(mosquitto.url));
  const state = StateStore.open(":memory:");
  const start = async (paths: readonly string[]) => {
    life.rig = await startNode(`mqtt://127.0.0.1:${proxy.port}`, {
      ...{ protocolVersion: version, paths, state, settings: { primaryHost: HOST } },
    });
  };

  await start(["site/a", "site/b", ...FLEET]);
  await life.passesThrough();
  await life.countsOver255();
  await life.hostGoesAndComes();

  // The broker is restarted, and does not have STATE any more.
  const { rig } = life;
  await mosquitto.kill();
  await eventually(() => expect(rig.node.counters.connected).toBe(false), 10_000, 10);
  for (const load of [1, 2]) life.change("site/a", "portLoad_1", "Port 1/portLoad", load);
  const away = life.now;
  await mosquitto.start();
  await eventually(() => expect(life.host.client.connected).toBe(true), 10_000, 10);
  await life.host.state(HOST, true, 4000);
  await life.born(2);
  await life.until(
    (entry) => isA(entry, "DDATA") && !!entry.payload?.metrics.some((one) => one.is_historical),
    away,
  );

  proxy.cut();
  await life.born(3);
  await rig.node.stop();
  await life.until((entry) => entry.kind === "closed", record.entries.length - 1);
  await start(["site/a"]);
  life.rig.scrape("site/a");
  await life.born(4);
  await life.rig.node.stop();
  await eventually(() => expect(record.entries.at(-1)!.kind).toBe("closed"), 5000, 10);
  await life.until((entry) => isA(entry, "DDATA") && entry.payload?.seq === 255);
  return record;
}

class Life {
  rig!: Rig;
  readonly host: Host;
  readonly #record: Record;

  constructor(record: Record, host: Host) {
    this.#record = record;
    this.host = host;
  }

  get now(): number {
    return this.#record.entries.length;
  }

  /** Waits for an entry from position `from` on. */
  until(passes: (entry: Entry) => boolean, from = 0): Promise<Entry> {
    return eventually(
      () => {
        const found = this.#record.entries.slice(from).find(passes);
        if (!found) {
          const came = this.#record.entries
            .slice(from)
            .map((entry) => ("topic" in entry ? entry.topic : entry.kind));
          throw new Error(`it did not come; came: ${came}`);
        }
        return found;
      },
      15_000,
      5,
    );
  }

  message(verb: "NBIRTH" | "NDATA" | "NDEATH" | "DBIRTH" | "DDATA" | "DDEATH", device?: string, from = 0) {
    return this.until(
      (entry) => isA(entry, verb) && (device === undefined || deviceOf(entry) === device),
      from,
    );
  }

  /** Waits for the births of the connection with this bdSeq. */
  async born(bdSeq: number): Promise<void> {
    await this.until((entry) => isA(entry, "NBIRTH") && bdSeqOf(entry) === bdSeq);
    await eventually(() => expect(this.rig.node.counters.live).toBe(true), 10_000, 5);
  }

  note(
    what:
      | { kind: "lost"; device: string }
      | { kind: "changed"; device?: string; metric: string; value: unknown },
  ) {
    this.#record.entries.push({ connection: -1, at: Date.now(), ...what } as Entry);
  }

  change(path: string, point: string, metric: string, value: number): void {
    this.note({ kind: "changed", device: path.replace("/", ":"), metric, value });
    this.rig.scrape(path, { [point]: value });
  }

  lose(path: string): void {
    this.note({ kind: "lost", device: path.replace("/", ":") });
    this.rig.miss(path, 3);
  }

  /** Births, data, losses, a command, requests for births, devices that come and go. */
  async passesThrough(): Promise<void> {
    const { rig, host } = this;
    await eventually(() => expect(rig.node.counters.connected).toBe(true), 5000, 5);
    for (const path of ["site/a", "site/b", ...FLEET]) rig.scrape(path);
    await host.state("other", true, 1000);
    await host.state(HOST, false, 1000);
    await this.until((entry) => entry.kind === "delivered" && entry.state?.online === false);
    await host.state(HOST, true, 2000);
    await this.born(0);

    this.change("site/a", "portLoad_1", "Port 1/portLoad", 4);
    await this.message("DDATA", "site:a");
    await this.#qualities();

    let from = this.now;
    this.lose("site/b");
    await this.message("DDEATH", "site:b", from);
    rig.scrape("site/b");
    await this.message("DBIRTH", "site:b", from);
    from = this.now;
    rig.scrape("site/b", {}, { unreachable: "UNREACHABLE" });
    await this.message("DDEATH", "site:b", from);
    rig.scrape("site/b");
    await this.message("DBIRTH", "site:b", from);

    await host.command("spBv1.0/site/DCMD/bridge-1/site:a", [
      { alias: host.alias("site:a", "Port 1/allowedLoad"), type: 10, value: 3.3 },
    ]);
    await host.value("site:a", "Results/Port 1/allowedLoad/Status", "confirmed");

    await this.#rebirths();

    const added = station("Site/A");
    rig.devices.set(added.path, added);
    rig.latest.add(added);
    this.note({ kind: "changed", metric: "Devices/Total", value: rig.devices.size });
    rig.bus.emit("membership", { device: added, change: "added" });
    from = this.now;
    rig.scrape("Site/A");
    const { topic } = (await this.until((entry) => isA(entry, "DBIRTH"), from)) as { topic: string } & Entry;
    await host.value(undefined, "Devices/Total", rig.devices.size);
    rig.devices.delete(added.path);
    rig.latest.remove(added.path, "removed");
    this.note({ kind: "lost", device: topic.split("/")[4]! });
    rig.bus.emit("membership", { device: added, change: "gone" });
    await this.message("DDEATH", topic.split("/")[4], from);
  }

  /** A point that cannot be read, values that are stale, and good ones again. */
  async #qualities(): Promise<void> {
    const { rig } = this;
    const device = rig.devices.get("site/a")!;
    for (const quality of [0, 500, 192]) {
      const from = this.now;
      if (quality === 0) {
        const values = new Map<string, number | string>([
          ["portLoad_1", 4],
          ["Status_1", "INUSE"],
          ["allowedLoad_1", 0],
          ["shedState_1", 0],
        ]);
        const failures = new Map([["stationName", "getStations failed"]]);
        rig.bus.emit("scrape", {
          ...{ device, synchronizedAt: new Date(), takenAt: new Date(), values, failures },
          noLimit: new Set(["allowedLoad_1"]),
        });
      } else if (quality === 500)
        rig.bus.emit("availability", {
          device,
          availability: "stale",
          since: new Date(),
          reason: "no answer",
        });
      else {
        rig.bus.emit("availability", { device, availability: "online", since: new Date() });
        rig.scrape("site/a", { portLoad_1: 4 });
      }
      await this.message("DDATA", "site:a", from);
    }
  }

  /** Births that are asked for: at once, and after a pause in which values change and a device is lost. */
  async #rebirths(): Promise<void> {
    const { host, rig } = this;
    for (let time = 0; time < 2; time++) {
      const from = this.now;
      await host.rebirth();
      await this.until((entry) => entry.kind === "delivered", from);
      if (time === 1) {
        this.change("site/a", "portLoad_1", "Port 1/portLoad", 6.5);
        this.lose("fleet/6");
      }
      await this.message("NBIRTH", undefined, from);
      await eventually(() => expect(rig.node.counters.live).toBe(true), 5000, 5);
    }
    rig.scrape("fleet/6");
    await this.message("DBIRTH", "fleet:6", this.now - 1);
  }

  async countsOver255(): Promise<void> {
    for (let load = 1; load <= 44; load++) {
      const from = this.now;
      for (const path of FLEET) this.change(path, "portLoad_1", "Port 1/portLoad", load);
      for (const path of FLEET) await this.message("DDATA", path.replace("/", ":"), from);
    }
  }

  async hostGoesAndComes(): Promise<void> {
    const { host } = this;
    let from = this.now;
    // The late will of an earlier session of the host.
    await host.state(HOST, false, 1500);
    await this.until((entry) => entry.kind === "delivered", from);
    this.change("site/a", "portLoad_1", "Port 1/portLoad", 7);
    await this.message("DDATA", "site:a", from);
    from = this.now;
    await host.state(HOST, false, 3000);
    await this.until((entry) => entry.kind === "closed", from);
    from = this.now;
    await this.until((entry) => entry.kind === "delivered", from);
    await host.state(HOST, true, 2500);
    await this.until((entry) => entry.kind === "delivered" && entry.state?.online === true, from);
    await host.state(HOST, true, 4000);
    await this.born(1);
  }
}
