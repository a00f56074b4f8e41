import { once } from "node:events";
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { securityHeader } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";

/** Forms in which toolkits send what they send; all of them ask for the load of the first station. */
describe("the simulator understands requests", () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ stations: 1 });
  });
  afterAll(() => simulator.close());

  const SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
  const URN = "urn:dictionary:com.chargepoint.webservices";
  const XSI = "http://www.w3.org/2001/XMLSchema-instance";
  const QUERY = "<searchQuery><stationID>1:100001</stationID></searchQuery>";

  const envelope = (body: string, header = securityHeader(simulator)): string =>
    `<soapenv:Envelope xmlns:soapenv="${SOAP}" xmlns:xsi="${XSI}" xmlns:urn="${URN}"><soapenv:Header>${header}</soapenv:Header>` +
    `<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
  const asked = (query = QUERY): string => envelope(`<urn:getLoad>${query}</urn:getLoad>`);

  function begin(headers: Record<string, string>, agent?: Agent): ClientRequest {
    return httpRequest(simulator.endpoint, {
      method: "POST",
      headers: { "content-type": "text/xml; charset=utf-8", ...headers },
      ...(agent ? { agent } : {}),
    });
  }

  async function answerTo(request: ClientRequest): Promise<string> {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const body = await text(response);
    return `${response.statusCode} ${/<responseCode>(\d+)</.exec(body)?.[1] ?? body}`;
  }

  function send(document: string | Buffer, headers: Record<string, string> = {}): Promise<string> {
    return answerTo(begin(headers).end(document));
  }

  const security = (inside: string, attributes = ""): string =>
    `<o:Security xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"${attributes}>${inside}</o:Security>`;
  const token = (): string =>
    `<o:UsernameToken><o:Username>${simulator.username}</o:Username><o:Password>${simulator.password}</o:Password></o:UsernameToken>`;
  const withHeader = (header: string): string => envelope(`<urn:getLoad>${QUERY}</urn:getLoad>`, header);

  test.each<[string, () => string]>([
    ["as the guide shows them", () => asked()],
    [
      "after an XML declaration and a byte order mark",
      () => `\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n${asked()}`,
    ],
    [
      "with the namespace as default of all elements",
      () => envelope(`<getLoad xmlns="${URN}">${QUERY}</getLoad>`),
    ],
    ["with every element qualified", () => asked(QUERY.replace(/<(\/?)/g, "<$1urn:"))],
    [
      "with types of elements",
      () =>
        asked(
          QUERY.replace(
            "<stationID",
            '<stationID xmlns:x="http://www.w3.org/2001/XMLSchema" xsi:type="x:string"',
          ),
        ),
    ],
    [
      "with nil for what is not asked",
      () => asked(QUERY.replace("<stationID", '<sgID xsi:nil="true"/><stationID')),
    ],
    [
      "with empty elements for what is not asked",
      () => asked(QUERY.replace("<stationID", "<sgID/><stationID")),
    ],
    [
      "with attributes of their own",
      () => asked(QUERY.replace("<searchQuery", '<searchQuery id="q1" soapenv:encodingStyle=""')),
    ],
    [
      "with comments, CDATA and character references",
      () => asked("<searchQuery><!-- one --><stationID><![CDATA[1:]]>&#49;00001</stationID></searchQuery>"),
    ],
    ["laid out over lines", () => asked(QUERY.replaceAll("<", "\n\t<").replaceAll(">", " >"))],
    ["with a token without mustUnderstand and Type", () => withHeader(security(token()))],
    [
      "with a token that must be understood",
      () => withHeader(security(token(), ' soapenv:mustUnderstand="1"')),
    ],
    [
      "with a timestamp before the token",
      () =>
        withHeader(
          security(
            `<u:Timestamp xmlns:u="urn:u"><u:Created>2026-01-01T00:00:00Z</u:Created></u:Timestamp>${token()}`,
          ),
        ),
    ],
    ["with other headers", () => withHeader(`<a:To xmlns:a="urn:a">x</a:To>${security(token())}`)],
  ])("%s", async (_form, document) => {
    expect(await send(document())).toBe("200 100");
  });

  test.each<[string, Record<string, string>]>([
    ["no SOAPAction", {}],
    ["an empty SOAPAction", { soapaction: '""' }],
    ["a SOAPAction without quotes", { soapaction: "urn:provider/interface/chargepointservices/getLoad" }],
    ["no charset", { "content-type": "text/xml" }],
    ["another XML type", { "content-type": "application/xml" }],
    [
      "a preference for other answers",
      { accept: "application/soap+xml, application/dime, multipart/related, text/*" },
    ],
  ])("with %s", async (_headers, headers) => {
    expect(await send(asked(), headers)).toBe("200 100");
  });

  test("in chunks, packed, and after 100 Continue", async () => {
    const chunked = begin({ "transfer-encoding": "chunked" });
    for (const part of asked().match(/[\s\S]{1,100}/g)!) chunked.write(part);
    chunked.end();
    expect(await answerTo(chunked)).toBe("200 100");

    expect(await send(gzipSync(asked()), { "content-encoding": "gzip" })).toBe("200 100");

    const polite = begin({ expect: "100-continue", "content-length": String(Buffer.byteLength(asked())) });
    polite.flushHeaders();
    await once(polite, "continue");
    polite.end(asked());
    expect(await answerTo(polite)).toBe("200 100");
  });

  test("in UTF-16", async () => {
    expect(
      await send(Buffer.from(`\ufeff${asked()}`, "utf16le"), { "content-type": "text/xml; charset=utf-16" }),
    ).toBe("200 100");
  });

  test("one after the other on one connection", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const first = begin({}, agent);
      expect(await answerTo(first.end(asked()))).toBe("200 100");
      const second = begin({}, agent);
      expect(await answerTo(second.end(asked()))).toBe("200 100");
      expect(second.reusedSocket).toBe(true);
    } finally {
      agent.destroy();
    }
  });
});
