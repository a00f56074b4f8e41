import { isDeepStrictEqual } from "node:util";
import { type PointValue, WRITE_STATUSES } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";
import type { Command, CommandResult } from "../commands.ts";
import { DuplicateIdError } from "../errors.ts";

/** A requested write. */
export interface Attempt {
  readonly action: "set" | "revert";
  readonly device: string;
  /** Absent for the revert of a whole device. */
  readonly point?: string;
  readonly requested: PointValue;
  /** The last value read before; absent where there was none. */
  readonly from?: PointValue;
  readonly command: Command;
  /** Whether it is the bridge's own, e.g. a renewed lease: overrides and reservations do not apply to it. */
  readonly own?: true;
}

/** A command that was sent to a device, in its stored form; `at` is wall clock, in ms. */
export interface SentCommand {
  readonly id: string;
  readonly requester: string;
  readonly via: string;
  readonly action: "set" | "revert";
  readonly device: string;
  readonly point?: string;
  readonly requested: PointValue;
  readonly from?: PointValue;
  readonly durationMinutes?: number;
  readonly replyTo?: string;
  readonly at: number;
  /** Absent until it is answered. */
  readonly result?: CommandResult;
}

const isSent = recordOf<SentCommand>({
  id: "string",
  requester: "string",
  via: "string",
  action: (action) => action === "set" || action === "revert",
  device: "string",
  point: "string?",
  requested: "value",
  from: "value?",
  durationMinutes: "number?",
  replyTo: "string?",
  at: "number",
  result: (result) => result === undefined || isResult(result),
});

const isResult = recordOf<CommandResult>({
  id: "string",
  device: "string",
  point: "string?",
  requested: "value",
  status: (status) => WRITE_STATUSES.some((known) => known === status),
  readBack: "value?",
  code: "string?",
  text: "string?",
  error: "string?",
  tookMs: "number",
  repeated: "boolean?",
});

/** A running command, and the other callers that wait for its result. */
interface UnderWay {
  readonly content: Content;
  readonly result: Promise<CommandResult>;
  readonly resolve: (result: CommandResult) => void;
  accepted?: CommandResult;
  readonly onAccepted: ((result: CommandResult) => void)[];
}

/** The fields by which two commands are the same. */
type Content = Pick<SentCommand, "action" | "device" | "point" | "requested" | "durationMinutes">;

const MOST = 10_000;
const LONGEST_MS = 24 * 3_600_000;

/**
 * The sent commands, by requester and id, so that none is sent twice: a repeated one gets the first result. A command is on
 * disk before it is sent; after a crash, those without a result are {@link unanswered}. Refused commands are not kept
 * because nothing was sent: their id may be used again.
 */
export class CommandLedger {
  readonly #store: StateNamespace;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #sent: Map<string, SentCommand>;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(store: StateNamespace, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const saved = store.records(isSent);
    this.#sent = new Map(saved.sort(([, a], [, b]) => a.at - b.at));
  }

  /** Commands of the last run without a known result. */
  unanswered(): SentCommand[] {
    return [...this.#sent.values()].filter(({ result }) => !result);
  }

  /**
   * Returns the result of the same command, now or when it is there; undefined: the command is new, and running until
   * {@link end}. Throws DuplicateIdError where the id belongs to another command.
   */
  claim(attempt: Attempt): Promise<CommandResult> | undefined {
    const key = keyOf(attempt.command);
    const content = contentOf(attempt);
    const first = this.#underWay.get(key) ?? this.#known(key);
    if (!first) {
      const { promise: result, resolve } = Promise.withResolvers<CommandResult>();
      const { onAccepted } = attempt.command;
      this.#underWay.set(key, { content, result, resolve, onAccepted: onAccepted ? [onAccepted] : [] });
      return undefined;
    }
    if (!isDeepStrictEqual(first.content, content))
      throw new DuplicateIdError(
        `${attempt.command.requester} used the id ${JSON.stringify(attempt.command.id)} for another command (${describe(first.content)}); nothing was sent. Give each command an id of its own`,
      );
    if ("onAccepted" in first && attempt.command.onAccepted) {
      if (first.accepted) attempt.command.onAccepted({ ...first.accepted, repeated: true });
      else first.onAccepted.push((early) => attempt.command.onAccepted!({ ...early, repeated: true }));
    }
    return Promise.resolve(first.result).then((result) => ({ ...result, repeated: true }));
  }

  /** Resumes a command of the last run; answered with {@link end} like any other. */
  resume(sent: SentCommand): void {
    const { promise: result, resolve } = Promise.withResolvers<CommandResult>();
    this.#underWay.set(keyOf(sent), { content: contentOf(sent), result, resolve, onAccepted: [] });
  }

  /** Called before the command is sent; it is on disk when this returns. */
  sending(attempt: Attempt): void {
    const { id, requester, via, durationMinutes, replyTo } = attempt.command;
    const { action, device, point, requested, from } = attempt;
    const sent: SentCommand = {
      ...{ id, requester, via, action, device, requested, at: this.#clock.now() },
      ...(point !== undefined && { point }),
      ...(from !== undefined && { from }),
      ...(durationMinutes !== undefined && { durationMinutes }),
      ...(replyTo !== undefined && { replyTo }),
    };
    this.#save(keyOf(sent), sent);
  }

  /** Called when the device accepted it and nothing was read back yet. */
  accepted({ command }: Attempt, early: CommandResult): void {
    const underWay = this.#underWay.get(keyOf(command));
    if (!underWay) return;
    underWay.accepted = early;
    for (const tell of underWay.onAccepted) tell(early);
  }

  end(command: Attempt["command"] | SentCommand, result: CommandResult): void {
    const key = keyOf(command);
    const sent = this.#sent.get(key);
    // Refused in its turn, or by the device's driver: nothing was sent.
    if (sent && result.status === "refused") this.#save(key, null);
    else if (sent) this.#save(key, { ...sent, result });
    this.#underWay.get(key)?.resolve(result);
    this.#underWay.delete(key);
  }

  #known(key: string): { content: Content; result: CommandResult } | undefined {
    const sent = this.#sent.get(key);
    if (!sent?.result || this.#clock.now() - sent.at > LONGEST_MS) return undefined;
    return { content: contentOf(sent), result: sent.result };
  }

  #save(key: string, sent: SentCommand | null): void {
    const changes: [string, SentCommand | null][] = [[key, sent]];
    this.#sent.delete(key);
    if (sent) this.#sent.set(key, sent);
    for (const [old, { at, result }] of this.#sent) {
      if (this.#sent.size <= MOST && this.#clock.now() - at <= LONGEST_MS) break;
      if (!result) continue;
      this.#sent.delete(old);
      changes.push([old, null]);
    }
    this.#store.setAll(changes.map(([id, saved]) => [id, saved as PointValue]));
  }
}

function keyOf({ requester, id }: { readonly requester: string; readonly id: string }): string {
  return JSON.stringify([requester, id]);
}

function contentOf(of: Attempt | SentCommand): Content {
  const durationMinutes = "command" in of ? of.command.durationMinutes : of.durationMinutes;
  return {
    ...{ action: of.action, device: of.device, requested: of.requested },
    ...(of.point !== undefined && { point: of.point }),
    ...(durationMinutes !== undefined && { durationMinutes }),
  };
}

function describe({ action, device, point, requested }: Content): string {
  const target = point === undefined ? device : `${device}/${point}`;
  return action === "set" ? `set ${target} to ${JSON.stringify(requested)}` : `revert ${target}`;
}
