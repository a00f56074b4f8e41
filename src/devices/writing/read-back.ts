import type { Verification, WriteOutcome } from "../../drivers/driver.ts";
import { messageOf } from "../../log/log.ts";
import type { PointValue, WriteStatus } from "../../points/index.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";
import { type Clock, pause, withDeadline } from "../../time/clock.ts";
import { PROOF_PAUSE_MS, PROOF_READINGS } from "../holding/limit-watch.ts";

const PAUSE_MS: Backoff = { first: 500, longest: 5000 };

/** The outcome of an accepted write, as far as it could be read back. */
export interface Verdict {
  readonly status: WriteStatus;
  readonly readBack?: PointValue;
  readonly text?: string;
}

interface Pending {
  readonly subjects: ReadonlySet<string>;
  readonly ended: AbortController;
}

/**
 * Reads back accepted writes. The next write does not wait for it: a later one for the same subject (point, hold) ends the
 * reading back of the earlier, whose value will not show any more.
 */
export class ReadBacks {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #stopping: AbortSignal;
  readonly #pending = new Map<string, Set<Pending>>();

  constructor(clock: Clock, timeoutMs: number, stopping: AbortSignal) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#stopping = stopping;
  }

  /** `from` (monotonic): only readings begun then or later count, and two in a row are needed. */
  async confirm(device: string, point: string, outcome: WriteOutcome, from?: number): Promise<Verdict> {
    const subjects = new Set([
      point,
      ...(outcome.hold ? [outcome.hold.key] : []),
      ...(outcome.releases ?? []),
    ]);
    const others = this.#pending.get(device) ?? new Set();
    this.#pending.set(device, others);
    for (const other of others)
      if ([...subjects].some((subject) => other.subjects.has(subject)))
        other.ended.abort(new Error("a later write came before it could be read back"));
    const mine = { subjects, ended: new AbortController() };
    others.add(mine);
    try {
      const signal = AbortSignal.any([mine.ended.signal, this.#stopping]);
      if (from === undefined) return await readBack(outcome, this.#clock, this.#timeoutMs, signal);
      return await proveLate(outcome, this.#clock, { from, ms: this.#timeoutMs, signal });
    } finally {
      others.delete(mine);
    }
  }
}

/**
 * Reads back until the write is confirmed or `ms` are over, with growing pauses: a cloud shows a change late. Another value
 * counts against the write (`unconfirmed`) only where it was read in the second half of that time, and no later reading
 * failed. Aborting `signal` ends the wait; its reason becomes the text.
 */
async function readBack(
  outcome: WriteOutcome,
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const end = clock.monotonic() + ms;
  let last: Verification | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let trouble: unknown;
  for (let readings = 1; ; readings++) {
    const begun = clock.monotonic();
    const left = end - begun;
    if (left <= 0 || signal.aborted) break;
    try {
      const deadline = { clock, ms: left, signal, what: "reading back" };
      last = await withDeadline(deadline, (inner) => outcome.verify(inner));
      if (last.confirmed) return { status: "confirmed", readBack: last.readBack };
      lastAt = begun;
      trouble = undefined;
    } catch (error) {
      // A reading that is cut off at the end shows nothing about the device.
      if (clock.monotonic() < end || lastAt < end - ms / 2) trouble = error;
    }
    // An abort rejects, and ends the loop at its head.
    const wait = Math.min(backoff(PAUSE_MS, readings), Math.max(end - clock.monotonic(), 0));
    await pause(clock, wait, signal).catch(() => undefined);
  }
  if (signal.aborted) return { status: "accepted", text: `accepted, but ${messageOf(signal.reason)}` };
  const seconds = ms / 1000;
  const found = last && JSON.stringify(last.readBack);
  if (last && trouble === undefined) {
    const text = `accepted, but ${found} was read back for ${seconds} s; read the point again before relying on it`;
    return { status: "unconfirmed", readBack: last.readBack, text };
  }
  // The device may have shown later what the write did.
  const early = last ? `; before that, ${found} was read` : "";
  return {
    status: "accepted",
    text: `accepted, but it could not be read back for ${seconds} s: ${messageOf(trouble)}${early}`,
  };
}

/** Reads back from `from` on, for `ms`, until two readings in a row confirm the write. */
async function proveLate(
  outcome: WriteOutcome,
  clock: Clock,
  { from, ms, signal }: { readonly from: number; readonly ms: number; readonly signal: AbortSignal },
): Promise<Verdict> {
  const wait = (until: number) => pause(clock, Math.max(0, until - clock.monotonic()), signal);
  const end = Math.max(from, clock.monotonic()) + ms;
  let readBack: PointValue | undefined;
  let text = "nothing was read back";
  try {
    await wait(from);
    for (let confirmed = 0; clock.monotonic() < end; await wait(clock.monotonic() + PROOF_PAUSE_MS)) {
      try {
        const deadline = { clock, ms: end - clock.monotonic(), signal, what: "reading back" };
        const found = await withDeadline(deadline, (inner) => outcome.verify(inner));
        readBack = found.readBack;
        confirmed = found.confirmed ? confirmed + 1 : 0;
        if (confirmed === PROOF_READINGS) return { status: "confirmed", readBack };
        // The reading began late enough: the device is not in the requested state.
        if (!found.confirmed) break;
      } catch (error) {
        signal.throwIfAborted();
        confirmed = 0;
        text = messageOf(error);
      }
    }
  } catch (error) {
    text = messageOf(error);
  }
  return { status: "unconfirmed", ...(readBack !== undefined && { readBack }), text };
}
