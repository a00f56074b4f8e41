import { describe, expect, it } from "vitest";
import { place } from "../../src/cluster/placement.ts";

const shards = Array.from({ length: 30 }, (_, i) => ({ name: `account-${i}`, stations: 1000 }));
const members = ["a", "b", "c"].map((id) => ({ id, weight: 1 }));

function loadsOf(placed: ReadonlyMap<string, string>): Record<string, number> {
  const loads: Record<string, number> = {};
  for (const id of placed.values()) loads[id] = (loads[id] ?? 0) + 1;
  return loads;
}

describe("placing shards on members", () => {
  it("gives each shard one member, whatever the order in which they are known", () => {
    const placed = place(shards, members);
    expect(placed.size).toBe(shards.length);
    expect(place(shards.toReversed(), members.toReversed())).toEqual(placed);
  });

  it("gives no member more than a tenth above its share, by weight", () => {
    for (const count of Object.values(loadsOf(place(shards, members)))) expect(count).toBeLessThanOrEqual(11);
    const uneven = [{ id: "a", weight: 3 }, ...members.slice(1)];
    const { a, b, c } = loadsOf(place(shards, uneven)) as { a: number; b: number; c: number };
    expect(a).toBeGreaterThanOrEqual(15);
    expect(Math.max(b, c)).toBeLessThanOrEqual(7);
  });

  it("moves few shards when a member leaves or joins", () => {
    const before = place(shards, members);
    const after = place(shards, members.slice(0, 2));
    const moved = shards.filter(({ name }) => before.get(name) !== after.get(name));
    const had = shards.filter(({ name }) => before.get(name) === "c");
    expect(moved.length).toBeLessThanOrEqual(had.length + 6);
  });

  it("puts a pinned shard where it is pinned, as long as that member is there", () => {
    const pinned = new Map([
      ["account-0", "c"],
      ["account-1", "gone"],
    ]);
    const placed = place(shards, members, pinned);
    expect(placed.get("account-0")).toBe("c");
    expect(["a", "b", "c"]).toContain(placed.get("account-1"));
  });

  it("gives a shard that is larger than every share to one member", () => {
    const placed = place([{ name: "huge", stations: 90_000 }, ...shards], members);
    expect(placed.get("huge")).toBeDefined();
    const { [placed.get("huge")!]: withHuge } = loadsOf(placed);
    expect(withHuge).toBeLessThanOrEqual(3);
  });

  it("places nothing where there is no member", () => {
    expect(place(shards, []).size).toBe(0);
  });
});
