/** `{name}` in a topic stands for what is known of a device of a set. */
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** What no level of a topic can carry, and the sign that replaces it: `%2F` as in a web address. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNFIT = /[%/+#\u0000-\u001f\u007f-\u009f]|^[$ ]|^\s|\s$/g;

/** Names of the placeholders of a topic template, in their order. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map((match) => match[1]!);
}

/** The template with every placeholder replaced by what `level` gives for it. */
export function fillTemplate(template: string, level: (name: string) => string): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) => level(name));
}

/**
 * Text as one level of a topic. `/`, `+`, `#`, `%`, control characters, a `$` at the beginning and spaces at either end
 * become `%` and their code, as in web addresses, so that `decodeURIComponent` gives the text back and no two texts
 * become one level. Everything else, other alphabets too, stays as it is.
 */
export function asLevel(text: string): string {
  return text.replaceAll(UNFIT, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
