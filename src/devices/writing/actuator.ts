import { randomUUID } from "node:crypto";
import type { ActuatorSettings } from "../../config/index.ts";
import { WriteRefusedError } from "../../drivers/errors.ts";
import type { PointValue, WriteStatus } from "../../points/index.ts";
import {
  askedValue,
  checkAge,
  checkDuration,
  checkedValue,
  checkWritable,
  findDevice,
  findPoint,
  switched,
} from "../command-checks.ts";
import type { Command, CommandResult, Commands } from "../commands.ts";
import type { Device } from "../device.ts";
import { ReadOnlyBridgeError } from "../errors.ts";
import type { HeldLimit } from "../holding/held-limit.ts";
import type { LimitBook } from "../holding/limit-book.ts";
import type { LimitActions } from "../holding/limit-keeper.ts";
import type { LatestValues } from "../scraping/latest-values.ts";
import { summary } from "./answers.ts";
import { Attempts, type AttemptsParts, lostOutcome } from "./attempts.ts";
import type { Attempt } from "./command-ledger.ts";
import type { WriteFence } from "./write-fence.ts";
import { Writer } from "./writer.ts";

export interface ActuatorParts extends AttemptsParts {
  readonly settings: ActuatorSettings;
  /** Returns whether writes are allowed; otherwise every write is refused. */
  readonly mayWrite: () => boolean;
  readonly book: LimitBook;
  /** Saves several changes at once. */
  readonly batch: <T>(work: () => T) => T;
  readonly latest: LatestValues;
  readonly fence?: WriteFence | undefined;
  /** Throws where the device is paused. */
  readonly checkPaused: (device: string) => void;
  /** Throws where an override or another requester's reservation forbids the write now. */
  readonly checkFree: (
    device: string,
    action: "set" | "revert",
    point: string | undefined,
    requester: string,
  ) => void;
}

/**
 * The only way to write: a command comes in, is validated, written and read back (bypassing every cache), and its outcome
 * goes out as a result. Each attempt is on the bus when it is sent and when it is answered. Writes are never repeated here:
 * only the sender knows whether to.
 */
export class Actuator implements Commands, LimitActions {
  readonly #parts: ActuatorParts;
  readonly #attempts: Attempts;
  readonly #writer: Writer;

  constructor(parts: ActuatorParts) {
    this.#parts = parts;
    const { clock, book, batch, settings, fence } = parts;
    this.#attempts = new Attempts(parts);
    this.#writer = new Writer({ clock, book, batch, ...settings, fence });
  }

  /** Number of answered writes by status. */
  get counters(): Readonly<Record<WriteStatus, number>> {
    return this.#attempts.counters;
  }

  async get(path: string, name: string, signal?: AbortSignal): Promise<PointValue> {
    const device = findDevice(this.#parts.devices, path);
    const point = findPoint(device, name);
    this.#parts.checkPaused(path);
    if (device.heartbeat?.kind === "virtual" && device.heartbeat.point === name)
      return this.#parts.latest.get(path)?.values.get(name)?.value ?? null;
    const what = `reading ${path}/${point.name}`;
    return this.#writer.read(path, what, (inner) => device.driver.getPoint(name, inner), signal);
  }

  set(path: string, name: string, raw: unknown, command: Command): Promise<CommandResult> {
    const asked = { device: path, point: name, requested: askedValue(raw), command };
    return this.#write(this.#attempt({ action: "set", ...asked }), raw);
  }

  revertPoint(path: string, name: string, command: Command): Promise<CommandResult> {
    const asked = { device: path, point: name, requested: null, command };
    return this.#write(this.#attempt({ action: "revert", ...asked }), undefined);
  }

  checkFree(device: string, point: string, command: Command): void {
    this.#checkNow({ action: "set", device, point, requested: null, command });
  }

  /** Reverts what this bridge wrote and points with a Starting Value. A failing point does not stop the others. */
  revertDevice(path: string, command: Command): Promise<CommandResult> {
    return this.#revertDevice({ action: "revert", device: path, requested: null, command });
  }

  /** Does the same for an override that reverts its devices: nothing delays it. */
  failsafeRevert(path: string, command: Command): Promise<CommandResult> {
    return this.#revertDevice({ action: "revert", device: path, requested: null, command, own: true });
  }

  /** Writes a limit again before its lease ends. Rejects where the device did not accept it, or did not answer. */
  async renew(limit: HeldLimit): Promise<void> {
    const { error, text } = await this.#writeFor(limit, "set", "lease");
    if (error !== undefined) throw new Error(text);
  }

  /** Clears a limit whose time is over. Rejects where it was not confirmed to be cleared. */
  async end(limit: HeldLimit): Promise<void> {
    const { status, text } = await this.#writeFor(limit, "revert", "end");
    if (status !== "confirmed") throw new Error(text ?? status);
  }

  /** Reverts a limit of a controller that is offline. Rejects where the device did not accept it. */
  async revertAbandoned(limit: HeldLimit): Promise<void> {
    const { status, text } = await this.#writeFor(limit, "revert", "dead-man");
    if (status !== "confirmed" && status !== "accepted") throw new Error(text ?? status);
  }

  /** Reverts a limit of a device that is removed. Rejects where it was not confirmed to be cleared. */
  async revertRemoved(limit: HeldLimit): Promise<void> {
    const { status, text } = await this.#writeFor(limit, "revert", "reload");
    if (status !== "confirmed") throw new Error(text ?? status);
  }

  /** Resolves when no write to the device is running. */
  quiet(path: string): Promise<void> {
    return this.#writer.quiet(path);
  }

  /** Makes a write of the bridge's own for a limit in its book; refused where the limit is no longer in it. */
  #writeFor(limit: HeldLimit, action: "set" | "revert", via: string): Promise<CommandResult> {
    const { device, point, value, requester } = limit;
    const sentAt = new Date(this.#parts.clock.now());
    const command = { id: randomUUID(), requester, via, sentAt };
    const requested = action === "set" ? value : null;
    return this.#write(this.#attempt({ action, device, point, requested, command, own: true }), value, () => {
      if (!this.#parts.book.isCurrent(limit)) throw new WriteRefusedError("it is no longer held");
    });
  }

  /** Finds out the outcome of commands that the last run left unanswered, and answers them. None is sent again. */
  settle(): void {
    for (const sent of this.#parts.ledger.unanswered())
      void this.#attempts.resume(sent, (attempt) => lostOutcome(attempt, sent.at, this.#parts, this.#writer));
  }

  /** Writes a device's heartbeat. Neither announced nor read back: it only shows that the bridge is alive. */
  async beat(device: Device, value: PointValue): Promise<void> {
    const point = findPoint(device, device.heartbeat!.point);
    await this.#writer.beat(device, point, checkedValue(device.info.path, point, value));
  }

  /** Refuses waiting commands, lets running ones end or gives them up, and answers all of them. */
  async stop(): Promise<void> {
    await this.#writer.stop();
    await this.#attempts.settled();
  }

  #attempt<A extends Attempt & { point: string }>(asked: A): A {
    const before = this.#parts.latest.value(asked.device, asked.point);
    return before ? { ...asked, from: before.value } : asked;
  }

  #write(
    attempt: Attempt & { readonly point: string },
    raw: unknown,
    checkMore?: () => void,
  ): Promise<CommandResult> {
    return this.#attempts.run(attempt, (progress) => {
      const { command, action } = attempt;
      const device = findDevice(this.#parts.devices, attempt.device);
      const point = findPoint(device, attempt.point);
      checkWritable(device, point);
      this.#checkNow(attempt);
      checkDuration(command.durationMinutes);
      const value =
        action === "set" ? checkedValue(attempt.device, point, switched(device, point, raw)) : undefined;
      const onTurn = () => {
        // It may have waited for other commands.
        this.#checkNow(attempt);
        this.#checkSame(device);
        checkMore?.();
        progress.onTurn();
      };
      return this.#writer.write({ device, point, value, command }, { ...progress, onTurn });
    });
  }

  #revertDevice(attempt: Attempt): Promise<CommandResult> {
    return this.#attempts.run(attempt, async (progress) => {
      const device = findDevice(this.#parts.devices, attempt.device);
      this.#checkNow(attempt);
      const onTurn = () => {
        this.#checkNow(attempt);
        this.#checkSame(device);
        progress.onTurn();
      };
      return summary(await this.#writer.revertAll(device, attempt.command, { ...progress, onTurn }));
    });
  }

  /** Refuses a command whose device was changed or removed while it waited: it was checked against another point. */
  #checkSame(device: Device): void {
    const { path } = device.info;
    if (this.#parts.devices.get(path) !== device)
      throw new WriteRefusedError(
        `the config of ${path} was changed while the command waited, so nothing was sent; send it again`,
      );
  }

  /** Checks the conditions that can change while a command waits. */
  #checkNow({ device, action, point, command, own }: Attempt): void {
    checkAge(command, this.#parts.clock.now(), this.#parts.settings.maxCommandAgeSeconds);
    if (!this.#parts.mayWrite()) throw new ReadOnlyBridgeError();
    this.#parts.checkPaused(device);
    if (!own) this.#parts.checkFree(device, action, point, command.requester);
  }
}
