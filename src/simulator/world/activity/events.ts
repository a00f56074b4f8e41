import type { Appointment } from "../sessions/agenda.ts";
import type { Limit } from "../sessions/limit.ts";
import { Random } from "../sessions/random.ts";
import type { Session } from "../sessions/session.ts";
import type { Organisation } from "../stations/organisations.ts";
import type { Port, Station } from "../stations/station.ts";
import { recharge } from "./charging.ts";
import { type ShedOrder, shedMode, shedPort, shedStation } from "./shedding.ts";
import type { WorldState } from "./state.ts";

const FIRST_EVENT = 50_001;
const MS_PER_MINUTE = 60_000;
/** Share of the drivers who may opt out that do. */
const OPT_OUT_SHARE = 0.25;
/** Part of an event within which drivers opt out. */
const OPT_OUT_WITHIN = 0.5;

/** A planned limit that drivers may be allowed to opt out of (guide §5.4). */
export interface LoadShedEvent {
  readonly id: number;
  readonly organisation: Organisation;
  readonly stations: readonly Station[];
  readonly startsAt: number;
  readonly minutes: number;
  readonly allowOptOut: boolean;
  /** An absolute value is for each port, a percentage for each station. */
  readonly mode: ShedOrder["mode"];
  readonly value: number;
}

/** Load shed events that have not begun. */
export class EventBook {
  readonly #state: WorldState;
  readonly #waiting = new Map<number, { event: LoadShedEvent; start: Appointment }>();
  #next = FIRST_EVENT;

  constructor(state: WorldState) {
    this.#state = state;
  }

  announce(plan: Omit<LoadShedEvent, "id">): LoadShedEvent {
    const event = { ...plan, id: this.#next++ };
    const start = this.#state.agenda.plan(event.startsAt, () => {
      this.#waiting.delete(event.id);
      begin(this.#state, event);
    });
    this.#waiting.set(event.id, { event, start });
    return event;
  }

  /** Returns an event that has not begun. */
  find(id: number): LoadShedEvent | undefined {
    return this.#waiting.get(id)?.event;
  }

  /** Returns whether there has been an event with this number. */
  hasBegun(id: number): boolean {
    return id >= FIRST_EVENT && id < this.#next && !this.#waiting.has(id);
  }

  cancel(event: LoadShedEvent): void {
    this.#state.agenda.drop(this.#waiting.get(event.id)?.start ?? null);
    this.#waiting.delete(event.id);
  }
}

/** Unreachable stations, and those shed in the other mode (guide §5.1), are skipped. */
function begin(state: WorldState, event: LoadShedEvent): void {
  const { mode, value, minutes } = event;
  for (const station of event.stations) {
    const inForce = shedMode(station);
    if (station.unreachableSince !== null || (inForce !== null && inForce !== mode)) continue;
    if (mode === "absolute") for (const port of station.ports) shedPort(state, station, port, event);
    else shedStation(state, station, { mode, value, minutes });
    if (event.allowOptOut) for (const port of station.ports) askDriver(state, event, station, port);
  }
}

/** Drivers who charge when an event begins decide whether they opt out. */
function askDriver(state: WorldState, event: LoadShedEvent, station: Station, port: Port): void {
  const { session, limit } = port;
  if (session === null || limit === null) return;
  const random = new Random(state.seed, 0x0b70, event.id, session.id);
  if (!random.chance(OPT_OUT_SHARE)) return;
  const after = random.next() * OPT_OUT_WITHIN * event.minutes * MS_PER_MINUTE;
  state.agenda.plan(state.now + Math.ceil(after / 1000) * 1000, () =>
    optOut(state, station, port, session, limit),
  );
}

function optOut(state: WorldState, station: Station, port: Port, session: Session, limit: Limit): void {
  if (port.session !== session || port.limit !== limit) return;
  session.optedOutOf = limit;
  session.optedOutAt = state.now;
  recharge(state, station);
}
