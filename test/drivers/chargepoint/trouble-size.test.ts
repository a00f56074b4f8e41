import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ChargePointClient } from "../../../src/drivers/chargepoint/api/client.ts";
import { operations } from "../../../src/drivers/chargepoint/api/operations/index.ts";
import type { Effect } from "../../../src/simulator/index.ts";
import { RunningVoltbridge } from "../../helpers/voltbridge.ts";

/**
 * What is too much for a careless reader costs this one a bounded time and a bounded memory. The simulator is a
 * process of its own, so that the memory is the client's; its troubles are begun over HTTP, as other software would.
 */

const { getLoad } = operations;
const QUERY = { searchQuery: { stationID: "1:100001" } };
const MB = 1024 * 1024;

let simulation: RunningVoltbridge;
let client: ChargePointClient;
let endpoint: string;
beforeAll(async () => {
  simulation = new RunningVoltbridge(["simulate", "--port", "0", "--stations", "1"]);
  const [line] = await simulation.printed(/\{.*\}/);
  const service = JSON.parse(line) as { endpoint: string; username: string; password: string };
  endpoint = service.endpoint;
  client = new ChargePointClient({ ...service, retries: 1 });
  for (let round = 0; round < 200; round++) await client.call(getLoad, QUERY);
});
afterAll(async () => {
  await client.close();
  await simulation.stop();
});

async function begin(effect: Effect): Promise<void> {
  const { statusCode, body } = await request(new URL("/control/trouble", endpoint), {
    method: "POST",
    body: JSON.stringify({ effect, times: 1 }),
  });
  expect([statusCode, await body.text()]).toEqual([200, expect.any(String)]);
}

/** Runs some work; tells how it failed, the processor time it took, and by how much the process grew meanwhile at most. */
async function measured(work: () => Promise<unknown>) {
  const before = process.memoryUsage.rss();
  let most = before;
  let going = true;
  const look = async (): Promise<void> => {
    while (going) {
      most = Math.max(most, process.memoryUsage.rss());
      await sleep(5);
    }
  };
  const looking = look();
  const begun = process.cpuUsage();
  const error = await work().catch((reason: unknown) => reason);
  const { user, system } = process.cpuUsage(begun);
  most = Math.max(most, process.memoryUsage.rss());
  going = false;
  await looking;
  return { error, cpuMs: (user + system) / 1000, grewMb: (most - before) / MB };
}

test.each<[string, Effect, string]>([
  ["entities that multiply", { kind: "bomb", shape: "entities" }, "doctype"],
  ["one long entity many times", { kind: "bomb", shape: "quadratic" }, "doctype"],
  ["elements nested a hundred thousand deep", { kind: "bomb", shape: "depth" }, "too deep"],
  ["a million attributes", { kind: "bomb", shape: "attributes" }, "too large"],
  ["200 MB", { kind: "large" }, "too large"],
  ["200 MB, packed", { kind: "large", packed: true }, "too large"],
])("G2: %s: refused within a second and 50 MB", async (_what, effect, fault) => {
  await begin(effect);
  const { error, cpuMs, grewMb } = await measured(() => client.call(getLoad, QUERY));
  expect(error).toMatchObject({ name: "ProtocolError", fault, retryable: false });
  expect(cpuMs).toBeLessThan(1000);
  expect(grewMb).toBeLessThan(50);
  expect(await client.call(getLoad, QUERY)).toMatchObject({ responseCode: "100" });
});
