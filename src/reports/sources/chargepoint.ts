import {
  type Alarm,
  ApiError,
  CredentialsError,
  type Field,
  operations,
  ProtocolError,
  pages,
  SoapFaultError,
  type Station,
  type StationStatus,
  TransportError,
} from "../../drivers/chargepoint/api/index.ts";
import { timeOf } from "../../points/index.ts";
import { wireTime } from "../../sessions/database/times.ts";
import {
  type Alarms,
  COMMON_COLUMNS,
  type Contact,
  type FleetData,
  type FleetStation,
  type Lack,
  NEWEST_ALARMS,
} from "../fleet-data.ts";
import { chargerType, isEnding, siteOf, stateOf } from "./chargepoint-columns.ts";
import type { ChargePointOptions, Client } from "./chargepoint-reading.ts";
import { readUsage } from "./chargepoint-usage.ts";

/** Number of pages requested ahead. */
const PAGES_AHEAD = 4;
const MAX_PAGES = 5000;

const elements = (
  operations.getStations.response.stationData as { element: { fields: Record<string, Field> } }
).element.fields;

/** Columns for ChargePoint stations: the common ones, and single elements of getStations. */
export const chargePointColumns: readonly string[] = [
  ...COMMON_COLUMNS,
  ...Object.entries(elements).flatMap(([name, { kind }]) =>
    kind === "scalar" && name !== "recordNumber" ? [name] : [],
  ),
];

const TIME_COLUMNS = new Set([
  "installDate",
  ...Object.entries(elements).flatMap(([name, field]) =>
    field.kind === "scalar" && field.type === "dateTime" ? [name] : [],
  ),
]);

/**
 * Reads the stations of ChargePoint accounts with their current state, and their sessions and alarms of the period. Errors for
 * stations are thrown; other parts that an account does not provide are omitted and listed in `lacks`.
 */
export async function chargePointFleet(
  clients: readonly Client[],
  options: ChargePointOptions,
): Promise<FleetData> {
  const { signal, parts } = options;
  const records = await readStations(clients, signal);
  const known = new Map(records.flatMap((record) => (record.stationID ? [[record.stationID, record]] : [])));
  options.onProgress?.("stations", known.size);
  const lacks: Lack[] = [];
  /** A part that one account rejects is omitted completely, because a part of the fleet could be mistaken for all of it. */
  const attempt = async <T>(
    lost: readonly Lack["part"][],
    read: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (signal.aborted || !isService(error)) throw error;
      lacks.push(...lost.map((part) => ({ part, reason: (error as Error).message })));
      return undefined;
    }
  };
  const statuses = await attempt(["state"], () => readStatuses(clients, signal));
  const usageParts = (["utilisation", "energy"] as const).filter((part) => parts.has(part));
  const usage =
    usageParts.length === 0
      ? undefined
      : await attempt(usageParts, () => readUsage(clients, records, options));
  const alarms = parts.has("alarms")
    ? await attempt(["alarms"], () => readAlarms(clients, options))
    : undefined;
  const all = [...known.values()];
  const statusOf = ({ stationID }: Station) => statuses?.get(stationID);
  return {
    stations: all.map((record) => fleetStation(record, statusOf(record))),
    timeColumns: TIME_COLUMNS,
    ...(usage && { usage }),
    ...(alarms && { alarms }),
    ...(parts.has("unseen") && { contacts: all.map((record) => contact(record, statusOf(record))) }),
    lacks,
  };
}

function isService(error: unknown): boolean {
  return [ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError].some(
    (kind) => error instanceof kind,
  );
}

async function readStations(clients: readonly Client[], signal: AbortSignal): Promise<Station[]> {
  const found: Station[] = [];
  const walk = { signal, ahead: PAGES_AHEAD, maxPages: MAX_PAGES };
  for (const client of clients)
    for await (const record of pages(client, operations.getStations, {}, walk)) found.push(record);
  return found;
}

async function readStatuses(
  clients: readonly Client[],
  signal: AbortSignal,
): Promise<Map<string | null, StationStatus>> {
  const found = new Map<string | null, StationStatus>();
  const walk = { signal, ahead: PAGES_AHEAD, maxPages: MAX_PAGES };
  for (const client of clients)
    for await (const status of pages(client, operations.getStationStatus, {}, walk))
      found.set(status.stationID, status);
  return found;
}

function fleetStation(record: Station, status: StationStatus | undefined): FleetStation {
  const { stationActivationDate: activation } = record;
  const activatedAt = activation ? new Date(timeOf(activation)) : undefined;
  return {
    id: record.stationID,
    name: record.stationName ?? record.Port[0]?.stationName ?? null,
    activatedAt: activatedAt && !Number.isNaN(activatedAt.getTime()) ? activatedAt : undefined,
    site: siteOf([record.Address, record.postalCode, record.City]),
    ports: record.Port.length,
    fields: {
      ...record,
      modelInfo: record.stationModel,
      installDate: activation,
      type: chargerType(record.Port.map(({ Connector, Level }) => ({ connector: Connector, level: Level }))),
      state: stateOf(status?.networkStatus ?? record.networkStatus, status?.Port ?? []),
    },
  };
}

function contact(record: Station, status: StationStatus | undefined): Contact {
  const said = (status?.networkStatus ?? record.networkStatus)?.trim().toUpperCase();
  const times = (status?.Port ?? []).map(({ TimeStamp }) => (TimeStamp ? timeOf(TimeStamp) : Number.NaN));
  const last = Math.max(...times.filter((time) => !Number.isNaN(time)), Number.NEGATIVE_INFINITY);
  return {
    stationID: record.stationID!,
    network: said === "REACHABLE" ? "reachable" : said === "UNREACHABLE" ? "unreachable" : null,
    lastSeen: Number.isFinite(last) ? new Date(last) : null,
  };
}

async function readAlarms(
  clients: readonly Client[],
  { period: { from, to }, signal }: ChargePointOptions,
): Promise<Alarms> {
  const query = { startTime: wireTime(from), endTime: wireTime(to) };
  const found = new Map<string, Alarms["newest"][number]>();
  for (const client of clients) {
    for await (const alarm of pages(client, operations.getAlarms, query, { signal, maxPages: MAX_PAGES })) {
      const one = fleetAlarm(alarm);
      if (one && one.at >= from && one.at < to)
        found.set([one.stationID, one.port, one.type, one.at.getTime()].join("\n"), one);
    }
  }
  const newest = [...found.values()].sort((a, b) => b.at.getTime() - a.at.getTime());
  const byType = [...Map.groupBy(newest, ({ type }) => type)].map(([type, alarms]) => ({
    type,
    isEnding: isEnding(type),
    count: alarms.length,
    stations: new Set(alarms.map(({ stationID }) => stationID)).size,
    latest: alarms[0]!.at,
  }));
  return {
    byType: byType.sort((a, b) => b.count - a.count),
    newest: newest.slice(0, NEWEST_ALARMS),
  };
}

function fleetAlarm({ stationID, portNumber, alarmType, alarmTime }: Alarm) {
  const at = alarmTime ? new Date(timeOf(alarmTime)) : undefined;
  if (!stationID || !alarmType || !at || Number.isNaN(at.getTime())) return undefined;
  return { at, stationID, port: portNumber || null, type: alarmType };
}
