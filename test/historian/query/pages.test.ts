import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HistorianBackend, ReadRequest, Row } from "../../../src/historian/contract.ts";
import { QueryError } from "../../../src/historian/errors.ts";
import { Historian } from "../../../src/historian/query/historian.ts";
import { readPages, slicePages } from "../../../src/historian/query/pages.ts";

/** A backend of one topic with the times 0 to `rows` - 1, each its own value. */
function counting(rows: number): HistorianBackend & { readonly reads: ReadRequest[] } {
  const reads: ReadRequest[] = [];
  return {
    reads,
    async open() {},
    async write() {},
    async topics() {
      return [{ name: "a/b", meta: { units: "", type: "integer", tz: "UTC" } }];
    },
    async read(request) {
      reads.push(request);
      const { start = 0, end = rows, order, skip, limit } = request;
      const all = Array.from({ length: rows }, (_, i): Row => [i, i]).slice(start, end);
      return (order === "FIRST_TO_LAST" ? all : all.toReversed()).slice(skip, skip + limit);
    },
    async close() {},
  };
}

async function values(pages: AsyncIterable<readonly Row[]>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const page of pages) all.push(...page.map(([, value]) => value));
  return all;
}

describe("pages", () => {
  it("property: pages hold the same rows as one read, in both orders", async () => {
    const range = fc.record({
      order: fc.constantFrom("FIRST_TO_LAST" as const, "LAST_TO_FIRST" as const),
      skip: fc.integer({ min: 0, max: 3000 }),
      count: fc.oneof(fc.integer({ min: 0, max: 4000 }), fc.constant(Number.POSITIVE_INFINITY)),
      start: fc.integer({ min: 0, max: 1500 }),
      end: fc.integer({ min: 1500, max: 3500 }),
    });
    const backend = counting(3500);
    await fc.assert(
      fc.asyncProperty(range, async (asked) => {
        const inOne = await backend.read({ topic: "a/b", ...asked, limit: asked.count });
        expect(await values(readPages(backend, "a/b", asked))).toEqual(inOne.map(([, value]) => value));
        const whole = readPages(backend, "a/b", { ...asked, skip: 0, count: Number.POSITIVE_INFINITY });
        expect(await values(slicePages(whole, asked.skip, asked.count))).toEqual(
          inOne.map(([, value]) => value),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("reads no more than was asked for", async () => {
    const backend = counting(50_000);
    const historian = new Historian(backend);
    await historian.query({ topic: "a/b", count: 10 });
    expect(backend.reads.map(({ limit }) => limit)).toEqual([10]);
    await historian.query({ topic: "a/b", aggType: "COUNT", aggPeriod: "1m", count: 0 });
    expect(backend.reads).toHaveLength(1);
  });

  it("a result has a maximum size; the error names the remedy", async () => {
    const historian = new Historian(counting(5000), { maxRows: 4000 });
    await expect(historian.query({ topic: "a/b" })).rejects.toThrow(QueryError);
    await expect(historian.query({ topic: "a/b" })).rejects.toThrow(
      "more than 4000 rows; use a shorter time range",
    );
    expect((await historian.query({ topic: "a/b", count: 4000 })).values["a/b"]).toHaveLength(4000);
  });
});
