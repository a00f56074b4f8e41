import { HalfDoneError, WriteRefusedError } from "../../errors.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { ApiError } from "../api/errors.ts";
import { limitRead, OtherPorts } from "./other-ports.ts";
import { describe, keyOf, type Limit, type OwnLimits, type Target } from "./own-limits.ts";
import type { PortLoad, ServiceAnswer, ShedCalls, ShedOrder } from "./shed-calls.ts";

/** "Another type of shed is already in progress" (guide §3); the call was ignored. */
const OTHER_MODE_IN_PROGRESS = "179";

export interface ShedSettings {
  /** `timeInterval` of limits without a duration of their own, in minutes; 0 = until cleared. */
  readonly leaseMinutes: number;
  readonly onModeChange: "clear_first" | "reject";
  /** What to do when one port is cleared while others of the station are limited. */
  readonly onPortClear: "restore_others" | "reject";
  /** What to do with a percentage for a port that delivers no power. */
  readonly onIdlePort: "warn" | "reject";
}

/** The service's answer, and warnings for the caller. */
export interface ShedAnswer extends ServiceAnswer {
  readonly warnings: readonly string[];
}

/** The previous limit, and its remaining time. */
type PreviousLimit = Limit & { readonly minutes: number };

/**
 * Limits the power of a station or one of its ports, by the rules of guide §5.1: one mode per station at a time, either
 * station or ports per call. Sheds end by themselves unless `minutes` is 0.
 */
export class ShedControl {
  readonly #calls: ShedCalls;
  readonly #own: OwnLimits;
  readonly #settings: ShedSettings;
  readonly #others: OtherPorts;

  constructor(calls: ShedCalls, own: OwnLimits, settings: ShedSettings) {
    this.#calls = calls;
    this.#own = own;
    this.#settings = settings;
    this.#others = new OtherPorts(calls, own, settings.leaseMinutes);
  }

  /** Applies a limit. A shed of this bridge in the other mode is cleared first where the settings allow it. */
  async limit(order: ShedOrder): Promise<ShedAnswer> {
    const { target, limit } = order;
    this.#refuseWithinStationLimit(target);
    const warnings = limit.mode === "percentShed" ? await this.#checkIdle(order) : [];
    const active = this.#own.active(target);
    const before = active && { ...active, minutes: this.#own.minutesLeft(target) ?? 0 };
    return { ...(await this.#applyInMode(order, before)), warnings };
  }

  /** Ends the limit of a station or port. Limits of other ports that the service clears with it are reapplied. */
  async clear(target: Target, signal: AbortSignal): Promise<ShedAnswer> {
    this.#refuseWithinStationLimit(target);
    const isOurs = this.#own.active(target) !== undefined;
    // Other limits do not matter where the whole station is limited by this bridge.
    const ports = isOurs && target === undefined ? [] : await this.#portsBefore(target, signal);
    const limited = ports.filter((port) => port.shedState === 1);
    // A limit that this bridge ended may still show; it must not be reapplied.
    const others = limited.filter(
      (port) => target !== undefined && port.portNumber !== target && !this.#hasEnded(port),
    );
    if (others.length > 0 && this.#settings.onPortClear === "reject")
      throw new WriteRefusedError(
        `clearing ${this.#name(target)} may also clear port ${numbersOf(others)}, which is limited, and shed_port_clear is "reject": revert the whole station, or that port first`,
      );
    const foreign = limited.filter(
      (port) => !isOurs && !others.includes(port) && !this.#isStanding(port) && !this.#hasEnded(port),
    );
    const answer = await this.#calls.clear(target, signal);
    const kept = others.length === 0 ? [] : await this.#others.keep(target!, others, signal);
    const ended = foreign.map(
      (port) =>
        `the limit of port ${port.portNumber} (${describe(limitRead(port))}) was not set by this bridge, and was ended`,
    );
    return { ...answer, warnings: [...ended, ...kept] };
  }

  /** Reads the station's load, bypassing every cache. */
  load(signal: AbortSignal): Promise<LoadAnswer> {
    return this.#calls.load(signal);
  }

  async #applyInMode(order: ShedOrder, before: PreviousLimit | undefined): Promise<ServiceAnswer> {
    try {
      return await this.#calls.shed(order);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== OTHER_MODE_IN_PROGRESS) throw error;
      if (!before || before.mode === order.limit.mode) throw this.#conflict(order, error);
      if (this.#settings.onModeChange === "reject") throw error;
      await this.#refuseModeChange(order, before);
      await this.#calls.clear(undefined, order.signal);
      return this.#applyOrRestore(order, before);
    }
  }

  #isStanding({ portNumber }: PortLoad): boolean {
    return this.#own.active(portNumber ?? "") !== undefined;
  }

  /** Returns whether the limit of a port may be one of this bridge that has ended. */
  #hasEnded(port: PortLoad): boolean {
    return !this.#isStanding(port) && this.#own.endedLately(port.portNumber ?? "");
  }

  /** Returns the service's 179 with the conflicting limit, as far as this bridge knows it. */
  #conflict({ target, limit }: ShedOrder, error: ApiError): ApiError {
    const ports = this.#own
      .activePorts()
      .filter((port) => port !== target && this.#own.active(port)?.mode !== limit.mode);
    const what =
      ports.length > 0
        ? `port ${ports.join(", ")} is limited in the other mode by this bridge: revert that first`
        : "it is shed in the other mode, not by this bridge: revert it first if you want to replace that limit";
    const { operation, code, kind, serviceText } = error;
    return new ApiError(operation, code, kind, serviceText, `${this.#name(target)}: ${what}`);
  }

  /** Applies the new limit after the old one was cleared, or the old one again, so that a failure leaves the port limited. */
  async #applyOrRestore(order: ShedOrder, before: PreviousLimit): Promise<ServiceAnswer> {
    try {
      return await this.#calls.shed(order);
    } catch (error) {
      try {
        await this.#calls.shed({ ...order, limit: before, minutes: before.minutes });
      } catch (restoreError) {
        throw new HalfDoneError(
          `${this.#name(order.target)} was cleared for the change to ${order.limit.mode}, then the service accepted neither the new limit nor the old one: it is not limited now`,
          [keyOf(order.target)],
          { cause: new AggregateError([error, restoreError]) },
        );
      }
      throw error;
    }
  }

  /** A port's limit within a station's limit would end, or be overwritten, when the station's is renewed. */
  #refuseWithinStationLimit(target: Target): void {
    const station = target === undefined ? undefined : this.#own.active(undefined);
    if (!station) return;
    throw new WriteRefusedError(
      `${this.#name(target)} is under the limit that this bridge holds for the whole station (${describe(station)}): revert that first`,
    );
  }

  /** Reads the ports before a write; where that fails, the error says that nothing was sent. */
  async #portsBefore(target: Target, signal: AbortSignal): Promise<readonly PortLoad[]> {
    try {
      return await this.#calls.ports(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new WriteRefusedError(
        `the limits of ${this.#name(target)} could not be read, so nothing was sent: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  /** Rejects a change of mode that would clear a shed of another program, as far as can be seen, or of another port. */
  async #refuseModeChange({ target, signal }: ShedOrder, own: Limit): Promise<void> {
    const ports = await this.#portsBefore(target, signal);
    const foreign = ports.filter((port) => port.shedState === 1 && !isOurs(port, target, own));
    if (foreign.length === 0) return;
    throw new WriteRefusedError(
      `${this.#name(target)} can have one mode of shed at a time (code ${OTHER_MODE_IN_PROGRESS}), and changing it would also clear port ${numbersOf(foreign)}, which is not part of this command or was not shed by this bridge: clear that first`,
    );
  }

  /** A percentage refers to the load at the time of the call, which is 0 for an idle port. */
  async #checkIdle({ target, signal }: ShedOrder): Promise<string[]> {
    const refuses = this.#settings.onIdlePort === "reject";
    let ports: readonly PortLoad[];
    try {
      ports = await this.#calls.ports(signal);
    } catch (error) {
      signal.throwIfAborted();
      const text = `the load could not be read, so a port may be idle, where a percentage means 0 kW: ${(error as Error).message}`;
      if (refuses) throw new WriteRefusedError(text, { cause: error });
      return [text];
    }
    const meant = ports.filter((port) => target === undefined || port.portNumber === target);
    const idle = meant.filter((port) => port.shedState !== 1 && port.portLoad === 0);
    if (idle.length === 0) return [];
    const text = `port ${numbersOf(idle)} delivers no power now, so a percentage means 0 kW there until the shed ends (guide §5.1)`;
    if (refuses) throw new WriteRefusedError(`${text}, and shed_idle_port is "reject": use allowedLoad`);
    return [text];
  }

  #name(target: Target): string {
    const station = `station ${this.#calls.stationID}`;
    return target === undefined ? station : `port ${target} of ${station}`;
  }
}

function isOurs(port: PortLoad, target: Target, own: Limit): boolean {
  if (target !== undefined && port.portNumber !== target) return false;
  return Math.abs((port[own.mode] ?? 0) - own.value) < 0.001;
}

function numbersOf(ports: readonly PortLoad[]): string {
  return ports.map((port) => port.portNumber).join(", ");
}
