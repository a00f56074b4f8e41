/** Texts that are no value of their type, by the record that has null in their place and the element's name. */
const texts = new WeakMap<object, Record<string, string>>();
let anyYet = false;

/** Longest text that is kept. */
const MOST_CHARACTERS = 40;

/** Notes a text that could not be read, so that a device can tell its null from "no value". */
export function noteUnreadable(record: object, element: string, text: string): void {
  anyYet = true;
  const noted = texts.get(record) ?? {};
  noted[element] = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  texts.set(record, noted);
}

/** Whether there was any such text since the process began: most services send none, and then nothing is looked through. */
export function anyUnreadable(): boolean {
  return anyYet;
}

/** A copy of an answer in which such texts stand where the answer has null; undefined where it has none. */
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
