import type { Limit, ShedMode } from "../sessions/limit.ts";
import { type Port, portLoadKw, type Station } from "../stations/station.ts";
import { recharge } from "./charging.ts";
import type { WorldState } from "./state.ts";

/** Putting limits on stations and ports, and taking them off (guide §5.1, §5.2). */

export interface ShedOrder {
  readonly mode: ShedMode;
  /** kW, or percent of the measured load to take away. */
  readonly value: number;
  /** 0: until cleared. */
  readonly minutes: number;
}

/** The mode of the shed in force at a station; a station has one at a time. */
export function shedMode(station: Station): ShedMode | null {
  return station.ports.find((port) => port.limit !== null)?.limit?.mode ?? null;
}

/**
 * One limit for the whole station: its ports share it. It takes the place of every limit in force there.
 * A percentage refers to what each port drew when a shed in force now was first asked of it.
 */
export function shedStation(state: WorldState, station: Station, order: ShedOrder): void {
  bind(state, station, station.ports, order);
}

/** A limit for one port. Where the station has one as well, it goes on binding the other ports. */
export function shedPort(state: WorldState, station: Station, port: Port, order: ShedOrder): void {
  bind(state, station, [port], order);
}

/** Frees ports of their limits, from this instant on. */
export function clearShed(state: WorldState, station: Station, ports: readonly Port[] = station.ports): void {
  for (const port of ports) release(state, station, port);
  recharge(state, station);
}

function bind(state: WorldState, station: Station, ports: readonly Port[], order: ShedOrder): void {
  const measured = ports.map((port) => port.measuredKw ?? portLoadKw(port, state.now));
  for (const port of ports) release(state, station, port);
  const limit: Limit = {
    mode: order.mode,
    value: order.value,
    kw:
      order.mode === "absolute"
        ? order.value
        : measured.reduce((sum, kw) => sum + kw, 0) * (1 - order.value / 100),
    end:
      order.minutes === 0
        ? null
        : state.agenda.plan(state.now + order.minutes * 60_000, () => {
            clearShed(
              state,
              station,
              station.ports.filter((port) => port.limit === limit),
            );
          }),
  };
  ports.forEach((port, index) => {
    port.limit = limit;
    port.measuredKw = measured[index]!;
  });
  recharge(state, station);
}

function release(state: WorldState, station: Station, port: Port): void {
  const { limit } = port;
  port.limit = null;
  port.measuredKw = null;
  if (limit && !station.ports.some((other) => other.limit === limit)) state.agenda.drop(limit.end);
}
