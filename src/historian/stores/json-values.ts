import type { Sample } from "../contract.ts";
import { HistorianError } from "../errors.ts";
import { valueToJson, whyUnstorable } from "../storable.ts";

/**
 * Returns the JSON text (or null) of the values that are not finite numbers, by index, for stores with a separate column for numbers.
 * `refuse` returns why this kind of store cannot keep a sample.
 * @throws {HistorianError} of kind `reject` when some samples can never be stored.
 */
export function jsonOfOthers(
  samples: readonly Sample[],
  refuse: (sample: Sample) => string | undefined = () => undefined,
): Map<number, string | null> {
  const others = new Map<number, string | null>();
  const rejected = new Map<number, string>();
  for (const [index, sample] of samples.entries()) {
    const { value } = sample;
    const problem = whyUnstorable(sample) ?? refuse(sample);
    if (problem) rejected.set(index, problem);
    else if (value === null) others.set(index, null);
    else if (!Number.isFinite(value)) {
      try {
        others.set(index, valueToJson(value));
      } catch (error) {
        rejected.set(index, `its value cannot be written as JSON: ${(error as Error).message}`);
      }
    }
  }
  if (rejected.size > 0) throw rejection(samples, rejected);
  return others;
}

/** Returns the error that names the samples of a batch that can never be stored. */
export function rejection(samples: readonly Sample[], rejected: ReadonlyMap<number, string>): HistorianError {
  const [index, reason] = rejected.entries().next().value as [number, string];
  return new HistorianError(
    "reject",
    `${rejected.size} of ${samples.length} samples cannot be stored; first "${samples[index]?.topic}": ${reason}`,
    { rejected },
  );
}
