import { once } from "node:events";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { ChargePointClient } from "../../../../src/drivers/chargepoint/api/client.ts";
import { readCredentials } from "../../../../src/drivers/chargepoint/api/documents/security.ts";
import {
  buildResponse,
  parseEnvelope,
  type ReadAnswer,
  readAnswer,
} from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { ApiError, TransportError } from "../../../../src/drivers/chargepoint/api/errors.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { createLog } from "../../../../src/log/log.ts";
import { connect, GOOD, PASSWORD, type Reply, serve, USERNAME, xml } from "./service.ts";

const { getLoad, shedLoad, getAlarms, clearAlarms, clearShedState, getCPNInstances } = operations;
const QUERY = { searchQuery: { stationID: "1:2" } };
const SHED = { shedQuery: { shedStation: { stationID: "1:2", allowedLoadPerStation: 3 }, timeInterval: 0 } };

const busy: Reply = (response) => response.writeHead(503).end();
const coded =
  (
    operation: typeof getAlarms | typeof shedLoad | typeof clearAlarms | typeof clearShedState,
    code: string,
  ): Reply =>
  (response) =>
    xml(
      response,
      buildResponse(operation as typeof clearAlarms, { responseCode: code, responseText: "words" }),
    );

describe("a call", () => {
  it("sends SOAP 1.1 with its action and credentials, and gives the typed response", async () => {
    const service = await serve((response) => xml(response, GOOD));
    const { client, calls } = connect(service.endpoint);
    const answer = await client.call(getLoad, QUERY);
    expect(answer.stationData[0]?.stationLoad).toBe(3.5);
    const [request] = service.received;
    expect(request?.headers).toMatchObject({
      "content-type": "text/xml; charset=utf-8",
      soapaction: '"urn:provider/interface/chargepointservices/getLoad"',
      "accept-encoding": "gzip",
    });
    const { header, body } = parseEnvelope(request?.body ?? "");
    expect(readCredentials(header)).toEqual({ username: USERNAME, password: PASSWORD });
    expect(body?.name).toBe("getLoad");
    expect(calls).toEqual([
      {
        operation: "getLoad",
        attempt: 1,
        outcome: "success",
        bytes: Buffer.byteLength(GOOD),
        tookMs: expect.any(Number),
      },
    ]);
  });

  it("keeps its connection for the next", async () => {
    const service = await serve((response) => xml(response, GOOD));
    const { client } = connect(service.endpoint);
    for (let nth = 0; nth < 5; nth++) await client.call(getLoad, QUERY);
    expect(service.connections()).toBe(1);
  });

  it("unpacks gzip", async () => {
    const packed = gzipSync(GOOD);
    const service = await serve((response) =>
      response.writeHead(200, { "content-type": "text/xml", "content-encoding": "gzip" }).end(packed),
    );
    const { client, calls } = connect(service.endpoint);
    expect((await client.call(getLoad, QUERY)).responseCode).toBe("100");
    expect(calls[0]?.bytes).toBe(packed.byteLength);
  });

  it("accepts a padded 100, and getCPNInstances without a code", async () => {
    const padded = await serve((response) => xml(response, GOOD.replace(">100<", ">\n 100 <")));
    expect((await connect(padded.endpoint).client.call(getLoad, QUERY)).responseCode).toBe("100");
    const bare = await serve((response) =>
      xml(response, buildResponse(getCPNInstances, { CPN: [{ cpnID: "1" }] })),
    );
    expect((await connect(bare.endpoint).client.call(getCPNInstances, {})).CPN).toHaveLength(1);
  });

  it("reads answers through the reader it is given", async () => {
    const service = await serve((response) => xml(response, GOOD));
    const read: ReadAnswer = (operation, document, limits) => {
      expect(limits?.maxBytes).toBe(12_345);
      const answer = readAnswer(operation, document, limits);
      return answer.kind === "fault"
        ? answer
        : { kind: "response", value: { ...answer.value, responseText: "read" } };
    };
    const { client } = connect(service.endpoint, { read, maxBodyBytes: 12_345 });
    expect((await client.call(getLoad, QUERY)).responseText).toBe("read");
  });

  it("refuses a request that does not fit its description before anything is sent", async () => {
    const service = await serve((response) => xml(response, GOOD));
    const wrong = { searchQuery: { stationId: "1:2" } } as never;
    await expect(connect(service.endpoint).client.call(getLoad, wrong)).rejects.toThrow(
      "searchQuery/stationId",
    );
    expect(service.received).toHaveLength(0);
  });

  it("rejects with the caller's reason when the caller gives up, and soon", async () => {
    const service = await serve(() => {});
    const { client, calls } = connect(service.endpoint);
    const controller = new AbortController();
    const reason = new Error("enough");
    const call = client.call(getLoad, QUERY, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(call).rejects.toBe(reason);
    await expect(client.call(getLoad, QUERY, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(calls.map(({ outcome }) => outcome)).toEqual(["aborted", "aborted"]);
  });

  it("ends when the client is closed, also while it waits to try again", async () => {
    const service = await serve(() => {});
    const { client } = connect(service.endpoint);
    const hanging = client.call(shedLoad, SHED);
    const waiting = new ChargePointClient({
      endpoint: (await serve(busy)).endpoint,
      username: "u",
      password: "p",
    });
    const retried = waiting.call(getLoad, QUERY);
    setTimeout(() => void Promise.all([client.close(), waiting.close()]), 100);
    await expect(hanging).rejects.toMatchObject({ name: "TransportError", code: "closed", retryable: false });
    await expect(retried).rejects.toBeInstanceOf(TransportError);
    await expect(client.call(getLoad, QUERY)).rejects.toMatchObject({ code: "closed", sent: false });
  });

  it("G1: warns where the credentials would go unencrypted, without naming them", () => {
    const warned = (endpoint: string): string[] => {
      const lines: string[] = [];
      const log = createLog({ write: (line) => void lines.push(line) });
      connect(endpoint, { log });
      return lines;
    };
    expect(warned("http://station.example/")).toEqual([
      expect.stringMatching(/warn.*unencrypted.*station\.example/),
    ]);
    expect(warned("http://station.example/").join()).not.toMatch(/canary/);
    expect(["https://station.example/", "http://127.0.0.1/", "http://[::1]/"].flatMap(warned)).toEqual([]);
  });

  it.each(["ftp://127.0.0.1/x", "nonsense", "http://user:canary@127.0.0.1/"])(
    "refuses the endpoint %s",
    (endpoint) => {
      const make = () => new ChargePointClient({ endpoint, username: "u", password: "p" });
      expect(make).toThrow(TypeError);
      expect(make).not.toThrow(/canary/);
    },
  );
});

describe("response codes", () => {
  it("C10: a code that means an empty result resolves to empty lists", async () => {
    const service = await serve(coded(getAlarms, "153"));
    const { client, calls } = connect(service.endpoint);
    expect(await client.call(getAlarms, { searchQuery: {} })).toMatchObject({
      responseCode: "153",
      Alarms: [],
    });
    expect(calls[0]?.outcome).toBe("empty");
  });

  it("clearing alarms where there are none is done, shedding where nothing was found is not", async () => {
    const none = await serve(coded(clearAlarms, "153"));
    const cleared = await connect(none.endpoint).client.call(clearAlarms, {
      searchQuery: { stationID: "1:2" },
    });
    expect(cleared.responseCode).toBe("153");
    const lost = await serve(coded(shedLoad, "122"));
    await expect(connect(lost.endpoint).client.call(shedLoad, SHED)).rejects.toMatchObject({
      kind: "empty",
      code: "122",
    });
  });

  it.each([
    ["179", "invalid", false],
    ["101", "forbidden", false],
    ["126", "transient", true],
    ["999", "invalid", false],
  ])("code %s is an ApiError of kind %s", async (code, kind, retryable) => {
    const service = await serve(coded(shedLoad, code));
    const failure = await connect(service.endpoint)
      .client.call(shedLoad, SHED)
      .catch((error) => error);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ operation: "shedLoad", code, kind, retryable, serviceText: "words" });
    expect(failure.message).toContain(`code ${code}`);
    expect(failure.guideText).toEqual(code === "999" ? null : expect.any(String));
  });

  it("E13: Success 0 is a failure whatever the code", async () => {
    const service = await serve((response) =>
      xml(response, buildResponse(clearShedState, { responseCode: "100", Success: 0 })),
    );
    const call = connect(service.endpoint).client.call(clearShedState, {
      shedQuery: { shedStation: { stationID: "1:2" } },
    });
    await expect(call).rejects.toMatchObject({ name: "ApiError", kind: "not done" });
  });
});

describe("trying again", () => {
  it("C5: a read is tried again after a transient failure, with growing waits", async () => {
    const service = await serve((response, request, nth) =>
      nth < 3 ? busy(response, request, nth) : xml(response, GOOD),
    );
    const { client, calls, waits } = connect(service.endpoint, { retries: 2 });
    expect((await client.call(getLoad, QUERY)).responseCode).toBe("100");
    expect(waits).toEqual([250, 500]);
    expect(calls.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, "transport"],
      [2, "transport"],
      [3, "success"],
    ]);
  });

  it("C5: the waits are spread by chance, between half and the whole", async () => {
    const service = await serve(busy);
    const { client, waits } = connect(service.endpoint, { retries: 2, random: () => 0 });
    await expect(client.call(getLoad, QUERY)).rejects.toBeInstanceOf(TransportError);
    expect(waits).toEqual([125, 250]);
    expect(service.received).toHaveLength(3);
  });

  it("C5: transient codes and server faults are tried again, refusals are not", async () => {
    const transient = await serve(coded(getAlarms, "143"));
    await expect(
      connect(transient.endpoint, { retries: 1 }).client.call(getAlarms, {}),
    ).rejects.toMatchObject({ code: "143" });
    expect(transient.received).toHaveLength(2);
    const refused = await serve(coded(getAlarms, "119"));
    await expect(connect(refused.endpoint, { retries: 1 }).client.call(getAlarms, {})).rejects.toMatchObject({
      code: "119",
    });
    expect(refused.received).toHaveLength(1);
  });

  it("a write is never tried again", async () => {
    const service = await serve(busy);
    const { client } = connect(service.endpoint, { retries: 5 });
    await expect(client.call(shedLoad, SHED)).rejects.toMatchObject({
      sent: false,
      retryable: true,
      status: 503,
    });
    expect(service.received).toHaveLength(1);
  });

  it("C5: Retry-After is honoured, as seconds and as a date", async () => {
    const date = new Date("2026-11-21T08:00:00Z");
    const later = new Date(date.getTime() + 2_000);
    const service = await serve((response, _request, nth) => {
      if (nth === 1) response.writeHead(429, { "retry-after": "1" }).end();
      else if (nth === 2)
        response.writeHead(503, { "retry-after": later.toUTCString(), date: date.toUTCString() }).end();
      else xml(response, GOOD);
    });
    const { client, waits } = connect(service.endpoint, { retries: 2 });
    await client.call(getLoad, QUERY);
    expect(waits).toEqual([1000, 2000]);
  });

  it("C5: a Retry-After beyond the deadline fails at once and says how long", async () => {
    const service = await serve((response) => response.writeHead(429, { "retry-after": "120" }).end());
    const { client, waits } = connect(service.endpoint, { retries: 2 });
    await expect(client.call(getLoad, QUERY)).rejects.toMatchObject({ status: 429, retryAfterSeconds: 120 });
    expect(waits).toEqual([]);
    expect(service.received).toHaveLength(1);
  });
});

describe("no connection", () => {
  it("C1: a refused connection says that nothing was sent", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, "close");
    const { client } = connect(`http://127.0.0.1:${port}/`);
    await expect(client.call(shedLoad, SHED)).rejects.toMatchObject({
      code: "ECONNREFUSED",
      sent: false,
      retryable: true,
    });
  });

  it("C2: a connection that never opens ends with the deadline, and the request is withdrawn", async () => {
    // A TLS handshake that is never answered.
    const received: Buffer[] = [];
    const silent = createServer((socket) => {
      socket.on("data", (chunk) => received.push(chunk)).on("error", () => {});
      onTestFinished(() => void socket.destroy());
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void silent.close());
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const { client } = connect(`https://127.0.0.1:${port}/`, { deadlineMs: 200 });
    const begun = performance.now();
    await expect(client.call(shedLoad, SHED)).rejects.toMatchObject({ timedOut: true, sent: false });
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
