import { describe, expect, test } from "vitest";
import { endingWith, untilAborted } from "../../src/time/until-aborted.ts";

const NEVER = new Promise<never>(() => undefined);

describe("work that is shared", () => {
  test("a wait ends with the signal's reason, before and while it waits", async () => {
    const controller = new AbortController();
    const one = untilAborted(NEVER, controller.signal);
    controller.abort(new Error("too late"));
    await expect(one).rejects.toThrow("too late");
    await expect(untilAborted(Promise.resolve(1), controller.signal)).rejects.toThrow("too late");
    const failing = Promise.reject(new Error("nobody hears this"));
    await expect(untilAborted(failing, controller.signal)).rejects.toThrow("too late");
  });

  test("an abort tells once all that are still there, and no others", () => {
    const controller = new AbortController();
    const told: string[] = [];
    const work = (name: string) => ({ aborted: (reason: unknown) => void told.push(`${name}: ${reason}`) });
    const [a, b, c] = [work("a"), work("b"), work("c")];
    for (const one of [a, b, c]) endingWith(controller.signal).add(one);
    endingWith(new AbortController().signal).add(work("of another signal"));
    endingWith(controller.signal).delete(b);
    controller.abort("too late");
    expect(told).toEqual(["a: too late", "c: too late"]);
  });
});
