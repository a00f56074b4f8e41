import { expect, test, vi } from "vitest";
import {
  AccountPausedError,
  Breaker,
} from "../../../../../src/drivers/chargepoint/account/limits/breaker.ts";
import {
  ApiError,
  CredentialsError,
  ProtocolError,
  SoapFaultError,
  TransportError,
} from "../../../../../src/drivers/chargepoint/api/errors.ts";
import { systemClock } from "../../../../../src/time/clock.ts";

const credentials = () =>
  new CredentialsError("getLoad", "FailedAuthentication", "abcd…", "http://cp.example", "NA");
const away = (retryAfterSeconds?: number) =>
  new TransportError("getLoad", "no answer", {
    code: "ECONNREFUSED",
    sent: false,
    retryable: true,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });

function rig() {
  const clock = { now: 0 };
  const onOpen = vi.fn();
  const onFailure = vi.fn();
  const onClose = vi.fn();
  const breaker = new Breaker({
    clock: { ...systemClock, monotonic: () => clock.now * 1000 },
    onOpen,
    onFailure,
    onClose,
  });
  let calls = 0;
  const call = (error?: Error) =>
    breaker.run(async () => {
      calls++;
      if (error) throw error;
      return "answer";
    });
  return { clock, onOpen, onFailure, onClose, call, calls: () => calls };
}

test("C11: refused credentials are said once and tried at a slowing pace up to ten minutes", async () => {
  const { clock, onOpen, call, calls } = rig();
  const tries: number[] = [];
  for (clock.now = 0; clock.now < 3600; clock.now += 10) {
    const before = calls();
    await call(credentials()).catch(() => undefined);
    if (calls() > before) tries.push(clock.now);
  }
  expect(tries).toEqual([0, 30, 90, 210, 450, 930, 1530, 2130, 2730, 3330]);
  expect(onOpen).toHaveBeenCalledTimes(1);
});

test("C11: six calls that are refused together do not lengthen the pause six times", async () => {
  const { clock, call, calls } = rig();
  await Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => call(credentials())));
  clock.now = 30;
  const before = calls();
  expect(await call()).toBe("answer");
  expect(calls()).toBe(before + 1);
});

test("C11: new credentials work without a restart: the next try closes it", async () => {
  const { clock, onClose, call } = rig();
  await call(credentials()).catch(() => undefined);
  await expect(call()).rejects.toThrow(AccountPausedError);
  clock.now = 31;
  expect(await call()).toBe("answer");
  expect(onClose).toHaveBeenCalledTimes(1);
  expect(await call()).toBe("answer");
});

test("C2: one station that hangs does not pause the account while others answer", async () => {
  const { clock, call } = rig();
  for (clock.now = 0; clock.now < 600; clock.now += 5) {
    await call(away()).catch(() => undefined);
    expect(await call()).toBe("answer");
  }
});

test("C5: a service that is away is asked at most every 30 s, and once at a time", async () => {
  const { clock, onOpen, onFailure, call, calls } = rig();
  for (clock.now = 0; clock.now < 3600; clock.now += 1) await call(away()).catch(() => undefined);
  expect(calls()).toBeLessThan(31 + 3600 / 30 + 10);
  expect(onOpen).toHaveBeenCalledTimes(1);
  expect(onFailure.mock.calls.length).toBeGreaterThan(100);

  clock.now += 60;
  const before = calls();
  await Promise.allSettled([1, 2, 3].map(() => call(away())));
  expect(calls()).toBe(before + 1);
});

test("C14: when the service is back, all calls of the first scrape go through", async () => {
  const { clock, call } = rig();
  for (clock.now = 0; clock.now < 120; clock.now += 1) await call(away()).catch(() => undefined);
  clock.now += 31;
  expect(await Promise.all([1, 2, 3, 4, 5, 6].map(() => call()))).toEqual(Array(6).fill("answer"));
});

test("C5: Retry-After is honoured", async () => {
  const { clock, call } = rig();
  await call(away(120)).catch(() => undefined);
  clock.now = 119;
  await expect(call()).rejects.toThrow("next try in 1 s");
  clock.now = 120;
  expect(await call()).toBe("answer");
});

test("a service that answers with a code is not away", async () => {
  const { clock, call } = rig();
  for (clock.now = 0; clock.now < 300; clock.now += 5) {
    await expect(call(new ApiError("getLoad", "101", "forbidden", null))).rejects.toThrow(ApiError);
  }
});

test.each([
  ["a SOAP Fault", new SoapFaultError("getLoad", { code: "Server", text: "tired", detail: "" })],
  ["a page of HTML", new ProtocolError("getLoad", "html", "an HTML page instead of XML")],
])("C17: %s in place of every answer is an outage", async (_what, error) => {
  const { clock, onOpen, onClose, call, calls } = rig();
  for (clock.now = 0; clock.now < 600; clock.now += 0.5) await call(error).catch(() => undefined);
  expect(onOpen.mock.calls).toEqual([[error, expect.any(Number)]]);
  expect(calls()).toBeLessThan(2 * 31 + 600 / 30 + 10);
  clock.now += 31;
  expect(await call()).toBe("answer");
  expect(onClose).toHaveBeenCalledTimes(1);
});

test("C17: a read that its caller ends does not count as an answer", async () => {
  const { clock, onClose, call } = rig();
  await call(away(10)).catch(() => undefined);
  clock.now = 11;
  await expect(call(new DOMException("given up", "AbortError"))).rejects.toThrow("given up");
  expect(onClose).not.toHaveBeenCalled();
});
