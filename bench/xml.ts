/**
 * CPU and longest block of the event loop for reading a page of 500 stations: the page reader beside the reader that
 * builds a tree with fast-xml-parser, in one run.
 *
 *   node bench/xml.ts [rounds] [stations]
 *
 * Rounds of the two alternate on the same bytes, as the simulated service answers them; their values are compared first.
 * CPU is the whole process's, its collection of garbage included. Trust the ratios, not the milliseconds.
 */
import { isDeepStrictEqual } from "node:util";
import {
  buildRequest,
  buildResponse,
  type Draft,
  type Operation,
  operations,
  type ReadAnswer,
  readAnswer,
  readPage,
  securityHeader,
} from "../src/drivers/chargepoint/api/index.ts";
import type { Fields } from "../src/drivers/chargepoint/api/message.ts";
import { createLog } from "../src/log/log.ts";
import { Accounts, openAccount } from "../src/simulator/accounts.ts";
import { CallLog } from "../src/simulator/calls.ts";
import { SteppedClock } from "../src/simulator/clock.ts";
import { Service } from "../src/simulator/http/service.ts";
import { Trouble } from "../src/simulator/trouble/trouble.ts";
import { World } from "../src/simulator/world/world.ts";

const ROUNDS = Number(process.argv[2] ?? 9);
const STATIONS = Number(process.argv[3] ?? 500);
/** CPU of one reading is too short to be told; this many are told together. */
const READINGS = 10;
const CREDENTIALS = { username: "bench", password: "bench" };
const READERS = { "page reader": readPage, "fast-xml-parser": readAnswer } satisfies Record<
  string,
  ReadAnswer
>;
type Reader = keyof typeof READERS;

interface Round {
  readonly cpuMs: number;
  readonly blockMs: number;
}

const pages = pagesOfSite();
console.log(
  `pages of ${STATIONS} stations, median of ${ROUNDS} rounds of ${READINGS} readings [lowest to highest]`,
);
console.table(pages.map(([operation, page]) => compare(operation, page)));

function compare(operation: Operation, page: Buffer): Record<string, string | number> {
  if (!isDeepStrictEqual(readPage(operation, page), readAnswer(operation, page)))
    throw new Error(`the readers do not agree on ${operation.name}`);
  const rounds: Record<Reader, Round[]> = { "page reader": [], "fast-xml-parser": [] };
  // The first rounds are the compiler's.
  for (let at = -3; at < ROUNDS; at++) {
    for (const reader of Object.keys(READERS) as Reader[]) {
      const round = time(READERS[reader], operation, page);
      if (at >= 0) rounds[reader].push(round);
    }
  }
  const [own, peer] = [rounds["page reader"], rounds["fast-xml-parser"]];
  return {
    page: operation.name,
    kB: Math.round(page.length / 1000),
    "CPU, ms": spread(own.map(({ cpuMs }) => cpuMs)),
    "fast-xml-parser": spread(peer.map(({ cpuMs }) => cpuMs)),
    "times less": spread(own.map(({ cpuMs }, at) => peer[at]!.cpuMs / cpuMs)),
    "longest block, ms": Math.max(...own.map(({ blockMs }) => blockMs)).toFixed(1),
    "its longest": Math.max(...peer.map(({ blockMs }) => blockMs)).toFixed(1),
  };
}

function time(read: ReadAnswer, operation: Operation, page: Buffer): Round {
  const before = process.cpuUsage();
  let blockMs = 0;
  for (let reading = 0; reading < READINGS; reading++) {
    const begun = performance.now();
    read(operation, page);
    blockMs = Math.max(blockMs, performance.now() - begun);
  }
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000 / READINGS, blockMs };
}

function spread(figures: number[]): string {
  const sorted = figures.toSorted((a, b) => a - b);
  const [low, middle, high] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  return `${middle.toFixed(1)} [${low.toFixed(1)} to ${high.toFixed(1)}]`;
}

function pagesOfSite(): [Operation, Buffer][] {
  const clock = new SteppedClock();
  const world = new World({
    ...{ seed: 1, clock, traffic: true, incidents: true, historyHours: 24 },
    stations: STATIONS * 2,
  });
  const account = openAccount(CREDENTIALS);
  const service = new Service({
    ...{
      world,
      accounts: new Accounts([account]),
      trouble: new Trouble(1),
      calls: new CallLog(),
      firstSerial: null,
    },
    enter: (_caller, _operation, lateSeconds) => ({
      ...{ world, account, lateSeconds, clearsWholeStation: false, sessionRefreshSeconds: 0 },
    }),
    log: createLog({ level: "silent" }),
  });
  const ask = <Q extends Fields, A extends Fields>(operation: Operation<Q, A>, request: Draft<Q>): Buffer => {
    const reply = service.reply(Buffer.from(buildRequest(operation, request, securityHeader(CREDENTIALS))));
    if (reply.kind !== "soap" || !reply.document.includes(">100<"))
      throw new Error(`${operation.name} failed`);
    return Buffer.from(reply.document);
  };
  const { getStationStatus, getLoad, getStations, getChargingSessionData } = operations;
  const ids = world.stationsManagedBy(account.organisation).map(({ id }) => id);
  if (ids.length < STATIONS) throw new Error(`the account manages ${ids.length} stations only`);
  const loads = ids.slice(0, STATIONS).flatMap((stationID) => {
    const answer = readAnswer(getLoad, ask(getLoad, { searchQuery: { stationID } }));
    return answer.kind === "response" ? answer.value.stationData : [];
  });
  const load = { responseCode: "100", responseText: "ok", sgID: 1, numStations: STATIONS, groupName: "all" };
  return [
    [getStationStatus, ask(getStationStatus, { searchQuery: { numStations: STATIONS } })],
    [getLoad, Buffer.from(buildResponse(getLoad, { ...load, stationData: loads as never }))],
    [getStations, ask(getStations, { searchQuery: { numStations: STATIONS } })],
    [getChargingSessionData, ask(getChargingSessionData, { searchQuery: { activeSessionsOnly: false } })],
  ];
}
