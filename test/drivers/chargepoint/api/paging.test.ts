import { describe, expect, it } from "vitest";
import type { Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { type PagesOptions, pages } from "../../../../src/drivers/chargepoint/api/paging.ts";

const {
  getStations,
  getChargingSessionData,
  getStationRights,
  getAlarms,
  getLoad,
  getUsers,
  getTransactionData,
} = operations;

/** A client that answers with prepared pages and notes the queries. */
function prepared(answers: (page: number) => Record<string, unknown>) {
  const queries: Record<string, unknown>[] = [];
  const client = {
    call: async (_operation: Operation, request: { searchQuery: Record<string, unknown> }) => {
      queries.push(request.searchQuery);
      return answers(queries.length);
    },
  } as never;
  return { client, queries };
}

async function all(walk: AsyncIterable<unknown>): Promise<unknown[]> {
  const records: unknown[] = [];
  for await (const record of walk) records.push(record);
  return records;
}

const stations = (...ids: string[]) => ids.map((stationID) => ({ stationID }));

describe("C9: pages", () => {
  it("are walked until there are no more, every record once", async () => {
    const three = prepared((page) => ({
      stationData: stations(`${page}a`, `${page}b`),
      moreFlag: page < 3 ? 1 : 0,
    }));
    const records = await all(pages(three.client, getStations, { orgID: "1:9" }, { pageSize: 2 }));
    expect(records).toEqual(stations("1a", "1b", "2a", "2b", "3a", "3b"));
    expect(three.queries).toEqual(
      [1, 3, 5].map((startRecord) => ({ orgID: "1:9", startRecord, numStations: 2 })),
    );
  });

  it("are asked for in the operation's own terms", async () => {
    const sessions = prepared((page) => ({
      ChargingSessionData: [{ sessionID: `${page}` }],
      MoreFlag: 2 - page,
    }));
    await all(pages(sessions.client, getChargingSessionData, { fromTimeStamp: "2021-09-07T21:57:07Z" }));
    expect(sessions.queries.map((query) => query.startRecord)).toEqual(["1", "2"]);
    expect(sessions.queries[0]).not.toHaveProperty("numStations");
    const alarms = prepared(() => ({ Alarms: [], moreFlag: null }));
    expect(await all(pages(alarms.client, getAlarms, {}))).toEqual([]);
    expect(alarms.queries).toEqual([{ startRecord: 1, numTransactions: 100 }]);
  });

  it("of station rights go on by stations, not by groups", async () => {
    const rights = prepared((page) => ({
      rightsData: [{ sgID: `${page}`, stationData: stations("1:1", "1:2", "1:3") }],
      moreFlag: page < 2 ? 1 : 0,
    }));
    expect(await all(pages(rights.client, getStationRights, {}))).toHaveLength(2);
    expect(rights.queries.map((query) => query.startRecord)).toEqual(["1", "4"]);
  });

  it("are found in the groups in which their records and flags stand", async () => {
    const users = prepared((page) => ({
      users: { user: [{ userID: `${page}` }], moreFlag: page < 2 ? 1 : 0 },
    }));
    expect(await all(pages(users.client, getUsers, {}))).toEqual([{ userID: "1" }, { userID: "2" }]);
    expect(users.queries.map(({ numUsers }) => numUsers)).toEqual([500, 500]);
    const fees = prepared((page) => ({
      transactions: { transactionData: [{ transactionID: `${page}` }] },
      MoreFlag: page < 3 ? 1 : 0,
    }));
    expect(await all(pages(fees.client, getTransactionData, {}))).toHaveLength(3);
    expect(fees.queries[0]).toEqual({ startRecord: 1, numTransactions: 500 });
    const none = prepared(() => ({ users: null }));
    expect(await all(pages(none.client, getUsers, {}))).toEqual([]);
  });

  it.each<[string, (page: number) => Record<string, unknown>, PagesOptions, number]>([
    ["promise more and are empty", () => ({ stationData: [], moreFlag: 1 }), {}, 1],
    ["repeat themselves", () => ({ stationData: stations("1:1"), moreFlag: 1 }), {}, 2],
    ["go round", (page) => ({ stationData: stations(`1:${page % 3}`), moreFlag: 1 }), {}, 4],
    ["never end", (page) => ({ stationData: stations(`1:${page}`), moreFlag: 1 }), { maxPages: 7 }, 7],
  ])("that %s end the walk with an error", async (_what, answers, options, calls) => {
    const endless = prepared(answers);
    await expect(all(pages(endless.client, getStations, {}, options))).rejects.toMatchObject({
      name: "ProtocolError",
      fault: "paging",
      operation: "getStations",
    });
    expect(endless.queries).toHaveLength(calls);
  });

  it("are fetched only as far as they are walked, and only where there are any", async () => {
    const two = prepared((page) => ({ stationData: stations(`${page}`), moreFlag: 1 }));
    for await (const record of pages(two.client, getStations, {})) {
      expect(record.stationID).toBe("1");
      break;
    }
    expect(two.queries).toHaveLength(1);
    await expect(all(pages(two.client, getLoad as never, {} as never))).rejects.toThrow(TypeError);
  });
});
