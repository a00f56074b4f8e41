import type { PointValue } from "../../../../points/index.ts";
import type { NumberRollup, RolledUp, Rollup, RollupRequest } from "../../../contract.ts";
import { DAY, HOUR } from "../../../time.ts";

/*
 * Hourly rollups of one topic on one day, as bytes. Version, then the hours that have values as 24 bits, then columns with one number for
 * each of these hours: count; time of the first and of the last value after the start of the hour; first and last value; count, min, max
 * and sum of the numbers. A column is written in the shortest form that gives back the same numbers:
 *
 *   same      exponent, number      all are the same
 *   steps     exponent, numbers     differences to the one before
 *   raw       numbers               8 bytes each
 *
 * Numbers of the first two are whole and of variable length, multiplied by 10^exponent. Other values are JSON, each once, with a column
 * of their indexes.
 */

const VERSION = 1;
const HOURS = 24;
const SAME = 0;
const STEPS = 1;
const RAW = 2;
/** Largest number of decimals that are tried. A double represents powers of ten exactly up to 10^22. */
const MAX_DECIMALS = 15;
const MAX_ZEROS = 6;
/** Below this the difference of two whole numbers, doubled for its sign, is a safe integer. */
const MAX_WHOLE = 2 ** 51;
/** Whether `first` and `last` are numbers, whether there are numbers, and whether every value is one. */
const FLAGS = { numericEnds: 1, hasNumbers: 2, onlyNumbers: 4 };

/** Returns rollups of the hours of a day, as `RollupFold` makes them, as bytes. `day`: days since 1970 UTC. */
export function encodeHours(day: number, hours: readonly Rollup[]): Uint8Array {
  const out = new Writer();
  out.byte(VERSION);
  let present = 0;
  for (const { start } of hours) present |= 1 << Math.round((start - day * DAY) / HOUR);
  for (const shift of [0, 8, 16]) out.byte((present >> shift) & 0xff);
  if (hours.length === 0) return out.bytes();
  const ends = [...hours.map(({ first }) => first[1]), ...hours.map(({ last }) => last[1])];
  const numbers = hours.map((hour) => hour.numbers ?? NO_NUMBERS);
  const numericEnds = ends.every((end) => typeof end === "number");
  const hasNumbers = hours.some((hour) => hour.numbers);
  const onlyNumbers = hours.every((hour, index) => hour.count === numbers[index]!.count);
  out.byte(
    (numericEnds ? FLAGS.numericEnds : 0) |
      (hasNumbers ? FLAGS.hasNumbers : 0) |
      (onlyNumbers ? FLAGS.onlyNumbers : 0),
  );
  out.column(hours.map(({ count }) => count));
  out.column(hours.map(({ start, first }) => first[0] - start));
  out.column(hours.map(({ start, last }) => last[0] - start));
  if (numericEnds) {
    out.column(ends.slice(0, hours.length) as number[]);
    out.column(ends.slice(hours.length) as number[]);
  } else out.values(ends);
  if (!hasNumbers) return out.bytes();
  if (!onlyNumbers) out.column(numbers.map(({ count }) => count));
  out.column(numbers.map(({ min }) => min));
  out.column(numbers.map(({ max }) => max));
  out.column(numbers.map(({ sum }) => sum));
  return out.bytes();
}

/** Rollups of a day of {@link encodeHours}: the hours of a month are quick to transfer between threads only as bytes. */
export interface EncodedHours {
  readonly day: number;
  readonly bytes: Uint8Array;
}

/** Returns the parts of a range that the rollups of its days describe. @throws {RangeError} as {@link decodeHours} does. */
export function decodeDays(days: readonly EncodedHours[], { start, end }: RollupRequest): RolledUp[] {
  return days.flatMap(({ day, bytes }) => {
    const from = Math.max(day * DAY, Math.ceil(start / HOUR) * HOUR);
    const to = Math.min((day + 1) * DAY, Math.floor(end / HOUR) * HOUR);
    if (from >= to) return [];
    const hours = decodeHours(day, bytes).filter((hour) => hour.start >= from && hour.start < to);
    return [{ start: from, end: to, hours }];
  });
}

/** Returns the rollups of {@link encodeHours}. @throws {RangeError} when the bytes are not its. */
export function decodeHours(day: number, bytes: Uint8Array): Rollup[] {
  const from = new Reader(bytes);
  const version = from.byte();
  if (version !== VERSION) throw new RangeError(`hourly rollups of version ${version}, expected ${VERSION}`);
  const present = from.byte() | (from.byte() << 8) | (from.byte() << 16);
  const starts: number[] = [];
  for (let hour = 0; hour < HOURS; hour++) if (present & (1 << hour)) starts.push(day * DAY + hour * HOUR);
  const length = starts.length;
  if (length === 0) return [];
  const flags = from.byte();
  const counts = from.column(length);
  const firstTimes = from.column(length);
  const lastTimes = from.column(length);
  const ends: PointValue[] =
    flags & FLAGS.numericEnds ? [...from.column(length), ...from.column(length)] : from.values(length * 2);
  const numbers = new Array<NumberRollup | undefined>(length);
  if (flags & FLAGS.hasNumbers) {
    const numberCounts = flags & FLAGS.onlyNumbers ? counts : from.column(length);
    const [min, max, sum] = [from.column(length), from.column(length), from.column(length)];
    for (const [index, count] of numberCounts.entries())
      if (count > 0) numbers[index] = { count, min: min[index]!, max: max[index]!, sum: sum[index]! };
  }
  return starts.map((start, index) => ({
    ...{ start, count: counts[index]! },
    first: [start + firstTimes[index]!, ends[index]!],
    last: [start + lastTimes[index]!, ends[length + index]!],
    ...(numbers[index] && { numbers: numbers[index] }),
  }));
}

const NO_NUMBERS: NumberRollup = { count: 0, min: 0, max: 0, sum: 0 };

class Writer {
  readonly #bytes: number[] = [];

  byte(value: number): void {
    this.#bytes.push(value);
  }

  /** Writes a whole number of at most 53 bits: 7 bits a byte, the lowest first. */
  whole(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  column(numbers: readonly number[]): void {
    const exponent = exponentOf(numbers);
    if (exponent === undefined) {
      this.byte(RAW);
      for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) this.byte(byte);
      return;
    }
    const isSame = numbers.every((number) => number === numbers[0]);
    this.byte((isSame ? SAME : STEPS) | ((exponent + MAX_DECIMALS) << 2));
    let before = 0;
    for (const number of isSame ? numbers.slice(0, 1) : numbers) {
      const whole = wholeOf(number, exponent);
      const step = whole - before;
      this.whole(step < 0 ? -2 * step - 1 : 2 * step);
      before = whole;
    }
  }

  values(values: readonly PointValue[]): void {
    const indexes = new Map<string, number>();
    const column = values.map((value) => {
      const json = JSON.stringify(value);
      const index = indexes.get(json) ?? indexes.size;
      indexes.set(json, index);
      return index;
    });
    const json = new TextEncoder().encode(`[${[...indexes.keys()].join(",")}]`);
    this.whole(json.length);
    for (const byte of json) this.byte(byte);
    this.column(column);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("hourly rollups end early");
    return byte;
  }

  whole(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  column(length: number): number[] {
    const head = this.byte();
    const form = head & 3;
    if (form === RAW) return [...new Float64Array(this.#take(length * 8).slice().buffer)];
    const exponent = (head >> 2) - MAX_DECIMALS;
    const numbers: number[] = [];
    let whole = 0;
    for (let index = 0; index < (form === SAME ? 1 : length); index++) {
      const step = this.whole();
      whole += step % 2 === 1 ? -(step + 1) / 2 : step / 2;
      numbers.push(exponent < 0 ? whole / 10 ** -exponent : whole * 10 ** exponent);
    }
    return form === SAME ? new Array<number>(length).fill(numbers[0]!) : numbers;
  }

  values(length: number): PointValue[] {
    const json = Buffer.from(this.#take(this.whole())).toString();
    const texts = (JSON.parse(json) as PointValue[]).map((value) => JSON.stringify(value));
    // Each is a value of its own: lists and objects may be changed by who gets them.
    return this.column(length).map((index) => JSON.parse(texts[index]!));
  }

  #take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    if (taken.length < length) throw new RangeError("hourly rollups end early");
    this.#at += length;
    return taken;
  }
}

/** Returns the largest power of ten of which all numbers are multiples, exactly; undefined when there is none. */
function exponentOf(numbers: readonly number[]): number | undefined {
  for (let exponent = MAX_ZEROS; exponent >= -MAX_DECIMALS; exponent--)
    if (numbers.every((number) => isExact(number, exponent))) return exponent;
  return undefined;
}

function isExact(number: number, exponent: number): boolean {
  const whole = wholeOf(number, exponent);
  if (!(Math.abs(whole) < MAX_WHOLE)) return false;
  return Object.is(exponent < 0 ? whole / 10 ** -exponent : whole * 10 ** exponent, number);
}

function wholeOf(number: number, exponent: number): number {
  // Plus 0: −0 is not exact, but 0 may be rounded to it.
  return Math.round(exponent < 0 ? number * 10 ** -exponent : number / 10 ** exponent) + 0;
}
