/** Finds the stations that an account can see, for sets of devices in configs and for `voltbridge discover`. */

import type { SetMember } from "../../abilities.ts";
import { type ChargePointClient, pages, type Station } from "../api/index.ts";
import { operations } from "../api/operations/index.ts";
import type { QueryOf } from "../api/paging.ts";
import type { StationSet } from "../config.ts";

/** A station that an account can see (guide §7.1). Text is as the service sends it; null where it sends none. */
export interface FoundStation {
  readonly stationID: string;
  /** Organisation / station. */
  readonly stationName: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly ports: number;
  /** As the service writes them: `1`, `2`, `1A`. */
  readonly portNumbers: readonly string[];
  readonly city: string | null;
  readonly state: string | null;
  readonly orgID: string | null;
  readonly groups: readonly { readonly sgID: string; readonly name: string }[];
}

/** Number of pages requested ahead: 100,000 stations are 200 pages, which take a minute one after the other. */
const PAGES_AHEAD = 6;

/**
 * Returns the stations of a set, each once, in the service's order; all that the account can see where no set is given. It
 * walks once over the pages of getStations. A walk that fails, fails as a whole, so that a set is never incomplete.
 * @throws ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError
 */
export async function findStations(
  client: Pick<ChargePointClient, "call">,
  set: StationSet | undefined,
  signal: AbortSignal,
): Promise<FoundStation[]> {
  const { sgID, orgID, wanted } = search(set);
  const query = { ...(sgID !== undefined && { sgID }), ...(orgID !== undefined && { orgID }) };
  return walk(client, query, wanted, signal);
}

/** Returns one station, in one call; undefined where the account cannot see it. */
export async function findStation(
  client: Pick<ChargePointClient, "call">,
  stationID: string,
  signal: AbortSignal,
): Promise<FoundStation | undefined> {
  const [found] = await walk(client, { stationID }, (one) => one.stationID === stationID, signal);
  return found;
}

async function walk(
  client: Pick<ChargePointClient, "call">,
  query: QueryOf<typeof operations.getStations>,
  wanted: Search["wanted"],
  signal: AbortSignal,
): Promise<FoundStation[]> {
  const found = new Map<string, FoundStation>();
  for await (const record of pages(client, operations.getStations, query, { signal, ahead: PAGES_AHEAD })) {
    const station = foundStation(record);
    if (station && !found.has(station.stationID) && wanted(station)) found.set(station.stationID, station);
  }
  return [...found.values()];
}

interface Search {
  readonly sgID?: string | undefined;
  readonly orgID?: string | undefined;
  readonly wanted: (station: FoundStation) => boolean;
}

/**
 * Splits the selection into the service's query and a local filter: the guide does not define the service's wildcards
 * (§7.1.2).
 */
function search(set: StationSet | undefined): Search {
  if (isList(set)) {
    const listed = new Set(set);
    return { wanted: ({ stationID }) => listed.has(stationID) };
  }
  const { sgID: group, orgID, stationName } = set ?? {};
  const sgID = group === undefined ? undefined : String(group);
  if (stationName === undefined) return { sgID, orgID, wanted: () => true };
  const pattern = namePattern(stationName);
  return { sgID, orgID, wanted: (station) => pattern.test(station.stationName ?? "") };
}

function isList(set: StationSet | undefined): set is readonly string[] {
  return Array.isArray(set);
}

/** `*` matches any text, `?` one character, regardless of case; the whole name must match. */
function namePattern(pattern: string): RegExp {
  const parts = [...pattern].map((sign) => {
    if (sign === "*") return ".*";
    return sign === "?" ? "." : sign.replace(/[\\^$.|+()[\]{}/]/u, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`, "isu");
}

/** Returns undefined for a record without a stationID, so that it affects no other record. */
function foundStation(record: Station): FoundStation | undefined {
  const stationID = record.stationID?.trim();
  if (!stationID) return undefined;
  return {
    stationID,
    stationName:
      record.stationName ?? record.Port.find(({ stationName }) => stationName)?.stationName ?? null,
    model: record.stationModel,
    serial: record.stationSerialNum,
    ports: record.numPorts ?? record.Port.length,
    portNumbers: record.Port.flatMap(({ portNumber }) => portNumber ?? []),
    city: record.City,
    state: record.State,
    orgID: record.orgID,
    groups: groupsOf(record),
  };
}

/** Identifiers and names are two lists of text, joined by commas; a name that contains a comma makes their lengths differ. */
function groupsOf({ sgID, sgName }: Station): FoundStation["groups"] {
  const parts = (text: string | null) => (text ?? "").split(",").map((part) => part.trim());
  const ids = parts(sgID).filter((id) => id !== "");
  const names = parts(sgName);
  return ids.map((id, i) => ({ sgID: id, name: names.length === ids.length ? names[i]! : "" }));
}

/** Returns a station as a member of a set, with the values for the placeholders of a topic template. */
export function memberOf(station: FoundStation): SetMember {
  const { stationID, stationName, serial, model, city, state } = station;
  const [organisation, name] = partsOf(stationName ?? "");
  const known = { stationID, stationName, organisation, name, serial, model, city, state };
  const names = Object.entries(known).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return { id: stationID, names: Object.fromEntries(names) };
}

/** Splits `organisation / name` (§7.1.4); text without a slash is the name. */
function partsOf(stationName: string): [organisation: string, name: string] {
  const at = stationName.indexOf("/");
  if (at < 0) return ["", stationName.trim()];
  return [stationName.slice(0, at).trim(), stationName.slice(at + 1).trim()];
}
