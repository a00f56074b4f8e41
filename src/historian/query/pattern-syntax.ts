import { QueryError } from "../errors.ts";

/** A regular expression as a tree. `matches` is asked with a lower-case character. */
export type Node =
  | { readonly kind: "chars"; readonly matches: (char: string) => boolean }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "either"; readonly left: Node; readonly right: Node }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number };

const MAX_LENGTH = 1000;
const MAX_REPEAT = 1000;

const CLASSES: Record<string, (char: string) => boolean> = {
  d: (char) => /[0-9]/.test(char),
  w: (char) => /[\p{L}\p{N}_]/u.test(char),
  s: (char) => /\s/.test(char),
};
const CONTROLS: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

/**
 * Parses the part of regular expressions that needs no going back: characters, `.`, `[a-z]`, `[^/]`, `\d \w \s`
 * and their opposites, groups, `|`, `* + ? {m,n}`, `^` and `$`. Throws a QueryError for the rest.
 */
export function parsePattern(pattern: string): Node {
  if (pattern.length > MAX_LENGTH) throw new QueryError("pattern", `is longer than ${MAX_LENGTH} characters`);
  return new PatternParser(pattern).parse();
}

class PatternParser {
  readonly #chars: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#chars = Array.from(pattern);
  }

  parse(): Node {
    const node = this.#either();
    if (this.#at < this.#chars.length) throw this.#wrong('unexpected ")"');
    return node;
  }

  #either(): Node {
    const left = this.#sequence();
    return this.#take("|") ? { kind: "either", left, right: this.#either() } : left;
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#peek() !== undefined && this.#peek() !== "|" && this.#peek() !== ")")
      items.push(this.#repeats(this.#atom()));
    return { kind: "sequence", items };
  }

  #repeats(node: Node): Node {
    const range = this.#quantifier();
    if (!range) return node;
    // Lazy or not makes no difference to whether there is a match.
    this.#take("?");
    const again = this.#peek() ?? "";
    if ("*+?".includes(again) && again !== "") throw this.#wrong("nothing to repeat");
    return { kind: "repeat", node, ...range };
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    const counts = /^\{(\d+)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join(""));
    if (!counts) return undefined;
    const min = Number(counts[1]);
    const max = counts[3] ? Number(counts[3]) : counts[2] ? Number.POSITIVE_INFINITY : min;
    if (min > max || min > MAX_REPEAT || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY))
      throw this.#wrong(`counts in {m,n} must rise and end at ${MAX_REPEAT}`);
    this.#at += counts[0].length;
    return { min, max };
  }

  #atom(): Node {
    const char = this.#next();
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "chars", matches: this.#set() };
      case ".":
        return { kind: "chars", matches: (c) => c !== "\n" };
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "\\":
        return { kind: "chars", matches: this.#escape() };
      case "*":
      case "+":
      case "?":
        this.#at -= 1;
        throw this.#wrong("nothing to repeat");
      default:
        return { kind: "chars", matches: literal(char) };
    }
  }

  #group(): Node {
    if (this.#take("?") && !this.#take(":"))
      throw this.#wrong("only plain groups (…) and (?:…) are supported");
    const node = this.#either();
    if (!this.#take(")")) throw this.#wrong('expected ")"');
    return node;
  }

  #escape(): (char: string) => boolean {
    const char = this.#next();
    const known = CLASSES[char.toLowerCase()];
    if (known) return char === char.toLowerCase() ? known : (c) => !known(c);
    const control = CONTROLS[char];
    if (control) return literal(control);
    if (/[A-Za-z0-9]/.test(char)) throw this.#wrong(`\\${char} is not supported`);
    return literal(char);
  }

  #set(): (char: string) => boolean {
    const negated = this.#take("^");
    const tests: ((char: string) => boolean)[] = [];
    do {
      const from = this.#next();
      if (from === "\\") tests.push(this.#escape());
      else if (this.#peek() === "-" && this.#chars[this.#at + 1] !== "]") tests.push(this.#range(from));
      else tests.push(literal(from));
    } while (!this.#take("]"));
    return (char) => tests.some((test) => test(char)) !== negated;
  }

  #range(from: string): (char: string) => boolean {
    this.#next();
    const to = this.#next();
    const [low, high] = [codeOf(from), codeOf(to)];
    if (low > high) throw this.#wrong(`${from}-${to} is no range`);
    const within = (code: number): boolean => code >= low && code <= high;
    return (char) => within(codeOf(char)) || within(codeOf(char.toUpperCase()));
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw this.#wrong("ends too early");
    this.#at += 1;
    return char;
  }

  #wrong(problem: string): QueryError {
    return new QueryError("pattern", `${problem} at character ${this.#at + 1} of "${this.#chars.join("")}"`);
  }
}

function literal(char: string): (other: string) => boolean {
  const lower = char.toLowerCase();
  return (other) => other === lower;
}

function codeOf(char: string): number {
  return char.codePointAt(0) as number;
}
