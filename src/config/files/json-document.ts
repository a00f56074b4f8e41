import { type Node, type ParseError, parse, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Diagnostic } from "./diagnostic.ts";

/** Keys and indexes from the document's root, e.g. `["mqtt", "embedded", "port"]`. */
export type JsonPath = readonly (string | number)[];

/** Line and column from 1; columns count UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Number of problems of one file that are reported: whoever mends so many runs the check again. */
export const MOST_PROBLEMS = 100;
/** Deepest nesting that is read. No setting is deeper than ten levels, and everything that walks a document recurses. */
const DEEPEST = 100;
/** Most keys and values that are read; a list of 100,000 stations is well below. */
const MOST_VALUES = 250_000;

/**
 * A JSON file as somebody wrote it: comments (`//`, `/* *\/`, and `#` as in VOLTTRON), trailing commas and a BOM are fine;
 * syntax errors and keys that stand twice are problems with their places. Remembers where every key and value stands.
 */
export class JsonDocument {
  readonly file: string;
  /** Empty where the document is sound. `value` means nothing where it is not. */
  readonly problems: readonly Diagnostic[];
  readonly value: unknown;
  readonly #text: string;
  readonly #root: Node | undefined;
  readonly #lineStarts: readonly number[];

  constructor(file: string, source: string) {
    this.file = file;
    this.#text = source.replace(/^\uFEFF/, "");
    this.#lineStarts = lineStarts(this.#text);
    const excess = beyondBounds(this.#text);
    if (excess) {
      this.problems = [this.#problem(excess.offset, { code: "bad_json", message: excess.message })];
      return;
    }
    const errors: ParseError[] = [];
    this.#root = parseTree(blankHashComments(this.#text), errors, { allowTrailingComma: true });
    const faults = errors.length > 0 ? this.#syntaxFaults(errors) : this.#duplicateKeys(this.#root);
    this.problems = [...firsts(faults)];
    this.value = this.problems.length === 0 && this.#root ? toValue(this.#root) : undefined;
  }

  /** Where the value of a path stands, or its key; where the path is absent, the nearest object around it. */
  place(path: JsonPath, part: "key" | "value" = "value"): Place {
    const node = this.#nearest(path);
    const property = part === "key" ? node?.parent : undefined;
    return this.#placeAt((property?.type === "property" ? property : node)?.offset ?? 0);
  }

  /** Where a text stands within the value of a path, as far as it stands there as written. */
  placeOf(path: JsonPath, text: string): Place {
    const node = this.#nearest(path);
    if (!node) return this.place(path);
    const found = this.#text.slice(node.offset, node.offset + node.length).indexOf(text);
    return this.#placeAt(node.offset + Math.max(0, found));
  }

  /** The value of a path as written, for `found` of a diagnostic; undefined where there is none. */
  source(path: JsonPath): string | undefined {
    const node = this.#find(path);
    if (!node) return undefined;
    if (node.type === "object") return "an object";
    if (node.type === "array") return "a list";
    return shortened(this.#text.slice(node.offset, node.offset + node.length));
  }

  isList(path: JsonPath): boolean {
    return this.#find(path)?.type === "array";
  }

  #find(path: JsonPath): Node | undefined {
    let node = this.#root;
    for (const step of path) node = node && child(node, step);
    return node;
  }

  #nearest(path: JsonPath): Node | undefined {
    let node = this.#root;
    for (const step of path) {
      const next = node && child(node, step);
      if (!next) break;
      node = next;
    }
    return node;
  }

  #placeAt(offset: number): Place {
    const starts = this.#lineStarts;
    let line = 0;
    for (let end = starts.length; end - line > 1; ) {
      const middle = (line + end) >> 1;
      if (starts[middle]! <= offset) line = middle;
      else end = middle;
    }
    return { line: line + 1, column: offset - starts[line]! + 1 };
  }

  #problem(offset: number, fault: { code: string; message: string }): Diagnostic {
    return { severity: "error", file: this.file, ...this.#placeAt(offset), ...fault };
  }

  *#syntaxFaults(errors: readonly ParseError[]): Generator<Diagnostic, void> {
    // After a mistake the parser stumbles on: to the end of the line, and over the next word where the mistake was the last of its line.
    let end = -1;
    let lastLine = 0;
    for (const { error, offset, length } of errors) {
      const stumbling = end >= 0 && /^[\s,:]*$/.test(this.#text.slice(end, offset));
      end = offset + length;
      const { line } = this.#placeAt(offset);
      if (stumbling || line === lastLine) continue;
      lastLine = line;
      const message =
        this.#text.trim() === "" ? "the file is empty" : SYNTAX_FAULTS[printParseErrorCode(error)];
      yield this.#problem(offset, { code: "bad_json", message: message ?? "this is not JSON" });
    }
  }

  *#duplicateKeys(node: Node | undefined, path: JsonPath = []): Generator<Diagnostic, void> {
    const seen = new Map<string, Node>();
    for (const [index, item] of (node?.children ?? []).entries()) {
      if (item.type !== "property") {
        yield* this.#duplicateKeys(item, [...path, index]);
        continue;
      }
      const [key, value] = item.children as [Node, Node];
      const name = String(key.value);
      const inner = [...path, name];
      const earlier = seen.get(name);
      if (earlier) {
        const place = this.#placeAt(earlier.offset);
        const message = `this key stands already in line ${place.line}, column ${place.column}; remove one of the two`;
        yield { ...this.#problem(key.offset, { code: "duplicate_key", message }), path: pathText(inner) };
      } else seen.set(name, key);
      yield* this.#duplicateKeys(value, inner);
    }
  }
}

/** As much of a document as can be read, however broken it is; undefined where that is nothing. */
export function readLeniently(text: string): unknown {
  return beyondBounds(text) ? undefined : parse(blankHashComments(text));
}

/** `driver_config.stationID`, `users[0].name`, `device_data_filter["a key\n"]`. */
export function pathText(path: JsonPath): string {
  return path
    .map((step, i) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[\w$-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join("");
}

const LONGEST_FOUND = 60;

export function shortened(text: string): string {
  return text.length > LONGEST_FOUND ? `${text.slice(0, LONGEST_FOUND)}…` : text;
}

const SYNTAX_FAULTS: Readonly<Record<string, string>> = {
  InvalidSymbol: "this word is no JSON value; text stands in double quotes",
  InvalidNumberFormat: "this is no number as JSON writes them",
  PropertyNameExpected: "a key in double quotes is expected here",
  ValueExpected: "a value is expected here",
  ColonExpected: 'a ":" is expected here, between key and value',
  CommaExpected: 'a "," is expected before this',
  CloseBraceExpected: 'a "}" is missing',
  CloseBracketExpected: 'a "]" is missing',
  EndOfFileExpected: "the document has ended before this",
  UnexpectedEndOfComment: 'this comment is never closed with "*/"',
  UnexpectedEndOfString: "this text is never closed with a double quote",
  UnexpectedEndOfNumber: "this number is cut off",
  InvalidUnicode: "\\u takes four hexadecimal digits",
  InvalidEscapeCharacter: 'unknown escape; a backslash in text is written "\\\\"',
  InvalidCharacter: "text cannot hold a control character; write it as \\n, \\t or \\u0000",
};

function child(node: Node, step: string | number): Node | undefined {
  if (node.type === "array") return node.children?.[Number(step)];
  let members = membersOf.get(node);
  if (!members) {
    members = new Map(node.children?.map(({ children: [key, value] = [] }) => [key?.value, value]));
    membersOf.set(node, members);
  }
  return members.get(step);
}

/** The values of an object by key. */
const membersOf = new WeakMap<Node, ReadonlyMap<unknown, Node | undefined>>();

/** `fromEntries` makes own properties of every key, `__proto__` too. */
function toValue(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(toValue);
  if (node.type !== "object") return node.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children: [key, value] = [] }) => [key!.value, toValue(value!)]),
  );
}

/** Texts, comments, and what makes lists and objects. A comment that is never closed goes to the end. */
const TOKENS = /"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|\/\/[^\r\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*)|#[^\r\n]*|[[\]{},]/g;

function blankHashComments(text: string): string {
  return text.replace(TOKENS, (part) => (part.startsWith("#") ? " ".repeat(part.length) : part));
}

/** Where a document is too deep or too long to be read at all. */
function beyondBounds(text: string): { offset: number; message: string } | undefined {
  let depth = 0;
  let values = 0;
  for (const { 0: token, index: offset } of text.matchAll(TOKENS)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    else if (token !== ",") continue;
    values++;
    if (depth > DEEPEST)
      return { offset, message: `lists and objects are nested deeper than ${DEEPEST} here` };
    if (values > MOST_VALUES) return { offset, message: `the file holds more than ${MOST_VALUES} values` };
  }
  return undefined;
}

function* firsts(faults: Iterable<Diagnostic>): Generator<Diagnostic> {
  let left = MOST_PROBLEMS;
  for (const fault of faults) {
    yield fault;
    if (--left === 0) return;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) starts.push(index + end.length);
  return starts;
}
