import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AbleDevice } from "../../../src/drivers/abilities.ts";
import type { WriteOutcome } from "../../../src/drivers/driver.ts";
import type { FakeConfig } from "../../../src/drivers/fake/config.ts";
import { createFake } from "../../../src/drivers/fake/index.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { driverContract } from "../../contracts/driver-contract.ts";
import { type RowSpec, registryRows } from "../../devices/rows.ts";

const START = Date.UTC(2026, 10, 21, 8);
const rows = registryRows([
  { name: "wave", attribute: "sin(period=60, amplitude=10, mean=20)" },
  { name: "site", attribute: "constant(Garage 3)", type: "string" },
  { name: "limit", attribute: "memory(16)", writable: true },
  { name: "broken", attribute: "counter", type: "integer" },
]);
const [faultyRow] = registryRows([{ name: "bad", attribute: "sinus" }]);

driverContract("fake", () => {
  let writes = 0;
  const config = { latency_ms: 0, fail: [] as string[], lease_seconds: 0 };
  const fake = createFake(() => START);
  return {
    type: {
      ...fake,
      open(context) {
        const service = fake.open(context);
        return {
          ...service,
          createDevice: (init) => counted(service.createDevice(init as never), () => writes++),
        };
      },
    },
    config,
    rows,
    faultyRow: faultyRow!,
    settable: { point: "limit", value: 7.5, reverted: 16 },
    readOnly: "wave",
    writes: () => writes,
    breakPart() {
      config.fail.push("broken");
      return ["broken"];
    },
    hang: () => void Object.assign(config, { latency_ms: 60_000 }),
  };
});

/** Counts the writes that a fake device accepted. */
function counted(device: AbleDevice, count: () => void): AbleDevice {
  const counting = async (write: Promise<WriteOutcome>) => {
    const outcome = await write;
    count();
    return outcome;
  };
  return {
    scrapeAll: (signal) => device.scrapeAll(signal),
    getPoint: (point, signal) => device.getPoint(point, signal),
    setPoint: (point, value, options) => counting(device.setPoint(point, value, options)),
    revertPoint: (point, options) => counting(device.revertPoint(point, options)),
  };
}

function device(specs: RowSpec[], config: Partial<FakeConfig> = {}) {
  const time = { now: START };
  const service = createFake(() => time.now).open({} as never);
  const made = service.createDevice({
    path: "fake/1",
    config: { latency_ms: 0, fail: [], lease_seconds: 0, ...config },
    rows: registryRows(specs),
    intervalSeconds: 60,
  });
  const signal = new AbortController().signal;
  const read = async () => Object.fromEntries((await made.scrapeAll(signal)).values);
  return { made, time, signal, read };
}

describe("fake formulas", () => {
  it("give the same values at the same time to every caller", async () => {
    const specs: RowSpec[] = [
      { name: "sin", attribute: "sin(period=60, amplitude=10, mean=20)" },
      { name: "sinInt", attribute: "SIN(60, 10)", type: "integer" },
      { name: "square", attribute: "square(period=10, low=1, high=3)", type: "integer" },
      { name: "counter", attribute: "counter(step=2, every=5, below=100)", type: "integer" },
      { name: "random", attribute: "random(seed=7, low=5, high=6)" },
      { name: "clock", attribute: "clock", type: "datetime" },
      { name: "five", attribute: "constant(5)", type: "integer" },
      { name: "off", attribute: "constant(0)", type: "boolean" },
      { name: "empty", attribute: "memory" },
    ];
    const { read, time } = device(specs);
    const first = await read();
    expect(first).toMatchObject({
      sin: 20,
      sinInt: 0,
      square: 3,
      clock: "2026-11-21T08:00:00Z",
      five: 5,
      off: false,
      empty: null,
    });
    expect(await read()).toEqual(first);
    expect(await device(specs).read()).toEqual(first);
    time.now += 15_000;
    const later = await read();
    expect(later).toMatchObject({ sin: 30, sinInt: 10, square: 1, clock: "2026-11-21T08:00:15Z" });
    expect(((later.counter as number) - (first.counter as number) + 100) % 100).toBe(6);
    expect(later.random).not.toBe(first.random);
  });

  it("random stays within its bounds, and spreads", async () => {
    const seen: number[] = [];
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 0, max: 2e9 }), async (seed, seconds) => {
        const { read, time } = device([{ name: "r", attribute: `random(seed=${seed}, low=-2, high=3)` }]);
        time.now = seconds * 1000;
        const { r } = await read();
        expect(r).toBeGreaterThanOrEqual(-2);
        expect(r).toBeLessThan(3);
        seen.push(r as number);
      }),
    );
    expect(Math.max(...seen) - Math.min(...seen)).toBeGreaterThan(3);
  });

  for (const [attribute, message] of [
    ["sin(period=0)", "period of sin must be above 0, found 0"],
    ["sin(60, ten)", 'amplitude of sin must be a number, found "ten"'],
    ["sin(phase=1)", 'sin takes period, amplitude, mean, not "phase=1"'],
    ["clock(5)", 'clock takes no arguments, not "5"'],
    ["counter(1,2,3,4)", 'counter takes step, every, below, not "4"'],
    ["constructor", "unknown formula"],
    ["5", "unknown formula"],
    ["", "unknown formula"],
  ] as const)
    it(`the registry check reports what is wrong with ${attribute || "an empty formula"}`, () => {
      const [diagnostic] = createFake().checkRows(registryRows([{ name: "p", attribute }]));
      expect(diagnostic).toMatchObject({
        severity: "error",
        code: "unknown_attribute",
        path: "Attribute Name",
        message,
      });
    });

  it("the registry check reports what is wrong with the register, with a writable formula and with a value", () => {
    const faults = createFake().checkRows(
      registryRows([
        { name: "a", attribute: "sin", register: "FakeRegistre" },
        { name: "b", attribute: "sin", writable: true },
        { name: "c", attribute: "constant(five)", type: "integer" },
      ]),
    );
    expect(faults).toMatchObject([
      { code: "unknown_register", line: 2, suggestion: "FakeRegister" },
      { code: "not_writable", line: 3, path: "Writable" },
      { code: "bad_value", line: 4, expected: "a whole number" },
    ]);
  });
});

describe("fake memories", () => {
  const memory = (startingValue?: PointValue): RowSpec => ({
    name: "limit",
    attribute: "memory(16)",
    writable: true,
    ...(startingValue !== undefined && { startingValue }),
  });

  it("a revert sets the Starting Value where there is one; it is not written before", async () => {
    const { made, read, signal } = device([memory(20)]);
    expect(await read()).toEqual({ limit: 16 });
    await made.setPoint("limit", 0, { signal });
    expect(await read()).toEqual({ limit: 0 });
    await made.revertPoint("limit", { signal });
    expect(await read()).toEqual({ limit: 20 });
  });

  it("a lease and a duration end by themselves", async () => {
    const { made, read, signal, time } = device([memory()], { lease_seconds: 100 });
    const { hold } = await made.setPoint("limit", 5, { signal });
    expect(hold).toEqual({ key: "limit", leaseSeconds: 100 });
    time.now += 99_000;
    expect(await read()).toEqual({ limit: 5 });
    time.now += 1000;
    expect(await read()).toEqual({ limit: 16 });
    await made.setPoint("limit", 6, { signal, durationMinutes: 3 });
    time.now += 179_000;
    expect(await read()).toEqual({ limit: 6 });
    time.now += 1000;
    expect(await read()).toEqual({ limit: 16 });
  });

  it("driver_config.fail makes points, or the whole device, fail", async () => {
    const { made, signal } = device([memory(), { name: "x", attribute: "counter" }], { fail: ["limit"] });
    const reading = await made.scrapeAll(signal);
    expect([...reading.values.keys()]).toEqual(["x"]);
    expect(reading.failures.get("limit")!.message).toContain("driver_config.fail");
    await expect(made.setPoint("limit", 1, { signal })).rejects.toThrow("driver_config.fail");
    const whole = device([memory()], { fail: ["*"] });
    await expect(whole.made.scrapeAll(signal)).rejects.toThrow("does not answer");
    await expect(whole.made.getPoint("limit", signal)).rejects.toThrow("driver_config.fail");
  });
});
