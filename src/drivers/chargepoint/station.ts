import type { Log } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import { type AlarmList, convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/row.ts";
import { endingWith } from "../../time/until-aborted.ts";
import type {
  AbleDevice,
  DeviceEvents,
  ExplainsReadings,
  HeldWrite,
  HoldComparison,
  ReadingSink,
  ValueSource,
} from "../abilities.ts";
import type { Reading, WriteOptions, WriteOutcome } from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../errors.ts";
import type { Reader } from "./account/account.ts";
import type { AlarmsAnswer, AnswerKind } from "./account/answers.ts";
import { isOutage } from "./account/limits/breaker.ts";
import { ageAllowed, isOutsidePlan } from "./account/reads/pace.ts";
import { isUnknownStation, UnknownStationError } from "./account/reads/station-missing.ts";
import { concernsAll } from "./account/reads/walk.ts";
import { anyUnreadable, withUnreadable } from "./api/documents/unreadable.ts";
import { type Binding, type BoundRows, bindingOf, boundRows } from "./bound-rows.ts";
import { compareWithLoad } from "./control/compare.ts";
import { type ControlContext, controls, type Planned, planClear, planNothing } from "./control/controls.ts";
import { LoadShedEvents } from "./control/events.ts";
import { alarmList } from "./registers/alarm-register.ts";
import { CALLS } from "./registers/calls.ts";
import { type Attribute, unreachableBy } from "./registers/register.ts";
import { type AskedAt, ExplainedScrape, StationScrape, type UsedAnswer } from "./station-scrape.ts";

export interface StationInit extends ControlContext {
  readonly rows: readonly RegistryRow[];
  /** The device's config file, for messages. */
  readonly file?: string | undefined;
  /** Seconds between scrapes. */
  readonly intervalSeconds: number;
  /** Maximum age of an answer used by a scrape, in seconds. */
  readonly maxAgeSeconds: number;
  /** Maximum age of answers that rarely change, in seconds. */
  readonly nameplateSeconds: number;
  /** Whether its alarms are read where no row needs them. */
  readonly readsAlarms?: boolean;
  /** Called when it is closed. */
  readonly leaveAccount?: () => void;
  readonly log: Log;
}

/** One ChargePoint station as a device: reads its rows from the account's answers and writes through controls. */
export class Station implements AbleDevice {
  readonly events: DeviceEvents;
  readonly #init: StationInit;
  readonly #rows: BoundRows;
  /** In the order of the kinds. */
  readonly #readers: readonly Reader[];
  /** When its scrapes last asked for an answer that shows the service's state; see {@link StationScrape}. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #scrapedAt = Number.NEGATIVE_INFINITY;
  /** Points whose unconvertible values were reported. */
  #reported: Reported | undefined;
  #lastAlarms: { readonly answer: AlarmsAnswer; readonly list: AlarmList } | undefined;

  /** Registers its reads with the account. */
  constructor(init: StationInit) {
    this.#init = init;
    this.events = new LoadShedEvents(init.account, init.stationID);
    this.#rows = boundRows(init.rows, init.readsAlarms);
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

  get readsAlarms(): boolean {
    return this.kinds.includes("alarms");
  }

  /** Removes its reads from the account's rounds. */
  close(): void {
    for (const reader of this.#readers) this.#init.account.leave(reader);
    this.#init.leaveAccount?.();
  }

  scrapeAll(signal: AbortSignal): Promise<Reading> {
    return new Promise((read, failed) => this.scrapeInto({ read, failed }, signal));
  }

  scrapeInto(sink: ReadingSink, signal: AbortSignal): void {
    if (signal.aborted) {
      sink.failed(signal.reason);
      return;
    }
    this.#ask(new StationScrape(this, sink, endingWith(signal)));
  }

  #ask(scrape: StationScrape): void {
    const { account } = this.#init;
    this.#scrapedAt = account.nowSeconds;
    for (const reader of this.#readers) account.ask(reader, scrape);
  }

  explain(signal: AbortSignal): ReturnType<ExplainsReadings["explain"]> {
    return new Promise((explained, failed) => {
      signal.throwIfAborted();
      const read = (reading: Reading) => explained({ reading, sources: this.#sources(scrape.used) });
      const scrape = new ExplainedScrape(this, { read, failed }, endingWith(signal));
      this.#ask(scrape);
    });
  }

  #sources(used: ReadonlyMap<AnswerKind, UsedAnswer>): Map<string, ValueSource> {
    const { rows, attributes } = this.#rows;
    return new Map(
      rows.map((row, i) => {
        const { kind, attribute } = attributes[i]!;
        const call = CALLS[kind].operation;
        const from = used.get(kind);
        if (!from) return [row.point.name, { call }];
        const age = this.#init.account.nowSeconds - from.atSeconds;
        const ageSeconds = Math.round(age * 1000) / 1000;
        return [row.point.name, { call, ageSeconds, ...sentFor(row, attribute, from.answer) }];
      }),
    );
  }

  /** Kinds of answers that the rows need, in the order in which they are kept. */
  get kinds(): readonly AnswerKind[] {
    return this.#rows.kinds;
  }

  get telling(): ReadonlySet<AnswerKind> {
    return this.#rows.telling;
  }

  /**
   * Returns the reading made of the answers, in the order of the kinds; `errors` has the reason for each missing one.
   * Throws where every answer failed that shows whether the service responds, or where the service is unavailable and
   * nothing new was read.
   */
  reading(
    answers: readonly unknown[],
    errors: ReadonlyMap<AnswerKind, unknown> | undefined,
    asked: AskedAt,
  ): Reading {
    const { telling, rows, attributes } = this.#rows;
    if (errors) this.#throwIfLost(telling, errors, asked.newest > this.#askedAt);
    this.#askedAt = Math.max(this.#askedAt, asked.newest);
    const values = new Map<string, PointValue>();
    let failures: Map<string, Error> | undefined;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const { name } = row.point;
      const { kind, place, attribute } = attributes[i]!;
      try {
        if (errors?.has(kind)) throw this.#named(errors.get(kind));
        values.set(name, this.#valueOf(row, attribute, answers[place]));
      } catch (error) {
        failures ??= new Map();
        failures.set(name, error as Error);
      }
    }
    this.#warnOfUnreadable(answers, values);
    const isNew = asked.oldest >= this.#scrapedAt;
    const ageSeconds = isNew ? undefined : this.#init.account.nowSeconds - asked.oldest;
    return {
      values,
      failures: failures ?? NO_FAILURES,
      noLimit: this.#noLimit(answers, values),
      unreachable: this.#unreachable(answers, errors),
      alarms: this.#alarms(answers, errors),
      ageSeconds,
    };
  }

  /** Returns the points without a limit. Stations of a registry share these few sets. */
  #noLimit(answers: readonly unknown[], values: ReadonlyMap<string, PointValue>): ReadonlySet<string> {
    const { limits, noLimits } = this.#rows;
    const isUnset = ({ row, place, attribute }: Binding) =>
      values.has(row.point.name) && attribute.isNoLimit!(answers[place], row.port);
    let key = "";
    for (const limit of limits) key += isUnset(limit) ? "1" : "0";
    const known = noLimits.get(key);
    if (known) return known;
    const names = new Set(limits.filter(isUnset).map(({ row }) => row.point.name));
    noLimits.set(key, names);
    return names;
  }

  #unreachable(
    answers: readonly unknown[],
    errors: ReadonlyMap<AnswerKind, unknown> | undefined,
  ): string | undefined {
    const { kinds, reachability } = this.#rows;
    if (reachability < 0 || errors?.has(kinds[reachability]!)) return undefined;
    return unreachableBy(answers[reachability]);
  }

  /** Returns the same list as long as the account has the same alarms. */
  #alarms(
    answers: readonly unknown[],
    errors: ReadonlyMap<AnswerKind, unknown> | undefined,
  ): AlarmList | undefined {
    const place = this.kinds.indexOf("alarms");
    if (place < 0 || errors?.has("alarms")) return undefined;
    const answer = answers[place] as AlarmsAnswer;
    if (this.#lastAlarms?.answer !== answer) this.#lastAlarms = { answer, list: alarmList(answer) };
    return this.#lastAlarms.list;
  }

  /**
   * Answers that may be minutes or an hour old do not show whether the service responds now. While it does not, values of
   * earlier scrapes are not published again as if they had just been read.
   */
  #throwIfLost(
    telling: ReadonlySet<AnswerKind>,
    errors: ReadonlyMap<AnswerKind, unknown>,
    hasNews: boolean,
  ): void {
    const lost = [...telling].filter((kind) => errors.has(kind));
    if (lost.length === telling.size) throw this.#named(errors.get(lost[0]!));
    const away = hasNews ? undefined : lost.find((kind) => isAway(errors.get(kind)));
    if (away !== undefined) throw errors.get(away);
  }

  /** Adds the stationID and its config file to an error about an unknown station. */
  #named(error: unknown): unknown {
    const { stationID, file } = this.#init;
    return isUnknownStation(error) ? new UnknownStationError(error, stationID, file) : error;
  }

  async getPoint(point: string, signal: AbortSignal): Promise<PointValue> {
    const binding = this.#binding(point);
    const { account, stationID } = this.#init;
    const { portDetails } = this.#rows;
    try {
      const answer = await account.read(binding.kind, stationID, { maxAgeSeconds: 0, signal, portDetails });
      return this.#valueOf(binding.row, binding.attribute, answer);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async setPoint(point: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome> {
    return sent(this.#plan(point, value, options.durationMinutes), options);
  }

  /** Returns whether the point is a switch, as VOLTTRON's driver accepts them. */
  isSwitch(point: string): boolean {
    const control = bindingOf(this.#rows, point)?.attribute.control;
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

  /**
   * Plans a write. `value` undefined: revert to the row's Starting Value, where it has one, or to the station's own
   * default.
   */
  #plan(point: string, value: PointValue | undefined, durationMinutes: number | undefined): Planned {
    const { row, attribute } = this.#writable(point);
    const wanted = value === undefined ? (row.point.startingValue ?? undefined) : value;
    const ports = this.#rows.limits.flatMap((limit) => limit.row.port ?? []);
    if (wanted !== undefined)
      return controls[attribute.control!](this.#init, { row, ports, value: wanted, durationMinutes });
    if (attribute.control === "clearAlarms")
      return planNothing("cleared alarms stay cleared; there is nothing to revert");
    return planClear(this.#init, { row, ports });
  }

  async compareHolds(held: readonly HeldWrite[], signal: AbortSignal): Promise<HoldComparison> {
    // Without load rows the service is not asked for limits, and the bridge wrote none.
    if (!this.kinds.includes("load")) return { gone: [], foreign: [] };
    const { account, stationID, intervalSeconds } = this.#init;
    const maxAgeSeconds = intervalSeconds;
    // Without limits of its own the bridge uses loads already read: it does not ask for a fleet's loads station by station
    // only to find other programs' limits.
    const load =
      held.length > 0
        ? await account.read("load", stationID, { maxAgeSeconds, signal })
        : account.last("load", stationID, maxAgeSeconds);
    if (!load) throw new Error(`the load of station ${stationID} has not been read`);
    const rowOf = (point: string) => bindingOf(this.#rows, point)?.row;
    return compareWithLoad(load, held, { stationID, rowOf });
  }

  #binding(point: string): Binding {
    const binding = bindingOf(this.#rows, point);
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
        `ChargePoint does not accept writes to ${binding.row.attribute}`,
      );
    }
    return binding;
  }

  /** Returns the value in the row's type; null where it cannot be converted, which is reported once per point. */
  #valueOf(row: RegistryRow, attribute: Attribute<unknown>, answer: unknown): PointValue {
    const raw = attribute.read(answer, row.port);
    const converted = convertValue(raw, row.point.type);
    if (converted.ok) return converted.value;
    this.#warn(row, raw, converted.expected);
    return null;
  }

  /** Reports what the service sent for points that are null because it was unreadable. */
  #warnOfUnreadable(answers: readonly unknown[], values: ReadonlyMap<string, PointValue>): void {
    if (!anyUnreadable()) return;
    const texts = answers.map(withUnreadable);
    if (texts.every((answer) => answer === undefined)) return;
    const { rows, attributes } = this.#rows;
    for (const [i, row] of rows.entries()) {
      const { place, attribute } = attributes[i]!;
      if (texts[place] === undefined || values.get(row.point.name) !== null) continue;
      const raw = attribute.read(texts[place], row.port);
      if (typeof raw !== "string") continue;
      const converted = convertValue(raw, row.point.type);
      this.#warn(row, raw, converted.ok ? "a value as the service documents it" : converted.expected);
    }
  }

  /** Reports a point once. */
  #warn({ point, file, line }: RegistryRow, raw: unknown, expected: string): void {
    this.#reported ??= new Reported();
    if (!this.#reported.isNew(point.name)) return;
    this.#init.log.warn(
      `point "${point.name}" of device ${this.#init.path} is null: the service sent ${JSON.stringify(raw)}, its Type expects ${expected} (${file}:${line})`,
    );
  }
}

/** Returns what an answer has for a row, as the service sent it, and why it gives no value. */
function sentFor(
  { point, port }: RegistryRow,
  attribute: Attribute<unknown>,
  answer: unknown,
): Pick<ValueSource, "sent" | "missing"> {
  let sent: unknown;
  try {
    sent = attribute.read(withUnreadable(answer) ?? answer, port);
  } catch {
    // The port is missing from the answer, which the reading reports.
    return {};
  }
  if (sent === null || sent === undefined || sent === "") return { missing: "the service sent no value" };
  const isUnreadable = attribute.read(answer, port) === null;
  const converted = convertValue(sent, point.type);
  if (converted.ok && !isUnreadable) return { sent };
  const expected = converted.ok ? "a value as the service documents it" : converted.expected;
  return {
    sent,
    missing: `the service sent ${JSON.stringify(sent)}; Type ${point.type} expects ${expected}`,
  };
}

const NO_FAILURES: Reading["failures"] = new Map();
async function sent({ outcome, send }: Planned, { signal }: WriteOptions): Promise<WriteOutcome> {
  return { ...outcome, ...(await send(signal)) };
}

/** Returns whether a read failed because the account cannot be asked now; a refusal is an answer. */
function isAway(error: unknown): boolean {
  return isOutage(error) || (concernsAll(error) && !isOutsidePlan(error));
}
