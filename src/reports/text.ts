/** Control characters except tab and line feed, characters that change the direction of text, and noncharacters. */
const UNFIT = /(?![\t\n])[\p{Cc}\p{Noncharacter_Code_Point}\u202a-\u202e\u2066-\u2069]/gu;

/** Replaces characters that cannot be shown or change how text is shown by U+FFFD, so that any file can contain the text. */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, "\n").replace(UNFIT, "\ufffd");
}

/** Compares by code points, as Python does; JavaScript's order puts emoji before some other characters. */
export function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
