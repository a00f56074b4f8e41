import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { buildFault, buildResponse } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";
import { createLog } from "../../../../src/log/log.ts";
import { connect, GOOD, PASSWORD, type Reply, serve, USERNAME, xml } from "./service.ts";

const { getLoad } = operations;
const QUERY = { searchQuery: { stationID: "1:2" } };
const HTML = "<html><head><title>Down</title></head><body><p>Back soon</body></html>";
const BOMB = `<!DOCTYPE l [<!ENTITY a "${"ha".repeat(500)}"><!ENTITY b "&a;&a;&a;">]>${GOOD.slice(GOOD.indexOf("<soapenv"))}`;

const GZIP_BOMB = gzipSync(Buffer.alloc(50_000_000, " "));

/** Every kind of bad answer, and what a caller sees of it. */
const BAD: [what: string, reply: Reply, seen: Record<string, unknown>][] = [
  [
    "status 500",
    (r) => r.writeHead(500).end("oops"),
    { name: "TransportError", status: 500, retryable: true, sent: true },
  ],
  ["status 503", (r) => r.writeHead(503).end(), { name: "TransportError", status: 503, retryable: true }],
  [
    "status 404",
    (r) => r.writeHead(404).end(HTML),
    { name: "TransportError", status: 404, retryable: false },
  ],
  ["status 204", (r) => r.writeHead(204).end(), { name: "TransportError", status: 204, retryable: false }],
  [
    "status 429 with Retry-After",
    (r) => r.writeHead(429, { "retry-after": "120" }).end(),
    { name: "TransportError", status: 429, retryAfterSeconds: 120, retryable: true },
  ],
  [
    "a redirect",
    (r) => r.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
    { name: "TransportError", status: 302, retryable: false },
  ],
  [
    "a SOAP Fault with 500",
    (r) => xml(r, buildFault({ code: "Server", text: "database" }), 500),
    { name: "SoapFaultError", code: "Server", retryable: true },
  ],
  [
    "a SOAP Fault with 200",
    (r) => xml(r, buildFault({ code: "Client", text: `schema\n${PASSWORD} ${USERNAME}` })),
    { name: "SoapFaultError", code: "Client", retryable: false },
  ],
  [
    "C11: a Fault FailedAuthentication",
    (r) => xml(r, buildFault({ code: "FailedAuthentication", text: `no ${PASSWORD}` }), 500),
    { name: "CredentialsError", code: "FailedAuthentication", account: "cana…", retryable: false },
  ],
  [
    "C11: a Fault InvalidSecurity with 200",
    (r) => xml(r, buildFault({ code: "InvalidSecurity", text: "" })),
    { name: "CredentialsError", code: "InvalidSecurity", retryable: false },
  ],
  ["C11: status 401", (r) => r.writeHead(401).end(), { name: "CredentialsError", code: "HTTP 401" }],
  ["C11: status 403", (r) => r.writeHead(403).end(HTML), { name: "CredentialsError", code: "HTTP 403" }],
  [
    "HTML with 200",
    (r) => r.writeHead(200, { "content-type": "text/html" }).end(HTML),
    { name: "ProtocolError", fault: "html" },
  ],
  ["an empty body", (r) => xml(r, ""), { name: "ProtocolError", fault: "malformed" }],
  ["XML that is no SOAP", (r) => xml(r, "<a/>"), { name: "ProtocolError", fault: "not soap" }],
  ["XML cut short", (r) => xml(r, GOOD.slice(0, -30)), { name: "ProtocolError", fault: "malformed" }],
  [
    "bad UTF-8",
    (r) => xml(r, Buffer.from(GOOD.replace("1:2", "1:\xff"), "latin1")),
    { name: "ProtocolError", fault: "encoding" },
  ],
  [
    "another operation's answer",
    (r) => xml(r, buildResponse(operations.getAlarms, { responseCode: "100" })),
    { name: "ProtocolError", fault: "not soap" },
  ],
  [
    "no responseCode",
    (r) => xml(r, GOOD.replace(/<responseCode>.*?<\/responseCode>/, "")),
    { name: "ProtocolError", fault: "no code" },
  ],
  ["G2: a DTD bomb", (r) => xml(r, BOMB), { name: "ProtocolError", fault: "doctype" }],
  [
    "G2: an external entity",
    (r, request) =>
      xml(r, `<!DOCTYPE a [<!ENTITY x SYSTEM "http://${request.headers.host}/canary">]><a>&x;</a>`),
    { name: "ProtocolError", fault: "doctype" },
  ],
  [
    "G2: deep nesting",
    (r) => xml(r, "<a>".repeat(10_000) + "</a>".repeat(10_000)),
    { name: "ProtocolError", fault: "too deep" },
  ],
  [
    "G2: a body announced too large",
    (r) => r.writeHead(200, { "content-length": 200_000_000 }).write(" "),
    { name: "ProtocolError", fault: "too large" },
  ],
  [
    "G2: a body without end",
    (r) => {
      const more = () => {
        while (!r.destroyed && r.write(" ".repeat(65_536)));
        if (!r.destroyed) r.once("drain", more);
      };
      r.writeHead(200, { "content-type": "text/xml" });
      more();
    },
    { name: "ProtocolError", fault: "too large" },
  ],
  [
    "G2: a gzip bomb",
    (r) => r.writeHead(200, { "content-encoding": "gzip" }).end(GZIP_BOMB),
    { name: "ProtocolError", fault: "too large" },
  ],
  [
    "gzip that is none",
    (r) => r.writeHead(200, { "content-encoding": "gzip" }).end(GOOD),
    { name: "ProtocolError", fault: "encoding" },
  ],
  [
    "gzip cut short",
    (r) => r.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(GOOD).subarray(0, 60)),
    { name: "ProtocolError", fault: "encoding" },
  ],
  [
    "an encoding nobody asked for",
    (r) => r.writeHead(200, { "content-encoding": "br" }).end(GOOD),
    { name: "ProtocolError", fault: "encoding" },
  ],
  ["C2: a hang", () => {}, { name: "TransportError", timedOut: true, sent: true }],
  [
    "C2: a hang after the headers",
    (r) => r.writeHead(200, { "content-type": "text/xml" }).write(GOOD.slice(0, 50)),
    { name: "TransportError", timedOut: true, sent: true },
  ],
  [
    "C2: a drip",
    (r) => {
      r.writeHead(200, { "content-type": "text/xml" });
      const drip = setInterval(() => r.write(" "), 20);
      r.on("close", () => clearInterval(drip));
    },
    { name: "TransportError", timedOut: true, sent: true },
  ],
  [
    "C2: a head that comes letter by letter",
    (r) => {
      const head = `HTTP/1.1 200 OK\r\nX-Filler: ${"x".repeat(10_000)}`;
      let at = 0;
      const drip = setInterval(() => r.socket?.write(head[at++] ?? "x"), 20);
      r.on("close", () => clearInterval(drip));
    },
    { name: "TransportError", timedOut: true, sent: true },
  ],
  [
    "G2: a head without end",
    (r) => void r.socket?.write(`HTTP/1.1 200 OK\r\nX-Filler: ${"x".repeat(1_000_000)}`),
    { name: "TransportError", timedOut: false, sent: true },
  ],
  [
    "a cut body",
    (r) => {
      r.writeHead(200, { "content-length": GOOD.length });
      r.write(GOOD.slice(0, 100), () => r.destroy());
    },
    { name: "TransportError", timedOut: false, sent: true, retryable: true },
  ],
  [
    "a cut chunked body",
    (r) => {
      r.writeHead(200, { "content-type": "text/xml" });
      r.write(GOOD.slice(0, 100), () => r.destroy());
    },
    { name: "TransportError", sent: true, retryable: true },
  ],
  [
    "a length that is too short",
    (r) => {
      r.socket?.end(`HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n${GOOD}`);
    },
    { name: "ProtocolError", fault: "malformed" },
  ],
  [
    "a length that is too long",
    (r) => {
      r.socket?.end(`HTTP/1.1 200 OK\r\nContent-Length: ${GOOD.length + 50}\r\n\r\n${GOOD}`);
    },
    { name: "TransportError", sent: true, retryable: true },
  ],
  ["what is no HTTP", (r) => r.socket?.end(`${PASSWORD}\r\n\r\n`), { name: "TransportError", sent: true }],
  ["a closed connection", (r) => r.destroy(), { name: "TransportError", sent: true, retryable: true }],
];

/** An error with everything that could be printed of it. */
function everything(error: unknown): string {
  const seen: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    seen.push(at.message, at.stack ?? "", JSON.stringify(at));
  }
  return seen.join("\n");
}

describe("C1: every kind of bad answer ends soon, in an error that tells what it was, and leaves no trace of the credentials (G1)", () => {
  it.each(BAD)("%s", async (_what, reply, seen) => {
    let bad = true;
    const service = await serve((response, request, nth) =>
      bad ? reply(response, request, nth) : xml(response, GOOD),
    );
    const lines: string[] = [];
    const log = createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) });
    const { client, calls } = connect(service.endpoint, { deadlineMs: 400, maxBodyBytes: 1_000_000, log });

    const begun = performance.now();
    const error = await client.call(getLoad, QUERY).then(
      () => expect.unreachable("the answer was accepted"),
      (reason: unknown) => reason,
    );
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(error).toMatchObject({ ...seen, operation: "getLoad" });
    expect(calls).toHaveLength(1);
    expect(service.received).toHaveLength(1);

    log.error("failed", { err: error });
    const text = everything(error) + lines.join("");
    const forms = [USERNAME, PASSWORD].flatMap((secret) => [
      secret,
      Buffer.from(secret).toString("base64"),
      encodeURIComponent(secret),
    ]);
    for (const form of [...forms, "da2f8dca"]) expect(text).not.toContain(form);

    // The next good answer is taken as if nothing had been.
    bad = false;
    expect((await client.call(getLoad, QUERY, { deadlineMs: 3_000 })).responseCode).toBe("100");
  });

  it("C11: wrong credentials name the account, the endpoint and the remedy", async () => {
    const service = await serve((response) =>
      xml(response, buildFault({ code: "FailedAuthentication", text: "" }), 500),
    );
    const call = connect(service.endpoint).client.call(getLoad, QUERY);
    await expect(call).rejects.toThrow(/127\.0\.0\.1.*"cana…".*licence key/s);
  });

  it("C2: a hang of one call leaves the others alone", async () => {
    const service = await serve((response, _request, nth) => (nth === 1 ? undefined : xml(response, GOOD)));
    const { client } = connect(service.endpoint, { deadlineMs: 500 });
    const hanging = client.call(getLoad, QUERY);
    const others = await Promise.all(
      Array.from({ length: 20 }, () => client.call(getLoad, QUERY, { deadlineMs: 3000 })),
    );
    expect(others).toHaveLength(20);
    await expect(hanging).rejects.toMatchObject({ timedOut: true });
  });
});
