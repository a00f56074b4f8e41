/** Control characters but tab and line feed, what turns the direction of text, and what is no character at all. */
const UNFIT = /(?![\t\n])[\p{Cc}\p{Noncharacter_Code_Point}\u202a-\u202e\u2066-\u2069]/gu;

/** Text of others as any file can hold it: what could not be shown, or would show something else, is U+FFFD. */
export function cleanText(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, "\n").replace(UNFIT, "\ufffd");
}

/** By code points, as Python sorts; JavaScript's own order puts emoji before some other characters. */
export function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
