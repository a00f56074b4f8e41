import type { PortEnergy, SessionEvent, SessionOutlet } from "../../points/index.ts";
import type { SessionDatabase } from "../database/contract.ts";
import type { RowOf } from "../database/tables.ts";
import { SessionReader } from "../query/reader.ts";

interface AnnounceOptions {
  readonly outlet: SessionOutlet;
  /** Whether events include user, card and vehicle. */
  readonly personalData: boolean;
  readonly signal: AbortSignal;
}

const PAGE = 200;

/**
 * Publishes waiting events, ordered by the sessions' starts, and removes each when the broker has acknowledged it. An event that was
 * published just before a crash is published again with the same id. Without a broker, the rest remains for the next call.
 */
export async function announceSessions(
  database: SessionDatabase,
  { outlet, personalData, signal }: AnnounceOptions,
): Promise<void> {
  const reader = new SessionReader(database);
  for (;;) {
    const waiting = await reader.waitingSessions(PAGE, signal);
    for (const row of waiting) {
      const events = (row.to_announce ?? "").split(" ") as SessionEvent["event"][];
      while (events.length > 0) {
        signal.throwIfAborted();
        const outcome = await outlet.event(eventOf(row, events[0]!, personalData));
        if (outcome === "dropped") break;
        events.shift();
      }
      await database.write([
        {
          // A session that changed meanwhile has another event to publish.
          sql: `UPDATE session SET to_announce = ? WHERE session_id = ? AND revision = ?`,
          rows: [[events.join(" ") || null, row.session_id, row.revision]],
        },
      ]);
      if (events.length > 0) return;
    }
    if (waiting.length < PAGE) return;
  }
}

/** Publishes the lifetime energy of ports where it is due. Without a broker, the rest remains for the next call. */
export async function announceEnergy(
  database: SessionDatabase,
  { outlet, signal }: Pick<AnnounceOptions, "outlet" | "signal">,
): Promise<void> {
  const ports = await new SessionReader(database).all("port_energy", signal);
  for (const row of ports.filter(({ to_announce }) => to_announce)) {
    signal.throwIfAborted();
    if ((await outlet.energy(energyOf(row))) === "dropped") return;
    await database.write([
      {
        sql: `UPDATE port_energy SET to_announce = CAST(? AS ${database.dialect.types.boolean})
              WHERE station_id = ? AND port_number = ? AND energy_kwh = ?`,
        rows: [[false, row.station_id, row.port_number, row.energy_kwh]],
      },
    ]);
  }
}

function eventOf(row: RowOf<"session">, event: SessionEvent["event"], personalData: boolean): SessionEvent {
  return {
    event,
    id: `${row.session_id} ${event}${event === "updated" ? ` ${row.revision}` : ""}`,
    stationID: row.station_id,
    port: row.port_number,
    session: {
      sessionID: row.session_id,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      energyKwh: row.energy_kwh,
      chargingSeconds: row.charging_seconds,
      connectedSeconds: row.connected_seconds,
      startBatteryPercent: row.start_battery_percent,
      stopBatteryPercent: row.stop_battery_percent,
      endedBy: row.ended_by,
      vehicleMake: row.vehicle_make,
      vehicleModel: row.vehicle_model,
      ...(personalData && {
        userID: row.user_id,
        credentialID: row.credential_id,
        rfidSerialNumber: row.rfid_serial_number,
        vehicleID: row.vehicle_id,
      }),
    },
  };
}

function energyOf(row: RowOf<"port_energy">): PortEnergy {
  return {
    stationID: row.station_id,
    port: row.port_number,
    energyKwh: row.energy_kwh,
    sessions: row.session_count,
    at: row.changed_at,
  };
}
