import { deserialize, serialize } from "node:v8";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ASSERTIONS } from "./specification/assertions.ts";
import type { Assertion } from "./specification/judge.ts";
import { lifeOf } from "./specification/life.ts";
import { NOT_APPLICABLE } from "./specification/not-applicable.ts";
import type { Record } from "./specification/record.ts";

/** Ids `tck-id-…` in the text of the specification 3.0.0. */
const ALL_IDS = 303;

const assertions = Object.values(ASSERTIONS).flat();

// So that local time is not UTC.
const { TZ } = process.env;
process.env.TZ = "America/Los_Angeles";
afterAll(() => {
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

function faultsOf({ check }: Assertion, record: Record): { looked: number; faults: string[] } {
  const findings = [...check(record)];
  return { looked: findings.length, faults: findings.filter((one) => one !== undefined) };
}

it("each id of the specification is asserted once, or does not apply", () => {
  const ids = [...assertions.map(({ id }) => id), ...NOT_APPLICABLE.flatMap(([, of]) => of)];
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect(ids).toHaveLength(ALL_IDS);
});

let lives: ReadonlyMap<4 | 5, Record>;
beforeAll(async () => {
  const [old, present] = await Promise.all([lifeOf(4), lifeOf(5)]);
  lives = new Map([
    [4, old],
    [5, present],
  ]);
}, 60_000);

describe.each([4, 5] as const)("an edge node over MQTT %i", (version) => {
  const own = assertions.filter((one) => one.version === undefined || one.version === version);
  let record: Record;
  let bytes: Buffer;
  beforeAll(() => {
    record = lives.get(version)!;
    bytes = serialize(record);
  });

  it.each(own.map((one) => [one.id, one] as const))(
    "keeps tck-id-%s, and would be seen to break it",
    (_, one) => {
      const { looked, faults } = faultsOf(one, record);
      expect(faults).toEqual([]);
      // Where there was nothing to look at, nothing was shown.
      expect(looked).toBeGreaterThan(0);
      const broken = deserialize(bytes) as Record;
      one.breaks(broken);
      expect(faultsOf(one, broken).faults).not.toEqual([]);
    },
  );
});
