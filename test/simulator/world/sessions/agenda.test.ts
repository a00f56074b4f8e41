import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../../../src/simulator/world/sessions/agenda.ts";

test("what is planned happens by time, what falls together in the order of planning, what is dropped never", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.integer({ min: 0, max: 50 }), drop: fc.boolean() }), { maxLength: 200 }),
      (plans) => {
        const agenda = new Agenda();
        const appointments = plans.map(({ at }) => agenda.plan(at, () => {}));
        plans.forEach(({ drop }, index) => {
          if (drop) agenda.drop(appointments[index]!);
        });
        const taken: [number, number][] = [];
        for (let next = agenda.take(50); next; next = agenda.take(50)) taken.push([next.at, next.order]);
        const expected = plans
          .map(({ at, drop }, index) => ({ at, drop, index }))
          .filter(({ drop }) => !drop)
          .sort((a, b) => a.at - b.at || a.index - b.index)
          .map(({ at, index }) => [at, index]);
        expect(taken).toEqual(expected);
        expect(agenda.size).toBe(0);
      },
    ),
  );
});

test("nothing is taken before its time", () => {
  const agenda = new Agenda();
  agenda.plan(10, () => {});
  expect(agenda.take(9)).toBeUndefined();
  expect(agenda.take(10)?.at).toBe(10);
});

test("appointments dropped over and over do not pile up", () => {
  const agenda = new Agenda();
  const kept = agenda.plan(5, () => {});
  for (let round = 0; round < 50_000; round++) agenda.drop(agenda.plan(1e12 + round, () => {}));
  expect(agenda.size).toBe(1);
  expect(agenda.weight).toBeLessThan(3000);
  expect(agenda.take(5)).toBe(kept);
  expect(agenda.take(2e12)).toBeUndefined();
});
