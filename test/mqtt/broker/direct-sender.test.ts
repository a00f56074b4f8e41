import { afterEach, expect, test, vi } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { DirectSender, LossReports } from "../../../src/mqtt/broker/direct-sender.ts";
import { type Link, LinkDownError } from "../../../src/mqtt/broker/link.ts";

const MINUTE = 60_000;

afterEach(() => void vi.useRealTimers());

function rig(error: () => Error) {
  vi.useFakeTimers({ toFake: ["performance"] });
  const lines: string[] = [];
  const log = createLog({ write: (line) => void lines.push(line.replace(/^\S+ /, "").trimEnd()) });
  const link = { up: false, publish: () => Promise.reject(error()) } as unknown as Link;
  const sender = new DirectSender(link, log, new LossReports(log));
  const send = () => sender.send({ topic: "a", payload: "x", qos: 1, retain: false });
  return { lines, sender, send };
}

test("H8: losses at a broker that comes and goes are reported at growing pauses, and none is left out", async () => {
  const { lines, sender, send } = rig(() => new LinkDownError("away"));
  for (let minute = 0; minute < 12 * 60; minute++) {
    await send();
    sender.reportAbsence();
    vi.advanceTimersByTime(MINUTE);
  }
  const counts = lines.map((line) => Number(/dropped=(\d+)/.exec(line)![1]));
  expect(counts.slice(0, 8)).toEqual([1, 1, 2, 4, 8, 16, 32, 60]);
  expect(counts.length).toBeLessThan(20);
  vi.advanceTimersByTime(2 * 60 * MINUTE);
  await send();
  sender.reportAbsence();
  const last = lines.map((line) => Number(/dropped=(\d+)/.exec(line)![1]));
  expect(last.reduce((sum, count) => sum + count)).toBe(12 * 60 + 1);
});
