import { convertValue } from "../../points/index.ts";
import { Refusal } from "./answer.ts";

/** Converts times, numbers and texts between the world and the wire. */

/** `YYYY-MM-DDTHH:MM:SSZ` (guide §1.2). */
export function wireTime(time: number): string {
  return `${new Date(seconds(time) * 1000).toISOString().slice(0, 19)}Z`;
}

/** Returns whole seconds since 1970, the resolution of times on the wire. */
export function seconds(time: number): number {
  return Math.floor(time / 1000);
}

/** Returns the seconds since 1970 of a time in a request; without a zone it is UTC. @throws Refusal 141 */
export function requestTime(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  const converted = convertValue(text, "datetime");
  if (!converted.ok || converted.value === null) throw new Refusal("141");
  return new Date(String(converted.value)).getTime() / 1000;
}

/** Rejects a period that ends before it begins. */
export function timeWindow(
  from: string | null | undefined,
  to: string | null | undefined,
): { from: number; to: number } {
  const window = {
    from: requestTime(from) ?? Number.NEGATIVE_INFINITY,
    to: requestTime(to) ?? Number.POSITIVE_INFINITY,
  };
  if (window.from > window.to) throw new Refusal("142");
  return window;
}

/** Formats as `HH:MM:SS`; hours continue after 24. */
export function duration(ms: number): string {
  const total = seconds(ms);
  return [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** Rounds a load down to whole watts, as meters show it, so that sums stay within their limit. */
export function shownKw(kw: number): number {
  return Math.floor(kw * 1000 + 1e-6) / 1000;
}

/** Decimals of a meter's energy. */
export function shownKwh(kwh: number): number {
  return Math.round(kwh * 1e6) / 1e6;
}

export function shownPercent(percent: number): number {
  return Math.round(percent * 10) / 10;
}

/** Returns whether a text equals the wanted one, in any case; every text does where none is wanted. */
export function sameText(wanted: string | null | undefined, found: string | null | undefined): boolean {
  return !wanted || wanted.toLowerCase() === found?.toLowerCase();
}

/** Returns whether a text matches, in any case; `*` and `%` match any characters. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split(/[*%]+/);
  const subject = text.toLowerCase();
  if (parts.length === 1) return subject === parts[0];
  const first = parts[0] as string;
  const last = parts[parts.length - 1] as string;
  if (subject.length < first.length + last.length) return false;
  if (!subject.startsWith(first) || !subject.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = subject.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= subject.length - last.length;
}
