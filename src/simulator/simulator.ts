import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Operation } from "../drivers/chargepoint/api/message.ts";
import { createLog, type Log } from "../log/log.ts";
import { type Account, type AccountOptions, Accounts, openAccount } from "./accounts.ts";
import { Refusal, type Scene } from "./answers/answer.ts";
import { type Call, CallLog } from "./calls.ts";
import { RunningClock, type WorldClock } from "./clock.ts";
import { createControl } from "./control/control.ts";
import { createHttpServer, SERVICE_PATH } from "./http/http.ts";
import { Service } from "./http/service.ts";
import { shutDown } from "./http/shutdown.ts";
import { planIncludes } from "./plans.ts";
import { readTroubleFile } from "./trouble/rules.ts";
import { Trouble, type TroubleRule } from "./trouble/trouble.ts";
import { historyHoursFor, World } from "./world/world.ts";

const MOST_STATIONS = 100_000;
/** Connections that may wait to be taken: thousands of clients start at once. */
const BACKLOG = 4096;

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Same seed, same start and same calls at the same times: same answers. Default 1. */
  readonly seed?: number;
  /**
   * How many the default account manages. Default 100; where they are a hundred or more there are all kinds of stations
   * among them, and a few beside on which it has only the right to look, or none.
   */
  readonly stations?: number;
  /** Stations of each site, and so of its station group. Default 24. */
  readonly stationsPerSite?: number;
  /** Name of the only model that there is, e.g. CT4021-GW1. Default: all kinds. */
  readonly model?: string;
  /** How many seconds pass in a second. Default 1. */
  readonly speed?: number;
  /** When the simulated time starts, milliseconds since 1970 or anything Date takes. Default: now. */
  readonly start?: number | string | Date;
  /** Instead of `speed` and `start`; a `SteppedClock` in tests. */
  readonly clock?: WorldClock;
  /** Made up where not given. */
  readonly username?: string;
  readonly password?: string;
  /** More accounts, of other organisations or on smaller plans. */
  readonly accounts?: readonly AccountOptions[];
  /** Default: silent. */
  readonly log?: Log;
  /** Whether vehicles come by themselves. Default true. */
  readonly traffic?: boolean;
  /** Whether stations and ports fail by themselves, rarely. Default true. */
  readonly incidents?: boolean;
  /** How long the world has been running when it starts. Default 24, less for very many stations; 0 without traffic. */
  readonly historyHours?: number;
  /** How many sessions that are over it remembers, at least. Default: 10,000, or 100 for each port up to 120,000. */
  readonly keepSessions?: number;
  /** Imitates networks in which clearing named ports clears the whole station. Default false. */
  readonly clearsWholeStation?: boolean;
  /**
   * Session data is only renewed at multiples of this; the real service does so every 300 s (guide §6.1). Default 0:
   * always fresh, so that sessions and loads agree at every instant.
   */
  readonly sessionRefreshSeconds?: number;
  /** Trouble from the start: rules, or the path of a JSON file with some. */
  readonly trouble?: string | readonly TroubleRule[];
  /** Whether `/control` is there, for callers on this machine (default) or for everybody. */
  readonly control?: boolean | "anywhere";
  /**
   * Every `portLoad` of an answer is a number of its own instead of the load: 0.001, 0.002, …, and the log of calls
   * tells which answer carried it. For ledgers of what became of each value. Default false.
   */
  readonly serials?: boolean;
}

export interface Simulator {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  /** Stations that the default account manages. */
  readonly stationIDs: readonly string[];
  /** To look at, and to bring vehicles, faults and alarms by hand. */
  readonly world: World;
  /** To make requests fail. */
  readonly trouble: Trouble;
  /** Latest requests, oldest first; for tests to see what was asked. */
  readonly calls: readonly Call[];
  /** Ends every connection, those that hang included. */
  close(): Promise<void>;
}

/**
 * Starts a ChargePoint service on a world of its own.
 *
 * @throws RangeError for options out of range, and a model that is not known; TroubleRulesError for a file of troubles; listen errors
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const stations = options.stations ?? 100;
  if (!Number.isInteger(stations) || stations < 1 || stations > MOST_STATIONS) {
    throw new RangeError(`stations must be a whole number from 1 to ${MOST_STATIONS}, found ${stations}`);
  }
  const traffic = options.traffic ?? true;
  const seed = options.seed ?? 1;
  const clock = options.clock ?? new RunningClock(options.speed, timeOf(options.start));
  const world = new World({
    seed,
    stations,
    stationsPerSite: options.stationsPerSite,
    model: options.model,
    clock,
    traffic,
    incidents: options.incidents ?? true,
    historyHours: options.historyHours ?? (traffic ? historyHoursFor(stations) : 0),
    keepSessions: options.keepSessions,
  });
  const username = options.username ?? `sim${randomBytes(12).toString("hex")}`;
  const password = options.password ?? randomBytes(12).toString("hex");
  const accounts = new Accounts([{ username, password }, ...(options.accounts ?? [])].map(openAccount));
  const known = {
    accounts: [username, ...(options.accounts ?? []).map((account) => account.username)],
    hasStation: (id: string) => world.findStation(id) !== undefined,
  };
  const trouble = new Trouble(seed);
  const rules =
    typeof options.trouble === "string" ? readTroubleFile(options.trouble, known) : options.trouble;
  for (const rule of rules ?? []) trouble.add(rule);
  const calls = new CallLog();
  const log = (options.log ?? createLog({ level: "silent" })).part("simulator");
  const { clearsWholeStation = false, sessionRefreshSeconds = 0 } = options;
  const scene = { world, clearsWholeStation, sessionRefreshSeconds };
  const enter = (account: Account, { name }: Operation, lateSeconds: Scene["lateSeconds"]): Scene => {
    if (!planIncludes(account.plan, name)) throw new Refusal("101");
    return { ...scene, account, lateSeconds };
  };
  const firstSerial = options.serials ? 1 : null;
  const { control = true } = options;
  const controlled = { world, clock, trouble, calls, known };
  const server = createHttpServer(
    new Service({ world, accounts, enter, trouble, calls, firstSerial, log }),
    control === false ? null : createControl(controlled, control === "anywhere"),
    log,
  );
  server.listen({ port: options.port ?? 0, host: options.host ?? "127.0.0.1", backlog: BACKLOG });
  await once(server, "listening");
  const { address, family, port } = server.address() as AddressInfo;
  const endpoint = `http://${family === "IPv6" ? `[${address}]` : address}:${port}${SERVICE_PATH}`;
  log.info("listening", { endpoint, stations });

  return {
    endpoint,
    username,
    password,
    stationIDs: world.stationsManagedBy(accounts.first.organisation).map((station) => station.id),
    world,
    trouble,
    get calls() {
      return calls.calls;
    },
    close() {
      trouble.end();
      return shutDown(server);
    },
  };
}

function timeOf(start: number | string | Date | undefined): number | undefined {
  if (start === undefined) return undefined;
  const time = new Date(start).getTime();
  if (Number.isNaN(time)) throw new RangeError(`${start} is no time to start at`);
  return time;
}
