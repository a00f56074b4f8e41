/** Maximum length of an Excel sheet's name, in UTF-16 units. */
const MAX_NAME_LENGTH = 31;

/**
 * Assigns names that are valid in Excel and unique ignoring case: without `[ ] : * ? / \` and quotes at the ends, at most 31
 * characters, not empty, and not `History`, which Excel reserves.
 */
export class SheetNames {
  readonly #taken = new Set(["history"]);

  /** Returns a unique name that is as close as possible to the wanted one. */
  take(wanted: string): string {
    const sound =
      wanted
        .replace(/[[\]:*?/\\\p{Cc}]/gu, "_")
        .replace(/^'+|'+$/g, "_")
        .trim() || "sheet";
    for (let count = 1; ; count++) {
      const end = count === 1 ? "" : ` ${count}`;
      const name = cut(sound, MAX_NAME_LENGTH - end.length) + end;
      if (this.#taken.has(name.toLowerCase())) continue;
      this.#taken.add(name.toLowerCase());
      return name;
    }
  }
}

/** Truncates text without splitting a character. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}
