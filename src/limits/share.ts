/** An outlet and the power that it can use. */
export interface Claim {
  readonly id: string;
  readonly needKw: number;
}

/**
 * Divides power fairly: claims below an equal share get what they need, and the others share the rest equally. Never gives
 * more than there is, and gives all of it where there is demand.
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
  /** Since when it charges or waits, in ms. */
  readonly since: number;
}

/**
 * Returns which candidates may charge where there is power for `places` of them only. One that charges continues until its
 * turn is over; then the one that has waited longest takes its place, so that each gets a turn.
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

/** The longest wait first; of those whose turn is over, the one that started last keeps its place longest. */
function rankWithin(a: Candidate, b: Candidate): number {
  return a.charging
    ? b.since - a.since || (a.id < b.id ? -1 : 1)
    : a.since - b.since || (a.id < b.id ? -1 : 1);
}
