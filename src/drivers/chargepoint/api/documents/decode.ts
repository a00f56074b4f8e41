import type { Field, Fields, GroupField, Of, ScalarField } from "../message.ts";
import { noteUnreadable } from "./unreadable.ts";
import type { XmlNode } from "./xml.ts";

/**
 * Reads the children of an element by a description. Lenient, for answers: accepts elements in any order and known spelling
 * and skips unknown ones; absent, empty, `None`, nil and unreadable values are null; lists are always arrays.
 */
export function decode<F extends Fields>(fields: F, node: XmlNode): Of<F> {
  return readFields(fields, node, "", undefined, false) as Of<F>;
}

export interface Problem {
  /** Path of the element, such as `searchQuery/Geo/Lat`. */
  readonly path: string;
  readonly kind: "unknown" | "misplaced" | "repeated" | "value";
  readonly message: string;
}

/**
 * Reads as {@link decode} does and reports what a validating service would reject: unknown elements (alternative spellings
 * are accepted), elements out of order in a sequence, repeated elements that are not lists, text in place of elements,
 * values that are not of their type. `sequence`: whether the elements themselves are one (`Operation.sequence`).
 */
export function decodeStrict<F extends Fields>(
  fields: F,
  node: XmlNode,
  sequence = false,
): { readonly value: Of<F>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const value = readFields(fields, node, "", problems, sequence) as Of<F>;
  return { value, problems };
}

function readFields(
  fields: Fields,
  node: XmlNode,
  path: string,
  problems: Problem[] | undefined,
  sequence: boolean,
): Record<string, unknown> {
  const found = new Map<string, XmlNode[]>();
  const { slots, around } = spellingsOf(fields);
  let last = -1;
  if (problems && node.text.trim() !== "") {
    problems.push({ path: path.slice(0, -1), kind: "value", message: "text where elements are expected" });
  }
  const children =
    around.size === 0
      ? node.children
      : node.children.flatMap((child) => (around.has(child.name) ? child.children : [child]));
  for (const child of children) {
    const slot = slots.get(child.name);
    if (!slot) {
      problems?.push({ path: path + child.name, kind: "unknown", message: "no such element" });
      continue;
    }
    const nodes = found.get(slot.name);
    if (nodes) {
      nodes.push(child);
      if (slot.field.kind !== "list") {
        problems?.push({ path: path + child.name, kind: "repeated", message: "occurs more than once" });
      }
    } else found.set(slot.name, [child]);
    if (sequence && slot.index < last) {
      problems?.push({
        path: path + child.name,
        kind: "misplaced",
        message: "comes too late in its sequence",
      });
    }
    last = Math.max(last, slot.index);
  }
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const nodes = found.get(name) ?? [];
    value[name] = readField(field, nodes, path + name, problems);
    if (value[name] === null && field.kind === "scalar") noteTexts(value, name, nodes);
  }
  return value;
}

function noteTexts(record: object, name: string, nodes: readonly XmlNode[]): void {
  for (const node of nodes) {
    const text = node.text.trim();
    const isEmpty = text === "" || text === "None" || node.children.length > 0 || isNil(node);
    if (!isEmpty) noteUnreadable(record, name, text);
  }
}

function readField(field: Field, nodes: XmlNode[], path: string, problems: Problem[] | undefined): unknown {
  const element = field.kind === "list" ? field.element : field;
  const values: unknown[] = [];
  for (const node of nodes) {
    const value = readElement(element, node, path, problems);
    if (value !== null) values.push(value);
  }
  return field.kind === "list" ? values : (values[0] ?? null);
}

function readElement(
  field: ScalarField | GroupField,
  node: XmlNode,
  path: string,
  problems: Problem[] | undefined,
): unknown {
  if (isNil(node)) return null;
  if (field.kind === "group") {
    if (node.children.length === 0 && node.text.trim() === "") return null;
    return readFields(field.fields, node, `${path}/`, problems, field.sequence);
  }
  if (node.children.length > 0) {
    problems?.push({ path, kind: "value", message: "elements where text is expected" });
    return null;
  }
  const text = node.text.trim();
  if (text === "" || text === "None") return null;
  const value = readScalar(field, text);
  if (problems && !conforms(field, text, value)) {
    problems.push({ path, kind: "value", message: `is not a valid ${field.type}` });
  }
  return value;
}

function isNil(node: XmlNode): boolean {
  const nil = node.attributes.nil;
  return nil !== undefined && readBoolean(nil) === true;
}

const WHOLE = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Returns the value of a trimmed text that is not empty; null where it is not of the type. */
export function readScalar(field: ScalarField, text: string): unknown {
  switch (field.type) {
    case "int": {
      // The guide calls some of them Boolean: Success, moreFlag, shedState.
      const truth = /^(true|false)$/i.test(text) ? readBoolean(text) : null;
      const number = truth === null ? readNumber(text) : Number(truth);
      return Number.isSafeInteger(number) ? number : null;
    }
    case "decimal":
    case "double":
      return readNumber(text);
    case "boolean":
      return readBoolean(text);
    default:
      return text;
  }
}

function readNumber(text: string): number | null {
  if (!NUMBER.test(text)) return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

export function readBoolean(text: string): boolean | null {
  const word = text.trim().toLowerCase();
  if (word === "true" || word === "1") return true;
  if (word === "false" || word === "0") return false;
  return null;
}

const DATE = /^\d{4}-\d\d-\d\d/;
const TIME = /^\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

/** Returns whether a value's text is of its type by the schema's own rules, except for the case of booleans. */
function conforms(field: ScalarField, text: string, value: unknown): boolean {
  switch (field.type) {
    case "long":
      return WHOLE.test(text);
    case "dateTime":
      return DATE.test(text) && text[10] === "T" && TIME.test(text.slice(11));
    case "date":
      return DATE.test(text);
    case "time":
      return TIME.test(text);
    default:
      return value !== null;
  }
}

interface Slot {
  readonly name: string;
  readonly field: Field;
  readonly index: number;
}

interface Spellings {
  /** Every spelling of the elements. */
  readonly slots: ReadonlyMap<string, Slot>;
  /** Elements that some callers put around others. */
  readonly around: ReadonlySet<string>;
}

const known = new WeakMap<Fields, Spellings>();

function spellingsOf(fields: Fields): Spellings {
  const before = known.get(fields);
  if (before) return before;
  const slots = new Map<string, Slot>();
  const around = new Set<string>();
  Object.entries(fields).forEach(([name, field], index) => {
    for (const spelling of [name, ...field.also]) slots.set(spelling, { name, field, index });
    if (field.kind === "scalar") for (const wrapper of field.within ?? []) around.add(wrapper);
  });
  const spellings = { slots, around };
  known.set(fields, spellings);
  return spellings;
}
