/** Longest name of a sheet in Excel, in UTF-16 units. */
const LONGEST = 31;

/**
 * Names as Excel takes them, each once whatever its case: without `[ ] : * ? / \` and quotes at the ends, 31 characters
 * at most, not empty, not `History`, which Excel keeps for itself.
 */
export class SheetNames {
  readonly #taken = new Set(["history"]);

  /** A name that no other sheet has, as near to the wanted one as can be. */
  take(wanted: string): string {
    const sound =
      wanted
        .replace(/[[\]:*?/\\\p{Cc}]/gu, "_")
        .replace(/^'+|'+$/g, "_")
        .trim() || "sheet";
    for (let count = 1; ; count++) {
      const end = count === 1 ? "" : ` ${count}`;
      const name = cut(sound, LONGEST - end.length) + end;
      if (this.#taken.has(name.toLowerCase())) continue;
      this.#taken.add(name.toLowerCase());
      return name;
    }
  }
}

/** The beginning of a text, no character split in two. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}
