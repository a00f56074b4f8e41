import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { dayOf } from "../../../../../src/historian/stores/sqlite/days/catalogue.ts";
import { DAY } from "../../../../../src/historian/time.ts";
import { type ClosingPoint, closingEnvironment } from "../../../../helpers/closing-points.ts";
import { MIDNIGHT } from "./rows.ts";
import { SmallStore } from "./small-store.ts";

const child = fileURLToPath(new URL("./closing-child.ts", import.meta.url));
const TODAY = dayOf(MIDNIGHT) + 2;
const SECOND = 1_000_000;
const LONG = "long ".repeat(200);

/** A closed day that has to be written again, a day to close, and a day that stays. `rows`: of two topics of the day to close. */
function preparedStore(rows: number): SmallStore {
  const store = new SmallStore();
  const load = "site/s1/portLoad_1";
  const state = "site/s1/networkStatus";
  const first = Array.from({ length: 100 }, (_, row) => MIDNIGHT + row * SECOND);
  store.write(...first.map((time, row) => [load, time, row / 8] as const));
  store.write(...first.map((time, row) => [state, time, row % 9 === 0 ? LONG : "REACHABLE"] as const));
  store.closeDays(dayOf(MIDNIGHT) + 1);
  // Late ones: new, corrected, and of a topic that the file does not have.
  store.write([load, MIDNIGHT + 5, 7.5], [load, first[3]!, -1], [state, first[9]!, null]);
  store.write(["site/s2/name", MIDNIGHT + DAY - 1, { a: [1, LONG] }]);
  const second = Array.from({ length: rows }, (_, row) => MIDNIGHT + DAY + row * SECOND);
  for (const topic of [load, "site/s1/portLoad_2"])
    store.write(...second.map((time, row) => [topic, time, row % 7] as const));
  store.write(...second.slice(0, 50).map((time) => [state, time, LONG] as const));
  store.write([load, MIDNIGHT + 2 * DAY, 1], [state, MIDNIGHT + 2 * DAY + 1, true]);
  store.end();
  return store;
}

/** The first times are those of the day that is written again. */
const POINTS: readonly (readonly [ClosingPoint, number])[] = [
  ...([
    ["half written", 1],
    ["renamed", 1],
    ["entering", 1],
    ["replaced", 1],
    ["removed", 1],
  ] as const),
  ...([
    ["marked", 1],
    ["noted", 2],
    ["half written", 2],
    ["written", 2],
    ["renamed", 2],
    ["entering", 2],
    ["entered", 2],
    ["half cleared", 1],
    ["cleared", 1],
  ] as const),
];

test("A29: kill -9 at each step of closing a day, of writing it again and of clearing: every sample is there, once", async () => {
  using small = preparedStore(100);
  // More rows than are removed in a step.
  using large = preparedStore(5050);
  // Its end leaves the compiled program for the others, which then start in a third of the time.
  using none = new SmallStore();
  const cache = join(none.place, "compiled");
  expect(await lifeIn(none, cache)).toBeNull();
  const waiting = [...POINTS];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      await dieAndGoOn(next[0] === "half cleared" ? large : small, cache, ...next);
  };
  await Promise.all([worker(), worker()]);
});

/** Returns the signal that ended a process that closes days. */
async function lifeIn(
  { file, folder }: SmallStore,
  cache: string,
  env?: Record<string, string>,
): Promise<NodeJS.Signals | null> {
  const running = spawn(process.execPath, [child, file, folder, String(TODAY)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: cache, ...env },
  });
  onTestFinished(() => void running.kill("SIGKILL"));
  const [, signal] = await once(running, "close");
  return signal;
}

async function dieAndGoOn(
  prepared: SmallStore,
  cache: string,
  ...point: readonly [ClosingPoint, number]
): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), "voltbridge-killed-"));
  cpSync(prepared.place, place, { recursive: true });
  using store = new SmallStore(place, prepared);
  const signal = await lifeIn(store, cache, closingEnvironment(...point));
  expect(signal, `${point} was reached`).toBe("SIGKILL");
  store.expectLedger();
  store.write(
    ["site/s1/portLoad_1", MIDNIGHT + 7, "corrected"],
    ["site/s1/portLoad_1", MIDNIGHT + DAY, 99],
    ["site/s1/networkStatus", MIDNIGHT + DAY + 1, LONG],
  );
  store.expectLedger();
  store.closeDays(TODAY, true);
  store.expectLedger();
  store.expectCleanFiles();
  expect(store.reader.days().map(({ day, cleared }) => [day, cleared])).toEqual([
    [TODAY - 2, true],
    [TODAY - 1, true],
  ]);
}
