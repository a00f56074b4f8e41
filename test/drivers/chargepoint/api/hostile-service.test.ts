import type { ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createGzip } from "node:zlib";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { AbleService } from "../../../../src/drivers/abilities.ts";
import { buildResponse } from "../../../../src/drivers/chargepoint/api/documents/soap.ts";
import { ChargePoint, operations } from "../../../../src/drivers/chargepoint/api/index.ts";
import type { ChargePointConfig } from "../../../../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../../../../src/drivers/chargepoint/index.ts";
import { createLog } from "../../../../src/log/log.ts";
import { parseRegistry } from "../../../../src/registry/index.ts";
import { NO_OUTAGES } from "../../../helpers/outages.ts";
import { connect, PASSWORD, type Reply, serve, USERNAME, xml } from "./service.ts";

const { getLoad, getStations } = operations;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are kept, without what only waits to be collected. */
function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Writes blanks after a sound beginning, `megabytes` of them, as fast as they are taken. */
function flood(
  target: NodeJS.WritableStream,
  megabytes: number,
  response?: Pick<ServerResponse, "destroyed">,
): void {
  const blanks = Buffer.alloc(64 * 1024, " ");
  let left = megabytes * 16;
  target.write('<?xml version="1.0"?><a>');
  const more = (): void => {
    while (left-- > 0 && !response?.destroyed)
      if (!target.write(blanks)) return void target.once("drain", more);
    if (!response?.destroyed) target.end("</a>");
  };
  more();
}

describe("G2: bodies that are too large, read with the bounds that are set for everybody", () => {
  /** Made before, because that takes longer than to refuse it. */
  let packed: Buffer;
  beforeAll(async () => {
    const gzip = createGzip();
    flood(gzip, 200);
    packed = await buffer(gzip);
  });

  it.each<[string, Reply]>([
    ["200 MB", (response) => flood(response.writeHead(200), 200, response)],
    [
      "200 MB in a gzip of 200 kB",
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(packed),
    ],
  ])("%s: refused within 2 s, with less than 50 MB more in memory", async (_what, reply) => {
    const service = await serve(reply);
    const { client } = connect(service.endpoint, { deadlineMs: 10_000 });
    const [begun, before] = [performance.now(), process.memoryUsage.rss()];
    await expect(client.call(getLoad, {})).rejects.toMatchObject({
      name: "ProtocolError",
      fault: "too large",
    });
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
  });
});

describe("C9: pages over the network", () => {
  const station = (nth: number) => ({ stationID: `1:${nth}`, Description: "x".repeat(200) });
  const page = (from: number, size: number) => Array.from({ length: size }, (_, at) => station(from + at));
  const stations = (stationData: object[]) =>
    buildResponse(getStations, { responseCode: "100", stationData, moreFlag: 1 });

  it.each<[string, (nth: number) => string, number]>([
    ["for ever", (nth) => stations(page(nth * 500, 500)), 40],
    ["repeated", () => stations(page(0, 500)), 2],
    ["going round", (nth) => stations(page((nth % 5) * 500, 500)), 6],
    ["empty", () => stations([]), 1],
  ])("%s: the walk ends with an error, in bounded calls and memory", async (_what, answer, calls) => {
    const service = await serve((response, _request, nth) => xml(response, answer(nth)));
    const { client } = connect(service.endpoint, {}, ChargePoint);
    const before = heapInUse();
    const walk = async () => {
      for await (const _station of client.stations({}, { maxPages: 40 }));
    };
    await expect(walk()).rejects.toMatchObject({
      name: "ProtocolError",
      fault: "paging",
      operation: "getStations",
    });
    expect(service.received).toHaveLength(calls);
    expect(heapInUse() - before).toBeLessThan(10_000_000);
  });

  it("a page that fails ends the walk after the records before it, with the service's error", async () => {
    const service = await serve((response, _request, nth) =>
      nth === 1 ? xml(response, stations(page(1, 3))) : response.writeHead(503).end(),
    );
    const { client } = connect(service.endpoint, {}, ChargePoint);
    const seen: (string | null)[] = [];
    const walk = async () => {
      for await (const { stationID } of client.stations()) seen.push(stationID);
    };
    await expect(walk()).rejects.toMatchObject({ name: "TransportError", status: 503 });
    expect(seen).toEqual(["1:1", "1:2", "1:3"]);
  });
});

describe("records that are not what was asked for, as the driver reads them", () => {
  const REGISTRY =
    "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n" +
    "load_1,portLoad,LoadRegister,1,float,kW,,,\nload_2,portLoad,LoadRegister,2,float,kW,,,\n" +
    "total,stationLoad,LoadRegister,,float,kW,,,\n";
  const ports = (...loads: [portNumber: string, portLoad: number][]) =>
    loads.map(([portNumber, portLoad]) => ({ portNumber, portLoad }));

  /** One scrape of station 1:2, whose getLoad is answered with these stations. */
  async function scrape(stationData: object[]) {
    const service = await serve((response) =>
      xml(response, buildResponse(getLoad, { responseCode: "100", stationData })),
    );
    const opened = chargepoint.open({
      log: createLog({ write: () => {} }),
      state: { get: () => null, set: () => {} },
      notice: () => {},
      outages: NO_OUTAGES,
    }) as AbleService<ChargePointConfig>;
    onTestFinished(() => opened.close());
    const device = opened.createDevice({
      path: "site/s1",
      rows: parseRegistry(Buffer.from(REGISTRY), "test.csv").rows,
      intervalSeconds: 60,
      config: {
        ...{
          stationID: "1:2",
          username: USERNAME,
          password: PASSWORD,
          endpoint: service.endpoint,
          region: "NA",
        },
        ...{ cacheExpiration: 0, shed_lease_minutes: 60, shed_mode_change: "clear_first" },
      },
    });
    return device.scrapeAll(AbortSignal.timeout(5_000));
  }

  it("C7: ports out of order are told apart by their numbers", async () => {
    const { values, failures } = await scrape([
      { stationID: "1:2", stationLoad: 9, Port: ports(["2", 6], ["1", 3]) },
    ]);
    expect(Object.fromEntries(values)).toEqual({ load_1: 3, load_2: 6, total: 9 });
    expect(failures.size).toBe(0);
  });

  it("C7: a missing port fails its own points and no others", async () => {
    const { values, failures } = await scrape([{ stationID: "1:2", stationLoad: 3, Port: ports(["1", 3]) }]);
    expect(Object.fromEntries(values)).toEqual({ load_1: 3, total: 3 });
    expect(failures.get("load_2")?.message).toContain('has no port "2"; it has 1');
  });

  it("C8: another station's answer is never taken for this one's", async () => {
    const other = { stationID: "1:3", stationLoad: 9, Port: ports(["1", 3], ["2", 6]) };
    await expect(scrape([other])).rejects.toThrow(/no station 1:2.*the answer is for 1:3/);
    const both = await scrape([other, { stationID: "1:2", stationLoad: 1, Port: ports(["1", 1]) }]);
    expect(both.values.get("total")).toBe(1);
  });
});
