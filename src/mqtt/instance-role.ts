import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Notice } from "../bus.ts";
import type { Log } from "../log/log.ts";
import { type Incoming, type Link, LinkDownError } from "./broker/link.ts";
import { parseJson } from "./payloads.ts";
import type { Topics } from "./topics.ts";

/** `asking`: it is not known yet whether another bridge of this name runs. `standby`: one does, and this one only reads. */
export type Role = "asking" | "active" | "standby";

/** Identity of a bridge in its questions and answers. */
interface Claim {
  /** Random, new for each run. */
  readonly id: string;
  /** By the wall clock, in milliseconds since 1970. */
  readonly startedAt: number;
  /** When it was started with `--force`; the latest wins. */
  readonly forcedAt?: number;
  readonly state: Role;
  readonly host: string;
  readonly pid: number;
}

export interface InstanceRoleOptions {
  readonly link: Link;
  readonly topics: Topics;
  readonly instance: string;
  /** Takes the name over from the bridge that has it. */
  readonly force: boolean;
  /** No other bridge can be at the broker before this one, e.g. because the broker is its own. */
  readonly first: boolean;
  readonly log: Log;
  readonly notify: (notice: Omit<Notice, "at">) => void;
  /** Called when the report has changed. */
  readonly onReport: () => void;
  /** Pause after each of the first questions, in milliseconds. Default: 400. */
  readonly askMs?: number | undefined;
}

interface Twin {
  readonly claim: Claim;
  /** By the monotonic clock, in milliseconds. */
  readonly heardAt: number;
}

/** Number of questions at a start and after each connect before the name counts as free. */
const FIRST_ASKS = 3;
const FIRST_ASK_MS = 400;
/** Maximum time that a start waits for the broker, in milliseconds: limits must be renewed without one too. */
const BROKER_MS = 3000;
const STANDBY_ASK_MS = 1000;
/** Number of consecutive unanswered questions after which a standby takes over. */
const SILENT_ASKS = 5;
/** The same after a connect: the other bridge may still pause before it reconnects, up to 20 s. */
const SILENT_ASKS_AFTER_CONNECT = 30;
/** Pause between the questions of an active bridge, which find a twin where a first question was lost. Milliseconds. */
const ACTIVE_ASK_MS = 30_000;
/** Minimum pause between questions in reply to those of others, so that a flood of them does not displace the nonces of a real one. */
const SUSPICION_MS = 100;
/** Time without a message after which a twin is gone, in milliseconds. */
const TWIN_MS = 10_000;
const NONCES = 20;
const MOST_TWINS = 10;
const MOST_ANSWERS_A_SECOND = 50;

/**
 * Keeps two bridges of one instance name from both acting. Each asks on `voltbridge/<instance>/owner/ask` with a random
 * nonce; a running bridge answers on `…/owner/answer`. Only a live answer to an own nonce counts, never a retained message.
 * Of bridges that hear each other one is active: the one started with `--force` last, else the one that is active already,
 * else the one that started first.
 */
export class InstanceRole {
  /** Resolves when the first role is known. */
  readonly decided: Promise<void>;
  readonly #options: InstanceRoleOptions;
  readonly #own: Omit<Claim, "state">;
  readonly #listeners = new Set<(role: Role) => void>();
  readonly #ends: (() => void)[] = [];
  readonly #twins = new Map<string, Twin>();
  /** Ids of twins that were reported. */
  readonly #reported = new Set<string>();
  readonly #nonces = new Set<string>();
  #role: Role = "asking";
  #decide: () => void = () => undefined;
  #firstAsks = 0;
  /** Consecutive questions that no active bridge answered. */
  #silentAsks = 0;
  /** Whether the broker has the last question. */
  #asked = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #refusalLogged = false;
  #answers = { count: 0, since: 0 };
  #timer: NodeJS.Timeout | undefined;
  #brokerTimer: NodeJS.Timeout | undefined;

  constructor(options: InstanceRoleOptions) {
    this.#options = options;
    const startedAt = Date.now();
    this.#own = {
      id: randomBytes(16).toString("hex"),
      startedAt,
      ...(options.force && { forcedAt: startedAt }),
      host: hostname(),
      pid: process.pid,
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.decided = promise;
    this.#decide = resolve;
  }

  get role(): Role {
    return this.#role;
  }

  /** Calls back with every later role. */
  onChange(listener: (role: Role) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): void {
    const { link, topics, first } = this.#options;
    const listen = (kind: "ask" | "answer") =>
      link.subscribe({
        filters: [topics.owner(kind)],
        onMessage: (message) => this.#hear(kind, message),
      });
    this.#ends.push(
      listen("ask"),
      listen("answer"),
      link.onChange((up) => this.#connection(up)),
    );
    if (first) this.#become("active");
    else this.#brokerTimer = setTimeout(() => this.noBroker(), BROKER_MS);
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#listeners.clear();
    clearTimeout(this.#timer);
    clearTimeout(this.#brokerTimer);
    this.#decide();
  }

  /** Content of `instance` in the health message. */
  get report(): { readonly role: Role; readonly others: Readonly<Record<string, string>> } {
    const others = [...this.#twins.values()]
      .filter(({ heardAt }) => performance.now() - heardAt < TWIN_MS)
      .map(({ claim }) => [nameOf(claim), claim.state === "standby" ? "read-only" : claim.state]);
    return { role: this.#role, others: Object.fromEntries(others) };
  }

  #connection(up: boolean): void {
    clearTimeout(this.#timer);
    if (!up) {
      if (!this.#brokerTimer) this.noBroker();
      return;
    }
    this.#firstAsks = FIRST_ASKS;
    this.#silentAsks = SILENT_ASKS - SILENT_ASKS_AFTER_CONNECT;
    this.#tick();
  }

  /** Call it when the broker is away: no bridge can be asked. */
  noBroker(): void {
    clearTimeout(this.#brokerTimer);
    this.#brokerTimer = undefined;
    if (this.#role === "asking" && !this.#options.link.up) this.#become("active");
  }

  #tick(): void {
    if (this.#role === "asking" && this.#firstAsks === 0) this.#become("active");
    if (this.#role === "standby") {
      if (this.#asked) this.#silentAsks++;
      if (this.#silentAsks >= SILENT_ASKS) this.#become("active");
    }
    void this.#ask();
    const { askMs = FIRST_ASK_MS } = this.#options;
    const isFirst = this.#firstAsks > 0;
    if (isFirst) this.#firstAsks--;
    const pause = this.#role === "standby" ? STANDBY_ASK_MS : isFirst ? askMs : ACTIVE_ASK_MS;
    this.#timer = setTimeout(() => this.#tick(), pause);
  }

  async #ask(): Promise<void> {
    const nonce = randomBytes(16).toString("hex");
    this.#nonces.add(nonce);
    for (const old of this.#nonces) if (this.#nonces.size > NONCES) this.#nonces.delete(old);
    this.#asked = false;
    this.#askedAt = performance.now();
    this.#asked = await this.#send("ask", nonce);
  }

  /** Resolves with whether the broker has the message. */
  async #send(kind: "ask" | "answer", nonce: string): Promise<boolean> {
    const { link, topics, log } = this.#options;
    const topic = topics.owner(kind);
    const payload = JSON.stringify({ [kind]: nonce, from: { ...this.#own, state: this.#role } });
    try {
      await link.publish({ topic, payload, qos: 1, retain: false });
      return true;
    } catch (error) {
      if (!(error instanceof LinkDownError) && !this.#refusalLogged) {
        this.#refusalLogged = true;
        log.warn(
          `the broker does not take a message on ${topic}, so two bridges of this instance name would not find each other; ` +
            "let the bridge's user read and write it",
          { err: error },
        );
      }
      return false;
    }
  }

  #hear(kind: "ask" | "answer", { payload, retained }: Incoming): void {
    if (retained) return;
    const { [kind]: nonce, from } = (parseJson(payload.toString()) ?? {}) as Record<string, unknown>;
    const claim = readClaim(from);
    // Over MQTT 3.1.1 a bridge receives its own messages too.
    if (!claim || claim.id === this.#own.id || typeof nonce !== "string" || nonce.length > 64) return;
    const isAhead = compare(claim, { ...this.#own, state: this.#role }) < 0;
    if (kind === "ask") {
      if (!this.#mayAnswer()) return;
      void this.#send("answer", nonce);
      this.#note(claim, isAhead);
      // A question can be a replay; an answer to an own nonce cannot.
      const isDue = performance.now() - this.#askedAt > SUSPICION_MS;
      if (isAhead && isDue && this.#role !== "standby") void this.#ask();
    } else if (this.#nonces.has(nonce)) {
      this.#note(claim, isAhead);
      if (!isAhead) return;
      this.#silentAsks = 0;
      if (this.#role !== "standby") this.#become("standby", claim);
    }
  }

  #mayAnswer(): boolean {
    const now = performance.now();
    if (now - this.#answers.since >= 1000) this.#answers = { count: 0, since: now };
    return this.#answers.count++ < MOST_ANSWERS_A_SECOND;
  }

  #note(claim: Claim, isAhead: boolean): void {
    const heardAt = performance.now();
    for (const [id, twin] of this.#twins) if (heardAt - twin.heardAt > TWIN_MS) this.#twins.delete(id);
    const before = this.#twins.get(claim.id);
    if (this.#twins.size < MOST_TWINS || before) this.#twins.set(claim.id, { claim, heardAt });
    if (before?.claim.state !== claim.state) this.#options.onReport();
    if (
      this.#role !== "active" ||
      isAhead ||
      this.#reported.has(claim.id) ||
      this.#reported.size >= MOST_TWINS
    )
      return;
    this.#reported.add(claim.id);
    this.#report(
      "warning",
      "instance_twin",
      `another bridge with the instance name "${this.#options.instance}" runs at this broker (${nameOf(claim)}); this one goes on, ` +
        'the other only reads. Give one of them another "instance", or stop it',
    );
  }

  #become(role: "active" | "standby", ahead?: Claim): void {
    const before = this.#role;
    this.#role = role;
    clearTimeout(this.#brokerTimer);
    this.#brokerTimer = undefined;
    // A standby asks at its own pace.
    if (ahead && this.#options.link.up) {
      clearTimeout(this.#timer);
      this.#silentAsks = 0;
      this.#timer = setTimeout(() => this.#tick(), STANDBY_ASK_MS);
    }
    this.#decide();
    for (const listener of this.#listeners) listener(role);
    const name = `the instance name "${this.#options.instance}"`;
    if (ahead)
      this.#report(
        "error",
        "instance_in_use",
        `another bridge with ${name} ${before === "active" ? "has taken over" : "is running"} (${nameOf(ahead)}). This one reads and ` +
          "stores, and until the other is gone it takes no commands, renews and reverts nothing and publishes nothing. Give one of " +
          'them another "instance", or take over with "voltbridge run --force"',
      );
    else if (before === "standby")
      this.#report(
        "warning",
        "instance_taken_over",
        `no bridge with ${name} answers any more; this one is in charge now`,
      );
  }

  #report(severity: "warning" | "error", kind: string, text: string): void {
    this.#options.log[severity === "error" ? "error" : "warn"](text, { kind });
    this.#options.notify({ severity, kind, text });
  }
}

const STATES: readonly Role[] = ["active", "asking", "standby"];

/** Compares by precedence; below 0: `a` comes first. The order is total, so that any two bridges decide alike. */
function compare(a: Claim, b: Claim): number {
  return (
    (b.forcedAt ?? 0) - (a.forcedAt ?? 0) ||
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    a.startedAt - b.startedAt ||
    (a.id < b.id ? -1 : 1)
  );
}

function nameOf({ host, pid }: Claim): string {
  return `process ${pid} on ${host}`;
}

/** Reads a claim; undefined where it is not one: any client with access to the topics can publish there. */
function readClaim(from: unknown): Claim | undefined {
  const { id, startedAt, forcedAt, state, host, pid } = (from ?? {}) as Record<string, unknown>;
  const isName = (text: unknown): text is string => typeof text === "string" && /^[\w.-]{1,64}$/.test(text);
  if (!isName(id) || !isName(host) || !Number.isSafeInteger(pid) || !Number.isFinite(startedAt))
    return undefined;
  if (!STATES.includes(state as Role) || (forcedAt !== undefined && !Number.isFinite(forcedAt)))
    return undefined;
  return from as Claim;
}
