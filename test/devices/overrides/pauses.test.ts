import { describe, expect, test } from "vitest";
import type { Command } from "../../../src/devices/commands.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig } from "../rig.ts";

const MINUTE = 60_000;
const PATHS = ["site/s1", "site/s2"];

async function running(options: RigOptions = {}) {
  const made = rig({ paths: PATHS, ...options });
  made.devices.start();
  await made.clock.advance(1000);
  const { pausing } = made.devices.control;
  const ops = (more: Partial<Command> = {}) => made.command({ requester: "ops", ...more });
  const pause = (path = "site/s1") => pausing.pause(path, ops());
  const resume = (path = "site/s1") => pausing.resume(path, ops());
  const scraped = (path = "site/s1") => made.station(path).calls.filter((call) => call === "scrape").length;
  const offline = () =>
    made.availability.filter(({ device }) => device.path === "site/s1").map(({ reason }) => reason);
  return { ...made, pausing, ops, pause, resume, scraped, offline };
}

/** The bridge is killed while the device is paused. */
async function restarted(before: Awaited<ReturnType<typeof running>>, options: RigOptions = {}) {
  return running({ ...options, state: before.state, clock: new ManualClock(before.clock.now() + MINUTE) });
}

describe("a paused device", () => {
  test("is not scraped, and offline with the reason; resumed, it is scraped at once and at its own times", async () => {
    const { devices, pause, resume, clock, scrapes, scraped, availability, offline, notices } = await running(
      {
        driver: { driverScrapeIntervalSeconds: 5 },
        paths: ["site/s2", "site/s1"],
      },
    );
    await clock.advance(2 * MINUTE);
    const [own, others] = [scraped(), scraped("site/s2")];
    const since = new Date(clock.now()).toISOString();
    expect(pause()).toEqual({ device: "site/s1", since, requester: "ops" });
    await clock.advance(3 * MINUTE);
    expect([scraped() - own, scraped("site/s2") - others]).toEqual([0, 3]);
    expect(availability.at(-1)).toMatchObject({ device: { path: "site/s1" }, availability: "offline" });
    expect(offline().at(-1)).toBe(`paused by ops since ${since}`);
    expect(devices.latest.get("site/s1")).toMatchObject({
      availability: "offline",
      reason: offline().at(-1),
    });
    expect(devices.latest.get("site/s1")!.values.get("load")?.value).toBe(7.2);
    const from = scrapes.length;
    resume();
    await clock.advance(0);
    expect(availability.at(-1)).toMatchObject({ device: { path: "site/s1" }, availability: "online" });
    await clock.advance(2 * MINUTE);
    const times = scrapes
      .slice(from)
      .filter(({ device }) => device.path === "site/s1")
      .map(({ takenAt }) => takenAt.toISOString().slice(11, 19));
    // Five seconds after the first device, as before.
    expect(times).toEqual(["08:05:01", "08:05:05", "08:06:05"]);
    expect(notices.map(({ kind, device }) => [kind, device])).toEqual([
      ["device_paused", "site/s1"],
      ["device_resumed", "site/s1"],
    ]);
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  test("takes no set, revert, get, scrape on request or event; each refusal names who, since when and the remedy", async () => {
    const { devices, pause, resume, commands, command, within, station, clock, writes } = await running();
    const { since } = pause();
    const calls = station().calls.length;
    const text =
      `device site/s1 is paused by ops since ${since}; nothing was sent. ` +
      "Resume it first: voltbridge device resume site/s1";
    const answers = [
      commands.set("site/s1", "limit", 5, command()),
      commands.revertPoint("site/s1", "limit", command()),
      commands.revertDevice("site/s1", command()),
    ];
    for (const { status, error, text: said } of await within(0, Promise.all(answers)))
      expect([status, error, said]).toEqual(["refused", "PausedDeviceError", text]);
    expect(writes.map(({ status }) => status)).toEqual(["refused", "refused", "refused"]);
    expect(() => commands.checkFree("site/s1", "limit", command())).toThrow(text);
    await expect(commands.get("site/s1", "load")).rejects.toThrow(text);
    await expect(devices.control.scrapeAll("site/s1")).rejects.toThrow(text);
    const plan = { startsAt: new Date(clock.now() + MINUTE), durationMinutes: 5, allowOptOut: true };
    const event = devices.control.eventing.createEvent("site/s1", { ...plan, limit: { kw: 3 } }, command());
    await expect(event).rejects.toThrow(text);
    expect(station().calls).toHaveLength(calls);
    expect((await within(0, commands.set("site/s2", "limit", 5, command()))).status).toBe("confirmed");
    resume();
    expect((await within(0, commands.set("site/s1", "limit", 5, command()))).status).toBe("confirmed");
    await devices.stop();
  });

  test("does not count what a running scrape reads", async () => {
    const { devices, pause, resume, clock, station, scrapes, scraped } = await running();
    const gate = Promise.withResolvers<void>();
    const device = station();
    const scrapeAll = device.scrapeAll.bind(device);
    device.scrapeAll = async () => {
      const reading = await scrapeAll();
      await gate.promise;
      return reading;
    };
    await clock.advance(MINUTE);
    pause();
    const [seen, asked] = [scrapes.length, scraped()];
    gate.resolve();
    await clock.advance(MINUTE);
    expect(scrapes.slice(seen).map(({ device: { path } }) => path)).toEqual(["site/s2"]);
    expect(scraped()).toBe(asked);
    resume();
    await clock.advance(0);
    expect(scrapes.at(-1)!.device.path).toBe("site/s1");
    await devices.stop();
  });

  test("is refused while the bridge holds a limit in it, or one is on its way", async () => {
    const { devices, pause, commands, command, within, station, scraped, clock } = await running();
    station().writeMs = 500;
    const setting = commands.set("site/s1", "limit", 5, command({ requester: "ems" }));
    await clock.advance(100);
    const refusal = expect.objectContaining({
      name: "LimitInForceError",
      message:
        "the bridge holds a limit in site/s1 (limit by ems); nothing was changed. Revert it first: voltbridge revert site/s1",
    });
    expect(() => pause()).toThrow(refusal);
    await within(1000, setting);
    expect(() => pause()).toThrow(refusal);
    await within(1000, commands.revertPoint("site/s1", "limit", command()));
    await clock.advance(1000);
    pause();
    const before = scraped();
    await clock.advance(2 * MINUTE);
    expect(scraped()).toBe(before);
    await devices.stop();
  });

  test("of a site limit names what else to do", async () => {
    const { devices, pause, commands, command, within } = await running();
    await within(0, commands.set("site/s1", "limit", 5, command({ requester: "limit:garage" })));
    expect(() => pause()).toThrow("A site limit sets it again: take the device out of its group before");
    await devices.stop();
  });

  test("takes no write that waited in turn; one that was sent before is read back and answered", async () => {
    const { devices, pause, commands, command, within, station, clock } = await running();
    station().writeMs = 1000;
    const both = [
      commands.revertPoint("site/s1", "enabled", command()),
      commands.set("site/s1", "label", "two", command()),
    ];
    await clock.advance(10);
    pause();
    const [first, second] = await within(5000, Promise.all(both));
    expect([first!.status, second!.error]).toEqual(["confirmed", "PausedDeviceError"]);
    expect(station().writes).toEqual(["revert enabled"]);
    await devices.stop();
  });

  test("stays paused after a restart, which sends it neither Starting Values nor heartbeats", async () => {
    const options: RigOptions = {
      driver: { writeStartingValues: true, heartbeatIntervalSeconds: 5 },
      device: { heartbeatPoint: "percent" },
    };
    const first = await running({ ...options, driver: { heartbeatIntervalSeconds: 5 } });
    const { since } = first.pause();
    const sent = first.station().calls.length;
    await first.clock.advance(30_000);
    expect(first.station().calls).toHaveLength(sent);
    const { devices, station, clock, pausing, offline, resume, lines, pause } = await restarted(
      first,
      options,
    );
    await clock.advance(30_000);
    expect(station().calls).toEqual([]);
    expect(station("site/s2").writes).toEqual(expect.arrayContaining(["set enabled true", "set percent 1"]));
    expect(pausing.paused()).toEqual([{ device: "site/s1", since, requester: "ops" }]);
    expect(pause()).toEqual(pausing.paused()[0]);
    expect(offline()).toEqual([`paused by ops since ${since}`]);
    expect(lines.filter((line) => line.includes("site/s1"))).toEqual([]);
    resume();
    await clock.advance(5000);
    expect(station().calls[0]).toBe("scrape");
    expect(station().writes.length).toBe(1);
    await devices.stop();
    expect(devices.counters().paused).toBeUndefined();
    expect(first.state.namespace("paused").entries()).toEqual([]);
  });

  test("that cannot be read anyway is announced with each reason", async () => {
    const { devices, pause, resume, clock, station, offline } = await running({
      prepare: (device) => {
        device.scrapeError = device.path === "site/s1" ? new Error("no route") : undefined;
      },
    });
    pause();
    resume();
    await clock.advance(0);
    expect(offline()).toEqual(["no route", expect.stringMatching(/^paused by ops/), "no route"]);
    station().scrapeError = undefined;
    await clock.advance(MINUTE);
    expect(offline().at(-1)).toBeUndefined();
    await devices.stop();
  });

  test("is not reverted by an override until it is resumed", async () => {
    const { devices, pause, resume, overriding, ops, station, clock, notices } = await running();
    pause();
    overriding.setOverrideOn("site/*", {}, ops());
    await clock.advance(MINUTE);
    expect(station().writes).toEqual([]);
    expect(station("site/s2").writes).toEqual(["revert enabled"]);
    const tried = notices.filter(({ kind }) => kind === "override_not_reverted");
    expect(tried[0]).toMatchObject({
      device: "site/s1",
      text: expect.stringContaining("retrying: device site/s1 is paused by ops"),
    });
    resume();
    await clock.advance(5 * MINUTE);
    expect(station().writes).toEqual(["revert enabled"]);
    await devices.stop();
  });

  test("is counted and named in the health, at most 20 by name", async () => {
    const paths = Array.from({ length: 25 }, (_, i) => `site/s${i + 1}`);
    const { devices, pause } = await running({ paths });
    expect(devices.counters().paused).toBeUndefined();
    const { since } = pause("site/s3");
    expect(devices.counters().paused).toEqual({
      count: 1,
      devices: { "site/s3": `by ops since ${since}` },
    });
    for (const path of paths) pause(path);
    const { count, devices: named } = devices.counters().paused!;
    expect([count, Object.keys(named).length]).toEqual([25, 20]);
    await devices.stop();
  });
});

describe("pause and resume", () => {
  test("refuse an unknown device and a command that is too old; a read-only bridge takes them", async () => {
    const { devices, pausing, ops, clock, pause, resume, notices } = await running({ readOnly: true });
    const late = ops({ sentAt: new Date(clock.now() - 61_000) });
    expect(() => pause("site/s3")).toThrow("there is no device site/s3; did you mean site/s");
    expect(() => resume("site/s3")).toThrow(expect.objectContaining({ name: "DeviceNotFoundError" }));
    expect(() => pausing.pause("site/s1", late)).toThrow("older than max_command_age");
    pause();
    expect(() => pausing.resume("site/s1", late)).toThrow("older than max_command_age");
    resume();
    // There is nothing to resume any more.
    resume();
    expect(notices.filter(({ kind }) => kind === "device_resumed")).toHaveLength(1);
    await devices.stop();
  });

  test("a saved record that is invalid is set aside and reported", async () => {
    const first = await running();
    first.pause();
    first.state.namespace("paused").set("site/s2", { since: "yesterday", requester: "ops" });
    const { devices, pausing } = await restarted(first);
    expect(pausing.paused().map(({ device }) => device)).toEqual(["site/s1"]);
    // The store is the same, and so is the one that it reports to.
    expect(first.notices.map(({ kind }) => kind)).toContain("state_record_set_aside");
    await devices.stop();
  });
});
