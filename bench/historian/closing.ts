import { fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { percentile } from "../percentile.ts";
import { type Amount, bareLoop, POINTS, START, scrapeOf } from "./ingest.ts";
import { FILE, openOwn } from "./stores.ts";

/** Days that wait to be closed, and scrapes of each: so many that closing does not end before the last scrape is written. */
const WAITING_DAYS = 30;
const SCRAPES_A_DAY = 100;
const MINUTES = 1440;
const IDLE_MS = 3000;
/** Rest between two pieces of closing at least, as in `UpkeepKeeper`. */
const REST_MS = 5;

const CONTESTANTS = ["idle", "bare loop, time first", "historian", "historian, closing days"] as const;
type Contestant = (typeof CONTESTANTS)[number];

interface Outcome {
  readonly rowsPerSecond: number;
  readonly longestPauseMs: number;
  readonly rssMb: number;
  /** Days closed meanwhile. */
  readonly closed: number;
}

interface Run {
  readonly contestant: Contestant;
  readonly folder: string;
  readonly devices: number;
  readonly scrapes: number;
}

/** Ingest while a month of days is being closed in the same store, beside the same without, and bare loops; each in a process of its own. */
export async function compareClosing(
  folder: string,
  devices: number,
  { scrapes, rounds }: Amount,
): Promise<void> {
  const waiting = join(folder, `waiting-${devices}`);
  await writeWaiting(waiting, devices);
  const outcomes = new Map<Contestant, Outcome[]>(CONTESTANTS.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const contestant of CONTESTANTS) {
      const own = join(folder, `${devices}-${round}-${CONTESTANTS.indexOf(contestant)}`);
      mkdirSync(own);
      if (contestant.startsWith("historian")) cpSync(waiting, own, { recursive: true });
      outcomes.get(contestant)!.push(await inProcess({ contestant, folder: own, devices, scrapes }));
    }
  const median = (contestant: Contestant, of: keyof Outcome) =>
    percentile(
      outcomes.get(contestant)!.map((outcome) => outcome[of]),
      0.5,
    );
  const peer = median("bare loop, time first", "rowsPerSecond");
  console.log(
    `\n${scrapes} batches of ${POINTS} points, ${devices} device(s) a batch, median of ${rounds}; ${WAITING_DAYS} days of ${SCRAPES_A_DAY * POINTS} samples waited to be closed`,
  );
  console.table(
    Object.fromEntries(
      CONTESTANTS.map((name) => [
        name,
        {
          ...(name !== "idle" && {
            "rows/s": Math.round(median(name, "rowsPerSecond")),
            "of the bare loop": Number((median(name, "rowsPerSecond") / peer).toFixed(2)),
          }),
          "longest pause, ms": Math.round(median(name, "longestPauseMs")),
          "resident, MB": Math.round(median(name, "rssMb")),
          "days closed meanwhile": median(name, "closed"),
        },
      ]),
    ),
  );
}

async function writeWaiting(folder: string, devices: number): Promise<void> {
  mkdirSync(folder);
  const store = openOwn(folder);
  const every = MINUTES / SCRAPES_A_DAY;
  for (let scrape = -WAITING_DAYS * SCRAPES_A_DAY; scrape < 0; scrape++)
    await store.write(scrapeOf(devices, Math.floor(scrape * every)));
  await store.close();
}

async function inProcess(run: Run): Promise<Outcome> {
  const child = fork(import.meta.filename, ["--run", JSON.stringify(run)]);
  const [[outcome]] = await Promise.all([once(child, "message"), once(child, "exit")]);
  return outcome as Outcome;
}

async function measure({ contestant, folder, devices, scrapes }: Run): Promise<Outcome> {
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  let most = 0;
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const looking = setInterval(look, 20);
  const done = (rowsPerSecond: number, closed = 0): Outcome => {
    pauses.disable();
    clearInterval(looking);
    look();
    return { rowsPerSecond, closed, longestPauseMs: pauses.max / 1e6, rssMb: most / 2 ** 20 };
  };
  if (contestant === "idle") {
    pauses.enable();
    await delay(IDLE_MS);
    return done(0);
  }
  if (contestant === "bare loop, time first")
    // It blocks the event loop all the time.
    return done(bareLoop(join(folder, FILE), devices, "time first", scrapes).rowsPerSecond);

  const store = openOwn(folder);
  await store.open();
  const ended = new AbortController();
  // The threads start before anything is measured, as they do in a bridge.
  const closing = contestant === "historian" ? undefined : close(store, ended.signal);
  await delay(1000);
  pauses.enable();
  let ms = 0;
  for (let scrape = 0; scrape < scrapes; scrape++) {
    const samples = scrapeOf(devices, scrape);
    const begun = performance.now();
    await store.write(samples);
    ms += performance.now() - begun;
  }
  const outcome = done((scrapes * POINTS) / (ms / 1000));
  const closed = (await store.files!.list()).length - 1;
  if (closed === WAITING_DAYS) throw new Error("all days were closed before the last scrape was written");
  ended.abort();
  await closing;
  await store.close();
  return { ...outcome, closed };
}

/** Closes days as `UpkeepKeeper` does. */
async function close(store: ReturnType<typeof openOwn>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now();
    await store.upkeep!.work({ now: START }, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
    await delay(Math.max(performance.now() - begun, REST_MS));
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { run: { type: "string", default: "" } } });
  process.send!(await measure(JSON.parse(values.run)));
  process.disconnect();
}
