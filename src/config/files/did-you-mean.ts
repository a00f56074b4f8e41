/**
 * Returns the candidate nearest to a misspelt word, or undefined if none is near enough. Case, spaces and `_ - .` are ignored;
 * two swapped letters count as one mistake; a word that a candidate begins with matches it unless another candidate is nearer.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(word);
  const limit = Math.floor((wanted.length + 1) / 3);
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    const other = fold(candidate);
    const begun = wanted.length >= SHORTEST_BEGINNING && other.startsWith(wanted);
    if (!begun && Math.abs(other.length - wanted.length) >= bestDistance) continue;
    const distance = begun ? Math.min(limit, other.length - wanted.length) : editDistance(wanted, other);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Minimum length of a word for which the beginning of a candidate is a match. */
const SHORTEST_BEGINNING = 4;
/** Maximum length of a word that is compared: the comparison is quadratic. */
const LONGEST_WORD = 100;

/**
 * Returns the candidates most similar to a word, the most similar first, however different they are. A candidate that contains the
 * word comes before all that do not.
 */
export function nearest(word: string, candidates: Iterable<string>, count: number): string[] {
  const wanted = fold(word);
  const distance = (candidate: string): number => {
    const other = fold(candidate);
    const contains = wanted !== "" && other.includes(wanted);
    return contains ? other.length - wanted.length - LONGEST_WORD : editDistance(wanted, other);
  };
  const ranked = [...candidates].map((candidate) => ({ candidate, distance: distance(candidate) }));
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked.slice(0, count).map(({ candidate }) => candidate);
}

function fold(word: string): string {
  return word
    .slice(0, LONGEST_WORD)
    .toLowerCase()
    .replace(/[\s_.-]/g, "");
}

/** Returns the optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
