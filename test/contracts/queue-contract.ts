import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NewRecord, Queue, QueueCounters, QueuedRecord } from "../../src/queue/index.ts";

/** A place for one queue, empty at first. */
export interface QueuePlace {
  /** Opens the queue of this place; again after it was closed. */
  open(): Promise<Queue>;
  remove(): Promise<void>;
}

export function record(text: string, samples = 1, time = Date.UTC(2026, 10, 21)): NewRecord {
  return { text, samples, key: `devices/${text.slice(0, 20)}`, time };
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** accepted = delivered + waiting + dropped + dead-lettered */
export function expectBalance({ accepted, delivered, waiting, dropped, deadLettered }: QueueCounters): void {
  expect(delivered + waiting + sum(dropped) + sum(deadLettered)).toBe(accepted);
}

/** Everything that waits, read in pages. */
export async function readAll(queue: Queue, count = 1000): Promise<QueuedRecord[]> {
  const records: QueuedRecord[] = [];
  for (;;) {
    const page = await queue.read({ after: records.at(-1)?.id ?? 0, count });
    if (page.length === 0) return records;
    records.push(...page);
  }
}

const dead = (text: string, samples = 1, reason = "type_conflict") => ({
  ...record(text, samples),
  reason,
  detail: `the store said no to ${text}`,
});

/** The behaviours that every queue must show. */
export function queueContract(name: string, make: () => Promise<QueuePlace>): void {
  describe(`${name}: queue contract`, () => {
    let place: QueuePlace;
    let queue: Queue;
    beforeEach(async () => {
      place = await make();
      queue = await place.open();
    });
    afterEach(async () => {
      expectBalance(await queue.counters());
      await queue.close();
      await place.remove();
    });
    const reopen = async () => {
      await queue.close();
      queue = await place.open();
    };
    const texts = async () => (await readAll(queue)).map(({ text }) => text);

    it("an empty one has nothing to read and counts nothing", async () => {
      expect(await queue.read({ count: 10 })).toEqual([]);
      expect(await queue.deadLetters()).toEqual([]);
      expect(await queue.counters()).toEqual({
        accepted: 0,
        delivered: 0,
        waiting: 0,
        dropped: {},
        deadLettered: {},
        bytes: expect.any(Number),
      });
    });

    it("gives back what was appended, with ids that grow, and after a reopening too", async () => {
      const appended = await queue.append([record("a", 2, 5), record("b", 0, -7.5)]);
      expect(appended.map(({ id: _, ...rest }) => rest)).toEqual([record("a", 2, 5), record("b", 0, -7.5)]);
      expect(appended[1]!.id).toBeGreaterThan(appended[0]!.id);
      expect(await queue.read({ count: 10 })).toEqual(appended);
      await reopen();
      expect(await queue.read({ count: 10 })).toEqual(appended);
      expect(await queue.counters()).toMatchObject({ accepted: 2, waiting: 2, oldest: new Date(5) });
    });

    it("appends of the same moment keep the order of the calls", async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) => queue.append([record(`r${i}`)])),
      );
      const ids = answers.map(([first]) => first!.id);
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      expect(await texts()).toEqual(Array.from({ length: 200 }, (_, i) => `r${i}`));
    });

    it("an append of nothing is answered with nothing", async () => {
      expect(await queue.append([])).toEqual([]);
      await queue.settle([]);
    });

    it("reads in pages by count and by bytes, at least one record at a time", async () => {
      await queue.append(["a", "b", "c"].map((letter) => record(letter.repeat(100))));
      expect(await queue.read({ count: 2 })).toHaveLength(2);
      expect(await queue.read({ count: 9, bytes: 250 })).toHaveLength(2);
      expect(await queue.read({ count: 9, bytes: 1 })).toHaveLength(1);
      expect((await readAll(queue, 1)).map(({ text }) => text[0])).toEqual(["a", "b", "c"]);
    });

    it("A13: only what was settled leaves, wherever it stands", async () => {
      const [a, b, c] = await queue.append([record("a"), record("b"), record("c")]);
      await queue.settle([{ id: b!.id, delivered: 1 }]);
      expect(await queue.read({ count: 9 })).toEqual([a, c]);
      await reopen();
      expect(await texts()).toEqual(["a", "c"]);
      expect(await queue.counters()).toMatchObject({ accepted: 3, delivered: 1, waiting: 2 });
    });

    it("a settlement that is told twice counts once, also in the same call, and an unknown one not at all", async () => {
      const [a] = await queue.append([record("a", 3)]);
      const settlement = { id: a!.id, delivered: 3 };
      await queue.settle([settlement, settlement]);
      await Promise.all([queue.settle([settlement]), queue.settle([{ id: 999, delivered: 9 }])]);
      expect(await queue.counters()).toMatchObject({ accepted: 3, delivered: 3, waiting: 0 });
    });

    it("a settlement that does not add up is refused alone, and its record stays", async () => {
      const [a, b] = await queue.append([record("a", 3), record("b", 2)]);
      const [wrong, right] = await Promise.allSettled([
        queue.settle([{ id: a!.id, delivered: 2 }]),
        queue.settle([{ id: b!.id, delivered: 2 }]),
      ]);
      expect(wrong).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringContaining("3 values") },
      });
      expect(right.status).toBe("fulfilled");
      expect(await texts()).toEqual(["a"]);
    });

    it("nonsense is refused, and harms nobody else", async () => {
      const answers = await Promise.allSettled([
        queue.append([record("a", -1)]),
        queue.append([record("b")]),
        queue.append([record("c", 0.5)]),
        queue.append([record("d", 1, Number.NaN)]),
      ]);
      expect(answers.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "rejected"]);
      expect(await texts()).toEqual(["b"]);
    });

    it("A11: bad values are set aside with reason and detail while the others are delivered", async () => {
      const [a] = await queue.append([record("a", 5)]);
      await queue.settle([{ id: a!.id, delivered: 3, dead: [dead("x"), dead("y", 1, "too_large")] }]);
      const letters = await queue.deadLetters();
      expect(letters).toEqual([
        { ...dead("x"), id: expect.any(Number), at: expect.any(Date), retries: 0 },
        { ...dead("y", 1, "too_large"), id: expect.any(Number), at: expect.any(Date), retries: 0 },
      ]);
      expect(await queue.deadLetters({ after: letters[0]!.id, count: 5 })).toEqual([letters[1]]);
      await reopen();
      expect(await queue.deadLetters({ count: 1 })).toEqual([letters[0]]);
      expect(await queue.counters()).toMatchObject({
        delivered: 3,
        waiting: 0,
        deadLettered: { type_conflict: 1, too_large: 1 },
      });
    });

    it("A11: a retried dead letter goes to the end of the queue, and remembers that it was tried", async () => {
      const [a] = await queue.append([record("a", 2), record("b")]);
      await queue.settle([{ id: a!.id, delivered: 0, dead: [dead("x"), dead("y")] }]);
      const [x] = await queue.deadLetters();
      expect(await queue.retry([x!.id, 12345])).toBe(1);
      expect(await texts()).toEqual(["b", "x"]);
      expect(await queue.counters()).toMatchObject({ waiting: 2, deadLettered: { type_conflict: 1 } });
      const again = (await readAll(queue)).at(-1)!;
      await queue.settle([{ id: again.id, delivered: 0, dead: [dead("x")] }]);
      expect((await queue.deadLetters()).map(({ text, retries }) => [text, retries])).toEqual([
        ["y", 0],
        ["x", 1],
      ]);
      expect(await queue.retry()).toBe(2);
      expect(await texts()).toEqual(["b", "y", "x"]);
      expect((await queue.counters()).deadLettered).toEqual({});
      expect(await queue.retry()).toBe(0);
    });

    it("A11: a discarded dead letter is counted as dropped", async () => {
      const [a] = await queue.append([record("a", 3)]);
      await queue.settle([{ id: a!.id, delivered: 0, dead: [dead("x", 2), dead("y")] }]);
      const [x] = await queue.deadLetters();
      expect(await queue.discard([x!.id])).toBe(1);
      expect(await queue.counters()).toMatchObject({
        dropped: { discarded: 2 },
        deadLettered: { type_conflict: 1 },
      });
      expect(await queue.discard()).toBe(1);
      expect(await queue.deadLetters()).toEqual([]);
    });

    it("many dead letters are moved, all of them", async () => {
      const appended = await queue.append(Array.from({ length: 1234 }, (_, i) => record(`r${i}`)));
      await queue.settle(appended.map(({ id, text }) => ({ id, delivered: 0, dead: [dead(text)] })));
      expect(await queue.retry()).toBe(1234);
      expect(await texts()).toEqual(appended.map(({ text }) => text));
    });

    it("ids are never used again", async () => {
      const [a] = await queue.append([record("a")]);
      await queue.settle([{ id: a!.id, delivered: 1 }]);
      await reopen();
      const [b] = await queue.append([record("b")]);
      expect(b!.id).toBeGreaterThan(a!.id);
    });

    it("what cannot be written is refused, and the queue goes on", async () => {
      const [a] = await queue.append([record("a")]);
      const letter = { ...dead("x"), detail: (() => {}) as unknown as string };
      await expect(queue.settle([{ id: a!.id, delivered: 0, dead: [letter] }])).rejects.toThrow();
      await queue.settle([{ id: a!.id, delivered: 1 }]);
      expect(await texts()).toEqual([]);
    });

    it("any text survives", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: "binary", maxLength: 50 }), { minLength: 1 }),
          async (list) => {
            const appended = await queue.append(list.map((text) => ({ ...record(text), key: text })));
            expect(await queue.read({ after: appended[0]!.id - 1, count: 1000 })).toEqual(appended);
            expect(appended.map(({ text, key }) => [text, key])).toEqual(list.map((text) => [text, text]));
          },
        ),
        { numRuns: 10 },
      );
    });

    it("a shared text is with each record that has it: when appended, when read, and after a reopening", async () => {
      const shared = "é".repeat(5000);
      const list = Array.from({ length: 50 }, (_, i) => ({
        ...record(`r${i}`),
        ...(i % 3 > 0 && { shared: i % 3 === 1 ? shared : "" }),
      }));
      const appended = (await Promise.all(list.map((one) => queue.append([one])))).flat();
      expect(appended.map(({ id: _, ...rest }) => rest)).toEqual(list);
      expect(await readAll(queue, 7)).toEqual(appended);
      await reopen();
      expect(await readAll(queue)).toEqual(appended);
      const [later] = await queue.append([{ ...record("later"), shared }]);
      await queue.settle(appended.map(({ id }) => ({ id, delivered: 1 })));
      await reopen();
      expect(await readAll(queue)).toEqual([{ ...record("later"), shared, id: later!.id }]);
    });

    it("shared texts are kept once, and not for ever", async () => {
      const { bytes: empty } = await queue.counters();
      const shared = "s".repeat(100_000);
      for (let i = 0; i < 5; i++)
        await queue.append(Array.from({ length: 20 }, () => ({ ...record("r"), shared })));
      const { bytes } = await queue.counters();
      expect(bytes - empty).toBeLessThan(150_000);
      await queue.settle((await readAll(queue)).map(({ id }) => ({ id, delivered: 1 })));
      for (let i = 0; i < 30; i++) {
        const [one] = await queue.append([{ ...record("r"), shared: `${i} ${shared}` }]);
        await queue.settle([{ id: one!.id, delivered: 1 }]);
      }
      expect((await queue.counters()).bytes - empty).toBeLessThan(600_000);
      await reopen();
      expect((await queue.counters()).bytes).toBeLessThanOrEqual(empty + 4096);
    });

    it("commits what waits when it is closed, and refuses what comes later", async () => {
      const last = queue.append([record("last")]);
      const closing = queue.close();
      await expect(queue.append([record("late")])).rejects.toThrow("closed");
      expect(await last).toHaveLength(1);
      await closing;
      await queue.close();
      queue = await place.open();
      expect(await texts()).toEqual(["last"]);
    });

    it("does as a plain list does, whatever is asked of it, and the balance holds after each step", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const model = new Model();
          const under = await make();
          let open = await under.open();
          for (const [what, a, b] of steps) {
            if (what === "append") {
              const records = Array.from({ length: b % 4 }, () => ({
                ...record(`r${model.next()}`, a % 5),
                ...(a % 3 > 0 && { shared: `shared by ${a % 3}` }),
              }));
              model.waiting.push(...(await open.append(records)));
            } else if (what === "read") {
              const after = model.waiting[a % 5]?.id ?? 0;
              expect(await open.read({ after, count: b + 1 })).toEqual(
                model.waiting.filter(({ id }) => id > after).slice(0, b + 1),
              );
            } else if (what === "settle") {
              const chosen = model.waiting.filter((_, index) => (index * a) % 3 === b % 3);
              await open.settle(
                chosen.map(({ id, samples, text }) => ({
                  id,
                  delivered: samples - Math.min(samples, b),
                  dead: samples > 0 && b > 0 ? [dead(text, Math.min(samples, b))] : [],
                })),
              );
              model.settle(chosen, b);
            } else if (what === "retry" || what === "discard") {
              const letters = await open.deadLetters();
              expect(letters.map(({ text, samples }) => [text, samples])).toEqual(model.dead);
              const chosen =
                a % 2 ? undefined : letters.filter((_, i) => i % 2 === b % 2).map(({ id }) => id);
              const which = letters.map(({ id }) => chosen?.includes(id) ?? true);
              expect(await open[what](chosen)).toBe(which.filter(Boolean).length);
              if (what === "retry") {
                const after = model.waiting.at(-1)?.id ?? 0;
                const back = (await readAll(open)).filter(({ id }) => id > after);
                expect(back.map(({ text, samples }) => [text, samples])).toEqual(
                  model.dead.filter((_, i) => which[i]),
                );
                model.waiting.push(...back);
              }
              model.dead = model.dead.filter((_, i) => !which[i]);
            } else {
              await open.close();
              open = await under.open();
            }
            const counters = await open.counters();
            expectBalance(counters);
            expect(counters.waiting).toBe(model.waiting.reduce((n, { samples }) => n + samples, 0));
            expect(sum(counters.deadLettered)).toBe(model.dead.reduce((n, [, samples]) => n + samples, 0));
          }
          expect(await readAll(open)).toEqual(model.waiting);
          await open.close();
          await under.remove();
        }),
        { numRuns: 6 },
      );
    });
  });
}

const step = fc.tuple(
  fc.constantFrom("append", "append", "read", "settle", "retry", "discard", "reopen"),
  fc.nat(20),
  fc.nat(4),
);

/** What a queue is, in lists. */
class Model {
  waiting: QueuedRecord[] = [];
  dead: [text: string, samples: number][] = [];
  #last = 0;

  next(): number {
    return ++this.#last;
  }

  settle(chosen: readonly QueuedRecord[], dead: number): void {
    this.waiting = this.waiting.filter((record) => !chosen.includes(record));
    for (const { text, samples } of chosen)
      if (dead > 0 && samples > 0) this.dead.push([text, Math.min(samples, dead)]);
  }
}
