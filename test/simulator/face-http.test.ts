import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { deflateSync, gzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildRequest,
  operations,
  parseEnvelope,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import { createLog } from "../../src/log/log.ts";
import { createHttpServer } from "../../src/simulator/http/http.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { handmade, post } from "./call.ts";

/** What the SOAP clients of strangers send and expect. */

const { getLoad } = operations;
const URN = 'xmlns:urn="urn:dictionary:com.chargepoint.webservices"';
const LOAD = { searchQuery: { stationID: "1:100001" } };

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    stations: 3,
    traffic: false,
    incidents: false,
    username: "Zoë",
    password: "päß",
  });
});
afterAll(() => simulator.close());

const document = () => buildRequest(getLoad, LOAD, securityHeader(simulator));
const send = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
  const answer = await request(simulator.endpoint, { method: "POST", body, headers });
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
};
const isAnswered = ({ status, text }: { status: number; text: string }) =>
  expect([status, text]).toEqual([200, expect.stringContaining("<responseCode>100</responseCode>")]);

/** A connection on which a test writes by hand. */
async function dial(
  own = simulator,
): Promise<{ socket: Socket; text: () => string; closed: Promise<unknown> }> {
  const { hostname, port } = new URL(own.endpoint);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await once(socket, "connect");
  return { socket, text: () => text, closed };
}
const connections = (server: Server) => promisify(server.getConnections.bind(server))();
const head = (headers: readonly string[]) =>
  `POST ${new URL(simulator.endpoint).pathname} HTTP/1.1\r\nHost: sim\r\n${headers.join("\r\n")}\r\n\r\n`;

describe("how a request is sent", () => {
  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
  ])("packed as %s", async (coding, pack) => {
    isAnswered(await send(pack(document()), { "content-encoding": coding }));
  });

  test("packed in a way that is unknown, or not as it says, is refused", async () => {
    expect(await send(document(), { "content-encoding": "br" })).toMatchObject({ status: 415 });
    expect(await send(document(), { "content-encoding": "gzip" })).toMatchObject({ status: 400 });
  });

  test("G2: a packed request that unpacks to very much is refused", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(await send(bomb, { "content-encoding": "gzip" })).toMatchObject({ status: 413 });
  });

  test("in chunks, on a connection that goes on", async () => {
    const { socket, text } = await dial();
    const body = document();
    const chunks = [body.slice(0, 100), body.slice(100)];
    for (let round = 1; round <= 2; round++) {
      socket.write(head(["Transfer-Encoding: chunked"]));
      for (const chunk of chunks) socket.write(`${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`);
      socket.write("0\r\n\r\n");
      await expect.poll(() => text().match(/<responseCode>100</g)?.length).toBe(round);
    }
    socket.destroy();
  });

  test("after asking whether to go on", async () => {
    const { socket, text } = await dial();
    const body = document();
    socket.write(head([`Content-Length: ${Buffer.byteLength(body)}`, "Expect: 100-continue"]));
    await expect.poll(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    socket.write(body);
    await expect.poll(text).toContain("<responseCode>100<");
    socket.destroy();
  });

  test("a request that will be too large is not gone on with, nor waited for", async () => {
    const { text, socket, closed } = await dial();
    socket.write(head(["Content-Length: 200000000", "Expect: 100-continue"]));
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 413 /);
    expect(text()).toContain("Server: voltbridge-simulator");
  });

  test("one that never ends is refused, and its connection ends", async () => {
    const { text, socket, closed } = await dial();
    socket.write(head(["Transfer-Encoding: chunked"]));
    const piece = `100000\r\n${"x".repeat(0x100000)}\r\n`;
    const timer = setInterval(() => socket.write(piece), 5);
    await closed;
    clearInterval(timer);
    expect(text()).toMatch(/^(HTTP\/1\.1 413 |$)/);
  });

  test.each([
    ["no SOAPAction", {}],
    ["an empty SOAPAction", { soapaction: "" }],
    ["an empty quoted SOAPAction", { soapaction: '""' }],
    ["no Content-Type", {}],
    ["application/xml", { "content-type": "application/xml" }],
    ["a charset in quotes", { "content-type": 'text/xml;charset="UTF-8"' }],
  ])("%s", async (_what, headers: Record<string, string>) => {
    isAnswered(await send(document(), headers));
  });
});

describe("how a request is written", () => {
  const latin = (text: string) => Buffer.from(text, "latin1");
  const declared = (encoding: string) => document().replace(/encoding="UTF-8"/, `encoding="${encoding}"`);

  test.each<[string, () => Uint8Array, string?]>([
    ["UTF-8 with a byte order mark", () => Buffer.from(`\uFEFF${document()}`)],
    ["ISO-8859-1 by its declaration", () => latin(declared("ISO-8859-1"))],
    ["ISO-8859-1 by its Content-Type", () => latin(declared("ISO-8859-1")), "text/xml; charset=iso-8859-1"],
    ["UTF-16 with a byte order mark", () => Buffer.from(`\uFEFF${declared("UTF-16")}`, "utf16le")],
    [
      "UTF-8 by its Content-Type, whatever it declares",
      () => Buffer.from(declared("UTF-16")),
      "text/xml; charset=utf-8",
    ],
  ])("%s", async (_what, bytes, type) => {
    isAnswered(await send(bytes(), type === undefined ? {} : { "content-type": type }));
  });

  test("a charset that nobody knows is refused", async () => {
    expect(await send(document(), { "content-type": "text/xml; charset=klingon" })).toMatchObject({
      status: 415,
    });
  });

  test("any prefix, or none", async () => {
    const { username, password } = simulator;
    isAnswered(
      await send(
        '<?xml version="1.0"?><Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Header>' +
          '<o:Security xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">' +
          `<o:UsernameToken><o:Username>${username}</o:Username><o:Password>${password}</o:Password>` +
          "</o:UsernameToken></o:Security></Header><Body>" +
          '<getLoad xmlns="urn:dictionary:com.chargepoint.webservices"><searchQuery xmlns="">' +
          "<stationID>1:100001</stationID></searchQuery></getLoad></Body></Envelope>",
      ),
    );
  });

  test("comments, processing instructions, CDATA, xsi:type and xsi:nil", async () => {
    const answer = await post(
      simulator,
      `<?xml version="1.0"?><!-- before -->${handmade(
        simulator,
        `<urn:getLoad ${URN} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema">` +
          '<!-- within --><?toolkit says="hi"?><searchQuery xsi:type="urn:whatever"><sgID xsi:nil="true"/>' +
          '<stationID xsi:type="xs:string">1:<!-- - --><![CDATA[100001]]></stationID>' +
          '<sessionID xsi:nil="1"></sessionID></searchQuery></urn:getLoad>',
      )}`,
    );
    expect(answer.body).toContain("<responseCode>100</responseCode>");
  });
});

describe("header entries", () => {
  const withHeader = (entry: string) =>
    post(simulator, document().replace("</soapenv:Header>", `${entry}</soapenv:Header>`));
  const ADDRESSING = 'xmlns:a="http://www.w3.org/2005/08/addressing"';

  test("that are not known do not matter", async () => {
    const answer = await withHeader(`<a:MessageID ${ADDRESSING}>1</a:MessageID>`);
    expect(answer.body).toContain("<responseCode>100<");
    const others = await withHeader(
      `<a:Action ${ADDRESSING} soapenv:mustUnderstand="1" soapenv:actor="http://example.org/log">x</a:Action>`,
    );
    expect(others.body).toContain("<responseCode>100<");
  });

  test("that have to be understood and are not are a MustUnderstand Fault, and nothing is done", async () => {
    const before = simulator.calls.length;
    const answer = await withHeader(`<a:Action ${ADDRESSING} soapenv:mustUnderstand="1">x</a:Action>`);
    expect(answer).toMatchObject({ status: 500, fault: { code: "MustUnderstand" } });
    expect(answer.fault!.text).toContain("Action");
    expect(answer.body).toContain("<faultcode>soapenv:MustUnderstand<");
    expect(simulator.calls).toHaveLength(before);
  });

  test("SOAP 1.2 is a VersionMismatch Fault", async () => {
    const answer = await post(
      simulator,
      document().replace(
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
      ),
    );
    expect(answer).toMatchObject({ status: 500, fault: { code: "VersionMismatch" } });
  });
});

describe("a strict reader names the place", () => {
  test.each([
    [
      "<searchQuery><stationId>1:1</stationId></searchQuery>",
      "getLoad/searchQuery/stationId: no such element; did you mean stationID?",
    ],
    ["<stationID>1:1</stationID>", "getLoad/stationID: no such element"],
    [
      "<searchQuery><sgID>1</sgID><sgID>2</sgID></searchQuery>",
      "getLoad/searchQuery/sgID: occurs more than once",
    ],
    ["<searchQuery>hello</searchQuery>", "getLoad/searchQuery: text where elements are expected"],
  ])("%s", async (inside, text) => {
    const answer = await post(simulator, handmade(simulator, `<urn:getLoad ${URN}>${inside}</urn:getLoad>`));
    expect(answer).toMatchObject({ status: 500, fault: { code: "Client", text } });
  });
});

describe("the WSDL", () => {
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await request(new URL(path, simulator.endpoint), { headers });
    return {
      status: answer.statusCode,
      type: answer.headers["content-type"],
      text: await answer.body.text(),
    };
  };
  const addressIn = (text: string) => /<soap:address location="([^"]+)"/.exec(text)?.[1];

  test.each(["/cp_api_5.1.wsdl", "?wsdl", "?WSDL", "?singleWsdl"])(
    "at %s, with the service's own address",
    async (place) => {
      const { pathname } = new URL(simulator.endpoint);
      const { status, type, text } = await get(place.startsWith("?") ? pathname + place : place);
      expect([status, type]).toEqual([200, "text/xml; charset=utf-8"]);
      expect(addressIn(text)).toBe(simulator.endpoint);
      for (const name of Object.keys(operations)) expect(text).toContain(`<wsdl:operation name="${name}">`);
    },
  );

  test("with the address by which the caller reached it, if that can be one", async () => {
    const named = await get("/cp_api_5.1.wsdl", { host: "simulator.test:8443" });
    expect(addressIn(named.text)).toBe("http://simulator.test:8443/webservices/chargepoint/services/5.1");
    const odd = await get("/cp_api_5.1.wsdl", { host: 'x"><evil' });
    expect(addressIn(odd.text) ?? simulator.endpoint).toBe(simulator.endpoint);
  });

  test("its head can be had, and nothing can be sent to it", async () => {
    const answer = await request(new URL("/cp_api_5.1.wsdl", simulator.endpoint), { method: "HEAD" });
    expect(answer.statusCode).toBe(200);
    expect(Number(answer.headers["content-length"])).toBeGreaterThan(1000);
    expect(await answer.body.text()).toBe("");
    const sent = await request(new URL("/cp_api_5.1.wsdl", simulator.endpoint), {
      method: "POST",
      body: "x",
    });
    expect(sent.statusCode).toBe(404);
    await sent.body.dump();
  });
});

describe("connections", () => {
  test("two thousand at once are all answered", async () => {
    const agent = new Agent({ connections: 2000, pipelining: 1 });
    const { origin, pathname: path } = new URL(simulator.endpoint);
    const body = document();
    const answers = await Promise.all(
      Array.from({ length: 2000 }, async () => {
        const answer = await agent.request({ origin, path, method: "POST", body });
        return (await answer.body.text()).includes("<responseCode>100<");
      }),
    );
    expect(answers.filter(Boolean)).toHaveLength(2000);
    await agent.destroy();
  });

  test("who sends slowly, or does not read the answer, is not waited for", async () => {
    const large = "x".repeat(64 * 1024 * 1024);
    const service = {
      reply: () => ({ kind: "soap" as const, status: 200, document: large, delivery: null, call: null }),
    };
    const log = createLog({ level: "silent" });
    const server = createHttpServer(service, null, log, {
      head: 100,
      request: 300,
      silence: 200,
      next: 5000,
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const own = { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` } as Simulator;
    const slowHead = await dial(own);
    slowHead.socket.write("POST / HTTP/1.1\r\nHost");
    await slowHead.closed;
    expect(slowHead.text()).toMatch(/^HTTP\/1\.1 408 /);
    const slowBody = await dial(own);
    slowBody.socket.write(`${head(["Content-Length: 1000"])}x`);
    await slowBody.closed;
    const deaf = await dial(own);
    deaf.socket.pause();
    deaf.socket.write(head(["Content-Length: 0"]));
    await expect.poll(() => connections(server), { timeout: 10_000 }).toBe(0);
    deaf.socket.destroy();
    server.close();
  });

  test("at the end answers under way go out, and nothing is left open", async () => {
    const own = await startSimulator({ stations: 1 });
    const idle = await dial(own);
    own.trouble.begin({ effect: { kind: "hang" }, operation: "getLoad" });
    own.trouble.begin({ effect: { kind: "delay", seconds: 600 } });
    const security = securityHeader(own);
    const ask = (body: string) =>
      request(own.endpoint, { method: "POST", body }).then(({ body: answer }) => answer.text());
    const hung = ask(buildRequest(getLoad, LOAD, security)).catch((error: Error) => error);
    const slow = ask(buildRequest(operations.getStations, {}, security));
    await expect.poll(() => own.calls.length).toBe(2);
    const begun = performance.now();
    await own.close();
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(parseEnvelope(await slow).fault).toBeNull();
    expect(await hung).toBeInstanceOf(Error);
    await idle.closed;
    await own.close();
  });
});
