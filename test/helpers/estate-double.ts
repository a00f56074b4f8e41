import {
  type ClusterStore,
  ClusterUnavailableError,
  type EstateView,
  KeyExistsError,
  LeaseLostError,
  MemberExistsError,
  type MemberRecord,
  type Membership,
  NotOwnerError,
  type StateChange,
} from "../../src/cluster/contract.ts";
import type { Clock } from "../../src/time/clock.ts";

interface Lease {
  record: MemberRecord;
  endsAt: number;
  readonly ttlMs: number;
}

/** A cluster service in memory, by a clock of the test: the contract of src/cluster/contract.ts, with faults on demand. */
export class EstateDouble {
  /** Whether calls are answered. */
  isUp = true;
  settings = new Map<string, string>();
  state = new Map<string, Map<string, string>>();
  readonly puts: (readonly StateChange[])[] = [];
  readonly #clock: Clock;
  #leases = new Map<string, Lease>();
  #owners = new Map<string, { member: string; run: string; epoch: string }>();
  #epoch = 0;
  readonly #watchers = new Set<(view: EstateView) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Loses everything, as a service whose disk was replaced. */
  wipe(): void {
    this.settings = new Map();
    this.state = new Map();
    this.#leases = new Map();
    this.#owners = new Map();
    this.#tell();
  }

  get view(): EstateView {
    this.#expire();
    return {
      members: new Map([...this.#leases].map(([id, { record }]) => [id, record])),
      owners: new Map([...this.#owners].map(([shard, { member, epoch }]) => [shard, { member, epoch }])),
      settings: new Map(this.settings),
    };
  }

  store(): ClusterStore {
    return {
      join: (record, ttlMs) => this.#call(() => this.#join(record, ttlMs)),
      view: () => this.#call(() => this.view),
      watch: (onView) => {
        this.#watchers.add(onView);
        if (this.isUp) onView(this.view);
        return () => this.#watchers.delete(onView);
      },
      list: (shard) => this.#call(() => new Map(this.state.get(shard))),
      set: (name, value, expected) =>
        this.#call(() => {
          if (expected !== undefined && (this.settings.get(name) ?? null) !== expected) return false;
          if (value === null) this.settings.delete(name);
          else this.settings.set(name, value);
          this.#tell();
          return true;
        }),
      close: async () => undefined,
    };
  }

  #join(record: MemberRecord, ttlMs: number): Membership {
    const known = this.#leases.get(record.id);
    if (known && known.record.run !== record.run) throw new MemberExistsError(`${record.id} exists`);
    const lease: Lease = { record, ttlMs, endsAt: this.#clock.monotonic() + ttlMs };
    const { id, run } = record;
    this.#leases.set(id, lease);
    this.#clock.after(ttlMs, () => this.#expire());
    this.#tell();
    const mine = <T>(work: () => T): Promise<T> =>
      this.#call(() => {
        if (this.#leases.get(id) !== lease) throw new LeaseLostError("the lease is gone");
        return work();
      });
    return {
      renew: () =>
        mine(() => {
          lease.endsAt = this.#clock.monotonic() + ttlMs;
          this.#clock.after(ttlMs, () => this.#expire());
        }),
      announce: (next) =>
        mine(() => {
          lease.record = next;
          this.#tell();
        }),
      claim: (shard) =>
        mine(() => {
          if (this.#owners.has(shard)) return undefined;
          const epoch = String(++this.#epoch);
          this.#owners.set(shard, { member: id, run, epoch });
          this.#tell();
          return epoch;
        }),
      release: (shard, epoch) =>
        mine(() => {
          if (this.#owners.get(shard)?.epoch === epoch) this.#owners.delete(shard);
          this.#tell();
        }),
      put: (shard, epoch, changes, absent = []) =>
        mine(() => {
          if (this.#owners.get(shard)?.epoch !== epoch) throw new NotOwnerError(`${shard} has another owner`);
          const all = this.state.get(shard) ?? new Map<string, string>();
          for (const key of absent) if (all.has(key)) throw new KeyExistsError(key);
          this.state.set(shard, all);
          this.puts.push(changes);
          for (const [key, value] of changes)
            if (value === null) all.delete(key);
            else all.set(key, value);
        }),
      leave: () =>
        mine(() => {
          this.#end(id);
          this.#tell();
        }),
    };
  }

  async #call<T>(work: () => T): Promise<T> {
    if (!this.isUp) throw new ClusterUnavailableError("no answer");
    this.#expire();
    return work();
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    const over = [...this.#leases].filter(([, { endsAt }]) => endsAt <= now);
    for (const [id] of over) this.#end(id);
    if (over.length > 0) this.#tell();
  }

  #end(id: string): void {
    this.#leases.delete(id);
    for (const [shard, { member }] of this.#owners) if (member === id) this.#owners.delete(shard);
  }

  #tell(): void {
    if (!this.isUp) return;
    for (const watcher of this.#watchers) watcher(this.view);
  }
}
