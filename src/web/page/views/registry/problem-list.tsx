import { Skeleton } from "../../kit/loading.tsx";
import { explain } from "../../state/api-error.ts";
import { countText, type FileProblem, type PlacedProblem, problemText } from "./model/problems.ts";
import type { Verdict } from "./open-file.ts";

/** Number of problems that are listed: a list of thousands is read by nobody. */
const MOST = 300;

/** What is wrong with the text, beside it; each problem leads to its place. */
export function ProblemList({
  verdict,
  onGo,
  onUse,
  what,
}: {
  verdict: Verdict;
  onGo: (problem: PlacedProblem) => void;
  /** Puts the suggestion of a problem in its cell. */
  onUse?: ((problem: PlacedProblem, suggestion: string) => void) | undefined;
  /** "registry" or "config". */
  what: string;
}) {
  const { problems, pending, error } = verdict;
  return (
    <section class="problems" aria-labelledby="problems">
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
              <ProblemMark severity={problem.severity} />
              {placeText(problem)}
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

export function ProblemMark({ severity }: { severity: FileProblem["severity"] }) {
  const [state, mark] = (
    { error: ["faulted", "▲"], warning: ["limited", "◐"], note: ["in_use", "●"] } as const
  )[severity];
  return (
    <span class={`state ${state}`}>
      <span class="mark" aria-hidden="true">
        {mark}
      </span>
      {severity}{" "}
    </span>
  );
}
