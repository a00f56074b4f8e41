import type { Bus } from "../../bus.ts";
import { messageOf } from "../../log/log.ts";
import type { DeviceInfo, PointValue, Write, WriteStatus } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";
import { checkedValue, findDevice, findPoint } from "../command-checks.ts";
import type { CommandResult } from "../commands.ts";
import type { Device } from "../device.ts";
import type { LimitBook } from "../holding/limit-book.ts";
import { type Answer, answerOf, summary } from "./answers.ts";
import type { Attempt, CommandLedger, SentCommand } from "./command-ledger.ts";
import type { Progress, Writer } from "./writer.ts";

export interface AttemptsParts {
  readonly ledger: CommandLedger;
  readonly devices: ReadonlyMap<string, Device>;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Requests an early scrape of a device, so that the effect of a write is published. */
  readonly scrapeSoon: (path: string) => void;
}

/** Follows every attempted write to its answer: announced when it is sent and when it is answered, counted, never thrown. */
export class Attempts {
  readonly #parts: AttemptsParts;
  readonly #open = new Set<Promise<unknown>>();
  readonly #counters: Record<WriteStatus, number> = {
    confirmed: 0,
    accepted: 0,
    unconfirmed: 0,
    refused: 0,
    failed: 0,
  };

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
  }

  /** Number of answered writes by status. */
  get counters(): Readonly<Record<WriteStatus, number>> {
    return { ...this.#counters };
  }

  /**
   * Does the work and returns its answer, or its error, as the result. A repeated command is not done again: it gets the
   * first result.
   */
  run(attempt: Attempt, work: (progress: Progress) => Promise<Answer>): Promise<CommandResult> {
    const { ledger } = this.#parts;
    const own = attempt.own ?? false;
    const tookMs = this.#stopwatch();
    const progress: Progress = {
      own,
      onTurn: () => {
        this.#announce(attempt);
        if (!own) ledger.sending(attempt);
      },
      onAccepted: (answer) => ledger.accepted(attempt, resultOf(attempt, answer, tookMs())),
    };
    if (own) return this.#tracked(this.#answered(attempt, () => work(progress), tookMs));
    try {
      const repeated = ledger.claim(attempt);
      if (repeated) return this.#tracked(repeated);
    } catch (error) {
      return this.#tracked(this.#answered(attempt, () => Promise.reject(error), tookMs));
    }
    const answering = this.#answered(attempt, () => work(progress), tookMs).then((result) => {
      ledger.end(attempt.command, result);
      return result;
    });
    return this.#tracked(answering);
  }

  /** Resumes a command of the last run; the work finds out its outcome. */
  resume(sent: SentCommand, work: (attempt: Attempt) => Promise<Answer>): Promise<CommandResult> {
    const { ledger, clock } = this.#parts;
    const { id, requester, via, at, durationMinutes, replyTo, ...asked } = sent;
    const minutes = durationMinutes === undefined ? {} : { durationMinutes };
    const attempt = { ...asked, command: { id, requester, via, sentAt: new Date(at), ...minutes } };
    ledger.resume(sent);
    const tookMs = () => Math.max(0, clock.now() - at);
    const answering = this.#answered(attempt, () => work(attempt), tookMs, replyTo).then((result) => {
      ledger.end(sent, result);
      return result;
    });
    return this.#tracked(answering);
  }

  /** Resolves when all started attempts are answered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  async #answered(
    attempt: Attempt,
    work: () => Promise<Answer>,
    tookMs: () => number,
    replyTo?: string,
  ): Promise<CommandResult> {
    const answer = await (async () => work())().catch(answerOf);
    const result = resultOf(attempt, answer, tookMs());
    this.#counters[answer.status]++;
    this.#announce(attempt, { ...answer, tookMs: result.tookMs }, replyTo);
    if (answer.status !== "refused") this.#parts.scrapeSoon(attempt.device);
    return result;
  }

  #announce(attempt: Attempt, answer?: Answer & { readonly tookMs: number }, replyTo?: string): void {
    const { bus, clock, devices } = this.#parts;
    const write = recordOf(attempt, devices, new Date(clock.now()), answer);
    if (write) bus.emit("write", { ...write, ...(replyTo !== undefined && { replyTo }) });
  }

  #stopwatch(): () => number {
    const { clock } = this.#parts;
    const started = clock.monotonic();
    return () => Math.round(clock.monotonic() - started);
  }

  #tracked<T>(answering: Promise<T>): Promise<T> {
    this.#open.add(answering);
    return answering.finally(() => this.#open.delete(answering));
  }
}

function resultOf(attempt: Attempt, answer: Answer, tookMs: number): CommandResult {
  const { device, point, requested, command } = attempt;
  const place = { device, ...(point !== undefined && { point }) };
  return { id: command.id, ...place, requested, ...answer, tookMs };
}

/** Returns the record of an attempt; undefined where its point does not exist, which is no attempted write. */
function recordOf(
  attempt: Attempt,
  devices: ReadonlyMap<string, { readonly info: DeviceInfo }>,
  at: Date,
  answer?: Answer & { readonly tookMs: number },
): Write | undefined {
  const device = devices.get(attempt.device)?.info;
  const { command, own: _, device: __, ...asked } = attempt;
  if (!device || (asked.point !== undefined && !device.points.has(asked.point))) return undefined;
  const { id, requester, via } = command;
  return { id, requester, via, device, at, ...asked, ...answer };
}

const ENDED = "the bridge stopped while this was in progress";

/**
 * Returns the outcome of a command that the last run sent, or was about to send, at `at` and left unanswered: `confirmed`
 * where the device is in the requested state, else `unconfirmed`. Sends nothing.
 */
export async function lostOutcome(
  attempt: Attempt,
  at: number,
  parts: { readonly devices: ReadonlyMap<string, Device>; readonly book: LimitBook },
  writer: Writer,
): Promise<Answer> {
  try {
    const device = findDevice(parts.devices, attempt.device);
    const answer =
      attempt.point === undefined
        ? await ofDevice(device, attempt, at, parts.book, writer)
        : await ofPoint(device, attempt.point, attempt, at, writer);
    if (answer.status === "confirmed")
      return { ...answer, text: `${ENDED}; it was not sent again, and the device is in the requested state` };
    const found =
      answer.readBack === undefined ? answer.text : `${JSON.stringify(answer.readBack)} was read back`;
    return unknown(found ?? "nothing was read back", answer.readBack);
  } catch (error) {
    return unknown(messageOf(error));
  }
}

function ofPoint(
  device: Device,
  name: string,
  attempt: Attempt,
  at: number,
  writer: Writer,
): Promise<Answer> {
  const point = findPoint(device, name);
  const { action, command, requested } = attempt;
  const value = action === "set" ? checkedValue(device.info.path, point, requested) : undefined;
  return writer.recall({ device, point, value, command }, at);
}

/** Points of which a limit was, or may have been, in force when it was sent. */
async function ofDevice(
  device: Device,
  attempt: Attempt,
  at: number,
  book: LimitBook,
  writer: Writer,
): Promise<Answer> {
  const { path, points } = device.info;
  const due = [...points.values()].filter(
    ({ name, writable, startingValue }) =>
      writable && name !== device.heartbeat?.point && (startingValue !== undefined || book.has(path, name)),
  );
  const answers = due.map(async ({ name }): Promise<[string, Answer]> => {
    return [name, await ofPoint(device, name, attempt, at, writer)];
  });
  return summary(await Promise.all(answers));
}

function unknown(why: string, readBack?: PointValue): Answer {
  return {
    status: "unconfirmed",
    ...(readBack !== undefined && { readBack }),
    text: `${ENDED}, and it is not known whether the device accepted it (${why}). It was not sent again: read the point before writing again`,
  };
}
