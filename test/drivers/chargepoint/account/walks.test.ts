import { expect, test } from "vitest";
import {
  Account,
  type Reader,
  StillReadingError,
} from "../../../../src/drivers/chargepoint/account/account.ts";
import type { Answers } from "../../../../src/drivers/chargepoint/account/answers.ts";
import { SESSION_REFRESH_SECONDS } from "../../../../src/drivers/chargepoint/account/reads/pace.ts";
import { ApiError, ProtocolError } from "../../../../src/drivers/chargepoint/api/errors.ts";
import { createLog } from "../../../../src/log/log.ts";
import type { PointValue } from "../../../../src/points/index.ts";
import { NO_OUTAGES } from "../../../helpers/outages.ts";

interface Query {
  readonly [name: string]: unknown;
  readonly stationID?: string;
  readonly stationIDs?: { readonly stationID: readonly string[] };
}
type Answer = (query: Query) => object | Promise<object>;

/** An account on a service that answers as told, and every call that it got. */
function rig(answers: Record<string, Answer>, state = new Map<string, PointValue>()) {
  const clock = { now: 0 };
  const calls: { name: string; query: Query }[] = [];
  const timers: (() => void)[] = [];
  const client = {
    async call({ name }: { name: string }, { searchQuery: query = {} }: { searchQuery?: Query }) {
      calls.push({ name, query });
      return answers[name]!(query);
    },
    close: async () => undefined,
  };
  const account = new Account({
    ...{
      label: "a",
      client: client as never,
      log: createLog({ level: "silent" }),
      notice: () => undefined,
      outages: NO_OUTAGES,
    },
    state: { get: (key) => state.get(key) ?? null, set: (key, value) => void state.set(key, value) },
    ...{ stateKey: "a", callsInFlight: 8, callsPerMinute: 600 },
    clock: {
      now: () => Date.UTC(2026, 10, 21) + clock.now * 1000,
      monotonic: () => clock.now * 1000,
      after: (_ms, then) => {
        timers.push(then);
        return () => void timers.splice(timers.indexOf(then), 1);
      },
    },
  });
  const readers = new Map<string, Reader>();
  const read = <K extends keyof Answers>(kind: K, stationID: string, maxAgeSeconds = 0) => {
    const pace = { maxAgeSeconds, intervalSeconds: 60 };
    const key = `${kind} ${stationID} ${maxAgeSeconds}`;
    const reader = readers.get(key) ?? account.join(kind, stationID, pace);
    readers.set(key, reader);
    return new Promise<Answers[K]>((resolve, reject) => {
      account.ask(reader, {
        answered: (_kind, answer) => resolve(answer as Answers[K]),
        failed: (_kind, error) => reject(error),
      });
    });
  };
  return { account, calls, clock, read, timers, state };
}

const minute = (n: number) => new Date(Date.UTC(2026, 10, 21) + n * 60_000).toISOString();
const alarm = (stationID: string, n: number) => ({
  stationID,
  portNumber: "1",
  alarmType: `A${n}`,
  alarmTime: minute(n),
});

test("more alarms than a page: a round asks from the newest on, after a restart too, and a whole walk comes after 15 minutes", async () => {
  const stations = Array.from({ length: 200 }, (_, n) => `1:${n}`);
  const all = stations.map((id, n) => alarm(id, n));
  const service: Record<string, Answer> = {
    getAlarms: ({ startRecord, startTime }) => {
      const found = all.filter(({ alarmTime }) => startTime === undefined || alarmTime >= String(startTime));
      const from = Number(startRecord) - 1;
      return { Alarms: found.slice(from, from + 100), moreFlag: found.length > from + 100 ? 1 : 0 };
    },
  };
  const first = rig(service);
  const round = (of: typeof first) => Promise.all(stations.map((id) => of.read("alarms", id)));
  await round(first);
  expect(first.calls).toHaveLength(2);
  all.push(alarm("1:3", 500));
  first.clock.now = 60;
  expect((await round(first))[3]![0]!.alarmType).toBe("A500");
  expect(first.calls).toHaveLength(3);
  expect(first.calls[2]!.query.startTime).toBe("2026-11-21T03:09:00Z");

  const second = rig(service, first.state);
  second.clock.now = 120;
  expect((await round(second)).map(([newest]) => newest?.alarmType)[4]).toBe("A4");
  expect(second.calls).toHaveLength(1);
  all.splice(4, 1);
  second.clock.now = 120 + 900;
  expect((await round(second))[4]).toEqual([]);
});

test("a session that ended between two walks is read to its end, whenever it began", async () => {
  const session = { stationID: "1:1", portNumber: "1", sessionID: "7", startTime: "2026-11-20T01:00:00Z" };
  let over = false;
  const { read, clock, calls } = rig({
    getChargingSessionData: ({ activeSessionsOnly, fromTimeStamp }) => {
      const from = String(fromTimeStamp ?? "");
      const active = over ? [] : [{ ...session, endTime: null }];
      const ended =
        over && session.startTime >= from ? [{ ...session, endTime: "2026-11-21T00:01:00Z" }] : [];
      return { ChargingSessionData: activeSessionsOnly ? active : ended, MoreFlag: 0 };
    },
  });
  const round = () =>
    Promise.all(["1:1", "1:2", "1:3"].map((id) => read("sessions", id, SESSION_REFRESH_SECONDS)));
  expect((await round())[0]![0]!.endTime).toBeNull();
  over = true;
  clock.now = 299;
  await round();
  expect(calls).toHaveLength(2);
  clock.now = 301;
  expect((await round())[0]![0]!.endTime).toBe("2026-11-21T00:01:00Z");
  expect(calls).toHaveLength(5);
});

test("a page whose answer cannot be read is asked for in halves; the station that spoils it fails alone", async () => {
  const { read, calls } = rig({
    getStationStatus: ({ stationID, stationIDs }) => {
      const ids = stationIDs?.stationID ?? [stationID!];
      if (ids.includes("1:77")) throw new ProtocolError("getStationStatus", "malformed", "it breaks off");
      return { stationData: ids.map((id) => ({ stationID: id })), moreFlag: 0 };
    },
  });
  const ids = Array.from({ length: 500 }, (_, n) => `1:${n}`);
  const round = () => Promise.allSettled(ids.map((id) => read("status", id)));
  const failed = (await round()).flatMap(({ status }, n) => (status === "rejected" ? [n] : []));
  expect(failed).toEqual([77]);
  expect(calls.length).toBeLessThan(20);
  calls.length = 0;
  await round();
  expect(calls).toHaveLength(2);
});

test("C9: a station that comes twice in a page, and one that nobody asked for, change nothing for the others", async () => {
  const { read } = rig({
    getStationStatus: ({ stationIDs }) => ({
      stationData: ["1:9", ...stationIDs!.stationID.toReversed(), "1:1"].map((stationID, place) => ({
        stationID,
        place,
      })),
      moreFlag: 0,
    }),
  });
  const answers = await Promise.all(["1:1", "1:2"].map((id) => read("status", id)));
  expect(answers).toEqual([
    { stationID: "1:1", place: 2 },
    { stationID: "1:2", place: 1 },
  ]);
});

test("a plan without the call is one call a round, not one for each station", async () => {
  const { read, calls } = rig({
    getStationStatus: () => {
      throw new ApiError("getStationStatus", "101", "forbidden", null);
    },
  });
  const ids = Array.from({ length: 50 }, (_, n) => `1:${n}`);
  const results = await Promise.allSettled(ids.map((id) => read("status", id)));
  expect(results.every(({ status }) => status === "rejected")).toBe(true);
  expect(calls).toHaveLength(1);
});

test("a scrape does not wait for a long walk: it goes without, and has the answer when the walk is done", async () => {
  const page = Promise.withResolvers<object>();
  const { read, timers, clock } = rig({ getStations: () => page.promise });
  const reads = ["1:1", "1:2"].map((id) => read("station", id, 3600));
  for (const giveUp of [...timers]) giveUp();
  await expect(reads[0]).rejects.toThrow(StillReadingError);
  await expect(reads[1]).rejects.toThrow(StillReadingError);
  await new Promise((resolve) => setImmediate(resolve));
  page.resolve({ stationData: [{ stationID: "1:1" }, { stationID: "1:2" }], moreFlag: 0 });
  clock.now = 60;
  expect((await read("station", "1:1", 3600)).stationID).toBe("1:1");
});

test("a reader that gives up does not end the call of the others", async () => {
  const answer = Promise.withResolvers<object>();
  const { account, calls } = rig({ getLoad: () => answer.promise });
  const impatient = new AbortController();
  const one = account.read("load", "1:1", { maxAgeSeconds: 0, signal: impatient.signal });
  const other = account.read("load", "1:1", { maxAgeSeconds: 0, signal: new AbortController().signal });
  impatient.abort(new Error("no longer wanted"));
  await expect(one).rejects.toThrow("no longer wanted");
  answer.resolve({ stationData: [{ stationID: "1:1" }] });
  expect((await other).stationID).toBe("1:1");
  expect(calls).toHaveLength(1);
});
