import type { WriteOptions, WriteOutcome } from "../drivers/driver.ts";
import { HalfDoneError } from "../drivers/errors.ts";
import type { Point, PointValue } from "../points/index.ts";
import { type Answer, answerOf, told } from "./answers.ts";
import { type Clock, TimeoutError, withDeadline } from "./clock.ts";
import type { Command } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Holds } from "./holds.ts";
import { outcomeOf } from "./outcome-of.ts";
import { ReadBacks } from "./read-back.ts";
import { WritePace } from "./write-pace.ts";
import { WriteQueue } from "./write-queue.ts";

/** One call to a device. Reading back has its own time, `confirm_timeout`. */
const CALL_DEADLINE_MS = 30_000;
/** A write under way when the bridge stops has so long to end. */
const STOP_GRACE_MS = 5000;

const NOT_SEEN_YET: Answer = {
  status: "accepted",
  text: "taken, and not seen yet: reading back goes on, and another answer follows",
};

export interface WriterParts {
  readonly clock: Clock;
  readonly holds: Holds;
  readonly confirmTimeoutSeconds: number;
  /** A write that was taken and not read back yet is told as accepted after so long. */
  readonly acceptedAfterSeconds: number;
  readonly writesPerMinute: number;
}

/** A write to one point. */
export interface PointWrite {
  readonly device: Device;
  readonly point: Point;
  /** Undefined for a revert. */
  readonly value: PointValue | undefined;
  readonly command: Command;
}

/** What whoever asked for a write wants to know, or has to say, on its way. */
export interface Progress {
  /** The bridge's own doing: it goes first, and does not wait for the pace. */
  readonly own: boolean;
  /** Its turn has come, and nothing was sent yet; a throw refuses it. */
  onTurn(): void;
  onAccepted(answer: Answer): void;
}

/** Brings writes to the devices, one at a time for each, reads them back, and keeps account of what stands. */
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
    const outcome = await this.#queue.run(path, { key: name, kind }, async () => {
      progress.onTurn();
      return this.#send(write);
    });
    const accepted = () => progress.onAccepted(told(outcome, NOT_SEEN_YET));
    return this.#patiently(accepted, async () =>
      told(outcome, await this.#readBacks.confirm(path, name, outcome)),
    );
  }

  /** Reverts what this bridge wrote and what has a Starting Value. A point that fails does not stop the others. */
  async revertAll(device: Device, command: Command, progress: Progress): Promise<[string, Answer][]> {
    const kind = progress.own ? "own" : "revert";
    const sent = await this.#queue.run(device.info.path, { key: "", kind }, async () => {
      progress.onTurn();
      return this.#revertEach(device, command);
    });
    return this.#patiently(
      () => progress.onAccepted(NOT_SEEN_YET),
      () => Promise.all(sent),
    );
  }

  /** Finds out how a write of the last run ended, which was sent at `at` if it was. Nothing is sent. */
  async recall(write: PointWrite, at: number): Promise<Answer> {
    const { device, point, value, command } = write;
    const outcome = outcomeOf(device, point, value, command.durationMinutes);
    const verdict = await this.#readBacks.confirm(device.info.path, point.name, outcome);
    if (verdict.status === "confirmed") {
      outcome.adopt?.();
      this.#account(write, outcome, at);
    }
    return verdict;
  }

  /** Whether a value that was written stands in the device now. */
  async stands(device: Device, point: Point, value: PointValue): Promise<boolean> {
    const outcome = outcomeOf(device, point, value);
    const what = `reading ${device.info.path}/${point.name}`;
    return (await this.call(what, (signal) => outcome.verify(signal))).confirmed;
  }

  /** Writes without reading back or keeping account. */
  async beat(device: Device, point: Point, value: PointValue): Promise<void> {
    const { path } = device.info;
    await this.#queue.run(path, { key: point.name, kind: "own" }, () =>
      this.call(`the heartbeat of ${path}`, (signal) =>
        device.driver.setPoint(point.name, value, { signal }),
      ),
    );
  }

  /** A read by a command: after the writes that came before it, but for those that wait for the pace. */
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

  /** One call to a device, within its deadline; ends with the bridge, and with `signal`. */
  call<T>(what: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const stopping = this.#stopping.signal;
    const either = signal ? AbortSignal.any([signal, stopping]) : stopping;
    return withDeadline({ clock: this.#parts.clock, ms: CALL_DEADLINE_MS, signal: either, what }, work);
  }

  /** Refuses what waits, lets what is under way end or gives it up. */
  async stop(): Promise<void> {
    const giveUp = this.#parts.clock.after(STOP_GRACE_MS, () => this.#abort());
    await this.#queue.close();
    giveUp();
    this.#abort();
  }

  /** Tells, where the work takes long, that the devices took it. */
  async #patiently<T>(onAccepted: () => void, work: () => Promise<T>): Promise<T> {
    const told = this.#parts.clock.after(this.#parts.acceptedAfterSeconds * 1000, onAccepted);
    try {
      return await work();
    } finally {
      told();
    }
  }

  #abort(): void {
    this.#stopping.abort(new TimeoutError("the bridge stopped while waiting for the device"));
  }

  /** One answer to come for each point. They are read back together, after the last was sent. */
  async #revertEach(device: Device, command: Command): Promise<Promise<[string, Answer]>[]> {
    const { path, points } = device.info;
    const answers: Promise<[string, Answer]>[] = [];
    for (const point of points.values()) {
      const { name, writable, startingValue } = point;
      // Looked up at each turn: reverting one point can release what others stand for.
      const due = startingValue !== undefined || this.#parts.holds.has(path, name);
      if (!writable || !due || name === device.heartbeat?.point) continue;
      try {
        const outcome = await this.#send({ device, point, value: undefined, command });
        const confirmed = this.#readBacks.confirm(path, name, outcome);
        answers.push(confirmed.then((verdict) => [name, told(outcome, verdict)]));
      } catch (error) {
        answers.push(Promise.resolve([name, answerOf(error)]));
      }
    }
    return answers;
  }

  /** Sends one write and keeps account of what stands in the device after it. */
  async #send(write: PointWrite): Promise<WriteOutcome> {
    const { device, point, value } = write;
    const { driver, info } = device;
    const minutes = minutesOf(write);
    this.#pace.take(info.path);
    try {
      const outcome = await this.call(`writing ${info.path}/${point.name}`, (signal) => {
        const options: WriteOptions = { signal, ...minutes };
        return value === undefined
          ? driver.revertPoint(point.name, options)
          : driver.setPoint(point.name, value, options);
      });
      this.#account(write, outcome);
      return outcome;
    } catch (error) {
      if (error instanceof HalfDoneError) this.#parts.holds.released(info.path, error.releases);
      throw error;
    }
  }

  #account(write: PointWrite, outcome: WriteOutcome, at?: number): void {
    const { device, point, value, command } = write;
    const { requester, via } = command;
    const by = { requester, via, ...(at !== undefined && { at }) };
    const { holds } = this.#parts;
    if (value === undefined) holds.reverted(device.info.path, point, outcome, by);
    else holds.written(device.info.path, point.name, value, outcome, { ...by, ...minutesOf(write) });
  }
}

function minutesOf({ value, command: { durationMinutes } }: PointWrite): { durationMinutes?: number } {
  return value !== undefined && durationMinutes !== undefined ? { durationMinutes } : {};
}
