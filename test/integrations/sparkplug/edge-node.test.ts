import { describe, expect, it } from "vitest";
import { StateStore } from "../../../src/storage/state-store.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { eventually } from "../../helpers/eventually.ts";
import { Mosquitto } from "../../helpers/mosquitto.ts";
import { TcpProxy } from "../../helpers/tcp-proxy.ts";
import { type Heard, Host, shown, startNode, station } from "./rig.ts";

const DCMD = "spBv1.0/site/DCMD/bridge-1/site:a";

/** The numbers of the messages that have one, from the last birth of the node on. */
function numbers(heard: readonly Heard[]): number[] {
  const from = heard.findLastIndex(({ verb }) => verb === "NBIRTH");
  return heard.slice(from).flatMap(({ payload }) => payload.seq ?? []);
}

function byName(host: Host, heard: Heard): Record<string, unknown> {
  return Object.fromEntries(heard.payload.metrics.map((metric) => [host.nameOf(metric), shown(metric)]));
}

describe.each([4, 5] as const)("over MQTT %i", (protocolVersion) => {
  it("births, data of what changed, death of a device and of the node", async () => {
    const mosquitto = await broker();
    const host = await Host.connect(mosquitto.url);
    const { node, scrape, miss, latest } = await startNode(mosquitto.url, {
      protocolVersion,
      paths: ["site/a", "site/b"],
    });
    const nbirth = await host.find("NBIRTH");
    expect(byName(host, nbirth)).toMatchObject({
      bdSeq: 0,
      "Node Control/Rebirth": false,
      "Devices/Total": 2,
      "Properties/Version": "1.2.3",
    });
    expect(nbirth.payload.metrics.find(({ name }) => name === "Node Control/Rebirth")!.alias).toBeUndefined();

    scrape("site/a");
    const dbirth = await host.find("DBIRTH", ({ device }) => device === "site:a");
    expect(byName(host, dbirth)).toEqual({
      stationName: "Garage ⚡ 1",
      TimeStamp: Date.parse("2026-11-30T08:00:00Z"),
      "Port 1/portLoad": 3.3,
      "Port 1/Status": "INUSE",
      "Port 1/allowedLoad": null,
      "Port 1/shedState": 0,
      "Port 1/Lifetime Energy": null,
      "Limit Ends/Port 1/allowedLoad": null,
      "Alarms/Open": null,
      "Alarms/Names": null,
      "Alarms/Last Change": null,
      "Results/Last Refusal": null,
      "Results/Port 1/allowedLoad/Status": null,
      "Results/Port 1/allowedLoad/Id": null,
      "Results/Port 1/allowedLoad/Message": null,
      "Results/Port 1/shedState/Status": null,
      "Results/Port 1/shedState/Id": null,
      "Results/Port 1/shedState/Message": null,
    });
    const limit = dbirth.payload.metrics.find(({ name }) => name === "Port 1/allowedLoad")!;
    expect(
      Object.fromEntries(
        [...limit.properties!].map(([key, { value }]) => [key, (value as { value: unknown }).value]),
      ),
    ).toEqual({ engUnit: "kW", engLow: 0, engHigh: 7.2, readOnly: false });

    // A time that always moves is no change of its own, and goes along with one.
    scrape("site/a", { TimeStamp: "2026-11-30T08:01:00Z" });
    scrape("site/a", { TimeStamp: "2026-11-30T08:02:00Z", portLoad_1: 6.6 });
    const ddata = await host.find("DDATA");
    expect(ddata.payload.metrics.map((metric) => host.nameOf(metric)).sort()).toEqual([
      "Port 1/portLoad",
      "TimeStamp",
    ]);
    for (const metric of ddata.payload.metrics)
      expect(metric).toMatchObject({ alias: expect.any(BigInt), timestamp: expect.any(Number) });
    expect(
      ddata.payload.metrics.every(({ name, datatype }) => name === undefined && datatype === undefined),
    ).toBe(true);

    // Its network calls it unreachable.
    scrape("site/a", {}, { unreachable: "UNREACHABLE" });
    await host.find("DDEATH", ({ device }) => device === "site:a");
    const before = host.heard.length;
    scrape("site/a");
    await host.find("DBIRTH", ({ device }) => device === "site:a", before);
    miss("site/a", 3);
    expect(latest.get("site/a")!.availability).toBe("offline");
    await host.find("DDEATH", ({ device }) => device === "site:a", before);

    await node.stop();
    const ndeath = await host.find("NDEATH");
    expect(byName(host, ndeath)).toEqual({ bdSeq: 0 });
    expect(ndeath.payload.seq).toBeUndefined();
    const sent = host.heard.filter(({ verb }) => verb !== "NDEATH");
    expect(numbers(sent)).toEqual(sent.map((_, i) => i % 256));
    expect(sent.every(({ qos, retain }) => qos === 0 && !retain)).toBe(true);
  });

  it("what changes while the broker is away comes later as historical, in order", async () => {
    const mosquitto = await broker();
    const state = StateStore.open(":memory:");
    const { scrape, node } = await startNode(mosquitto.url, { protocolVersion, state });
    const first = await Host.connect(mosquitto.url);
    scrape("site/a");
    await first.find("DBIRTH");
    await mosquitto.kill();
    await eventually(() => expect(node.counters.connected).toBe(false), 10_000, 10);
    for (const load of [4, 5, 5, 6]) scrape("site/a", { portLoad_1: load });
    await eventually(() => expect(node.counters.valuesWaiting).toBe(2), 5000, 10);
    await mosquitto.start();
    const host = await Host.connect(mosquitto.url);
    await host.rebirth();
    const nbirth = await host.find("NBIRTH");
    expect(Number(byName(host, nbirth).bdSeq)).toBeGreaterThan(0);
    await first.find("DDATA", ({ payload }) => payload.metrics.some(({ isHistorical }) => isHistorical));
    const past = first.heard
      .flatMap(({ payload }) => payload.metrics)
      .filter(({ isHistorical }) => isHistorical);
    expect(past.map((metric) => [first.nameOf(metric), shown(metric)])).toEqual([
      ["Port 1/portLoad", 4],
      ["Port 1/portLoad", 5],
    ]);
    expect(byName(host, await host.find("DBIRTH"))).toMatchObject({ "Port 1/portLoad": 6 });
    expect(node.counters.valuesWaiting).toBe(0);
  });
});

it("a connection that breaks ends in the will; each connect has the next number, also after a restart", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const state = StateStore.open(":memory:");
  const proxy = await TcpProxy.before(mosquitto.port);
  endings.push(() => proxy.close());
  const first = await startNode(`mqtt://127.0.0.1:${proxy.port}`, { state });
  await host.find("NBIRTH");
  proxy.cut();
  expect(byName(host, await host.find("NDEATH"))).toEqual({ bdSeq: 0 });
  await host.find("NBIRTH", (one) => byName(host, one).bdSeq === 1);
  await first.node.stop();
  await host.find("NDEATH", (one) => byName(host, one).bdSeq === 1);
  const from = host.heard.length;
  await startNode(mosquitto.url, { state });
  expect(byName(host, await host.find("NBIRTH", undefined, from))).toMatchObject({ bdSeq: 2 });
});

it("attempts that do not reach a broker do not count as connects, also where the number begins anew", async () => {
  const mosquitto = await Mosquitto.prepare();
  endings.push(() => mosquitto.dispose());
  const state = StateStore.open(":memory:");
  state.namespace("sparkplug").set("bdSeq", 255);
  const warnings: string[] = [];
  const { node } = await startNode(mosquitto.url, { state, onLog: (line) => warnings.push(line) });
  await eventually(() => expect(warnings.join()).toMatch("cannot connect"), 5000, 10);
  await mosquitto.start();
  const host = await Host.connect(mosquitto.url);
  await eventually(() => expect(node.counters.connected).toBe(true), 10_000, 10);
  await host.rebirth();
  expect(byName(host, await host.find("NBIRTH"))).toMatchObject({ bdSeq: 0 });
});

it("a host that asks for births 50 times a second gets few, each complete, and one after its last request", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const { scrape, node } = await startNode(mosquitto.url, { paths: ["site/a", "site/b"] });
  scrape("site/a");
  scrape("site/b");
  await host.find("DBIRTH", ({ device }) => device === "site:b");
  await eventually(() => expect(node.counters.live).toBe(true), 5000, 10);
  const from = host.heard.length;
  const begun = performance.now();
  for (let i = 0; i < 50; i++) {
    await host.rebirth();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const asked = host.heard.length;
  await host.find("NBIRTH", undefined, asked);
  await eventually(() => expect(node.counters.live).toBe(true), 5000, 10);
  const verbs = host.heard.slice(from).map(({ verb }) => verb);
  // The pauses last half a second in this test.
  const most = Math.ceil((performance.now() - begun) / 500) + 1;
  expect(verbs.filter((verb) => verb === "NBIRTH").length).toBeLessThanOrEqual(most);
  expect(verbs.filter((verb) => verb === "DBIRTH").length).toBe(
    2 * verbs.filter((verb) => verb === "NBIRTH").length,
  );
  expect(verbs).not.toContain("NDEATH");
  expect(
    new Set(host.heard.filter(({ verb }) => verb === "NBIRTH").map((one) => byName(host, one).bdSeq)),
  ).toEqual(new Set([0]));
});

it("births wait for the primary host; when it goes offline the node leaves, and comes back with it", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const { scrape, node } = await startNode(mosquitto.url, { settings: { primaryHost: "scada" } });
  await eventually(() => expect(node.counters.connected).toBe(true), 5000, 10);
  scrape("site/a");
  await host.state("other", true, 1000);
  await host.state("scada", false, 1000);
  scrape("site/a", { portLoad_1: 5 });
  await eventually(() => expect(node.counters.valuesWaiting).toBe(1), 5000, 10);
  expect(host.heard).toEqual([]);
  await host.state("scada", true, 2000);
  await host.find("DBIRTH");
  await host.value("site:a", "Port 1/portLoad", 3.3);
  // A late will of an earlier session of the host.
  await host.state("scada", false, 1500);
  scrape("site/a", { portLoad_1: 7 });
  await host.value("site:a", "Port 1/portLoad", 7);
  expect(host.heard.some(({ verb }) => verb === "NDEATH")).toBe(false);
  await host.state("scada", false, 2000);
  await host.find("NDEATH");
  await host.state("scada", true, 3000);
  const again = await host.find("NBIRTH", (one) => byName(host, one).bdSeq === 1);
  expect(again.payload.seq).toBe(0);
});

describe("devices", () => {
  it("what was announced before the start is in the first birth", async () => {
    const mosquitto = await broker();
    const host = await Host.connect(mosquitto.url);
    const raisedAt = new Date("2026-11-30T07:00:00Z");
    const endsAt = new Date("2026-11-30T09:00:00Z");
    const { scrape } = await startNode(mosquitto.url, {
      known: {
        openAlarms: new Map([
          [
            "site/a",
            {
              device: station("site/a"),
              alarms: [{ port: "1", alarm: "GFCI Trip", raisedAt }],
              isCut: false,
            },
          ],
        ]),
        limitEnds: new Map([["site/a", new Map([["allowedLoad_1", endsAt]])]]),
        energy: [
          { stationID: "1:6", port: "1", energyKwh: 1234.5, sessions: 99, at: "2026-11-30T06:00:00Z" },
          { stationID: "1:6", port: "7", energyKwh: 1, sessions: 1, at: "2026-11-30T06:00:00Z" },
        ],
      },
    });
    scrape("site/a");
    expect(byName(host, await host.find("DBIRTH"))).toMatchObject({
      "Alarms/Open": 1,
      "Alarms/Names": "Port 1: GFCI Trip",
      "Limit Ends/Port 1/allowedLoad": endsAt.getTime(),
      "Port 1/Lifetime Energy": 1234.5,
    });
  });

  it("a renamed one dies and is born under its new ID with what is known of its station; commands follow", async () => {
    const mosquitto = await broker();
    const host = await Host.connect(mosquitto.url);
    const energy = { stationID: "1:6", port: "1", energyKwh: 12.5, sessions: 3, at: "2026-11-30T06:00:00Z" };
    const { bus, devices, latest, scrape, calls } = await startNode(mosquitto.url, {
      known: { energy: [energy] },
    });
    scrape("site/a");
    await host.find("DBIRTH");
    const before = station("site/a");
    const after = station("garage/level 1/a", { stationID: "1:6" });
    devices.delete("site/a");
    latest.remove("site/a", "removed");
    bus.emit("membership", { device: before, change: "gone" });
    devices.set(after.path, after);
    latest.add(after);
    bus.emit("membership", { device: after, change: "added" });
    bus.emit("membership", { device: before, change: "forgotten" });
    scrape(after.path);
    await host.find("DDEATH", ({ device }) => device === "site:a");
    const birth = await host.find("DBIRTH", ({ device }) => device === "garage:level 1:a");
    expect(byName(host, birth)).toMatchObject({ "Port 1/portLoad": 3.3, "Port 1/Lifetime Energy": 12.5 });
    bus.emit("energy", { ...energy, energyKwh: 13 });
    await host.value("garage:level 1:a", "Port 1/Lifetime Energy", 13);
    const limit = { name: "Port 1/allowedLoad", type: 10, value: 5 } as const;
    await host.command(DCMD, [limit]);
    await host.command("spBv1.0/site/DCMD/bridge-1/garage:level 1:a", [limit]);
    await host.value("garage:level 1:a", "Results/Port 1/allowedLoad/Status", "confirmed");
    expect(calls.map(({ device }) => device)).toEqual(["garage/level 1/a"]);
    await eventually(() => expect(numbers(host.heard)).toEqual(numbers(host.heard).map((_, i) => i % 256)));
  });
});

describe("commands of hosts", () => {
  async function ready() {
    const mosquitto = await broker();
    const host = await Host.connect(mosquitto.url);
    const rig = await startNode(mosquitto.url);
    rig.scrape("site/a");
    await host.find("DBIRTH");
    const limit = { alias: host.alias("site:a", "Port 1/allowedLoad"), type: 10 as const };
    const result = (part: string) => `Results/Port 1/allowedLoad/${part}`;
    return { host, rig, limit, result };
  }

  it("a write goes to the actuator, and its outcome and the value come back", async () => {
    const { host, rig, limit, result } = await ready();
    await host.command(DCMD, [{ ...limit, value: 3.3 }]);
    await host.value("site:a", result("Status"), "confirmed");
    await host.value("site:a", result("Message"), "Success");
    const [call] = rig.calls;
    expect(call).toMatchObject({
      ...{ verb: "set", device: "site/a", point: "allowedLoad_1", value: 3.3 },
      command: { requester: "sparkplug", via: "sparkplug" },
    });
    await host.value("site:a", result("Id"), call!.command.id);
    rig.bus.emit("write", {
      ...{ device: station("site/a"), point: "allowedLoad_1", action: "set", at: new Date(), requested: 3.3 },
      ...{ status: "confirmed", readBack: 3.3, id: "x", requester: "sparkplug", via: "sparkplug" },
    });
    await host.value("site:a", "Port 1/allowedLoad", 3.3);
    rig.outcome = { status: "refused", error: "ScheduleError", text: "reserved by another requester" };
    await host.command(DCMD, [{ ...limit, value: 2 }]);
    await host.value("site:a", result("Message"), "reserved by another requester");
    await host.command(DCMD, [{ ...limit, value: null }]);
    await eventually(() => expect(rig.calls.at(-1)!.verb).toBe("revert"), 5000, 10);
  });

  it("bad ones are refused with an answer where the metric is known, reported once, and nothing is written", async () => {
    const { host, rig, limit, result } = await ready();
    const load = host.alias("site:a", "Port 1/portLoad");
    const refused = () => rig.node.counters.commandsRefused;
    const expectRefused = async (send: () => Promise<unknown>, more = 1) => {
      const before = Number(refused());
      await send();
      await eventually(() => expect(refused()).toBe(before + more), 5000, 10);
    };
    // Another type in the field, and one that the data type names.
    await expectRefused(() => host.command(DCMD, [{ alias: limit.alias, type: 12, value: "3.3" }]));
    await host.value(
      "site:a",
      result("Message"),
      'the value must be of type Double (10), found "3.3" in string_value; nothing was sent',
    );
    await expectRefused(() => host.command(DCMD, [{ name: "Port 1/allowedLoad", type: 3, value: 3 }]));
    await host.value("site:a", result("Status"), "refused");
    await expectRefused(() => host.command(DCMD, [{ alias: 999_999, type: 10, value: 3 }]));
    await host.value("site:a", "Results/Last Refusal", "alias 999999 is no metric of the device's birth");
    await expectRefused(() => host.command(DCMD, [{ alias: load, type: 10, value: 3 }]));
    await host.value("site:a", "Results/Last Refusal", "Port 1/portLoad is read-only");
    // Name and alias of two metrics.
    await expectRefused(() => host.command(DCMD, [{ ...limit, name: "Port 1/portLoad", value: 3 }]));
    // For a birth of before.
    await expectRefused(() =>
      host.command(DCMD, [
        { name: "bdSeq", type: 4, value: 200 },
        { ...limit, value: 3 },
      ]),
    );
    await expectRefused(() => host.command(DCMD, []));
    await expectRefused(() => host.client.publishAsync(DCMD, '{"value": 3}'));
    await expectRefused(() => host.command(DCMD, [{ ...limit, value: 3 }], true));
    await host.client.publishAsync(DCMD, "", { retain: true });
    const NCMD = "spBv1.0/site/NCMD/bridge-1";
    await expectRefused(() => host.command(NCMD, [{ name: "Node Control/Reboot", type: 11, value: true }]));
    await expectRefused(() =>
      host.command(NCMD, [{ name: "Node Control/Rebirth", type: 12, value: "true" }]),
    );
    await expectRefused(() =>
      host.command(NCMD, [{ name: "Node Control/Rebirth", type: 11, value: true }], true),
    );
    expect(rig.calls).toEqual([]);
    const said = rig.notices.filter(({ kind }) => kind === "sparkplug_command_refused");
    expect(said).toHaveLength(1);
    expect(host.heard.filter(({ verb }) => verb === "NBIRTH")).toHaveLength(1);

    // The time that the host gave goes along: the actuator refuses what is too old.
    await host.command(DCMD, [{ ...limit, value: 3, timestamp: 1_000_000 }]);
    await eventually(() => expect(rig.calls).toHaveLength(1), 5000, 10);
    expect(rig.calls[0]!.command.sentAt).toEqual(new Date(1_000_000));
  });

  it("a device that is not present is not written to", async () => {
    const { host, rig, limit } = await ready();
    rig.miss("site/a", 3);
    await host.find("DDEATH");
    await host.command(DCMD, [{ ...limit, value: 3 }]);
    await eventually(() => expect(rig.node.counters.commandsRefused).toBe(1), 5000, 10);
    expect(rig.calls).toEqual([]);
  });
});

it("a device that is added, changed, removed while hosts listen", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const { scrape, bus, devices, latest } = await startNode(mosquitto.url);
  scrape("site/a");
  await host.find("DBIRTH");
  // IDs that differ in case only are told apart.
  const added = station("Site/A");
  devices.set(added.path, added);
  latest.add(added);
  bus.emit("membership", { device: added, change: "added" });
  scrape("Site/A");
  const second = await host.find("DBIRTH", ({ device }) => device !== "site:a");
  expect(second.device).toMatch(/^Site:A-[0-9a-f]{8}$/);
  await host.command(`spBv1.0/site/DCMD/bridge-1/${second.device}`, [
    { alias: 1_000_000, type: 10, value: 1 },
  ]);
  await host.value(
    second.device!,
    "Results/Last Refusal",
    "alias 1000000 is no metric of the device's birth",
  );

  const before = devices.get("site/a")!;
  const changed = { ...before, points: new Map([...before.points].filter(([name]) => name !== "Status_1")) };
  devices.set("site/a", changed);
  latest.replace(changed);
  const from = host.heard.length;
  bus.emit("membership", { device: changed, change: "changed", before });
  const dbirth = await host.find("DBIRTH", ({ device }) => device === "site:a", from);
  expect(byName(host, dbirth)).toMatchObject({ "Port 1/portLoad": 3.3 });
  expect(byName(host, dbirth)).not.toHaveProperty("Port 1/Status");
  expect(host.heard.slice(from).map(({ verb }) => verb)).toEqual(["DDEATH", "DBIRTH"]);
  // No alias is used twice.
  const aliases = new Set(dbirth.payload.metrics.map(({ alias }) => alias));
  expect(second.payload.metrics.some(({ alias }) => aliases.has(alias))).toBe(false);

  devices.delete("site/a");
  latest.remove("site/a", "removed");
  bus.emit("membership", { device: changed, change: "gone" });
  await host.find("DDEATH", ({ device }) => device === "site:a", from + 2);
  expect(numbers(host.heard)).toEqual(numbers(host.heard).map((_, i) => i));
});

it("points that cannot be read are bad, old values stale, and good again later", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const { scrape, bus, devices } = await startNode(mosquitto.url);
  scrape("site/a");
  await host.find("DBIRTH");
  const qualityOf = (heard: Heard, name: string) => {
    const metric = heard.payload.metrics.find((one) => host.nameOf(one) === name);
    return metric?.properties?.get("Quality")?.value;
  };
  const next = async (from: number) => await host.find("DDATA", undefined, from);
  let from = host.heard.length;
  const device = devices.get("site/a")!;
  const values = new Map(
    Object.entries({ portLoad_1: 3.3, Status_1: "INUSE", allowedLoad_1: 0, shedState_1: 0 }),
  );
  bus.emit("scrape", {
    ...{ device, synchronizedAt: new Date(), takenAt: new Date(), noLimit: new Set(["allowedLoad_1"]) },
    ...{ values, failures: new Map([["stationName", "getStations failed"]]) },
  });
  const bad = await next(from);
  expect(qualityOf(bad, "stationName")).toEqual({ field: "int_value", value: 0 });
  expect(shown(bad.payload.metrics.find((one) => host.nameOf(one) === "stationName")!)).toBe("Garage ⚡ 1");
  from = host.heard.length;
  bus.emit("availability", { device, availability: "stale", since: new Date(), reason: "no answer" });
  expect(qualityOf(await next(from), "Port 1/portLoad")).toEqual({ field: "int_value", value: 500 });
  from = host.heard.length;
  bus.emit("availability", { device, availability: "online", since: new Date() });
  scrape("site/a");
  expect(qualityOf(await next(from), "Port 1/portLoad")).toEqual({ field: "int_value", value: 192 });
});

it("alarms, energy and the end of a limit are metrics", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const { scrape, bus, devices } = await startNode(mosquitto.url);
  scrape("site/a");
  await host.find("DBIRTH");
  const device = devices.get("site/a")!;
  const at = new Date("2026-11-30T10:00:00Z");
  bus.emit("openAlarms", { device, alarms: [{ port: "1", alarm: "GFCI Trip", raisedAt: at }], isCut: false });
  bus.emit("alarm", {
    ...{
      id: "1",
      device,
      port: "1",
      alarm: "GFCI Trip",
      state: "raised",
      raisedAt: at,
      at,
      seenAt: at,
      text: "",
    },
  });
  bus.emit("limitEnds", { device, ends: new Map([["allowedLoad_1", at]]) });
  bus.emit("energy", {
    stationID: device.stationID!,
    port: "1",
    energyKwh: 1234.5,
    sessions: 3,
    at: at.toISOString(),
  });
  await host.value("site:a", "Alarms/Open", 1);
  await host.value("site:a", "Alarms/Names", "Port 1: GFCI Trip");
  await host.value("site:a", "Alarms/Last Change", "raised: Port 1: GFCI Trip");
  await host.value("site:a", "Limit Ends/Port 1/allowedLoad", at.getTime());
  const energy = await host.value("site:a", "Port 1/Lifetime Energy", 1234.5);
  expect(energy.timestamp).toBe(at.getTime());
});

it("a broker of its own, and settings that cannot work", async () => {
  const mosquitto = await broker();
  const host = await Host.connect(mosquitto.url);
  const own = { url: mosquitto.url, protocolVersion: 5 as const };
  const { scrape } = await startNode("mqtt://127.0.0.1:1", { settings: { node: "other", broker: own } });
  scrape("site/a");
  await host.find("DBIRTH");
  await expect(
    startNode("mqtt://127.0.0.1:1", { settings: { broker: { ...own, ca: "/ca.pem" } } }),
  ).rejects.toThrow("integrations.sparkplug.broker.ca");
});

it("a device whose birth is too large for the broker is left out and reported; hosts miss no number", async () => {
  const mosquitto = await broker({ config: ["max_packet_size 2500"] });
  const host = await Host.connect(mosquitto.url);
  const { scrape, notices, node } = await startNode(mosquitto.url, { paths: ["site/a", "site/b"] });
  scrape("site/a", { stationName: "x".repeat(1000) });
  await eventually(() => expect(node.counters.refused).toBe(1), 5000, 10);
  expect(notices.map(({ kind, device }) => [kind, device])).toContainEqual([
    "sparkplug_device_withheld",
    "site/a",
  ]);
  scrape("site/a", { portLoad_1: 1 });
  scrape("site/b");
  await host.find("DBIRTH", ({ device }) => device === "site:b");
  await host.find("NDATA");
  expect(node.counters.refused).toBe(1);
  expect(host.heard.some(({ device }) => device === "site:a")).toBe(false);
  expect(numbers(host.heard)).toEqual(numbers(host.heard).map((_, i) => i));
});
