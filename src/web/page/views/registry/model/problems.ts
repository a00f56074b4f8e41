import { firstLines, type Sheet } from "./sheet.ts";

/** A problem as the bridge reports it. */
export interface FileProblem {
  readonly code: string;
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly cell: string | null;
  readonly path: string | null;
  readonly message: string;
  readonly found: string | null;
  readonly expected: string | null;
  readonly suggestion: string | null;
  /** Of a registry: index of its column. */
  readonly cellColumn?: number | null;
}

/** A problem and the row that it belongs to. */
export interface PlacedProblem extends FileProblem {
  /** Id of the row; it stays when rows are moved. Undefined: it belongs to the file. */
  readonly rowId: number | undefined;
}

/** Places problems of the text of a sheet. */
export function placeProblems(sheet: Sheet, problems: readonly FileProblem[]): PlacedProblem[] {
  const lines = firstLines(sheet);
  const rowOf = (line: number): number => {
    let low = 0;
    let high = lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lines[middle]! <= line) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  return problems.map((problem) => ({
    ...problem,
    rowId: problem.cell === null ? undefined : sheet.rows[rowOf(problem.line)]?.id,
  }));
}

/** The problems of each row, by its id. */
export function byRow(problems: readonly PlacedProblem[]): ReadonlyMap<number, readonly PlacedProblem[]> {
  return Map.groupBy(
    problems.filter(({ rowId }) => rowId !== undefined),
    ({ rowId }) => rowId!,
  );
}

/** A problem in words, without its place. */
export function problemText({ message, found, expected, suggestion }: FileProblem): string {
  const details = [found && `found ${found}`, expected && `expected ${expected}`].filter(Boolean).join(", ");
  return [message, details && `; ${details}`, suggestion && `; did you mean "${suggestion}"?`]
    .filter(Boolean)
    .join("");
}

const SEVERITIES = ["error", "warning", "note"] as const;

export function worstOf(problems: readonly FileProblem[]): FileProblem["severity"] | undefined {
  return SEVERITIES.find((severity) => problems.some((one) => one.severity === severity));
}

/** `2 errors, 1 warning`; undefined without any. */
export function countText(problems: readonly Pick<FileProblem, "severity">[]): string | undefined {
  const parts = SEVERITIES.flatMap((severity) => {
    const count = problems.filter((one) => one.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
  });
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** The problem after a place, in reading order and around the end. */
export function nextProblem(
  sheet: Sheet,
  problems: readonly PlacedProblem[],
  from: { readonly row: number; readonly column: number },
  way: 1 | -1,
): PlacedProblem | undefined {
  const rows = new Map(sheet.rows.map(({ id }, index) => [id, index]));
  const places = problems
    .flatMap((problem) => {
      const row = problem.rowId === undefined ? undefined : rows.get(problem.rowId);
      return row === undefined ? [] : [{ problem, at: row * 10_000 + (problem.cellColumn ?? 0) }];
    })
    .sort((a, b) => a.at - b.at);
  const here = from.row * 10_000 + from.column;
  return way === 1
    ? (places.find(({ at }) => at > here) ?? places[0])?.problem
    : (places.findLast(({ at }) => at < here) ?? places.at(-1))?.problem;
}
