import type { Limit, ShedMode } from "../sessions/limit.ts";
import { type Port, portLoadKw, type Station } from "../stations/station.ts";
import { recharge } from "./charging.ts";
import type { WorldState } from "./state.ts";

/** Sets and removes limits of stations and ports (guide §5.1, §5.2). */

export interface ShedOrder {
  readonly mode: ShedMode;
  /** kW, or percent of the measured load to shed. */
  readonly value: number;
  /** 0: until cleared. */
  readonly minutes: number;
}

/** Returns the mode of the shed in force at a station; a station has one at a time. */
export function shedMode(station: Station): ShedMode | null {
  return station.ports.find((port) => port.limit !== null)?.limit?.mode ?? null;
}

/**
 * Sets one limit for the whole station, shared by its ports. It replaces every limit in force there. A percentage refers to
 * each port's load when the shed now in force was first requested.
 */
export function shedStation(state: WorldState, station: Station, order: ShedOrder): void {
  bind(state, station, station.ports, order);
}

/** Sets a limit for one port. A limit of the station continues to bind the other ports. */
export function shedPort(state: WorldState, station: Station, port: Port, order: ShedOrder): void {
  bind(state, station, [port], order);
}

/** Removes the limits of ports from this instant on. */
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
