/** Shown where there is no value. */
export const NONE = "–";

/** Power of one port or station, two decimals so that columns align: `6.59 kW`. */
export function power(kw: number | null | undefined): string {
  return kw === null || kw === undefined ? NONE : `${fixed(kw, 2)} kW`;
}

/** Power as one says it: `3.0 kW`, `148 kW`, `1.25 MW`. */
export function shortPower(kw: number | null | undefined): string {
  if (kw === null || kw === undefined) return NONE;
  if (Math.abs(kw) >= 1000) return `${fixed(kw / 1000, 2)} MW`;
  return `${fixed(kw, Math.abs(kw) >= 100 ? 0 : 1)} kW`;
}

export function energy(kwh: number | null | undefined): string {
  if (kwh === null || kwh === undefined) return NONE;
  return Math.abs(kwh) >= 1000
    ? `${fixed(kwh / 1000, 2)} MWh`
    : `${fixed(kwh, Math.abs(kwh) >= 100 ? 0 : 2)} kWh`;
}

/** An amount in its currency, by the code: `USD 12.50`. Networks leave the currency out now and then. */
export function money(amount: number | null | undefined, currency: string | null | undefined): string {
  if (amount === null || amount === undefined) return NONE;
  if (!currency || !/^[A-Z]{3}$/i.test(currency)) return `${fixed(amount, 2)} ${currency ?? ""}`.trim();
  return amount.toLocaleString("en", { style: "currency", currency, currencyDisplay: "code" });
}

/** A count with thin spaces between thousands: `12 480`. */
export function count(value: number): string {
  return Math.abs(value) < 10_000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** A count with its noun: `1 station`, `12 480 stations`. */
export function counted(value: number, one: string, several = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : several}`;
}

/** A number of any point: at most `digits` significant ones, without a tail of zeros. */
export function plainNumber(value: number, digits = 6): string {
  if (Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(digits)));
}

/** A value of any point as text; lists and objects as JSON. */
export function anyValue(value: unknown): string {
  if (value === null || value === undefined || value === "") return NONE;
  if (typeof value === "number") return plainNumber(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A size in bytes: `80 kB`, `1.4 GB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** step;
  return `${step === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[step]}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration as people say it, in its two largest units: `12 s`, `23 min`, `1 h 5 min`, `2 d 3 h`. */
export function duration(milliseconds: number): string {
  const value = Math.max(0, milliseconds);
  if (value < MINUTE) return `${Math.floor(value / SECOND)} s`;
  if (value < HOUR) return `${Math.floor(value / MINUTE)} min`;
  if (value < DAY) return pair(value, HOUR, "h", MINUTE, "min");
  return value < 10 * DAY ? pair(value, DAY, "d", HOUR, "h") : `${Math.floor(value / DAY)} d`;
}

function pair(value: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((value % large) / small);
  return `${Math.floor(value / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ""}`;
}

/** `12 s ago`; clocks that differ by a little do not read values in the future. */
export function age(at: number, now: number): string {
  return now - at < SECOND ? "now" : `${duration(now - at)} ago`;
}

/** Time that is left, rounded up: a limit with 20 s left is not over. `23 min`, `ended`. */
export function remaining(until: number, now: number): string {
  const left = until - now;
  if (left <= 0) return "ended";
  if (left < MINUTE) return `${Math.ceil(left / SECOND)} s`;
  return duration(Math.ceil(left / MINUTE) * MINUTE);
}

export const two = (value: number): string => String(value).padStart(2, "0");

/** Local time; of another day with its date: `10:32:09`, `28 Nov 10:32`, `28 Nov 2025 10:32`. */
export function localTime(at: Date, now: Date, seconds = true): string {
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return seconds ? `${clock}:${two(at.getSeconds())}` : clock;
  return `${localDate(at, now)} ${clock}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function localDate(at: Date, now: Date): string {
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? day : `${day} ${at.getFullYear()}`;
}

/** Local time as a `datetime-local` field wants it. */
export function fieldTime(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The begin of the next hour of the local clock, in milliseconds since 1970. */
export function nextHour(): number {
  return new Date().setMinutes(60, 0, 0);
}

/** `2026-11-30 10:32:09 UTC` */
export function utcTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}
