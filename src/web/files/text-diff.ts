import { structuredPatch } from "diff";

/** Lines around a change. */
const CONTEXT = 3;
/** Maximum time for a comparison, in milliseconds, and number of changed lines above which texts count as different altogether. */
const LONGEST_MS = 200;
const MOST_CHANGES = 5000;

export interface DiffHunk {
  readonly oldStart: number;
  readonly newStart: number;
  /** Each with ` `, `-` or `+` before it. */
  readonly lines: readonly string[];
}

/** Returns how two texts differ line by line, without their line ends; undefined where they differ too much to be shown. */
export function textDiff(before: string, after: string): DiffHunk[] | undefined {
  const patch = structuredPatch("", "", unixLines(before), unixLines(after), undefined, undefined, {
    context: CONTEXT,
    timeout: LONGEST_MS,
    maxEditLength: MOST_CHANGES,
  });
  return patch?.hunks.map(({ oldStart, newStart, lines }) => ({
    oldStart,
    newStart,
    lines: lines.filter((line) => !line.startsWith("\\")),
  }));
}

function unixLines(text: string): string {
  return text.replaceAll(/\r\n|\r/g, "\n");
}
