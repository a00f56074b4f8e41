import { expect, test } from "vitest";
import { ApiError, TransportError } from "../../../../src/drivers/chargepoint/api/errors.ts";
import { findGroups } from "../../../../src/drivers/chargepoint/planning/plan-devices.ts";

/** A service that answers every call so. */
function find(answer: () => Promise<never>, stations = 2, signal = AbortSignal.timeout(5000)) {
  const told: unknown[] = [];
  const client = { call: answer } as Parameters<typeof findGroups>[0];
  return { told, found: findGroups(client, stations, { signal, onRefused: (error) => told.push(error) }) };
}

test("an account that may not read its groups has none, and that is told", async () => {
  const refusal = new ApiError("getOrgsAndStationGroups", "101", "forbidden", null);
  const { told, found } = find(() => Promise.reject(refusal));
  expect(await found).toEqual({ groups: [], calls: 0 });
  expect(told).toEqual([refusal]);
});

test("a service that does not answer is no answer", async () => {
  const details = { code: "ECONNREFUSED", sent: false, retryable: true, timedOut: false };
  const lost = new TransportError("getOrgsAndStationGroups", "no answer", details);
  const { told, found } = find(() => Promise.reject(lost));
  await expect(found).rejects.toBe(lost);
  expect(told).toEqual([]);
});

test("a lookup that is ended rejects, though the learning of groups never does", async () => {
  const ended = AbortSignal.abort(new Error("over"));
  await expect(find(() => Promise.reject(ended.reason), 2, ended).found).rejects.toThrow("over");
});

test("for one station alone nobody is asked", async () => {
  const { found } = find(() => Promise.reject(new Error("asked")), 1);
  expect(await found).toEqual({ groups: [], calls: 0 });
});
