import type { Slot } from "./task.ts";

/** The requested slots cannot be read. `kind` is the name before its text in an answer. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
  readonly kind: string;

  constructor(kind: "TypeError" | "ValueError", text: string) {
    super(text);
    this.kind = kind;
  }
}

/** Maximum number of slots in one request. */
export const MAX_SLOTS = 1000;

/**
 * Reads the slots of a request: returns the readable ones, and the fault of the first that is not. Forms: `[[device, start,
 * end], …]`; a single slot; either of them as the only item of a list, as VOLTTRON's clients send it.
 */
export function readSlots(asked: unknown): { slots: Slot[]; malformed?: MalformedError } {
  const slots: Slot[] = [];
  let malformed: MalformedError | undefined;
  try {
    for (const item of listOf(asked)) {
      try {
        slots.push(readSlot(item));
      } catch (error) {
        malformed ??= malformedOf(error);
      }
    }
  } catch (error) {
    malformed = malformedOf(error);
  }
  return { slots, ...(malformed && { malformed }) };
}

function malformedOf(error: unknown): MalformedError {
  if (error instanceof MalformedError) return error;
  throw error;
}

function listOf(asked: unknown): readonly unknown[] {
  if (!Array.isArray(asked))
    throw new MalformedError("TypeError", "expected a list of slots [device, start, end]");
  const list = asked.length === 1 && Array.isArray(asked[0]?.[0]) ? (asked[0] as unknown[]) : asked;
  if (list.length > MAX_SLOTS && typeof list[0] !== "string")
    throw new MalformedError("ValueError", `${list.length} slots; at most ${MAX_SLOTS} make a task`);
  return typeof list[0] === "string" ? [list] : list;
}

function readSlot(item: unknown): Slot {
  if (!Array.isArray(item) || item.length !== 3)
    throw new MalformedError("ValueError", `a slot is [device, start, end], not ${shown(item)}`);
  const [named, from, to] = item as unknown[];
  if (typeof named !== "string") throw new MalformedError("TypeError", `${shown(named)} is no device's path`);
  const device = named.replace(/^\/+|\/+$/g, "");
  if (device === "") throw new MalformedError("ValueError", "the path of the device is empty");
  const start = readTime(from);
  const end = readTime(to);
  if (start < FIRST_MS || end > LAST_MS)
    throw new MalformedError(
      "ValueError",
      `the slot of ${device} is not within the years 1 to 9999 in UTC: ${shown(item)}`,
    );
  if (end < start)
    throw new MalformedError("ValueError", `the slot of ${device} ends before it begins: ${shown(item)}`);
  return { device, start, end };
}

/** Times that can be written with a four-digit year. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/**
 * Returns a date and time as milliseconds since 1970. Without a zone it is in the bridge's own (`TZ`), as in VOLTTRON. A
 * time that occurs twice when clocks go back is the first; one that is skipped when they go forward is later by the
 * difference, as in calendars (RFC 5545 §3.3.5).
 */
export function readTime(raw: unknown): number {
  const wrong = () =>
    new MalformedError("ValueError", `${shown(raw)} is no date and time like 2026-11-21T08:00:00+00:00`);
  if (typeof raw !== "string")
    throw new MalformedError("TypeError", `${shown(raw)} is no text of a date and time`);
  const parts = TIME.exec(raw.trim());
  if (!parts) throw wrong();
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Math.trunc(Number(`0.${parts[7] ?? 0}`) * 1000);
  const asUtc = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  // Otherwise 30 February and 25 o'clock would carry over into the next month and day.
  const text = `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4] ?? "00"}:${parts[5] ?? "00"}:${parts[6] ?? "00"}`;
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(text)) throw wrong();
  const zone = parts[8];
  if (zone === undefined) return new Date(year, month - 1, day, hour, minute, second, ms).getTime();
  if (/^z$/i.test(zone)) return asUtc.getTime();
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  const offset = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return asUtc.getTime() - (zone.startsWith("-") ? -offset : offset) * 60_000;
}

function shown(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
