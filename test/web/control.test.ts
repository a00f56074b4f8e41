import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSite } from "../helpers/web.ts";

const SOON = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

describe("control over HTTP", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({
      guestRole: "operate",
      stations: 3,
      bridge: { limits: { garage: { devices: ["site/s3"], max_kw: 10 } } },
    });
    await web.scraped();
  });
  afterAll(() => web?.stop());

  test("limits in force, whoever set them", async () => {
    const ofOne = async () =>
      (await web.get("/holds")).body.held.filter(({ device }: { device: string }) => device === "site/s1");
    expect(await ofOne()).toEqual([]);
    await web.post("/devices/site%2Fs1/points/allowedLoad_1/set", { value: 3, durationMinutes: 15 });
    expect(await ofOne()).toMatchObject([
      { device: "site/s1", point: "allowedLoad_1", value: 3, requester: "local", state: "in_force" },
    ]);
    await web.post("/devices/site%2Fs1/points/allowedLoad_1/revert", {});
    expect(await ofOne()).toEqual([]);
  });

  test("overrides: on, in force for set points, off by pattern and all", async () => {
    const on = await web.post("/overrides", { pattern: "site/s2", durationSeconds: 600 });
    expect(on).toMatchObject({ status: 201, body: { pattern: "site/s2", devices: ["site/s2"] } });
    expect((await web.get("/overrides")).body.overrides).toMatchObject([{ pattern: "site/s2" }]);
    const set = await web.post("/devices/site%2Fs2/points/allowedLoad_1/set", { value: 3 });
    expect(set).toMatchObject({ status: 409, body: { type: "urn:voltbridge:problem:override" } });
    expect((await web.call("DELETE", "/overrides")).status).toBe(400);
    expect((await web.call("DELETE", "/overrides?pattern=site/x")).status).toBe(409);
    expect((await web.call("DELETE", "/overrides?pattern=site/s2")).status).toBe(204);
    await web.post("/overrides", { pattern: "site/*", failsafeRevert: false });
    expect((await web.call("DELETE", "/overrides?all=true")).status).toBe(204);
    expect((await web.get("/overrides")).body.overrides).toEqual([]);
  });

  test("reservations: VOLTTRON's answers; a conflict is a problem with what conflicts", async () => {
    const slots = [["site/s1", SOON(60), SOON(120)]];
    const taken = await web.post("/reservations", { taskId: "t1", priority: "HIGH", slots });
    expect(taken).toMatchObject({ status: 201, body: { result: "SUCCESS", data: {} } });
    const again = await web.post("/reservations", { taskId: "t1", priority: "HIGH", slots });
    expect(again).toMatchObject({
      status: 409,
      body: { schedule: { result: "FAILURE", info: "TASK_ID_ALREADY_EXISTS" } },
    });
    const conflict = await web.post("/reservations", { taskId: "t2", priority: "LOW", slots });
    expect(conflict).toMatchObject({
      status: 409,
      body: {
        schedule: {
          info: "CONFLICTS_WITH_EXISTING_SCHEDULES",
          data: { local: { t1: [["site/s1", expect.anything(), expect.anything()]] } },
        },
      },
    });
    const wrong = await web.post("/reservations", {
      taskId: "t3",
      priority: "LOW",
      slots: [["site/s1", "x", "y"]],
    });
    expect(wrong).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("MALFORMED_REQUEST") },
    });
    expect((await web.get("/reservations")).body.reservations).toMatchObject([
      { taskId: "t1", requester: "local", priority: "HIGH", state: "waiting" },
    ]);
    expect((await web.call("DELETE", "/reservations/t9")).status).toBe(404);
    expect((await web.call("DELETE", "/reservations/t1")).status).toBe(200);
    expect((await web.get("/reservations")).body.reservations).toEqual([]);
  });

  test("site limits: demand, limit and share of each port; set, none, and what is refused", async () => {
    const { groups } = (await web.get("/limits")).body;
    expect(groups).toMatchObject([{ group: "garage", maxKw: 10 }]);
    expect(groups[0].outlets.map(({ device }: { device: string }) => device)).toContain("site/s3");
    expect((await web.call("PUT", "/limits/garage", { body: { kw: 6 } })).body).toMatchObject({ maxKw: 6 });
    expect((await web.get("/limits/garage")).body.maxKw).toBe(6);
    expect((await web.call("PUT", "/limits/garage", { body: { kw: null } })).body.maxKw).toBeNull();
    expect((await web.call("PUT", "/limits/garage", { body: { kw: "6" } })).status).toBe(400);
    expect((await web.call("PUT", "/limits/garage", { body: { kw: -1 } })).status).toBe(400);
    const unknown = await web.call("PUT", "/limits/garag", { body: { kw: 6 } });
    expect(unknown).toMatchObject({ status: 404, body: { detail: expect.stringContaining("garage") } });
  });

  test("events: planned, listed, removed; a time that is over is refused", async () => {
    const event = { device: "site/s1", startsAt: SOON(60), durationMinutes: 30, kw: 2 };
    const planned = await web.post("/events", event);
    expect(planned).toMatchObject({ status: 201, body: { device: "site/s1", kw: 2, requester: "local" } });
    expect((await web.get("/events")).body.events).toEqual([planned.body]);
    expect((await web.call("DELETE", `/events/${planned.body.id}`)).status).toBe(204);
    expect((await web.call("DELETE", `/events/${planned.body.id}`)).status).toBe(404);
    const early = await web.post("/events", { ...event, startsAt: SOON(-60) });
    expect(early).toMatchObject({ status: 409, body: { detail: expect.stringContaining("in the future") } });
    expect((await web.post("/events", { ...event, percent: 10 })).status).toBe(400);
    expect((await web.post("/events", { ...event, device: "site/s9" })).status).toBe(404);
    expect((await web.get("/events")).body.events).toEqual([]);
  });
});
