import { expect, test } from "vitest";
import { getStations } from "../../../../src/drivers/chargepoint/api/operations/get-stations.ts";
import { pages } from "../../../../src/drivers/chargepoint/api/paging.ts";

/** So many stations in pages of 500, each page a turn later; how many were asked for at a time, and in all. */
function service(stations: number, failsAt?: number) {
  const seen = { calls: 0, underWay: 0, most: 0 };
  const client = {
    async call(_operation: unknown, { searchQuery }: { searchQuery: { startRecord: number | string } }) {
      seen.calls += 1;
      seen.underWay += 1;
      seen.most = Math.max(seen.most, seen.underWay);
      await new Promise((resolve) => setImmediate(resolve));
      seen.underWay -= 1;
      const from = Number(searchQuery.startRecord) - 1;
      if (from === failsAt) throw new Error("that page fails");
      const length = Math.max(0, Math.min(500, stations - from));
      const stationData = Array.from({ length }, (_, n) => ({ stationID: `1:${from + n}` }));
      return { stationData, moreFlag: from + length < stations ? 1 : 0 };
    },
  };
  return { seen, client: client as never };
}

async function walk(client: never, ahead: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const { stationID } of pages(client, getStations, {}, { ahead })) ids.push(stationID!);
  return ids;
}

test("a long walk asks for pages side by side: each record once and in order, few calls beyond the end", async () => {
  const { client, seen } = service(20_300);
  const ids = await walk(client, 6);
  expect(ids).toEqual(Array.from({ length: 20_300 }, (_, n) => `1:${n}`));
  expect(seen.most).toBe(7);
  expect(seen.calls).toBeLessThanOrEqual(41 + 6);
});

test("a short walk asks for one page after the other, and for none beyond the end", async () => {
  const { client, seen } = service(1700);
  await walk(client, 6);
  expect(seen).toMatchObject({ calls: 4, most: 1 });
});

test("a page that fails fails the walk when it gets there, and no page asked for beside it is a loose end", async () => {
  const { client } = service(20_000, 15_000);
  const ids: string[] = [];
  const walking = (async () => {
    for await (const { stationID } of pages(client, getStations, {}, { ahead: 6 })) ids.push(stationID!);
  })();
  await expect(walking).rejects.toThrow("that page fails");
  expect(ids).toHaveLength(15_000);
});
