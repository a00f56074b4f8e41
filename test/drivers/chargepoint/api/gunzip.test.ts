import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { AnswerBudget } from "../../../../src/drivers/chargepoint/api/http/answer-budget.ts";
import {
  gunzip as gunzipWithin,
  TooLargeError,
} from "../../../../src/drivers/chargepoint/api/http/gunzip.ts";

const { signal } = new AbortController();

async function gunzip(packed: Buffer, maxBytes: number, budget = new AnswerBudget()): Promise<Buffer> {
  const share = budget.share();
  try {
    return Buffer.from(await gunzipWithin(packed, { maxBytes, share, signal }));
  } finally {
    share.close();
  }
}

/** Text of so many elements that packs to no less than a tenth. */
function page(elements: number): Buffer {
  const parts = Array.from({ length: elements }, (_, n) => `<load>${(n * 7919) % 1_000_003}</load>`);
  return Buffer.from(parts.join(""));
}

test("answers of every size come out as they went in, many at once and again and again", async () => {
  const pages = [1, 40, 3_000, 20_000, 90_000].map(page);
  for (let round = 0; round < 3; round++) {
    const all = [...pages, ...pages, ...pages];
    const unpacked = await Promise.all(all.map((one) => gunzip(gzipSync(one), one.byteLength)));
    expect(unpacked.map((one, n) => one.equals(all[n]!))).toEqual(all.map(() => true));
  }
});

test("C20: answers that wait for room while they are unpacked are whole, and so are those after them", async () => {
  const pages = Array.from({ length: 12 }, (_, n) => page(56_000 + 500 * n));
  const packed = pages.map((one) => gzipSync(one));
  for (let round = 0; round < 3; round++) {
    const budget = new AnswerBudget();
    const unpacked = await Promise.all(packed.map((one, n) => gunzip(one, pages[n]!.byteLength, budget)));
    expect(unpacked.map((one, n) => one.equals(pages[n]!))).toEqual(pages.map(() => true));
  }
});

test.each([10, 5_000, 90_000])(
  "of %d elements: what is cut off, damaged or no gzip is refused, and others are read after it",
  async (elements) => {
    const whole = page(elements);
    const packed = gzipSync(whole);
    const half = packed.byteLength >> 1;
    const spoilt = [
      packed.subarray(0, -5),
      packed.subarray(0, half),
      Buffer.concat([packed.subarray(0, half), Buffer.alloc(half)]),
      Buffer.from(packed).fill(0xff, packed.byteLength - 8),
      Buffer.alloc(9_000),
    ];
    for (const one of spoilt) {
      await expect(gunzip(one, whole.byteLength)).rejects.toThrow();
      expect((await gunzip(packed, whole.byteLength)).equals(whole)).toBe(true);
    }
  },
);

test.each([40, 5_000, 90_000])(
  "of %d elements: one byte more than allowed is too large",
  async (elements) => {
    const whole = page(elements);
    const packed = gzipSync(whole);
    await expect(gunzip(packed, whole.byteLength - 1)).rejects.toThrow(TooLargeError);
    expect((await gunzip(packed, whole.byteLength)).byteLength).toBe(whole.byteLength);
  },
);
