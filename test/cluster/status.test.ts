import { describe, expect, test } from "vitest";
import type { EstateView, MemberRecord } from "../../src/cluster/contract.ts";
import { placed } from "../../src/cluster/placement.ts";
import { estateStatus } from "../../src/cluster/status.ts";

const SHARDS = ["east", "north", "west"].map((name) => ({
  name,
  accounts: [`key of ${name}`],
  stations: 10,
}));

function member(id: string, more: Partial<MemberRecord> = {}): MemberRecord {
  return {
    ...{ id, run: `run of ${id}`, host: `${id}.example.org`, version: "1.0.0" },
    ...{ startedAt: "2026-12-01T00:00:00Z", weight: 1, revision: "r1", files: "r1" },
    ...more,
  };
}

function view(
  members: readonly MemberRecord[],
  owners: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
): EstateView {
  const owned = Object.entries(owners).map(
    ([shard, owner], i) => [shard, { member: owner, epoch: String(i + 1) }] as const,
  );
  return {
    members: new Map(members.map((one) => [one.id, one])),
    owners: new Map(owned),
    settings: new Map(Object.entries({ id: "e1", revision: "r1", ...settings })),
  };
}

const ALL = { east: "a", north: "b", west: "a" };
const problems = (one: EstateView) => estateStatus(one, SHARDS).problems.map(({ text }) => text);

describe("the status of an estate", () => {
  test("names members with what they own, and shards with owner, epoch and pin", () => {
    const status = estateStatus(
      view([member("b", { url: "http://b:8080/" }), member("a")], ALL, { "move/north": "b" }),
      SHARDS,
    );
    expect(status).toMatchObject({ estate: "e1", revision: "r1", problems: [] });
    expect(status.members).toMatchObject([
      { id: "a", host: "a.example.org", shards: ["east", "west"], stations: 20, state: "active", url: null },
      { id: "b", shards: ["north"], stations: 10, draining: false, url: "http://b:8080/" },
    ]);
    expect(status.shards[1]).toEqual({
      ...{ name: "north", accounts: ["key of north"], stations: 10, owner: "b", epoch: "2", pinned: "b" },
    });
  });

  test.each<readonly [string, EstateView, readonly (string | RegExp)[]]>([
    [
      "nobody is there",
      view([], {}),
      ["no member is in the estate, so no station is read or written; start a bridge"],
    ],
    [
      "a shard has no owner",
      view([member("a")], { east: "a", west: "a" }),
      ["shard north has no owner: its 10 stations are neither read nor written"],
    ],
    [
      "a member lacks the active revision",
      view([member("a"), member("b", { revision: "r0", files: "r0" })], { ...ALL, north: "a" }),
      [/^member b lacks the active revision r1: its files are r0/],
    ],
    [
      "a revision is pending",
      view([member("a", { files: "r2" }), member("b", { files: "r2" }), member("c")], ALL),
      ["revision r2 is pending: a and b have it, c lacks it"],
    ],
    [
      "members run different versions",
      view([member("a"), member("b", { version: "1.1.0" })], ALL),
      ["members run different versions: 1.0.0 (a) and 1.1.0 (b)"],
    ],
    [
      "the data of the service was lost",
      view([member("a", { estate: "e0" }), member("b", { estate: "e1" })], ALL),
      [/^the data of the cluster service was lost: a remembers another estate.*voltbridge cluster confirm/],
    ],
    [
      "the loss was confirmed",
      view([member("a", { estate: "e0" }), member("b")], ALL, { confirmed: "e1" }),
      [],
    ],
    [
      "a shard is pinned to a member that is away",
      view([member("a"), member("b")], ALL, { "move/east": "c" }),
      ["shard east is pinned to c, which is not in the estate; a has it meanwhile"],
    ],
    [
      "a shard is on its way",
      view([member("a"), member("b")], ALL, { "move/east": "b" }),
      ["shard east is on its way to b"],
    ],
    [
      "a member is draining",
      view([member("a"), member("b")], ALL, { "drain/a": "yes", "drain/d": "yes" }),
      [
        "member a is draining, and still has east and west",
        "member d is set to drain, and is not in the estate; it gets no shards when it is back",
      ],
    ],
    [
      "all are draining",
      view([member("a"), member("b")], ALL, { "drain/a": "yes", "drain/b": "yes" }),
      [/^no member takes shards: each is draining/, /^member a is draining/, /^member b is draining/],
    ],
    [
      "the files here are others",
      view([member("a"), member("b")], { ...ALL, south: "b" }),
      ["b has shard south, which the configuration here does not have; compare the files"],
    ],
  ])("says in words that %s", (_, one, expected) => {
    const found = problems(one);
    expect(found).toHaveLength(expected.length);
    for (const [i, text] of expected.entries())
      typeof text === "string" ? expect(found[i]).toBe(text) : expect(found[i]).toMatch(text);
  });

  test("names few of many shards without an owner", () => {
    const many = Array.from({ length: 100 }, (_, i) => ({
      ...{ name: `s${String(i).padStart(3, "0")}`, accounts: [], stations: 1 },
    }));
    expect(estateStatus(view([member("a")], {}), many).problems).toEqual([
      {
        severity: "error",
        text: "shards s000, s001, s002 and 97 more have no owner: their 100 stations are neither read nor written",
      },
    ]);
  });

  test("places shards as members do: neither with one that drains nor with one that lacks the revision", () => {
    const one = view([member("a"), member("b"), member("c", { revision: null, files: "r0" })], ALL, {
      "drain/a": "yes",
    });
    expect(new Set(placed(one, SHARDS).values())).toEqual(new Set(["b"]));
  });
});
