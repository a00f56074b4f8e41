import { QueryError } from "../errors.ts";
import { type Node, parsePattern } from "./pattern-syntax.ts";

type Instruction =
  | { readonly op: "char"; readonly matches: (char: string) => boolean }
  | { readonly op: "split"; readonly next: [number, number] }
  | { readonly op: "start" | "end" | "match" };

/** Bounds the time of a match to this many steps per character. */
const MAX_INSTRUCTIONS = 2000;
/** Bounds the memory of a matcher. */
const MAX_KNOWN = 1000;

/**
 * Compiles a regular expression that finds topics: anywhere in the name, whatever the case, as VOLTTRON does.
 * All of its states are followed at once instead of one after another, so that the time grows with the length of the
 * name and no pattern (`(a+)+$`) can hang the bridge. Throws a QueryError that says what is wrong where.
 */
export function compilePattern(pattern: string): (name: string) => boolean {
  const program: Instruction[] = [];
  emit(parsePattern(pattern), program);
  program.push({ op: "match" });
  const matcher = new Matcher(program);
  return (name) => matcher.test(name);
}

function emit(node: Node, program: Instruction[]): void {
  if (program.length > MAX_INSTRUCTIONS)
    throw new QueryError("pattern", "is too large; use smaller counts in {…}");
  switch (node.kind) {
    case "chars":
      program.push({ op: "char", matches: node.matches });
      return;
    case "start":
    case "end":
      program.push({ op: node.kind });
      return;
    case "sequence":
      for (const item of node.items) emit(item, program);
      return;
    case "either":
      emitEither(node.left, node.right, program);
      return;
    case "repeat":
      emitRepeat(node, program);
  }
}

function emitEither(left: Node, right: Node, program: Instruction[]): void {
  const fork = pushSplit(program);
  emit(left, program);
  const skip = pushSplit(program);
  fork[1] = program.length;
  emit(right, program);
  skip[0] = skip[1] = program.length;
}

function emitRepeat(node: Node & { kind: "repeat" }, program: Instruction[]): void {
  for (let i = 0; i < node.min; i++) emit(node.node, program);
  if (node.max === Number.POSITIVE_INFINITY) {
    const at = program.length;
    const fork = pushSplit(program);
    emit(node.node, program);
    pushSplit(program).fill(at);
    fork[1] = program.length;
    return;
  }
  const forks: [number, number][] = [];
  for (let i = node.min; i < node.max; i++) {
    forks.push(pushSplit(program));
    emit(node.node, program);
  }
  for (const fork of forks) fork[1] = program.length;
}

/** Adds a fork whose first way is the next instruction; the caller sets the second. */
function pushSplit(program: Instruction[]): [number, number] {
  const next: [number, number] = [program.length + 1, program.length + 1];
  program.push({ op: "split", next });
  return next;
}

/** A set of states of the program, and what follows from it. */
interface StateSet {
  readonly chars: readonly number[];
  readonly matches: boolean;
  readonly matchesAtEnd: boolean;
  readonly next: Map<string, StateSet>;
}

/** Follows all states at once, and remembers the sets it met: names are much alike. */
class Matcher {
  readonly #program: readonly Instruction[];
  readonly #known = new Map<string, StateSet>();
  readonly #first: StateSet;

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#first = this.#stateSet([0], true);
  }

  test(name: string): boolean {
    let states = this.#first;
    for (const char of name.toLowerCase()) {
      if (states.matches) return true;
      states = states.next.get(char) ?? this.#step(states, char);
    }
    return states.matchesAtEnd;
  }

  #step(states: StateSet, char: string): StateSet {
    // A match may begin at every character: state 0 is always among them.
    const seeds = [0];
    for (const state of states.chars) {
      const instruction = this.#program[state];
      if (instruction?.op === "char" && instruction.matches(char)) seeds.push(state + 1);
    }
    const key = seeds.join();
    let next = this.#known.get(key);
    if (!next) {
      next = this.#stateSet(seeds, false);
      if (this.#known.size < MAX_KNOWN) this.#known.set(key, next);
    }
    if (states.next.size < MAX_KNOWN) states.next.set(char, next);
    return next;
  }

  #stateSet(seeds: readonly number[], atStart: boolean): StateSet {
    const { chars, matches } = this.#reach(seeds, atStart, false);
    return { chars, matches, matchesAtEnd: this.#reach(seeds, atStart, true).matches, next: new Map() };
  }

  /** All states that are reached without a character. */
  #reach(seeds: readonly number[], atStart: boolean, atEnd: boolean): { chars: number[]; matches: boolean } {
    const seen = new Set<number>();
    const open = [...seeds];
    const chars: number[] = [];
    let matches = false;
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (seen.has(state)) continue;
      seen.add(state);
      const instruction = this.#program[state] as Instruction;
      if (instruction.op === "char") chars.push(state);
      else if (instruction.op === "match") matches = true;
      else if (instruction.op === "split") open.push(...instruction.next);
      else if (instruction.op === "start" ? atStart : atEnd) open.push(state + 1);
    }
    return { chars, matches };
  }
}
