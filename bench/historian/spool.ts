import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { openArchive } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { SETTINGS } from "../../test/historian/settings.ts";
import { type Amount, bareLoop, POINTS, scrapeOf } from "./ingest.ts";

/**
 * Rows per second through the spool, from the acceptance of the first scrape to the last one's being in the store: each scrape durable on its
 * own before the next; the same where all may share commits; and how fast what waits is drained.
 */
export async function compareSpool(
  folder: string,
  { scrapes: count, rounds: roundCount }: Amount,
): Promise<void> {
  const contestants: Record<string, (folder: string) => Promise<number>> = {
    "bare loop, time first": async (path) => bareLoop(`${path}.sqlite`, 1, "time first", count).rowsPerSecond,
    "through the spool, one after the other": (path) => throughSpool(path, count, "one by one"),
    "through the spool, many at once": (path) => throughSpool(path, count, "at once"),
    "drained: what waited": (path) => throughSpool(path, count, "drain"),
  };
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < roundCount; round++)
    for (const [name, run] of Object.entries(contestants))
      rates.get(name)?.push(await run(join(folder, `${round}-${name.replaceAll(/\W+/g, "-")}`)));
  const middle = (list: readonly number[]) =>
    list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] as number;
  const peer = middle(rates.get("bare loop, time first") ?? []);
  console.log(`\n${count} scrapes of ${POINTS} points, median of ${roundCount}`);
  console.table(
    Object.fromEntries(
      [...rates].map(([name, list]) => [
        name,
        {
          "rows/s": Math.round(middle(list)),
          "ratio to bare loop": Number((middle(list) / peer).toFixed(2)),
          "a million in, s": Number((1e6 / middle(list)).toFixed(1)),
        },
      ]),
    ),
  );
}

async function throughSpool(
  path: string,
  count: number,
  how: "one by one" | "at once" | "drain",
): Promise<number> {
  const open = (cacheOnlyEnabled: boolean) =>
    openArchive({ ...SETTINGS, cacheOnlyEnabled }, path, {
      log: createLog({ level: "silent" }),
      onNotice: () => {},
    });
  const scrapes = Array.from({ length: count }, (_, scrape) => scrapeOf(1, scrape));
  let archive = await open(how === "drain");
  let begun = performance.now();
  if (how === "one by one") for (const samples of scrapes) await archive.accept(samples, "site");
  else await Promise.all(scrapes.map((samples) => archive.accept(samples, "site")));
  if (how === "drain") {
    await archive.stop();
    begun = performance.now();
    archive = await open(false);
  }
  while (archive.counters.delivered < count * POINTS) await delay(5);
  const seconds = (performance.now() - begun) / 1000;
  await archive.stop();
  return (count * POINTS) / seconds;
}
