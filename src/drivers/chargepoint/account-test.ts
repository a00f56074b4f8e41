import type { AccountFinding } from "../abilities.ts";
import type { DeviceInit } from "../driver.ts";
import type { AnswerKind } from "./account/answers.ts";
import { ChargePointClient } from "./api/client.ts";
import { endpointFor, REGIONS } from "./api/endpoints.ts";
import { ApiError, CredentialsError } from "./api/errors.ts";
import { operations } from "./api/operations/index.ts";
import { describe } from "./api/response-codes.ts";
import type { ChargePointConfig } from "./config.ts";
import { CALLS } from "./registers/calls.ts";
import { registerClasses } from "./registers/index.ts";
import { kindOf } from "./registers/register.ts";

type Client = Pick<ChargePointClient, "call">;

/** Further fields of the query, for the kinds of answers that would be long without. */
const QUERIES: Partial<Record<AnswerKind, () => object>> = {
  alarms: () => ({ startTime: yesterday() }),
  sessions: () => ({ fromTimeStamp: yesterday() }),
};

function yesterday(): string {
  return new Date(Date.now() - 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Code of a service plan without the call; the other refusals of an account are about its rights (guide §3). */
const NOT_IN_PLAN = "101";
/** Codes of an unknown station: not in the network, not valid, none found, of a wrong form. */
const NO_STATION = new Set(["102", "103", "119", "152", "169"]);
const CREDENTIALS = new Set(["104"]);

/** See {@link TestsAccounts}. `regions`: the services by region; a refused key is tried at the others. */
export async function testAccount(
  devices: readonly DeviceInit<ChargePointConfig>[],
  found: (finding: AccountFinding) => void,
  signal: AbortSignal,
  regions: Readonly<Record<string, string>> = REGIONS,
): Promise<void> {
  const { config } = devices[0]!;
  let calls = 0;
  const open = (endpoint: string) =>
    new ChargePointClient({
      ...{ endpoint, username: config.username, password: config.password, retries: 0 },
      onCall: () => calls++,
    });
  const client = open(config.endpoint === undefined ? regions[config.region]! : endpointFor(config));
  try {
    const stationID = await stationOf(devices, client, signal);
    if (stationID === undefined) {
      found({
        outcome: "warning",
        text: `the account is accepted, and the service returns none of its stations; ${counted(calls)}`,
        remedy: 'check sgID, orgID or stationName; "voltbridge discover" lists the stations of the account',
      });
      return;
    }
    const answered: string[] = [];
    /** Reasons for which the service has no such station, by code. */
    const missing = new Map<string, string>();
    const ask = async ([kind, points]: [AnswerKind, ReadonlySet<string>]): Promise<void> => {
      const { operation } = CALLS[kind];
      const searchQuery = { stationID, ...QUERIES[kind]?.() };
      try {
        const { responseCode } = await client.call(operations[operation], { searchQuery }, { signal });
        const code = responseCode?.trim() ?? "";
        if (NO_STATION.has(code)) missing.set(code, `${operation}: code ${code}, ${describe(code)}`);
        else answered.push(operation);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError) || CREDENTIALS.has(error.code)) throw error;
        if (NO_STATION.has(error.code)) missing.set(error.code, error.message);
        else found(refusal(error, operation, points));
      }
    };
    // A refused login must not be repeated by every call.
    const [first = ["station", new Set<string>()], ...others] = pointsByKind(devices);
    await ask(first);
    await Promise.all(others.map(ask));
    for (const text of missing.values())
      found({
        outcome: "warning",
        text: `station ${stationID}: ${text}`,
        remedy: `check its stationID; "voltbridge discover" lists the stations of the account`,
      });
    if (answered.length > 0)
      found({
        outcome: "ok",
        text: `the account is accepted; ${answered.join(", ")} answered for station ${stationID}; ${counted(calls)}`,
      });
  } catch (error) {
    signal.throwIfAborted();
    const isCredentials =
      error instanceof CredentialsError || (error instanceof ApiError && CREDENTIALS.has(error.code));
    if (!isCredentials) {
      found({ outcome: "failed", text: `${(error as Error).message}; ${counted(calls)}` });
      return;
    }
    const acceptedAt = (endpoint: string) => accepts(open(endpoint), signal);
    const refused = await refusedLogin(error, config, acceptedAt, regions);
    signal.throwIfAborted();
    found({ ...refused, text: `${refused.text}; ${counted(calls)}` });
  } finally {
    await client.close();
  }
}

/** Returns a station of the devices: that of the first single device, else one that the service returns for the first set. */
async function stationOf(
  devices: readonly DeviceInit<ChargePointConfig>[],
  client: Client,
  signal: AbortSignal,
): Promise<string | undefined> {
  const single = devices.find(({ config }) => config.stations === undefined);
  if (single) return single.config.stationID;
  const { stations } = devices[0]!.config;
  if (Array.isArray(stations)) return stations[0];
  const { sgID, orgID } = (stations ?? {}) as { readonly sgID?: string | number; readonly orgID?: string };
  const searchQuery = {
    ...(sgID !== undefined && { sgID: String(sgID) }),
    ...(orgID !== undefined && { orgID }),
    numStations: 1,
  };
  const { stationData } = await client.call(operations.getStations, { searchQuery }, { signal });
  return stationData[0]?.stationID ?? undefined;
}

/** Returns the kinds of answers that the devices' rows are read from, with the names of the points, none where only `read_alarms` needs it. */
function pointsByKind(devices: readonly DeviceInit<ChargePointConfig>[]): Map<AnswerKind, Set<string>> {
  const kinds = new Map<AnswerKind, Set<string>>();
  // Devices that share a registry share its rows.
  for (const rows of new Set(devices.map((device) => device.rows)))
    for (const { register, attribute, point } of rows) {
      const kind = kindOf(registerClasses[register]!, attribute);
      kinds.set(kind, (kinds.get(kind) ?? new Set()).add(point.name));
    }
  if (devices.some(({ config }) => config.read_alarms)) kinds.set("alarms", kinds.get("alarms") ?? new Set());
  return kinds;
}

/** Maximum number of points named in a message. */
const MOST_NAMED = 3;

function refusal(error: ApiError, operation: string, points: ReadonlySet<string>): AccountFinding {
  if (error.kind !== "forbidden") return { outcome: "warning", text: error.message };
  if (points.size === 0)
    return {
      outcome: "warning",
      text: `${error.message}; without it no alarms are announced`,
      remedy: "ask ChargePoint or the owner of the station for the right, or set read_alarms to false",
    };
  const more = points.size - MOST_NAMED;
  const named = `${[...points].slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return {
    outcome: "warning",
    text: `${error.message}; without it there are no values for ${named}`,
    remedy:
      error.code === NOT_IN_PLAN
        ? `remove the rows that need ${operation} from the registry, or ask ChargePoint for a plan that includes it`
        : "ask the owner of the station for the right, or remove the rows",
  };
}

/** Explains a refused login: a driver's login, another region's key, or a wrong password. */
async function refusedLogin(
  error: Error,
  { username, endpoint, region }: ChargePointConfig,
  acceptedAt: (endpoint: string) => Promise<boolean>,
  regions: Readonly<Record<string, string>>,
): Promise<AccountFinding> {
  const outcome = "failed";
  if (username.includes("@") || (error instanceof ApiError && CREDENTIALS.has(error.code)))
    return {
      outcome,
      text: `${error.message}; the username looks like the login of a driver or of the web page`,
      remedy:
        "give the API licence key as username and the API password as password: ChargePoint > Organizations > API Info",
    };
  const others = endpoint === undefined ? Object.entries(regions).filter(([name]) => name !== region) : [];
  const answers = await Promise.all(
    others.map(async ([name, url]) => ((await acceptedAt(url)) ? name : undefined)),
  );
  const other = answers.find((name) => name !== undefined);
  return other === undefined
    ? { outcome, text: error.message }
    : {
        outcome,
        text: `region ${region} does not accept the account, and region ${other} does`,
        remedy: `set "region": "${other}" in the driver_config of its devices`,
      };
}

/** Returns whether a service accepts the account; false where that is not known. */
async function accepts(client: ChargePointClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.call(operations.getCPNInstances, {}, { signal, deadlineMs: 3000 });
    return true;
  } catch (error) {
    return error instanceof ApiError;
  } finally {
    await client.close();
  }
}

function counted(calls: number): string {
  return `${calls} ${calls === 1 ? "call" : "calls"}`;
}
