import type { Balance } from "../helpers/ledger.ts";

export function figures({ accepted, delivered, waiting, left, duplicates }: Balance): string {
  const rest = accepted - delivered - waiting - left;
  return `${accepted} accepted = ${delivered} delivered + ${waiting} waiting + ${left} dropped or dead + ${rest} missing; ${duplicates} came twice`;
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** Of numbers in any order. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
