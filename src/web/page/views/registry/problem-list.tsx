import { Skeleton } from "../../kit/text/loading.tsx";
import { SeverityMark } from "../../kit/text/state-mark.tsx";
import { explain } from "../../state/requests/api-error.ts";
import { countText, type FileProblem, type PlacedProblem, problemText } from "./model/problems.ts";
import type { CheckResult } from "./open-file.ts";

/** Maximum number of problems that are listed. */
const MOST = 300;

/** What is wrong with the text, beside it; each problem leads to its place. */
export function ProblemList({
  checkResult,
  onGo,
  onUse,
  what,
}: {
  checkResult: CheckResult;
  onGo: (problem: PlacedProblem) => void;
  /** Puts the suggestion of a problem in its cell. */
  onUse?: ((problem: PlacedProblem, suggestion: string) => void) | undefined;
  /** "registry" or "config". */
  what: string;
}) {
  const { problems, pending, error } = checkResult;
  return (
    <section class="problem-list" aria-labelledby="problems">
      <h2 id="problems">
        Problems <small class="quiet">{pending ? "checking…" : (countText(problems) ?? "none")}</small>
      </h2>
      {error !== undefined && (
        <p class="state faulted">
          Not checked: {explain(error, "the check").happened} The problems are those of an earlier text.
        </p>
      )}
      {problems.length === 0 && !pending && error === undefined && (
        <p class="quiet">The bridge can use this {what} as it is.</p>
      )}
      {problems.length === 0 && pending && <Skeleton what="the problems" lines={2} />}
      <ol>
        {problems.slice(0, MOST).map((problem, index) => (
          <li key={index} class={problem.severity}>
            <button type="button" class="link" onClick={() => onGo(problem)}>
              <SeverityMark severity={problem.severity} /> {placeText(problem)}
            </button>
            <p>{problemText(problem)}</p>
            {onUse && problem.suggestion !== null && problem.rowId !== undefined && (
              <button type="button" class="button small" onClick={() => onUse(problem, problem.suggestion!)}>
                Use <bdi>{problem.suggestion}</bdi>
              </button>
            )}
          </li>
        ))}
      </ol>
      {problems.length > MOST && (
        <p class="quiet">and {problems.length - MOST} more; they are marked in their cells.</p>
      )}
    </section>
  );
}

function placeText({ cell, line, column, path }: FileProblem): string {
  return [cell ?? `line ${line}, column ${column}`, path ?? ""].filter(Boolean).join(" · ");
}
