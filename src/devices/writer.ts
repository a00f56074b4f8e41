import type { WriteOptions, WriteOutcome } from "../drivers/driver.ts";
import type { Point, PointValue } from "../points/index.ts";
import { type Answer, answerOf, told } from "./answers.ts";
import { type Clock, TimeoutError, withDeadline } from "./clock.ts";
import type { Command } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Holds } from "./holds.ts";
import { ReadBacks } from "./read-back.ts";
import { WriteQueue } from "./write-queue.ts";

/** One call to a device. Reading back has its own time, `confirm_timeout`. */
const CALL_DEADLINE_MS = 30_000;
/** A write under way when the bridge stops has so long to end. */
const STOP_GRACE_MS = 5000;

export interface WriterParts {
  readonly clock: Clock;
  readonly holds: Holds;
  readonly confirmTimeoutSeconds: number;
}

/** A write to one point. */
export interface PointWrite {
  readonly device: Device;
  readonly point: Point;
  /** Undefined for a revert. */
  readonly value: PointValue | undefined;
  readonly command: Command;
  /** Called when its turn has come, before anything is sent; a throw refuses it. */
  readonly onTurn: () => void;
}

/** Brings writes to the devices, one at a time for each, reads them back, and keeps account of what stands. */
export class Writer {
  readonly #parts: WriterParts;
  readonly #queue = new WriteQueue();
  readonly #readBacks: ReadBacks;
  readonly #stopping = new AbortController();

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#readBacks = new ReadBacks(parts.clock, parts.confirmTimeoutSeconds * 1000, this.#stopping.signal);
  }

  async write({ onTurn, ...write }: PointWrite): Promise<Answer> {
    const { path } = write.device.info;
    const { name } = write.point;
    const outcome = await this.#queue.run(path, name, async () => {
      onTurn();
      return this.#send(write);
    });
    return told(outcome, await this.#readBacks.confirm(path, name, outcome));
  }

  /** Reverts what this bridge wrote and what has a Starting Value. A point that fails does not stop the others. */
  async revertAll(device: Device, command: Command, onTurn: () => void): Promise<[string, Answer][]> {
    const sent = await this.#queue.run(device.info.path, "", async () => {
      onTurn();
      return this.#revertEach(device, command);
    });
    return Promise.all(sent);
  }

  /** Writes without reading back or keeping account. */
  async beat(device: Device, point: Point, value: PointValue): Promise<void> {
    const { path } = device.info;
    await this.#queue.run(path, point.name, () =>
      this.call(`the heartbeat of ${path}`, (signal) =>
        device.driver.setPoint(point.name, value, { signal }),
      ),
    );
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
  async #send({ device, point, value, command }: Omit<PointWrite, "onTurn">): Promise<WriteOutcome> {
    const { driver, info } = device;
    const { requester, via, durationMinutes } = command;
    const minutes = value !== undefined && durationMinutes !== undefined ? { durationMinutes } : {};
    const outcome = await this.call(`writing ${info.path}/${point.name}`, (signal) => {
      const options: WriteOptions = { signal, ...minutes };
      return value === undefined
        ? driver.revertPoint(point.name, options)
        : driver.setPoint(point.name, value, options);
    });
    const { holds } = this.#parts;
    if (value === undefined) holds.reverted(info.path, point, outcome, { requester, via });
    else holds.written(info.path, point.name, value, outcome, { requester, via, ...minutes });
    return outcome;
  }
}
