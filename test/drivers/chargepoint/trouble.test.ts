import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { mayHaveBeenTaken } from "../../../src/drivers/errors.ts";
import type { Effect } from "../../../src/simulator/index.ts";
import { DEADLINE_MS, LOAD_POINTS, openTroubleRig, type TroubleRig } from "./trouble-rig.ts";

/** What a scrape and a write see of each trouble that the simulator can make. */

const signal = AbortSignal.timeout(120_000);
/** Beyond the deadline of a call, on a busy machine. */
const SLACK_MS = 1500;

let rig: TroubleRig;
beforeEach(async () => {
  rig = await openTroubleRig();
});
afterEach(() => rig.close());

const GOOD = { load_1: 6, load_2: 3, limit: 0, limit_1: 0, status_1: "INUSE", alarm: null };

/** Hits the first station's requests, and its records in answers; the response code is the whole answer's. */
const begin = (effect: Effect, times?: number, operation = "getLoad") =>
  rig.simulator.trouble.begin({
    effect,
    operation,
    ...(effect.kind === "element" && effect.name === "responseCode"
      ? {}
      : { stationID: rig.simulator.stationIDs[0]! }),
    ...(times === undefined ? {} : { times }),
  });

/** A scrape: values by name, the reason why the load could not be read, how long it took. */
async function scrape() {
  rig.called();
  const begun = performance.now();
  const { values, failures } = await rig.station.scrapeAll(signal);
  return {
    values: Object.fromEntries(values),
    failed: [...failures.keys()],
    error: failures.get("load_1") as Record<string, unknown> | undefined,
    tookMs: performance.now() - begun,
    calls: rig.called().filter((name) => name === "getLoad").length,
  };
}

/** Only the load's points failed, the others are there, and the time was bounded. */
function expectOnlyLoadFailed({ values, failed, tookMs }: Awaited<ReturnType<typeof scrape>>): void {
  expect(failed).toEqual(LOAD_POINTS);
  expect(values).toMatchObject({ status_1: "INUSE", alarm: null });
  expect(tookMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
}

async function expectRecovered(): Promise<void> {
  rig.simulator.trouble.end();
  const { values, failed } = await scrape();
  expect(failed).toEqual([]);
  expect(values).toMatchObject(GOOD);
}

describe("trouble that a retry may mend", () => {
  const network = { name: "TransportError", retryable: true, timedOut: false };
  test.each<[string, Effect, Record<string, unknown>]>([
    ["HTTP 503", { kind: "status", status: 503 }, { ...network, code: "http-503", status: 503 }],
    ["HTTP 500 without SOAP", { kind: "status", status: 500 }, { ...network, code: "http-500" }],
    ["HTTP 429", { kind: "status", status: 429 }, { ...network, code: "http-429" }],
    [
      "a Fault of the server",
      { kind: "fault", code: "Server", text: "tired" },
      { name: "SoapFaultError", code: "Server" },
    ],
    [
      "a Fault with HTTP 200",
      { kind: "fault", code: "Server", text: "tired", status: 200 },
      { name: "SoapFaultError" },
    ],
    [
      "a code that may pass",
      { kind: "code", code: "143" },
      { name: "ApiError", code: "143", kind: "transient" },
    ],
    ["a reset connection", { kind: "reset" }, { ...network, code: "ECONNRESET" }],
    ["an answer that is cut", { kind: "cut", afterBytes: 200 }, network],
    ["an answer that is lost", { kind: "lost" }, network],
  ])("C1: %s fails the load alone, after one retry; once, the retry works", async (_what, effect, error) => {
    begin(effect);
    const failing = await scrape();
    expectOnlyLoadFailed(failing);
    expect(failing.error).toMatchObject(error);
    expect(failing.calls).toBe(2);
    await expectRecovered();

    begin(effect, 1);
    const mended = await scrape();
    expect([mended.failed, mended.calls]).toEqual([[], 2]);
    expect(mended.values).toMatchObject(GOOD);
  });
});

describe("trouble that no retry mends", () => {
  const protocol = (fault: string) => ({ name: "ProtocolError", fault, retryable: false });
  test.each<[string, Effect, Record<string, unknown>]>([
    ["C1: a page of HTML with status 200", { kind: "html" }, protocol("html")],
    ["C1: bytes that are no UTF-8", { kind: "badUtf8" }, protocol("encoding")],
    ["C1: an answer packed wrongly", { kind: "gzip", broken: true }, protocol("encoding")],
    ["C1: a Content-Length that cuts the answer", { kind: "length", by: -40 }, protocol("malformed")],
    [
      "C1: a redirect",
      { kind: "redirect", location: "http://127.0.0.1:9/" },
      { name: "TransportError", code: "http-302" },
    ],
    [
      "C1: a Fault of the client",
      { kind: "fault", code: "Client", text: "no" },
      { name: "SoapFaultError", code: "Client" },
    ],
    [
      "C1: a code for a bad request",
      { kind: "code", code: "135" },
      { name: "ApiError", code: "135", kind: "invalid" },
    ],
    [
      "C1: a code for a missing right",
      { kind: "code", code: "131" },
      { name: "ApiError", kind: "forbidden" },
    ],
    [
      "C1: no response code",
      { kind: "element", name: "responseCode", becomes: "absent" },
      protocol("no code"),
    ],
    [
      "C8: another station's answer",
      { kind: "otherStation", shown: "1:100002" },
      { name: "StationMissingError" },
    ],
    [
      "C8: an answer without station",
      { kind: "element", name: "stationID", becomes: "absent" },
      { name: "StationMissingError" },
    ],
  ])("%s fails the load alone, without a retry", async (_what, effect, error) => {
    begin(effect);
    const failing = await scrape();
    expectOnlyLoadFailed(failing);
    expect(failing.error).toMatchObject(error);
    expect(failing.calls).toBe(1);
    await expectRecovered();
  });

  test("C8: the error names the station of the answer and the one asked for", async () => {
    begin({ kind: "otherStation", shown: "1:100002" });
    const { error } = await scrape();
    expect(error!.message).toMatch(/getLoad has no station 1:100001: the answer is for 1:100002/);
  });
});

describe("an answer that does not come", () => {
  test.each<[string, Effect]>([
    ["a hang", { kind: "hang" }],
    ["a head that comes letter by letter", { kind: "slowHeaders", seconds: 600 }],
    ["a body that drips", { kind: "drip", bytesPerSecond: 1 }],
    ["a body that stops coming", { kind: "stall", afterBytes: 300 }],
    ["a Content-Length that promises more", { kind: "length", by: 40 }],
    ["an answer far too late", { kind: "delay", seconds: 600 }],
  ])("C2: %s ends at the deadline of the call and delays nothing else", async (_what, effect) => {
    begin(effect);
    const neighbour = rig.stationAt(1).scrapeAll(signal);
    const failing = scrape();
    const begun = performance.now();
    expect((await neighbour).failures.size).toBe(0);
    expect(performance.now() - begun).toBeLessThan(DEADLINE_MS);
    expectOnlyLoadFailed(await failing);
    expect((await failing).error).toMatchObject({ name: "TransportError", code: "timeout", timedOut: true });
    await expectRecovered();
  });

  test("C2: a caller who gives up is released at once, and a later one asks anew", async () => {
    const over = begin({ kind: "hang" });
    const impatient = rig.station.getPoint("load_1", AbortSignal.timeout(50));
    await expect(impatient).rejects.toMatchObject({ name: "TimeoutError" });
    over();
    await expect.poll(() => rig.station.getPoint("load_1", signal).catch(() => null)).toBe(6);
  });

  test("C2: one station of fifty that hangs leaves the others on time, round after round", async () => {
    await rig.close();
    const deadlineMs = 2000;
    rig = await openTroubleRig(50, deadlineMs);
    begin({ kind: "hang" });
    const stations = Array.from({ length: 50 }, (_, index) => rig.stationAt(index));
    for (let round = 0; round < 2; round++) {
      const took: number[] = [];
      const failed: number[] = [];
      await Promise.all(
        stations.map(async (station, index) => {
          const begun = performance.now();
          const { failures } = await station.scrapeAll(signal);
          took[index] = performance.now() - begun;
          if (failures.get("load_1")?.name === "TransportError") failed.push(index);
        }),
      );
      expect(failed).toEqual([0]);
      expect(took[0]).toBeLessThan(deadlineMs + SLACK_MS);
      expect(Math.max(...took.slice(1))).toBeLessThan(deadlineMs);
    }
    expect(rig.notices).toEqual([]);
  });
});

describe("C7: an answer that is odd, and good enough", () => {
  test.each<[string, Effect, Record<string, unknown>]>([
    ["ports in another order", { kind: "ports", how: "reversed" }, GOOD],
    ["elements in another order", { kind: "order" }, GOOD],
    ["elements that nobody knows", { kind: "extraElements" }, GOOD],
    ["a padded response code", { kind: "paddedCode" }, GOOD],
    [
      "an element that is absent",
      { kind: "element", name: "portLoad", becomes: "absent" },
      { ...GOOD, load_1: null, load_2: null },
    ],
    [
      "an element that is empty",
      { kind: "element", name: "portLoad", becomes: "empty" },
      { ...GOOD, load_1: null, load_2: null },
    ],
    [
      "an element that is nil",
      { kind: "element", name: "portLoad", becomes: "nil" },
      { ...GOOD, load_1: null, load_2: null },
    ],
    [
      "the text None",
      { kind: "element", name: "portLoad", becomes: "text" },
      { ...GOOD, load_1: null, load_2: null },
    ],
    [
      "text that is no number",
      { kind: "element", name: "portLoad", becomes: "text", text: "n/a" },
      { ...GOOD, load_1: null, load_2: null },
    ],
    ["small pieces", { kind: "chunked", chunkBytes: 3 }, GOOD],
    ["packed", { kind: "gzip" }, GOOD],
    ["a little late", { kind: "delay", seconds: 0.2 }, GOOD],
    ["a little slow", { kind: "drip", bytesPerSecond: 8000 }, GOOD],
  ])("%s: every value has its place, none is made up", async (_what, effect, expected) => {
    begin(effect);
    const { values, failed, calls } = await scrape();
    expect(failed).toEqual([]);
    expect(values).toMatchObject(expected);
    expect(calls).toBe(1);
    const [call] = rig.simulator.calls.filter(({ operation }) => operation === "getLoad");
    expect(call?.trouble).toEqual([effect.kind]);
  });

  test("a port that is missing fails its own points, and says which there are", async () => {
    begin({ kind: "ports", how: "missing", portNumber: "2" });
    const { failures, values } = await rig.station.scrapeAll(signal);
    expect([...failures.keys()]).toEqual(["load_2"]);
    expect(failures.get("load_2")?.message).toMatch(/no port "2"; it has 1/);
    expect(Object.fromEntries(values)).toMatchObject({ load_1: 6, status_1: "INUSE" });
  });

  test.each([
    ["getStationStatus", "status_1"],
    ["getAlarms", "alarm"],
    ["getChargingSessionData", "session_1"],
  ])("C1: trouble with %s is trouble of its own points alone", async (operation, point) => {
    begin({ kind: "html" }, undefined, operation);
    const { values, failed } = await scrape();
    expect(failed).toEqual([point]);
    expect(values).toMatchObject({ load_1: 6, load_2: 3 });
  });
});

describe("C8: records of other stations in a list", () => {
  test.each([
    ["getAlarms", "alarm"],
    ["getChargingSessionData", "session_1"],
  ])("%s: they are no answer to what was asked", async (operation, point) => {
    rig.simulator.world.raiseAlarm(rig.simulator.stationIDs[0]!, "GFCI Trip");
    expect((await scrape()).values).toMatchObject({ alarm: "GFCI Trip", session_1: expect.any(String) });
    rig.wait(400);
    rig.simulator.trouble.begin({ operation, effect: { kind: "otherStation", shown: "1:100002" } });
    const { failures } = await rig.station.scrapeAll(signal);
    expect([...failures.keys()]).toEqual([point]);
    expect(failures.get(point)?.message).toContain("the answer is for 1:100002");
  });
});

describe("C9: pages", () => {
  const alarms = async (how: "more" | "empty" | "repeated" | "endless", count: number) => {
    for (let at = 0; at < count; at++) {
      rig.simulator.world.raiseAlarm(rig.simulator.stationIDs[0]!, `Alarm ${at}`);
      rig.clock.advance(1);
    }
    begin({ kind: "paging", how }, undefined, "getAlarms");
    rig.called();
    const begun = performance.now();
    const { values, failures } = await rig.station.scrapeAll(signal);
    const calls = rig.called().filter((name) => name === "getAlarms").length;
    return {
      alarm: values.get("alarm"),
      error: failures.get("alarm"),
      failed: failures.size,
      calls,
      tookMs: performance.now() - begun,
    };
  };

  test("a last page that promises more is followed by none: all records, once", async () => {
    expect(await alarms("more", 250)).toMatchObject({ alarm: "Alarm 249", failed: 0, calls: 4 });
  });

  test("pages without records that promise more end the walk, with an error", async () => {
    const { error, failed, calls } = await alarms("empty", 150);
    expect(error).toMatchObject({ name: "ProtocolError", fault: "paging" });
    expect(error?.message).toMatch(/page 3 is empty but announces more/);
    expect([failed, calls]).toEqual([1, 3]);
  });

  test("a page that repeats the one before it ends the walk, with an error", async () => {
    const { error, calls } = await alarms("repeated", 150);
    expect(error?.message).toMatch(/page 2 repeats/);
    expect(calls).toBe(2);
  });

  test("pages without end stop at a limit, with an error", async () => {
    await rig.close();
    rig = await openTroubleRig(3, DEADLINE_MS, 30_000);
    const { error, calls, tookMs } = await alarms("endless", 1);
    expect(error).toMatchObject({ name: "ProtocolError", fault: "paging" });
    expect(error?.message).toMatch(/more than \d+ pages/);
    expect(calls).toBeLessThanOrEqual(1000);
    expect(tookMs).toBeLessThan(20_000);
  });
});

test.each(["102", "136", "153", "160"])("C10: code %s is nothing, not an error", async (code) => {
  for (const operation of ["getAlarms", "getChargingSessionData"])
    begin({ kind: "code", code }, undefined, operation);
  const { values, failed } = await scrape();
  expect(failed).toEqual([]);
  expect(values).toMatchObject({ alarm: null, session_1: null, load_1: 6 });
});

describe("C5: manners", () => {
  test("Retry-After is kept to: one call, no other before its time, then one that tries", async () => {
    rig.simulator.trouble.begin({ effect: { kind: "status", status: 429, retryAfterSeconds: 120 } });
    const refused = await rig.station.scrapeAll(signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "TransportError", code: "http-429", retryAfterSeconds: 120 });
    expect(rig.notices).toEqual([expect.stringMatching(/^error account_paused: .*asks to wait 120 s/)]);
    rig.called();
    for (const seconds of [0, 60, 59]) {
      rig.wait(seconds);
      await expect(rig.station.scrapeAll(signal)).rejects.toMatchObject({ name: "AccountPausedError" });
    }
    expect(rig.called()).toEqual([]);
    rig.simulator.trouble.end();
    rig.wait(2);
    expect((await rig.station.scrapeAll(signal)).failures.size).toBe(0);
    expect(rig.notices.at(-1)).toMatch(/account_back/);
  });

  test("an hour without service costs no more calls than an hour with it, and one notice", async () => {
    const every = 60;
    rig.called();
    for (let minute = 0; minute < 3; minute++) {
      await rig.station.scrapeAll(signal);
      rig.wait(every);
    }
    const perScrape = rig.called().length / 3;
    rig.simulator.trouble.begin({ effect: { kind: "status", status: 503 } });
    const rounds = 60;
    for (let minute = 0; minute < rounds; minute++) {
      await expect(rig.station.scrapeAll(signal)).rejects.toThrow();
      rig.wait(every);
    }
    expect(rig.called().length).toBeLessThanOrEqual(1.2 * rounds * perScrape);
    expect(rig.notices).toHaveLength(1);
    rig.simulator.trouble.end();
    expect((await rig.station.scrapeAll(signal)).failures.size).toBe(0);
  }, 60_000);
});

test("C17: a Fault in an HTTP 500 to every call pauses the account, with one notice", async () => {
  await rig.station.scrapeAll(signal);
  rig.simulator.trouble.begin({ effect: { kind: "fault", code: "Server", text: "tired" } });
  let calls = 0;
  for (let second = 0; second < 90; second += 5) {
    rig.called();
    await expect(rig.station.scrapeAll(signal)).rejects.toThrow();
    if (second >= 40) calls += rig.called().length;
    rig.wait(5);
  }
  expect(rig.notices).toEqual([expect.stringMatching(/^error account_paused: .*SOAP Fault Server: tired/)]);
  // Of ten scrapes: one call, and its retry, at each pause's end.
  expect(calls).toBeLessThanOrEqual(6);
  rig.simulator.trouble.end();
  rig.wait(30);
  expect((await rig.station.scrapeAll(signal)).failures.size).toBe(0);
  expect(rig.notices.at(-1)).toMatch(/account_back/);
});

test("C17: while the service is away, what was read before it is not given out as read now", async () => {
  await rig.close();
  rig = await openTroubleRig(3, DEADLINE_MS, 50);
  rig.simulator.world.raiseAlarm(rig.simulator.stationIDs[0]!, "GFCI Trip");
  expect((await scrape()).values).toMatchObject({ alarm: "GFCI Trip" });
  const outage = [
    rig.simulator.trouble.begin({ operation: "getAlarms", effect: { kind: "hang" } }),
    ...["getLoad", "getStationStatus", "getChargingSessionData"].map((operation) =>
      rig.simulator.trouble.begin({
        operation,
        effect: { kind: "status", status: 503, retryAfterSeconds: 90 },
      }),
    ),
  ];
  for (let second = 0; second < 90; second += 30) {
    rig.wait(second === 0 ? 10 : 30);
    // The walk over the alarms is not waited for: its last answer is at hand, and old.
    await expect(rig.station.scrapeAll(signal)).rejects.toThrow(/HTTP 503|not asked/);
  }
  for (const over of outage) over();
  rig.wait(90);
  expect((await rig.station.scrapeAll(signal)).failures.size).toBe(0);
});

test("C17: a station that is only read at intervals of hours fails while the service is away", async () => {
  const registry =
    "session_1,sessionID,ChargingSessionRegister,1,string,,\nmodel,stationModel,StationRegister,,string,,";
  const both = rig.stationOf(registry, { nameplateSeconds: 3600 });
  expect((await both.scrapeAll(signal)).failures.size).toBe(0);
  rig.wait(60);
  expect((await both.scrapeAll(signal)).failures.size).toBe(0);
  rig.simulator.trouble.begin({ effect: { kind: "status", status: 503, retryAfterSeconds: 90 } });
  for (let round = 0; round < 5; round++) {
    rig.wait(300);
    await expect(both.scrapeAll(signal)).rejects.toThrow(/HTTP 503|not asked/);
    rig.wait(60);
    await expect(both.scrapeAll(signal)).rejects.toThrow(/HTTP 503|not asked/);
  }
});

test("C17: an answer of the cache tells its age", async () => {
  const cached = rig.stationOf("load_1,portLoad,LoadRegister,1,float,,", { maxAgeSeconds: 60 });
  expect((await cached.scrapeAll(signal)).ageSeconds).toBeUndefined();
  rig.wait(40);
  expect((await cached.scrapeAll(signal)).ageSeconds).toBeCloseTo(40, 0);
  rig.wait(40);
  expect((await cached.scrapeAll(signal)).ageSeconds).toBeUndefined();
});

describe("reads that are not repeated with every scrape", () => {
  /** Scrapes every five minutes for so long; the minutes at which the operation was called. */
  async function minutesOfCalls(operation: string, hours: number): Promise<number[]> {
    const minutes: number[] = [];
    for (let minute = 0; minute < hours * 60; minute += 5) {
      rig.called();
      await rig.station.scrapeAll(signal).catch(() => undefined);
      if (rig.called().includes(operation)) minutes.push(minute);
      rig.wait(300);
    }
    return minutes;
  }

  test("C18: what the plan lacks (101) is asked for hourly, by a get, and by a device that is new", async () => {
    const over = begin({ kind: "code", code: "101" });
    expect(await minutesOfCalls("getLoad", 3)).toEqual([0, 60, 120]);
    const { failures, values } = await rig.station.scrapeAll(signal);
    expect([...failures.keys()]).toEqual(LOAD_POINTS);
    expect(failures.get("load_1")?.message).toContain("code 101");
    expect(values.get("status_1")).toBe("INUSE");
    await rig.station.scrapeAll(signal);
    rig.called();
    await expect(rig.station.getPoint("load_1", signal)).rejects.toThrow("code 101");
    expect(rig.called()).toEqual(["getLoad"]);
    over();
    expect((await rig.station.scrapeAll(signal)).failures.size).toBe(LOAD_POINTS.length);
    const changed = rig.stationAt(0);
    expect((await changed.scrapeAll(signal)).failures.size).toBe(0);
    expect((await rig.station.scrapeAll(signal)).failures.size).toBe(0);
  });

  test.each(["119", "152"])(
    "C18: an unknown station (%s) is asked for hourly; its error names station and file",
    async (code) => {
      for (const operation of ["getLoad", "getStationStatus", "getAlarms", "getChargingSessionData"])
        begin({ kind: "code", code }, undefined, operation);
      expect(await minutesOfCalls("getLoad", 3)).toEqual([0, 60, 120]);
      const named = new RegExp(`code ${code}, .*1:100001.*configs/devices/s0\\.json`);
      await expect(rig.station.scrapeAll(signal)).rejects.toThrow(named);
      await expect(rig.station.getPoint("load_1", signal)).rejects.toThrow(named);
      expect(rig.notices).toEqual([]);
    },
  );

  test("C18: a station of a list that is unknown costs the others nothing, and one call an hour", async () => {
    const stations = [0, 1, 2].map((index) => rig.stationAt(index));
    begin({ kind: "code", code: "119" }, undefined, "getStationStatus");
    const scrapes = () => Promise.all(stations.map((station) => station.scrapeAll(signal)));
    const lists: number[] = [];
    for (let minute = 0; minute < 10; minute++) {
      rig.called();
      const all = await scrapes();
      expect(all.map(({ failures }) => [...failures.keys()])).toEqual([["status_1"], [], []]);
      lists.push(rig.called().filter((name) => name === "getStationStatus").length);
      rig.wait(60);
    }
    expect(lists.slice(1)).toEqual(Array(9).fill(1));
  });

  test("C18: session reads that fail wait their five minutes, and not after an outage", async () => {
    const over = begin({ kind: "fault", code: "Client", text: "no" }, undefined, "getChargingSessionData");
    const calls = () => rig.simulator.calls.filter(({ operation }) => operation === "getChargingSessionData");
    // Two calls each time, side by side; the first one's failure is the answer.
    for (const expected of [2, 2, 2, 2, 2, 4]) {
      const { failures } = await rig.station.scrapeAll(signal);
      expect([...failures.keys()]).toEqual(["session_1"]);
      await expect.poll(() => calls().length).toBe(expected);
      rig.wait(60);
    }
    over();

    const outage = rig.simulator.trouble.begin({
      effect: { kind: "status", status: 503, retryAfterSeconds: 30 },
    });
    rig.wait(300);
    await expect(rig.station.scrapeAll(signal)).rejects.toThrow("503");
    outage();
    // An answer of the outage that comes late makes it one pause longer.
    const failures: (number | undefined)[] = [];
    for (let pause = 0; pause < 3 && failures.at(-1) !== 0; pause++) {
      rig.wait(31);
      failures.push((await rig.station.scrapeAll(signal).catch(() => undefined))?.failures.size);
    }
    expect(failures.at(-1)).toBe(0);
  });
});

describe("E13: a write that meets trouble is an error, sent once", () => {
  const shed = () => rig.station.setPoint("limit_1", 2, { signal });
  const isShed = async () => (await rig.station.getPoint("limit_1", signal)) === 2;
  const transport = { name: "TransportError", sent: true };

  test.each<[string, Effect, Record<string, unknown>, boolean]>([
    ["a code", { kind: "code", code: "126" }, { name: "ApiError", code: "126" }, false],
    ["a Fault", { kind: "fault", code: "Server", text: "tired" }, { name: "SoapFaultError" }, false],
    ["HTTP 503", { kind: "status", status: 503 }, { ...transport, code: "http-503", sent: false }, false],
    ["HTTP 504", { kind: "status", status: 504 }, { ...transport, code: "http-504" }, false],
    ["a page of HTML", { kind: "html" }, { name: "ProtocolError", fault: "html" }, false],
    ["a hang", { kind: "hang" }, { ...transport, code: "timeout" }, false],
    ["a reset connection", { kind: "reset" }, { ...transport, code: "ECONNRESET" }, false],
    ["a write that is done and its answer lost", { kind: "lost" }, transport, true],
    ["a write that is done and its answer cut", { kind: "cut", afterBytes: 90 }, transport, true],
    [
      "a write that is done and its answer drips",
      { kind: "drip", bytesPerSecond: 1 },
      { ...transport, timedOut: true },
      true,
    ],
  ])("%s", async (_what, effect, error, done) => {
    rig.simulator.trouble.begin({ effect, operation: "shedLoad" });
    rig.called();
    const begun = performance.now();
    const refused = await shed().catch((reason: unknown) => reason);
    expect(performance.now() - begun).toBeLessThan(DEADLINE_MS + SLACK_MS);
    expect(refused).toMatchObject(error);
    if ("sent" in error) expect(mayHaveBeenTaken(refused)).toBe(error.sent);
    expect(rig.called().filter((name) => name === "shedLoad")).toHaveLength(1);
    rig.simulator.trouble.end();
    expect(await isShed()).toBe(done);
  });

  test("E14: a write that shows late is not confirmed before it shows", async () => {
    rig.simulator.trouble.begin({ effect: { kind: "late", seconds: 10 }, operation: "shedLoad" });
    const outcome = await shed();
    expect(await outcome.verify(signal)).toEqual({ confirmed: false, readBack: 0 });
    rig.clock.advance(11);
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 2 });
  });

  test("E14: late at one station is on time at another", async () => {
    const [, other] = rig.simulator.stationIDs;
    rig.simulator.trouble.begin({ effect: { kind: "late", seconds: 10 }, stationID: other! });
    const outcome = await shed();
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 2 });
  });
});

test("G2: an external entity is never fetched, from a file or over HTTP", async () => {
  let visits = 0;
  const canary = createServer((_request, response) => {
    visits++;
    response.end("x");
  });
  canary.listen(0, "127.0.0.1");
  await once(canary, "listening");
  onTestFinished(() => void canary.close());
  const { port } = canary.address() as AddressInfo;
  for (const url of [`http://127.0.0.1:${port}/entity`, "file:///etc/hostname"]) {
    const over = begin({ kind: "externalEntity", url });
    const failing = await scrape();
    expectOnlyLoadFailed(failing);
    expect(failing.error).toMatchObject({ name: "ProtocolError", fault: "doctype" });
    over();
  }
  begin({ kind: "redirect", location: `http://127.0.0.1:${port}/elsewhere`, status: 307 });
  await scrape();
  expect(visits).toBe(0);
});
