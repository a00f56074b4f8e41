import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AbleDevice, AbleService, AbleType } from "../../src/drivers/abilities.ts";
import type { Reading } from "../../src/drivers/driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../../src/drivers/errors.ts";
import { createLog } from "../../src/log/log.ts";
import type { PointValue } from "../../src/points/index.ts";
import type { RegistryRow } from "../../src/registry/row.ts";
import { NO_OUTAGES } from "../helpers/outages.ts";

/** What the suite needs of a driver type: a device of it that works, and ways to disturb it. */
export interface DriverUnderTest {
  readonly type: AbleType;
  /** `driver_config` as the bridge hands it over: checked, with defaults. */
  readonly config: unknown;
  /** Sound rows: at least one that cannot be written, and one that can where any can. */
  readonly rows: readonly RegistryRow[];
  /** A row that the type refuses (an attribute it does not know, …). */
  readonly faultyRow: RegistryRow;
  /** Absent: nothing of such a device can be written. */
  readonly settable?: {
    readonly point: string;
    readonly value: PointValue;
    /** What the point reads after a revert. */
    readonly reverted: PointValue;
  };
  readonly readOnly: string;
  /** Writes that have reached the device so far. */
  writes(): number;
  /** From now on some points cannot be read and all others can; returns those that cannot. */
  breakPart(): readonly string[] | Promise<readonly string[]>;
  /** From now on the device takes its time: no call ends by itself within the next seconds. */
  hang(): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** "Soon": an aborted call that takes longer has not heeded its signal. */
const SOON_MS = 1000;

/** A scrape as the bridge makes it. Rejects where the sink is told twice. */
function scrapedInto(device: AbleDevice, signal: AbortSignal): Promise<Reading> {
  if (!device.scrapeInto) return device.scrapeAll(signal);
  return new Promise((resolve, reject) => {
    let outcomes = 0;
    const once = (settle: () => void) => {
      outcomes++;
      if (outcomes > 1) reject(new Error("the sink was told twice"));
      else setTimeout(settle, 20);
    };
    device.scrapeInto!(
      { read: (reading) => once(() => resolve(reading)), failed: (error) => once(() => reject(error)) },
      signal,
    );
  });
}

/** What every driver type keeps to. Run it in the type's own test file. */
export function driverContract(name: string, setUp: () => DriverUnderTest | Promise<DriverUnderTest>): void {
  describe(`driver contract: ${name}`, () => {
    let under: DriverUnderTest;
    let service: AbleService;
    let device: AbleDevice;
    let points: readonly string[];
    const signal = () => AbortSignal.timeout(10_000);

    beforeEach(async () => {
      under = await setUp();
      const kept = new Map<string, PointValue>();
      service = under.type.open({
        log: createLog({ level: "silent" }),
        state: { get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) },
        notice: () => {},
        outages: NO_OUTAGES,
      });
      device = service.createDevice({
        path: "contract/device",
        config: under.config,
        rows: under.rows,
        intervalSeconds: 60,
      });
      points = under.rows.map((row) => row.point.name);
    });
    afterEach(async () => {
      await service.close();
      await under.close?.();
    });

    it("its settings are described by a schema that knows every key", () => {
      expect(under.type.configSchema).toMatchObject({ type: "object", additionalProperties: false });
    });

    it("finds no fault with the sound rows, and says of the faulty one where and why", () => {
      expect(under.type.checkRows(under.rows).filter(({ severity }) => severity === "error")).toEqual([]);
      const [diagnostic] = under.type.checkRows([under.faultyRow]);
      expect(diagnostic).toMatchObject({
        severity: "error",
        file: under.faultyRow.file,
        line: under.faultyRow.line,
      });
      expect(diagnostic!.code).toMatch(/^[a-z_]+$/);
    });

    it("E8: writes nothing while loading and while reading", async () => {
      await device.scrapeAll(signal());
      await device.getPoint(under.readOnly, signal());
      expect(under.writes()).toBe(0);
    });

    it("a scrape has every point once, as a value that JSON can carry or as a failure, and no other", async () => {
      const { values, failures } = await device.scrapeAll(signal());
      expect([...values.keys(), ...failures.keys()].toSorted()).toEqual(points.toSorted());
      for (const [point, value] of values)
        expect(JSON.parse(JSON.stringify(value)) as unknown, point).toEqual(value);
      for (const error of failures.values()) expect(error).toBeInstanceOf(Error);
    });

    it("a part that fails takes only its own points with it", async () => {
      const broken = await under.breakPart();
      const { values, failures } = await device.scrapeAll(signal());
      expect([...failures.keys()].toSorted()).toEqual(broken.toSorted());
      expect([...values.keys()].toSorted()).toEqual(points.filter((p) => !broken.includes(p)).toSorted());
      expect(values.size).toBeGreaterThan(0);
      await expect(device.getPoint(broken[0]!, signal())).rejects.toThrow();
    });

    it("knows no points but its own", async () => {
      await expect(device.getPoint("no such point", signal())).rejects.toBeInstanceOf(PointNotFoundError);
      await expect(device.setPoint("no such point", 1, { signal: signal() })).rejects.toBeInstanceOf(
        PointNotFoundError,
      );
      await expect(device.revertPoint("no such point", { signal: signal() })).rejects.toBeInstanceOf(
        PointNotFoundError,
      );
    });

    it("refuses to write what is read-only, without a call", async () => {
      const options = { signal: signal() };
      await expect(device.setPoint(under.readOnly, 1, options)).rejects.toBeInstanceOf(PointReadOnlyError);
      await expect(device.revertPoint(under.readOnly, options)).rejects.toBeInstanceOf(PointReadOnlyError);
      expect(under.writes()).toBe(0);
    });

    it("set, read back, revert, read back", async ({ skip }) => {
      if (!under.settable) return skip("nothing can be written");
      const { point, value, reverted } = under.settable;
      const set = await device.setPoint(point, value, { signal: signal() });
      expect(await set.verify(signal())).toEqual({ confirmed: true, readBack: value });
      expect(await device.getPoint(point, signal())).toEqual(value);
      expect((await device.scrapeAll(signal())).values.get(point)).toEqual(value);
      expect(under.writes()).toBeGreaterThan(0);
      const back = await device.revertPoint(point, { signal: signal() });
      expect((await back.verify(signal())).confirmed).toBe(true);
      expect(await device.getPoint(point, signal())).toEqual(reverted);
      // What the first write left standing is gone or replaced.
      if (set.hold) expect([back.hold?.key, ...(back.releases ?? [])]).toContain(set.hold.key);
    });

    it("reading back says what is there when it is not what was asked", async ({ skip }) => {
      if (!under.settable) return skip("nothing can be written");
      const { point, value, reverted } = under.settable;
      const set = await device.setPoint(point, value, { signal: signal() });
      await device.revertPoint(point, { signal: signal() });
      expect(await set.verify(signal())).toEqual({ confirmed: false, readBack: reverted });
    });

    it("tells a sink, where it has that, once and what scrapeAll tells", async () => {
      const pointsOf = ({ values, failures }: Reading) => [[...values.keys()], [...failures.keys()]];
      const told = await scrapedInto(device, signal());
      expect(pointsOf(told)).toEqual(pointsOf(await device.scrapeAll(signal())));
      await under.breakPart();
      const partly = await scrapedInto(device, signal());
      expect(pointsOf(partly)).toEqual(pointsOf(await device.scrapeAll(signal())));
    });

    it("an aborted call rejects soon, whatever the device does", async () => {
      await under.hang();
      const { settable } = under;
      const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
        (s) => device.scrapeAll(s),
        (s) => scrapedInto(device, s),
        (s) => device.getPoint(under.readOnly, s),
      ];
      if (settable) {
        calls.push((s) => device.setPoint(settable.point, settable.value, { signal: s }));
        calls.push((s) => device.revertPoint(settable.point, { signal: s }));
      }
      for (const call of calls) {
        const giveUp = new AbortController();
        const pending = call(giveUp.signal);
        setTimeout(() => giveUp.abort(new Error("given up")), 20);
        await expect(within(SOON_MS, pending)).rejects.toThrow();
        await expect(within(SOON_MS, call(AbortSignal.abort(new Error("too late"))))).rejects.toThrow();
      }
    });

    it("close ends the calls under way", async () => {
      await under.hang();
      const pending = device.scrapeAll(signal());
      const ended = expect(within(SOON_MS, pending)).rejects.toThrow();
      await within(SOON_MS, service.close());
      await ended;
    });
  });
}

/** Resolves with a marker that no assertion expects where the promise is too late. */
async function within(ms: number, promise: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve("still waiting"), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
