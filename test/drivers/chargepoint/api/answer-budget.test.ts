import { expect, test } from "vitest";
import { AnswerBudget } from "../../../../src/drivers/chargepoint/api/http/answer-budget.ts";

const MB = 1024 * 1024;
type Share = ReturnType<ReturnType<typeof rig>["open"]>;

function rig(sharedMb: number) {
  const clock = { now: 0 };
  const budget = new AnswerBudget({ now: () => clock.now, sharedBytes: sharedMb * MB });
  const proceeded: string[] = [];
  const open = (name: string) => {
    const share = budget.share();
    return {
      close: () => share.close(),
      take: (bytes: number) => share.take(bytes, () => void proceeded.push(name)),
    };
  };
  return { clock, budget, proceeded, open };
}

test("C20: larger answers wait for room, the smallest is the first to go on, and the oldest never waits", () => {
  const { proceeded, open } = rig(4);
  const [first, large, small, tiny] = ["first", "large", "small", "tiny"].map(open) as [
    Share,
    Share,
    Share,
    Share,
  ];
  expect(first.take(3 * MB)).toBe(true);
  expect(large.take(3 * MB)).toBe(false);
  expect(small.take(MB)).toBe(false);
  expect(tiny.take(16_000)).toBe(true);
  expect(first.take(5 * MB)).toBe(true);
  expect(proceeded).toEqual([]);
  first.close();
  expect(proceeded).toEqual(["small"]);
  small.close();
  expect(proceeded).toEqual(["small", "large"]);
  large.close();
  tiny.close();
});

test("C20: an answer that has waited for a second goes before smaller ones", () => {
  const { clock, proceeded, open } = rig(1);
  const [first, large, small] = ["first", "large", "small"].map(open) as [Share, Share, Share];
  expect(first.take(MB)).toBe(true);
  expect(large.take(MB)).toBe(false);
  clock.now = 1000;
  expect(small.take(MB / 8)).toBe(false);
  first.close();
  expect(proceeded).toEqual(["large"]);
  large.close();
  expect(proceeded).toEqual(["large", "small"]);
});

test("C20: answers of a few hundred kilobytes are read side by side", () => {
  const { open } = rig(4);
  const shares = Array.from({ length: 16 }, (_, n) => open(`${n}`));
  expect(shares.map((share) => share.take(250_000))).toEqual(shares.map(() => true));
});

test("C20: what takes long to parse leaves as much time to others", async () => {
  const { clock, budget } = rig(4);
  const { signal } = new AbortController();
  budget.used(200);
  clock.now = 200;
  const large = budget.share();
  large.take(MB, () => undefined);
  let parsed = false;
  const parsing = large.parse(signal, () => {
    parsed = true;
  });
  const small = budget.share();
  small.take(1000, () => undefined);
  expect(await small.parse(signal, () => "at once")).toBe("at once");
  expect(parsed).toBe(false);
  clock.now = 400;
  await parsing;
  expect(parsed).toBe(true);
});

test("C20: an answer whose call has ended waits no more", async () => {
  const { budget } = rig(4);
  const controller = new AbortController();
  budget.used(10_000);
  const share = budget.share();
  share.bytes = MB;
  const waiting = share.parse(controller.signal, () => "too late");
  controller.abort("over");
  await expect(waiting).rejects.toMatchObject({ kind: "aborted", cause: "over" });
  share.close();
});
