import type { PostgresConnection } from "../../config/postgres-connection.ts";
import { clientOptions } from "../../storage/postgres.ts";
import { systemClock } from "../../time/clock.ts";
import {
  type ClusterStore,
  type EstateView,
  MemberExistsError,
  type MemberRecord,
  type Membership,
} from "../contract.ts";
import { watching } from "../watching.ts";
import { CHANNEL, ClusterDatabase, notify, SETTING } from "./database.ts";
import { PostgresMembership } from "./membership.ts";

/** Keeps the estate in tables of a PostgreSQL database. Only the server's clock says which leases have expired. */
export class PostgresStore implements ClusterStore {
  readonly #database: ClusterDatabase;
  readonly #instance: string;
  readonly #closed = new AbortController();

  constructor(connection: PostgresConnection, instance: string) {
    this.#database = new ClusterDatabase(connection);
    this.#instance = instance;
  }

  async join(member: MemberRecord, ttlMs: number): Promise<Membership> {
    const lease = await this.#database.change(async (query) => {
      const [joined] = await query<[string]>(
        `INSERT INTO cluster_members AS present (instance, id, run, lease, ttl, expires, record)
         VALUES ($1, $2, $3, nextval('cluster_numbers'), $4, clock_timestamp() + $4, $5)
         ON CONFLICT (instance, id) DO UPDATE
         SET run = excluded.run, lease = excluded.lease, ttl = excluded.ttl, expires = clock_timestamp() + excluded.ttl, record = excluded.record
         WHERE present.expires <= clock_timestamp() OR present.run = excluded.run
         RETURNING lease`,
        [this.#instance, member.id, member.run, `${Math.ceil(ttlMs)} milliseconds`, JSON.stringify(member)],
      );
      if (joined) {
        await notify(query, this.#instance);
        return joined[0];
      }
      const [other] = await query<[string]>(
        "SELECT record FROM cluster_members WHERE instance = $1 AND id = $2",
        [this.#instance, member.id],
      );
      const { host, startedAt } = JSON.parse(other?.[0] ?? "{}") as Partial<MemberRecord>;
      throw new MemberExistsError(
        `member ${member.id} runs on ${host} since ${startedAt}; give this one another cluster.member`,
      );
    });
    return new PostgresMembership(this.#database, this.#instance, member.id, lease);
  }

  async view(): Promise<EstateView> {
    const rows = await this.#database.read((query) =>
      query<[kind: string, name: string, value: string, epoch: string]>(
        `WITH present AS MATERIALIZED (SELECT id, lease, record FROM cluster_members WHERE instance = $1 AND expires > clock_timestamp())
         SELECT 'member', id, record, '' FROM present
         UNION ALL SELECT 'owner', shard, id, epoch::text FROM cluster_owners JOIN present USING (lease) WHERE instance = $1
         UNION ALL SELECT 'setting', name, value, '' FROM cluster_settings WHERE instance = $1`,
        [this.#instance],
      ),
    );
    const of = (kind: string) => rows.filter(([one]) => one === kind);
    return {
      members: new Map(of("member").map(([, id, record]) => [id, JSON.parse(record)])),
      owners: new Map(of("owner").map(([, shard, member, epoch]) => [shard, { member, epoch }])),
      settings: new Map(of("setting").map(([, name, value]) => [name, value])),
    };
  }

  watch(onView: (view: EstateView) => void, onFailure: (error: unknown) => void): () => void {
    return watching({
      view: () => this.view(),
      changes: (onChange, signal) => this.#listen(onChange, signal),
      onView,
      onFailure,
      clock: systemClock,
      closed: this.#closed.signal,
    });
  }

  async list(shard: string): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#database.read((query) =>
      query<[string, string]>("SELECT key, value FROM cluster_state WHERE instance = $1 AND shard = $2", [
        this.#instance,
        shard,
      ]),
    );
    return new Map(rows);
  }

  async set(name: string, value: string | null, expected?: string | null): Promise<boolean> {
    return await this.#database.change(async (query) => {
      const own = [this.#instance, name];
      // A setting that is absent has no row to lock.
      await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", [JSON.stringify(own)]);
      const [found] = await query<[string]>(
        "SELECT value FROM cluster_settings WHERE instance = $1 AND name = $2",
        own,
      );
      if (expected !== undefined && (found?.[0] ?? null) !== expected) return false;
      if (value === null) await query("DELETE FROM cluster_settings WHERE instance = $1 AND name = $2", own);
      else
        await query(
          `INSERT INTO cluster_settings VALUES ($1, $2, $3) ON CONFLICT (instance, name) DO UPDATE SET value = excluded.value`,
          [...own, value],
        );
      await notify(query, this.#instance);
      return true;
    });
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the cluster store was closed"));
    await this.#database.close();
  }

  async #listen(onChange: () => void, signal: AbortSignal): Promise<void> {
    // Not loaded by a bridge with another backend.
    const { default: pg } = await import("pg");
    const client = new pg.Client(clientOptions(this.#database.connection, SETTING));
    const ended = new Promise<never>((_, reject) => {
      client.on("error", reject);
      client.once("end", () => reject(new Error("the connection ended")));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    ended.catch(() => {});
    client.on("notification", ({ payload }) => {
      if (payload === this.#instance) onChange();
    });
    try {
      await Promise.race([client.connect(), ended]);
      await Promise.race([client.query(`LISTEN ${CHANNEL}`), ended]);
      onChange();
      await ended;
    } catch (error) {
      throw this.#database.failure(error);
    } finally {
      // Its end may never be answered.
      client.end().catch(() => {});
    }
  }
}
