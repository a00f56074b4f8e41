import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Acceptance,
  acceptedKw,
  kwAt,
  kwhAt,
  nextStretch,
} from "../../../../src/simulator/world/sessions/curve.ts";

const acceptances: fc.Arbitrary<Acceptance> = fc
  .record({
    maxKw: fc.double({ min: 1, max: 200, noNaN: true }),
    fullKwh: fc.double({ min: 0.5, max: 100, noNaN: true }),
    taperShare: fc.double({ min: 0, max: 0.95, noNaN: true }),
    cutoffShare: fc.double({ min: 0.02, max: 0.3, noNaN: true }),
  })
  .map(({ maxKw, fullKwh, taperShare, cutoffShare }) => ({
    maxKw,
    fullKwh,
    taperFromKwh: fullKwh * taperShare,
    cutoffKw: maxKw * cutoffShare,
  }));

describe("charging along the curve", () => {
  test("under any limit above zero a vehicle becomes full, within a few stretches, at or under the limit", () => {
    fc.assert(
      fc.property(acceptances, fc.double({ min: 0.05, max: 250, noNaN: true }), (acceptance, limitKw) => {
        let at = 1_800_000_000_000;
        let kwh = 0;
        for (let count = 0; ; count++) {
          expect(count).toBeLessThan(6);
          const { stretch, until } = nextStretch(acceptance, limitKw, at, kwh);
          expect(stretch.kw).toBeLessThanOrEqual(Math.min(limitKw, acceptance.maxKw));
          expect(kwhAt(stretch, at)).toBeCloseTo(kwh, 9);
          if (until === Number.POSITIVE_INFINITY) break;
          kwh = kwhAt(stretch, until);
          at = until;
        }
        expect(kwh).toBeCloseTo(acceptance.fullKwh, 5);
        expect(acceptedKw(acceptance, kwh)).toBe(0);
      }),
    );
  });

  test("the energy is the integral of the load (against Simpson's rule)", () => {
    fc.assert(
      fc.property(acceptances, fc.double({ min: 0, max: 1, noNaN: true }), (acceptance, share) => {
        const from = 1_800_000_000_000;
        const { stretch } = nextStretch(acceptance, 1e6, from, share * 0.99 * acceptance.fullKwh);
        // As long as the sum of many small steps can follow the fall.
        const hours = Math.min(0.2, 5 / Math.max(1, stretch.decayPerHour));
        const steps = 200;
        let sum = 0;
        for (let step = 0; step <= steps; step++) {
          const weight = step === 0 || step === steps ? 1 : step % 2 === 1 ? 4 : 2;
          sum += weight * kwAt(stretch, from + (hours * 3_600_000 * step) / steps);
        }
        const integral = (sum * hours) / steps / 3;
        const energy = kwhAt(stretch, from + hours * 3_600_000) - stretch.kwh;
        expect(Math.abs(energy - integral)).toBeLessThan(1e-4 * Math.max(1, integral));
      }),
    );
  });

  test("a limit of zero stops charging, and nothing changes by itself", () => {
    const acceptance = { maxKw: 7, fullKwh: 20, taperFromKwh: 18, cutoffKw: 0.5 };
    const { stretch, until } = nextStretch(acceptance, 0, 0, 4);
    expect(stretch).toMatchObject({ kw: 0, kwh: 4 });
    expect(until).toBe(Number.POSITIVE_INFINITY);
  });
});
