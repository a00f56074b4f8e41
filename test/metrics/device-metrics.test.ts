import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bus, type Notice } from "../../src/bus.ts";
import { LatestValues } from "../../src/devices/scraping/latest-values.ts";
import { createLog } from "../../src/log/log.ts";
import { createMetrics, type Metrics, type MetricsParts } from "../../src/metrics/metrics.ts";
import type { DeviceInfo, Measure, Point, PointValue, Scrape } from "../../src/points/index.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { type ReadText, readText } from "./text.ts";

let clock: ManualClock;
let bus: Bus;
let notices: Notice[];
const started: Metrics[] = [];
afterEach(() => {
  for (const metrics of started.splice(0)) metrics.stop();
});
beforeEach(() => {
  clock = new ManualClock();
  notices = [];
  bus = new Bus((_, error) => {
    throw error;
  });
  bus.on("notice", (notice) => notices.push(notice));
});

const PORT: readonly Measure[] = ["load", "state", "limit", "limit_percent", "limited", "energy", "session"];

/** A device whose points are named `<measure>_<port>`, and `load` of the station. */
function device(path: string, ports: readonly string[] = ["1"], measures = PORT): DeviceInfo {
  const point = (name: string, measure: Measure, port?: string): [string, Point] => [
    name,
    {
      ...{ name, type: "float", units: "", writable: false, publish: "always", notes: "", extra: {} },
      origin: { register: "Register", attribute: measure, port, measure },
    },
  ];
  const ofPorts = ports.flatMap((port) => measures.map((one) => point(`${one}_${port}`, one, port)));
  return {
    ...{ path, driverType: "any", timezone: "UTC", intervalSeconds: 60 },
    points: new Map([...ofPorts, point("load", "load"), point("state", "state")]),
    publish: { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
  };
}

function openMetrics(
  devices: readonly DeviceInfo[],
  settings: Partial<MetricsParts["settings"]> = {},
  more: Pick<MetricsParts, "lifetimeEnergy"> = {},
) {
  const latest = new LatestValues(devices, bus, clock);
  const metrics = createMetrics({
    ...more,
    settings: { perPort: true, maxSeries: 1000, ...settings },
    ...{ instance: "test", version: "0.0.0", bus, clock, log: createLog({ level: "silent" }) },
    devices: {
      latest,
      accountStates: () => [],
      counters: () => ({
        devices: latest.count(),
        scrapes: { ok: 0, failed: 0, skipped: 0, pointFailures: 0 },
        writes: { confirmed: 0, accepted: 0, unconfirmed: 0, refused: 0, failed: 0 },
        holds: { held: 0, renewed: 0, notRenewed: 0 },
        drivers: {},
      }),
    },
    limits: { limits: () => [] },
    mqtt: {
      connected: true,
      role: { isActive: true },
      counters: { published: 0, dropped: 0, refused: 0 },
      outbox: undefined,
    },
  });
  started.push(metrics);
  return {
    scrape(of: DeviceInfo, values: Record<string, PointValue>, unreachable?: string): void {
      const takenAt = new Date(clock.now());
      const all = { device: of, synchronizedAt: takenAt, takenAt, unreachable };
      const scrape: Scrape = { ...all, values: new Map(Object.entries(values)), failures: new Map() };
      latest.scraped(scrape);
    },
    /** A second later: a text is returned again within one. */
    async read(): Promise<ReadText> {
      await clock.advance(1000);
      return readText(await metrics.text());
    },
    metrics,
  };
}

const ONE = { device: "site/s1", port: "1" };

describe("values of ports", () => {
  test("are in base units, with device and port as their only labels", async () => {
    const s1 = device("site/s1", ["1", "2"]);
    const { scrape, read } = openMetrics([s1]);
    scrape(s1, {
      ...{ load: 9.81, load_1: 6.603, load_2: 3.207, state_1: "INUSE", state_2: "AVAILABLE" },
      ...{ limited_1: 1, limit_1: 7.2, limit_percent_1: 0, limited_2: 1, limit_2: 0, limit_percent_2: 40 },
      ...{ energy_1: 4.2, session_1: "77", session_2: "0" },
    });
    const text = await read();
    const second = { ...ONE, port: "2" };
    expect(text.value("voltbridge_device_up")).toBe(1);
    expect(text.value("voltbridge_device_last_scrape_timestamp_seconds")).toBe((clock.now() - 1000) / 1000);
    expect(text.value("voltbridge_device_power_watts")).toBe(9810);
    expect(text.value("voltbridge_port_power_watts", ONE)).toBe(6603);
    expect(text.value("voltbridge_port_state", { ...ONE, state: "in_use" })).toBe(1);
    expect(text.value("voltbridge_port_state", { ...ONE, state: "available" })).toBe(0);
    expect(text.value("voltbridge_port_up", second)).toBe(1);
    expect(text.value("voltbridge_port_limit_watts", ONE)).toBe(7200);
    expect(text.value("voltbridge_port_shed_ratio", ONE)).toBeUndefined();
    expect(text.value("voltbridge_port_shed_ratio", second)).toBe(0.4);
    expect(text.value("voltbridge_port_limit_watts", second)).toBeUndefined();
    expect(text.value("voltbridge_port_session_energy_joules")).toBe(15_120_000);
    expect(text.value("voltbridge_sessions_in_progress")).toBe(1);
    expect(text.value("voltbridge_ports", { state: "in_use" })).toBe(1);
    const labels = text.samples.filter(({ name }) => name.startsWith("voltbridge_port_"));
    expect(new Set(labels.flatMap((one) => Object.keys(one.labels)))).toEqual(
      new Set(["device", "port", "state"]),
    );
  });

  test("no limit is not a limit of 0 W; a limit of 0 W is one", async () => {
    const [s1, s2] = [device("site/s1"), device("site/s2")];
    const { scrape, read } = openMetrics([s1, s2]);
    scrape(s1, { limited_1: 0, limit_1: 0, limit_percent_1: 0 });
    scrape(s2, { limited_1: 1, limit_1: 0, limit_percent_1: 0 });
    const text = await read();
    expect(text.value("voltbridge_port_limited", { device: "site/s1" })).toBe(0);
    expect(text.value("voltbridge_port_limit_watts", { device: "site/s1" })).toBeUndefined();
    expect(text.value("voltbridge_port_limit_watts", { device: "site/s2" })).toBe(0);
  });

  test("of a station that the network does not reach only the state is shown; old values not at all", async () => {
    const s1 = device("site/s1");
    const { scrape, read } = openMetrics([s1]);
    expect((await read()).value("voltbridge_device_up")).toBe(0);
    scrape(s1, { state_1: "AVAILABLE", load_1: 1 });
    await clock.advance(60_000);
    scrape(s1, { state_1: "UNREACHABLE", load_1: 1 }, "UNREACHABLE");
    let text = await read();
    expect(text.value("voltbridge_port_up")).toBe(0);
    expect(text.value("voltbridge_port_power_watts")).toBeUndefined();
    expect(text.value("voltbridge_ports", { state: "unreachable" })).toBe(1);
    await clock.advance(181_000);
    text = await read();
    expect(text.value("voltbridge_port_up")).toBeUndefined();
    expect(text.value("voltbridge_ports", { state: "unknown" })).toBe(1);
    expect(text.value("voltbridge_device_up")).toBe(0);
  });

  test.each([
    ["AVAILABLE", 1],
    ["INUSE", 1],
    ["UNKNOWN", 0],
    // It says nothing about the port.
    ["operational", undefined],
    [null, undefined],
  ])("a port that is %j has an uptime of %j", async (state, up) => {
    const s1 = device("site/s1");
    const { scrape, read } = openMetrics([s1]);
    scrape(s1, { state_1: state });
    expect((await read()).value("voltbridge_port_up")).toBe(up);
  });

  test("lifetime energy and number of sessions are counters of the ports, also while the station is offline", async () => {
    const s1 = { ...device("site/s1"), stationID: "1:1" };
    const lifetimeEnergy = (stationID = "") =>
      stationID === "1:1"
        ? [{ stationID, port: "1", energyKwh: 12.5, sessions: 3, at: "2026-11-21T08:00:00Z" }]
        : [];
    const { read } = openMetrics([s1, device("site/s2")], {}, { lifetimeEnergy });
    const text = await read();
    expect(text.value("voltbridge_port_energy_joules_total", ONE)).toBe(45_000_000);
    expect(text.value("voltbridge_port_sessions_total", ONE)).toBe(3);
    expect(text.families.get("voltbridge_port_sessions_total")?.type).toBe("counter");
    expect(text.families.get("voltbridge_port_power_watts")?.type).toBe("gauge");
    expect(text.samples.filter(({ name }) => name === "voltbridge_port_sessions_total")).toHaveLength(1);
  });

  test("a station without ports is one, without the label; names of any characters stay names", async () => {
    const odd = device('site/"a"\\b\nc', []);
    const { scrape, read } = openMetrics([odd]);
    scrape(odd, { load: 2, state: "AVAILABLE" });
    const text = await read();
    expect(text.value("voltbridge_port_power_watts", { device: odd.path })).toBe(2000);
    expect(text.samples.find(({ name }) => name === "voltbridge_port_up")?.labels).toEqual({
      device: odd.path,
    });
  });
});

describe("the number of series", () => {
  test("ends at max_series with whole devices, the same ones each time, and that is said once", async () => {
    const devices = ["a", "b", "c", "d"].map((name) => device(`site/${name}`));
    const { scrape, read } = openMetrics(devices, { maxSeries: 25 });
    for (const one of devices) scrape(one, { state_1: "AVAILABLE", load_1: 1, limited_1: 0 });
    for (const _ of [1, 2]) {
      const text = await read();
      const up = text.samples.filter(({ name }) => name === "voltbridge_device_up");
      expect(up.map(({ labels }) => labels.device)).toEqual(["site/a", "site/b"]);
      expect(text.value("voltbridge_metrics_series")).toBe(20);
      expect(text.value("voltbridge_metrics_series_omitted")).toBe(20);
      // The sums stay those of all.
      expect(text.value("voltbridge_ports", { state: "available" })).toBe(4);
    }
    expect(notices.map(({ kind }) => kind)).toEqual(["metrics_capped"]);
    expect(notices[0]!.text).toMatch(/metrics\.max_series is 25: 20 series .* metrics\.per_port/);
  });

  test("per_port false: sums only", async () => {
    const s1 = device("site/s1");
    const { scrape, read } = openMetrics([s1], { perPort: false });
    scrape(s1, { state_1: "INUSE", load_1: 1 });
    const text = await read();
    expect([...text.families.keys()].filter((name) => /_(port|device)_/.test(name))).toEqual([]);
    expect(text.value("voltbridge_ports", { state: "in_use" })).toBe(1);
    expect(text.value("voltbridge_devices", { availability: "online" })).toBe(1);
  });
});

test("however often it is asked for, one text a second is made", async () => {
  const { metrics, read } = openMetrics([device("site/s1")]);
  await read();
  expect(metrics.text()).toBe(metrics.text());
  const before = metrics.text();
  await clock.advance(1000);
  expect(metrics.text()).not.toBe(before);
});

test("calls and notices are counted from the start on, errors from their first call", async () => {
  const { read } = openMetrics([]);
  const call = { driverType: "chargepoint", account: "abc… at NA", operation: "getLoad" };
  bus.emit("call", { ...call, outcome: "success", isError: false, seconds: 0.3 });
  const labels = { driver: "chargepoint", account: "abc… at NA", operation: "getLoad" };
  expect((await read()).value("voltbridge_api_errors_total", labels)).toBe(0);
  bus.emit("call", { ...call, outcome: "timeout", isError: true, seconds: 20 });
  bus.emit("notice", { severity: "error", kind: "account_paused", text: "…", at: new Date() });
  const text = await read();
  expect(text.value("voltbridge_api_requests_total", { outcome: "timeout" })).toBe(1);
  expect(text.value("voltbridge_api_errors_total", labels)).toBe(1);
  expect(text.value("voltbridge_api_request_duration_seconds_bucket", { le: "0.5" })).toBe(1);
  expect(text.value("voltbridge_api_request_duration_seconds_sum")).toBe(20.3);
  expect(text.value("voltbridge_notices_total", { severity: "error", kind: "account_paused" })).toBe(1);
});
