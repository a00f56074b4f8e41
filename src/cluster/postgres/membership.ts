import type { Query } from "../../storage/postgres.ts";
import {
  checkSize,
  KeyExistsError,
  LeaseLostError,
  type MemberRecord,
  type Membership,
  NotOwnerError,
  type StateChange,
} from "../contract.ts";
import { type ClusterDatabase, notify } from "./database.ts";

/**
 * Claims, releases and changes of the state lock the shard's row of `cluster_owners`, so that each of them sees what the previous one
 * committed. Locks are taken in one order: the owner, then members.
 */
export class PostgresMembership implements Membership {
  readonly #database: ClusterDatabase;
  readonly #instance: string;
  readonly #id: string;
  readonly #lease: string;
  #lost = false;

  constructor(database: ClusterDatabase, instance: string, id: string, lease: string) {
    this.#database = database;
    this.#instance = instance;
    this.#id = id;
    this.#lease = lease;
  }

  async renew(signal: AbortSignal): Promise<void> {
    await this.#change(async (query) => {
      const renewed = await query(
        "UPDATE cluster_members SET expires = clock_timestamp() + ttl WHERE lease = $1 AND expires > clock_timestamp() RETURNING 1",
        [this.#lease],
      );
      if (renewed.length === 0) throw this.#leaseLost();
    }, signal);
  }

  async announce(member: MemberRecord): Promise<void> {
    await this.#change(async (query) => {
      const changed = await query(
        "UPDATE cluster_members SET record = $2 WHERE lease = $1 AND expires > clock_timestamp() RETURNING 1",
        [this.#lease, JSON.stringify(member)],
      );
      if (changed.length === 0) throw this.#leaseLost();
      await notify(query, this.#instance);
    });
  }

  async claim(shard: string): Promise<string | undefined> {
    return await this.#change(async (query) => {
      const own = [this.#instance, shard];
      await query("INSERT INTO cluster_owners VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING", own);
      const [owner] = await query<[lease: string, epoch: string]>(
        "SELECT lease, epoch FROM cluster_owners WHERE instance = $1 AND shard = $2 FOR UPDATE",
        own,
      );
      await this.#checkLease(query);
      const [lease, epoch] = owner!;
      // Claimed by a call that had failed.
      if (lease === this.#lease) return epoch;
      // Locked: a renewal that has begun is awaited.
      const [present] = await query<[boolean]>(
        "SELECT expires > clock_timestamp() FROM cluster_members WHERE lease = $1 FOR UPDATE",
        [lease],
      );
      if (present?.[0]) return undefined;
      const [claimed] = await query<[string]>(
        "UPDATE cluster_owners SET lease = $3, epoch = nextval('cluster_numbers') WHERE instance = $1 AND shard = $2 RETURNING epoch",
        [...own, this.#lease],
      );
      await notify(query, this.#instance);
      return claimed![0];
    });
  }

  async release(shard: string, epoch: string): Promise<void> {
    await this.#change(async (query) => {
      const released = await query(
        "UPDATE cluster_owners SET lease = 0 WHERE instance = $1 AND shard = $2 AND lease = $3 AND epoch = $4 RETURNING 1",
        [this.#instance, shard, this.#lease, epoch],
      );
      await this.#checkLease(query);
      if (released.length > 0) await notify(query, this.#instance);
    });
  }

  async put(
    shard: string,
    epoch: string,
    changes: readonly StateChange[],
    absent: readonly string[] = [],
  ): Promise<void> {
    const last = [...new Map(changes)];
    checkSize(last.length, new Set(absent).size);
    const own = [this.#instance, shard];
    await this.#change(async (query) => {
      const [owner] = await query<[lease: string, epoch: string]>(
        "SELECT lease, epoch FROM cluster_owners WHERE instance = $1 AND shard = $2 FOR UPDATE",
        own,
      );
      await this.#checkLease(query);
      if (owner?.[0] !== this.#lease || owner[1] !== epoch)
        throw new NotOwnerError(`epoch ${epoch} of shard ${shard} is over`);
      if (absent.length > 0) {
        const [found] = await query(
          "SELECT key FROM cluster_state WHERE instance = $1 AND shard = $2 AND key = ANY($3) LIMIT 1",
          [...own, absent],
        );
        if (found) throw new KeyExistsError(`shard ${shard} has the key ${found[0]}`);
      }
      const removed = last.filter(([, value]) => value === null).map(([key]) => key);
      const set = last.filter(([, value]) => value !== null);
      if (removed.length > 0)
        await query("DELETE FROM cluster_state WHERE instance = $1 AND shard = $2 AND key = ANY($3)", [
          ...own,
          removed,
        ]);
      if (set.length > 0)
        await query(
          `INSERT INTO cluster_state SELECT $1, $2, * FROM unnest($3::text[], $4::text[])
           ON CONFLICT (instance, shard, key) DO UPDATE SET value = excluded.value`,
          [...own, set.map(([key]) => key), set.map(([, value]) => value)],
        );
    });
  }

  async leave(): Promise<void> {
    this.#lost = true;
    await this.#database.change(async (query) => {
      await query("DELETE FROM cluster_members WHERE lease = $1", [this.#lease]);
      await notify(query, this.#instance);
    });
  }

  async #change<T>(use: (query: Query) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#lost) throw this.#leaseLost();
    return await this.#database.change(use, signal);
  }

  async #checkLease(query: Query): Promise<void> {
    const [present] = await query(
      "SELECT 1 FROM cluster_members WHERE lease = $1 AND expires > clock_timestamp()",
      [this.#lease],
    );
    if (!present) throw this.#leaseLost();
  }

  #leaseLost(): LeaseLostError {
    this.#lost = true;
    return new LeaseLostError(`the lease of member ${this.#id} has ended; join again`);
  }
}
