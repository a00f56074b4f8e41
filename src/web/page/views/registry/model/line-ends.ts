import { usualLineEnd } from "./sheet.ts";

/** The text as the text fields of browsers have it: with LF alone. */
export function fieldText(text: string): string {
  return text.replaceAll(/\r\n|\r/g, "\n");
}

/**
 * Returns what a text field contains with the line ends of the text that it was made from. Lines that were not edited keep
 * theirs; others have the usual one of the text.
 */
export function withLineEnds(original: string, field: string): string {
  if (!original.includes("\r")) return field;
  const before = original.split(/(?<=\r\n|\r(?!\n)|\n)/);
  const after = field.split(/(?<=\n)/);
  const isSame = (old: string | undefined, now: string | undefined): boolean =>
    old !== undefined && now !== undefined && fieldText(old) === now;
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && isSame(before[head], after[head])) head++;
  let tail = 0;
  while (tail < most - head && isSame(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const lineEnd = usualLineEnd(original);
  const edited = after.slice(head, after.length - tail).map((line) => line.replace("\n", lineEnd));
  return [...before.slice(0, head), ...edited, ...before.slice(before.length - tail)].join("");
}
