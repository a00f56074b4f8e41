/**
 * Who owns what in an estate: bridges that share the work. A backend keeps members, owners and the state of shards where all members
 * see them alike: every call is linearizable, and what a call has resolved for survives a crash of any one machine.
 */
export interface ClusterStore {
  /**
   * Joins the estate with a lease, which ends unless it is renewed within `ttlMs`.
   * @throws {MemberExistsError} while another process is this member.
   */
  join(member: MemberRecord, ttlMs: number): Promise<Membership>;
  view(): Promise<EstateView>;
  /** Calls back with the view now and after each change, until the returned function is called. A failure is reported, and tried again. */
  watch(onView: (view: EstateView) => void, onFailure: (error: unknown) => void): () => void;
  /** Returns the state of a shard by key. */
  list(shard: string): Promise<ReadonlyMap<string, string>>;
  /** Sets a setting of the estate, or removes it (null), if it is `expected` (null: absent); returns whether it was. Not fenced. */
  set(name: string, value: string | null, expected?: string | null): Promise<boolean>;
  close(): Promise<void>;
}

/** One member's lease, and what it owns by it. After the lease has ended, every call rejects with {@link LeaseLostError}. */
export interface Membership {
  /** Extends the lease: by `ttlMs`, from a moment between the call and its answer. */
  renew(signal: AbortSignal): Promise<void>;
  announce(member: MemberRecord): Promise<void>;
  /** Returns the epoch of the ownership: a number, as text, that grows with each claim of a shard. Undefined: it has an owner. */
  claim(shard: string): Promise<string | undefined>;
  release(shard: string, epoch: string): Promise<void>;
  /**
   * Changes the state of a shard (null: removes the key), all or nothing, if the epoch is still the present one and none of the keys in
   * `absent` exists. Takes at most {@link MOST_CHANGES} changes, and as many absent keys.
   * @throws {NotOwnerError} where the epoch is over, {@link KeyExistsError} where a key exists, RangeError for too many changes.
   */
  put(
    shard: string,
    epoch: string,
    changes: readonly StateChange[],
    absent?: readonly string[],
  ): Promise<void>;
  /** Ends the lease, and with it every ownership. */
  leave(): Promise<void>;
}

/** Maximum number of changes of a put, and of its absent keys: etcd takes 128 operations in a transaction, some of which fence it. */
export const MOST_CHANGES = 100;

export type StateChange = readonly [key: string, value: string | null];

export interface EstateView {
  readonly members: ReadonlyMap<string, MemberRecord>;
  /** By shard; one without an owner is absent. */
  readonly owners: ReadonlyMap<string, ShardOwner>;
  readonly settings: ReadonlyMap<string, string>;
}

export interface ShardOwner {
  readonly member: string;
  readonly epoch: string;
}

/** What a member says of itself. */
export interface MemberRecord {
  readonly id: string;
  /** Random, new for each run. */
  readonly run: string;
  readonly host: string;
  readonly version: string;
  /** ISO 8601, by the member's own clock. */
  readonly startedAt: string;
  /** Its share of the work, relative to the others'. */
  readonly weight: number;
  /** Revision of the configuration that it runs; null: none. */
  readonly revision: string | null;
  /** Revision of its files. */
  readonly files: string;
  /** Id of the estate that it was in before it joined; absent: it was in none. */
  readonly estate?: string;
  /** Where its page is, if it has one. */
  readonly url?: string;
}

/** The service does not answer, or has no quorum. What was asked may have been done. */
export class ClusterUnavailableError extends Error {
  override readonly name = "ClusterUnavailableError";
}

/** The lease has ended, so nothing is owned by it. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** Another process is this member. */
export class MemberExistsError extends Error {
  override readonly name = "MemberExistsError";
}

/** Another member has the shard, or had it since. */
export class NotOwnerError extends Error {
  override readonly name = "NotOwnerError";
}

/** The state has a key that must be absent. */
export class KeyExistsError extends Error {
  override readonly name = "KeyExistsError";
}

/** @throws RangeError when a put has more changes or absent keys than a backend takes */
export function checkSize(changes: number, absent: number): void {
  if (changes > MOST_CHANGES || absent > MOST_CHANGES)
    throw new RangeError(
      `a put takes at most ${MOST_CHANGES} changes and absent keys, found ${changes} and ${absent}; divide it`,
    );
}
