import { randomUUID } from "node:crypto";
import type { Bus } from "../bus.ts";
import type { ActuatorSettings } from "../config/index.ts";
import type { WriteOptions, WriteOutcome } from "../drivers/driver.ts";
import { WriteRefusedError } from "../drivers/errors.ts";
import type { Point, PointValue, WriteStatus } from "../points/index.ts";
import { type Answer, answerOf, askedValue, summary, told } from "./answers.ts";
import { type Attempt, recordOf } from "./attempt.ts";
import { type Clock, TimeoutError, withDeadline } from "./clock.ts";
import {
  checkAge,
  checkDuration,
  checkedValue,
  checkWritable,
  findDevice,
  findPoint,
} from "./command-checks.ts";
import type { Command, CommandResult, Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import { ReadOnlyBridgeError } from "./errors.ts";
import type { Hold, Holds } from "./holds.ts";
import type { LatestValues } from "./latest-values.ts";
import { ReadBacks } from "./read-back.ts";
import { WriteQueue } from "./write-queue.ts";

/** One call to a device. Reading back has its own time, `confirm_timeout`. */
const CALL_DEADLINE_MS = 30_000;
/** A write under way when the bridge stops has so long to end. */
const STOP_GRACE_MS = 5000;

export interface ActuatorParts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly settings: ActuatorSettings;
  /** Every write is refused. */
  readonly readOnly: boolean;
  readonly holds: Holds;
  readonly latest: LatestValues;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Throws where an override or somebody's reservation forbids the write at this moment. */
  readonly checkFree: (
    device: string,
    action: "set" | "revert",
    point: string | undefined,
    requester: string,
  ) => void;
  /** Asks for an early scrape of a device, so that everybody sees what a write did. */
  readonly scrapeSoon: (path: string) => void;
}

/**
 * The only door for writes. Checks, writes, reads back past every cache and answers truthfully; each attempt is on the
 * bus when it is sent and when it is answered. Writes are never repeated here: only their sender knows whether to.
 */
export class Actuator implements Commands {
  readonly #parts: ActuatorParts;
  readonly #queue = new WriteQueue();
  readonly #readBacks: ReadBacks;
  readonly #stopping = new AbortController();
  readonly #open = new Set<Promise<unknown>>();
  readonly #counters: Record<WriteStatus, number> = {
    confirmed: 0,
    accepted: 0,
    unconfirmed: 0,
    refused: 0,
    failed: 0,
  };

  constructor(parts: ActuatorParts) {
    this.#parts = parts;
    const confirmMs = parts.settings.confirmTimeoutSeconds * 1000;
    this.#readBacks = new ReadBacks(parts.clock, confirmMs, this.#stopping.signal);
  }

  /** Answered writes by status. */
  get counters(): Readonly<Record<WriteStatus, number>> {
    return { ...this.#counters };
  }

  async get(path: string, name: string, signal?: AbortSignal): Promise<PointValue> {
    const device = findDevice(this.#parts.devices, path);
    const point = findPoint(device, name);
    if (device.heartbeat?.kind === "virtual" && device.heartbeat.point === name)
      return this.#parts.latest.get(path)?.values.get(name)?.value ?? null;
    const either = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal;
    return this.#call(`reading ${path}/${point.name}`, either, (inner) =>
      device.driver.getPoint(name, inner),
    );
  }

  set(path: string, name: string, raw: unknown, command: Command): Promise<CommandResult> {
    const asked = { device: path, point: name, requested: askedValue(raw), command };
    const attempt = this.#attempt({ action: "set", ...asked });
    return this.#answered(attempt, () => {
      const { device, point } = this.#checked(attempt);
      const value = checkedValue(path, point, raw);
      return this.#write(attempt, device, point, value, (o) => device.driver.setPoint(name, value, o));
    });
  }

  revertPoint(path: string, name: string, command: Command): Promise<CommandResult> {
    const asked = { device: path, point: name, requested: null, command };
    const attempt = this.#attempt({ action: "revert", ...asked });
    return this.#answered(attempt, () => {
      const { device, point } = this.#checked(attempt);
      return this.#write(attempt, device, point, undefined, (o) => device.driver.revertPoint(name, o));
    });
  }

  /** Reverts what this bridge wrote and what has a Starting Value. A point that fails does not stop the others. */
  revertDevice(path: string, command: Command): Promise<CommandResult> {
    return this.#revertDevice({ action: "revert", device: path, requested: null, command });
  }

  /** The same for an override that puts its devices back: nothing holds it up. */
  failsafeRevert(path: string, command: Command): Promise<CommandResult> {
    return this.#revertDevice({ action: "revert", device: path, requested: null, command, own: true });
  }

  #revertDevice(attempt: Attempt): Promise<CommandResult> {
    const { device: path, command } = attempt;
    return this.#answered(attempt, async () => {
      const device = findDevice(this.#parts.devices, path);
      this.#checkNow(attempt);
      const sent = await this.#queue.run(path, "", async () => {
        this.#checkNow(attempt);
        this.#announce(attempt);
        return this.#revertAll(device, command);
      });
      return summary(await Promise.all(sent));
    });
  }

  /** Writes a hold again before its lease ends. Rejects where the device did not take it. */
  async renew(hold: Hold): Promise<void> {
    const { device: path, point: name, value, requester } = hold;
    const now = new Date(this.#parts.clock.now());
    const command = { id: randomUUID(), requester, via: "lease", sentAt: now };
    const asked = { device: path, point: name, requested: value, command };
    const attempt = this.#attempt({ action: "set", ...asked, own: true });
    const result = await this.#answered(attempt, () => {
      const { device, point } = this.#checked(attempt);
      const wanted = checkedValue(path, point, value);
      return this.#write(attempt, device, point, wanted, (options) => {
        if (!this.#parts.holds.isCurrent(hold)) throw new WriteRefusedError("it is not held any more");
        return device.driver.setPoint(name, wanted, options);
      });
    });
    if (result.status === "refused" || result.status === "failed") throw new Error(result.text);
  }

  /** Writes a device's heartbeat. Not announced and not read back: it tells only that the bridge is alive. */
  async beat(device: Device, value: PointValue): Promise<void> {
    const name = device.heartbeat!.point;
    const wanted = checkedValue(device.info.path, findPoint(device, name), value);
    await this.#queue.run(device.info.path, name, () =>
      this.#call(`the heartbeat of ${device.info.path}`, this.#stopping.signal, (signal) =>
        device.driver.setPoint(name, wanted, { signal }),
      ),
    );
  }

  /** Refuses what waits, lets what is under way end or gives it up, and answers everybody. */
  async stop(): Promise<void> {
    const giveUp = this.#parts.clock.after(STOP_GRACE_MS, () => this.#abort());
    await this.#queue.close();
    giveUp();
    this.#abort();
    await Promise.allSettled(this.#open);
  }

  #abort(): void {
    this.#stopping.abort(new TimeoutError("the bridge stopped while waiting for the device"));
  }

  #attempt<A extends Attempt & { point: string }>(asked: A): A {
    const before = this.#parts.latest.value(asked.device, asked.point);
    return before ? { ...asked, from: before.value } : asked;
  }

  #checked(attempt: Attempt & { point: string }) {
    const device = findDevice(this.#parts.devices, attempt.device);
    const point = findPoint(device, attempt.point);
    checkWritable(device, point);
    this.#checkNow(attempt);
    checkDuration(attempt.command.durationMinutes);
    return { device, point };
  }

  /** What can change while a command waits. */
  #checkNow({ device, action, point, command, own }: Attempt): void {
    checkAge(command, this.#parts.clock.now(), this.#parts.settings.maxCommandAgeSeconds);
    if (this.#parts.readOnly) throw new ReadOnlyBridgeError();
    if (!own) this.#parts.checkFree(device, action, point, command.requester);
  }

  async #write(
    attempt: Attempt,
    device: Device,
    point: Point,
    value: PointValue | undefined,
    send: (options: WriteOptions) => Promise<WriteOutcome>,
  ): Promise<Answer> {
    const { path } = device.info;
    const outcome = await this.#queue.run(path, point.name, async () => {
      // It may have waited for others.
      this.#checkNow(attempt);
      this.#announce(attempt);
      return this.#send(device, point, value, attempt.command, send);
    });
    return told(outcome, await this.#readBacks.confirm(path, point.name, outcome));
  }

  /** One answer to come for each point. They are read back together, after the last was sent. */
  async #revertAll(device: Device, command: Command): Promise<Promise<[string, Answer]>[]> {
    const { path, points } = device.info;
    const answers: Promise<[string, Answer]>[] = [];
    for (const point of points.values()) {
      const { name, writable, startingValue } = point;
      // Looked up at each turn: reverting one point can release what others stand for.
      const due = startingValue !== undefined || this.#parts.holds.has(path, name);
      if (!writable || !due || name === device.heartbeat?.point) continue;
      try {
        const outcome = await this.#send(device, point, undefined, command, (options) =>
          device.driver.revertPoint(name, options),
        );
        const confirmed = this.#readBacks.confirm(path, name, outcome);
        answers.push(confirmed.then((verdict) => [name, told(outcome, verdict)]));
      } catch (error) {
        answers.push(Promise.resolve([name, answerOf(error)]));
      }
    }
    return answers;
  }

  /** Sends one write and keeps account of what stands in the device after it. */
  async #send(
    device: Device,
    point: Point,
    value: PointValue | undefined,
    { requester, via, durationMinutes }: Command,
    send: (options: WriteOptions) => Promise<WriteOutcome>,
  ): Promise<WriteOutcome> {
    const { path } = device.info;
    const minutes = value !== undefined && durationMinutes !== undefined ? { durationMinutes } : {};
    const outcome = await this.#call(`writing ${path}/${point.name}`, this.#stopping.signal, (signal) =>
      send({ signal, ...minutes }),
    );
    const { holds } = this.#parts;
    if (value === undefined) holds.reverted(path, point, outcome, { requester, via });
    else holds.written(path, point.name, value, outcome, { requester, via, ...minutes });
    return outcome;
  }

  #call<T>(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline({ clock: this.#parts.clock, ms: CALL_DEADLINE_MS, signal, what }, work);
  }

  #answered(attempt: Attempt, work: () => Promise<Answer>): Promise<CommandResult> {
    const { clock, scrapeSoon } = this.#parts;
    const started = clock.monotonic();
    const answering = (async () => {
      const answer = await (async () => work())().catch(answerOf);
      const { device, point, requested, command } = attempt;
      const tookMs = Math.round(clock.monotonic() - started);
      const place = { device, ...(point !== undefined && { point }) };
      this.#counters[answer.status]++;
      this.#announce(attempt, { ...answer, tookMs });
      if (point !== undefined && answer.readBack !== undefined)
        this.#parts.latest.noted(device, point, answer.readBack);
      if (answer.status !== "refused") scrapeSoon(device);
      return { id: command.id, ...place, requested, ...answer, tookMs };
    })();
    this.#open.add(answering);
    return answering.finally(() => this.#open.delete(answering));
  }

  #announce(attempt: Attempt, answer?: Answer & { tookMs: number }): void {
    const { bus, clock } = this.#parts;
    const write = recordOf(attempt, this.#parts.devices, new Date(clock.now()), answer);
    if (write) bus.emit("write", write);
  }
}
