/** Texts that are not values of their type, by the record that has null in their place and the element's name. */
const texts = new WeakMap<object, Record<string, string>>();
let anyYet = false;

/** Maximum length of a kept text, in characters. */
const MAX_CHARACTERS = 40;

/** Notes a text that could not be read, so that a device can distinguish its null from "no value". */
export function noteUnreadable(record: object, element: string, text: string): void {
  anyYet = true;
  const noted = texts.get(record) ?? {};
  noted[element] = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  texts.set(record, noted);
}

/**
 * Returns whether there was any such text since the process started: most services send none, and then no answer is
 * searched.
 */
export function anyUnreadable(): boolean {
  return anyYet;
}

/** Returns a copy of an answer with these texts in place of null; undefined where it has none. */
export function withUnreadable<T>(answer: T): T | undefined {
  return hasUnreadable(answer) ? (copy(answer) as T) : undefined;
}

function hasUnreadable(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return false;
  return texts.has(part) || Object.values(part).some(hasUnreadable);
}

function copy(part: unknown): unknown {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(copy);
  const entries = Object.entries(part).map(([name, value]) => [name, copy(value)]);
  return { ...Object.fromEntries(entries), ...texts.get(part) };
}
