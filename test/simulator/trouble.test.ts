import { request } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  buildRequest,
  type Draft,
  operations,
  securityHeader,
} from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call, post } from "./call.ts";

const { clearShedState, getLoad, getStationStatus, shedLoad } = operations;
const STATION = "1:100001";

let clock: SteppedClock;
let simulator: Simulator;
beforeEach(async () => {
  clock = new SteppedClock();
  simulator = await startSimulator({ stations: 3, clock, traffic: false, incidents: false });
});
afterEach(() => simulator.close());

const raw = (stationID = STATION) =>
  post(simulator, buildRequest(getLoad, { searchQuery: { stationID } }, securityHeader(simulator)));
const code = async (stationID = STATION) =>
  (await call(simulator, getLoad, { searchQuery: { stationID } })).responseCode;

describe("trouble on request", () => {
  test("a response code, for one operation and station, alone or among others", async () => {
    const over = simulator.trouble.begin({
      effect: { kind: "code", code: "143" },
      operation: "getStationStatus",
      stationID: STATION,
    });
    const status = async (...ids: string[]) =>
      (await call(simulator, getStationStatus, { searchQuery: { stationIDs: { stationID: ids } } }))
        .responseCode;
    expect(await status("1:100002", STATION)).toBe("143");
    expect(await status("1:100002")).toBe("100");
    expect(await code()).toBe("100");
    over();
    expect(await status(STATION)).toBe("100");
  });

  test("an HTTP status with Retry-After, so many times", async () => {
    simulator.trouble.begin({ effect: { kind: "status", status: 503, retryAfterSeconds: 7 }, times: 2 });
    const first = await raw();
    expect([first.status, first.headers["retry-after"]]).toEqual([503, "7"]);
    expect((await raw()).status).toBe(503);
    expect((await raw()).status).toBe(200);
    expect(simulator.calls.map(({ outcome }) => outcome)).toEqual(["status:503", "status:503", "100"]);
  });

  test("a Fault", async () => {
    simulator.trouble.begin({ effect: { kind: "fault", code: "Server", text: "out of order" }, times: 1 });
    expect(await raw()).toMatchObject({ status: 500, fault: { code: "Server", text: "out of order" } });
  });

  test("a refused write is not done", async () => {
    simulator.trouble.begin({ effect: { kind: "code", code: "126" }, operation: "shedLoad", times: 1 });
    const shedQuery = { shedStation: { stationID: STATION, allowedLoadPerStation: 2 }, timeInterval: 5 };
    expect(await call(simulator, shedLoad, { shedQuery })).toMatchObject({ responseCode: "126", Success: 0 });
    const load = await call(simulator, getLoad, { searchQuery: { stationID: STATION } });
    expect(load.stationData[0]!.Port[0]!.shedState).toBe(0);
  });

  test("no answer, until the caller has had enough, the trouble ends or the simulator closes", async () => {
    simulator.trouble.begin({ effect: { kind: "hang" }, stationID: STATION });
    const document = buildRequest(
      getLoad,
      { searchQuery: { stationID: STATION } },
      securityHeader(simulator),
    );
    const impatient = request(simulator.endpoint, {
      method: "POST",
      body: document,
      signal: AbortSignal.timeout(100),
    });
    await expect(impatient).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await code("1:100002")).toBe("100");

    const waiting = raw();
    waiting.catch(() => {});
    await expect.poll(() => simulator.calls.filter(({ outcome }) => outcome === "hang").length).toBe(2);
    simulator.trouble.end();
    await expect(waiting).rejects.toThrow();
    expect(await code()).toBe("100");
    expect(simulator.calls.filter(({ completed }) => !completed).length).toBe(2);

    simulator.trouble.begin({ effect: { kind: "hang" } });
    const last = raw();
    last.catch(() => {});
    await expect.poll(() => simulator.calls.filter(({ outcome }) => outcome === "hang").length).toBe(3);
    await simulator.close();
    await expect(last).rejects.toThrow();
  });

  test("E14: a write that shows late: the load obeys at once, the shed is told as it was", async () => {
    simulator.world.plugIn(STATION, "1");
    simulator.trouble.writesShowLateSeconds = 10;
    type Query = NonNullable<Draft<(typeof shedLoad)["request"]>["shedQuery"]>;
    const shedQuery: Query = {
      shedStation: { stationID: STATION, allowedLoadPerStation: 2 },
      timeInterval: 0,
    };
    const port = async () =>
      (await call(simulator, getLoad, { searchQuery: { stationID: STATION } })).stationData[0]!.Port[0];
    expect(await call(simulator, shedLoad, { shedQuery })).toMatchObject({ responseCode: "100" });
    expect(await port()).toMatchObject({ shedState: 0, allowedLoad: 0, portLoad: 2 });
    clock.advance(9);
    expect(await port()).toMatchObject({ shedState: 0 });
    clock.advance(1);
    expect(await port()).toMatchObject({ shedState: 1, allowedLoad: 2 });
    await call(simulator, clearShedState, { shedQuery: { shedStation: { stationID: STATION } } });
    expect(await port()).toMatchObject({ shedState: 1, allowedLoad: 2, portLoad: 7.2 });
    clock.advance(10);
    expect(await port()).toMatchObject({ shedState: 0 });
  });
});
