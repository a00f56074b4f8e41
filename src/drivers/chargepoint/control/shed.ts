import { HalfDoneError, WriteRefusedError } from "../../errors.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { ApiError } from "../api/errors.ts";
import { limitRead, OtherPorts } from "./other-ports.ts";
import { describe, keyOf, type Limit, type OwnLimits, type Target } from "./own-limits.ts";
import type { PortLoad, ServiceAnswer, ShedCalls, ShedOrder } from "./shed-calls.ts";

/** "Another type of shed is already in progress" (guide §3); the call was ignored. */
const OTHER_MODE_IN_PROGRESS = "179";

export interface ShedSettings {
  /** `timeInterval` where the caller names no duration, minutes; 0 = until cleared. */
  readonly leaseMinutes: number;
  readonly onModeChange: "clear_first" | "reject";
  /** Clearing one port while others of the station are limited. */
  readonly onPortClear: "restore_others" | "reject";
  /** A percentage on a port that delivers nothing. */
  readonly onIdlePort: "warn" | "reject";
}

/** What the service answered, and what the caller should know besides. */
export interface ShedAnswer extends ServiceAnswer {
  readonly warnings: readonly string[];
}

/** What stood before, and for how much longer. */
type Standing = Limit & { readonly minutes: number };

/**
 * Limits what a station or one of its ports may draw, by the rules of guide §5.1: one mode per station at a time,
 * one of station or ports per call, every shed with an end.
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

  /** Applies a limit. A shed of ours in the other mode is cleared first where that is allowed. */
  async limit(order: ShedOrder): Promise<ShedAnswer> {
    const { target, limit } = order;
    this.#refuseWithinStationLimit(target);
    const warnings = limit.mode === "percentShed" ? await this.#checkIdle(order) : [];
    const standing = this.#own.standing(target);
    const before = standing && { ...standing, minutes: this.#own.minutesLeft(target) ?? 0 };
    return { ...(await this.#applyInMode(order, before)), warnings };
  }

  /** Ends the limit of a station or port. What other ports had is put back where the service cleared it too. */
  async clear(target: Target, signal: AbortSignal): Promise<ShedAnswer> {
    this.#refuseWithinStationLimit(target);
    const isOurs = this.#own.standing(target) !== undefined;
    // Nothing has to be known of others where the whole station is this bridge's.
    const ports = isOurs && target === undefined ? [] : await this.#portsBefore(target, signal);
    const limited = ports.filter((port) => port.shedState === 1);
    // What this bridge has ended may show still, and is not to come back.
    const others = limited.filter(
      (port) => target !== undefined && port.portNumber !== target && !this.#hasEnded(port),
    );
    if (others.length > 0 && this.#settings.onPortClear === "reject")
      throw new WriteRefusedError(
        `clearing ${this.#name(target)} may clear port ${numbersOf(others)} too, which is limited, and shed_port_clear is "reject": revert the whole station, or that port first`,
      );
    const foreign = limited.filter(
      (port) => !isOurs && !others.includes(port) && !this.#isStanding(port) && !this.#hasEnded(port),
    );
    const answer = await this.#calls.clear(target, signal);
    const kept = others.length === 0 ? [] : await this.#others.keep(target!, others, signal);
    const ended = foreign.map(
      (port) =>
        `the limit of port ${port.portNumber} (${describe(limitRead(port))}) was not this bridge's, and was ended`,
    );
    return { ...answer, warnings: [...ended, ...kept] };
  }

  /** The station's load answer, past every cache. */
  load(signal: AbortSignal): Promise<LoadAnswer> {
    return this.#calls.load(signal);
  }

  async #applyInMode(order: ShedOrder, before: Standing | undefined): Promise<ServiceAnswer> {
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
    return this.#own.standing(portNumber ?? "") !== undefined;
  }

  /** Whether what a port shows may be a limit of this bridge that has ended. */
  #hasEnded(port: PortLoad): boolean {
    return !this.#isStanding(port) && this.#own.endedLately(port.portNumber ?? "");
  }

  /** The service's 179 with what is in the way, as far as this bridge knows. */
  #conflict({ target, limit }: ShedOrder, error: ApiError): ApiError {
    const ports = this.#own
      .standingPorts()
      .filter((port) => port !== target && this.#own.standing(port)?.mode !== limit.mode);
    const what =
      ports.length > 0
        ? `port ${ports.join(", ")} is limited in the other way by this bridge: revert that first`
        : "it is shed in the other way, and not by this bridge: revert it first if that is meant";
    const { operation, code, kind, serviceText } = error;
    return new ApiError(operation, code, kind, serviceText, `${this.#name(target)}: ${what}`);
  }

  /** After the old limit was cleared: the new one, or else the old one again, so that a failure frees nothing. */
  async #applyOrRestore(order: ShedOrder, before: Standing): Promise<ServiceAnswer> {
    try {
      return await this.#calls.shed(order);
    } catch (error) {
      try {
        await this.#calls.shed({ ...order, limit: before, minutes: before.minutes });
      } catch (restoreError) {
        throw new HalfDoneError(
          `${this.#name(order.target)} was cleared for the change to ${order.limit.mode}, then neither the new limit nor the old one was taken: it is not limited now`,
          [keyOf(order.target)],
          { cause: new AggregateError([error, restoreError]) },
        );
      }
      throw error;
    }
  }

  /** A port's limit inside a station's would end, or be overwritten, when the station's is renewed. */
  #refuseWithinStationLimit(target: Target): void {
    const station = target === undefined ? undefined : this.#own.standing(undefined);
    if (!station) return;
    throw new WriteRefusedError(
      `${this.#name(target)} is under the limit that this bridge holds for the whole station (${describe(station)}): revert that first`,
    );
  }

  /** The ports before a write; a failure of this reading says that nothing was sent. */
  async #portsBefore(target: Target, signal: AbortSignal): Promise<readonly PortLoad[]> {
    try {
      return await this.#calls.ports(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new WriteRefusedError(
        `what limits ${this.#name(target)} could not be read, so nothing was sent: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  /** Only a shed that is ours, as far as can be seen, is cleared; and none of another port goes with it. */
  async #refuseModeChange({ target, signal }: ShedOrder, own: Limit): Promise<void> {
    const ports = await this.#portsBefore(target, signal);
    const foreign = ports.filter((port) => port.shedState === 1 && !isOurs(port, target, own));
    if (foreign.length === 0) return;
    throw new WriteRefusedError(
      `${this.#name(target)} takes one kind of shed at a time (code ${OTHER_MODE_IN_PROGRESS}), and changing it would clear port ${numbersOf(foreign)} too, which this command does not mean or this bridge did not shed: clear that first`,
    );
  }

  /** A percentage refers to the load of the first call, and that of an idle port is nothing. */
  async #checkIdle({ target, signal }: ShedOrder): Promise<string[]> {
    const refuses = this.#settings.onIdlePort === "reject";
    let ports: readonly PortLoad[];
    try {
      ports = await this.#calls.ports(signal);
    } catch (error) {
      signal.throwIfAborted();
      const text = `whether a port delivers nothing, where a percentage means 0 kW, could not be read: ${(error as Error).message}`;
      if (refuses) throw new WriteRefusedError(text, { cause: error });
      return [text];
    }
    const meant = ports.filter((port) => target === undefined || port.portNumber === target);
    const idle = meant.filter((port) => port.shedState !== 1 && port.portLoad === 0);
    if (idle.length === 0) return [];
    const text = `port ${numbersOf(idle)} delivers nothing now, so a percentage means 0 kW there until the shed ends (guide §5.1)`;
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
