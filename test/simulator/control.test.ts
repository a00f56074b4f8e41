import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import {
  type Simulator,
  SteppedClock,
  startSimulator,
  TroubleRulesError,
} from "../../src/simulator/index.ts";
import { call } from "./call.ts";

const { getLoad, shedLoad } = operations;
const STATION = "1:100001";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    stations: 3,
    clock: new SteppedClock(),
    traffic: false,
    incidents: false,
  });
});
afterEach(() => {
  simulator.trouble.end();
  simulator.world.clearShed(simulator.world.findStation(STATION)!);
});
afterAll(() => simulator.close());

async function control(method: "GET" | "POST" | "DELETE", path: string, body?: unknown, headers = {}) {
  const answer = await request(new URL(`/control/${path}`, simulator.endpoint), {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  return { status: answer.statusCode, json: (await answer.body.json()) as any };
}

const load = (stationID = STATION) => call(simulator, getLoad, { searchQuery: { stationID } });
const shed = (allowedLoadPerStation: number) =>
  call(simulator, shedLoad, {
    shedQuery: { shedStation: { stationID: STATION, allowedLoadPerStation }, timeInterval: 5 },
  });

describe("/control/trouble", () => {
  const rule = { effect: { kind: "code", code: "143" }, operation: "getLoad" };

  test("rules are begun, listed with their hits, and ended one by one or all", async () => {
    const begun = await control("POST", "trouble", [rule, { ...rule, stationID: STATION, times: 3 }]);
    expect(begun).toMatchObject({
      status: 200,
      json: [
        { rule, hits: 0 },
        { rule: { times: 3 }, hits: 0 },
      ],
    });
    expect((await load()).responseCode).toBe("143");
    const [first, second] = (await control("GET", "trouble")).json;
    expect([first.hits, second.hits]).toEqual([1, 0]);
    expect(await control("DELETE", `trouble/${first.id}`)).toEqual({ status: 200, json: { ended: 1 } });
    expect((await load("1:100002")).responseCode).toBe("100");
    expect((await load()).responseCode).toBe("143");
    expect((await control("DELETE", "trouble")).json).toEqual({ ended: 1 });
    expect((await load()).responseCode).toBe("100");
    expect(await control("DELETE", `trouble/${first.id}`)).toMatchObject({ status: 404 });
  });

  test("a rule in JSON with comments does what it says", async () => {
    await control(
      "POST",
      "trouble",
      '{ "effect": { "kind": "code", "code": "126" }, "times": 1, /* once */ }',
    );
    expect([(await load()).responseCode, (await load()).responseCode]).toEqual(["126", "100"]);
  });

  test.each([
    ["no JSON", '{"effect": ', /request:1:\d+: error/],
    ["no effect", {}, /"effect" is missing/],
    ["no such effect", { effect: { kind: "hnag" } }, /did you mean "hang"/],
    ["no such setting", { ...rule, probabilty: 1 }, /did you mean "probability"/],
    ["no such operation", { ...rule, operation: "getLaod" }, /did you mean "getLoad"/],
    ["a setting of another effect", { effect: { kind: "hang", code: "143" } }, /no setting "code"/],
    [
      "a setting that is missing",
      { effect: { kind: "drip" } },
      /"bytesPerSecond" is missing.*a number of at least/,
    ],
    [
      "a value of the wrong type",
      { effect: { kind: "status", status: "503" } },
      /whole number from 200 to 599/,
    ],
    ["a code that is none", { effect: { kind: "code", code: "14" } }, /three digits/],
    ["a probability that is none", { ...rule, probability: 2 }, /from 0 to 1/],
    ["a station that there is not", { ...rule, stationID: "1:1" }, /no station "1:1"/],
    ["an account that there is not", { ...rule, account: "me" }, /no account "me"/],
    ["pages of what has none", { operation: "getLoad", effect: { kind: "paging", how: "more" } }, /in pages/],
    ["a late read", { operation: "getLoad", effect: { kind: "late", seconds: 5 } }, /writes nothing/],
  ])("%s is refused, with its place and what to do", async (_what, body, expected) => {
    const { status, json } = await control("POST", "trouble", body);
    expect(status).toBe(400);
    expect(json.error).toMatch(expected);
    expect(simulator.trouble.begun).toEqual([]);
  });

  test("of a list with a problem nothing is begun, and the problem has its line", async () => {
    const text = `[\n  ${JSON.stringify(rule)},\n  { "effect": { "kind": "bomb", "shape": "big" } }\n]`;
    const { json } = await control("POST", "trouble", text);
    expect(json.error).toMatch(/^request:3:\d+: error \[bad_choice\] \[1\]\.effect\.shape: .*"entities"/);
    expect(simulator.trouble.begun).toEqual([]);
  });

  test("a file at the start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "trouble-"));
    const file = join(folder, "trouble.json");
    try {
      writeFileSync(file, '[\n  // once\n  { "effect": { "kind": "code", "code": "126" }, "times": 1 },\n]');
      const own = await startSimulator({ stations: 1, trouble: file });
      expect((await call(own, getLoad, { searchQuery: { stationID: STATION } })).responseCode).toBe("126");
      await own.close();
      writeFileSync(file, '{ "effekt": {} }');
      const refused = startSimulator({ stations: 1, trouble: file });
      await expect(refused).rejects.toBeInstanceOf(TroubleRulesError);
      await expect(refused).rejects.toThrow(`${file}:1:3: error [unknown_key] effekt:`);
      await expect(startSimulator({ stations: 1, trouble: join(folder, "none.json") })).rejects.toThrow(
        /none\.json:1:1: error \[unreadable_file\]/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("/control/log", () => {
  test("requests with how they were answered; writes; what came after a number; emptied", async () => {
    await control("DELETE", "log");
    await load();
    await shed(2);
    await shed(-1);
    const all = (await control("GET", "log")).json;
    expect(all).toMatchObject([
      { operation: "getLoad", effect: "read", outcome: "100", completed: true, account: simulator.username },
      { operation: "shedLoad", effect: "write", outcome: "100" },
      { operation: "shedLoad", effect: "write", outcome: "130" },
    ]);
    expect(all[1].request.shedQuery.shedStation).toMatchObject({
      stationID: STATION,
      allowedLoadPerStation: 2,
    });
    expect(all[0].at).toBe("2026-11-18T17:00:00.000Z");
    expect(Date.now() - Date.parse(all[0].receivedAt)).toBeLessThan(60_000);
    const numbers = async (query: string) =>
      (await control("GET", `log?${query}`)).json.map(
        ({ number }: { number: number }) => number - all[0].number,
      );
    expect(await numbers(`since=${all[0].number}`)).toEqual([1, 2]);
    expect(await numbers("operation=getLoad")).toEqual([0]);
    expect(await numbers("effect=write&outcome=100")).toEqual([1]);
    expect(await numbers(`since=${all[0].receivedAt}`)).toEqual([0, 1, 2]);
    expect(await numbers("since=2100-01-01")).toEqual([]);
    expect((await control("DELETE", "log")).json).toEqual({ forgotten: 3 });
    expect((await control("GET", "log")).json).toEqual([]);
  });

  test("filters that there are not are told", async () => {
    expect(await control("GET", "log?opration=getLoad")).toMatchObject({ status: 400 });
    expect((await control("GET", "log?since=yesterday")).json.error).toMatch(/neither a number nor a time/);
  });
});

describe("/control/world", () => {
  const order = (body: unknown) => control("POST", "world", body);

  test("brings a vehicle and takes it away, and tells the truth", async () => {
    const plugged = await order({ action: "plugIn", stationID: STATION, portNumber: "1", kw: 5 });
    expect(plugged.json).toMatchObject({
      loadKw: 5,
      ports: [{ portNumber: "1", loadKw: 5 }, { sessionID: null }],
    });
    const { now } = (await order({ action: "advance", seconds: 3600 })).json;
    expect(now).toBe("2026-11-18T18:00:00.000Z");
    const { json } = await control("GET", `world?stationID=${STATION}`);
    expect(json.ports[0].energyKwh).toBeCloseTo(5, 6);
    expect((await load()).stationData[0]!.stationLoad).toBe(5);
    expect((await order({ action: "unplug", stationID: STATION, portNumber: "1" })).json.loadKw).toBe(0);
  });

  test("takes a station off the network, breaks a port, raises an alarm", async () => {
    expect((await order({ action: "disconnect", stationID: STATION })).json.reachable).toBe(false);
    expect((await order({ action: "reconnect", stationID: STATION })).json.reachable).toBe(true);
    const broken = await order({
      action: "breakDown",
      stationID: STATION,
      portNumber: "2",
      fault: "Over Current",
    });
    expect(broken.json.ports[1].fault).toBe("Over Current");
    await order({ action: "repair", stationID: STATION, portNumber: "2" });
    await order({ action: "raiseAlarm", stationID: STATION, type: "GFCI Trip", portNumber: "1" });
    expect(simulator.world.alarms.at(-1)).toMatchObject({ type: "GFCI Trip", portNumber: "1" });
    expect((await control("GET", "world")).json).toMatchObject({
      stepped: true,
      stations: simulator.world.stations.length,
    });
  });

  test("a station leaves the network and comes back", async () => {
    const all = simulator.world.stations.length;
    const removed = await order({ action: "remove", stationID: STATION });
    expect(removed.json).toMatchObject({ stations: all - 1 });
    expect(simulator.world.findStation(STATION)).toBeUndefined();
    expect((await order({ action: "remove", stationID: STATION })).status).toBe(409);
    const added = await order({ action: "add", stationID: STATION });
    expect(added.json).toMatchObject({ stationID: STATION, reachable: true });
    expect((await order({ action: "add", stationID: STATION })).json.error).toMatch(
      /no station .* was removed/,
    );
  });

  test.each([
    [{ action: "plugin", stationID: STATION, portNumber: "1" }, 400, /did you mean "plugIn"/],
    [{ action: "plugIn", stationID: STATION }, 400, /"portNumber" is missing/],
    [{ action: "plugIn", stationID: STATION, portNumber: "1", kW: 3 }, 400, /did you mean "kw"/],
    [{ action: "unplug", stationID: "1:1", portNumber: "1" }, 409, /no station 1:1/],
    [{ action: "repair", stationID: STATION, portNumber: "9" }, 409, /no port 9/],
    [{ action: "advance", seconds: -1 }, 400, /at least 0/],
  ])("%j is refused", async (body, status, expected) => {
    const answer = await order(body);
    expect(answer.status).toBe(status);
    expect(answer.json.error).toMatch(expected);
  });

  test("a clock that runs by itself is not advanced", async () => {
    const own = await startSimulator({ stations: 1 });
    try {
      const answer = await request(new URL("/control/world", own.endpoint), {
        method: "POST",
        body: '{"action": "advance", "seconds": 5}',
      });
      expect(answer.statusCode).toBe(409);
      expect(await answer.body.text()).toContain("stepped");
    } finally {
      await own.close();
    }
  });
});

describe("who may control", () => {
  const statusOf = async (endpoint: string | URL, headers = {}) => {
    const answer = await request(new URL("/control/log", endpoint), { headers });
    await answer.body.dump();
    return answer.statusCode;
  };

  test("nobody where it is switched off", async () => {
    const own = await startSimulator({ stations: 1, control: false });
    try {
      expect(await statusOf(own.endpoint)).toBe(404);
    } finally {
      await own.close();
    }
  });

  test("no page of a browser, by no foreign name (DNS rebinding), and nothing that there is not", async () => {
    expect(await statusOf(simulator.endpoint, { origin: "http://example.org" })).toBe(403);
    for (const host of [
      "evil.example",
      "evil.example:8090",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
    ])
      expect([host, await statusOf(simulator.endpoint, { host })]).toEqual([host, 403]);
    for (const host of ["localhost:8090", "127.0.0.1", "[::1]:8090", "simulator:8090"])
      expect([host, await statusOf(simulator.endpoint, { host })]).toEqual([host, 200]);
    expect(await control("GET", "trubble")).toMatchObject({ status: 404 });
    expect(await control("POST", "log", {})).toMatchObject({ status: 405 });
    expect(await control("POST", "trouble", "x".repeat(2_000_000))).toMatchObject({ status: 413 });
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4")?.address;

  test.skipIf(outside === undefined)("callers on other addresses only where asked for", async () => {
    for (const [allowed, status] of [
      [true, 403],
      ["anywhere", 200],
    ] as const) {
      const own = await startSimulator({ stations: 1, host: "0.0.0.0", control: allowed });
      try {
        const { port } = new URL(own.endpoint);
        expect(await statusOf(`http://127.0.0.1:${port}/`)).toBe(200);
        expect(await statusOf(`http://${outside}:${port}/`)).toBe(status);
      } finally {
        await own.close();
      }
    }
  });
});

describe("serials", () => {
  test("every port's load is a number of its own, and the log tells which answer carried it", async () => {
    const own = await startSimulator({ stations: 2, serials: true });
    try {
      const loads = async () => {
        const { stationData } = await call(own, getLoad, { searchQuery: { stationID: STATION } });
        return stationData[0]!.Port.map(({ portLoad }) => Math.round(portLoad! * 1000));
      };
      expect([await loads(), await loads()]).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(own.calls.map(({ serials }) => serials)).toEqual([
        { first: 1, last: 2 },
        { first: 3, last: 4 },
      ]);
    } finally {
      await own.close();
    }
  });
});
