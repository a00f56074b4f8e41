/** States of an editor that undo and redo go through. */
export interface Timeline<State> {
  readonly past: readonly State[];
  readonly present: State;
  readonly future: readonly State[];
}

/** Number of steps that can be undone. */
const MOST = 200;

export const begin = <State>(present: State): Timeline<State> => ({ past: [], present, future: [] });

/** Makes a state the present one; what was undone cannot be redone any more. */
export function advance<State>({ past, present }: Timeline<State>, next: State): Timeline<State> {
  return { past: [...past, present].slice(-MOST), present: next, future: [] };
}

/** Changes the present state without a step of its own. */
export const amend = <State>(line: Timeline<State>, present: State): Timeline<State> => ({
  ...line,
  present,
});

export function undo<State>({ past, present, future }: Timeline<State>): Timeline<State> {
  const before = past.at(-1);
  if (before === undefined) return { past, present, future };
  return { past: past.slice(0, -1), present: before, future: [present, ...future] };
}

export function redo<State>({ past, present, future }: Timeline<State>): Timeline<State> {
  const [next, ...rest] = future;
  if (next === undefined) return { past, present, future };
  return { past: [...past, present], present: next, future: rest };
}
