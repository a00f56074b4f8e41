import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSite } from "../helpers/web.ts";

describe("devices over HTTP", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({ guestRole: "operate" });
    await web.scraped();
  });
  afterAll(() => web?.stop());

  test("lists every device with its ports", async () => {
    const { status, body } = await web.get("/devices");
    expect(status).toBe(200);
    expect(body.devices).toHaveLength(2);
    expect(body.devices[0]).toMatchObject({ device: "site/s1", availability: "online", paused: false });
    expect(body.devices[0].ports[0]).toMatchObject({
      port: "1",
      state: "available",
      loadKw: 0,
      limit: null,
      limitPoint: "allowedLoad_1",
    });
  });

  test("shows the points of one device with value, age, quality, units and call", async () => {
    const { body } = await web.get("/devices/site%2Fs1");
    const load = body.points.find(({ point }: { point: string }) => point === "portLoad_1");
    expect(load).toMatchObject({ value: 0, units: "kW", quality: "good", call: "getLoad", port: "1" });
    expect((await web.get("/devices/site%2Fs1/points/portLoad_1")).body).toEqual({
      ...load,
      readAt: expect.any(String),
    });
    expect((await web.get("/devices/site%2Fs1/points/portLoad_1?fresh=true")).body).toMatchObject({
      value: 0,
    });
  });

  test("an unknown device or point is named, with the nearest one", async () => {
    expect((await web.get("/devices/site%2Fs9")).body).toMatchObject({
      status: 404,
      type: "urn:voltbridge:problem:device_not_found",
      detail: expect.stringContaining("site/s1"),
    });
    expect((await web.get("/devices/site%2Fs1/points/portLod_1")).body.detail).toContain("portLoad_1");
  });

  test("sets a limit, tells the truth on the way, and clears it", async () => {
    const set = await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", {
      value: 3,
      durationMinutes: 15,
      id: "a1",
    });
    expect(set).toMatchObject({
      status: 200,
      body: { id: "a1", status: "confirmed", readBack: 3, via: "web" },
    });
    expect((await web.get("/commands/a1")).body).toMatchObject({ status: "confirmed", final: true });
    const [device] = (await web.get("/devices")).body.devices;
    expect(device.ports[0].limit).toMatchObject({ kw: 3, requester: "local", state: "in_force" });
    const clear = await web.post("/devices/site%2Fs1/points/allowedLoad_1/revert", {});
    expect(clear.body.status).toBe("confirmed");
  });

  test("refuses a value out of range, a point that cannot be written, and a wrong body", async () => {
    const out = await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", { value: -1 });
    expect(out).toMatchObject({ status: 422, body: { command: { status: "refused" } } });
    const read = await web.post("/devices/site%2Fs1/points/portLoad_1/set", { value: 1 });
    expect(read.status).toBe(403);
    const wrong = await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", { valeu: 1 });
    expect(wrong).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('did you mean "value"') },
    });
  });
});
