import { randomUUID } from "node:crypto";
import {
  checkSize,
  KeyExistsError,
  LeaseLostError,
  type MemberRecord,
  type Membership,
  NotOwnerError,
  type StateChange,
} from "../contract.ts";
import { type EtcdCalls, EtcdError } from "./calls.ts";
import type { EtcdKeys } from "./keys.ts";
import {
  changedAt,
  createdAt,
  foundAt,
  hasLease,
  isAbsent,
  type KeyValue,
  putting,
  reading,
  removing,
  type TxnAnswer,
  textOf,
} from "./messages.ts";

interface Slot {
  readonly key: string;
  /** Revision of its last change; 0: it does not exist. */
  revision: string;
}

/** What came of a change. `revision` is the one that it was made at; undefined: a comparison failed, and `found` is what was read then. */
interface Outcome {
  readonly revision: string | undefined;
  readonly found: readonly (KeyValue | undefined)[];
}

export class EtcdMembership implements Membership {
  readonly #calls: EtcdCalls;
  readonly #keys: EtcdKeys;
  readonly #member: MemberRecord;
  readonly #lease: string;
  readonly #memberKey: string;
  /** Slots that no change in flight uses. */
  readonly #free: Slot[] = [];
  #lost = false;

  constructor(calls: EtcdCalls, keys: EtcdKeys, member: MemberRecord, lease: string) {
    this.#calls = calls;
    this.#keys = keys;
    this.#member = member;
    this.#lease = lease;
    this.#memberKey = keys.member(member.id);
  }

  async renew(signal: AbortSignal): Promise<void> {
    this.#check();
    const { result } = await this.#calls.call<{ result?: { TTL?: string } }>(
      "/v3/lease/keepalive",
      { ID: this.#lease },
      signal,
    );
    if (!(Number(result?.TTL ?? 0) > 0)) throw this.#leaseLost();
  }

  async announce(member: MemberRecord): Promise<void> {
    const { revision } = await this.#once(
      [],
      [putting(this.#memberKey, JSON.stringify(member), this.#lease)],
      [],
    );
    if (revision === undefined) throw this.#leaseLost();
  }

  async claim(shard: string): Promise<string | undefined> {
    const key = this.#keys.owner(shard);
    const { revision, found } = await this.#once(
      [isAbsent(key)],
      [putting(key, this.#member.id, this.#lease)],
      [reading(key)],
    );
    if (revision !== undefined) return revision;
    const [owner] = found;
    // Claimed by a call that had failed.
    return owner?.lease === this.#lease ? owner.create_revision : undefined;
  }

  async release(shard: string, epoch: string): Promise<void> {
    const key = this.#keys.owner(shard);
    await this.#once([createdAt(key, epoch), hasLease(key, this.#lease)], [removing(key)], []);
  }

  async put(
    shard: string,
    epoch: string,
    changes: readonly StateChange[],
    absent: readonly string[] = [],
  ): Promise<void> {
    // etcd refuses two changes of a key in one transaction.
    const last = new Map(changes);
    const keys = [...new Set(absent)];
    checkSize(last.size, keys.length);
    const ownerKey = this.#keys.owner(shard);
    const { revision, found } = await this.#once(
      [
        createdAt(ownerKey, epoch),
        hasLease(ownerKey, this.#lease),
        ...keys.map((key) => isAbsent(this.#keys.state(shard, key))),
      ],
      [...last].map(([key, value]) => {
        const name = this.#keys.state(shard, key);
        return value === null ? removing(name) : putting(name, value);
      }),
      [reading(ownerKey), ...keys.map((key) => reading(this.#keys.state(shard, key)))],
    );
    if (revision !== undefined) return;
    const [owner, ...existing] = found;
    if (owner?.create_revision !== epoch || owner.lease !== this.#lease)
      throw new NotOwnerError(
        `epoch ${epoch} of shard ${shard} is over; ${owner ? `its owner is ${textOf(owner)}` : "it has no owner"}`,
      );
    throw new KeyExistsError(`shard ${shard} has the key ${keys[existing.findIndex(Boolean)]}`);
  }

  async leave(): Promise<void> {
    this.#lost = true;
    try {
      await this.#calls.call("/v3/lease/revoke", { ID: this.#lease });
    } catch (error) {
      if (!isLeaseFault(error)) throw error;
    }
  }

  /**
   * Makes a change at most once, however often the request is sent and whenever a copy of it arrives: each is bound to the revision of a
   * slot, which the change moves on. A repetition whose slot has this change's token was executed before.
   */
  async #once(
    compare: readonly object[],
    success: readonly object[],
    failure: readonly object[],
  ): Promise<Outcome> {
    this.#check();
    const slot = this.#free.pop() ?? { key: this.#keys.slot(this.#member.run, randomUUID()), revision: "0" };
    const token = randomUUID();
    let answer: TxnAnswer;
    let repeated = false;
    const onRetry = () => {
      repeated = true;
    };
    try {
      const request = {
        compare: [hasLease(this.#memberKey, this.#lease), changedAt(slot.key, slot.revision), ...compare],
        success: [putting(slot.key, token, this.#lease), ...success],
        failure: [reading(this.#memberKey), reading(slot.key), ...failure],
      };
      answer = await this.#calls.call<TxnAnswer>("/v3/kv/txn", request, undefined, onRetry);
    } catch (error) {
      // The slot is not used again: whether it was moved is unknown.
      throw isLeaseFault(error) ? this.#leaseLost() : error;
    }
    const found = failure.map((_, place) => foundAt(answer, place + 2));
    const [member, moved] = answer.succeeded ? [] : [foundAt(answer, 0), foundAt(answer, 1)];
    if (answer.succeeded) slot.revision = answer.header.revision;
    else if (moved && textOf(moved) === token) slot.revision = moved.mod_revision;
    else {
      if (member?.lease !== this.#lease) throw this.#leaseLost();
      // A copy of the request that arrives later must not find the slot as it was.
      if (!repeated) this.#free.push(slot);
      return { revision: undefined, found };
    }
    this.#free.push(slot);
    return { revision: slot.revision, found };
  }

  #check(): void {
    if (this.#lost) throw this.#leaseLost();
  }

  #leaseLost(): LeaseLostError {
    this.#lost = true;
    return new LeaseLostError(`the lease of member ${this.#member.id} has ended; join again`);
  }
}

export function isLeaseFault(error: unknown): boolean {
  return error instanceof EtcdError && /lease not found/.test(error.message);
}
