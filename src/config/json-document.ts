import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Diagnostic } from "./diagnostic.ts";

/** Keys and indexes from the document's root, e.g. `["mqtt", "embedded", "port"]`. */
export type JsonPath = readonly (string | number)[];

/** Line and column from 1; columns count UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

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
    const errors: ParseError[] = [];
    this.#root = parseTree(blankHashComments(this.#text), errors, { allowTrailingComma: true });
    const faults = errors.length > 0 ? this.#syntaxFaults(errors) : this.#duplicateKeys(this.#root);
    this.problems = faults;
    this.value = faults.length === 0 && this.#root ? toValue(this.#root) : undefined;
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
    const line = this.#lineStarts.findLastIndex((start) => start <= offset);
    return { line: line + 1, column: offset - this.#lineStarts[line]! + 1 };
  }

  #syntaxFaults(errors: readonly ParseError[]): Diagnostic[] {
    // After a mistake the parser stumbles on: to the end of the line, and over the next word where the mistake was the last of its line.
    const firsts = new Map<number, Diagnostic>();
    let end = -1;
    for (const { error, offset, length } of errors) {
      const stumbling = end >= 0 && /^[\s,:]*$/.test(this.#text.slice(end, offset));
      end = offset + length;
      const place = this.#placeAt(offset);
      if (stumbling || firsts.has(place.line)) continue;
      const message =
        this.#text.trim() === "" ? "the file is empty" : SYNTAX_FAULTS[printParseErrorCode(error)];
      firsts.set(place.line, {
        code: "bad_json",
        severity: "error",
        file: this.file,
        ...place,
        message: message ?? "this is not JSON",
      });
    }
    return [...firsts.values()];
  }

  #duplicateKeys(node: Node | undefined, path: JsonPath = []): Diagnostic[] {
    const faults: Diagnostic[] = [];
    const seen = new Map<string, Node>();
    for (const [index, item] of (node?.children ?? []).entries()) {
      if (item.type !== "property") {
        faults.push(...this.#duplicateKeys(item, [...path, index]));
        continue;
      }
      const [key, value] = item.children as [Node, Node];
      const name = String(key.value);
      const inner = [...path, name];
      const earlier = seen.get(name);
      if (earlier) {
        const place = this.#placeAt(earlier.offset);
        faults.push({
          code: "duplicate_key",
          severity: "error",
          file: this.file,
          ...this.#placeAt(key.offset),
          path: pathText(inner),
          message: `this key stands already in line ${place.line}, column ${place.column}; remove one of the two`,
        });
      } else seen.set(name, key);
      faults.push(...this.#duplicateKeys(value, inner));
    }
    return faults;
  }
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
  return node.children?.find((property) => property.children?.[0]?.value === step)?.children?.[1];
}

/** `fromEntries` makes own properties of every key, `__proto__` too. */
function toValue(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(toValue);
  if (node.type !== "object") return node.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children: [key, value] = [] }) => [key!.value, toValue(value!)]),
  );
}

function blankHashComments(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"?|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/|#[^\r\n]*/g, (part) =>
    part.startsWith("#") ? " ".repeat(part.length) : part,
  );
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) starts.push(index + end.length);
  return starts;
}
