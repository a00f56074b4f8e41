import { expect, test } from "vitest";
import { Account, AccountPausedError } from "../../../src/drivers/econnect/account.ts";
import { EconnectError, type StationEntry } from "../../../src/drivers/econnect/api/index.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { outagesTo } from "../../helpers/outages.ts";

/** An account with a manual clock, whose walks end as the test chooses. */
function rig() {
  const state = { now: 0, walks: 0, error: undefined as EconnectError | undefined };
  const notices: string[] = [];
  const account = new Account({
    label: "someone",
    clock: { ...systemClock, monotonic: () => state.now * 1000 },
    outages: outagesTo(({ kind }) => void notices.push(kind)),
    client: {
      close: async () => undefined,
      async *stations(): AsyncGenerator<StationEntry, void, undefined> {
        state.walks += 1;
        if (state.error) throw state.error;
        yield { id: "1", walk: state.walks };
      },
    },
  });
  const read = async (maxAge = 60) =>
    (await account.read(maxAge, new AbortController().signal)).entries[0]!.walk;
  return { state, notices, account, read };
}
const passing = () => new EconnectError("down", { fault: "unavailable", code: "503" });

test("an answer within the maximum age is reused, an older one is read again; concurrent reads share one walk", async () => {
  const { state, read } = rig();
  expect(await Promise.all([read(), read(), read(0)])).toEqual([1, 1, 1]);
  state.now = 59;
  expect(await read()).toBe(1);
  state.now = 60;
  expect(await read()).toBe(2);
  expect(await read(0)).toBe(3);
});

test("a failing account is retried with growing pauses of up to 30 s, and reported once, at the second failure", async () => {
  const { state, notices, account, read } = rig();
  state.error = passing();
  const triedAt: number[] = [];
  for (; state.now < 120; state.now += 1) {
    const before = state.walks;
    await expect(read()).rejects.toThrow("down");
    if (state.walks > before) triedAt.push(state.now);
  }
  expect(triedAt).toEqual([0, 5, 15, 35, 65, 95]);
  expect(notices).toEqual(["account_paused"]);
  expect(account.isPaused).toBe(true);
  state.error = undefined;
  state.now = 125;
  expect(await read()).toBe(7);
  expect(notices).toEqual(["account_paused", "account_back"]);
  expect(account.isPaused).toBe(false);
});

test("Retry-After is respected: no request is sent before it ends", async () => {
  const { state, read } = rig();
  state.error = new EconnectError("busy", { fault: "unavailable", code: "429", retryAfterSeconds: 300 });
  await expect(read()).rejects.toBe(state.error);
  state.now = 299;
  await expect(read()).rejects.toBeInstanceOf(AccountPausedError);
  expect(state.walks).toBe(1);
  state.error = undefined;
  state.now = 300;
  expect(await read()).toBe(2);
});

test("a lasting failure is retried after 30 s, with pauses growing to 10 minutes", async () => {
  const { state, notices, read } = rig();
  state.error = new EconnectError("who are you", { fault: "credentials", code: "401" });
  const triedAt: number[] = [];
  for (; state.now < 3000; state.now += 10) {
    const before = state.walks;
    await expect(read()).rejects.toThrow();
    if (state.walks > before) triedAt.push(state.now);
  }
  expect(triedAt).toEqual([0, 30, 90, 210, 450, 930, 1530, 2130, 2730]);
  expect(notices).toEqual(["credentials_refused"]);
});

test("a caller that aborts leaves the walk to the others", async () => {
  const { state, account } = rig();
  const giveUp = new AbortController();
  const first = account.read(60, giveUp.signal);
  const second = account.read(60, new AbortController().signal);
  giveUp.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  expect((await second).entries).toHaveLength(1);
  expect(state.walks).toBe(1);
});
