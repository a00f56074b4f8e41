import { expect, test } from "vitest";
import { MessageCounters } from "../../../src/historian/ingest/index.ts";
import { createLog } from "../../../src/log/log.ts";

function tally() {
  const lines: string[] = [];
  const clock = { now: 0 };
  const log = createLog({ write: (line) => lines.push(line) });
  return { it: new MessageCounters(log, () => clock.now), lines, clock };
}

const bad = { samples: [], ignored: [{ reason: "not_json", detail: "the message is not JSON" } as const] };

test("H8: each reason is logged once per topic, for twenty topics; further topics are logged as a count every ten minutes", () => {
  const { it, lines, clock } = tally();
  for (let i = 0; i < 1000; i++) it.received(`record/${i % 50}`, bad);
  expect(lines).toHaveLength(20);
  expect(lines[0]).toMatch(
    /warn .*message not stored: the message is not JSON reason=not_json topic=record\/0/,
  );
  clock.now += 700_000;
  it.received("record/new", bad);
  it.received("record/new", bad);
  expect(lines.slice(20)).toEqual([expect.stringMatching(/further topics.*reason=not_json messages=601/)]);
  expect(it.counters).toEqual({ received: 1002, stored: 0, ignored: { not_json: 1002 } });
});

test("what is ignored as intended is counted and not logged", () => {
  const { it, lines } = tally();
  it.received("devices/a/b", { samples: [], ignored: [{ reason: "not_all", detail: "" }] });
  it.stored(3);
  expect(lines).toEqual([]);
  expect(it.counters).toEqual({ received: 1, stored: 3, ignored: { not_all: 1 } });
});

test("a long topic is shortened in the log", () => {
  const { it, lines } = tally();
  it.received(`record/${"x".repeat(60_000)}`, bad);
  expect(lines[0]!.length).toBeLessThan(500);
});
