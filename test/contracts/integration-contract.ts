import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { IntegrationSettings } from "../../src/config/index.ts";
import type { DeviceInfo } from "../../src/points/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { Mosquitto } from "../helpers/mosquitto.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { IntegrationRig, station } from "../integrations/rig.ts";

/** The platform of an integration, as a program of its own that knows nothing of the bridge. */
export interface PlatformDouble {
  /** What the platform would report to its users or write to its log. */
  readonly complaints: readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  restart(): Promise<void>;
  /** What it knows, by an id that never changes. Rejects where something is there twice. */
  entities(): Promise<ReadonlyMap<string, { readonly available: boolean; readonly value: string | null }>>;
}

export interface ContractIntegration {
  /** Settings with the integration switched on. */
  readonly settings: Partial<IntegrationSettings>;
  platform(url: string, protocolVersion: 4 | 5): PlatformDouble;
  /** Returns what the ids of all entities of a station begin with, and no others. It may depend on the path: then the platform has a renamed station as another one. */
  beginning(device: Station): string;
  /** What follows it in the id of the entity with the load of the station. */
  readonly load: string;
  /** Whether the platform keeps the entities of what is gone, as unavailable, until its users remove them. */
  readonly keepsGone: boolean;
}

type Station = Pick<DeviceInfo, "path" | "stationID">;

const FIRST = station("site/a", "1:101");
/** The first one at another path. */
const MOVED = station("other/place/a", "1:101");
const SECOND = station("site/b", "1:102");
const THIRD = station("site/c", "1:103");
/** Time in which the platform must have everything, in milliseconds. */
const WITHIN_MS = 30_000;

/** A broker, a bridge behind a proxy, and the platform, of one version of MQTT. */
export async function startContractRig(integration: ContractIntegration, protocolVersion: 4 | 5) {
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  const broker = stack.adopt(await Mosquitto.run(), (one) => one.dispose());
  const proxy = stack.adopt(await TcpProxy.before(broker.port), (one) => one.close());
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  const rig = stack.adopt(new IntegrationRig(integration.settings, { url, protocolVersion }), (one) =>
    one.dispose(),
  );
  rig.add(FIRST);
  rig.add(SECOND);
  const platform = stack.adopt(integration.platform(broker.url, protocolVersion), (one) => one.stop());

  const ofStation = async (device: Station) =>
    [...(await platform.entities())].filter(([id]) => id.startsWith(integration.beginning(device)));
  const load = (device: Station) => `${integration.beginning(device)}${integration.load}`;
  /** Waits until a station is there with all that `count` says, available and with its load. */
  const complete = async (device: Station, count: number, value = "6.6") =>
    eventually(async () => {
      const entities = new Map(await ofStation(device));
      expect(entities.size).toBe(count);
      expect([...entities].filter(([, { available }]) => !available)).toEqual([]);
      expect(entities.get(load(device))?.value).toBe(value);
    }, WITHIN_MS);
  /** Waits until the platform has nothing of a station, or only what its users would remove. */
  const gone = async (device: Station) =>
    eventually(async () => {
      const left = await ofStation(device);
      expect(left.filter(([, { available }]) => available || !integration.keepsGone)).toEqual([]);
    }, WITHIN_MS);
  const first = async () => {
    const count = await eventually(async () => {
      const known = await ofStation(FIRST);
      expect(known.length).toBeGreaterThan(0);
      expect(known.find(([id]) => id === load(FIRST))?.[1]).toMatchObject({
        available: true,
        value: "6.6",
      });
      expect(known.every(([, { available }]) => available)).toBe(true);
      expect((await ofStation(SECOND)).length).toBe(known.length);
      return known.length;
    }, WITHIN_MS);
    await complete(SECOND, count);
    return count;
  };
  return { broker, proxy, rig, platform, ofStation, complete, gone, first };
}

/** The platform restarts, the broker restarts, or both, in every order; after each, everything is there once, and nothing was removed. */
export async function restartInAnyOrder(
  integration: ContractIntegration,
  protocolVersion: 4 | 5,
  { rounds, betweenMs = 0 }: { readonly rounds: number; readonly betweenMs?: number },
): Promise<{ readonly longestMs: number }> {
  const { broker, rig, platform, ofStation, complete, first } = await startContractRig(
    integration,
    protocolVersion,
  );
  await platform.start();
  await rig.start();
  const count = await first();
  const ids = async () => [...(await platform.entities()).keys()].sort();
  const all = await ids();
  const away = (round: number) => delay((round * 137) % 700);
  const restartBroker = async (round: number) => {
    await broker[round % 2 === 0 ? "kill" : "stop"]();
    await away(round);
    await broker.start();
  };
  const restartPlatform = async (round: number) => {
    await platform.stop();
    await away(round);
    await platform.start();
  };
  const orders = [
    async (round: number) => void (await Promise.all([restartBroker(round), restartPlatform(round)])),
    async (round: number) => {
      await restartBroker(round);
      await restartPlatform(round);
    },
    async (round: number) => {
      await platform.stop();
      await restartBroker(round);
      await platform.start();
    },
    restartPlatform,
    restartBroker,
  ];
  let longestMs = 0;
  for (let round = 0; round < rounds; round++) {
    await orders[round % orders.length]!(round);
    const began = performance.now();
    const load = (5 + round / 10).toFixed(1).replace(/\.0$/, "");
    rig.scrape(Number(load));
    await complete(FIRST, count, load);
    await complete(SECOND, count, load);
    longestMs = Math.max(longestMs, performance.now() - began);
    expect(await ids(), `round ${round}`).toEqual(all);
    expect((await ofStation(FIRST)).length).toBe(count);
    await delay(betweenMs);
  }
  expect(longestMs).toBeLessThan(WITHIN_MS);
  expect(platform.complaints).toEqual([]);
  return { longestMs };
}

/** What every integration keeps, whatever happens to the platform, the broker and the bridge. */
export function integrationContract(integration: ContractIntegration): void {
  describe.each([5, 4] as const)("over MQTT %i", (protocolVersion) => {
    const begin = () => startContractRig(integration, protocolVersion);

    test("birth, rebirth, and a station added, renamed and removed", async () => {
      const { rig, platform, ofStation, complete, gone, first } = await begin();
      await platform.start();
      await rig.start();
      const count = await first();
      const idsOf = async (device: Station) => (await ofStation(device)).map(([id]) => id).sort();
      const ids = await idsOf(FIRST);
      await platform.restart();
      await complete(FIRST, count);
      rig.add(THIRD);
      await complete(THIRD, count);
      rig.remove(FIRST.path);
      rig.add(MOVED);
      await eventually(async () => {
        rig.scrape(7.2);
        await complete(MOVED, count, "7.2");
      });
      const [before, after] = [integration.beginning(FIRST), integration.beginning(MOVED)];
      expect(await idsOf(MOVED)).toEqual(ids.map((id) => id.replace(before, after)));
      if (before !== after) await gone(FIRST);
      rig.remove(SECOND.path);
      await gone(SECOND);
      await complete(MOVED, count, "7.2");
      expect(platform.complaints).toEqual([]);
    });

    test("a station removed while the platform is away, and one removed while the bridge does not run", async () => {
      const { rig, platform, complete, gone, first } = await begin();
      await platform.start();
      await rig.start();
      const count = await first();
      await platform.stop();
      rig.remove(SECOND.path);
      await platform.start();
      await complete(FIRST, count);
      await gone(SECOND);
      await rig.stop();
      rig.remove(FIRST.path);
      rig.add(THIRD);
      await rig.start();
      await complete(THIRD, count);
      await gone(FIRST);
      expect(platform.complaints).toEqual([]);
    });

    test("the broker restarts without what it retained; the bridge is killed and comes back", async () => {
      const { broker, proxy, rig, platform, ofStation, complete, first } = await begin();
      await platform.start();
      await rig.start();
      const count = await first();
      await broker.kill();
      await broker.start();
      await complete(FIRST, count);
      await complete(SECOND, count);
      proxy.refusing = true;
      proxy.cut();
      await eventually(async () => {
        const states = (await ofStation(FIRST)).map(([, { available }]) => available);
        expect(states.length).toBe(count);
        expect(states).not.toContain(true);
      }, WITHIN_MS);
      proxy.heal();
      await complete(FIRST, count);
      expect(platform.complaints).toEqual([]);
    });

    test("a slow broker delays the platform and no scrape; a bridge on standby is silent and takes over whole", async () => {
      const { proxy, rig, platform, complete, first } = await begin();
      proxy.trouble = { kind: "delay", ms: 150 };
      await platform.start();
      await rig.start();
      const count = await first();
      const began = performance.now();
      for (let i = 0; i < 20; i++) rig.scrape(7 + i / 10);
      expect((performance.now() - began) / 20).toBeLessThan(100);
      await complete(FIRST, count, "8.9");
      proxy.heal();
      await rig.integrations!.stop();
      rig.integrations!.start();
      await complete(FIRST, count, "8.9");
      await complete(SECOND, count, "8.9");
      expect(platform.complaints).toEqual([]);
    });

    test("the platform and the broker restart, in any order", async () => {
      await restartInAnyOrder(integration, protocolVersion, { rounds: 3 });
    });

    test("switched off while it runs, and while the bridge does not: the platform has nothing left", async () => {
      const { rig, platform, ofStation, complete, gone, first } = await begin();
      await platform.start();
      await rig.start();
      const count = await first();
      const on = rig.settings;
      const off = Object.fromEntries(
        Object.entries(on).map(([name, one]) => [name, { ...one, enabled: false }]),
      ) as unknown as IntegrationSettings;
      rig.integrations!.change(off);
      const nothing = () => Promise.all([gone(FIRST), gone(SECOND)]);
      await nothing();
      rig.integrations!.change(on);
      await complete(FIRST, count);
      await rig.stop();
      // A mere stop keeps everything.
      await delay(200);
      expect((await ofStation(FIRST)).length).toBe(count);
      rig.settings = off;
      await rig.start();
      await nothing();
      expect(platform.complaints).toEqual([]);
    });
  });
}
