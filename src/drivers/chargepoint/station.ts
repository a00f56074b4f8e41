import type { Log } from "../../log.ts";
import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import type {
  DeviceEvents,
  DriverDevice,
  HeldWrite,
  HoldComparison,
  Reading,
  WriteOptions,
  WriteOutcome,
} from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../errors.ts";
import { allSettledUntilAborted } from "../until-aborted.ts";
import type { Account } from "./account/account.ts";
import type { Answers } from "./account/answers.ts";
import { ageAllowed, SELDOM } from "./account/pace.ts";
import { compareWithLoad } from "./control/compare.ts";
import { type ControlContext, controls, type Planned, planClear, planNothing } from "./control/controls.ts";
import { LoadShedEvents } from "./control/events.ts";
import { registerClasses } from "./registers/index.ts";
import { type AnswerKind, type Attribute, kindOf } from "./registers/register.ts";
import { PORT_DETAIL_ATTRIBUTES } from "./registers/station-status-register.ts";

/** What the account is told of a scrape's reads. */
type ScrapeOptions = Parameters<Account["expect"]>[2];

/** A registry row bound to the attribute that it names. */
interface Binding {
  readonly row: RegistryRow;
  readonly kind: AnswerKind;
  readonly attribute: Attribute<unknown>;
}

export interface StationInit extends ControlContext {
  readonly rows: readonly RegistryRow[];
  /** Seconds between scrapes. */
  readonly intervalSeconds: number;
  /** Age that an answer may have in a scrape, seconds. */
  readonly maxAgeSeconds: number;
  /** Age of what seldom changes, seconds. */
  readonly nameplateSeconds: number;
  readonly log: Log;
}

/** One ChargePoint station as a device: its rows, read from the account's answers and written through controls. */
export class Station implements DriverDevice {
  readonly events: DeviceEvents;
  readonly #init: StationInit;
  readonly #bindings: ReadonlyMap<string, Binding>;
  readonly #kinds: readonly AnswerKind[];
  readonly #optionsOf: ReadonlyMap<AnswerKind, ScrapeOptions>;
  /** Points whose values could not be converted. */
  #warned: Set<string> | undefined;

  constructor(init: StationInit) {
    this.#init = init;
    this.events = new LoadShedEvents(init.account, init.stationID);
    this.#bindings = bindingsOf(init.rows);
    const bindings = [...this.#bindings.values()];
    this.#kinds = [...new Set(bindings.map((binding) => binding.kind))];
    const portDetails = bindings.some(
      ({ kind, row }) => kind === "status" && PORT_DETAIL_ATTRIBUTES.has(row.attribute),
    );
    const { intervalSeconds, maxAgeSeconds, nameplateSeconds } = init;
    const round = { reader: this, intervalSeconds };
    this.#optionsOf = new Map(
      this.#kinds.map((kind) => [
        kind,
        { maxAgeSeconds: ageAllowed(kind, maxAgeSeconds, nameplateSeconds), round, portDetails },
      ]),
    );
  }

  /** Tells the account what will be read, so that the first scrape of a fleet is one round already. */
  announce(): void {
    const { account, stationID } = this.#init;
    for (const [kind, options] of this.#optionsOf) account.expect(kind, stationID, options);
  }

  /** Nobody counts on its rounds any more. */
  close(): void {
    for (const kind of this.#kinds) this.#init.account.leave(kind, this.#init.stationID, this);
  }

  async scrapeAll(signal: AbortSignal): Promise<Reading> {
    return this.#reading(await this.#answers(signal));
  }

  /** Throws where everything was lost that tells whether the service answers. */
  #reading(answers: readonly PromiseSettledResult<Answers[AnswerKind]>[]): Reading {
    const kinds = this.#kinds;
    // What may come from minutes or an hour ago does not tell whether the service answers now.
    const isOld = (kind: AnswerKind) => SELDOM.has(kind) && !kinds.every((one) => SELDOM.has(one));
    const isLost = kinds.every((kind, index) => isOld(kind) || answers[index]!.status === "rejected");
    if (isLost) throw firstReason(answers.filter((_, index) => !isOld(kinds[index]!)));
    const values = new Map<string, PointValue>();
    let failures: Map<string, Error> | undefined;
    this.#bindings.forEach((binding, name) => {
      const result = answers[kinds.indexOf(binding.kind)]!;
      try {
        if (result.status === "rejected") throw result.reason;
        values.set(name, this.#valueOf(binding, result.value));
      } catch (error) {
        failures ??= new Map();
        failures.set(name, error as Error);
      }
    });
    return { values, failures: failures ?? NO_FAILURES };
  }

  async getPoint(point: string, signal: AbortSignal): Promise<PointValue> {
    const binding = this.#binding(point);
    const { account, stationID } = this.#init;
    const { portDetails } = this.#optionsOf.get(binding.kind)!;
    const answer = await account.read(binding.kind, stationID, { maxAgeSeconds: 0, signal, portDetails });
    return this.#valueOf(binding, answer);
  }

  async setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome> {
    return sent(this.#plan(point, value, options.durationMinutes), options);
  }

  async revertPoint(point: string, options: WriteOptions): Promise<WriteOutcome> {
    return sent(this.#plan(point, undefined, options.durationMinutes), options);
  }

  outcomeOf(
    point: string,
    value: PointValue | undefined,
    { durationMinutes }: Pick<WriteOptions, "durationMinutes">,
  ): WriteOutcome {
    return this.#plan(point, value, durationMinutes).outcome;
  }

  /** `value` undefined: back to the row's Starting Value, where it has one, or to the station's own default. */
  #plan(point: string, value: PointValue | undefined, durationMinutes: number | undefined): Planned {
    const { row, attribute } = this.#writable(point);
    const wanted = value === undefined ? (row.point.startingValue ?? undefined) : value;
    if (wanted !== undefined)
      return controls[attribute.control!](this.#init, { row, value: wanted, durationMinutes });
    if (attribute.control === "clearAlarms")
      return planNothing("cleared alarms stay cleared; there is nothing to revert");
    return planClear(this.#init, row);
  }

  async compareHolds(held: readonly HeldWrite[], signal: AbortSignal): Promise<HoldComparison> {
    // Without it the service is not asked what stands, and nothing was written either.
    if (!this.#kinds.includes("load")) return { gone: [], foreign: [] };
    const { account, stationID, own, intervalSeconds } = this.#init;
    const load = await account.read("load", stationID, { maxAgeSeconds: intervalSeconds, signal });
    const rowOf = (point: string) => this.#bindings.get(point)?.row;
    return compareWithLoad(load, held, { stationID, own, rowOf });
  }

  #binding(point: string): Binding {
    const binding = this.#bindings.get(point);
    if (!binding) throw new PointNotFoundError(this.#init.path, point);
    return binding;
  }

  #writable(point: string): Binding {
    const binding = this.#binding(point);
    if (!binding.row.point.writable) throw new PointReadOnlyError(this.#init.path, point);
    if (!binding.attribute.control) {
      throw new PointReadOnlyError(
        this.#init.path,
        point,
        `ChargePoint takes no writes to ${binding.row.attribute}`,
      );
    }
    return binding;
  }

  /** Every kind of answer that the rows need, side by side; how each ended, in the order of the kinds. */
  #answers(signal: AbortSignal) {
    const { account, stationID } = this.#init;
    const reads = this.#kinds.map((kind) => account.read(kind, stationID, this.#optionsOf.get(kind)!));
    return allSettledUntilAborted<Answers[AnswerKind]>(reads, signal);
  }

  /** The value in the row's type; null where it cannot be converted, said once per point. */
  #valueOf(binding: Binding, answer: unknown): PointValue {
    const { row, attribute } = binding;
    const raw = attribute.read(answer, row.port);
    const converted = convertValue(raw, row.point.type);
    if (converted.ok) return converted.value;
    this.#warned ??= new Set();
    if (!this.#warned.has(row.point.name)) {
      this.#warned.add(row.point.name);
      this.#init.log.warn(
        `point "${row.point.name}" of device ${this.#init.path} is null: the service sent ${JSON.stringify(raw)}, its Type wants ${converted.expected} (${row.file}:${row.line})`,
      );
    }
    return null;
  }
}

const NO_FAILURES: Reading["failures"] = new Map();

/** Stations with one registry have their bindings in common. */
const known = new WeakMap<readonly RegistryRow[], ReadonlyMap<string, Binding>>();

function bindingsOf(rows: readonly RegistryRow[]): ReadonlyMap<string, Binding> {
  const bindings = known.get(rows) ?? new Map(rows.map((row) => [row.point.name, bind(row)]));
  known.set(rows, bindings);
  return bindings;
}

async function sent({ outcome, send }: Planned, { signal }: WriteOptions): Promise<WriteOutcome> {
  return { ...outcome, ...(await send(signal)) };
}

function bind(row: RegistryRow): Binding {
  const register = registerClasses[row.register]!;
  return {
    row,
    kind: kindOf(register, row.attribute),
    attribute: register.attributes[row.attribute] as Attribute<unknown>,
  };
}

function firstReason(results: readonly PromiseSettledResult<unknown>[]): unknown {
  return results.find((result) => result.status === "rejected")?.reason;
}
