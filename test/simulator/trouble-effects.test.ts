import { once } from "node:events";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  buildRequest,
  type Draft,
  decode,
  operations,
  parseEnvelope,
  parseXml,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import { type Effect, type Simulator, startSimulator } from "../../src/simulator/index.ts";

/** What each trouble puts on the wire. What callers make of it: test/drivers/chargepoint/trouble.test.ts. */

const { getLoad, getStations, getStationStatus, shedLoad } = operations;
const STATION = "1:100001";
const OTHER = "1:100002";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ stations: 6, traffic: false, incidents: false });
});
afterEach(() => {
  simulator.trouble.end();
  simulator.world.clearShed(simulator.world.findStation(STATION)!);
});
afterAll(() => simulator.close());

const document = (stationID = STATION) =>
  buildRequest(getLoad, { searchQuery: { stationID } }, securityHeader(simulator));

const ask = (body: string, headers: Record<string, string> = {}) =>
  request(simulator.endpoint, { method: "POST", body, headers: { "content-type": "text/xml", ...headers } });

/** The answer to a getLoad, as it came. */
async function hit(effect: Effect, body = document()) {
  simulator.trouble.begin({ effect, times: 1 });
  const { statusCode: status, headers, body: answer } = await ask(body);
  return { status, headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

const hitText = async (effect: Effect, body?: string) => (await hit(effect, body)).bytes.toString();

/** Everything that comes over a connection of its own until it ends. */
async function raw(effect: Effect): Promise<{ text: string; error: string | null }> {
  simulator.trouble.begin({ effect, times: 1 });
  const { hostname, port, pathname } = new URL(simulator.endpoint);
  const socket = connect(Number(port), hostname);
  const body = document();
  socket.write(`POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  let text = "";
  let error: string | null = null;
  socket.on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", (cause: NodeJS.ErrnoException) => {
    error = cause.code ?? cause.message;
  });
  await once(socket, "close").catch(() => undefined);
  return { text, error };
}

const lastCall = () => simulator.calls.at(-1)!;
const loadOf = (text: string) => decode(getLoad.response, parseEnvelope(text).body!);
const isShed = async (): Promise<boolean> => {
  const answer = await ask(document());
  return loadOf(await answer.body.text()).stationData[0]!.Port.some(({ shedState }) => shedState === 1);
};
const shed = () =>
  buildRequest(
    shedLoad,
    { shedQuery: { shedStation: { stationID: STATION, allowedLoadPerStation: 2 }, timeInterval: 5 } },
    securityHeader(simulator),
  );

describe("in place of the answer", () => {
  test("a redirect", async () => {
    const { status, headers } = await hit({ kind: "redirect", location: "http://127.0.0.1:9/", status: 307 });
    expect([status, headers.location]).toEqual([307, "http://127.0.0.1:9/"]);
  });

  test("a page for people with status 200", async () => {
    const { status, headers, bytes } = await hit({ kind: "html" });
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(bytes.toString()).toContain("<html>");
    expect(lastCall()).toMatchObject({ outcome: "html", trouble: ["html"] });
  });

  test("a Fault with status 200", async () => {
    const { status, bytes } = await hit({ kind: "fault", code: "Server", text: "no", status: 200 });
    expect([status, parseEnvelope(bytes).fault?.code]).toEqual([200, "Server"]);
  });

  test.each([
    ["entities", "<!ENTITY e9"],
    ["quadratic", "&e;&e;&e;"],
    ["depth", "<a><a><a>"],
    ["attributes", ' a999999="1"'],
  ] as const)("a bomb of %s", async (shape, part) => {
    const text = await hitText({ kind: "bomb", shape });
    expect(text).toContain(part);
    expect(text).toContain("<urn:getLoadResponse");
    expect(text.length).toBeLessThan(20_000_000);
  });

  test("an entity from elsewhere", async () => {
    const text = await hitText({ kind: "externalEntity", url: "file:///etc/passwd" });
    expect(text).toContain('<!ENTITY e SYSTEM "file:///etc/passwd">');
  });

  test("many megabytes, and the same packed", async () => {
    const plain = await hit({ kind: "large", megabytes: 3 });
    expect(plain.bytes.length).toBeGreaterThan(3 * 1024 * 1024);
    const packed = await hit({ kind: "large", megabytes: 3, packed: true });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.bytes.length).toBeLessThan(100_000);
    expect(gunzipSync(packed.bytes).length).toBe(plain.bytes.length);
  });

  test("a reset connection", async () => {
    expect(await raw({ kind: "reset" })).toEqual({ text: "", error: "ECONNRESET" });
    expect(lastCall()).toMatchObject({ outcome: "reset", completed: false });
  });

  test("none of them does what is asked for", async () => {
    const kinds: Effect[] = [
      { kind: "html" },
      { kind: "redirect", location: "/" },
      { kind: "status", status: 503 },
      { kind: "large", megabytes: 1 },
    ];
    for (const effect of kinds) await hit(effect, shed());
    expect(await isShed()).toBe(false);
  });
});

describe("the answer badly delivered", () => {
  test("late", async () => {
    const begun = performance.now();
    const text = await hitText({ kind: "delay", seconds: 0.2 });
    expect(performance.now() - begun).toBeGreaterThan(190);
    expect(loadOf(text).responseCode).toBe("100");
    expect(lastCall()).toMatchObject({ outcome: "100", trouble: ["delay"], completed: true });
  });

  test("late, but not beyond the end of the trouble", async () => {
    simulator.trouble.begin({ effect: { kind: "delay", seconds: 600 }, seconds: 0.1 });
    expect((await ask(document())).statusCode).toBe(200);
    expect(simulator.trouble.begun).toEqual([]);
  });

  test("a head that comes letter by letter", async () => {
    const begun = performance.now();
    const { status, headers, bytes } = await hit({ kind: "slowHeaders", seconds: 0.3 });
    expect(headers.server).toBe("voltbridge-simulator");
    expect(performance.now() - begun).toBeGreaterThan(250);
    expect([status, loadOf(bytes.toString()).responseCode]).toEqual([200, "100"]);
  });

  test("a body that drips", async () => {
    const begun = performance.now();
    const text = await hitText({ kind: "drip", bytesPerSecond: 3000 });
    expect(performance.now() - begun).toBeGreaterThan(200);
    expect(loadOf(text).responseCode).toBe("100");
    expect(lastCall().completed).toBe(true);
  });

  test("a body that stops coming, until the trouble ends", async () => {
    const over = simulator.trouble.begin({ effect: { kind: "stall", afterBytes: 10 } });
    const answer = await ask(document());
    const chunks: string[] = [];
    answer.body.on("data", (chunk: Buffer) => void chunks.push(chunk.toString()));
    await once(answer.body, "data");
    over();
    await expect(once(answer.body, "end")).rejects.toThrow();
    expect(chunks.join("")).toHaveLength(10);
    expect(lastCall()).toMatchObject({ outcome: "100", completed: false });
  });

  test("a body that is cut", async () => {
    const { text } = await raw({ kind: "cut", afterBytes: 25 });
    expect(text.split("\r\n\r\n")[1]).toHaveLength(25);
  });

  test("no body: what is asked for is done and the answer lost", async () => {
    simulator.trouble.begin({ effect: { kind: "lost" }, operation: "shedLoad" });
    await expect(ask(shed())).rejects.toThrow();
    expect(lastCall()).toMatchObject({
      operation: "shedLoad",
      effect: "write",
      outcome: "100",
      completed: false,
    });
    expect(await isShed()).toBe(true);
  });

  test("a Content-Length that is too small", async () => {
    const text = await hitText({ kind: "length", by: -20 });
    expect(text).not.toContain("</soapenv:Envelope>");
  });

  test("a Content-Length that is too large: the rest never comes", async () => {
    const over = simulator.trouble.begin({ effect: { kind: "length", by: 20 } });
    const answer = await ask(document());
    setTimeout(over, 50);
    await expect(answer.body.text()).rejects.toThrow();
  });

  test("in small pieces without Content-Length", async () => {
    const { headers, bytes } = await hit({ kind: "chunked", chunkBytes: 7 });
    expect(headers["transfer-encoding"]).toBe("chunked");
    expect(headers["content-length"]).toBeUndefined();
    expect(loadOf(bytes.toString()).responseCode).toBe("100");
  });

  test("packed though nobody asked, and packed wrongly", async () => {
    const packed = await hit({ kind: "gzip" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(loadOf(gunzipSync(packed.bytes).toString()).responseCode).toBe("100");
    const broken = await hit({ kind: "gzip", broken: true });
    expect(() => gunzipSync(broken.bytes)).toThrow();
  });

  test("bytes that are no UTF-8", async () => {
    const { bytes } = await hit({ kind: "badUtf8" });
    expect(() => parseXml(bytes)).toThrow(/not UTF-8/);
  });
});

describe("other contents", () => {
  const group = () => {
    const hasBoth = ({ stationNumbers }: { stationNumbers: readonly number[] }) =>
      [STATION, OTHER].every((id) => stationNumbers.includes(Number(id.slice(2))));
    const sgID = simulator.world.groups.find(hasBoth)!.id;
    return buildRequest(getLoad, { searchQuery: { sgID } }, securityHeader(simulator));
  };

  test("ports in reverse order, of one station only where it is named", async () => {
    simulator.trouble.begin({ effect: { kind: "ports", how: "reversed" }, stationID: STATION });
    const { stationData } = loadOf(await (await ask(group())).body.text());
    const ports = (id: string) =>
      stationData.find(({ stationID }) => stationID === id)!.Port.map(({ portNumber }) => portNumber);
    expect(ports(STATION)).toEqual(["2", "1"]);
    expect(ports(OTHER).at(0)).toBe("1");
    const elsewhere = await ask(document(OTHER));
    expect(loadOf(await elsewhere.body.text()).responseCode).toBe("100");
    expect(lastCall().trouble).toEqual([]);
  });

  test("a port that is missing: the first, or the one named", async () => {
    const ports = async (effect: Effect) =>
      loadOf(await hitText(effect)).stationData[0]!.Port.map(({ portNumber }) => portNumber);
    expect(await ports({ kind: "ports", how: "missing" })).toEqual(["2"]);
    expect(await ports({ kind: "ports", how: "missing", portNumber: "2" })).toEqual(["1"]);
  });

  test("another station's ID", async () => {
    const { stationData } = loadOf(await hitText({ kind: "otherStation", shown: "9:9" }));
    expect(stationData[0]!.stationID).toBe("9:9");
  });

  test.each([
    [{ becomes: "absent" }, ""],
    [{ becomes: "empty" }, "<portLoad/>"],
    [{ becomes: "nil" }, 'xsi:nil="true"/>'],
    [{ becomes: "text" }, "<portLoad>None</portLoad>"],
    [{ becomes: "text", text: "a < b" }, "<portLoad>a &lt; b</portLoad>"],
  ] as const)("an element that is %j", async (change, part) => {
    const text = await hitText({ kind: "element", name: "portLoad", ...change });
    expect(text).toContain(part);
    expect(text).not.toContain("<portLoad>0.000</portLoad>");
    expect(parseEnvelope(text).body?.name).toBe("getLoadResponse");
  });

  test("elements that nobody knows", async () => {
    const text = await hitText({ kind: "extraElements" });
    expect(text.match(/<unheardOf>/g)!.length).toBeGreaterThan(3);
    expect(loadOf(text).stationData[0]!.Port).toHaveLength(2);
  });

  test("the elements in reverse order", async () => {
    const text = await hitText({ kind: "order" });
    expect(text.indexOf("<responseText>")).toBeLessThan(text.indexOf("<responseCode>"));
    expect(text.indexOf("<stationLoad>")).toBeLessThan(text.indexOf("<stationID>"));
  });

  test("a padded response code, in refusals too", async () => {
    expect(await hitText({ kind: "paddedCode" })).toMatch(/<responseCode>\s+100\s+<\/responseCode>/);
    expect(await hitText({ kind: "paddedCode" }, document("1:1"))).toMatch(/<responseCode>\s+103\s+</);
  });

  test("contents and delivery can be in trouble at once", async () => {
    simulator.trouble.begin({ effect: { kind: "chunked" } });
    simulator.trouble.begin({ effect: { kind: "ports", how: "missing" } });
    const answer = await ask(document());
    expect(answer.headers["transfer-encoding"]).toBe("chunked");
    expect(loadOf(await answer.body.text()).stationData[0]!.Port).toHaveLength(1);
    expect(lastCall().trouble).toEqual(["ports", "chunked"]);
  });
});

describe("pages", () => {
  const page = async (startRecord: number, how: "more" | "empty" | "repeated" | "endless") => {
    const query: Draft<(typeof getStations)["request"]> = { searchQuery: { startRecord, numStations: 4 } };
    const body = buildRequest(getStations, query, securityHeader(simulator));
    const text = await hitText({ kind: "paging", how }, body);
    const { stationData, moreFlag, responseCode } = decode(getStations.response, parseEnvelope(text).body!);
    return [responseCode, stationData.map(({ recordNumber }) => recordNumber), moreFlag];
  };

  test("the last page promises more", async () => {
    expect(await page(5, "more")).toEqual(["100", [5, 6], 1]);
    expect(await page(7, "more")).toEqual(["102", [], null]);
  });

  test("pages beyond the end hold nothing and promise more", async () => {
    expect(await page(7, "empty")).toEqual(["100", [], 1]);
  });

  test("every page is the first one", async () => {
    expect(await page(5, "repeated")).toEqual(["100", [1, 2, 3, 4], 1]);
  });

  test("there are always more", async () => {
    expect(await page(41, "endless")).toEqual(["100", [41, 42, 43, 44], 1]);
    expect(simulator.calls.at(-1)!.request).toMatchObject({ searchQuery: { startRecord: 41 } });
  });

  test("operations without pages are left alone", async () => {
    expect(loadOf(await hitText({ kind: "paging", how: "more" })).responseCode).toBe("100");
  });
});

describe("whom it hits", () => {
  const code = { kind: "code", code: "143" } as const;
  const status = async (username = simulator.username, password = simulator.password) => {
    const security = securityHeader({ username, password });
    const body = buildRequest(getStationStatus, { searchQuery: { stationID: STATION } }, security);
    const text = await (await ask(body)).body.text();
    return decode(getStationStatus.response, parseEnvelope(text).body!).responseCode;
  };

  test("an account", async () => {
    simulator.trouble.begin({ effect: code, account: "somebody else" });
    expect(await status()).toBe("100");
    simulator.trouble.begin({ effect: code, account: simulator.username });
    expect(await status()).toBe("143");
  });

  test("not the first few", async () => {
    simulator.trouble.begin({ effect: code, skip: 2, times: 1 });
    expect([await status(), await status(), await status(), await status()]).toEqual([
      "100",
      "100",
      "143",
      "100",
    ]);
  });

  test("some, with a probability and the same ones every time", async () => {
    const draw = async (): Promise<string> => {
      const own = await startSimulator({
        stations: 1,
        seed: 7,
        trouble: [{ effect: code, probability: 0.5 }],
      });
      try {
        const answers: string[] = [];
        for (let round = 0; round < 40; round++) {
          const body = buildRequest(getLoad, { searchQuery: { stationID: STATION } }, securityHeader(own));
          const answer = await request(own.endpoint, { method: "POST", body });
          answers.push(loadOf(await answer.body.text()).responseCode!);
        }
        return answers.join(" ");
      } finally {
        await own.close();
      }
    };
    const first = await draw();
    expect(first.match(/143/g)!.length).toBeGreaterThan(10);
    expect(first.match(/100/g)!.length).toBeGreaterThan(10);
    expect(await draw()).toBe(first);
  });

  test("for so many seconds", async () => {
    simulator.trouble.begin({ effect: code, seconds: 0.1 });
    expect(await status()).toBe("143");
    await expect.poll(() => simulator.trouble.begun.length).toBe(0);
    expect(await status()).toBe("100");
  });
});
