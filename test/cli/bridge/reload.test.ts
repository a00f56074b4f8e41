import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReloadReport } from "../../../src/devices/index.ts";
import { type RigOptions, rig } from "../../devices/rig.ts";
import { connected, startRig } from "../../mqtt/rig.ts";
import { cli } from "../in-process.ts";

const NOTHING: ReloadReport = {
  result: "unchanged",
  changes: [],
  settings: [],
  afterRestart: [],
  problems: [],
};
const CHANGES: ReloadReport["changes"] = [
  { kind: "changed", device: "site/s1", file: "/configs/s1.json", text: "interval 60 s → 30 s" },
  { kind: "removed", device: "site/s2", file: "/configs/s2.json", text: "its\nfile is gone" },
];
const problem = (severity: "error" | "warning") => ({
  ...{ code: "unknown_key" as const, severity, file: "/configs/s3.json", line: 4, column: 3 },
  message: 'unknown key "intervall"',
});

describe("commands to a running bridge that change its devices", () => {
  let site: ReturnType<typeof rig>;
  let bridge: Awaited<ReturnType<typeof startRig>>;
  let pump: NodeJS.Timeout;
  let report = NOTHING;
  const asked: unknown[] = [];

  beforeAll(async () => {
    const options: RigOptions = { paths: ["site/s1", "site/s2"] };
    site = rig(options);
    const reloading = {
      reload: async (how: unknown) => {
        asked.push(how);
        return report;
      },
    };
    bridge = await startRig(
      { embedded: { host: "127.0.0.1", port: 0 } },
      {
        ...{ bus: site.bus, devices: site.devices.byPath, commands: site.commands },
        control: { ...site.devices.control, reloading },
        health: () => ({ ...site.devices.counters() }),
        now: () => new Date(site.clock.now()),
      },
    );
    site.devices.start();
    await connected(bridge.mqtt);
    pump = setInterval(() => void site.clock.advance(0), 5);
  });
  afterAll(async () => {
    clearInterval(pump);
    await bridge.mqtt.stop();
    await site.devices.stop();
  });

  const ask = (...args: string[]) => cli([...args, "--url", bridge.mqtt.url]);

  test("reload prints what was done, a change a line, and ends with 0", async () => {
    report = {
      ...NOTHING,
      result: "applied",
      changes: CHANGES,
      settings: ["limits"],
      afterRestart: ["mqtt.url"],
    };
    expect(await ask("reload")).toEqual({
      code: 0,
      stderr: "",
      stdout: [
        "applied:",
        "was      device   what differs",
        "───────  ───────  ────────────────────",
        "changed  site/s1  interval 60 s → 30 s",
        "removed  site/s2  its file is gone",
        "settings that were changed: limits",
        "settings that take effect after a restart: mqtt.url",
        "",
      ].join("\n"),
    });
    expect(asked.at(-1)).toEqual({ confirm: false, preview: false });
    expect(JSON.parse((await ask("reload", "--json")).stdout)).toEqual(report);
    report = NOTHING;
    expect(await ask("reload")).toMatchObject({ code: 0, stdout: "nothing has changed\n" });
  });

  test("diff prints the same in the conditional, and changes nothing", async () => {
    report = { ...NOTHING, result: "applied", changes: CHANGES.slice(0, 1), settings: ["limits"] };
    expect((await ask("diff")).stdout).toBe(
      [
        "a reload would apply:",
        "would be  device   what differs",
        "────────  ───────  ────────────────────",
        "changed   site/s1  interval 60 s → 30 s",
        "settings that would be changed: limits",
        "",
      ].join("\n"),
    );
    expect(asked.at(-1)).toEqual({ confirm: false, preview: true });
    report = NOTHING;
    expect((await ask("diff")).stdout).toBe("a reload would change nothing\n");
  });

  test.each([
    ["an error beside what was applied", "applied", "error", 1],
    ["a warning", "applied", "warning", 0],
    ["an error because of which nothing was applied", "invalid", "error", 1],
  ] as const)("%s is printed as check does, and decides the exit code", async (_, result, severity, code) => {
    report = { ...NOTHING, result, problems: [problem(severity)] };
    const reloaded = await ask("reload");
    expect(reloaded.code).toBe(code);
    expect(reloaded.stdout).toContain(`s3.json:4:3: ${severity} [unknown_key] unknown key "intervall"\n`);
    if (result === "invalid")
      expect(reloaded.stdout).toContain("nothing was changed, because of the errors below");
  });

  test("where more than half of the devices would be removed, it says how to confirm that", async () => {
    report = { ...NOTHING, result: "unconfirmed", changes: CHANGES.slice(1) };
    const { code, stdout } = await ask("reload");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "nothing was changed: more than half of the devices would be removed. To remove them: voltbridge reload --confirm\nwould be  device",
    );
    await ask("reload", "--confirm");
    expect(asked.at(-1)).toEqual({ confirm: true, preview: false });
  });

  test("device pause and resume list what is paused; the status names it; set is refused", async () => {
    const ops = ["--requester", "ops"];
    const paused = await ask("device", "pause", "site/s1", ...ops);
    expect(paused).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nsite\/s1 {2}2026-\S+Z {2}ops\n$/),
    });
    expect((await ask("status")).stdout).toMatch(
      / paused +count 1, devices \(site\/s1 by ops since 2026-\S+Z\)\n/,
    );
    expect((await ask("set", "site/s1/limit", "4")).stdout).toContain(
      "PausedDeviceError: device site/s1 is paused by ops since",
    );
    expect(await ask("device", "pause", "site/s9")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("DeviceNotFoundError: there is no device site/s9"),
    });
    const listed = await ask("device", "pause", "site/s2", "--json");
    expect(JSON.parse(listed.stdout).map(({ device }: { device: string }) => device)).toEqual([
      "site/s1",
      "site/s2",
    ]);
    await ask("device", "resume", "site/s2");
    expect((await ask("device", "resume", "site/s1")).stdout).toBe("no devices are paused\n");
    expect((await ask("set", "site/s1/limit", "4")).code).toBe(0);
    expect(await ask("device", "pause", "site/s1")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "LimitInForceError: the bridge holds a limit in site/s1 (limit by cli)",
      ),
    });
  });
});
