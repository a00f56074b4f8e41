import { useEffect, useRef, useState } from "preact/hooks";
import { answer } from "../../kit/controls/answers.tsx";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { Failed, Skeleton } from "../../kit/text/loading.tsx";
import { SeverityMark } from "../../kit/text/state-mark.tsx";
import { ApiError } from "../../state/requests/api-error.ts";
import { Conflict } from "./conflict.tsx";
import { DeviceChanges, Diff, Names } from "./diff.tsx";
import { fileOnDisk, loadFile, type Preview, previewFile, type SavedFile, saveFile } from "./files-api.ts";
import { countText, type FileProblem, problemText } from "./model/problems.ts";
import { isConflict, type OpenFile } from "./open-file.ts";

type Phase =
  | { readonly at: "preview"; readonly preview?: Preview; readonly error?: unknown }
  | { readonly at: "saving"; readonly preview: Preview }
  | { readonly at: "saved"; readonly saved: SavedFile }
  | { readonly at: "conflict" };

/** Shows what a save will change, saves, and says what the bridge made of it. What is on disk is never overwritten unseen. */
export function SaveDialog({ open, onClose }: { open: OpenFile; onClose: () => void }) {
  const { file } = open;
  const [phase, setPhase] = useState<Phase>({ at: "preview" });
  const [failure, setFailure] = useState<unknown>();
  const main = useRef<HTMLButtonElement>(null);
  const text = useRef(open.text());
  const look = async (signal?: AbortSignal): Promise<void> => {
    setPhase({ at: "preview" });
    try {
      const [stored, preview] = await Promise.all([
        fileOnDisk(file, signal),
        previewFile(file, text.current, signal),
      ]);
      const isSame = (stored?.revision ?? null) === open.base.peek().revision;
      setPhase(isSame ? { at: "preview", preview } : { at: "conflict" });
    } catch (error) {
      if (!signal?.aborted) setPhase({ at: "preview", error });
    }
  };
  useEffect(() => {
    const ended = new AbortController();
    void look(ended.signal);
    return () => ended.abort();
  }, []);
  // The button that had the focus is gone.
  useEffect(() => main.current?.focus(), [phase.at, phase.at === "preview" && phase.preview]);

  const save = async (preview: Preview): Promise<void> => {
    setFailure(undefined);
    setPhase({ at: "saving", preview });
    try {
      const saved = await saveFile(file, text.current, open.base.peek().revision);
      if (file.kind === "configs") await showAgain(open, text.current, saved.revision);
      else open.saved(text.current, saved.revision);
      setPhase({ at: "saved", saved });
    } catch (error) {
      if (isConflict(error)) setPhase({ at: "conflict" });
      else {
        setFailure(error);
        setPhase({ at: "preview", preview });
      }
    }
  };

  const title = phase.at === "saved" ? `${file.name} was saved` : `Save ${file.name}`;
  return (
    <Dialog title={<bdi>{title}</bdi>} onClose={onClose} wide>
      {phase.at === "conflict" && <Conflict open={open} onDone={onClose} />}
      {phase.at === "preview" && !phase.preview && phase.error === undefined && (
        <Skeleton what="what would change" lines={6} />
      )}
      {phase.at === "preview" && phase.error !== undefined && (
        <Failed error={phase.error} what="the comparison" onRetry={() => void look()} />
      )}
      {(phase.at === "preview" || phase.at === "saving") && phase.preview && (
        <>
          {failure !== undefined && <Refused error={failure} />}
          <WhatChanges preview={phase.preview} isRegistry={file.kind === "registries"} />
          <div class="row end">
            <button type="button" class="button" onClick={onClose}>
              Cancel
            </button>
            <button
              ref={main}
              type="button"
              class="button primary"
              disabled={phase.at === "saving"}
              onClick={() => void save(phase.preview!)}
            >
              {phase.at === "saving" ? "Saving" : "Save and load"}
            </button>
          </div>
        </>
      )}
      {phase.at === "saved" && (
        <>
          <Report saved={phase.saved} />
          <div class="row end">
            <button ref={main} type="button" class="button primary" onClick={onClose}>
              Close
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

/** After a save a config is shown as the bridge has it, so that entered secrets do not stay on the page. */
async function showAgain(open: OpenFile, text: string, revision: string): Promise<void> {
  try {
    open.replaced(await loadFile(open.file));
  } catch {
    open.saved(text, revision);
    answer("The config was saved. It could not be read again: reload the page before you go on.", "failed");
  }
}

function WhatChanges({ preview, isRegistry }: { preview: Preview; isRegistry: boolean }) {
  const { problems, diff, points, changes } = preview;
  const errors = problems.filter(({ severity }) => severity === "error");
  return (
    <>
      {errors.length > 0 && (
        <div class="notice failed">
          <p>
            <strong>{countText(errors)}.</strong>{" "}
            {isRegistry
              ? "The file can be saved all the same: its devices keep the rows that they run with until every error is mended. Only wrong column names are refused."
              : "A config with errors is not written: correct them first."}
          </p>
          <ProblemLines problems={errors} />
        </div>
      )}
      <Diff hunks={diff} label="Changed lines" />
      {points && (
        <div>
          <Names what={points.added.length === 1 ? "new point:" : "new points:"} names={points.added} />
          <Names
            what={points.removed.length === 1 ? "point is removed:" : "points are removed:"}
            names={points.removed}
          />
          <Names
            what={points.changed.length === 1 ? "changed point:" : "changed points:"}
            names={points.changed}
          />
        </div>
      )}
      {changes.length > 0 ? (
        <div>
          <p>
            {changes.length === 1 ? "One device changes" : `${changes.length} devices change`} when it is
            loaded:
          </p>
          <DeviceChanges changes={changes} />
        </div>
      ) : (
        errors.length === 0 && <p class="quiet">No device changes.</p>
      )}
    </>
  );
}

function Refused({ error }: { error: unknown }) {
  const diagnostics =
    error instanceof ApiError ? (error.problem.diagnostics as readonly FileProblem[] | undefined) : undefined;
  return (
    <>
      <Failed error={error} what="the save" />
      {diagnostics && <ProblemLines problems={diagnostics} />}
      {diagnostics?.some(({ code }) => code === "secret_needed") && (
        <p>
          Enter the password or token again in place of its dots. The bridge does not send a secret to another
          server than the one that it was entered for.
        </p>
      )}
    </>
  );
}

const MOST_PROBLEMS = 20;

function ProblemLines({ problems }: { problems: readonly FileProblem[] }) {
  return (
    <ul class="changes">
      {problems.slice(0, MOST_PROBLEMS).map((problem, index) => (
        <li key={index}>
          <SeverityMark severity={problem.severity} /> {problem.cell ?? `line ${problem.line}`}
          {problem.path && ` ${problem.path}`}: {problemText(problem)}
        </li>
      ))}
      {problems.length > MOST_PROBLEMS && <li>and {problems.length - MOST_PROBLEMS} more</li>}
    </ul>
  );
}

const RESULTS = {
  unchanged: "Nothing that runs had to change.",
  applied: "The bridge loaded it.",
  invalid: "The file was written, and the bridge goes on as before: configs or registries have errors.",
  unconfirmed:
    "The file was written, and the bridge goes on as before: more than half of the devices would be removed. Confirm it with voltbridge reload --confirm, or in System.",
} as const;

function Report({ saved: { changed, backup, reload, reloadError } }: { saved: SavedFile }) {
  if (!changed) return <p>The file has this content already. Nothing was written.</p>;
  return (
    <>
      {backup && (
        <p>
          What it contained before is kept beside it: <code>{backup}</code>
        </p>
      )}
      {reloadError !== null && (
        <div class="notice failed">
          <p>
            <strong>The file was written, but could not be loaded: {reloadError}</strong>
          </p>
          <p>The bridge goes on as before.</p>
        </div>
      )}
      {reload && (
        <>
          <p role="status">
            <strong>{RESULTS[reload.result]}</strong>
          </p>
          <DeviceChanges changes={reload.changes} />
          {reload.settings.length > 0 && <p>Changed settings: {reload.settings.join(", ")}.</p>}
          {reload.afterRestart.length > 0 && (
            <p>
              <strong>After a restart of the bridge:</strong> {reload.afterRestart.join(", ")}.
            </p>
          )}
          <ProblemLines problems={reload.problems.filter(({ severity }) => severity === "error")} />
        </>
      )}
    </>
  );
}
