/** Somebody who can use so much. */
export interface Claim {
  readonly id: string;
  readonly needKw: number;
}

/**
 * Divides power fairly: who needs less than an equal share gets what it needs, and the others share the rest equally.
 * Never gives more than there is, and all of it where it is wanted.
 */
export function share(kw: number, claims: readonly Claim[]): Map<string, number> {
  const byNeed = [...claims].sort((a, b) => a.needKw - b.needKw);
  let left = Math.max(0, kw);
  return new Map(
    byNeed.map(({ id, needKw }, index) => {
      const given = Math.min(needKw, left / (byNeed.length - index));
      left -= given;
      return [id, given];
    }),
  );
}

export interface Candidate {
  readonly id: string;
  /** Whether it is charging now. */
  readonly charging: boolean;
  /** Since when it charges or waits, ms. */
  readonly since: number;
}

/**
 * Who may charge where there is room for `places` only. Who charges goes on until its turn is over; then it makes room
 * for who has waited longest. So everybody's turn comes.
 */
export function chooseTurns(
  candidates: readonly Candidate[],
  places: number,
  now: number,
  turnMs: number,
): Set<string> {
  const rank = ({ charging, since }: Candidate) => (!charging ? 1 : now - since < turnMs ? 0 : 2);
  const ranked = [...candidates].sort((a, b) => rank(a) - rank(b) || rankWithin(a, b));
  return new Set(ranked.slice(0, Math.max(0, places)).map(({ id }) => id));
}

/** The longest wait first; of those whose turn is over, the latest to begin stays the longest. */
function rankWithin(a: Candidate, b: Candidate): number {
  return a.charging
    ? b.since - a.since || (a.id < b.id ? -1 : 1)
    : a.since - b.since || (a.id < b.id ? -1 : 1);
}
