import { pause, systemClock } from "../../../time/clock.ts";
import { HalfDoneError } from "../../errors.ts";
import { describe, keyOf, type Limit, type OwnLimits } from "./own-limits.ts";
import type { PortLoad, ShedCalls } from "./shed-calls.ts";

/** Delays, in seconds, of the reads that check whether the service shows that a port was cleared. */
const LOOK_AGAIN_SECONDS = [0, 0.25, 0.5, 1, 1.25];
/** Delays, in seconds, of the attempts to apply a limit again. */
const TRY_AGAIN_SECONDS = [0, 0.5, 1];

/**
 * Preserves the limits of a station's other ports when one port is cleared: on some networks, clearing a port clears the
 * whole station (facts, load shedding rules).
 */
export class OtherPorts {
  readonly #calls: ShedCalls;
  readonly #own: OwnLimits;
  readonly #leaseMinutes: number;

  constructor(calls: ShedCalls, own: OwnLimits, leaseMinutes: number) {
    this.#calls = calls;
    this.#own = own;
    this.#leaseMinutes = leaseMinutes;
  }

  /**
   * Reapplies the limits that were there `before`, until their original end, where the service cleared them with the
   * `cleared` port or does not show within seconds whether it did. Returns warnings for the caller.
   */
  async keep(cleared: string, before: readonly PortLoad[], signal: AbortSignal): Promise<string[]> {
    const seen = await this.#seenAfter(cleared, signal);
    const warnings: string[] = [];
    for (const port of before) {
      const number = port.portNumber ?? "";
      if (seen && seen.find((candidate) => candidate.portNumber === number)?.shedState !== 0) continue;
      const limit = this.#own.active(number) ?? limitRead(port);
      const what = seen
        ? `the service cleared port ${number} too`
        : `the service does not show yet whether it cleared port ${number} too`;
      try {
        await this.#apply(number, limit, signal);
      } catch (error) {
        throw new HalfDoneError(
          `it was cleared, and ${what}, whose limit (${describe(limit)}) could not be applied again: port ${number} is ${seen ? "not limited now" : "possibly not limited now"}`,
          seen ? [keyOf(cleared), keyOf(number)] : [keyOf(cleared)],
          { cause: error, uncertain: seen ? [] : [keyOf(number)] },
        );
      }
      warnings.push(`${what}; its limit (${describe(limit)}) was applied again`);
    }
    return warnings;
  }

  /** Returns the ports once the service shows that the port was cleared; undefined where it does not. */
  async #seenAfter(cleared: string, signal: AbortSignal): Promise<readonly PortLoad[] | undefined> {
    for (const seconds of LOOK_AGAIN_SECONDS) {
      await pause(systemClock, seconds * 1000, signal);
      const ports = await this.#calls.ports(signal).catch(() => undefined);
      if (ports?.find((port) => port.portNumber === cleared)?.shedState === 0) return ports;
    }
    return undefined;
  }

  async #apply(target: string, limit: Limit, signal: AbortSignal): Promise<void> {
    const minutes = this.#own.minutesLeft(target) ?? this.#leaseMinutes;
    let trouble: unknown;
    for (const seconds of TRY_AGAIN_SECONDS) {
      await pause(systemClock, seconds * 1000, signal);
      try {
        await this.#calls.shed({ target, limit, minutes, signal });
        return;
      } catch (error) {
        trouble = error;
      }
    }
    throw trouble;
  }
}

/** Returns the limit that a port in shed state shows. With both values 0 it is an absolute limit of 0 kW. */
export function limitRead(port: PortLoad): Limit {
  const percent = port.percentShed ?? 0;
  return percent > 0
    ? { mode: "percentShed", value: percent }
    : { mode: "allowedLoad", value: port.allowedLoad ?? 0 };
}
