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
import { UsageSums, type UsedBySession } from "../usage.ts";
import type { ChargePointOptions, Client } from "./chargepoint-reading.ts";

/** Time before the period from which sessions are read, because they may extend into it and are found by their start. */
const BEFORE_MS = 86_400_000;

/** Sums the ended and active sessions of the period; includes ports without sessions. */
export async function readUsage(
  clients: readonly Client[],
  stations: readonly Station[],
  { period, now, signal, onProgress }: ChargePointOptions,
): Promise<Usage> {
  const sums = new UsageSums(period);
  const since = new Date(period.from.getTime() - BEFORE_MS);
  const walk = { from: wireTime(since), to: wireTime(period.to), signal };
  let count = 0;
  /** Ids already counted: several accounts can have access to the same station. */
  const counted = clients.length > 1 ? new Set<string | null>() : undefined;
  const isFirst = ({ sessionID }: ChargingSession) => {
    const known = counted?.has(sessionID) ?? false;
    counted?.add(sessionID);
    return !known;
  };
  for (const client of clients) {
    const active = await readActive(client, signal);
    for await (const { sessions, reached } of walkSessions(client, walk)) {
      const over = sessions.filter((session) => !active.has(session.sessionID) && isFirst(session));
      for (const session of byStart(over, now)) sums.add(session);
      count += over.length;
      onProgress?.("sessions", count, reached ?? undefined);
    }
    for (const session of byStart([...active.values()].filter(isFirst), now)) sums.add(session);
  }
  const usage = sums.usage();
  const used = new Set(usage.ports.map(({ stationID, port }) => `${stationID}\n${port}`));
  const unused = stations.flatMap(({ stationID, Port: ports }) =>
    ports.flatMap(({ portNumber: port }) =>
      !stationID || !port || used.has(`${stationID}\n${port}`)
        ? []
        : [{ stationID, port, sessions: 0, energyKwh: 0, chargingSeconds: 0, inUseSeconds: 0 }],
    ),
  );
  return { ports: [...usage.ports, ...unused], days: usage.days, hours: usage.hours };
}

/** Reads active sessions first: a session that ends between the two reads is then in both, and otherwise in none. */
async function readActive(client: Client, signal: AbortSignal): Promise<Map<string | null, ChargingSession>> {
  const found = new Map<string | null, ChargingSession>();
  const query = { activeSessionsOnly: true };
  for await (const session of pages(client, operations.getChargingSessionData, query, { signal }))
    found.set(session.sessionID, session);
  return found;
}

function byStart(records: readonly ChargingSession[], now: Date): UsedBySession[] {
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

/** Returns the seconds of `HH:MM:SS`; hours can exceed 24. */
function secondsOf(duration: string | null): number {
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d)$/.exec(duration?.trim() ?? "") ?? [];
  return hours === undefined ? 0 : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}
