import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HistorianBackend, Sample } from "../../../../src/historian/contract.ts";
import type { HistorianError } from "../../../../src/historian/errors.ts";
import type { InfluxConnection } from "../../../../src/historian/stores/influxdb/settings.ts";
import { sample } from "../../../contracts/historian-contract.ts";
import { answer, HttpDouble, type Respond } from "./http-double.ts";
import { backendOf } from "./store.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;

let influx: HttpDouble;
let open: HistorianBackend[];
let now: Date;

beforeEach(async () => {
  influx = await HttpDouble.run();
  open = [];
  now = new Date("2026-11-21T12:00:00Z");
});
afterEach(async () => {
  await Promise.all(open.map((backend) => backend.close()));
  await influx.close();
});

function backend(settings: Partial<InfluxConnection> = {}): HistorianBackend {
  const made = backendOf({ url: influx.url, timeout: 0.3, ...settings }, { now: () => now });
  open.push(made);
  return made;
}

async function failure(promise: Promise<unknown>): Promise<HistorianError> {
  return await promise.then(
    () => expect.unreachable("it should have failed"),
    (error) => error as HistorianError,
  );
}

const batch = (count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => sample(`a/b/c/p${i}`, NOON, i));

/** Refuses bodies that hold a line of one of these points. */
const refusing =
  (status: number, body: unknown, ...points: string[]): Respond =>
  (seen, response) =>
    points.some((point) => seen.body.split("\n").some((line) => line.startsWith(`${point},`)))
      ? answer(response, status, body)
      : void response.writeHead(204).end();

describe("A12: answers are classified", () => {
  test.each<[string, number, unknown, string, RegExp]>([
    [
      "401",
      401,
      { error: "authorization failed" },
      "give_up",
      /check username, password or token.*authorization failed/,
    ],
    ["403", 403, { error: "not authorized to write" }, "give_up", /grant it/],
    ["404 of another path", 404, "404 page not found", "give_up", /check url/],
    [
      "404 of a bucket",
      404,
      { code: "not found", message: 'bucket "x" not found' },
      "give_up",
      /bucket "x" not found/,
    ],
    ["408", 408, "", "retry", /overloaded or limits the request rate/],
    ["429", 429, { code: "too many requests", message: "slow down" }, "retry", /slow down/],
    ["500", 500, { error: "timeout" }, "retry", /cannot store values now.*500: timeout/],
    ["503", 503, "", "retry", /503/],
    ["400 that is not InfluxDB's", 400, "<html>Bad Request</html>", "retry", /not InfluxDB/],
    ["200, as from a login page", 200, "<html>", "give_up", /check url and version/],
    ["a redirect", 302, "", "give_up", /check url/],
  ])("A12: %s", async (_, status, body, kind, message) => {
    influx.respond = (_, response) => answer(response, status, body);
    const error = await failure(backend().write(batch(3)));
    expect(error).toMatchObject({ name: "HistorianError", kind, message: expect.stringMatching(message) });
    expect(error.rejected.size).toBe(0);
  });

  test("A12: 204 is stored", async () => {
    await backend().write(batch(3));
    expect(influx.lines).toEqual(
      [0, 1, 2].map(
        (i) => `p${i},building=b,campus=a,device=c,source=scrape value=${i},value_string="${i}.0" ${NOON}`,
      ),
    );
  });

  test.each<[string, number, { error?: string; message?: string }]>([
    ["partial write", 400, { error: "partial write: max-values-per-tag limit exceeded dropped=2" }],
    ["parse error", 400, { error: "unable to parse 'p7 x': invalid" }],
    ["v2 refusal", 422, { message: "failure writing points" }],
  ])(
    "A10, A12: %s: the bad ones are found and named by index, the others are stored",
    async (_, status, body) => {
      influx.respond = refusing(status, body, "p7", "p501");
      const error = await failure(backend().write(batch(1000)));
      expect(error.kind).toBe("reject");
      expect([...error.rejected.keys()].toSorted()).toEqual([501, 7]);
      expect(error.rejected.get(7)).toContain(body.error ?? body.message);
      expect(influx.writes.length).toBeLessThan(60);
    },
  );

  test("A12: 413 is split until it fits, also the next time, and a value that never fits is named", async () => {
    influx.respond = ({ body }, response) =>
      body.length > 3000
        ? answer(response, 413, { error: "Request Entity Too Large" })
        : void response.writeHead(204).end();
    const store = backend();
    const large = sample("a/b/c/large", NOON, "x".repeat(5000));
    const error = await failure(store.write([...batch(99), large]));
    expect([...error.rejected]).toEqual([[99, expect.stringContaining("max-body-size")]]);
    influx.seen.length = 0;
    await store.write(batch(99));
    expect(influx.lines).toHaveLength(99);
    expect(influx.writes.every(({ body }) => body.length <= 3000)).toBe(true);
  });

  test("A12: Retry-After is heeded: nothing is sent before", async () => {
    influx.respond = (_, response) => answer(response, 429, { error: "slow" }, { "retry-after": "120" });
    const store = backend();
    expect((await failure(store.write(batch(1)))).kind).toBe("retry");
    influx.respond = (_, response) => void response.writeHead(204).end();
    influx.seen.length = 0;
    now = new Date(now.getTime() + 119_000);
    expect(await failure(store.write(batch(1)))).toMatchObject({
      kind: "retry",
      message: expect.stringContaining("another 1 s"),
    });
    expect(influx.seen).toEqual([]);
    now = new Date(now.getTime() + 1000);
    await store.write(batch(1));
  });

  test("A11: a server that refuses everything costs a bounded number of requests, and some are named each time", async () => {
    influx.respond = (seen, response) =>
      seen.body.startsWith("meta,")
        ? void response.writeHead(204).end()
        : answer(response, 400, { error: "no" });
    const error = await failure(backend().write(batch(1000)));
    expect(error.kind).toBe("reject");
    expect(error.rejected.size).toBeGreaterThan(100);
    expect(influx.writes.length).toBeLessThan(310);
  });

  test("A12: a foreign measurement meta is nobody's fault but the settings'", async () => {
    const text =
      'partial write: field type conflict: input field "topic" on measurement "meta" is type string, already exists as type float dropped=1';
    influx.respond = (_, response) => answer(response, 400, { error: text });
    expect(await failure(backend().write(batch(2)))).toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("set another database"),
    });
  });
});

describe("A9: no call waits for ever", () => {
  const stalls: Record<string, Respond> = {
    "no answer": () => undefined,
    "stalls after the headers of a 200": (_, response) =>
      void response.writeHead(200, { "content-length": "10" }).write("{"),
    "stalls after the headers of a 500": (_, response) =>
      void response.writeHead(500, { "content-length": "10" }).write("{"),
    drips: (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      const drip = setInterval(() => response.write(" "), 20);
      response.once("close", () => clearInterval(drip));
    },
    "is cut within a 400": (_, response) => {
      response.writeHead(400, { "content-length": "100" }).write('{"error":"par');
      setImmediate(() => response.destroy());
    },
    "is cut before the headers": (_, response) => void response.destroy(),
  };

  test.each(Object.entries(stalls))(
    "A9, T1: a write that %s ends by its deadline and leads to nothing but another try",
    async (_, respond) => {
      const store = backend();
      influx.respond = respond;
      const begun = performance.now();
      expect(await failure(store.write(batch(2)))).toMatchObject({ kind: "retry", rejected: new Map() });
      expect(performance.now() - begun).toBeLessThan(2000);
      influx.respond = (_, response) => void response.writeHead(204).end();
      await store.write(batch(2));
    },
  );

  test.each(Object.entries(stalls))("A9, T1: a query that %s", async (_, respond) => {
    const store = backend();
    influx.respondToQuery = respond;
    expect((await failure(store.topics())).kind).toBe("retry");
    expect((await failure(store.write(batch(1)))).kind).toBe("retry");
  });

  test("A9, T1, T2: neither does the client library, nor does it refuse the next call", async () => {
    const stalling = await HttpDouble.run();
    const { port } = new URL(stalling.url);
    try {
      const store = backendOf({ url: `http://127.0.0.1:${port}`, database: "other", timeout: 0.2 }, {});
      open.push(store);
      // `CREATE DATABASE` is the first that is not in the double's lists.
      stalling.respondToQuery = stalls["stalls after the headers of a 200"]!;
      expect(await failure(store.open())).toMatchObject({
        kind: "retry",
        message: expect.stringContaining("0.2 s"),
      });
      stalling.respondToQuery = (_, response) => answer(response, 200, { results: [{ statement_id: 0 }] });
      await store.open();
    } finally {
      await stalling.close();
    }
  });

  test("an abort ends a call at once, close ends all", async () => {
    influx.respond = () => undefined;
    const store = backend({ timeout: 60 });
    const ending = new AbortController();
    const first = failure(store.write(batch(1), ending.signal));
    await expect.poll(() => influx.writes.length).toBe(1);
    ending.abort();
    expect((await first).kind).toBe("retry");
    const second = failure(store.write(batch(1)));
    await expect.poll(() => influx.writes.length).toBe(2);
    await store.close();
    expect((await second).kind).toBe("retry");
  });
});

describe("what is sent", () => {
  test("version 1: name and password in a header, never in a URL; policy and consistency", async () => {
    await backend({
      username: "bridge",
      password: "pass:word",
      consistency: "quorum",
      retention_policy: "autogen",
    }).write(batch(1));
    const expected = `Basic ${Buffer.from("bridge:pass:word").toString("base64")}`;
    expect(influx.seen.map(({ headers }) => headers.authorization)).toEqual(influx.seen.map(() => expected));
    expect(JSON.stringify(influx.seen.map(({ query }) => query))).not.toContain("pass");
    const data = influx.writes.at(-1);
    expect(data).toMatchObject({
      path: "/write",
      query: { db: "voltbridge", precision: "u", consistency: "quorum", rp: "autogen" },
    });
  });

  test("version 2: org, bucket, token; queries go to the 1.x endpoint with the bucket as database", async () => {
    const store = backend({ version: 2, org: "my org", bucket: "cars", token: "t0ken" });
    await store.write(batch(1));
    await store.read({ topic: "a/b/c/p0", order: "FIRST_TO_LAST", skip: 0, limit: 1 });
    expect(influx.writes.at(-1)).toMatchObject({
      path: "/api/v2/write",
      query: { org: "my org", bucket: "cars", precision: "us" },
      headers: { authorization: "Token t0ken", "content-type": "text/plain; charset=utf-8" },
    });
    expect(influx.seen.at(-1)).toMatchObject({
      path: "/query",
      query: { db: "cars", epoch: "u" },
      headers: { authorization: "Token t0ken" },
    });
    expect(store.retention).toBeUndefined();
  });

  test("version 2: without a mapping for queries, points are written all the same", async () => {
    influx.respondToQuery = (_, response) =>
      answer(response, 404, { code: "not found", message: "no dbrp mapping found" });
    const store = backend({ version: 2, org: "o", token: "t" });
    await store.open();
    await store.write(batch(1));
    // What the store may have of it is not known, so the line tells where its value is.
    expect(influx.lines).toEqual([
      `p0,building=b,campus=a,device=c,source=scrape value=0,value_json="",value_string="0.0" ${NOON}`,
    ]);
    expect(await failure(store.topics())).toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("dbrp"),
    });
  });

  test("version 3: database and token; refused lines are taken from the answer", async () => {
    influx.respond = ({ body }, response) => {
      const lines = body.trim().split("\n");
      const bad = lines.findIndex((line) => line.startsWith("p5,"));
      if (bad < 0) response.writeHead(204).end();
      else
        answer(response, 400, {
          error: "partial write of line protocol occurred",
          data: [{ original_line: lines[bad], line_number: bad + 1, error_message: "invalid column type" }],
        });
    };
    const error = await failure(backend({ version: 3, token: "t0ken" }).write(batch(1000)));
    expect([...error.rejected]).toEqual([[5, expect.stringContaining("invalid column type")]]);
    expect(influx.writes.length).toBeLessThan(6);
    expect(influx.writes.at(-1)).toMatchObject({
      path: "/api/v3/write_lp",
      query: { db: "voltbridge", precision: "microsecond", accept_partial: "true" },
      headers: { authorization: "Bearer t0ken" },
    });
  });

  test("gzip", async () => {
    await backend({ gzip: true }).write(batch(100));
    expect(influx.writes.at(-1)?.headers["content-encoding"]).toBe("gzip");
    expect(influx.lines).toHaveLength(100);
  });

  test("topics are told once, again when they change, and every ten minutes", async () => {
    const store = backend();
    const told = (): number => influx.writes.filter(({ body }) => body.startsWith("meta,")).length;
    await store.write(batch(2));
    await store.write(batch(2));
    expect(told()).toBe(1);
    await store.write([sample("A/b/c/p0", NOON, 1)]);
    expect(told()).toBe(2);
    now = new Date(now.getTime() + 601_000);
    await store.write(batch(2));
    expect(told()).toBe(3);
  });
});

describe("what topics are is told as the server keeps it", () => {
  test("version 1: at time 0; versions 2 and 3: on the day, so that a bucket that removes what is old keeps it", async () => {
    const toldAt = (): (string | undefined)[] =>
      influx.writes
        .filter(({ body }) => body.startsWith("meta,"))
        .map(({ body }) => body.trim().split(" ").at(-1));
    await backend().write(batch(1));
    await backend({ version: 2, org: "o", token: "t" }).write(batch(1));
    await backend({ version: 3 }).write(batch(1));
    const today = String(Date.UTC(2026, 10, 21) * 1000);
    expect(toldAt()).toEqual(["0", today, today]);
  });

  test.each([
    [{}, /grant the user READ on the database/],
    [{ version: 2, org: "o", token: "t" } as const, /at least two days/],
  ])("where it does not, no value is lost for it: %j", async (settings, remedy) => {
    influx.respond = (seen, response) =>
      seen.body.startsWith("meta,")
        ? answer(response, 400, { error: "partial write: points beyond retention policy dropped=1" })
        : void response.writeHead(204).end();
    const error = await failure(backend(settings).write(batch(5)));
    expect(error).toMatchObject({
      kind: "give_up",
      message: expect.stringMatching(remedy),
      rejected: new Map(),
    });
  });

  test("a clock that is set back does not prolong a rest", async () => {
    influx.respond = (_, response) => answer(response, 503, { error: "busy" }, { "retry-after": "30" });
    const store = backend();
    expect((await failure(store.write(batch(1)))).kind).toBe("retry");
    influx.respond = (_, response) => void response.writeHead(204).end();
    now = new Date(now.getTime() - 3_600_000);
    await store.write(batch(1));
  });
});
