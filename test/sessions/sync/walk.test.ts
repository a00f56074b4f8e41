import { describe, expect, test } from "vitest";
import type { ChargingSession } from "../../../src/drivers/chargepoint/api/index.ts";
import { type Client, walkSessions } from "../../../src/sessions/sync/walk.ts";
import { hurried } from "../../helpers/hurried.ts";

const FROM = "2026-01-01T00:00:00Z";
const TO = "2027-01-01T00:00:00Z";

/** Sessions that start so many minutes after the beginning. */
function sessions(starts: readonly number[]): ChargingSession[] {
  return starts.map((minutes, index) => {
    const startTime = new Date(Date.parse(FROM) + minutes * 60_000).toISOString().replace(".000", "");
    return {
      sessionID: String(index + 1),
      stationID: "1:1",
      startTime,
      endTime: startTime,
    } as ChargingSession;
  });
}

interface Faults {
  readonly size?: number;
  /** What becomes of an answer. */
  readonly spoil?: (answer: Answer, query: { from: string; start: number }, call: number) => Answer;
}
interface Answer {
  ChargingSessionData: ChargingSession[];
  MoreFlag: number;
}

/** A service that gives these sessions, oldest first, as the guide says, and then spoils its answers. */
function service(all: readonly ChargingSession[], { size = 100, spoil = (answer) => answer }: Faults = {}) {
  let calls = 0;
  const client = {
    call: async (
      _operation: unknown,
      request: { searchQuery: { fromTimeStamp: string; startRecord: string } },
    ) => {
      const { fromTimeStamp: from, startRecord } = request.searchQuery;
      const start = Number(startRecord);
      const matching = all.filter((session) => session.startTime! >= from);
      const page = matching.slice(start - 1, start - 1 + size);
      const more = matching.length > start - 1 + size ? 1 : 0;
      return spoil({ ChargingSessionData: page, MoreFlag: more }, { from, start }, ++calls);
    },
  } as unknown as Client;
  return {
    client,
    get calls() {
      return calls;
    },
  };
}

async function walk(client: Client, options: { to?: string; known?: string[] } = {}) {
  const ids: string[] = [];
  let reached: string | null = null;
  const signal = new AbortController().signal;
  const clock = hurried();
  for await (const page of walkSessions(client, { from: FROM, to: TO, signal, clock, ...options })) {
    ids.push(...page.sessions.map(({ sessionID }) => sessionID!));
    reached = page.reached;
  }
  return { ids, reached };
}

const idsOf = (all: readonly ChargingSession[]) => all.map(({ sessionID }) => sessionID);
const many = sessions(Array.from({ length: 12_345 }, (_, index) => Math.floor(index / 3)));

describe("a walk over sessions", () => {
  test("gives each session once, over any number of pages, in as many calls as there are pages and a few", async () => {
    const { client, ...rest } = service(many);
    const counted = service(many);
    expect((await walk(client)).ids).toEqual(idsOf(many));
    await walk(counted.client);
    expect(counted.calls).toBeLessThan(124 + 5);
    expect(rest).toBeDefined();
  });

  test("a service that gives no more than its first pages loses none", async () => {
    for (const most of [100, 300]) {
      const spoil: Faults["spoil"] = (answer, { start }) =>
        start + 100 > most ? { ...answer, MoreFlag: 0 } : answer;
      expect((await walk(service(many, { spoil }).client)).ids).toEqual(idsOf(many));
    }
  });

  test("no session is lost with a service that repeats its first page for every number", async () => {
    const all = [...many];
    const { client } = service(all);
    const stuck: Client = {
      call: (operation, request, options) => {
        const { searchQuery } = request as unknown as { searchQuery: Record<string, string> };
        const first = { searchQuery: { ...searchQuery, startRecord: "1" } };
        return client.call(operation, first as never, options);
      },
    };
    expect((await walk(stuck)).ids).toEqual(idsOf(all));
  });

  test("an empty page that promises more, or a page cut off in the middle, is asked for again from where it is", async () => {
    const spoil: Faults["spoil"] = (answer, _, call) =>
      call % 7 === 3
        ? { ChargingSessionData: [], MoreFlag: 1 }
        : call % 7 === 5
          ? { ...answer, ChargingSessionData: answer.ChargingSessionData.slice(0, 40), MoreFlag: 1 }
          : answer;
    expect((await walk(service(many, { spoil }).client)).ids).toEqual(idsOf(many));
  });

  test("pages that never end are an error, and not a loop", async () => {
    const here = sessions([1, 2, 3]);
    const spoil: Faults["spoil"] = () => ({ ChargingSessionData: here, MoreFlag: 1 });
    await expect(walk(service(here, { spoil }).client)).rejects.toMatchObject({ fault: "paging" });
    let id = 1;
    const growing: Faults["spoil"] = () => ({
      ChargingSessionData: [{ ...here[0]!, sessionID: String(++id) }],
      MoreFlag: 1,
    });
    await expect(walk(service(here, { spoil: growing }).client)).rejects.toMatchObject({ fault: "paging" });
    const empty: Faults["spoil"] = () => ({ ChargingSessionData: [], MoreFlag: 1 });
    await expect(walk(service(here, { spoil: empty }).client)).rejects.toMatchObject({ fault: "paging" });
  });

  test("hundreds of sessions that start in one second are walked by number", async () => {
    const burst = sessions([...Array(2345).fill(5), 6, 7]);
    expect((await walk(service(burst).client)).ids).toEqual(idsOf(burst));
  });

  test("it ends at the end of the range, and reports the progress that is certain", async () => {
    const to = "2026-01-01T10:10:00Z";
    const counted = service(many);
    const { ids, reached } = await walk(counted.client, { to });
    expect(ids).toEqual(idsOf(many.filter(({ startTime }) => startTime! < to)));
    expect(reached).toBe(to);
    expect(counted.calls).toBeLessThan(25);
  });

  test("a service with another order is read completely, without reporting progress", async () => {
    const newestFirst = many.slice(0, 1000).toReversed();
    const { ids, reached } = await walk(service(newestFirst).client);
    expect(ids.toSorted()).toEqual(idsOf(newestFirst).toSorted());
    expect(reached).toBeNull();
  });

  test("sessions that are known come not again", async () => {
    const few = sessions([0, 0, 0, 1]);
    expect((await walk(service(few).client, { known: ["1", "2"] })).ids).toEqual(["3", "4"]);
  });
});
