import type { Exchange, ShedCall } from "../../helpers/soap-proxy.ts";

/** A call of the service's own log that changed a limit (outcome 100). Times are milliseconds since 1970. */
export interface Act extends ShedCall {
  readonly at: number;
  readonly by: "bridge" | "portal";
  /** How the call fared on its way; absent for the portal's. */
  readonly exchange?: Exchange;
}

/** A limit of one port as the service had it. */
export interface Limit {
  readonly act: Act;
  readonly mode: "allowedLoad" | "percentShed";
  readonly value: number;
  readonly from: number;
  /** When it ended; infinite: it is in force. Known in advance where the service ends it by itself. */
  to: number;
  /** What ended it; absent: its own time, or nothing yet. */
  endedBy?: Act;
}

export const PORTS = ["1", "2"];

/** Replays the service's log: which limit was in force at which port and when (guide §5.1, §5.2). */
export class Truth {
  readonly #limits = new Map<string, Limit[]>();

  /** Acts come in the order of the log. */
  apply(act: Act): void {
    for (const port of portsOf(act)) {
      const limits = this.#of(act.stationID, port);
      const last = limits.at(-1);
      if (last && last.to > act.at) Object.assign(last, { to: act.at, endedBy: act });
      if (act.operation === "clearShedState" || act.mode === undefined || act.value === undefined) continue;
      const ends = act.minutes > 0 && act.exchange?.trouble !== "endless";
      const to = ends ? act.at + act.minutes * 60_000 : Number.POSITIVE_INFINITY;
      limits.push({ act, mode: act.mode, value: act.value, from: act.at, to });
    }
  }

  /** The limit in force at a port. */
  at(stationID: string, port: string, time: number): Limit | undefined {
    return this.#of(stationID, port).findLast(({ from, to }) => from <= time && time < to);
  }

  /** The limits of a port that were in force at some moment between two, in their order. */
  during(stationID: string, port: string, from: number, to: number): Limit[] {
    return this.#of(stationID, port).filter((limit) => limit.from <= to && limit.to > from);
  }

  /** Whether the port had no limit at some moment between two. */
  wasFree(stationID: string, port: string, from: number, to: number): boolean {
    let covered = from;
    for (const limit of this.during(stationID, port, from, to)) {
      if (limit.from > covered) return true;
      covered = Math.max(covered, limit.to);
    }
    return covered <= to;
  }

  #of(stationID: string, port: string): Limit[] {
    const key = `${stationID} ${port}`;
    const limits = this.#limits.get(key) ?? [];
    this.#limits.set(key, limits);
    return limits;
  }
}

/** The ports that a call is about. */
export function portsOf({ port }: { readonly port: string | undefined }): readonly string[] {
  return port === undefined ? PORTS : [port];
}

interface Amount {
  readonly mode?: string | undefined;
  readonly value?: number | undefined;
}

export function same(one: Amount, other: Amount): boolean {
  return one.mode === other.mode && Math.abs((one.value ?? Number.NaN) - (other.value ?? Number.NaN)) < 0.001;
}
