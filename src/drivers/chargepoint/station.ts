import type { Log } from "../../log.ts";
import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import type {
  DeviceEvents,
  DriverDevice,
  HeldWrite,
  HoldComparison,
  Reading,
  ReadingSink,
  WriteOptions,
  WriteOutcome,
} from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../errors.ts";
import { endingWith } from "../until-aborted.ts";
import type { Reader } from "./account/account.ts";
import type { AnswerKind } from "./account/answers.ts";
import { ageAllowed, SELDOM } from "./account/pace.ts";
import { compareWithLoad } from "./control/compare.ts";
import { type ControlContext, controls, type Planned, planClear, planNothing } from "./control/controls.ts";
import { LoadShedEvents } from "./control/events.ts";
import { registerClasses } from "./registers/index.ts";
import { type Attribute, isUnreachable, kindOf } from "./registers/register.ts";
import { PORT_DETAIL_ATTRIBUTES } from "./registers/station-status-register.ts";
import { StationScrape } from "./station-scrape.ts";

/** A registry row bound to the attribute that it names. */
interface Binding {
  readonly row: RegistryRow;
  readonly kind: AnswerKind;
  /** Of the kind among those that its station reads. */
  readonly place: number;
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
  readonly #rows: BoundRows;
  /** In the order of the kinds. */
  readonly #readers: readonly Reader[];
  /** Points whose values could not be converted. */
  #warned: Set<string> | undefined;

  /** Tells the account what will be read. */
  constructor(init: StationInit) {
    this.#init = init;
    this.events = new LoadShedEvents(init.account, init.stationID);
    this.#rows = boundRows(init.rows);
    const { account, stationID, intervalSeconds, maxAgeSeconds, nameplateSeconds } = init;
    const { kinds, portDetails } = this.#rows;
    this.#readers = kinds.map((kind) =>
      account.join(kind, stationID, {
        maxAgeSeconds: ageAllowed(kind, maxAgeSeconds, nameplateSeconds),
        intervalSeconds,
        portDetails,
      }),
    );
  }

  get movingTimes(): ReadonlySet<string> {
    return this.#rows.movingTimes;
  }

  /** Nobody counts on its rounds any more. */
  close(): void {
    for (const reader of this.#readers) this.#init.account.leave(reader);
  }

  scrapeAll(signal: AbortSignal): Promise<Reading> {
    return new Promise((read, failed) => this.scrapeInto({ read, failed }, signal));
  }

  scrapeInto(sink: ReadingSink, signal: AbortSignal): void {
    if (signal.aborted) {
      sink.failed(signal.reason);
      return;
    }
    const scrape = new StationScrape(this, sink, endingWith(signal));
    const { account } = this.#init;
    for (const reader of this.#readers) account.ask(reader, scrape);
  }

  /** Every kind of answer that the rows need, in the order in which they are kept. */
  get kinds(): readonly AnswerKind[] {
    return this.#rows.kinds;
  }

  /**
   * What the answers say, in the order of the kinds; where one is missing, `errors` has the reason. Throws where everything
   * was lost that tells whether the service answers.
   */
  reading(answers: readonly unknown[], errors: ReadonlyMap<AnswerKind, unknown> | undefined): Reading {
    const { kinds, bindings } = this.#rows;
    if (errors) throwIfLost(kinds, errors);
    const values = new Map<string, PointValue>();
    let failures: Map<string, Error> | undefined;
    for (const binding of bindings.values()) {
      const { name } = binding.row.point;
      try {
        if (errors?.has(binding.kind)) throw errors.get(binding.kind);
        values.set(name, this.#valueOf(binding, answers[binding.place]));
      } catch (error) {
        failures ??= new Map();
        failures.set(name, error as Error);
      }
    }
    return {
      values,
      failures: failures ?? NO_FAILURES,
      noLimit: this.#noLimit(answers, values),
      ...(this.#isUnreachable(answers, errors) && { unreachable: UNREACHABLE }),
    };
  }

  /** Stations of a registry have few such sets, and share them. */
  #noLimit(answers: readonly unknown[], values: ReadonlyMap<string, PointValue>): ReadonlySet<string> {
    const { limits, noLimits } = this.#rows;
    const unset = limits.filter(
      ({ row, place, attribute }) =>
        values.has(row.point.name) && attribute.isNoLimit!(answers[place], row.port),
    );
    const names = unset.map(({ row }) => row.point.name);
    const key = names.join("\n");
    const known = noLimits.get(key) ?? new Set(names);
    noLimits.set(key, known);
    return known;
  }

  #isUnreachable(answers: readonly unknown[], errors: ReadonlyMap<AnswerKind, unknown> | undefined): boolean {
    const kind = this.#rows.reachability;
    return kind !== undefined && !errors?.has(kind) && isUnreachable(answers[this.kinds.indexOf(kind)]);
  }

  async getPoint(point: string, signal: AbortSignal): Promise<PointValue> {
    const binding = this.#binding(point);
    const { account, stationID } = this.#init;
    const { portDetails } = this.#rows;
    const answer = await account.read(binding.kind, stationID, { maxAgeSeconds: 0, signal, portDetails });
    return this.#valueOf(binding, answer);
  }

  async setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome> {
    return sent(this.#plan(point, value, options.durationMinutes), options);
  }

  /** As VOLTTRON's driver takes them. */
  isSwitch(point: string): boolean {
    const control = this.#rows.bindings.get(point)?.attribute.control;
    return control === "shedState" || control === "clearAlarms";
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
    if (!this.kinds.includes("load")) return { gone: [], foreign: [] };
    const { account, stationID, intervalSeconds } = this.#init;
    const load = await account.read("load", stationID, { maxAgeSeconds: intervalSeconds, signal });
    const rowOf = (point: string) => this.#rows.bindings.get(point)?.row;
    return compareWithLoad(load, held, { stationID, rowOf });
  }

  #binding(point: string): Binding {
    const binding = this.#rows.bindings.get(point);
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
const UNREACHABLE = "ChargePoint cannot reach the station (networkStatus UNREACHABLE)";
/** Answers that say whether the network reaches the station, the freshest first. */
const REACHABILITY: readonly AnswerKind[] = ["status", "publicStatus", "station"];

/** The rows of a registry; stations that have one have these in common. */
interface BoundRows {
  /** By point. */
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly kinds: readonly AnswerKind[];
  readonly portDetails: boolean;
  readonly movingTimes: ReadonlySet<string>;
  /** Those of limits. */
  readonly limits: readonly Binding[];
  /** Sets of points without a limit, as they were seen so far. */
  readonly noLimits: Map<string, ReadonlySet<string>>;
  /** The answer that says whether the network reaches the station. */
  readonly reachability: AnswerKind | undefined;
}

const known = new WeakMap<readonly RegistryRow[], BoundRows>();

function boundRows(rows: readonly RegistryRow[]): BoundRows {
  const before = known.get(rows);
  if (before) return before;
  const kinds = [...new Set(rows.map(kindOfRow))];
  const bindings = new Map(rows.map((row) => [row.point.name, bind(row, kinds)]));
  const portDetails = rows.some(
    (row) => kindOfRow(row) === "status" && PORT_DETAIL_ATTRIBUTES.has(row.attribute),
  );
  const all = [...bindings.values()];
  const bound = {
    bindings,
    kinds,
    portDetails,
    movingTimes: new Set(
      all.filter(({ attribute }) => attribute.movesAlone).map(({ row }) => row.point.name),
    ),
    limits: all.filter(({ attribute }) => attribute.isNoLimit),
    noLimits: new Map<string, ReadonlySet<string>>(),
    reachability: REACHABILITY.find((kind) => kinds.includes(kind)),
  };
  known.set(rows, bound);
  return bound;
}

async function sent({ outcome, send }: Planned, { signal }: WriteOptions): Promise<WriteOutcome> {
  return { ...outcome, ...(await send(signal)) };
}

function kindOfRow(row: RegistryRow): AnswerKind {
  return kindOf(registerClasses[row.register]!, row.attribute);
}

function bind(row: RegistryRow, kinds: readonly AnswerKind[]): Binding {
  const kind = kindOfRow(row);
  const attribute = registerClasses[row.register]!.attributes[row.attribute] as Attribute<unknown>;
  return { row, kind, place: kinds.indexOf(kind), attribute };
}

/** What may come from minutes or an hour ago does not tell whether the service answers now. */
function throwIfLost(kinds: readonly AnswerKind[], errors: ReadonlyMap<AnswerKind, unknown>): void {
  const fresh = kinds.filter((kind) => !SELDOM.has(kind));
  const telling = fresh.length > 0 ? fresh : kinds;
  if (telling.every((kind) => errors.has(kind))) throw errors.get(telling[0]!);
}
