import { describe, expect, test } from "vitest";
import type { Notice } from "../../src/bus.ts";
import { createLog } from "../../src/log/log.ts";
import { type Failure, type OutageGroup, Outages } from "../../src/log/outages.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const BROKER = { key: "broker", kind: "broker_away", text: "cannot connect to x", cause: "refused" };
const BACK = { text: "connected to x", kind: "broker_back" };
const GROUP: OutageGroup = {
  name: "reads",
  failing: (devices) => `${devices} devices cannot be read`,
  working: (devices) => `${devices} devices are read again`,
};

function rig() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const notices: Notice[] = [];
  const log = createLog({ write: (line) => void lines.push(line.replace(/^\S+ /, "").trimEnd()) });
  const outages = new Outages({ log, clock, notify: (notice) => void notices.push(notice) });
  const read = (device: string, cause = "no route", more: Partial<Failure> = {}) =>
    outages.failed({
      ...{ key: device, device, kind: "scrape_failed", text: "device cannot be read", cause, group: GROUP },
      ...more,
    });
  const again = (device: string) => outages.ended(device, { text: "device is read again" });
  return { clock, lines, notices, outages, read, again };
}

describe("one outage", () => {
  test("the first failure is a line at once, the next ones are counted, and the end has duration and number", async () => {
    const { clock, lines, outages } = rig();
    outages.failed({ ...BROKER, next: "trying again" });
    expect(lines).toEqual(["warn  cannot connect to x: refused; trying again kind=broker_away outage=began"]);
    for (let i = 0; i < 49; i++) {
      await clock.advance(MINUTE);
      outages.failed(BROKER);
    }
    expect(lines).toHaveLength(1);
    await clock.advance(20_000);
    expect(outages.ended("broker", { ...BACK, more: "3 values wait" })).toBe(true);
    expect(lines[1]).toBe(
      "info  connected to x after 49 min 20 s; 50 attempts failed; 3 values wait kind=broker_back outage=ended duration_s=2960 failures=50",
    );
    expect(outages.ended("broker", BACK)).toBe(false);
    expect(lines).toHaveLength(2);
    outages.stop();
    expect(clock.waiting).toBe(0);
  });

  test("while it lasts, it is reported after an hour and at each doubling, with a cause that changed", async () => {
    const { clock, lines, outages } = rig();
    const at: number[] = [];
    for (let minute = 0; minute < 48 * 60; minute++) {
      const before = lines.length;
      outages.failed({ ...BROKER, cause: minute < 90 ? `refused in ${minute} ms` : "timed out" });
      await clock.advance(MINUTE);
      if (lines.length > before) at.push(minute);
    }
    expect(at.map((minute) => Math.round(minute / 60))).toEqual([0, 1, 2, 4, 8, 16, 32]);
    expect(lines[1]).toBe(
      "warn  cannot connect to x: for 1 h now, 60 attempts failed kind=broker_away outage=lasting duration_s=3600 failures=60",
    );
    expect(lines[2]).toMatch(/for 2 h now, 120 attempts failed; the cause is now: timed out /);
    expect(lines[3]).not.toContain("the cause is now");
    outages.stop();
  });

  test("what is no longer tried has no news, and is forgotten", async () => {
    const { clock, lines, outages } = rig();
    outages.failed(BROKER);
    await clock.advance(9 * 24 * HOUR);
    expect(lines).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  test("as JSON, its fields are numbers and words", async () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const log = createLog({ format: "json", write: (line) => void lines.push(line) }).part("devices");
    const outages = new Outages({ log, clock });
    outages.failed({ ...BROKER, device: "site/s1" });
    await clock.advance(MINUTE);
    outages.ended("broker", BACK);
    const began = { level: "warn", part: "devices", kind: "broker_away", outage: "began", device: "site/s1" };
    const ended = { level: "info", kind: "broker_back", outage: "ended", duration_s: 60, failures: 1 };
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([began, ended]);
    outages.stop();
  });

  test("another kind is reported at once, and each kind once", () => {
    const { lines, outages } = rig();
    outages.failed(BROKER);
    for (let i = 0; i < 3; i++) {
      outages.failed({ ...BROKER, cause: "bad password", kind: "credentials_refused", severity: "error" });
      outages.failed(BROKER);
    }
    expect(lines).toEqual([
      "warn  cannot connect to x: refused kind=broker_away outage=began",
      "error cannot connect to x: bad password kind=credentials_refused outage=began",
    ]);
    outages.stop();
  });

  test("notices have a name that their ends share, and no text that must be parsed", async () => {
    const { clock, notices, outages } = rig();
    outages.failed({ ...BROKER, severity: "error" });
    await clock.advance(MINUTE);
    outages.ended("broker", BACK);
    outages.failed({ ...BROKER, key: "quiet", logOnly: true });
    outages.failed({ ...BROKER, key: "no end" });
    outages.ended("no end", { text: "works" });
    expect(notices.map(({ severity, kind, outage }) => [severity, kind, outage])).toEqual([
      ["error", "broker_away", { of: "broker", ended: false, seconds: 0, failures: 1 }],
      ["info", "broker_back", { of: "broker", ended: true, seconds: 60, failures: 1 }],
      ["warning", "broker_away", { of: "no end", ended: false, seconds: 0, failures: 1 }],
    ]);
    outages.stop();
  });
});

describe("what comes and goes", () => {
  test("the third outage within an hour is unstable; further ones are counted until it has worked for an hour", async () => {
    const { clock, lines, notices, outages } = rig();
    for (let i = 0; i < 90; i++) {
      outages.failed(BROKER);
      await clock.advance(30_000);
      outages.ended("broker", BACK);
      await clock.advance(30_000);
    }
    await clock.advance(2 * HOUR);
    expect(lines.map((line) => line.replace(/ kind=.*/, ""))).toEqual([
      "warn  cannot connect to x: refused",
      "info  connected to x after 30 s; 1 attempt failed",
      "warn  cannot connect to x: refused",
      "info  connected to x after 30 s; 1 attempt failed",
      "warn  cannot connect to x: refused; unstable: 3 outages within an hour, further ones are counted until it has worked for an hour",
      "warn  cannot connect to x: unstable, 62 outages, for 1 h 2 min now, 62 attempts failed",
      "info  connected to x, for an hour now; it was unstable for 1 h 29 min before: 90 outages, 90 attempts failed",
    ]);
    expect(notices.map(({ outage }) => outage?.ended)).toEqual([false, true, false, true, false, true]);
    // Forgotten: nothing is left that would wake the process.
    expect(clock.waiting).toBe(0);
  });

  test("an unstable one that then stays away for ten minutes is reported on its own, and so is its end", async () => {
    const { clock, lines, outages } = rig();
    for (let i = 0; i < 5; i++) {
      outages.failed(BROKER);
      await clock.advance(30_000);
      outages.ended("broker", BACK);
      await clock.advance(30_000);
    }
    lines.length = 0;
    for (let i = 0; i < 30; i++) {
      outages.failed(BROKER);
      await clock.advance(MINUTE);
    }
    outages.ended("broker", BACK);
    expect(lines.map((line) => line.replace(/ kind=.*/, ""))).toEqual([
      "warn  cannot connect to x: refused; for 10 min now, after 6 outages",
      "info  connected to x after 30 min; 30 attempts failed",
    ]);
    outages.stop();
  });
});

describe("groups", () => {
  test("what fails together is one line with the most common cause and the second one; so is its end", async () => {
    const { clock, lines, read, again, outages } = rig();
    for (let i = 0; i < 40; i++) read(`site/s${i}`, i < 38 ? `no answer in ${i} ms` : "no such station");
    await clock.advance(1000);
    expect(lines).toEqual([
      'warn  40 devices cannot be read: no answer in 0 ms (38); no such station (2) kind=scrape_failed outage=began count=40 devices="site/s0, site/s1, site/s2, site/s3, site/s4, and 35 more"',
    ]);
    await clock.advance(HOUR / 2);
    for (let i = 0; i < 40; i++) read(`site/s${i}`);
    await clock.advance(HOUR / 2);
    for (let i = 0; i < 38; i++) again(`site/s${i}`);
    await clock.advance(10_000);
    expect(lines[1]).toMatch(/^warn {2}40 devices cannot be read: for at most 1 h now, 80 attempts failed/);
    expect(lines[2]).toMatch(
      /^info {2}38 devices are read again after at most 1 h; 76 attempts failed; 2 still fail .* count=38 .*all_failing=2$/,
    );
    expect(lines).toHaveLength(3);
    outages.stop();
  });

  test("a single device has a line of its own, within a second", async () => {
    const { clock, lines, read, again, outages } = rig();
    read("site/s1");
    await clock.advance(1000);
    again("site/s1");
    await clock.advance(10_000);
    expect(lines).toEqual([
      "warn  device cannot be read: no route kind=scrape_failed outage=began device=site/s1",
      "info  device is read again after 1 s; 1 attempt failed kind=scrape_failed outage=ended device=site/s1 duration_s=1 failures=1",
    ]);
    outages.stop();
  });

  test("devices that fail one after the other are at most ten lines in ten minutes, and none is left out", async () => {
    const { clock, lines, read, outages } = rig();
    for (let i = 0; i < 300; i++) {
      read(`site/s${i}`);
      await clock.advance(2000);
    }
    expect(lines.length).toBeLessThanOrEqual(10);
    outages.stop();
    const counts = lines.map((line) => Number(/ count=(\d+)/.exec(line)?.[1] ?? 1));
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
  });

  test("the points of one device share a line, and a device that is removed is not reported again", async () => {
    const { clock, lines, read, outages } = rig();
    const group = { ...GROUP, membersField: "points" };
    for (const member of ["a", "b", "c"]) read("site/s1", "forbidden", { key: member, member, group });
    await clock.advance(1000);
    expect(lines).toEqual([
      'warn  device cannot be read: forbidden kind=scrape_failed outage=began device=site/s1 points="a, b, c"',
    ]);
    for (const member of ["a", "b", "c"]) outages.forget(member);
    await clock.advance(5 * HOUR);
    expect(lines).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  test("what is gathered is written at the stop", () => {
    const { lines, read, outages } = rig();
    read("site/s1");
    outages.stop();
    expect(lines).toHaveLength(1);
  });
});
