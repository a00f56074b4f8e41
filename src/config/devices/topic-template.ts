/** Placeholder in a topic template: `{name}`. */
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** Characters that are not allowed in a level of a topic, and `%`, which escapes them: `%2F` as in a URL. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is searched for
const UNFIT = /[%/+#\u0000-\u001f\u007f-\u009f]|^[$ ]|^\s|\s$/g;

/** Returns the names of the placeholders of a topic template, in order. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map((match) => match[1]!);
}

/** Returns what every topic of a template begins with; a topic without placeholders is returned whole. */
export function templateBeginning(template: string): string {
  return template.slice(0, template.search(/\{|$/));
}

/** Returns the template with every placeholder replaced by the result of `level` for it. */
export function fillTemplate(template: string, level: (name: string) => string): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) => level(name));
}

/**
 * Escapes text as one level of a topic. `/`, `+`, `#`, `%`, control characters, a leading `$` and spaces at either end
 * become `%` and their code, as in URLs, so that `decodeURIComponent` returns the text and no two texts become the same level.
 * Other characters, of any alphabet, are kept.
 */
export function asLevel(text: string): string {
  return text.replaceAll(UNFIT, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
