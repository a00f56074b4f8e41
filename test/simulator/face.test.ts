import { gunzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildRequest,
  ChargePointClient,
  CredentialsError,
  operations,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import { RunningClock, requestOf, type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { call, handmade, post } from "./call.ts";

const URN = 'xmlns:urn="urn:dictionary:com.chargepoint.webservices"';
const { getLoad, getStations } = operations;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ stations: 30, password: "s & <3" });
});
afterAll(() => simulator.close());

const inside = (xml: string) => post(simulator, handmade(simulator, xml));

describe("over HTTP", () => {
  test("a browser is told what this is; other places are not found", async () => {
    const page = await request(simulator.endpoint);
    expect(page.statusCode).toBe(200);
    expect(page.headers.server).toBe("voltbridge-simulator");
    expect(await page.body.text()).toContain("simulated ChargePoint network");
    for (const method of ["GET", "POST"] as const) {
      const elsewhere = await request(new URL("/other", simulator.endpoint), { method });
      expect(elsewhere.statusCode).toBe(404);
      await elsewhere.body.dump();
    }
    const put = await request(simulator.endpoint, { method: "PUT", body: "x" });
    expect(put.statusCode).toBe(405);
    await put.body.dump();
  });

  test("answers are packed for those who ask", async () => {
    const document = buildRequest(getStations, { searchQuery: {} }, securityHeader(simulator));
    const ask = (headers: Record<string, string>) =>
      request(simulator.endpoint, { method: "POST", body: document, headers });
    const packed = await ask({ "accept-encoding": "gzip, deflate" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    const text = gunzipSync(Buffer.from(await packed.body.arrayBuffer())).toString();
    for (const headers of [{}, { "accept-encoding": "gzip;q=0" }] as Record<string, string>[]) {
      const plain = await ask(headers);
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(await plain.body.text()).toBe(text);
    }
  });

  test("a request may not be larger than a request can be", async () => {
    const answer = await request(simulator.endpoint, {
      method: "POST",
      body: Buffer.alloc(2 * 1024 * 1024, " "),
    });
    expect(answer.statusCode).toBe(413);
    await answer.body.dump();
  });
});

describe("who is asking", () => {
  const load = { searchQuery: { stationID: "1:100001" } };

  test("wrong credentials are a Fault that ends in FailedAuthentication, with HTTP 500", async () => {
    const { username, password } = simulator;
    for (const wrong of [
      { username, password: "wrong" },
      { username: "nobody", password },
    ]) {
      const answer = await post(simulator, buildRequest(getLoad, load, securityHeader(wrong)));
      expect(answer.status).toBe(500);
      expect(answer.fault?.code).toBe("FailedAuthentication");
      expect(answer.body).not.toContain(password);
    }
    const client = new ChargePointClient({ endpoint: simulator.endpoint, username, password: "wrong" });
    await expect(client.call(getLoad, load)).rejects.toBeInstanceOf(CredentialsError);
    await client.close();
  });

  test("none are InvalidSecurity", async () => {
    const answer = await post(simulator, buildRequest(getLoad, load));
    expect([answer.status, answer.fault?.code]).toEqual([500, "InvalidSecurity"]);
  });

  test("mustUnderstand, the Password's Type and SOAPAction are not asked for", async () => {
    const header = securityHeader(simulator)
      .replace(/ soapenv:mustUnderstand="1"/, "")
      .replace(/ Type="[^"]*"/, "");
    const answer = await post(simulator, buildRequest(getLoad, load, header));
    expect(answer.body).toContain("<responseCode>100</responseCode>");
  });
});

describe("what it does not take is a Fault of the client", () => {
  const cases: [string, string][] = [
    ["no such operation", `<urn:openPodBayDoors ${URN}/>`],
    ["a name of every object", `<urn:constructor ${URN}/>`],
    ["an unknown element", `<urn:getLoad ${URN}><searchQuery><color>red</color></searchQuery></urn:getLoad>`],
    ["an element in the wrong place", `<urn:getLoad ${URN}><stationID>1:100001</stationID></urn:getLoad>`],
    [
      "a repeated element",
      `<urn:getLoad ${URN}><searchQuery><stationID>1:1</stationID><stationID>1:2</stationID></searchQuery></urn:getLoad>`,
    ],
    [
      "the wrong order of a sequence",
      `<urn:getLoad ${URN}><searchQuery><sessionID>1</sessionID><sgID>2</sgID></searchQuery></urn:getLoad>`,
    ],
    [
      "text that is no number",
      `<urn:getStations ${URN}><searchQuery><startRecord>first</startRecord></searchQuery></urn:getStations>`,
    ],
    ["an empty body", ""],
  ];
  test.each(cases)("%s", async (_what, xml) => {
    const answer = await inside(xml);
    expect([answer.status, answer.fault?.code]).toEqual([500, "Client"]);
    expect(answer.fault?.text).not.toBe("");
  });

  test.each([
    ["no XML", "hello"],
    ["nothing", ""],
    ["cut XML", "<soapenv:Envelope"],
    ["no envelope", "<a/>"],
    ["a document type", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ["no UTF-8", Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])],
    ["nesting without end", "<a>".repeat(5000)],
  ])("%s", async (_what, document) => {
    const answer = await post(simulator, document);
    expect([answer.status, answer.fault?.code]).toEqual([500, "Client"]);
  });

  test("prefixes, the order of a search and other spellings do not matter", async () => {
    const answer = await inside(
      '<x:getStationStatus xmlns:x="urn:dictionary:com.chargepoint.webservices"><searchQuery>' +
        "<numStations>3</numStations><portDetails>TRUE</portDetails><City>Richland</City>" +
        "</searchQuery></x:getStationStatus>",
    );
    expect(answer.body).toContain("<responseCode>100</responseCode>");
    expect(answer.body).toContain("<Connector>");
  });
});

describe("started with", () => {
  test("a host and port of its own, and a name and password made up where none are given", async () => {
    const first = await startSimulator({ stations: 1 });
    const second = await startSimulator({ stations: 1 });
    try {
      expect(first.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/webservices\/chargepoint\/services\/5\.1$/);
      expect(first.stationIDs).toEqual(["1:100001"]);
      expect(first.password.length).toBeGreaterThan(15);
      expect(first.password).not.toBe(second.password);
      const port = Number(new URL(first.endpoint).port);
      await expect(startSimulator({ stations: 1, port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    } finally {
      await first.close();
      await second.close();
    }
    await first.close();
    await expect(request(first.endpoint)).rejects.toThrow();
  });

  test.each([{ stations: 0 }, { stations: 1.5 }, { stations: 1e9 }, { speed: 0 }, { start: "soon" }])(
    "%j: refused",
    async (options) => {
      await expect(startSimulator(options)).rejects.toBeInstanceOf(RangeError);
    },
  );

  test("a speed: the clock runs that much faster from its start", () => {
    let elapsed = 5000;
    const clock = new RunningClock(60, 1_000_000, () => elapsed);
    expect(clock.now()).toBe(1_000_000);
    elapsed += 1000;
    expect(clock.now()).toBe(1_060_000);
  });
});

test("C11: refused credentials are logged too, with the operation that was asked for", async () => {
  const own = await startSimulator({ stations: 1 });
  try {
    const wrong = securityHeader({ username: own.username, password: "wrong" });
    await post(own, buildRequest(getLoad, { searchQuery: { stationID: "1:100001" } }, wrong));
    expect(own.calls).toMatchObject([
      { operation: "getLoad", outcome: "fault:FailedAuthentication", request: null, completed: true },
    ]);
  } finally {
    await own.close();
  }
});

test("requests are logged with their values and how they were answered", async () => {
  const own = await startSimulator({ stations: 2 });
  try {
    await call(own, getLoad, { searchQuery: { stationID: "1:100001" } });
    await call(own, getLoad, { searchQuery: { stationID: "1:1" } });
    await call(own, operations.getCPNInstances, {});
    expect(own.calls.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ["getLoad", "100"],
      ["getLoad", "103"],
      ["getCPNInstances", "ok"],
    ]);
    expect(own.calls.every(({ completed }) => completed)).toBe(true);
    expect(requestOf(getLoad, own.calls[0]!).searchQuery?.stationID).toBe("1:100001");
  } finally {
    await own.close();
  }
});
