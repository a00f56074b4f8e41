import fc from "fast-check";
import { expect, test } from "vitest";
import { DecimalSum } from "../../src/points/index.ts";

function sumOf(values: readonly number[]): DecimalSum {
  const sum = new DecimalSum();
  for (const value of values) sum.add(value);
  return sum;
}

test("property: sum and mean of decimals are those on paper", () => {
  const cases = fc
    .integer({ min: 0, max: 6 })
    .chain((decimals) =>
      fc.tuple(
        fc.constant(10 ** decimals),
        fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 200 }),
      ),
    );
  fc.assert(
    fc.property(cases, ([scale, digits]) => {
      const sum = sumOf(digits.map((digit) => digit / scale));
      const whole = digits.reduce((all, digit) => all + digit, 0);
      expect(sum.total + 0).toBe(whole / scale + 0);
      expect(sum.mean(digits.length) + 0).toBe(whole / (scale * digits.length) + 0);
    }),
  );
});

test.each([
  [[0.1, 0.2], 0.3],
  [[1e-7, 2e-7], 3e-7],
  [[1e16, 1, -1e16], 1],
  [[1e21, 0.1], 1e21],
  [[5e-324, 5e-324], 1e-323],
  [[Number.MAX_VALUE, Number.MAX_VALUE], Number.POSITIVE_INFINITY],
  [[0.1 + 0.2], 0.1 + 0.2],
  [[], 0],
])("%j add up to %j", (values, total) => {
  expect(sumOf(values).total).toBe(total);
});
