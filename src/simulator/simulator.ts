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
/** Maximum number of connections waiting to be accepted: thousands of clients start at once. */
const BACKLOG = 4096;

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** The same seed, start and calls at the same times give the same answers. Default 1. */
  readonly seed?: number;
  /**
   * Number of stations that the default account manages. Default 100; with a hundred or more there are all kinds of
   * stations, and a few more on which it has only viewing rights, or none.
   */
  readonly stations?: number;
  /** Stations of each site, and so of its station group. Default 24. */
  readonly stationsPerSite?: number;
  /** Name of the only model, e.g. CT4021-GW1. Default: all models. */
  readonly model?: string;
  /** Simulated seconds per second. Default 1. */
  readonly speed?: number;
  /** Start of the simulated time, milliseconds since 1970 or anything Date accepts. Default: now. */
  readonly start?: number | string | Date;
  /** Instead of `speed` and `start`; a `SteppedClock` in tests. */
  readonly clock?: WorldClock;
  /** Generated where not given. */
  readonly username?: string;
  readonly password?: string;
  /** More accounts, of other organisations or on smaller plans. */
  readonly accounts?: readonly AccountOptions[];
  /** Default: silent. */
  readonly log?: Log;
  /** Whether vehicles arrive by themselves. Default true. */
  readonly traffic?: boolean;
  /** Whether stations and ports fail by themselves, rarely. Default true. */
  readonly incidents?: boolean;
  /**
   * Time for which the world has been running when it starts, in hours. Default 24, less for very many stations; 0 without
   * traffic.
   */
  readonly historyHours?: number;
  /** Minimum number of ended sessions that are kept. Default: 10,000, or 100 for each port up to 120,000. */
  readonly keepSessions?: number;
  /** Simulates networks in which clearing named ports clears the whole station. Default false. */
  readonly clearsWholeStation?: boolean;
  /**
   * Interval at which session data is updated; 300 s in the real service (guide §6.1). Default 0: always current, so that
   * sessions and loads agree at every instant.
   */
  readonly sessionRefreshSeconds?: number;
  /** Troubles from the start: rules, or the path of a JSON file. */
  readonly trouble?: string | readonly TroubleRule[];
  /** Whether requests are carried out after the time at which they say that they expire. Default false. */
  readonly ignoresExpiry?: boolean;
  /** Whether `/control` is served, for callers on this machine (default) or for all. */
  readonly control?: boolean | "anywhere";
  /**
   * Replaces every `portLoad` of an answer by a number of its own: 0.001, 0.002, …; the log of calls shows which answer
   * contained it. For tests that track each value. Default false.
   */
  readonly serials?: boolean;
}

export interface Simulator {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  /** Stations that the default account manages. */
  readonly stationIDs: readonly string[];
  /** For inspection, and to add vehicles, faults and alarms by hand. */
  readonly world: World;
  /** To make requests fail. */
  readonly trouble: Trouble;
  /** Latest requests, oldest first, for tests. */
  readonly calls: readonly Call[];
  /** Ends every connection, including hanging ones. */
  close(): Promise<void>;
}

/**
 * Starts a ChargePoint service with its own world: a request comes in as SOAP, is answered from the state of the world, and
 * may be changed by a trouble on its way out.
 * @throws RangeError for options out of range or an unknown model; TroubleRulesError for a file of troubles; listen errors
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
    new Service({
      ...{ world, accounts, enter, trouble, calls, firstSerial, log },
      ignoresExpiry: options.ignoresExpiry,
    }),
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
  if (Number.isNaN(time)) throw new RangeError(`${start} is not a valid start time`);
  return time;
}
