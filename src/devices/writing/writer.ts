import type { WriteOptions, WriteOutcome } from "../../drivers/driver.ts";
import { messageOf } from "../../log/log.ts";
import type { Point, PointValue } from "../../points/index.ts";
import { type Clock, TimeoutError, withDeadline } from "../../time/clock.ts";
import type { Command } from "../commands.ts";
import { type Device, outcomeOf } from "../device.ts";
import type { LimitBook, SentWrite } from "../holding/limit-book.ts";
import { type Answer, answerOf, answerWith } from "./answers.ts";
import { ReadBacks, type Verdict } from "./read-back.ts";
import { permitted, type WriteFence } from "./write-fence.ts";
import { WritePace } from "./write-pace.ts";
import { WriteQueue } from "./write-queue.ts";

/** Deadline of one call to a device, in milliseconds. Reading back has its own time, `confirm_timeout`. */
const CALL_DEADLINE_MS = 30_000;
/** Time for a running write to end when the bridge stops, in milliseconds. */
const STOP_GRACE_MS = 4000;

const NOT_SEEN_YET: Answer = {
  status: "accepted",
  text: "accepted, but not confirmed yet: reading back continues, and another answer follows",
};

const NOT_KNOWN_YET: Answer = {
  status: "unconfirmed",
  text: "its answer was lost, and it is not known yet whether the device accepted it: it is being read back, and another answer follows",
};

export interface WriterParts {
  readonly clock: Clock;
  readonly book: LimitBook;
  /** Saves several changes at once. */
  readonly batch: <T>(work: () => T) => T;
  readonly confirmTimeoutSeconds: number;
  /** Time after which an accepted write that was not read back yet is answered as accepted, in seconds. */
  readonly acceptedAfterSeconds: number;
  readonly writesPerMinute: number;
  /** Undefined: no other bridge writes to the devices. */
  readonly fence?: WriteFence | undefined;
}

/** A write to one point. */
export interface PointWrite {
  readonly device: Device;
  readonly point: Point;
  /** Undefined for a revert. */
  readonly value: PointValue | undefined;
  readonly command: Command;
}

/** Callbacks for the requester of a write while it runs. */
export interface Progress {
  /** Whether it is the bridge's own: it goes first, and does not wait for the pace. */
  readonly own: boolean;
  /** Called when its turn has come, before anything is sent; a throw refuses it. */
  onTurn(): void;
  onAccepted(answer: Answer): void;
}

/** A write that was sent. */
interface Sent {
  readonly noted: SentWrite;
  readonly outcome: WriteOutcome;
  /** Set where its answer was lost: the reason, and when. */
  readonly lost?: { readonly error: unknown; readonly at: number };
}

/** Sends writes to the devices, one at a time for each, reads them back, and enters what is in force into the book. */
export class Writer {
  readonly #parts: WriterParts;
  readonly #pace: WritePace;
  readonly #queue: WriteQueue;
  readonly #readBacks: ReadBacks;
  readonly #stopping = new AbortController();

  constructor(parts: WriterParts) {
    const { clock, writesPerMinute, confirmTimeoutSeconds } = parts;
    this.#parts = parts;
    this.#pace = new WritePace(clock, writesPerMinute);
    this.#queue = new WriteQueue(clock, this.#pace);
    this.#readBacks = new ReadBacks(clock, confirmTimeoutSeconds * 1000, this.#stopping.signal);
  }

  async write(write: PointWrite, progress: Progress): Promise<Answer> {
    const { path } = write.device.info;
    const { name } = write.point;
    const kind = progress.own ? "own" : write.value === undefined ? "revert" : "set";
    const sent = await this.#queue.run(path, { key: name, kind }, () =>
      this.#send(write, () => progress.onTurn()),
    );
    if (sent.lost) {
      const unknown = () => progress.onAccepted(NOT_KNOWN_YET);
      return this.#withEarlyAnswer(unknown, () => this.#afterLost(write, sent));
    }
    const { outcome } = sent;
    const accepted = () => progress.onAccepted(answerWith(outcome, NOT_SEEN_YET));
    return this.#withEarlyAnswer(accepted, async () =>
      answerWith(outcome, await this.#readBacks.confirm(path, name, outcome)),
    );
  }

  /** Reverts what this bridge wrote and points with a Starting Value. A failing point does not stop the others. */
  async revertAll(device: Device, command: Command, progress: Progress): Promise<[string, Answer][]> {
    const kind = progress.own ? "own" : "revert";
    const sent = await this.#queue.run(device.info.path, { key: "", kind }, async () => {
      progress.onTurn();
      return this.#revertEach(device, command);
    });
    return this.#withEarlyAnswer(
      () => progress.onAccepted(NOT_SEEN_YET),
      () => Promise.all(sent),
    );
  }

  /** Finds out the outcome of a write of the last run, which was sent at `at` (wall clock) if at all. Sends nothing. */
  async recall(write: PointWrite, at: number): Promise<Answer> {
    const { device, point, value, command } = write;
    const { book, clock } = this.#parts;
    const outcome = outcomeOf(device, point, value, command.durationMinutes);
    const { path } = device.info;
    const key = outcome.hold?.key ?? point.name;
    const concerned = value === undefined ? (outcome.releases ?? [key]) : [key];
    const entries = concerned.map((one) => book.entry({ device: path, key: one }));
    const ago = Math.max(0, clock.now() - at);
    const verdict = await this.#found(write, outcome, clock.monotonic() - ago);
    for (const entry of entries)
      if (entry?.limit.state === "unknown" && verdict.status === "confirmed")
        if (value === undefined) book.gone(entry);
        else book.shown(entry);
    return verdict;
  }

  /** Writes without reading back or recording. */
  async beat(device: Device, point: Point, value: PointValue): Promise<void> {
    const { path } = device.info;
    await this.#queue.run(path, { key: point.name, kind: "own" }, () =>
      this.#permitted(path, () =>
        this.call(`the heartbeat of ${path}`, (signal) =>
          device.driver.setPoint(point.name, value, { signal }),
        ),
      ),
    );
  }

  /** Resolves when no write to the device is running. */
  quiet(device: string): Promise<void> {
    return this.#queue.quiet(device);
  }

  /** Reads for a command: after the writes that came before it, except those that wait for the pace. */
  read<T>(
    device: string,
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const inTurn = async (inner: AbortSignal) => {
      await this.#queue.quiet(device);
      inner.throwIfAborted();
      return work(inner);
    };
    return this.call(what, inTurn, signal);
  }

  /** Makes one call to a device, within its deadline; ends with the bridge, and with `signal`. */
  call<T>(what: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const stopping = this.#stopping.signal;
    const either = signal ? AbortSignal.any([signal, stopping]) : stopping;
    return withDeadline({ clock: this.#parts.clock, ms: CALL_DEADLINE_MS, signal: either, what }, work);
  }

  /** Refuses waiting writes, lets running ones end or gives them up. */
  async stop(): Promise<void> {
    const giveUp = this.#parts.clock.after(STOP_GRACE_MS, () => this.#abort());
    await this.#queue.close();
    giveUp();
    this.#abort();
  }

  /** Sends an early answer where the work takes long. */
  async #withEarlyAnswer<T>(early: () => void, work: () => Promise<T>): Promise<T> {
    const cancel = this.#parts.clock.after(this.#parts.acceptedAfterSeconds * 1000, early);
    try {
      return await work();
    } finally {
      cancel();
    }
  }

  #permitted<T>(path: string, send: () => Promise<T>): Promise<T> {
    return permitted(this.#parts.fence, path, this.#stopping.signal, send);
  }

  #abort(): void {
    this.#stopping.abort(new TimeoutError("the bridge stopped while waiting for the device"));
  }

  /** Returns a pending answer for each point. They are read back together, after the last was sent. */
  async #revertEach(device: Device, command: Command): Promise<Promise<[string, Answer]>[]> {
    const { path, points } = device.info;
    const answers: Promise<[string, Answer]>[] = [];
    for (const point of points.values()) {
      const { name, writable, startingValue } = point;
      // Checked at each turn: reverting one point can release limits of others.
      const due = startingValue !== undefined || this.#parts.book.has(path, name);
      if (!writable || !due || name === device.heartbeat?.point) continue;
      const write = { device, point, value: undefined, command };
      try {
        const sent = await this.#send(write);
        const answer = sent.lost
          ? this.#afterLost(write, sent)
          : this.#readBacks
              .confirm(path, name, sent.outcome)
              .then((verdict) => answerWith(sent.outcome, verdict));
        answers.push(answer.then((one) => [name, one]));
      } catch (error) {
        answers.push(Promise.resolve([name, answerOf(error)]));
      }
    }
    return answers;
  }

  /** Sends one write and enters what is in force after it into the book. Rejects where it was not accepted. */
  async #send(write: PointWrite, onTurn?: () => void): Promise<Sent> {
    const { device, point, value, command } = write;
    const { driver, info } = device;
    const { book, batch, clock } = this.#parts;
    const minutes = minutesOf(write);
    const { requester, via } = command;
    // On disk before it is sent: after a crash its outcome is found out.
    const { planned, noted } = batch(() => {
      onTurn?.();
      const planned = outcomeOf(device, point, value, command.durationMinutes);
      const { startingValue } = point;
      const by = { requester, via, ...minutes };
      const noted = book.sending({ device: info.path, point: point.name, value, startingValue, planned, by });
      return { planned, noted };
    });
    this.#pace.take(info.path);
    try {
      const outcome = await this.#permitted(info.path, () =>
        this.call(`writing ${info.path}/${point.name}`, (signal) => {
          const options: WriteOptions = { signal, ...minutes };
          return value === undefined
            ? driver.revertPoint(point.name, options)
            : driver.setPoint(point.name, value, options);
        }),
      );
      book.taken(noted, outcome);
      return { noted, outcome };
    } catch (error) {
      if (book.failed(noted, error) === "failed") throw error;
      return { noted, outcome: planned, lost: { error, at: clock.monotonic() } };
    }
  }

  /** Returns the answer to a write whose own answer was lost: the value read back decides. */
  async #afterLost(write: PointWrite, { noted, outcome, lost }: Sent): Promise<Answer> {
    const { book } = this.#parts;
    const { error, at } = lost!;
    const unanswered = `its answer was lost (${messageOf(error)})`;
    const name = error instanceof Error ? error.name : "Error";
    // The value was in force before: reading it would not show whether the lease was renewed.
    if (write.command.via === "lease")
      return { status: "unconfirmed", text: `${unanswered}; it is written again`, error: name };
    // As they are right after the loss; later writes do not count.
    const cleared = [...noted.earlier.keys()].map((key) => book.entry({ device: noted.write.device, key }));
    const set = noted.entry && book.entry(noted.entry.limit);
    const verdict = await this.#found(write, outcome, at);
    if (verdict.status === "confirmed") {
      if (set && write.value !== undefined) book.shown(set);
      else for (const entry of cleared) if (entry?.limit.clearing) book.gone(entry);
      return { ...verdict, text: `the device is in the requested state, although ${unanswered}` };
    }
    const found =
      verdict.readBack === undefined
        ? "nothing was read back"
        : `${JSON.stringify(verdict.readBack)} was read back`;
    return {
      status: "unconfirmed",
      ...(verdict.readBack !== undefined && { readBack: verdict.readBack }),
      text: `${unanswered}; it is not known whether the device accepted it (${found}): read the point before writing again`,
      error: name,
    };
  }

  /**
   * Reads back a write that may not have been accepted, last sent at `at` (monotonic). The requested value proves a set.
   * That a limit is gone takes readings that the service cannot have answered from before the write.
   */
  #found({ device, point, value }: PointWrite, outcome: WriteOutcome, at: number): Promise<Verdict> {
    const { confirmTimeoutSeconds } = this.#parts;
    const from = value === undefined ? at + confirmTimeoutSeconds * 1000 : undefined;
    return this.#readBacks.confirm(device.info.path, point.name, outcome, from);
  }
}

function minutesOf({ value, command: { durationMinutes } }: PointWrite): { durationMinutes?: number } {
  return value !== undefined && durationMinutes !== undefined ? { durationMinutes } : {};
}
