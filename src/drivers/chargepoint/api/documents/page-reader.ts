import type { Fields, Of, Operation, ScalarField } from "../message.ts";
import { readScalar } from "./decode.ts";
import { MarkupScanner, Unusual } from "./markup-scanner.ts";
import { type Plan, planOf, type Tag } from "./page-plan.ts";
import { type ReadAnswer, readAnswer, responseName } from "./soap.ts";
import { noteUnreadable } from "./unreadable.ts";
import { localName, XML_LIMITS, type XmlLimits } from "./xml.ts";

/**
 * Reads the answer to an operation as {@link readAnswer} does, in one pass and without a tree: it searches for the elements
 * of the operation's description and builds their values on the way. Documents that it does not handle (faults, broken and
 * rare ones) are passed to `readAnswer`, which alone decides what is rejected and why.
 * @throws XmlError, EnvelopeError
 */
export const readPage: ReadAnswer = (operation, document, limits = XML_LIMITS) => {
  const value = scanResponse(operation, document, limits);
  if (value !== null) return { kind: "response", value };
  const { maxTags } = limits;
  return readAnswer(operation, document, { ...limits, maxTags: Math.min(maxTags, MAX_TREE_TAGS) });
};

/** Maximum number of tags of a document that is read as a tree, which takes twenty times as long and blocks the event loop. */
const MAX_TREE_TAGS = 8_000;

/** Returns the response of a plain document; null where `readAnswer` has to read it. */
export function scanResponse<Q extends Fields, A extends Fields>(
  operation: Operation<Q, A>,
  document: Uint8Array,
  limits: XmlLimits = XML_LIMITS,
): Of<A> | null {
  const plan = planOf(operation.response);
  if (plan === null) return null;
  try {
    return new PageReader(new MarkupScanner(document, limits)).response(operation, plan) as Of<A>;
  } catch (error) {
    if (error instanceof Unusual) return null;
    throw error;
  }
}

/** Maximum number of records in an answer: the loads of a group of 5,000 stations have 15,000 with their ports. */
const MOST_RECORDS = 20_000;

type Row = Record<string, unknown>;

const GT = 0x3e;
const SLASH = 0x2f;
/** Length from which V8 makes a substring a view of its string; shorter ones are copies. */
const SHORTEST_VIEW = 13;

class PageReader {
  readonly #scanner: MarkupScanner;
  #records = 0;
  /** The text of the last scalar, where it is not a value of its type. */
  #unreadable: string | undefined;

  constructor(scanner: MarkupScanner) {
    this.#scanner = scanner;
  }

  response(operation: Operation, plan: Plan): Row {
    const scanner = this.#scanner;
    const root = scanner.root();
    if (localName(root) !== "Envelope" || scanner.empty) throw new Unusual();
    let value: Row | null = null;
    for (let child = scanner.child(root); child !== null; child = scanner.child(root)) {
      if (value === null && localName(child) === "Body") value = this.#body(child, operation, plan);
      else this.#skip(child);
    }
    scanner.end();
    if (value === null) throw new Unusual();
    return value;
  }

  #body(name: string, operation: Operation, plan: Plan): Row {
    const scanner = this.#scanner;
    const first = scanner.empty ? null : scanner.child(name);
    const names = [operation.name, ...(operation.also ?? [])].map((known) => responseName({ name: known }));
    if (first === null || scanner.empty || !names.includes(localName(first))) throw new Unusual();
    const value = blank(plan);
    this.#fields(plan, value, first);
    for (let child = scanner.child(name); child !== null; child = scanner.child(name)) this.#skip(child);
    return value;
  }

  /** Reads the content of an open element and its end tag; returns whether it contained anything but white space. */
  #fields(plan: Plan, row: Row, name: string): boolean {
    const scanner = this.#scanner;
    const { text } = scanner;
    let held = false;
    let last: Tag | null = null;
    let guess = plan.first;
    for (;;) {
      const kind = scanner.peek();
      if (kind === "end") {
        scanner.endTag(name);
        return held;
      }
      if (kind === "characters") {
        if (scanner.characters().trim() !== "") held = true;
        continue;
      }
      held = true;
      const { at } = scanner;
      let likely = guess;
      if (last?.list && text.startsWith(last.open, at)) likely = last;
      else if (guess === null || !text.startsWith(guess.open, at)) likely = null;
      if (likely !== null) {
        const after = at + likely.open.length;
        const code = text.charCodeAt(after);
        const empty = code === SLASH && text.charCodeAt(after + 1) === GT;
        if (empty || code === GT) {
          if (empty) scanner.at = after + 2;
          else {
            scanner.enter(after + 1);
            this.#element(row, likely, likely.spelling);
          }
          last = likely;
          guess = likely.next;
          continue;
        }
      }
      const child = scanner.startTag();
      const tag = plan.tags.get(localName(child));
      if (tag === undefined || scanner.nil) this.#skip(child);
      else if (!scanner.empty) this.#element(row, tag, child);
      if (tag === undefined) continue;
      if (last !== null && last !== tag) last.next = tag;
      last = tag;
      guess = tag.next;
    }
  }

  #element(row: Row, { name, list, content, close }: Tag, spelling: string): void {
    let value: unknown;
    if ("tags" in content) {
      if (++this.#records > MOST_RECORDS) throw new Unusual();
      const inner = blank(content);
      value = this.#fields(content, inner, spelling) ? inner : null;
    } else value = this.#scalar(content, spelling, close);
    if (value === null) {
      if (this.#unreadable === undefined) return;
      noteUnreadable(row, name, this.#unreadable);
      this.#unreadable = undefined;
      return;
    }
    if (list) (row[name] as unknown[]).push(value);
    // Of several elements in place of one, the first with a value counts.
    else if (row[name] === null) row[name] = value;
  }

  #scalar(field: ScalarField, spelling: string, close: string): unknown {
    const content = (this.#scanner.leaf(close) ?? this.#scanner.content(spelling))?.trim();
    if (content === undefined || content === "" || content === "None") return null;
    const value = readScalar(field, content);
    if (value === null) this.#unreadable = content;
    return typeof value === "string" ? copied(value) : value;
  }

  #skip(name: string): void {
    if (!this.#scanner.empty) this.#scanner.content(name);
  }
}

function blank({ blank, lists }: Plan): Row {
  const row: Row = Object.assign({}, blank);
  for (const name of lists) row[name] = [];
  return row;
}

/** A part of the document's text is a view that would keep the whole page in memory as long as one value is in use. */
function copied(text: string): string {
  return text.length < SHORTEST_VIEW ? text : ` ${text}`.slice(1);
}
