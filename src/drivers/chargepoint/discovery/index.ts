/** Which stations an account can see: sets of devices in configs, and `voltbridge discover`. */

import type { SetMember } from "../../abilities.ts";
import { type ChargePointClient, pages, type Station } from "../api/index.ts";
import { operations } from "../api/operations/index.ts";
import type { StationSet } from "../config.ts";

/** A station that an account can see (guide §7.1). Text is as the service gives it; null where it gives none. */
export interface FoundStation {
  readonly stationID: string;
  /** Organisation / station. */
  readonly stationName: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly ports: number;
  readonly city: string | null;
  readonly state: string | null;
  readonly orgID: string | null;
  readonly groups: readonly { readonly sgID: string; readonly name: string }[];
}

/** A hundred thousand stations are 200 pages: one after the other they take a minute. */
const PAGES_AHEAD = 6;

/**
 * The stations of a set, each once, in the service's order; all that the account can see where the set is not given.
 * One walk over the pages of getStations; a walk that fails, fails as a whole, so that a set is never half of itself.
 *
 * @throws ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError
 */
export async function findStations(
  client: Pick<ChargePointClient, "call">,
  set: StationSet | undefined,
  signal: AbortSignal,
): Promise<FoundStation[]> {
  const { sgID, orgID, wanted } = search(set);
  const query = { ...(sgID !== undefined && { sgID }), ...(orgID !== undefined && { orgID }) };
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

/** What the service is asked, and what is chosen here: how its wildcards work is not said (§7.1.2). */
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

/** `*` any text, `?` one character, upper and lower case alike; the whole name must fit. */
function namePattern(pattern: string): RegExp {
  const parts = [...pattern].map((sign) => {
    if (sign === "*") return ".*";
    return sign === "?" ? "." : sign.replace(/[\\^$.|+()[\]{}/]/u, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`, "isu");
}

/** Undefined where the record has no station in it: one such record spoils only itself. */
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
    city: record.City,
    state: record.State,
    orgID: record.orgID,
    groups: groupsOf(record),
  };
}

/** Identifiers and names come as two lists of text, joined by commas. A name with a comma leaves them unequal. */
function groupsOf({ sgID, sgName }: Station): FoundStation["groups"] {
  const parts = (text: string | null) => (text ?? "").split(",").map((part) => part.trim());
  const ids = parts(sgID).filter((id) => id !== "");
  const names = parts(sgName);
  return ids.map((id, i) => ({ sgID: id, name: names.length === ids.length ? names[i]! : "" }));
}

/** A station as a member of a set: what stands for the placeholders of a topic template. */
export function memberOf(station: FoundStation): SetMember {
  const { stationID, stationName, serial, model, city, state } = station;
  const [organisation, name] = partsOf(stationName ?? "");
  const known = { stationID, stationName, organisation, name, serial, model, city, state };
  const names = Object.entries(known).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim()));
  return { id: stationID, names: Object.fromEntries(names) };
}

/** `organisation / name` (§7.1.4); what has no slash is all name. */
function partsOf(stationName: string): [organisation: string, name: string] {
  const at = stationName.indexOf("/");
  if (at < 0) return ["", stationName.trim()];
  return [stationName.slice(0, at).trim(), stationName.slice(at + 1).trim()];
}
