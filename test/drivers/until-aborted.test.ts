import { describe, expect, test } from "vitest";
import { allSettledUntilAborted, untilAborted } from "../../src/drivers/until-aborted.ts";

const NEVER = new Promise<never>(() => undefined);

describe("work that is shared", () => {
  test("a wait ends with the signal's reason, before and while it waits", async () => {
    const controller = new AbortController();
    const one = untilAborted(NEVER, controller.signal);
    const all = allSettledUntilAborted([Promise.resolve(1), NEVER], controller.signal);
    controller.abort(new Error("too late"));
    await expect(one).rejects.toThrow("too late");
    await expect(all).rejects.toThrow("too late");
    await expect(untilAborted(Promise.resolve(1), controller.signal)).rejects.toThrow("too late");
    const failing = [Promise.reject(new Error("nobody hears this"))];
    await expect(allSettledUntilAborted(failing, controller.signal)).rejects.toThrow("too late");
  });

  test("tells how each ended, in their order, whichever came first", async () => {
    const { signal } = new AbortController();
    const late = Promise.withResolvers<string>();
    const failed = new Error("no answer");
    const all = allSettledUntilAborted([late.promise, Promise.reject(failed), Promise.resolve("b")], signal);
    await Promise.resolve();
    late.resolve("a");
    expect(await all).toEqual([
      { status: "fulfilled", value: "a" },
      { status: "rejected", reason: failed },
      { status: "fulfilled", value: "b" },
    ]);
    expect(await allSettledUntilAborted([], signal)).toEqual([]);
  });
});
