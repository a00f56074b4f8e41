import { convertValue, type PointValue } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/index.ts";
import { pause, systemClock } from "../../time/clock.ts";
import type { ComparesHolds, HeldWrite, HoldComparison } from "../abilities.ts";
import type { DeviceInit, DriverDevice, Reading, WriteOptions, WriteOutcome } from "../driver.ts";
import { PointNotFoundError, PointReadOnlyError } from "../errors.ts";
import type { FakeConfig } from "./config.ts";
import { type Formula, formulaOf, valueAt } from "./formula.ts";

/** The written value of a `memory`, in place of its default, or the written amplitude of a wave of VOLTTRON's fake driver. */
interface Cell {
  readonly value: PointValue;
  /** Milliseconds since 1970; absent: in force until reverted. */
  readonly endsAt?: number;
}

interface FakePoint {
  readonly row: RegistryRow;
  readonly formula: Formula;
}

/** One fake device: the formulas of its points, and the values written to its memories. */
export class FakeDevice implements DriverDevice, ComparesHolds {
  readonly #init: DeviceInit<FakeConfig>;
  readonly #now: () => number;
  readonly #closing: AbortSignal;
  readonly #points: ReadonlyMap<string, FakePoint>;
  readonly #cells = new Map<string, Cell>();

  constructor(init: DeviceInit<FakeConfig>, now: () => number, closing: AbortSignal) {
    this.#init = init;
    this.#now = now;
    this.#closing = closing;
    this.#points = new Map(init.rows.map((row) => [row.point.name, { row, formula: formulaOf(row) }]));
  }

  async scrapeAll(signal: AbortSignal): Promise<Reading> {
    await this.#call(signal);
    if (this.#fails("*"))
      throw new Error(`fake device ${this.#init.path} does not answer (driver_config.fail)`);
    const values = new Map<string, PointValue>();
    const failures = new Map<string, Error>();
    for (const [name, point] of this.#points) {
      try {
        this.#refuseFailing(name);
        values.set(name, this.#value(point));
      } catch (error) {
        failures.set(name, error as Error);
      }
    }
    return { values, failures };
  }

  async getPoint(name: string, signal: AbortSignal): Promise<PointValue> {
    const point = this.#point(name);
    await this.#call(signal);
    this.#refuseFailing(name);
    return this.#value(point);
  }

  async setPoint(name: string, value: PointValue, options: WriteOptions): Promise<WriteOutcome> {
    const point = this.#memory(name);
    await this.#call(options.signal);
    this.#refuseFailing(name);
    return this.#put(point, value, options.durationMinutes);
  }

  async revertPoint(name: string, options: WriteOptions): Promise<WriteOutcome> {
    const point = this.#memory(name);
    await this.#call(options.signal);
    this.#refuseFailing(name);
    const { startingValue } = point.row.point;
    if (startingValue !== undefined && !isWave(point))
      return this.#put(point, startingValue, options.durationMinutes);
    this.#cells.delete(name);
    const standard = isWave(point) ? 1 : this.#value(point);
    return { verify: (signal) => this.#verify(name, standard, signal), releases: [name] };
  }

  /** Compares with the memories. There are no other writers, and written values end with the process. */
  async compareHolds(held: readonly HeldWrite[]): Promise<HoldComparison> {
    const gone = held.filter(({ point, value }) => {
      const cell = this.#standing(point);
      return !cell || JSON.stringify(cell.value) !== JSON.stringify(value);
    });
    return { gone: gone.map(({ key }) => key), foreign: [] };
  }

  #standing(name: string): Cell | undefined {
    const cell = this.#cells.get(name);
    return cell && (cell.endsAt === undefined || cell.endsAt > this.#now()) ? cell : undefined;
  }

  #put(point: FakePoint, value: PointValue, durationMinutes: number | undefined): WriteOutcome {
    const { name } = point.row.point;
    const lease = this.#init.config.lease_seconds;
    const seconds = durationMinutes === undefined ? lease : durationMinutes * 60;
    this.#cells.set(name, { value, ...(seconds > 0 && { endsAt: this.#now() + seconds * 1000 }) });
    return {
      verify: (signal) => this.#verify(name, value, signal),
      hold: { key: name, ...(lease > 0 && { leaseSeconds: lease }) },
    };
  }

  async #verify(name: string, wanted: PointValue, signal: AbortSignal) {
    const value = await this.getPoint(name, signal);
    // A wave does not show its amplitude.
    const readBack = isWave(this.#point(name)) ? (this.#standing(name)?.value ?? 1) : value;
    return { confirmed: JSON.stringify(readBack) === JSON.stringify(wanted), readBack };
  }

  #value(point: FakePoint): PointValue {
    const { row, formula } = point;
    const cell = this.#standing(row.point.name);
    if (cell && !isWave(point)) return cell.value;
    const formed = valueAt(formula, this.#now());
    const computed = cell ? Number(formed) * Number(cell.value) : formed;
    const whole = row.point.type === "integer" && typeof computed === "number";
    const converted = convertValue(whole ? Math.round(computed) : computed, row.point.type);
    if (!converted.ok)
      throw new Error(`the value of ${row.attribute} is not ${converted.expected}: ${computed}`);
    return converted.value;
  }

  #point(name: string): FakePoint {
    const point = this.#points.get(name);
    if (!point) throw new PointNotFoundError(this.#init.path, name);
    return point;
  }

  #memory(name: string): FakePoint {
    const point = this.#point(name);
    if (!point.row.point.writable) throw new PointReadOnlyError(this.#init.path, name);
    return point;
  }

  #fails(name: string): boolean {
    return this.#init.config.fail.includes(name);
  }

  #refuseFailing(name: string): void {
    if (this.#fails("*") || this.#fails(name))
      throw new Error(
        `point "${name}" of fake device ${this.#init.path} is set to fail (driver_config.fail)`,
      );
  }

  /** Simulates the latency of the device. */
  async #call(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#closing]);
    either.throwIfAborted();
    if (this.#init.config.latency_ms === 0) return;
    await pause(systemClock, this.#init.config.latency_ms, either);
  }
}

function isWave({ formula }: FakePoint): boolean {
  return formula.kind === "sin";
}
