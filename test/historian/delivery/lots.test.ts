import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Item, Lots } from "../../../src/historian/delivery/lots.ts";

const META = { units: "", type: "float", tz: "UTC" } as const;
const items = (count: number): Item[] =>
  Array.from({ length: count }, (_, order) => ({
    sample: { topic: "t", time: order, value: order, meta: META },
    recordId: order,
    order,
  }));

/** What the store does with a bad sample in a batch. */
type Manner = "names" | "refuses" | "fails";

describe("lots", () => {
  it("A10, A11: whatever is bad is alone in the end, tried 5 times at most; the rest is stored once", () => {
    const manner = fc.constantFrom<Manner>("names", "refuses", "fails");
    const bad = fc.uniqueArray(fc.nat(299), { maxLength: 5 });
    fc.assert(
      fc.property(manner, bad, fc.integer({ min: 1, max: 300 }), (how, poison, most) => {
        const lots = new Lots(most);
        let count = 300;
        lots.add(items(count));
        const isBad = ({ order }: Item) => poison.includes(order);
        const stored = new Set<number>();
        const dead = new Set<number>();
        const tries = new Map<number, number>();
        for (let call = 0; call < 10_000; call++) {
          // As long as something waits, live values come and show that the store works.
          if (lots.size > 0 && lots.fresh === 0) lots.add(items(++count).slice(-1));
          const lot = lots.next();
          if (!lot) break;
          for (const { order } of lot.items.filter(isBad)) tries.set(order, (tries.get(order) ?? 0) + 1);
          const indices = lot.items.flatMap((item, i) => (isBad(item) ? [[i, "bad"] as const] : []));
          if (indices.length > 0 && how === "fails") {
            lots.failed(lot);
            continue;
          }
          const outcome =
            indices.length === 0
              ? lots.stored(lot)
              : lots.refused(lot, new Map(how === "names" ? indices : []), "something is bad");
          for (const { order } of outcome.delivered) stored.add(order);
          for (const { item } of outcome.dead) dead.add(item.order);
        }
        expect(lots.next()).toBeUndefined();
        expect([...dead].sort((a, b) => a - b)).toEqual([...poison].sort((a, b) => a - b));
        expect(stored.size).toBe(count - poison.length);
        // Where several fail at once, it takes longer to tell them from an outage.
        if (how !== "fails" || poison.length === 1)
          for (const times of tries.values()) expect(times).toBeLessThanOrEqual(5);
      }),
    );
  });

  it("A11: where every lot holds one that fails, the others are stored all the same", () => {
    const lots = new Lots(100);
    lots.add(items(1000));
    let stored = 0;
    let dead = 0;
    let calls = 0;
    for (let lot = lots.next(); lot && calls < 5000; lot = lots.next()) {
      calls++;
      if (lot.items.some(({ order }) => order % 40 === 7)) lots.failed(lot);
      else {
        const outcome = lots.stored(lot);
        stored += outcome.delivered.length;
        dead += outcome.dead.length;
      }
    }
    expect(stored).toBe(975);
    // The last has nobody left beside it that could show the store to be well; it waits, and holds nobody up.
    expect(dead).toBeGreaterThanOrEqual(20);
  });

  it("A13: an outage costs nobody anything, and everything is stored in the end", () => {
    const outages = fc.array(fc.boolean(), { maxLength: 60 });
    fc.assert(
      fc.property(outages, fc.integer({ min: 1, max: 50 }), (ups, most) => {
        const lots = new Lots(most);
        lots.add(items(200));
        const stored: number[] = [];
        let call = 0;
        for (let lot = lots.next(); lot; lot = lots.next()) {
          const up = ups[call++] ?? true;
          if (!up) {
            lots.failed(lot);
            continue;
          }
          const { delivered, dead } = lots.stored(lot);
          stored.push(...delivered.map(({ order }) => order));
          // Five times in turn down and up right beside the same single sample is a sign; that is rare.
          stored.push(...dead.map(({ item }) => item.order));
        }
        expect(stored.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
      }),
    );
  });

  it("in order while all is well", () => {
    const lots = new Lots(7);
    lots.add(items(50));
    const orders: number[] = [];
    for (let lot = lots.next(); lot; lot = lots.next())
      orders.push(...lots.stored(lot).delivered.map(({ order }) => order));
    expect(orders).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it("a lot that is too much in its time is tried in parts", () => {
    const lots = new Lots(64);
    lots.add(items(64));
    let longest = 0;
    for (let lot = lots.next(), calls = 0; lot && calls < 200; lot = lots.next(), calls++)
      if (lot.items.length > 10) lots.late(lot);
      else {
        lots.stored(lot);
        longest = Math.max(longest, lot.items.length);
      }
    expect(lots.next()).toBeUndefined();
    expect(longest).toBeGreaterThan(0);
  });
});
