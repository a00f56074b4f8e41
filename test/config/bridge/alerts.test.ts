import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadBridge } from "../../../src/config/index.ts";
import { Secrets } from "../../../src/log/log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-alerts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(alerts: object, rest: object = {}) {
  const file = join(folder, "bridge.json");
  writeFileSync(file, JSON.stringify({ alerts, ...rest }), { mode: 0o600 });
  return loadBridge(file, { secrets: new Secrets(), env: {} });
}
const problems = (alerts: object, rest: object = {}) =>
  load(alerts, rest).diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`);

const secret = Buffer.alloc(32, 1).toString("base64");
const hook = { type: "webhook", url: "https://pager.example.com/hook", secret };
const ops = { type: "mail", to: ["ann@example.com"] };
const mail = { host: "mail.example.com", from: "bridge@example.com" };
const targets = { ops, hook };

describe("the settings of alerts", () => {
  test("have defaults, and times with their unit", () => {
    const rules = { away: { when: "station_unreachable", for: 900, to: ["ops"] } };
    const quiet_hours = { from: "22:00", to: "06:00" };
    const { settings, diagnostics } = load({ rules, targets, quiet_hours }, { mail });
    expect(diagnostics).toEqual([]);
    expect(settings?.alerts.rules.away).toEqual({
      ...{ when: "station_unreachable", forSeconds: 900, to: ["ops"] },
      ...{ devices: [], alarms: [], groups: [], severity: "warning" },
    });
    expect(settings?.alerts.quietHours).toMatchObject({ timeZone: "UTC", except: ["critical"] });
    expect(settings?.alerts.quietHours?.days).toHaveLength(7);
  });

  test("misspelt names are named with a suggestion", () => {
    const rules = {
      away: { when: "station_unreachable", to: ["opps"] },
      load: { when: "limit_exceeded", groups: ["garag"] },
    };
    const limits = { garage: { devices: ["a/*"] } };
    const { diagnostics } = load({ rules, targets }, { limits, mail });
    expect(diagnostics).toMatchObject(
      [
        { code: "unknown_target", path: "alerts.rules.away.to[0]", line: 1, message: /did you mean "ops"/ },
        { code: "unknown_group", path: "alerts.rules.load.groups[0]", message: /did you mean "garage"/ },
      ].map((one) => ({ ...one, message: expect.stringMatching(one.message) })),
    );
    expect(load({ rules: { away: { when: "station_unreachabel" } } }).diagnostics).toMatchObject([
      { code: "bad_choice", suggestion: "station_unreachable" },
    ]);
  });

  test.each([
    [
      { rules: { away: { when: "store_away", devices: ["a/*"] } } },
      "error conflicting_keys alerts.rules.away.devices",
    ],
    [{ rules: { "a/b": { when: "store_away" } } }, "error bad_text alerts.rules"],
    [{ targets: { hook: { ...hook, secret: "short" } } }, "error bad_secret alerts.targets.hook.secret"],
    [{ targets: { hook: { type: "webhook", secret } } }, "error missing_key alerts.targets.hook.type"],
    [{ targets: { hook: { ...hook, url: "ftp://x" } } }, "error bad_text alerts.targets.hook.url"],
    [
      { targets: { hook: { ...hook, url: "http://pager.example.com" } } },
      "warning sent_in_clear alerts.targets.hook.url",
    ],
    [{ targets: { ops } }, "error missing_key alerts.targets.ops.type"],
    [{ targets: { ops: { type: "mail" } } }, "error missing_key alerts.targets.ops.type"],
    [{ quiet_hours: { from: "22:00", to: "22:00" } }, "error conflicting_settings alerts.quiet_hours.to"],
    [{ quiet_hours: { from: "25:00", to: "06:00" } }, "error bad_text alerts.quiet_hours.from"],
    [
      { quiet_hours: { from: "22:00", to: "06:00", time_zone: "Europe/Berln" } },
      "error bad_timezone alerts.quiet_hours.time_zone",
    ],
  ])("%j: %s", (alerts, problem) => {
    expect(problems(alerts)[0]).toBe(problem);
  });
});
