import { ServiceError, WriteRefusedError } from "../../errors.ts";
import type { Account } from "../account/account.ts";
import type { LoadAnswer } from "../account/answers.ts";
import { ApiError } from "../api/errors.ts";
import { clearShedState } from "../api/operations/clear-shed-state.ts";
import { shedLoad } from "../api/operations/shed-load.ts";
import { type Limit, nameOf, type OwnSheds, type Target } from "./own-sheds.ts";

/** "Another type of shed is already in progress" (guide §3); the call was ignored. */
const OTHER_MODE_IN_PROGRESS = "179";

export interface ShedSettings {
  readonly stationID: string;
  /** `timeInterval` where the caller names no duration, minutes; 0 = until cleared. */
  readonly leaseMinutes: number;
  readonly onModeChange: "clear_first" | "reject";
}

/** What to limit, how, and for how long. */
export interface ShedOrder {
  readonly target: Target;
  readonly limit: Limit;
  /** 0 = until cleared. */
  readonly minutes: number;
  readonly signal: AbortSignal;
}

interface ServiceAnswer {
  readonly code: string | null;
  readonly text: string | null;
}

/** What the service answered, and what the caller should know besides. */
export interface ShedAnswer extends ServiceAnswer {
  readonly warnings: readonly string[];
}

/**
 * Limits what a station or one of its ports may draw, by the rules of guide §5.1: one mode per station at a time,
 * one of station or ports per call, every shed with an end.
 */
export class ShedControl {
  readonly #account: Account;
  readonly #own: OwnSheds;
  readonly #settings: ShedSettings;

  constructor(account: Account, own: OwnSheds, settings: ShedSettings) {
    this.#account = account;
    this.#own = own;
    this.#settings = settings;
  }

  /** Applies a limit. A shed of ours in the other mode is cleared first where that is allowed. */
  async limit(order: ShedOrder): Promise<ShedAnswer> {
    await this.#refuseWithinStationLimit(order.target, order.signal);
    const warnings = order.limit.mode === "percentShed" ? await this.#idleWarning(order) : [];
    const answer = await this.#applyInMode(order);
    this.#own.requested(order.target, order.limit);
    return { ...answer, warnings };
  }

  async #applyInMode(order: ShedOrder): Promise<ServiceAnswer> {
    try {
      return await this.#apply(order);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== OTHER_MODE_IN_PROGRESS) throw error;
      const own = this.#own.standing(order.target);
      if (!own || own.mode === order.limit.mode) throw this.#conflict(order, error);
      if (this.#settings.onModeChange === "reject") throw error;
      await this.#refuseModeChange(order, own);
      await this.#clearShed({ stationID: this.#settings.stationID }, order.signal);
      return this.#applyOrRestore(order, own);
    }
  }

  /** The service's 179 with what is in the way, as far as this bridge knows. */
  #conflict({ target }: ShedOrder, error: ApiError): ServiceError {
    const ports = target === undefined ? this.#own.standingPorts() : [];
    const what =
      ports.length > 0
        ? `port ${ports.join(", ")} is limited in the other way by this bridge: revert that first`
        : "it is shed in the other way, and not by this bridge: revert it first if that is meant";
    return new ServiceError(`${error.message}; ${this.#name(target)}: ${what}`, error.code, false, {
      cause: error,
    });
  }

  /** After the old limit was cleared: the new one, or else the old one again, so that a failure frees nothing. */
  async #applyOrRestore(order: ShedOrder, before: Limit): Promise<ServiceAnswer> {
    try {
      return await this.#apply(order);
    } catch (error) {
      try {
        await this.#apply({ ...order, limit: before, minutes: this.#settings.leaseMinutes });
      } catch (restoreError) {
        this.#own.cleared(order.target);
        throw new Error(
          `${this.#name(order.target)} was cleared for the change to ${order.limit.mode}, then neither the new limit nor the old one was taken: it is not limited now`,
          { cause: new AggregateError([error, restoreError]) },
        );
      }
      throw error;
    }
  }

  /** Ends the limit of a station or port. What other ports had is put back where the service cleared it too. */
  async clear(target: Target, signal: AbortSignal): Promise<ShedAnswer> {
    await this.#refuseWithinStationLimit(target, signal);
    const others = target === undefined ? [] : await this.#otherPortsShed(target, signal);
    const ports = target === undefined ? {} : { Ports: { Port: [{ portNumber: target }] } };
    const answer = await this.#clearShed({ stationID: this.#settings.stationID, ...ports }, signal);
    this.#own.cleared(target);
    const warnings = others.length === 0 ? [] : await this.#putBack(others, signal);
    return { ...answer, warnings };
  }

  /** The station's load answer, past every cache. */
  async load(signal: AbortSignal): Promise<LoadAnswer> {
    this.#account.forget(this.#settings.stationID);
    return this.#account.read("load", this.#settings.stationID, { maxAgeSeconds: 0, signal });
  }

  async #ports(signal: AbortSignal): Promise<LoadAnswer["Port"]> {
    return (await this.load(signal)).Port;
  }

  async #apply({ target, limit, minutes, signal }: ShedOrder): Promise<ServiceAnswer> {
    const { stationID } = this.#settings;
    const { mode, value } = limit;
    const shedStation =
      target === undefined
        ? { stationID, [`${mode}PerStation`]: value }
        : { stationID, Ports: { Port: [{ portNumber: target, [`${mode}PerPort`]: value }] } };
    const request = { shedQuery: { shedStation, timeInterval: minutes } };
    return answered(await this.#account.write(shedLoad, request, stationID, signal));
  }

  async #clearShed(
    shedStation: { stationID: string; Ports?: { Port: { portNumber: string }[] } },
    signal: AbortSignal,
  ): Promise<ServiceAnswer> {
    const request = { shedQuery: { shedStation } };
    return answered(await this.#account.write(clearShedState, request, this.#settings.stationID, signal));
  }

  /** A port's limit inside a station's would end, or be overwritten, when the station's is renewed. */
  async #refuseWithinStationLimit(target: Target, signal: AbortSignal): Promise<void> {
    const station = target === undefined ? undefined : this.#own.standing(undefined);
    if (!station) return;
    const ports = await this.#ports(signal);
    // A shed that ended by itself leaves its mark in the store; what the service shows decides.
    if (ports.every((port) => port.shedState !== 1)) return this.#own.cleared(undefined);
    throw new WriteRefusedError(
      `${this.#name(target)} is under the limit that this bridge holds for the whole station (${describe(station)}): revert that first`,
    );
  }

  /** Only a shed that is ours, as far as can be seen, is cleared; and none of another port goes with it. */
  async #refuseModeChange({ target, signal }: ShedOrder, own: Limit): Promise<void> {
    const ports = await this.#ports(signal);
    const foreign = ports.filter((port) => port.shedState === 1 && !this.#isOurs(port, target, own));
    if (foreign.length === 0) return;
    throw new WriteRefusedError(
      `${this.#name(target)} takes one kind of shed at a time (code ${OTHER_MODE_IN_PROGRESS}), and changing it would clear port ${foreign
        .map((port) => port.portNumber)
        .join(", ")} too, which this command does not mean or this bridge did not shed: clear that first`,
    );
  }

  #isOurs(port: LoadAnswer["Port"][number], target: Target, own: Limit): boolean {
    if (target !== undefined && port.portNumber !== target) return false;
    return Math.abs((port[own.mode] ?? 0) - own.value) < 0.001;
  }

  async #otherPortsShed(target: string, signal: AbortSignal): Promise<LoadAnswer["Port"]> {
    const ports = await this.#ports(signal);
    return ports.filter((port) => port.portNumber !== target && port.shedState === 1);
  }

  /** Networks exist where naming a port still clears the whole station (facts, load shedding rules). */
  async #putBack(before: LoadAnswer["Port"], signal: AbortSignal): Promise<string[]> {
    const now = await this.#ports(signal);
    const warnings: string[] = [];
    for (const port of before) {
      const number = port.portNumber ?? "";
      if (now.find((candidate) => candidate.portNumber === number)?.shedState !== 0) continue;
      const limit = this.#own.standing(number) ?? limitRead(port);
      try {
        await this.#apply({ target: number, limit, minutes: this.#settings.leaseMinutes, signal });
      } catch (error) {
        this.#own.cleared(number);
        throw new Error(
          `it was cleared, and the service cleared port ${number} too, whose limit (${describe(limit)}) could not be applied again: port ${number} is not limited now`,
          { cause: error },
        );
      }
      warnings.push(
        `the service cleared port ${number} too; its limit (${describe(limit)}) was applied again`,
      );
    }
    return warnings;
  }

  async #idleWarning({ target, signal }: ShedOrder): Promise<string[]> {
    const ports = await this.#ports(signal);
    const meant = ports.filter((port) => target === undefined || port.portNumber === target);
    const idle = meant.filter((port) => port.shedState !== 1 && port.portLoad === 0);
    if (idle.length === 0) return [];
    const numbers = idle.map((port) => port.portNumber).join(", ");
    return [
      `port ${numbers} delivers nothing now, so a percentage means 0 kW there until the shed ends (guide §5.1)`,
    ];
  }

  #name(target: Target): string {
    const station = `station ${this.#settings.stationID}`;
    return target === undefined ? station : `port ${target} of ${station}`;
  }
}

function answered(response: { responseCode: string | null; responseText: string | null }): ServiceAnswer {
  return { code: response.responseCode, text: response.responseText };
}

/** The limit that a port in shed state shows. With both at 0 it is an absolute limit of 0 kW. */
function limitRead(port: LoadAnswer["Port"][number]): Limit {
  const percent = port.percentShed ?? 0;
  return percent > 0
    ? { mode: "percentShed", value: percent }
    : { mode: "allowedLoad", value: port.allowedLoad ?? 0 };
}

export function describe(limit: Limit): string {
  return limit.mode === "allowedLoad" ? `${limit.value} kW` : `${limit.value} % shed`;
}

/** Keys of the holds that a write to the target ends: a station's write ends those of all its ports. */
export function releasedBy(target: Target, own: OwnSheds): string[] {
  return target === undefined ? [nameOf(undefined), ...own.standingPorts().map(nameOf)] : [nameOf(target)];
}
