import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { dayOf } from "../../src/historian/stores/sqlite/days/catalogue.ts";
import type { PointValue } from "../../src/points/index.ts";
import { SmallStore } from "../historian/stores/sqlite/days/small-store.ts";
import { rounds } from "./scale.ts";

const child = fileURLToPath(new URL("./closing-child.ts", import.meta.url));
type Batch = readonly [topic: string, time: number, value: PointValue][];

test("A29: kill -9 at random moments while days are closed and written again under load", async ({
  annotate,
}) => {
  using store = new SmallStore();
  const kills = rounds(50);
  let samples = 0;
  for (let life = 0; life < kills; life++) {
    const lines = await dieAtRandom(store.file, life);
    const batches = lines.flatMap(({ write }) => (write ? [write] : []));
    const stored = lines.filter(({ stored: isStored }) => isStored).length;
    for (const batch of batches.slice(0, stored)) note(store, batch);
    samples += batches.slice(0, stored).reduce((sum, batch) => sum + batch.length, 0);
    // The last batch is in the store as a whole, or not at all.
    const unsure = batches[stored];
    if (unsure && isStored(store, unsure)) note(store, unsure);
    store.expectLedger();
    // The other lives go on where the last one ended.
    if (life % 5 === 4) {
      store.closeDays(dayOf(Number.MAX_SAFE_INTEGER), true);
      store.expectLedger();
      store.expectCleanFiles();
    }
    store.end();
  }
  store.closeDays(dayOf(Number.MAX_SAFE_INTEGER), true);
  store.expectLedger();
  store.expectCleanFiles();
  const rows = [...store.ledger.values()].reduce((sum, topic) => sum + topic.size, 0);
  await annotate(
    `${kills} kills; ${samples} values stored, ${rows} of them different ones, all there; ${store.reader.days().length} days, every file clean`,
  );
});

async function dieAtRandom(file: string, life: number): Promise<{ write?: Batch; stored?: true }[]> {
  const running = spawn(process.execPath, [child, file, String(life)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void running.kill("SIGKILL"));
  let output = "";
  running.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(running.stdout, "data");
  await delay(Math.random() * 1000);
  running.kill("SIGKILL");
  const [, signal] = await once(running, "close");
  expect(signal).toBe("SIGKILL");
  // The last line may be cut.
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function note({ ledger }: SmallStore, batch: Batch): void {
  for (const [topic, time, value] of batch) {
    const rows = ledger.get(topic) ?? new Map();
    ledger.set(topic, rows.set(time, value));
  }
}

function isStored({ reader }: SmallStore, batch: Batch): boolean {
  const [topic, time, value] = batch[0]!;
  const { values } = reader.read({
    topic,
    start: time,
    end: time + 1,
    order: "FIRST_TO_LAST",
    skip: 0,
    limit: 1,
  });
  return values.length > 0 && values[0] === value;
}
