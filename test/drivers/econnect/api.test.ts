import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  chargingStations,
  EconnectClient,
  EconnectError,
  type EconnectOptions,
  type StationEntry,
} from "../../../src/drivers/econnect/api/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { type EconnectSimulator, startEconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { hurried } from "../../helpers/hurried.ts";

let simulator: EconnectSimulator;
afterEach(() => simulator.close());

const account = (): EconnectOptions => ({
  endpoint: simulator.endpoint,
  businessPartner: simulator.businessPartner,
  username: simulator.username,
  password: simulator.password,
});

async function all(entries: AsyncIterable<StationEntry>): Promise<StationEntry[]> {
  const found: StationEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

async function walk(more: Partial<EconnectOptions> = {}, signal?: AbortSignal): Promise<StationEntry[]> {
  return all(chargingStations({ ...account(), ...more }, signal));
}

/** The error with which a walk ends. */
async function failure(more: Partial<EconnectOptions> = {}): Promise<EconnectError> {
  const error: unknown = await walk(more).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EconnectError);
  return error as EconnectError;
}

describe("the walk over an account's stations", () => {
  test("reads pages of 100 from 0 until an empty one; every station once, unchanged", async () => {
    simulator = await startEconnectSimulator({ stations: 250 });
    const entries = await walk();
    expect(entries).toEqual(simulator.stations);
    expect(simulator.calls.map(({ page, size }) => [page, size])).toEqual([
      [0, 100],
      [1, 100],
      [2, 100],
      [3, 100],
    ]);
  });

  test("a page that is exactly full is not the last", async () => {
    simulator = await startEconnectSimulator({ stations: 100 });
    expect(await walk()).toHaveLength(100);
    expect(simulator.calls).toHaveLength(2);
  });

  test("a consumer that stops early requests no further pages", async () => {
    simulator = await startEconnectSimulator({ stations: 500 });
    for await (const entry of chargingStations(account())) {
      expect(entry.id).toBe(simulator.stations[0]!.id);
      break;
    }
    expect(simulator.calls).toHaveLength(1);
  });

  test("business partner, user and password may contain any character", async () => {
    const odd = { businessPartner: "a b/ö?#", username: "jörg", password: "p:ä ß%" };
    simulator = await startEconnectSimulator({ stations: 3, ...odd });
    expect(await walk()).toHaveLength(3);
  });

  test("an endpoint may have a path, and a slash at its end", async () => {
    simulator = await startEconnectSimulator({ stations: 3 });
    expect(await walk({ endpoint: `${simulator.endpoint}/` })).toHaveLength(3);
    expect((await failure({ endpoint: `${simulator.endpoint}/proxy` })).code).toBe("404");
  });

  test("a page that repeats an earlier one, and pages without end, end the walk with an error", async () => {
    simulator = await startEconnectSimulator({ stations: 150 });
    const repeated = simulator.trouble.begin({ effect: { kind: "repeat" }, page: 1 });
    expect(await failure()).toMatchObject({
      fault: "answer",
      code: "paging",
      retryable: false,
      message: expect.stringContaining("page 1 repeats page 0"),
    });
    repeated();
    simulator.trouble.begin({ effect: { kind: "endless" } });
    expect((await failure({ maxPages: 20 })).message).toContain("more than 20 pages");
    expect(simulator.calls.length).toBeLessThanOrEqual(22);
  });

  test("a record that is not a station affects only itself, and is logged", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "bad-record" }, page: 0 });
    const lines: string[] = [];
    expect(await walk({ log: createLog({ write: (line) => lines.push(line) }) })).toEqual(
      simulator.stations.slice(1),
    );
    expect(lines.join("")).toContain("page 0 has 1 records that are not stations");
  });
});

test("the simulator answers bad requests with HTTP statuses, and accepts trouble over /control", async () => {
  simulator = await startEconnectSimulator({ stations: 5 });
  const authorization = `Basic ${btoa(`${simulator.username}:${simulator.password}`)}`;
  const ask = async (path: string, init: RequestInit = {}) =>
    fetch(`${simulator.endpoint}${path}`, { headers: { authorization }, ...init });
  const stations = `/masterdata/cpos/${simulator.businessPartner}/chargingstations`;
  expect((await ask(stations)).status).toBe(200);
  expect((await ask(stations, { headers: {} })).headers.get("www-authenticate")).toContain("Basic");
  expect((await ask("/masterdata/cpos/%zz/chargingstations")).status).toBe(403);
  expect((await ask(`${stations}?page=-1`)).status).toBe(400);
  expect((await ask(stations, { method: "DELETE" })).status).toBe(405);
  expect((await ask("/")).status).toBe(404);
  const trouble = { effect: { kind: "status", status: 503 }, times: 1 };
  const begin = async (body: unknown) =>
    (await ask("/control/trouble", { method: "POST", body: JSON.stringify(body) })).status;
  expect(await begin(trouble)).toBe(200);
  expect(await (await ask("/control/trouble")).json()).toEqual([trouble]);
  expect((await ask(stations)).status).toBe(503);
  expect((await ask(stations)).status).toBe(200);
  for (const wrong of [
    {},
    { effect: { kind: "fire" } },
    { effect: { kind: "slow" } },
    { ...trouble, page: -1 },
    null,
  ])
    expect(await begin(wrong)).toBe(400);
  expect((await ask("/control/trouble", { headers: { origin: "http://evil.example" } })).status).toBe(403);
});

describe("failures", () => {
  test("401, 403 and 404 are not retried; the message says what to check, without the password", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    const wrong = await failure({ password: "wrong-password" });
    expect(wrong).toMatchObject({ fault: "credentials", code: "401", retryable: false });
    expect(wrong.message).toContain("check username and password");
    expect(wrong.message).not.toContain("wrong-password");
    const stranger = await failure({ businessPartner: "12" });
    expect(stranger).toMatchObject({ fault: "refused", code: "403" });
    expect(stranger.message).toContain("business partner 12");
    simulator.trouble.begin({ effect: { kind: "status", status: 404 }, times: 1 });
    expect((await failure()).message).toContain("check business_partner and endpoint");
    expect(simulator.calls).toHaveLength(3);
  });

  test("500 is temporary: the page is requested again after growing pauses", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "status", status: 500 }, times: 2 });
    const pauses: number[] = [];
    expect(await walk({ clock: hurried((ms) => void pauses.push(ms)) })).toHaveLength(5);
    expect(pauses).toHaveLength(2);
    expect(pauses[0]).toBeLessThanOrEqual(250);
    expect(pauses[1]).toBeGreaterThanOrEqual(250);
  });

  test("429 and 503: the pause is at least Retry-After", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "status", status: 429, retryAfterSeconds: 7 }, times: 1 });
    const pauses: number[] = [];
    expect(await walk({ clock: hurried((ms) => void pauses.push(ms)) })).toHaveLength(5);
    expect(pauses).toEqual([7000]);
    // Longer than the rest of the deadline: fails at once, with the wait that was asked for.
    simulator.trouble.begin({ effect: { kind: "status", status: 503, retryAfterSeconds: 3600 } });
    expect(await failure()).toMatchObject({ code: "503", retryable: true, retryAfterSeconds: 3600 });
  });

  test("retries have a limit", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "status", status: 500 } });
    expect(await failure({ clock: hurried() })).toMatchObject({
      fault: "unavailable",
      code: "500",
    });
    expect(simulator.calls).toHaveLength(3);
  });

  test.each([
    ["truncate", "malformed", "not JSON"],
    ["html", "html", "HTML"],
    ["bare", "malformed", '"content"'],
  ] as const)("a page of the kind %s is an error of the kind %s", async (kind, code, text) => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind } });
    const error = await failure();
    expect(error).toMatchObject({ fault: "answer", code, retryable: false });
    expect(error.message).toContain(text);
  });

  test("an endless page is read only up to the size limit", async () => {
    simulator = await startEconnectSimulator({ stations: 100 });
    expect(await failure({ maxBodyBytes: 1000 })).toMatchObject({ fault: "answer", code: "too large" });
  });

  test("a service that hangs fails at the deadline; an abort by the caller takes effect at once", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "hang" } });
    expect(await failure({ deadlineMs: 100 })).toMatchObject({ fault: "unreachable", code: "timeout" });
    const reason = new Error("enough");
    await expect(walk({}, AbortSignal.abort(reason))).rejects.toBe(reason);
    const giveUp = new AbortController();
    const pending = walk({}, giveUp.signal);
    await expect.poll(() => simulator.calls.length).toBe(2);
    giveUp.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });

  test("closing a client aborts its requests", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    simulator.trouble.begin({ effect: { kind: "hang" } });
    const client = new EconnectClient(account());
    const pending = all(client.stations());
    const ended = expect(pending).rejects.toThrow("closed");
    await expect.poll(() => simulator.calls.length).toBe(1);
    await client.close();
    await ended;
  });

  test("no service at the address, and an invalid address", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    await simulator.close();
    expect(await failure({ retries: 0 })).toMatchObject({ fault: "unreachable", code: "ECONNREFUSED" });
    await expect(walk({ endpoint: "ftp://somewhere" })).rejects.toThrow(TypeError);
    await expect(walk({ endpoint: "http://me:secret@somewhere" })).rejects.toThrow(
      /must not hold credentials/,
    );
  });

  test("a redirect is not followed: credentials go to the endpoint only", async () => {
    simulator = await startEconnectSimulator({ stations: 5 });
    const elsewhere = createServer((_request, response) => {
      response.writeHead(302, { Location: `${simulator.endpoint}/masterdata` }).end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => elsewhere.once("listening", resolve));
    const { port } = elsewhere.address() as AddressInfo;
    const error = await failure({ endpoint: `http://127.0.0.1:${port}` });
    expect(error).toMatchObject({ fault: "refused", code: "302" });
    expect(simulator.calls).toHaveLength(0);
    elsewhere.close();
    elsewhere.closeAllConnections();
  });
});
