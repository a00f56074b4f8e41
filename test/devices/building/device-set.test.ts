import { describe, expect, test } from "vitest";
import { Bus, type Membership, type Notice } from "../../../src/bus.ts";
import { openDevices } from "../../../src/devices/index.ts";
import type { AbleType, SetMember } from "../../../src/drivers/abilities.ts";
import { createLog } from "../../../src/log/log.ts";
import type { AvailabilityChange, Scrape } from "../../../src/points/index.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { ManualClock, settled } from "../../helpers/manual-clock.ts";
import { ScriptedDevice, STATION } from "../rig.ts";
import { actuatorSettings, deviceSettings, driverSettings, registryRows } from "../rows.ts";

const HOUR_MS = 3_600_000;

const station = (id: string, stationName?: string): SetMember => ({
  id,
  names: { stationID: id, ...(stationName && { stationName }) },
});

/** The devices of one set, `path` being its template, on a clock that the test moves. */
function rig(
  options: {
    template?: string;
    state?: StateStore;
    singles?: string[];
    starting?: boolean;
    prepare?: (device: ScriptedDevice) => void;
  } = {},
) {
  const clock = new ManualClock();
  const state = options.state ?? StateStore.open(":memory:");
  const made = new Map<string, ScriptedDevice>();
  const configs: unknown[] = [];
  const account: { members: SetMember[] | Error; lookups: number } = { members: [], lookups: 0 };
  const scripted: AbleType = {
    name: "scripted",
    configSchema: {},
    checkRows: () => [],
    identityOf: (config) => ({ network: "scripted", id: (config as { stationID: string }).stationID }),
    open: () => ({
      createDevice(init) {
        configs.push(init.config);
        const device = new ScriptedDevice(init.path, clock);
        options.prepare?.(device);
        made.set(init.path, device);
        return device;
      },
      async findMembers() {
        account.lookups++;
        if (account.members instanceof Error) throw account.members;
        return account.members;
      },
      close: async () => {},
    }),
  };
  const bus = new Bus((_, error) => {
    throw error;
  });
  const notices: Notice[] = [];
  const changes: string[] = [];
  const availability: AvailabilityChange[] = [];
  const scrapes: Scrape[] = [];
  bus.on("notice", (notice) => notices.push(notice));
  bus.on("membership", ({ device, change }: Membership) => changes.push(`${change} ${device.path}`));
  bus.on("availability", (change) => availability.push(change));
  bus.on("scrape", (scrape) => scrapes.push(scrape));
  const set = {
    key: "stations",
    member: "stationID",
    placeholders: ["stationID", "stationName"],
    refreshSeconds: 3600,
  };
  const rows = registryRows(STATION);
  const singles = (options.singles ?? []).map((path) => ({
    settings: deviceSettings({
      path,
      driverType: "scripted",
      driverConfig: { stationID: path },
      file: `/configs/${path}.json`,
    }),
    rows,
  }));
  const devices = openDevices({
    devices: [
      ...singles,
      {
        settings: deviceSettings({
          path: options.template ?? "campus/{stationName}",
          driverType: "scripted",
          driverConfig: { stations: { sgID: "1" }, username: "u" },
          file: "/configs/garage.json",
          set,
        }),
        rows,
      },
    ],
    settings: {
      driver: { ...driverSettings, writeStartingValues: options.starting ?? false },
      actuator: actuatorSettings,
    },
    drivers: { scripted },
    bus,
    log: createLog({ level: "silent" }),
    state,
    clock,
  });
  const paths = () => devices.infos.map(({ path }) => path).sort();
  const looked = async (members: SetMember[] | Error) => {
    account.members = members;
    await clock.advance(HOUR_MS);
    await settled();
  };
  const said = (kind: string) => notices.filter((notice) => notice.kind === kind);
  return {
    clock,
    state,
    made,
    configs,
    account,
    devices,
    changes,
    availability,
    scrapes,
    paths,
    looked,
    said,
  };
}

describe("a set of devices", () => {
  test("becomes one device per station, each with its own config", async () => {
    const { account, devices, clock, paths, configs, said, scrapes } = rig();
    account.members = [station("1:1", "ACME / One"), station("1:2", "Zwölf + #3")];
    devices.start();
    await clock.advance(1000);
    expect(paths()).toEqual(["campus/ACME %2F One", "campus/Zwölf %2B %233"]);
    expect(configs).toEqual([
      { username: "u", stationID: "1:1" },
      { username: "u", stationID: "1:2" },
    ]);
    expect(said("set_found")[0]!.text).toContain("2 devices");
    expect(new Set(scrapes.map(({ device }) => device.path)).size).toBe(2);
    await devices.stop();
  });

  test("a station that comes is scraped and told; one that goes is stopped, offline, and later forgotten", async () => {
    const r = rig();
    r.account.members = [station("1:1", "A")];
    r.devices.start();
    await r.clock.advance(1000);
    await r.looked([station("1:1", "A"), station("1:2", "B")]);
    expect(r.said("station_added").map(({ device }) => device)).toEqual(["campus/B"]);
    await r.clock.advance(61_000);
    expect(r.made.get("campus/B")!.calls).toContain("scrape");

    await r.looked([station("1:2", "B")]);
    expect(r.said("station_gone").map(({ device }) => device)).toEqual(["campus/A"]);
    expect(r.availability.at(-1)).toMatchObject({ device: { path: "campus/A" }, availability: "offline" });
    const calls = r.made.get("campus/A")!.calls.length;
    const command = { id: "c", requester: "t", via: "t", sentAt: new Date(r.clock.now()) };
    expect(await r.devices.commands.set("campus/A", "limit", 1, command)).toMatchObject({
      status: "refused",
    });
    expect(r.changes).not.toContain("forgotten campus/A");
    await r.looked([station("1:2", "B")]);
    expect(r.made.get("campus/A")!.calls).toHaveLength(calls);
    expect(r.changes.at(-1)).toBe("forgotten campus/A");
    expect(r.devices.latest.get("campus/A")).toBeUndefined();
    await r.devices.stop();
  });

  test("what is held of a station that is forgotten is let go, and told; nothing is renewed after a restart", async () => {
    const r = rig({ prepare: (device) => void Object.assign(device, { leaseSeconds: 3 * 3600 }) });
    r.account.members = [station("1:1", "A"), station("1:2", "B")];
    r.devices.start();
    await r.clock.advance(1000);
    for (const path of ["campus/A", "campus/B"]) {
      const command = { id: path, requester: "t", via: "t", sentAt: new Date(r.clock.now()) };
      expect(await r.devices.commands.set(path, "limit", 1, command)).toMatchObject({ status: "confirmed" });
    }
    await r.looked([station("1:2", "B")]);
    expect(r.devices.counters().holds.held).toBe(2);
    await r.looked([station("1:2", "B")]);
    expect(r.devices.counters().holds.held).toBe(1);
    const [released] = r.said("hold_released");
    expect(released).toMatchObject({ severity: "warning", device: "campus/A" });
    expect(released!.text).toContain("ends by itself at");
    expect(r.state.namespace("holds").entries().length).toBe(1);
    await r.devices.stop();
  });

  test("a pause lasts while its station is away, and ends where it is forgotten", async () => {
    const r = rig();
    r.account.members = [station("1:1", "A"), station("1:2", "B")];
    r.devices.start();
    await r.clock.advance(1000);
    const sentAt = new Date(r.clock.now());
    const { pausing } = r.devices.control;
    pausing.pause("campus/A", { id: "c", requester: "ops", via: "t", sentAt });
    await r.looked([station("1:2", "B")]);
    expect(pausing.paused()).toEqual([]);
    await r.looked([station("1:1", "A"), station("1:2", "B")]);
    expect(pausing.paused()).toMatchObject([{ device: "campus/A", requester: "ops" }]);
    expect(r.made.get("campus/A")!.calls).toEqual([]);
    expect(r.devices.latest.get("campus/A")!.reason).toMatch(/^paused by ops since /);
    await r.looked([station("1:2", "B")]);
    await r.looked([station("1:2", "B")]);
    expect(r.said("device_resumed").map(({ text }) => text)).toEqual([
      "the device is no longer paused: it was removed",
    ]);
    expect(r.state.namespace("paused").entries()).toEqual([]);
    await r.devices.stop();
  });

  test("a lookup that fails changes nothing, and is told once; a restart without network knows its devices", async () => {
    const first = rig();
    first.account.members = [station("1:1", "A")];
    first.devices.start();
    await first.clock.advance(1000);
    await first.looked(new Error("no network"));
    expect(first.paths()).toEqual(["campus/A"]);
    await first.devices.stop();

    const again = rig({ state: first.state });
    again.account.members = new Error("no network");
    expect(again.paths()).toEqual(["campus/A"]);
    again.devices.start();
    await again.clock.advance(25_000);
    expect(again.account.lookups).toBeGreaterThan(1);
    expect(again.said("set_lookup_failed")).toHaveLength(1);
    expect(again.made.get("campus/A")!.calls).toContain("scrape");
    again.account.members = [station("1:1", "A"), station("1:9", "I")];
    await again.clock.advance(60_000);
    expect(again.paths()).toEqual(["campus/A", "campus/I"]);
    await again.devices.stop();
  });

  test("stations that would share a topic are reported with both names; the first keeps it", async () => {
    const r = rig({ singles: ["campus/own"] });
    r.account.members = [
      station("1:1", "Same"),
      station("1:2", "same"),
      station("1:3", "OWN"),
      station("1:4"),
    ];
    r.devices.start();
    await r.clock.advance(1000);
    expect(r.paths()).toEqual(["campus/Same", "campus/own"]);
    const texts = r.said("station_not_added").map(({ text }) => text);
    expect(texts[0]).toMatch(/station 1:2 \(same\).*belongs to station 1:1 \(Same\)/);
    expect(texts[1]).toMatch(/station 1:3 \(OWN\).*belongs to \/configs\/campus\/own\.json/);
    expect(texts[2]).toMatch(/station 1:4 .*has no stationName/);
    await r.devices.stop();
  });

  test("E31: a station with a config of its own is left out of the set; one with another name runs on under it", async () => {
    const { devices, paths, looked, said } = rig({ singles: ["1:1"] });
    devices.start();
    await looked([station("1:1", "A"), station("1:2", "B")]);
    expect(paths()).toEqual(["1:1", "campus/B"]);
    expect(said("station_not_added")).toMatchObject([{ severity: "error", device: "campus/A" }]);
    expect(said("station_not_added")[0]!.text).toMatch(
      /garage\.json.*station 1:1 of scripted already is device 1:1 of \/configs\/1:1\.json/,
    );
    await looked([station("1:2", "C")]);
    expect(paths()).toEqual(["1:1", "campus/C"]);
    await devices.stop();
  });

  test("E8: nothing is written for a device that comes, Starting Values neither", async () => {
    const r = rig({ starting: true });
    r.account.members = [station("1:1", "A")];
    r.devices.start();
    await r.clock.advance(61_000);
    expect(r.made.get("campus/A")!.calls).toContain("scrape");
    expect(r.made.get("campus/A")!.writes).toEqual([]);
    await r.devices.stop();
  });
});
