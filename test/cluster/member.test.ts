import { describe, expect, it } from "vitest";
import type { ClusterStore } from "../../src/cluster/contract.ts";
import { ClusterMember, type Ownership } from "../../src/cluster/member.ts";
import { SETTINGS } from "../../src/cluster/settings.ts";
import { createLog } from "../../src/log/log.ts";
import { Outages } from "../../src/log/outages.ts";
import { EstateDouble } from "../helpers/estate-double.ts";
import { ManualClock, settled } from "../helpers/manual-clock.ts";

const TTL = 6;
const SHARDS = Array.from({ length: 6 }, (_, i) => ({ name: `account-${i}`, stations: 10 }));

interface Event {
  readonly at: number;
  readonly member: string;
  readonly what: string;
}

/** Members of one estate, each with a clock of its own. */
class Members {
  readonly clock = new ManualClock();
  readonly service = new EstateDouble(this.clock);
  readonly events: Event[] = [];
  readonly #members = new Map<string, Site>();

  join(id: string, { files = "r1", weight = 1, memory = undefined as string | undefined } = {}): Site {
    const site = new Site(this, id, files, weight, memory);
    this.#members.set(id, site);
    site.member.start();
    return site;
  }

  /** Lets time pass for all but those that are stopped. */
  async pass(seconds: number): Promise<void> {
    for (let step = 0; step < seconds * 10; step++) {
      await this.clock.advance(100);
      for (const { clock, isStopped } of this.#members.values())
        if (isStopped) clock.block(100);
        else await clock.advance(100);
    }
    await settled();
  }

  get running(): Record<string, string[]> {
    return Object.fromEntries([...this.#members].map(([id, { open }]) => [id, [...open.keys()].sort()]));
  }
}

class Site {
  readonly clock = new ManualClock();
  readonly open = new Map<string, Ownership>();
  readonly member: ClusterMember;
  isStopped = false;
  files: string;
  memory: string | undefined;
  applied = 0;

  constructor(all: Members, id: string, files: string, weight: number, memory: string | undefined) {
    this.files = files;
    this.memory = memory;
    const log = createLog({ level: "silent" });
    const say = (what: string) => all.events.push({ at: all.clock.monotonic(), member: id, what });
    this.member = new ClusterMember(
      {
        store: this.#watched(all.service.store()),
        record: {
          id,
          run: `run of ${id}`,
          host: id,
          version: "1",
          startedAt: "2026-12-01T00:00:00Z",
          weight,
        },
        ttlSeconds: TTL,
        shards: () => SHARDS,
        open: async (ownership) => {
          this.open.set(ownership.shard, ownership);
          say(`open ${ownership.shard}`);
          return {
            close: async (why) => {
              this.open.delete(ownership.shard);
              say(`close ${ownership.shard}: ${why}`);
            },
          };
        },
        applyFiles: async () => void this.applied++,
        onView: () => undefined,
        memory: {
          get: () => this.memory,
          set: (estate) => {
            this.memory = estate;
          },
        },
        notify: () => undefined,
        outages: new Outages({ log, clock: this.clock }),
        log,
        clock: this.clock,
      },
      files,
    );
  }

  /** A process that is stopped sees nothing. */
  #watched(store: ClusterStore): ClusterStore {
    return {
      ...store,
      watch: (onView, onFailure) => store.watch((view) => this.isStopped || onView(view), onFailure),
    };
  }
}

const ALL = SHARDS.map(({ name }) => name);

describe("a member of an estate", () => {
  it("alone, has every shard", async () => {
    const all = new Members();
    all.join("a");
    await all.pass(1);
    expect(all.running).toEqual({ a: ALL });
  });

  it("shares with one that joins, by planned hand-overs, and takes all again when it leaves", async () => {
    const all = new Members();
    all.join("a");
    await all.pass(1);
    const b = all.join("b");
    await all.pass(2);
    const { a: ofA, b: ofB } = all.running as { a: string[]; b: string[] };
    expect([...ofA, ...ofB].sort()).toEqual(ALL);
    expect(ofB.length).toBeGreaterThanOrEqual(2);
    const stopping = b.member.stop();
    await all.pass(1);
    await stopping;
    expect(all.running).toEqual({ a: ALL, b: [] });
    expect(all.events.filter(({ what }) => what.endsWith("lost"))).toEqual([]);
  });

  it("has stopped everything before another begins, when it is stopped and goes on", async () => {
    const all = new Members();
    const a = all.join("a");
    all.join("b");
    await all.pass(2);
    const before = [...a.open.keys()];
    a.isStopped = true;
    await all.pass(TTL + 2);
    expect(all.running.b).toEqual(ALL);
    // It has not noticed yet, and knows that it must not write.
    expect([...a.open.keys()]).toEqual(before);
    for (const { validUntil } of a.open.values()) expect(validUntil()).toBeLessThan(a.clock.monotonic());
    a.isStopped = false;
    await all.pass(2);
    const both = [...all.running.a!, ...all.running.b!];
    expect(both.sort()).toEqual(ALL);
  });

  it("gives everything up a margin before its lease ends, when the service does not answer", async () => {
    const all = new Members();
    const a = all.join("a");
    await all.pass(1);
    const { validUntil } = [...a.open.values()][0]!;
    all.service.isUp = false;
    const until = validUntil();
    await all.pass((until - a.clock.monotonic()) / 1000 - 0.2);
    expect(a.open.size).toBe(ALL.length);
    await all.pass(0.5);
    expect(a.open.size).toBe(0);
    all.service.isUp = true;
    await all.pass(3 + TTL);
    expect(all.running.a).toEqual(ALL);
  });

  it("runs a changed configuration when every member has it, and names nobody's before", async () => {
    const all = new Members();
    const a = all.join("a");
    const b = all.join("b");
    await all.pass(2);
    const before = all.running;
    a.member.filesLoaded("r2");
    await all.pass(2);
    expect([a.member.revision, b.member.revision, all.service.settings.get("revision")]).toEqual([
      "r1",
      "r1",
      "r1",
    ]);
    expect(all.service.view.members.get("a")).toMatchObject({ revision: "r1", files: "r2" });
    b.member.filesLoaded("r2");
    await all.pass(2);
    expect([a.member.revision, b.member.revision, all.service.settings.get("revision")]).toEqual([
      "r2",
      "r2",
      "r2",
    ]);
    expect([a.applied, b.applied]).toEqual([1, 1]);
    // No shard moved because of it.
    expect(all.running).toEqual(before);
    expect(all.events.filter(({ what }) => what.startsWith("close")).length).toBeLessThanOrEqual(3);
  });

  it("gets no shard with files that no other member has", async () => {
    const all = new Members();
    all.join("a");
    await all.pass(1);
    const wrong = all.join("wrong", { files: "other" });
    await all.pass(3);
    expect(all.running).toEqual({ a: ALL, wrong: [] });
    expect(wrong.member.revision).toBeNull();
    wrong.member.filesLoaded("r1");
    await all.pass(2);
    expect(all.running.wrong!.length).toBeGreaterThanOrEqual(2);
  });

  it("is drained, and has a shard that was moved to it", async () => {
    const all = new Members();
    all.join("a");
    all.join("b");
    await all.pass(2);
    const operator = all.service.store();
    await operator.set(SETTINGS.drain("a"), "yes");
    await all.pass(3);
    expect(all.running).toEqual({ a: [], b: ALL });
    await operator.set(SETTINGS.drain("a"), null);
    await operator.set(SETTINGS.move("account-3"), "a");
    await all.pass(3);
    expect(all.running.a).toContain("account-3");
  });

  it("writes nothing after the data of the service were lost, until that is confirmed", async () => {
    const all = new Members();
    const a = all.join("a");
    await all.pass(1);
    expect(a.member.forbidden()).toBeUndefined();
    const first = all.service.settings.get("id");
    all.service.wipe();
    await all.pass(TTL + 3);
    expect(all.running.a).toEqual(ALL);
    const second = all.service.settings.get("id")!;
    expect(a.memory).toBe(first);
    if (second === first) throw new Error("the estate has the same id again");
    expect(a.member.forbidden()).toMatch(/voltbridge cluster confirm/);
    const b = all.join("b");
    await all.pass(1);
    expect(b.member.forbidden()).toMatch(/confirm/);
    await all.service.store().set(SETTINGS.confirmed, second);
    await all.pass(3);
    expect(a.member.forbidden()).toBeUndefined();
    expect(b.member.forbidden()).toBeUndefined();
  });
});
