import type { Exchange, ShedCall } from "../../helpers/soap-proxy.ts";
import { type Act, type Limit, portsOf, same, Truth } from "./truth.ts";

/*
 * The judge of an hour of random trouble. It has the service's own log (what was done), the proxy's record (which answers
 * were lost), and what the bridge said; and it holds the bridge to these rules:
 *
 * - Whatever the bridge changed at the service, something explains: a command that was under way; the renewal of a limit
 *   that is held and in force; the end of a duration; the revert of an override or of a controller that is away; a change of
 *   mode; the other port's limit that was put back. Anything else is an unintended write.
 * - `refused` and `failed`: the service did not act on it. `accepted`: it did. `confirmed`: the service was as asked when it
 *   was read back. `unknown` (or `not known` in the text): only where an answer was really lost, or the bridge was killed in
 *   the middle. No answer at all: only where the bridge was killed, or was not there. Anything else is an untrue answer.
 */

/** A command to a point or a device, and what the bridge answered. Times are milliseconds since 1970, by the true clock. */
export interface Asked {
  readonly id: string;
  readonly requester: string;
  readonly action: "set" | "revert" | "revert device";
  readonly device: string;
  readonly stationID: string;
  /** Undefined: the whole station. */
  readonly port: string | undefined;
  readonly point: string | undefined;
  /** Of a set that limits; absent where the command ends limits. */
  readonly mode?: "allowedLoad" | "percentShed";
  readonly value?: number;
  readonly minutes?: number;
  /** Once, or again under the same id. */
  readonly sentAt: readonly [number, ...number[]];
  readonly answers: Answer[];
}

export interface Answer {
  readonly at: number;
  readonly status: string;
  readonly text: string;
  /** False: another one follows. */
  readonly final: boolean;
  /** It was given before, to the same command. */
  readonly repeated: boolean;
  readonly error: string | undefined;
}

/** A time of something, open at its end until it is over. */
export interface Span {
  readonly from: number;
  to: number;
}

/** An override that reverts its devices. */
export interface Overridden extends Span {
  readonly device: string;
}

/** A controller that said `offline`. */
export interface Absence extends Span {
  readonly requester: string;
}

/** A process of the bridge, from the moment it takes commands to its end. */
export interface Life extends Span {
  readonly name: string;
  readonly end: string;
  /** By its clock more time has passed since the life before than has: it may take for over what is not. */
  readonly isAhead: boolean;
}

/** What the bridge said by itself: an event, the announcement of a write. */
export interface Said {
  readonly at: number;
  readonly device: string;
  readonly text: string;
}

/** Everything that is known of a run. */
export interface Evidence {
  readonly acts: readonly Act[];
  readonly exchanges: readonly Exchange[];
  /** When the proxy reset connections. */
  readonly resets: readonly number[];
  readonly asked: readonly Asked[];
  readonly overridden: readonly Overridden[];
  readonly absences: readonly Absence[];
  readonly lives: readonly Life[];
  /** Times in which the service showed changes late. */
  readonly late: readonly Span[];
  readonly said: readonly Said[];
  readonly graceSeconds: number;
  readonly leaseMinutes: (stationID: string) => number;
  readonly confirmSeconds: number;
}

export interface Finding {
  readonly kind:
    | "unintended write"
    | "untrue answer"
    | "unknown without a lost answer"
    | "no answer"
    | "stopped by its own disk";
  readonly at: number;
  readonly text: string;
  readonly timeline: string;
}

/** Whether the answer to a call was lost, as its sender sees it: it went out, and nobody said what became of it. */
const LEAVES_OPEN: readonly string[] = ["lost", "cut", "silent", "gateway", "dropped", "hang"];
/** A bridge can always do without its disk. */
const OWN_DISK = /disk is full|database or disk|ENOSPC/i;
/** Before a bridge says that it runs, it looks after what the life before left. */
const STARTING_MS = 5000;
/** It looks first whether what it renews then is in force: late enough, and twice. */
const LOOKING_MS = 20_000;
/** After its start a bridge subscribes. */
const FIRST_MOMENT_MS = 1000;
/** Two processes, two clocks on one machine: orders within this do not count. */
const SLACK_MS = 250;
/** As a part of the lease, since it was written last. */
const EARLIEST_RENEWAL = 0.4;
/** An expiry, a clear elsewhere and a renewal can cross. */
const CROSSING_MS = 3000;
const CLEARED_ELSEWHERE_MS = 5000;
/** A write that belongs to a clear, or to a change of mode, follows it within this. */
const TOGETHER_MS = 15_000;
/** An override tries to revert for so long. */
const FAILSAFE_MS = 16 * 60_000;
/** A command that is not carried out by then has expired. */
const OLDEST_COMMAND_MS = 60_000;
/** A call that takes longer is given up. */
const CALL_MS = 30_000;
/** The last read-back comes at most so long before the answer. */
const READ_BACK_MS = 10_000;

export class Judge {
  readonly findings: Finding[] = [];
  readonly truth = new Truth();
  readonly #evidence: Evidence;
  /** The calls that a command explains: those that the service carried out, and those of which nobody knows. */
  readonly #callsOf = new Map<Asked, Call[]>();
  /** Which command a limit is of, over its renewals. */
  readonly #origin = new Map<Act, Asked>();
  /** How many calls by what explains them. */
  readonly explained: Record<string, number> = {};

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    const done = new Set(evidence.acts.map(({ exchange }) => exchange));
    const open = evidence.exchanges.filter((call) => !done.has(call) && isOpen(call));
    for (const call of [...evidence.acts, ...open].sort((one, other) => one.at - other.at)) {
      if (!isAct(call)) this.#attribute(call);
      else {
        if (call.by === "bridge") this.#explain(call);
        this.truth.apply(call);
      }
    }
    for (const asked of evidence.asked) this.#judgeAnswers(asked);
  }

  /** Calls of the bridge that changed a limit at the service. */
  get changes(): number {
    return this.#evidence.acts.filter(({ by }) => by === "bridge").length;
  }

  /** The command that a limit in force was set by. */
  originOf(act: Act): Asked | undefined {
    return this.#origin.get(act);
  }

  /** Whose call it is that may have been carried out, and was not. */
  #attribute(call: Call): void {
    this.#commandFor(call, (asked) => isFor(asked, call));
  }

  #explain(act: Act): void {
    const why =
      (act.operation === "shedLoad" ? this.#explainLimit(act) : this.#explainClear(act)) ??
      this.#explainByDenied(act);
    if (why === undefined) this.#unintended(act);
    else this.explained[why] = (this.explained[why] ?? 0) + 1;
  }

  #explainLimit(act: Act): string | undefined {
    const meant = (asked: Asked) => isFor(asked, act);
    const command = this.#commandFor(act, meant, believed);
    if (command) {
      this.#origin.set(act, command);
      return "set";
    }
    // What is written without a command is a limit that was there before, and keeps its command.
    const before = this.#lastLike(act);
    const origin = before && this.#origin.get(before.act);
    if (!before || !origin) return this.#explainUncertain(act);
    this.#origin.set(act, origin);
    const inForce = before.to > act.at;
    const endedMs = act.at - before.to;
    const { endedBy } = before;
    const isCleared = endedBy?.by === "portal" && endedMs <= CLEARED_ELSEWHERE_MS + this.#lateMs(act.at);
    if (inForce || isCleared || (!endedBy && endedMs <= CROSSING_MS))
      if (this.#isDue(before.act, origin, act.at)) return "renewal";
    // The service may not show yet whether it cleared this port together with the other one.
    if ((inForce || endedMs <= TOGETHER_MS) && this.#otherWasCleared(act))
      return "put back with the other port";
    const isModeChange =
      endedBy?.by === "bridge" && endedBy.operation === "clearShedState" && endedMs <= TOGETHER_MS;
    if (isModeChange && this.#underWay(act, (asked) => asked.mode !== undefined && asked.mode !== act.mode))
      return "put back after a change of mode";
    return undefined;
  }

  /** What may be in force is put back like what is, where the other port's clear may have ended it. */
  #explainUncertain(act: Act): string | undefined {
    const isLost = (call: Call) =>
      !isAct(call) && same(call, act) && call.port === act.port && call.at < act.at;
    const origin = this.#evidence.asked.findLast(
      (asked) => asked.stationID === act.stationID && this.#calls(asked).some(isLost),
    );
    if (!origin || !this.#otherWasCleared(act)) return undefined;
    this.#origin.set(act, origin);
    return "put back with the other port";
  }

  /** A command that says that nothing was sent is the last to be believed to have done it. */
  #explainByDenied(act: Act): string | undefined {
    const command = this.#commandFor(act, (asked) => isFor(asked, act));
    if (command && act.operation === "shedLoad") this.#origin.set(act, command);
    return command && (act.operation === "shedLoad" ? "set" : "revert");
  }

  /** Whether a limit is to be renewed: at half of its lease, or at once where nobody knows of the last time, or has been away. */
  #isDue(last: Act, origin: Asked, at: number): boolean {
    const leaseMs = this.#evidence.leaseMinutes(last.stationID) * 60_000;
    if (origin.minutes !== undefined || leaseMs === 0) return false;
    if (at - last.at >= EARLIEST_RENEWAL * leaseMs || (last.exchange && isOpen(last.exchange))) return true;
    const life = this.#lifeAt(at);
    return life !== undefined && (life.isAhead || at < life.from + STARTING_MS + LOOKING_MS);
  }

  #explainClear(act: Act): string | undefined {
    const { overridden, absences, graceSeconds } = this.#evidence;
    const standing = this.#standing(act);
    const changesMode = (asked: Asked) =>
      asked.mode !== undefined && standing.some(({ mode }) => mode !== asked.mode);
    // Where the limit of the other mode follows at once, a revert that is under way as well has its own clear.
    const next = this.#next(act);
    const belongsTo = (asked: Asked) => next !== undefined && isFor(asked, next) && changesMode(asked);
    if (act.port === undefined && this.#underWay(act, belongsTo)) return "change of mode";
    if (this.#commandFor(act, (asked) => isFor(asked, act), believed)) return "revert";
    if (act.port === undefined && this.#underWay(act, changesMode)) return "change of mode";
    const isOver = (limit: Limit) => {
      const due = this.#dueEnd(limit.act);
      if (due !== undefined && this.#wasAhead(limit.act.at, act.at)) return true;
      return due !== undefined && due - CROSSING_MS <= act.at;
    };
    const recent = standing.length > 0 ? standing : this.#recent(act);
    if (recent.length > 0 && recent.every(isOver)) return "end of a duration";
    const device = this.#deviceOf(act.stationID);
    const isFailsafe = overridden.some(
      (one) =>
        one.device === device &&
        act.at >= one.from - SLACK_MS &&
        act.at <= Math.min(one.to, one.from + FAILSAFE_MS) + SLACK_MS,
    );
    if (isFailsafe) return "override";
    const owners = new Set([
      ...recent.map(({ act: limit }) => this.#origin.get(limit)?.requester),
      ...this.#mayOwn(act, Math.max(0, ...recent.map(({ act: limit }) => limit.at))),
    ]);
    const isDeadMan = absences.some(
      ({ requester, from, to }) =>
        owners.has(requester) &&
        act.at >= from + graceSeconds * 1000 - SLACK_MS &&
        act.at <= to + CROSSING_MS,
    );
    if (isDeadMan) return "controller away";
    // What may be in force is ended like what is.
    const mayStand = this.#evidence.exchanges.some(
      (call) =>
        call.operation === "shedLoad" && isOpen(call) && call.stationID === act.stationID && call.at < act.at,
    );
    return standing.length === 0 && mayStand ? "end of what was unknown" : undefined;
  }

  /** Who may have limited the target since: the answer was lost, and the bridge cannot know that nothing was done. */
  #mayOwn(act: Act, since: number): string[] {
    const mayLimit = (call: Call) =>
      call.operation === "shedLoad" && !isAct(call) && call.at >= since && call.at < act.at;
    const isAt = ({ port }: Call) => port === undefined || act.port === undefined || port === act.port;
    return this.#evidence.asked
      .filter(
        (asked) =>
          asked.stationID === act.stationID &&
          this.#calls(asked).some((call) => mayLimit(call) && isAt(call)),
      )
      .map(({ requester }) => requester);
  }

  /** What the bridge did next at the station, where that belongs together. */
  #next(act: Act): Act | undefined {
    const { acts } = this.#evidence;
    const next = acts
      .slice(acts.indexOf(act) + 1)
      .find(({ by, stationID }) => by === "bridge" && stationID === act.stationID);
    return next && next.at - act.at <= TOGETHER_MS ? next : undefined;
  }

  /** The command that was under way and asked for this; each explains one call for each target. */
  #commandFor(
    call: Call,
    meant: (asked: Asked) => boolean,
    passes: (asked: Asked) => boolean = () => true,
  ): Asked | undefined {
    const free = this.#candidates(call, meant).filter(
      (asked) =>
        passes(asked) &&
        !this.#calls(asked).some((one) => one.operation === call.operation && one.port === call.port),
    );
    // Who was answered comes before who was not, and a revert of a device may have had its calls already.
    const rank = (one: Asked) => Number(!believed(one)) * 2 + Number(verdictOf(one) === undefined);
    const [command] = free.toSorted(
      (one, other) => rank(one) - rank(other) || this.#calls(one).length - this.#calls(other).length,
    );
    if (command) this.#calls(command).push(call);
    return command;
  }

  #underWay(act: Act, meant: (asked: Asked) => boolean): boolean {
    const command = this.#candidates(act, meant).find(believed);
    if (command) this.#calls(command).push(act);
    return command !== undefined;
  }

  #candidates(act: Call, meant: (asked: Asked) => boolean): Asked[] {
    return this.#evidence.asked.filter(
      (asked) =>
        asked.stationID === act.stationID &&
        asked.sentAt.some(
          (sentAt) => sentAt <= act.at + SLACK_MS && act.at <= this.#endOf(asked, sentAt) + SLACK_MS,
        ) &&
        meant(asked),
    );
  }

  #calls(asked: Asked): Call[] {
    const calls = this.#callsOf.get(asked) ?? [];
    this.#callsOf.set(asked, calls);
    return calls;
  }

  #acts(asked: Asked): Act[] {
    return this.#calls(asked).filter(isAct);
  }

  /** Nothing is sent for a command after its answer, after the death of who carries it out, or when it is too old. */
  #endOf(asked: Asked, sentAt: number): number {
    const answeredAt = verdictOf(asked)?.at ?? Number.POSITIVE_INFINITY;
    const diedAt = this.#deathIn(sentAt, answeredAt)?.to ?? Number.POSITIVE_INFINITY;
    return Math.min(answeredAt, diedAt, sentAt + OLDEST_COMMAND_MS + CALL_MS);
  }

  #lifeAt(at: number): Life | undefined {
    return this.#evidence.lives.findLast(({ from }) => from - STARTING_MS <= at);
  }

  /** Whether a life began between two times with a clock that was ahead: what was over by it stays over in later lives. */
  #wasAhead(from: number, to: number): boolean {
    return this.#evidence.lives.some(
      (life) => life.isAhead && life.to >= from && life.from - STARTING_MS <= to,
    );
  }

  #deathIn(from: number, to: number): Life | undefined {
    return this.#evidence.lives.find(
      (life) => life.to >= from - SLACK_MS && life.to <= to && life.from <= to,
    );
  }

  /** When a limit's time is over as its sender wanted; undefined: it is held. */
  #dueEnd(act: Act): number | undefined {
    const origin = this.#origin.get(act);
    if (origin?.minutes !== undefined) {
      const first = this.#acts(origin).find(({ operation }) => operation === "shedLoad") ?? act;
      return first.at + origin.minutes * 60_000;
    }
    const lease = this.#evidence.leaseMinutes(act.stationID);
    return lease === 0 ? undefined : act.at + lease * 60_000;
  }

  #standing(act: Act): Limit[] {
    const limits = portsOf(act).map((port) => this.truth.at(act.stationID, port, act.at));
    return limits.filter((limit) => limit !== undefined);
  }

  /** What ended at these ports by itself or elsewhere, where nothing is in force any more. */
  #recent(act: Act): Limit[] {
    return portsOf(act).flatMap((port) => {
      const last = this.truth.during(act.stationID, port, 0, act.at).at(-1);
      return last && last.endedBy?.by !== "bridge" ? [last] : [];
    });
  }

  /** The latest limit like this one that the bridge had at the target, in force or not. */
  #lastLike(act: Act): Limit | undefined {
    const isLike = (limit: Limit) =>
      limit.act.by === "bridge" && limit.act.port === act.port && same(limit, act);
    const likes = portsOf(act).map((port) =>
      this.truth.during(act.stationID, port, 0, act.at).findLast(isLike),
    );
    // A station's limit counts as ended when it ended at one of the ports.
    return likes.filter((limit) => limit !== undefined).toSorted((one, other) => one.to - other.to)[0];
  }

  /** Whether the bridge cleared something else than this port at its station just before. */
  #otherWasCleared(act: Act): boolean {
    if (act.port === undefined) return false;
    return this.#evidence.acts.some(
      (one) =>
        one.by === "bridge" &&
        one.stationID === act.stationID &&
        one.operation === "clearShedState" &&
        one.port !== act.port &&
        one.at <= act.at &&
        one.at >= act.at - TOGETHER_MS,
    );
  }

  #lateMs(at: number): number {
    return this.#evidence.late.some(({ from, to }) => from <= at && at <= to + LONGEST_LATE_MS)
      ? LONGEST_LATE_MS
      : 0;
  }

  #unintended(act: Act): void {
    const before = act.operation === "shedLoad" ? this.#lastLike(act) : undefined;
    const origin = before && this.#origin.get(before.act);
    let why = "no command, renewal, end or revert explains it";
    if (before && origin) {
      const ended = before.endedBy
        ? `ended by ${before.endedBy.by === "portal" ? "the portal" : "the bridge"} (${describeCall(before.endedBy)}) ${seconds(act.at - before.to)} before`
        : before.to > act.at
          ? "in force"
          : `over since ${seconds(act.at - before.to)}`;
      why = `the limit of ${origin.id} (${origin.requester}${origin.minutes === undefined ? "" : `, for ${origin.minutes} min`}) was ${ended}`;
    }
    this.#find("unintended write", act.at, act, `${describeCall(act)}: ${why}`);
  }

  #judgeAnswers(asked: Asked): void {
    const answer = verdictOf(asked);
    if (!answer) {
      this.#judgeSilence(asked);
      return;
    }
    const parts = asked.action === "revert device" ? partsOf(answer) : [];
    if (parts.length === 0) this.#judgeAnswer(asked, answer, this.#acts(asked));
    // Of a whole device each point has its own.
    for (const { port, ...part } of parts)
      this.#judgeAnswer(
        { ...asked, port },
        part,
        this.#acts(asked).filter((act) => act.port === port),
      );
  }

  #judgeAnswer(asked: Asked, answer: Answer, acts: readonly Act[]): void {
    const find = (kind: Finding["kind"], text: string) =>
      this.#find(kind, answer.at, asked, `${describe(asked)} was answered ${said(answer)}, ${text}`);
    const untrue = (text: string) => find("untrue answer", text);
    const did = (what: readonly Act[]) => `and the service did ${what.map(describeCall).join(", ")}`;
    const done = acts.filter((act) => (asked.mode ? same(act, asked) : act.operation === "clearShedState"));
    const endedUnderWay = this.#deathIn(asked.sentAt[0], answer.at) !== undefined;
    if (isUnknown(answer)) {
      // It was asked to end in the middle, and gave up waiting for the service.
      if (/the bridge stopped/.test(answer.text)) return;
      if (!endedUnderWay && !this.#wasLost(asked, answer.at))
        find("unknown without a lost answer", "and no answer of the service to it was lost");
      return;
    }
    switch (answer.status) {
      case "refused":
        if (acts.length > 0) untrue(did(acts));
        break;
      case "failed": {
        const tells = /was cleared|not limited now/.test(answer.text);
        if (done.length > 0 && !tells) untrue(did(done));
        else if (asked.mode && acts.length > 0 && !tells && !this.#isRestored(asked, answer.at))
          untrue("and the limit that was there before was cleared for it");
        else if (OWN_DISK.test(answer.text)) find("stopped by its own disk", "which is no reason");
        break;
      }
      case "accepted":
        if (done.length === 0 && asked.action !== "revert device" && !this.#wasCleared(asked, answer.at))
          untrue("and the service did not act on it");
        break;
      case "unconfirmed":
        if (done.length === 0 && !endedUnderWay && asked.action !== "revert device")
          untrue("and the service did not act on it");
        // One that was found out after a kill may have been overtaken.
        else if (
          this.#stoodThroughout(asked, done, answer.at) &&
          !(endedUnderWay && /a later write came/.test(answer.text))
        )
          untrue("and the service was as asked all the time");
        break;
      case "confirmed":
        if (!answer.repeated && !this.#stood(asked, answer.at))
          untrue(`and the service had ${this.#had(asked, answer.at)}`);
        break;
      default:
        untrue("which is no status");
    }
  }

  /** Whether its place was cleared while a revert was under way: the clear also fits a set that follows, in another mode. */
  #wasCleared(asked: Asked, at: number): boolean {
    return (
      !asked.mode &&
      this.#evidence.acts.some(
        (act) =>
          act.operation === "clearShedState" &&
          act.stationID === asked.stationID &&
          act.port === asked.port &&
          act.at >= asked.sentAt[0]! - SLACK_MS &&
          act.at <= at + SLACK_MS,
      )
    );
  }

  #judgeSilence(asked: Asked): void {
    const { lives, confirmSeconds } = this.#evidence;
    const [sentAt] = asked.sentAt;
    const life = lives.find(({ from, to }) => from + FIRST_MOMENT_MS <= sentAt && sentAt < to - SLACK_MS);
    // Nobody was there to answer.
    if (!life) return;
    const answerMs = CALL_MS + confirmSeconds * 1000;
    if (life.to < sentAt + OLDEST_COMMAND_MS + answerMs) {
      // Who was killed in the middle answers when it is back, where it had sent something.
      const next = lives.find(({ from }) => from > life.to);
      const sent = this.#acts(asked).some(({ at }) => at < life.to - SLACK_MS);
      if (!sent || !next || next.to < next.from + answerMs) return;
      // Its last answer was due, and may have been on its way when the bridge was killed.
      if (asked.answers.length > 0 && life.to >= sentAt + confirmSeconds * 1000) return;
    }
    this.#find("no answer", sentAt, asked, `${describe(asked)} was never answered`);
  }

  /** Whether an answer of the service to a call of this command was lost. */
  #wasLost(asked: Asked, until: number): boolean {
    const from = asked.sentAt[0] - SLACK_MS;
    if (this.#evidence.resets.some((at) => at >= from && at <= until)) return true;
    return this.#evidence.exchanges.some(
      (call) =>
        call.stationID === asked.stationID &&
        (asked.port === call.port || asked.port === undefined || call.port === undefined) &&
        call.at >= from &&
        call.at <= until &&
        isOpen(call),
    );
  }

  /** Whether the service was as asked at some moment shortly before. */
  #stood(asked: Asked, at: number): boolean {
    const from = Math.max(asked.sentAt[0], at - READ_BACK_MS) - this.#lateMs(at);
    const { stationID } = asked;
    return portsOf(asked).every((port) =>
      asked.mode === undefined
        ? this.truth.wasFree(stationID, port, from, at)
        : this.truth.during(stationID, port, from, at).some((limit) => same(limit, asked)),
    );
  }

  #stoodThroughout(asked: Asked, acts: readonly Act[], at: number): boolean {
    const done = acts.at(-1);
    if (!done || this.#lateMs(at) > 0) return false;
    return portsOf(asked).every((port) => {
      const limits = this.truth.during(asked.stationID, port, done.at + 1, at);
      return asked.mode === undefined
        ? limits.length === 0
        : limits.length === 1 && same(limits[0]!, asked) && limits[0]!.to > at;
    });
  }

  /** Whether something stands again that a command cleared and could not replace. */
  #isRestored(asked: Asked, at: number): boolean {
    return portsOf(asked).every((port) => this.truth.at(asked.stationID, port, at) !== undefined);
  }

  #had(asked: Asked, at: number): string {
    const shown = portsOf(asked).map((port) => {
      const limit = this.truth.at(asked.stationID, port, at);
      return `${limit ? nameOf(limit) : "no limit"} at port ${port}`;
    });
    return shown.join(", ");
  }

  #deviceOf(stationID: string): string | undefined {
    return this.#evidence.asked.find((asked) => asked.stationID === stationID)?.device;
  }

  #find(
    kind: Finding["kind"],
    at: number,
    about: { readonly stationID: string; readonly port: string | undefined },
    text: string,
  ): void {
    this.findings.push({
      kind,
      at,
      text,
      timeline: this.timeline(about.stationID, at - 75_000, at + 15_000),
    });
  }

  /** What the service did, what was asked, and what the bridge said of a station, side by side in time. */
  timeline(stationID: string, from: number, to: number): string {
    const { acts, exchanges, asked, said: others, lives } = this.#evidence;
    const device = this.#deviceOf(stationID) ?? "";
    const lines: [at: number, who: string, text: string][] = [];
    const passed = new Set(acts.map(({ exchange }) => exchange));
    for (const act of acts)
      if (act.stationID === stationID)
        lines.push([
          act.at,
          "service",
          `${act.by === "portal" ? "portal: " : ""}${describeCall(act)}${fate(act.exchange)}`,
        ]);
    for (const call of exchanges)
      if (call.stationID === stationID && !passed.has(call))
        lines.push([call.at, "service", `did not do ${describeCall(call)} (${call.trouble ?? "refused"})`]);
    for (const command of asked) {
      if (command.stationID !== stationID) continue;
      for (const sentAt of command.sentAt) lines.push([sentAt, "asked", describe(command)]);
      for (const answer of command.answers)
        lines.push([
          answer.at,
          "bridge",
          `${command.id}: ${said(answer)}${answer.final ? "" : " (more follows)"}`,
        ]);
    }
    for (const one of others)
      if (one.device === device || one.device === "") lines.push([one.at, "bridge", one.text]);
    for (const life of lives)
      lines.push(
        [life.from, "process", `${life.name} runs`],
        [life.to, "process", `${life.name}: ${life.end}`],
      );
    return lines
      .filter(([at]) => at >= from && at <= to)
      .sort(([one], [other]) => one - other)
      .map(([at, who, text]) => `${new Date(at).toISOString().slice(11, 23)}  ${who.padEnd(7)}  ${text}`)
      .join("\n");
  }
}

/** Longest time for which the service shows a change late. */
export const LONGEST_LATE_MS = 4000;

/** A call, done or not. */
type Call = ShedCall & { readonly at: number };

function isAct(call: Call): call is Act {
  return "by" in call;
}

/** Whether a command may have sent something, as it was answered. */
function believed(asked: Asked): boolean {
  const { status = "", text = "" } = verdictOf(asked) ?? {};
  return status !== "refused" && status !== "failed" && !text.startsWith("nothing to revert");
}

/** Whether a command asks for a call. */
function isFor(asked: Asked, call: Call): boolean {
  if (call.operation === "shedLoad") return same(asked, call) && asked.port === call.port;
  return asked.mode === undefined && (asked.action === "revert device" || asked.port === call.port);
}

function isOpen({ answered, trouble }: Exchange): boolean {
  return !answered && (trouble === undefined || trouble === "delay" || LEAVES_OPEN.includes(trouble));
}

/**
 * The answer that counts: the first that nothing follows. What was refused may have been asked again under its id; that of a
 * twin which only reads counts where there is no other.
 */
export function verdictOf({ answers }: Pick<Asked, "answers">): Answer | undefined {
  const final = answers.filter((answer) => answer.final);
  const own = final.filter(({ error }) => error !== "ReadOnlyBridgeError");
  return own.find(({ status }) => status !== "refused") ?? own[0] ?? final[0];
}

/** What the answer to the revert of a device says of each point: `allowedLoad_1: failed (why); …`. */
function partsOf(answer: Answer): (Answer & { readonly port: string | undefined })[] {
  const heads = [...answer.text.matchAll(/(?:^|; )(?:shedState|allowedLoad|percentShed)(?:_(\d))?: (\w+)/g)];
  return heads.map(({ 0: head, 1: port, 2: status, index }, i) => {
    const text = answer.text.slice(index + head.length, heads[i + 1]?.index).trim();
    return { ...answer, port, status: status!, text };
  });
}

export function isUnknown({ status, text }: Answer): boolean {
  return (
    status === "unknown" || ((status === "failed" || status === "unconfirmed") && /not known/.test(text))
  );
}

export function nameOf({
  mode,
  value,
}: {
  readonly mode: string | undefined;
  readonly value: number | undefined;
}): string {
  return mode === "percentShed" ? `${value} % shed` : `${value} kW`;
}

function describeCall(call: ShedCall): string {
  const where = call.port === undefined ? "the station" : `port ${call.port}`;
  if (call.operation === "clearShedState") return `clear ${where} of ${call.stationID}`;
  const lasts = call.minutes === 0 ? "until cleared" : `for ${call.minutes} min`;
  return `limit ${where} of ${call.stationID} to ${nameOf(call)} ${lasts}`;
}

function fate(exchange: Exchange | undefined): string {
  if (!exchange) return "";
  const trouble = exchange.trouble === undefined ? "" : `, ${exchange.trouble}`;
  return exchange.answered ? trouble : `${trouble}, its answer was lost`;
}

function describe({ id, requester, action, device, point, value, minutes }: Asked): string {
  const what = `${action} ${device}${point === undefined ? "" : `/${point}`}`;
  return `${id} of ${requester}: ${what}${value === undefined ? "" : ` = ${value}`}${minutes === undefined ? "" : ` for ${minutes} min`}`;
}

function said({ status, text, error }: Answer): string {
  return `"${status}${error === undefined ? "" : ` ${error}`}${text === "" ? "" : `: ${text}`}"`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
