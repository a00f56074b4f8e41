import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../helpers/mosquitto.ts";
import { cli, RunningCli } from "./in-process.ts";
import { Workplace } from "./workplace.ts";

const registry = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes",
  "limit,memory(7.2),FakeRegister,1,float,kW,,TRUE,",
  "",
].join("\n");

describe("override and schedule through a running bridge", () => {
  let bridge: RunningCli;
  let place: Workplace;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `mqtt://127.0.0.1:${port}`;
    const device = { driver_type: "fake", driver_config: {}, registry_config: "config://fake.csv" };
    place = new Workplace({
      "configs/bridge.json": {
        mqtt: { embedded: { port } },
        historian: { backend: "none" },
        actuator: { confirm_timeout: 1 },
      },
      "configs/devices/lab/one.json": device,
      "configs/devices/lab/two.json": device,
      "registry/fake.csv": registry,
    });
    bridge = new RunningCli(["run", "--config", place.at("configs/bridge.json")]);
    await bridge.printed(/connected to/);
  });
  afterAll(async () => {
    await bridge.stop();
    place.remove();
  });

  const ask = (...args: string[]) => cli([...args, "--url", url]);

  test("E19: an override is set, listed, in force, and switched off", async () => {
    expect((await ask("override", "list")).stdout).toBe("no overrides are active\n");
    const on = await ask("override", "on", "lab/*", "--no-revert");
    expect(on.code).toBe(0);
    expect(on.stdout).toContain("lab/*    when it is switched off  2 devices");
    expect((await ask("set", "lab/one/limit", "4")).stdout).toContain(
      "OverrideError: Cannot set point on device lab/one since global override is set",
    );
    const timed = await ask("override", "on", "lab/two", "--minutes", "1.5", "--json");
    const listed = JSON.parse(timed.stdout) as { pattern: string; endsAt: string; devices: string[] }[];
    expect(listed.map(({ pattern, devices }) => [pattern, devices])).toEqual([
      ["lab/*", ["lab/one", "lab/two"]],
      ["lab/two", ["lab/two"]],
    ]);
    expect(Date.parse(listed[1]!.endsAt) - Date.now()).toBeLessThanOrEqual(90_000);
    expect(await ask("override", "off", "lab")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "OverrideError: Pattern lab does not exist in list of override patterns",
      ),
    });
    expect((await ask("override", "off", "lab/*")).stdout).not.toContain("lab/*");
    expect((await ask("override", "clear")).stdout).toBe("no overrides are active\n");
    expect((await ask("set", "lab/one/limit", "4")).code).toBe(0);
  });

  test("E18: a reservation is granted, listed, kept from others, and cancelled", async () => {
    const request = (task: string, ...more: string[]) => {
      const slot = ["lab/one", "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
      return ask("schedule", "request", task, ...slot, ...more);
    };
    expect(await request("peak", "--requester", "ems")).toEqual({ code: 0, stdout: "SUCCESS\n", stderr: "" });
    expect((await ask("set", "lab/one/limit", "5")).stdout).toContain(
      "ScheduleError: device lab/one is reserved by ems",
    );
    const refused = await request("mine");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toMatch(
      /^FAILURE: CONFLICTS_WITH_EXISTING_SCHEDULES\n.*\n.*\nlab\/one .* peak +ems\n$/,
    );
    expect((await ask("schedule", "list")).stdout).toMatch(/lab\/one .* peak +ems +LOW +running\n$/);
    expect((await ask("schedule", "cancel", "peak")).stdout).toBe("FAILURE: AGENT_ID_TASK_ID_MISMATCH\n");
    expect((await ask("schedule", "cancel", "peak", "--requester", "ems")).code).toBe(0);
    expect((await ask("schedule", "list")).stdout).toBe("no reservations\n");
    expect((await ask("set", "lab/one/limit", "5")).code).toBe(0);
  });

  test("a slot's times may be relative to now: -1h is no option, and a misspelt option no time", async () => {
    const slot = ["lab/one", "-1h", "now +1.5h"];
    const request = await ask("schedule", "request", "soon", ...slot, "--priority", "HIGH");
    expect(request).toEqual({ code: 0, stdout: "SUCCESS\n", stderr: "" });
    const [task] = JSON.parse((await ask("schedule", "list", "--json")).stdout);
    const [, start, end] = task.slots[0];
    expect(Math.abs(Date.parse(start) - (Date.now() - 3_600_000))).toBeLessThan(60_000);
    expect(Date.parse(end) - Date.parse(start)).toBeCloseTo(2.5 * 3_600_000, -3);
    expect(task.priority).toBe("HIGH");
    expect((await ask("schedule", "cancel", "soon")).code).toBe(0);
    const misspelt = await ask("schedule", "request", "soon", ...slot, "--prioritty", "HIGH");
    expect(misspelt).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown option --prioritty"),
    });
  });

  test("what cannot be meant is a usage error; no broker is said", async () => {
    expect(await ask("schedule", "request", "t", "lab/one", "2026-01-01")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("expected <device> <start> <end> for each"),
    });
    expect((await ask("override", "on", "x", "--minutes", "0")).code).toBe(2);
    const port = await freePort();
    const away = await cli(["override", "list", "--url", `mqtt://127.0.0.1:${port}`, "--timeout", "2"]);
    expect(away).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot connect to mqtt://127.0.0.1"),
    });
  });
});
