import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PointValue } from "../../points/index.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";

const ID_BYTES = 32;
/** Maximum number of sessions of one user; a further login ends the one that was used longest ago. */
const MAX_PER_USER = 10;
/** Minimum time between two saves of the last use of a session, in milliseconds: a save waits for the disk. */
const SAVE_EVERY_MS = 60_000;

export interface SessionLimits {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** A session as it is saved, by the SHA-256 of its id; times by the wall clock, in milliseconds. */
interface SavedSession {
  readonly user: string;
  /** HMAC of the user's credentials with the id as key: says nothing without the id, and is another one after a change. */
  readonly proof: string;
  readonly created: number;
  readonly used: number;
}

/** A session, with times by the monotonic clock. */
interface Session {
  readonly user: string;
  readonly proof: string;
  readonly createdAt: number;
  usedAt: number;
  savedAt: number;
}

/** Sessions of logged-in users, which survive a restart. Only browsers know their ids. */
export class Sessions {
  limits: SessionLimits;
  readonly #state: StateNamespace;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Session>();

  constructor(state: StateNamespace, clock: Clock, limits: SessionLimits) {
    this.#state = state;
    this.#clock = clock;
    this.limits = limits;
    const [wall, now] = [clock.now(), clock.monotonic()];
    // A wall clock that was set back since makes no session younger than new.
    const at = (time: number) => now - Math.max(0, wall - time);
    for (const [key, { user, proof, created, used }] of state.records(isSavedSession))
      this.#sessions.set(key, { user, proof, createdAt: at(created), usedAt: at(used), savedAt: at(used) });
    this.#endOld();
  }

  /** Starts a session of a user and returns its id. */
  start(user: string, credentials: string): string {
    this.#endOld();
    const own = [...this.#sessions]
      .filter(([, session]) => session.user === user)
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    this.#end(own.slice(0, Math.max(0, own.length - MAX_PER_USER + 1)).map(([key]) => key));
    const id = randomBytes(ID_BYTES).toString("base64url");
    const now = this.#clock.monotonic();
    const proof = proofOf(id, credentials);
    const session = { user, proof, createdAt: now, usedAt: now, savedAt: now };
    this.#sessions.set(keyOf(id), session);
    this.#save(keyOf(id), session);
    return id;
  }

  /**
   * Returns the user of a session; undefined if there is none, it has ended, or the user's credentials have changed since. `isUse`:
   * the session is used, and its idle time begins again.
   */
  userOf(
    id: string,
    credentialsOf: (user: string) => string | undefined,
    isUse: boolean,
  ): string | undefined {
    const key = keyOf(id);
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const credentials = credentialsOf(session.user);
    const isSame =
      credentials !== undefined &&
      timingSafeEqual(Buffer.from(proofOf(id, credentials)), Buffer.from(session.proof));
    if (!isSame || this.#isOld(session)) {
      this.#end([key]);
      return undefined;
    }
    if (isUse) {
      session.usedAt = this.#clock.monotonic();
      if (session.usedAt - session.savedAt >= SAVE_EVERY_MS) this.#save(key, session);
    }
    return session.user;
  }

  end(id: string): void {
    this.#end([keyOf(id)]);
  }

  #save(key: string, session: Session): void {
    const wall = this.#clock.now() - this.#clock.monotonic();
    const saved: SavedSession = {
      user: session.user,
      proof: session.proof,
      created: Math.round(wall + session.createdAt),
      used: Math.round(wall + session.usedAt),
    };
    session.savedAt = session.usedAt;
    this.#state.set(key, { ...saved });
  }

  #isOld({ createdAt, usedAt }: Session): boolean {
    const now = this.#clock.monotonic();
    const { idleSeconds, absoluteSeconds } = this.limits;
    return now - usedAt >= idleSeconds * 1000 || now - createdAt >= absoluteSeconds * 1000;
  }

  #endOld(): void {
    this.#end([...this.#sessions].filter(([, session]) => this.#isOld(session)).map(([key]) => key));
  }

  #end(keys: readonly string[]): void {
    const known = keys.filter((key) => this.#sessions.delete(key));
    if (known.length > 0) this.#state.setAll(known.map((key): [string, PointValue] => [key, null]));
  }
}

function keyOf(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}

function proofOf(id: string, credentials: string): string {
  return createHmac("sha256", id).update(credentials).digest("hex");
}

function isSavedSession(value: unknown): value is SavedSession {
  const { user, proof, created, used } = (value ?? {}) as Partial<Record<keyof SavedSession, unknown>>;
  return (
    typeof user === "string" &&
    typeof proof === "string" &&
    /^[\da-f]{64}$/.test(proof) &&
    typeof created === "number" &&
    typeof used === "number"
  );
}
