/**
 * A process that uses a queue until it is killed. First it tells what it found, then every thing it does, before and after:
 *
 *   {"found": {counters, waiting: ids}}  {"notice": kind}  {"accepted": [[id, samples], …]}  {"settling": [ids]}  {"settled": [ids]}
 *
 *   node queue-child.ts <file> [limit of appends] [options as JSON]
 */
import { writeSync } from "node:fs";
import { createLog } from "../../src/log/log.ts";
import { type DiskQueue, openQueue, type QueuedRecord, QueueError } from "../../src/queue/index.ts";

const [file = "", limit = "Infinity", options = "{}"] = process.argv.slice(2);

/** On the pipe when it returns, whatever becomes of this process; waits where the pipe is full. */
function say(what: object): void {
  let left = Buffer.from(`${JSON.stringify(what)}\n`);
  while (left.length > 0)
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
}

const queue: DiskQueue = await openQueue({
  file,
  log: createLog({ level: "silent" }),
  onNotice: ({ kind }) => say({ notice: kind }),
  ...JSON.parse(options),
});
const waiting: QueuedRecord[] = [...(await queue.read({ count: 1_000_000 }))];
if (waiting.some(({ key, shared }) => shared !== sharedOf(key))) say({ notice: "a shared text is wrong" });
say({ found: { counters: await queue.counters(), waiting: waiting.map(({ id }) => id) } });

/** Of records with this key. */
function sharedOf(key: string): string | undefined {
  return key === "a" ? undefined : `${key} `.repeat(3000);
}

async function append(): Promise<void> {
  const records = Array.from({ length: 1 + Math.floor(Math.random() * 20) }, (_, i) => {
    const key = "abcd"[i % 4]!;
    const shared = sharedOf(key);
    return {
      ...{ text: "x".repeat(Math.random() * 2000), samples: i, key, time: Date.now() },
      ...(shared !== undefined && { shared }),
    };
  });
  const accepted = await queue.append(records);
  say({ accepted: accepted.map(({ id, samples }) => [id, samples]) });
  waiting.push(...accepted);
}

async function settle(): Promise<void> {
  const chosen = waiting.splice(0, Math.floor(Math.random() * 40));
  const ids = chosen.map(({ id }) => id);
  say({ settling: ids });
  await queue.settle(
    chosen.map(({ id, samples, text, time }) =>
      id % 7 === 0 && samples > 0
        ? {
            id,
            delivered: samples - 1,
            dead: [{ text, key: "a", time, samples: 1, reason: "bad", detail: "" }],
          }
        : { id, delivered: samples },
    ),
  );
  say({ settled: ids });
}

async function retry(): Promise<void> {
  await queue.retry().catch((error: unknown) => {
    // A disk that fails is told of at once; the caller may try again.
    if (!(error instanceof QueueError) || error.kind !== "disk") throw error;
  });
}

for (let i = 0; i < Number(limit); i++) {
  const work = [append(), append(), settle()];
  if (i % 10 === 9) work.push(retry());
  await Promise.all(work.slice(0, 1 + Math.floor(Math.random() * work.length)));
}
await queue.close();
