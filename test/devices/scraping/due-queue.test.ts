import fc from "fast-check";
import { expect, it } from "vitest";
import { DueQueue } from "../../../src/devices/scraping/due-queue.ts";

it("gives the soonest first, whatever the order of arrival", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), (dues) => {
      const queue = new DueQueue<{ dueAt: number }>();
      for (const dueAt of dues) queue.push({ dueAt });
      const out: number[] = [];
      while (queue.first) {
        const { first } = queue;
        expect(queue.shift()).toBe(first);
        out.push(first.dueAt);
      }
      expect(out).toEqual(dues.toSorted((a, b) => a - b));
      expect(queue.shift()).toBeUndefined();
    }),
  );
});
