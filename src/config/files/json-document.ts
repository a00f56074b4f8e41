import { type Node, type ParseError, parse, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Diagnostic } from "./diagnostic.ts";
import type { DiagnosticCode } from "./diagnostic-codes.ts";

/** Keys and indexes from the document's root, e.g. `["mqtt", "embedded", "port"]`. */
export type JsonPath = readonly (string | number)[];

/** Line and column from 1; columns count UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Part of a text, by UTF-16 units: `start` is the first, `end` the one after the last. A byte order mark does not count. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Leaf extends Span {
  readonly path: JsonPath;
  readonly value: unknown;
}

/** Maximum number of problems reported for one file. */
export const MOST_PROBLEMS = 100;
/** Maximum nesting. No setting is deeper than ten levels, and all code that walks a document recurses. */
const DEEPEST = 100;
/** Maximum number of keys and values; a list of 100,000 stations stays well below. */
const MOST_VALUES = 250_000;

/**
 * A JSON file with the positions of its keys and values. Comments (`//`, `/* *\/`, and `#` as in VOLTTRON), trailing commas and a
 * BOM are accepted; syntax errors and duplicate keys are problems with their places.
 */
export class JsonDocument {
  readonly file: string;
  /** Empty for a valid document. `value` is undefined otherwise. */
  readonly problems: readonly Diagnostic[];
  readonly value: unknown;
  /** Where settings that were renamed are written, by the path of their new name. */
  readonly #written = new Map<string, JsonPath>();
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

  /** Returns the place of a path's value or key; for an absent path, that of the nearest enclosing value. */
  place(path: JsonPath, part: "key" | "value" = "value"): Place {
    const node = this.#nearest(path);
    const property = part === "key" ? node?.parent : undefined;
    return this.#placeAt((property?.type === "property" ? property : node)?.offset ?? 0);
  }

  /** Returns the place of a text within the value of a path, or of the value if it does not contain the text as written. */
  placeOf(path: JsonPath, text: string): Place {
    const node = this.#nearest(path);
    if (!node) return this.place(path);
    const found = this.#text.slice(node.offset, node.offset + node.length).indexOf(text);
    return this.#placeAt(node.offset + Math.max(0, found));
  }

  /** Returns the value of a path as written, for `found` of a diagnostic; undefined for an absent path. */
  source(path: JsonPath): string | undefined {
    const node = this.#find(path);
    if (!node) return undefined;
    if (node.type === "object") return "an object";
    if (node.type === "array") return "a list";
    return shortened(this.#text.slice(node.offset, node.offset + node.length));
  }

  /** Yields every text, number, `true`, `false` and `null` with its path and where it is written; none of an invalid document. */
  *leaves(): Generator<Leaf> {
    if (this.problems.length === 0 && this.#root) yield* leavesOf(this.#root, []);
  }

  /** Yields where comments are written, of an invalid document too. */
  *comments(): Generator<Span> {
    for (const { 0: token, index: start } of this.#text.matchAll(TOKENS))
      if (/^[/#]/.test(token)) yield { start, end: start + token.length };
  }

  /** Makes the place of a path be that of another one, at which its value is written. */
  rename(from: JsonPath, to: JsonPath): void {
    this.#written.set(pathText(to), from);
  }

  isList(path: JsonPath): boolean {
    return this.#find(path)?.type === "array";
  }

  #find(path: JsonPath): Node | undefined {
    let node = this.#root;
    for (const step of this.#asWritten(path)) node = node && child(node, step);
    return node;
  }

  #nearest(path: JsonPath): Node | undefined {
    let node = this.#root;
    for (const step of this.#asWritten(path)) {
      const next = node && child(node, step);
      if (!next) break;
      node = next;
    }
    return node;
  }

  #asWritten(path: JsonPath): JsonPath {
    if (this.#written.size === 0) return path;
    for (let length = path.length; length > 0; length--) {
      const from = this.#written.get(pathText(path.slice(0, length)));
      if (from) return [...from, ...path.slice(length)];
    }
    return path;
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

  #problem(offset: number, fault: { code: DiagnosticCode; message: string }): Diagnostic {
    return { severity: "error", file: this.file, ...this.#placeAt(offset), ...fault };
  }

  *#syntaxFaults(errors: readonly ParseError[]): Generator<Diagnostic, void> {
    // One mistake causes further errors: up to the end of its line, and at the next word if it was the last of its line.
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
        const message = `this key is already in line ${place.line}, column ${place.column}; remove one of the two`;
        yield { ...this.#problem(key.offset, { code: "duplicate_key", message }), path: pathText(inner) };
      } else seen.set(name, key);
      yield* this.#duplicateKeys(value, inner);
    }
  }
}

/** Parses as much of a damaged document as possible; returns undefined for one without any value or beyond the bounds. */
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
  InvalidSymbol: "this word is not a JSON value; write text in double quotes",
  InvalidNumberFormat: "this is not a JSON number",
  PropertyNameExpected: "a key in double quotes is expected here",
  ValueExpected: "a value is expected here",
  ColonExpected: 'a ":" is expected here, between key and value',
  CommaExpected: 'a "," is expected before this',
  CloseBraceExpected: 'a "}" is missing',
  CloseBracketExpected: 'a "]" is missing',
  EndOfFileExpected: "the document ends before this",
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

/** The values of each object by key, indexed on first use. */
const membersOf = new WeakMap<Node, ReadonlyMap<unknown, Node | undefined>>();

/** Converts a node to its value. `fromEntries` makes every key an own property, `__proto__` too. */
function toValue(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(toValue);
  if (node.type !== "object") return node.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children: [key, value] = [] }) => [key!.value, toValue(value!)]),
  );
}

function* leavesOf(node: Node, path: JsonPath): Generator<Leaf> {
  const { type, children = [], offset: start, length } = node;
  if (type === "array")
    for (const [index, item] of children.entries()) yield* leavesOf(item, [...path, index]);
  else if (type === "object")
    for (const { children: [key, value] = [] } of children)
      yield* leavesOf(value!, [...path, String(key!.value)]);
  else yield { path, value: node.value, start, end: start + length };
}

/** Texts, comments and punctuation. An unclosed comment extends to the end of the text. */
const TOKENS = /"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|\/\/[^\r\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*)|#[^\r\n]*|[[\]{},]/g;

function blankHashComments(text: string): string {
  return text.replace(TOKENS, (part) => (part.startsWith("#") ? " ".repeat(part.length) : part));
}

/** Finds the place where a document exceeds the bounds. */
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
