import {
  type ChargingSession,
  operations,
  pages,
  type Station,
} from "../../drivers/chargepoint/api/index.ts";
import { timeOf } from "../../points/index.ts";
import { wireTime } from "../../sessions/database/times.ts";
import { walkSessions } from "../../sessions/sync/walk.ts";
import type { Usage } from "../fleet-data.ts";
import { UsageTally, type UsedBySession } from "../usage.ts";
import type { ChargePointOptions, Client } from "./chargepoint-reading.ts";

/** The service finds sessions by their start: those of a day before may reach into the period. */
const BEFORE_MS = 86_400_000;

/** Sessions of the period, over or under way, added up; ports without any are there too. */
export async function readUsage(
  clients: readonly Client[],
  stations: readonly Station[],
  { period, now, signal, onProgress }: ChargePointOptions,
): Promise<Usage> {
  const tally = new UsageTally(period);
  const since = new Date(period.from.getTime() - BEFORE_MS);
  const walk = { from: wireTime(since), to: wireTime(period.to), signal };
  let count = 0;
  /** Of several accounts two can see the same station. */
  const counted = clients.length > 1 ? new Set<string | null>() : undefined;
  const isFirst = ({ sessionID }: ChargingSession) => {
    const known = counted?.has(sessionID) ?? false;
    counted?.add(sessionID);
    return !known;
  };
  for (const client of clients) {
    const underWay = await readUnderWay(client, signal);
    for await (const { sessions, reached } of walkSessions(client, walk)) {
      const over = sessions.filter((session) => !underWay.has(session.sessionID) && isFirst(session));
      for (const session of inOrder(over, now)) tally.add(session);
      count += over.length;
      onProgress?.("sessions", count, reached ?? undefined);
    }
    for (const session of inOrder([...underWay.values()].filter(isFirst), now)) tally.add(session);
  }
  const usage = tally.usage();
  const used = new Set(usage.ports.map(({ stationID, port }) => `${stationID}\n${port}`));
  const unused = stations.flatMap(({ stationID, Port: ports }) =>
    ports.flatMap(({ portNumber: port }) =>
      !stationID || !port || used.has(`${stationID}\n${port}`)
        ? []
        : [{ stationID, port, sessions: 0, energyKwh: 0, chargingSeconds: 0, inUseSeconds: 0 }],
    ),
  );
  return { ports: [...usage.ports, ...unused], days: usage.days };
}

/** First: a session that ends between the two reads is in both, and in none the other way round. */
async function readUnderWay(
  client: Client,
  signal: AbortSignal,
): Promise<Map<string | null, ChargingSession>> {
  const found = new Map<string | null, ChargingSession>();
  const query = { activeSessionsOnly: true };
  for await (const session of pages(client, operations.getChargingSessionData, query, { signal }))
    found.set(session.sessionID, session);
  return found;
}

function inOrder(records: readonly ChargingSession[], now: Date): UsedBySession[] {
  return records
    .flatMap((record) => {
      const start = record.startTime ? timeOf(record.startTime) : Number.NaN;
      if (!record.stationID || Number.isNaN(start)) return [];
      const end = record.endTime ? timeOf(record.endTime) : now.getTime();
      return {
        stationID: record.stationID,
        port: record.portNumber || null,
        start,
        end: Number.isNaN(end) ? start : end,
        energyKwh: record.Energy ?? 0,
        chargingSeconds: secondsOf(record.totalChargingDuration),
      };
    })
    .sort((a, b) => a.start - b.start);
}

/** Seconds of `HH:MM:SS`; hours go on after 24. */
function secondsOf(duration: string | null): number {
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d)$/.exec(duration?.trim() ?? "") ?? [];
  return hours === undefined ? 0 : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
