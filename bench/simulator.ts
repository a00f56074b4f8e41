/**
 * The simulated network by itself, without HTTP, on one core: how long it takes to start, how much memory it keeps, and
 * how many answers its service gives in a second. Run by hand: `node bench/simulator.ts [stations…]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  buildRequest,
  type Draft,
  operations,
  securityHeader,
} from "../src/drivers/chargepoint/api/index.ts";
import type { Fields, Operation } from "../src/drivers/chargepoint/api/message.ts";
import { createLog } from "../src/log/log.ts";
import { Accounts, openAccount } from "../src/simulator/accounts.ts";
import { CallLog } from "../src/simulator/calls.ts";
import { SteppedClock } from "../src/simulator/clock.ts";
import { Service } from "../src/simulator/http/service.ts";
import { Trouble } from "../src/simulator/trouble/trouble.ts";
import { historyHoursFor, World } from "../src/simulator/world/world.ts";

const SIZES = [100, 2_000, 10_000, 100_000];
const SECONDS_EACH = 2;
const CREDENTIALS = { username: "bench", password: "bench" };

const [size, ...more] = process.argv.slice(2).map(Number);
if (process.env.VOLTBRIDGE_BENCH_CHILD === undefined) {
  for (const stations of size === undefined ? SIZES : [size, ...more]) await inOwnProcess(stations);
} else {
  measure(size!);
}

/** Memory is only told of a process that did nothing else. */
async function inOwnProcess(stations: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [String(stations)], {
    execArgv: ["--expose-gc"],
    env: { ...process.env, VOLTBRIDGE_BENCH_CHILD: "1" },
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${stations} stations: exit code ${code}`);
}

function measure(stations: number): void {
  const clock = new SteppedClock();
  const begun = performance.now();
  const world = new World({
    seed: 1,
    stations,
    clock,
    traffic: true,
    incidents: true,
    historyHours: historyHoursFor(stations),
  });
  const startSeconds = (performance.now() - begun) / 1000;
  console.log(`\n${stations} stations, ${world.sessions.length} sessions at the start`);
  show("start", `${startSeconds.toFixed(2)} s`);
  show("resident at the start", memory());

  const service = serviceOf(world);
  const answers = <Q extends Fields, A extends Fields>(operation: Operation<Q, A>, query: () => Draft<Q>) =>
    perSecond(() => {
      const document = buildRequest(operation, query(), securityHeader(CREDENTIALS));
      const reply = service.reply(Buffer.from(document));
      if (reply.kind !== "soap" || !reply.document.includes(">100<"))
        throw new Error(`${operation.name} failed`);
    });
  let next = 0;
  const ids = world.stationsManagedBy(openAccount(CREDENTIALS).organisation).map(({ id }) => id);
  const stationID = (): string => ids[next++ % ids.length]!;
  const served = ids.filter((id) => world.sessionBook.of(id).some(({ endedAt }) => endedAt !== null));
  const startRecord = (): number => 1 + 500 * (next++ % Math.max(1, Math.floor(ids.length / 500)));

  show(
    "getLoad of one station",
    answers(operations.getLoad, () => ({ searchQuery: { stationID: stationID() } })),
  );
  show(
    "getStationStatus of one station",
    answers(operations.getStationStatus, () => ({ searchQuery: { stationID: stationID() } })),
  );
  show(
    "getChargingSessionData of one station",
    answers(operations.getChargingSessionData, () => ({
      searchQuery: { stationID: served[next++ % served.length]! },
    })),
  );
  show(
    `getStations, pages of ${Math.min(500, ids.length)}`,
    answers(operations.getStations, () => ({ searchQuery: { startRecord: startRecord() } })),
  );
  show(
    `getStationStatus, pages of ${Math.min(500, ids.length)}`,
    answers(operations.getStationStatus, () => ({ searchQuery: { startRecord: startRecord() } })),
  );

  const day = performance.now();
  for (let minute = 0; minute < 24 * 60; minute++) {
    clock.advance(60);
    world.catchUp();
  }
  show("a day of its time takes", `${((performance.now() - day) / 1000).toFixed(2)} s`);
  show("resident after the day", memory());
}

function serviceOf(world: World): Service {
  const account = openAccount(CREDENTIALS);
  return new Service({
    world,
    accounts: new Accounts([account]),
    enter: (_caller, _operation, lateSeconds) => ({
      world,
      account,
      lateSeconds,
      clearsWholeStation: false,
      sessionRefreshSeconds: 0,
    }),
    trouble: new Trouble(1),
    calls: new CallLog(),
    firstSerial: null,
    log: createLog({ level: "silent" }),
  });
}

function perSecond(act: () => void): string {
  for (let warm = 0; warm < 20; warm++) act();
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < SECONDS_EACH * 1000) {
    act();
    count++;
  }
  return `${((count * 1000) / (performance.now() - begun)).toFixed(0)} a second`;
}

function memory(): string {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return `${(rss / 1e6).toFixed(0)} MB, ${(heapUsed / 1e6).toFixed(0)} MB of it in use`;
}

function show(what: string, figure: string): void {
  console.log(`  ${what.padEnd(40)} ${figure}`);
}
