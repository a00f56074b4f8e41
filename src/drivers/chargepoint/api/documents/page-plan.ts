import type { Field, Fields, ScalarField } from "../message.ts";

/** The elements of a message or group, prepared for one pass over a document: see `page-reader.ts`. */
export interface Plan {
  /** By every spelling of the elements. */
  readonly tags: ReadonlyMap<string, Tag>;
  /** The element that a record is expected to begin with. */
  readonly first: Tag | null;
  /** A value in which every element is null. */
  readonly blank: Readonly<Record<string, unknown>>;
  /** Elements that are lists. */
  readonly lists: readonly string[];
}

/** One spelling of an element. */
export interface Tag {
  /** Such as `<stationID`, so that one comparison finds it. */
  readonly open: string;
  /** Such as `</stationID>`. */
  readonly close: string;
  readonly spelling: string;
  /** Name in the value. */
  readonly name: string;
  readonly list: boolean;
  readonly content: ScalarField | Plan;
  /**
   * The element that followed it the last time. Only a guess: the records of a service are alike, and comparing with one
   * name is much cheaper than a lookup. A wrong guess costs time and changes nothing.
   */
  next: Tag | null;
}

const plans = new WeakMap<Fields, Plan | null>();

/** Returns the plan of a description; null where one pass cannot read it (elements that others may wrap). */
export function planOf(fields: Fields): Plan | null {
  let plan = plans.get(fields);
  if (plan === undefined) {
    plan = compile(fields);
    plans.set(fields, plan);
  }
  return plan;
}

function compile(fields: Fields): Plan | null {
  const tags = new Map<string, Tag>();
  const lists: string[] = [];
  let first: Tag | null = null;
  let last: Tag | null = null;
  for (const [name, field] of Object.entries(fields)) {
    const content = contentOf(field);
    if (content === null) return null;
    const list = field.kind === "list";
    if (list) lists.push(name);
    for (const spelling of [name, ...field.also]) {
      const [open, close] = [`<${spelling}`, `</${spelling}>`];
      const tag: Tag = { open, close, spelling, name, list, content, next: null };
      tags.set(spelling, tag);
      if (spelling !== name) continue;
      first ??= tag;
      if (last) last.next = tag;
      last = tag;
    }
  }
  // Built from entries: V8 makes an object that grew by many computed names a hash table, which is slow to copy.
  const blank = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
  return { tags, first, blank, lists };
}

function contentOf(field: Field): ScalarField | Plan | null {
  const element = field.kind === "list" ? field.element : field;
  if (element.kind === "group") return planOf(element.fields);
  return element.within === undefined ? element : null;
}
