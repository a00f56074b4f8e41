import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HistorianBackend, Row, Sample, TopicMeta } from "../../../../src/historian/contract.ts";
import type { HistorianError } from "../../../../src/historian/errors.ts";
import { Historian } from "../../../../src/historian/query/historian.ts";
import type { InfluxConnection } from "../../../../src/historian/stores/influxdb/settings.ts";
import type { PointValue } from "../../../../src/points/index.ts";
import { sample } from "../../../contracts/historian-contract.ts";
import { Influxd, influxInstalled } from "../../../helpers/influxdb.ts";
import { freePort } from "../../../helpers/mosquitto.ts";
import { TcpProxy } from "../../../helpers/tcp-proxy.ts";
import { type BackendOptions, backendOf, newDatabase } from "./store.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;
const TEXT: TopicMeta = { units: "", type: "string", tz: "UTC" };

describe.skipIf(!influxInstalled)("InfluxDB 1.x", () => {
  let influxd: Influxd;
  let database: string;
  let open: HistorianBackend[];

  beforeAll(async () => {
    influxd = await Influxd.run();
  });
  afterAll(() => influxd?.dispose());
  beforeEach(() => {
    database = newDatabase();
    open = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((backend) => backend.close()));
  });

  function backend(settings: Partial<InfluxConnection> = {}, options: BackendOptions = {}): HistorianBackend {
    const made = backendOf({ url: influxd.url, database, ...settings }, options);
    open.push(made);
    return made;
  }

  async function rows(of: HistorianBackend, topic: string): Promise<readonly Row[]> {
    return await of.read({ topic, order: "FIRST_TO_LAST", skip: 0, limit: 100_000 });
  }

  async function values(of: HistorianBackend, topic: string): Promise<PointValue[]> {
    return (await rows(of, topic)).map(([, value]) => value);
  }

  async function failure(promise: Promise<unknown>): Promise<HistorianError> {
    return await promise.then(
      () => expect.unreachable("it should have failed"),
      (error) => error as HistorianError,
    );
  }

  /** Line protocol of somebody else. */
  async function post(lines: string, precision = "u"): Promise<void> {
    const query = new URLSearchParams({ db: database, precision });
    const response = await fetch(`${influxd.url}/write?${query}`, { method: "POST", body: lines });
    expect(response.status).toBe(204);
  }

  describe("the layouts", () => {
    test("volttron: measurement, tags and field as VOLTTRON has them, topics at time 0", async () => {
      await backend().write([
        sample("Campus/Building/Station/portLoad_1", NOON, 7),
        sample("Region/Campus/Building/Station/Status", NOON, "AVAILABLE", TEXT),
      ]);
      expect(await influxd.query("SELECT * FROM portload_1", database)).toEqual([
        {
          measurement: "portload_1",
          time: NOON,
          campus: "campus",
          building: "building",
          device: "station",
          source: "scrape",
          value: 7,
          value_string: "7.0",
        },
      ]);
      expect(await influxd.query("SELECT campus, value FROM status", database)).toEqual([
        { measurement: "status", time: NOON, campus: "region/campus", value: "AVAILABLE" },
      ]);
      expect(
        await influxd.query("SELECT topic, topic_id, meta_dict FROM meta WHERE topic =~ /Load/", database),
      ).toEqual([
        {
          measurement: "meta",
          time: 0,
          topic: "Campus/Building/Station/portLoad_1",
          topic_id: "campus/building/station/portload_1",
          meta_dict: '{"units":"kW","type":"float","tz":"UTC"}',
        },
      ]);
    });

    test("volttron: value_string as VOLTTRON writes it, beside values of every kind; without it by the setting", async () => {
      const kinds: [PointValue, TopicMeta["type"], string][] = [
        [7, "float", "7.0"],
        [6.589, "float", "6.589"],
        [7, "integer", "7"],
        [true, "boolean", "True"],
        ["off", "boolean", "off"],
        ['say "hi"\n', "string", 'say "hi"\n'],
        [null, "float", "None"],
        [{ a: [1] }, "dictionary", '{"a":[1]}'],
      ];
      const store = backend();
      await store.write(
        kinds.map(([value, type], i) => sample("a/b/c/p", NOON + i, value, { ...TEXT, type })),
      );
      const texts = await influxd.query("SELECT value_string FROM p", database);
      expect(texts.map((row) => row.value_string)).toEqual(kinds.map(([, , text]) => text));
      expect(await values(store, "a/b/c/p")).toEqual(kinds.map(([value]) => value));
      await backend({ value_string: false }).write([sample("a/b/c/q", NOON, 1)]);
      expect(await influxd.query("SELECT * FROM q", database)).toEqual([
        expect.not.objectContaining({ value_string: expect.anything() }),
      ]);
    });

    test("volttron: a field value_string of another type is left as it is", async () => {
      await influxd.query(`CREATE DATABASE "${database}"`);
      await post(`p,device=x value_string=1 ${NOON}`);
      const store = backend();
      await store.write([sample("a/b/c/p", NOON, 1), sample("a/b/c/q", NOON, 2)]);
      await post(`r,device=x value_string=1 ${NOON}`);
      await store.write([sample("a/b/c/q", NOON + 1, 2), sample("a/b/c/r", NOON, 3)]);
      for (const [point, expected] of [
        ["p", [1]],
        ["q", [2, 2]],
        ["r", [3]],
      ] as const)
        expect(await values(store, `a/b/c/${point}`)).toEqual(expected);
    });

    test("ev: one line a port or device and time, units in the names, ids as fields", async () => {
      const at = (point: string, value: PointValue, meta = TEXT): Sample =>
        sample(`Campus/Garage/S1/${point}`, NOON, value, meta);
      const kw: TopicMeta = { units: "kW", type: "float", tz: "UTC" };
      await backend({ layout: "ev" }).write([
        at("stationLoad", 9, kw),
        at("portLoad_1", 6.6, kw),
        at("portLoad_2", 2.4, kw),
        at("sessionID_1", "12345678901234567890"),
        at("percentShed_1", 0, { ...kw, units: "%" }),
        at("session_Energy_1", 1.5, { ...kw, units: "kWh" }),
        at("session_userID_1", null),
        at("alarmType", "GFCI Trip"),
        sample(
          "actuators/write/Campus/Garage/S1/allowedLoad_1",
          NOON,
          { by: "cli" },
          { ...TEXT, type: "dictionary" },
        ),
      ]);
      const device = "campus/garage/s1";
      const all = async (measurement: string) =>
        await influxd.query(`SELECT * FROM ${measurement}`, database);
      expect(await all("ev_port")).toEqual([
        {
          measurement: "ev_port",
          time: NOON,
          device,
          port: "1",
          port_load_kw: 6.6,
          session_id: "12345678901234567890",
          percent_shed: 0,
        },
        {
          measurement: "ev_port",
          time: NOON,
          device,
          port: "2",
          port_load_kw: 2.4,
          session_id: null,
          percent_shed: null,
        },
      ]);
      expect(await all("ev_station")).toEqual([
        { measurement: "ev_station", time: NOON, device, station_load_kw: 9 },
      ]);
      expect(await all("ev_session")).toEqual([
        { measurement: "ev_session", time: NOON, device, port: "1", energy_kwh: 1.5, user_id_json: "null" },
      ]);
      expect(await all("ev_alarm")).toEqual([
        { measurement: "ev_alarm", time: NOON, device, alarm_type: "GFCI Trip" },
      ]);
      expect(await all("ev_write")).toEqual([
        { measurement: "ev_write", time: NOON, device, port: "1", allowed_load_json: '{"by":"cli"}' },
      ]);
    });

    test("ev: station, site and model as tags, also of a new process, and new ones when they change", async () => {
      const settings = { layout: "ev", station_tags: true } as const;
      const at = (point: string, time: number, value: PointValue): Sample =>
        sample(`Campus/S1/${point}`, time, value, TEXT);
      const first = [
        at("Status_1", NOON, "INUSE"),
        at("stationName", NOON, "ACME / ONE, north"),
        at("Address", NOON, "1 Main St"),
        at("stationModel", NOON, "CT4021"),
        sample("campus/s2/Status_1", NOON, "INUSE", TEXT),
      ];
      await backend(settings).write(first);
      const later = backend(settings);
      await later.write([at("Status_1", NOON + 1, "AVAILABLE")]);
      await later.write([at("Status_1", NOON + 2, "INUSE"), at("sgName", NOON + 2, "North garage")]);
      const tags = await influxd.query("SELECT status, station, site, model FROM ev_port", database);
      const site = (name: string | null) =>
        name === null
          ? { station: null, site: null, model: null }
          : { station: "ACME / ONE, north", site: name, model: "CT4021" };
      expect(tags.map(({ station = null, site = null, model = null }) => ({ station, site, model }))).toEqual(
        expect.arrayContaining([site("1 Main St"), site("1 Main St"), site("North garage"), site(null)]),
      );
      // A batch that is sent again after the change is in two series, and one value all the same.
      await later.write(first);
      expect(await values(later, "campus/s1/status_1")).toEqual(["INUSE", "AVAILABLE", "INUSE"]);
      const page = { topic: "campus/s1/status_1", order: "FIRST_TO_LAST", skip: 0, limit: 2 } as const;
      expect(await later.read(page)).toHaveLength(2);
    });

    test("ev: topics that would share a field are kept apart, and a new unit is a new field", async () => {
      const store = backend({ layout: "ev" });
      const kw: TopicMeta = { units: "kW", type: "float", tz: "UTC" };
      await store.write([
        sample("a/s/portLoad_1", NOON, 1, kw),
        sample("a/s/port_load_1", NOON, 2, kw),
        sample("a/s/time", NOON, 3, TEXT),
        sample("a/s/device", NOON, "D", TEXT),
      ]);
      const again = backend({ layout: "ev" });
      await again.write([
        sample("a/s/port_load_1", NOON + 1, 22, kw),
        sample("a/s/portLoad_1", NOON + 1, 1000, { ...kw, units: "W" }),
      ]);
      expect(await rows(again, "a/s/portload_1")).toEqual([
        [NOON, 1],
        [NOON + 1, 1000],
      ]);
      expect(await rows(again, "a/s/port_load_1")).toEqual([
        [NOON, 2],
        [NOON + 1, 22],
      ]);
      expect(await values(again, "a/s/time")).toEqual([3]);
      expect(await values(again, "a/s/device")).toEqual(["D"]);
      expect(
        await influxd.query("SELECT port_load_kw, port_load_kw_2, port_load_w FROM ev_port", database),
      ).toEqual([
        { measurement: "ev_port", time: NOON, port_load_kw: 1, port_load_kw_2: 2, port_load_w: null },
        { measurement: "ev_port", time: NOON + 1, port_load_kw: null, port_load_kw_2: 22, port_load_w: 1000 },
      ]);
    });
  });

  describe.each(["volttron", "ev"] as const)("layout %s", (layout) => {
    test("B2, B3, T3, T5: any topic, text and metadata come back, each as one record", async () => {
      const store = backend({ layout });
      const level = fc.string({ unit: fc.constantFrom(..."ab#,= \"'\\\n\r\t%/_é⚡\0"), maxLength: 8 });
      const topic = level.filter((text) => text !== "");
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(topic, { maxLength: 8 }),
          fc.string({ unit: "binary" }),
          level,
          async (topics, text, units) => {
            const meta: TopicMeta = { ...TEXT, units };
            await store.write(topics.map((name, i) => sample(name, NOON + i, text, meta)));
            for (const [i, name] of topics.entries()) {
              expect(await store.topics([name])).toEqual([{ name, meta }]);
              expect((await rows(store, name)).filter(([time]) => time === NOON + i)).toEqual([
                [NOON + i, text],
              ]);
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    test("B4: of values of different kinds with one key the last wins, across restarts", async () => {
      const drifting: PointValue[] = [1, "text", 2, null, 3, true, { a: 1 }, 4];
      for (const value of drifting) {
        const store = backend({ layout });
        await store.write([sample("a/b/c/drift", NOON, value)]);
        expect(await rows(store, "a/b/c/drift")).toEqual([[NOON, value]]);
      }
    });

    test("B4: devices that declare one point differently, and a registry whose type changes", async () => {
      const store = backend({ layout });
      const written: [string, PointValue, TopicMeta["type"]][] = [
        ["a/b/one/p", 1.5, "float"],
        ["a/b/two/p", "text", "string"],
        ["a/b/three/p", true, "boolean"],
        ["a/b/four/p", 7, "integer"],
      ];
      const write = async (to: HistorianBackend, shift: number): Promise<void> =>
        await to.write(
          written.map(([topic], i) => {
            const [, value, type] = written[(i + shift) % written.length]!;
            return sample(topic, NOON + shift, value, { ...TEXT, type });
          }),
        );
      for (let shift = 0; shift < 4; shift++)
        await write(shift % 2 === 0 ? store : backend({ layout }), shift);
      for (const [i, [topic]] of written.entries())
        expect(await values(backend({ layout }), topic)).toEqual(
          [0, 1, 2, 3].map((shift) => written[(i + shift) % 4]![1]),
        );
    });

    test("B12: a database dropped at run time is made again, and its topics told again", async () => {
      const store = backend({ layout });
      await store.write([sample("a/b/c/p", NOON, 1)]);
      await influxd.query(`DROP DATABASE "${database}"`);
      expect((await failure(store.topics())).kind).toBe("retry");
      await store.write([sample("a/b/c/p", NOON + 1, 2)]);
      expect(await rows(store, "a/b/c/p")).toEqual([[NOON + 1, 2]]);
      expect(await store.topics()).toHaveLength(1);
      await influxd.query(`DROP DATABASE "${database}"`);
      await store.write([sample("a/b/c/p", NOON + 2, 3)]);
      expect(await rows(store, "a/b/c/p")).toEqual([[NOON + 2, 3]]);
    });

    test("B8: the oldest go, in steps, topics and the rest stay", async () => {
      const store = backend({ layout });
      const days = Array.from({ length: 40 }, (_, i) => i);
      await store.write([
        ...days.map((day) => sample("a/b/c/p", NOON - day * DAY, day)),
        ...days.map((day) => sample("a/b/c/meta", NOON - day * DAY, String(day), TEXT)),
        sample("a/b/c/p", -DAY, "before 1970"),
      ]);
      const { retention } = store;
      expect(await retention?.oldest()).toBe(-DAY);
      expect(await retention?.size()).toBeGreaterThan(0);
      let removed = 0;
      for (let calls = 0; calls < 50; calls++) {
        const count = await retention!.removeBefore(NOON - 9 * DAY);
        removed += count;
        if (count === 0) break;
      }
      expect(removed).toBe(61);
      expect(await retention?.oldest()).toBe(NOON - 9 * DAY);
      for (const topic of ["a/b/c/p", "a/b/c/meta"]) expect(await rows(store, topic)).toHaveLength(10);
      expect(await store.topics()).toHaveLength(2);
      expect(await retention?.removeBefore(NOON + DAY)).toBeGreaterThan(0);
    });

    test("B16: names and patterns made to be taken for InfluxQL have no effect", async () => {
      const store = backend({ layout });
      const hostile = [
        `x'; DROP DATABASE "${database}"; --`,
        `a/b/c/" ; DROP MEASUREMENT meta; "`,
        "a/b/c\\'/p' OR 1=1 --",
        "a/b/c/\\",
        "/.*/",
        "$var",
      ];
      await store.write([sample("a/b/c/p", NOON, 1)]);
      for (const topic of hostile) {
        expect(await store.topics([topic])).toEqual([]);
        expect(await rows(store, topic)).toEqual([]);
      }
      await store.write(hostile.map((topic, i) => sample(topic, NOON, i)));
      for (const [i, topic] of hostile.entries()) expect(await rows(store, topic)).toEqual([[NOON, i]]);
      const begun = performance.now();
      expect(await new Historian(store).topics("(a+)+$b")).toEqual([]);
      expect(performance.now() - begun).toBeLessThan(1000);
      expect(await store.topics()).toHaveLength(hostile.length + 1);
    });
  });

  describe("a database that somebody else filled", () => {
    test("VOLTTRON's own is queried and appended to, whatever types its fields have", async () => {
      const tags = "building=b,campus=a,device=c,source=scrape";
      await influxd.query(`CREATE DATABASE "${database}"`);
      await post(
        [
          `count,${tags} value=5i,value_string="5" ${NOON}`,
          `on,${tags} value=true,value_string="True" ${NOON}`,
          `status,${tags} value="AVAILABLE",value_string="AVAILABLE" ${NOON}`,
          `meta,topic_id=a/b/c/count topic="A/b/c/Count",meta_dict="{u'units': u'x', 'type': 'integer', 'tz': 'US/Pacific'}",last_updated="2017" 0`,
          `meta,topic_id=a/b/c/status topic="a/b/c/Status",meta_dict="{'units': 'x',",last_updated="2017" 0`,
        ].join("\n"),
      );
      const store = backend();
      expect(await store.topics(["a/b/c/count", "a/b/c/status"])).toEqual([
        { name: "A/b/c/Count", meta: { units: "x", type: "integer", tz: "US/Pacific" } },
        { name: "a/b/c/Status", meta: { units: "", type: "string", tz: "UTC" } },
      ]);
      const drift: PointValue[] = [6, 6.5, "six", 7];
      await store.write(drift.map((value, i) => sample("a/b/c/count", NOON + 1 + i, value)));
      await store.write([sample("a/b/c/on", NOON + 1, 3), sample("a/b/c/status", NOON + 1, 1.5)]);
      expect(await values(store, "a/b/c/count")).toEqual([5, ...drift]);
      expect(await values(store, "a/b/c/on")).toEqual([true, 3]);
      expect(await values(store, "a/b/c/status")).toEqual(["AVAILABLE", 1.5]);
      expect(await influxd.query("SELECT value FROM count", database)).toMatchObject(
        [5, 6, 7].map((value) => ({ value })),
      );
    });

    test("T4: a type that somebody else gives a field meanwhile is learnt, nothing is dropped", async () => {
      const store = backend();
      await store.open();
      await post(
        `p,device=x value="text" ${NOON}\nq,device=x value=1i ${NOON}\nq,device=x value=true ${NOON - 30 * DAY}`,
      );
      const batch = [
        ...Array.from({ length: 500 }, (_, i) => sample("a/b/c/p", NOON + i, i + 0.5)),
        ...Array.from({ length: 500 }, (_, i) => sample("a/b/c/q", NOON - 30 * DAY + i * DAY, i + 0.5)),
      ];
      await store.write(batch);
      expect(await values(store, "a/b/c/p")).toEqual(batch.slice(0, 500).map(({ value }) => value));
      expect(await values(store, "a/b/c/q")).toEqual(batch.slice(500).map(({ value }) => value));
    });

    test("A10: what the store still refuses is found by splitting, and named by index", async () => {
      const store = backend();
      await store.open();
      await post(`p500,device=x value_json=1 ${NOON}\np700,device=x value_json=1 ${NOON}`);
      const odd: Record<number, PointValue> = { 300: Number.NaN, 500: "five hundred", 700: Number.NaN };
      const batch = Array.from({ length: 1000 }, (_, i) => sample(`a/b/c/p${i}`, NOON, odd[i] ?? i));
      const error = await failure(store.write(batch));
      expect(error.kind).toBe("reject");
      expect([...error.rejected.keys()]).toEqual([500, 700]);
      expect(error.rejected.get(500)).toMatch(/value_json.*type string, already exists as type float/);
      await store.write(batch.filter((_, i) => !error.rejected.has(i)));
      expect(await store.topics()).toHaveLength(1000);
      expect(await values(store, "a/b/c/p300")).toEqual(["NaN"]);
      expect(await values(store, "a/b/c/p999")).toEqual([999]);
    });
  });

  describe("retention policies", () => {
    test("A10: values older than the policy are refused before they are sent; topics live for ever", async () => {
      await influxd.query(`CREATE DATABASE "${database}" WITH DURATION 7d NAME "week"`);
      const now = new Date(NOON / 1000);
      const store = backend({}, { now: () => now });
      const batch = [
        sample("a/b/c/p", NOON - 8 * DAY, 1),
        sample("a/b/c/p", NOON - SECOND, 2),
        sample("", NOON, 3),
      ];
      const error = await failure(store.write(batch));
      expect([...error.rejected]).toEqual([
        [0, expect.stringContaining("retention policy")],
        [2, "its topic is empty"],
      ]);
      expect(await influxd.query(`SHOW RETENTION POLICIES ON "${database}"`)).toMatchObject([
        { name: "week" },
        { name: "voltbridge_topics", duration: "0s" },
      ]);
    });

    test("the one that is named is made where it is missing, and again", async () => {
      const settings = { retention_policy: "ninety days", retention_duration: "90d" };
      const now = Date.now() * 1000;
      const store = backend(settings);
      await store.write([sample("a/b/c/p", now, 1)]);
      await influxd.query(`DROP RETENTION POLICY "ninety days" ON "${database}"`);
      await store.write([sample("a/b/c/p", now + 1, 2)]);
      expect(await rows(store, "a/b/c/p")).toEqual([[now + 1, 2]]);
      expect(await rows(backend(settings, { readonly: true }), "a/b/c/p")).toEqual([[now + 1, 2]]);
      const policies = await influxd.query(`SHOW RETENTION POLICIES ON "${database}"`);
      expect(policies.find(({ name }) => name === "ninety days")).toMatchObject({
        duration: "2160h0m0s",
        default: false,
      });
    });
  });

  test("readonly makes nothing and writes nothing", async () => {
    const reader = backend({}, { readonly: true });
    expect(await failure(reader.open())).toMatchObject({
      kind: "retry",
      message: expect.stringContaining("does not exist yet"),
    });
    expect((await failure(reader.write([sample("a/b", NOON, 1)]))).kind).toBe("give_up");
    expect((await influxd.query("SHOW DATABASES")).map(({ name }) => name)).not.toContain(database);
    await backend().write([sample("a/b", NOON, 1)]);
    await reader.open();
    expect(await values(reader, "a/b")).toEqual([1]);
    expect(reader.retention).toBeUndefined();
  });

  test("A9: a connection that is reset as the next request leaves is held against nobody", async () => {
    const proxy = await TcpProxy.before(influxd.port);
    try {
      const store = backend({ url: `http://127.0.0.1:${proxy.port}` });
      await store.write([sample("a/kept", NOON, 0)]);
      proxy.trouble = { kind: "cut-body", bytes: 0 };
      for (let n = 1; n <= 5; n++) await store.write([sample("a/kept", NOON + n, n)]);
      proxy.heal();
      expect(await values(store, "a/kept")).toEqual([0, 1, 2, 3, 4, 5]);
      expect(proxy.accepted).toBeGreaterThan(3);
    } finally {
      await proxy.close();
    }
  });

  test("A8: a server that comes later; A9: one that hangs, and one whose answers are cut", async () => {
    const port = await freePort();
    const away = backend({ url: `http://127.0.0.1:${port}` });
    expect(await failure(away.open())).toMatchObject({
      kind: "retry",
      message: expect.stringContaining("ECONNREFUSED"),
    });

    const proxy = await TcpProxy.before(influxd.port);
    try {
      const store = backend({ url: `http://127.0.0.1:${proxy.port}`, timeout: 0.5 });
      proxy.refusing = true;
      expect((await failure(store.write([sample("a/b", NOON, 1)]))).kind).toBe("retry");
      proxy.refusing = false;
      await store.write([sample("a/b", NOON, 1)]);

      influxd.pause();
      const begun = performance.now();
      expect(await failure(store.write([sample("a/b", NOON + 1, 2)]))).toMatchObject({ kind: "retry" });
      expect((await failure(store.topics())).kind).toBe("retry");
      expect(performance.now() - begun).toBeLessThan(3000);
      const cut = failure(store.write([sample("a/b", NOON + 1, 2)]));
      proxy.cut();
      expect((await cut).kind).toBe("retry");
      influxd.resume();
      await store.write([sample("a/b", NOON + 1, 2)]);
      expect(await values(store, "a/b")).toEqual([1, 2]);
    } finally {
      influxd.resume();
      await proxy.close();
    }
  });
});

describe.skipIf(!influxInstalled)("InfluxDB 1.x with limits", () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await Influxd.run({ maxBodySize: 4000, auth: true });
    await influxd.query(`CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES`);
    await influxd.query(
      'CREATE DATABASE "shared"; CREATE USER writer WITH PASSWORD \'w\'; GRANT WRITE ON "shared" TO writer',
      "",
      "admin:secret",
    );
  });
  afterAll(() => influxd?.dispose());

  test("A12: bodies fit its max-body-size; what never fits is named", async () => {
    const store = backendOf({ url: influxd.url, username: "admin", password: "secret" });
    const batch = Array.from({ length: 500 }, (_, i) => sample(`a/b/c/p${i % 100}`, NOON + i, i));
    const error = await store
      .write(batch.toSpliced(7, 0, sample("a/b/c/large", NOON, "x".repeat(9000))))
      .catch((e) => e);
    expect([...error.rejected.keys()]).toEqual([7]);
    await store.write(batch);
    const [count] = await influxd.query("SELECT COUNT(value) FROM /^p/", "voltbridge", "admin:secret");
    expect(count).toMatchObject({ count: 5 });
    await store.close();
  });

  test("A12: a wrong password is for a person, G1: and is never shown", async () => {
    const store = backendOf({ url: influxd.url, username: "admin", password: "wrong-password" });
    const calls = [() => store.open(), () => store.write([sample("a/b", NOON, 1)]), () => store.topics()];
    for (const call of calls) {
      const error = await call().then(
        () => undefined,
        (e) => e,
      );
      expect(error).toMatchObject({ kind: "give_up", message: expect.stringMatching(/password/) });
      const shown = inspect(error, { depth: 10, showHidden: true });
      for (const secret of ["wrong-password", Buffer.from("admin:wrong-password").toString("base64")])
        expect(shown).not.toContain(secret);
    }
    await store.close();
  });

  test("a user who may only write can; what a query would tell is taken for the worst", async () => {
    const store = backendOf({ url: influxd.url, username: "writer", password: "w", database: "shared" });
    await store.write([sample("a/b/c/p", NOON, 1), sample("a/b/c/p", NOON + 1, "text")]);
    await store.write([sample("a/b/c/p", NOON + 1, 2)]);
    expect((await store.topics().catch((e) => e)).kind).toBe("give_up");
    const reader = backendOf({ url: influxd.url, username: "admin", password: "secret", database: "shared" });
    const rows = await reader.read({ topic: "a/b/c/p", order: "FIRST_TO_LAST", skip: 0, limit: 10 });
    expect(rows).toEqual([
      [NOON, 1],
      [NOON + 1, 2],
    ]);
    await Promise.all([store.close(), reader.close()]);
  });
});
