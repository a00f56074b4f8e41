import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchPlanner, type Item } from "../../../src/historian/delivery/batch-planner.ts";

const META = { units: "", type: "float", tz: "UTC" } as const;
const items = (count: number): Item[] =>
  Array.from({ length: count }, (_, order) => ({
    sample: { topic: "t", time: order, value: order, meta: META },
    recordId: order,
    order,
  }));

/** What the store does with a bad sample in a batch. */
type Manner = "names" | "refuses" | "fails";

describe("batches", () => {
  it("A10, A11: bad samples end up alone after at most 5 attempts; the others are stored once", () => {
    const manner = fc.constantFrom<Manner>("names", "refuses", "fails");
    const bad = fc.uniqueArray(fc.nat(299), { maxLength: 5 });
    fc.assert(
      fc.property(manner, bad, fc.integer({ min: 1, max: 300 }), (how, poison, most) => {
        const planner = new BatchPlanner(most);
        let count = 300;
        planner.addItems(items(count));
        const isBad = ({ order }: Item) => poison.includes(order);
        const stored = new Set<number>();
        const dead = new Set<number>();
        const tries = new Map<number, number>();
        for (let call = 0; call < 10_000; call++) {
          // As long as something waits, live values come and show that the store works.
          if (planner.size > 0 && planner.untried === 0) planner.addItems(items(++count).slice(-1));
          const batch = planner.next();
          if (!batch) break;
          for (const { order } of batch.items.filter(isBad)) tries.set(order, (tries.get(order) ?? 0) + 1);
          const indices = batch.items.flatMap((item, i) => (isBad(item) ? [[i, "bad"] as const] : []));
          if (indices.length > 0 && how === "fails") {
            planner.failed(batch);
            continue;
          }
          const outcome =
            indices.length === 0
              ? planner.stored(batch)
              : planner.rejected(batch, new Map(how === "names" ? indices : []), "something is bad");
          for (const { order } of outcome.delivered) stored.add(order);
          for (const { item } of outcome.dead) dead.add(item.order);
        }
        expect(planner.next()).toBeUndefined();
        expect([...dead].sort((a, b) => a - b)).toEqual([...poison].sort((a, b) => a - b));
        expect(stored.size).toBe(count - poison.length);
        // Where several fail at once, it takes longer to tell them from an outage.
        if (how !== "fails" || poison.length === 1)
          for (const times of tries.values()) expect(times).toBeLessThanOrEqual(5);
      }),
    );
  });

  it("A11: if every batch contains a failing sample, the others are stored", () => {
    const planner = new BatchPlanner(100);
    planner.addItems(items(1000));
    let stored = 0;
    let dead = 0;
    let calls = 0;
    for (let batch = planner.next(); batch && calls < 5000; batch = planner.next()) {
      calls++;
      if (batch.items.some(({ order }) => order % 40 === 7)) planner.failed(batch);
      else {
        const outcome = planner.stored(batch);
        stored += outcome.delivered.length;
        dead += outcome.dead.length;
      }
    }
    expect(stored).toBe(975);
    // No other sample is left to show that the store works: the last one waits and blocks nothing.
    expect(dead).toBeGreaterThanOrEqual(20);
  });

  it("A13: an outage loses nothing, and everything is stored in the end", () => {
    const outages = fc.array(fc.boolean(), { maxLength: 60 });
    fc.assert(
      fc.property(outages, fc.integer({ min: 1, max: 50 }), (ups, most) => {
        const planner = new BatchPlanner(most);
        planner.addItems(items(200));
        const stored: number[] = [];
        let call = 0;
        for (let batch = planner.next(); batch; batch = planner.next()) {
          const up = ups[call++] ?? true;
          if (!up) {
            planner.failed(batch);
            continue;
          }
          const { delivered, dead } = planner.stored(batch);
          stored.push(...delivered.map(({ order }) => order));
          // Five times in turn down and up right beside the same single sample is a sign; that is rare.
          stored.push(...dead.map(({ item }) => item.order));
        }
        expect(stored.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
      }),
    );
  });

  it("delivers in order while nothing fails", () => {
    const planner = new BatchPlanner(7);
    planner.addItems(items(50));
    const orders: number[] = [];
    for (let batch = planner.next(); batch; batch = planner.next())
      orders.push(...planner.stored(batch).delivered.map(({ order }) => order));
    expect(orders).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it("a batch that times out is retried in parts", () => {
    const planner = new BatchPlanner(64);
    planner.addItems(items(64));
    let longest = 0;
    for (let batch = planner.next(), calls = 0; batch && calls < 200; batch = planner.next(), calls++)
      if (batch.items.length > 10) planner.timedOut(batch);
      else {
        planner.stored(batch);
        longest = Math.max(longest, batch.items.length);
      }
    expect(planner.next()).toBeUndefined();
    expect(longest).toBeGreaterThan(0);
  });
});
