import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, Failed, Skeleton } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import { guardLeaving, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import { CellEditor } from "./cell-editor.tsx";
import { type FileName, listAttributes } from "./files-api.ts";
import type { OpenFile } from "./open-file.ts";
import { ProblemList } from "./problem-list.tsx";
import { SaveDialog } from "./save-dialog.tsx";
import { TextEditor } from "./text-editor.tsx";
import { beginFile, useFile } from "./use-file.ts";

/** A registry or a config that is edited. */
export function FileEditor({ kind, name }: FileName) {
  const loaded = useFile({ kind, name });
  const { value: open, error } = loaded;
  if (open) return <OpenEditor open={open} />;
  return (
    <>
      <PageHeading title={name} hidden />
      {error === undefined ? (
        <Skeleton what={name} lines={14} />
      ) : error instanceof ApiError && error.kind === "no_such_file" ? (
        <NoFile kind={kind} name={name} onBegun={loaded.reload} />
      ) : (
        <Failed error={error} what={name} onRetry={loaded.reload} />
      )}
    </>
  );
}

/** There is no such file: it can be begun. */
function NoFile({ kind, name, onBegun }: FileName & { onBegun: () => void }) {
  const [error, setError] = useState<unknown>();
  const begin = async (): Promise<void> => {
    try {
      const text = kind === "registries" ? `${(await listAttributes()).columns.join(",")}\n` : EMPTY_CONFIG;
      await beginFile({ kind, name }, text);
      onBegun();
    } catch (reason) {
      setError(reason);
    }
  };
  return (
    <>
      {error !== undefined && <Failed error={error} what={name} />}
      <Empty title={`There is no file ${name} yet.`}>
        <p>Nothing is written before you save it.</p>
        <p class="row">
          <button type="button" class="button" onClick={() => void begin()}>
            {kind === "registries" ? "Begin it with the column names" : "Begin it"}
          </button>
          <a href="/registry">Back to the list</a>
        </p>
      </Empty>
    </>
  );
}

const EMPTY_CONFIG = `{
  "driver_type": "chargepoint",
  "driver_config": {},
  "registry_config": "config://chargepoint.csv"
}
`;

function OpenEditor({ open }: { open: OpenFile }) {
  const { file } = open;
  const content = useSignalValue(open.content);
  const checkResult = useSignalValue(open.checkResult);
  const isDirty = useSignalValue(open.isDirty);
  const canUndo = useSignalValue(open.canUndo);
  const canRedo = useSignalValue(open.canRedo);
  const base = useSignalValue(open.base);
  const [saving, setSaving] = useState(false);
  const [leave, setLeave] = useState<() => void>();
  const [textOnly, setTextOnly] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const goTo = useRef<(line: number, column: number) => void>(() => undefined);
  useEffect(
    () =>
      guardLeaving({
        holds: () => open.isDirty.peek() && !open.isGivenUp,
        ask: (go) => setLeave(() => go),
      }),
    [open],
  );
  const save = (): void => setSaving(true);
  const onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    // Fields undo what is typed in them by themselves.
    const isField = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (key === "s") {
      event.preventDefault();
      if (isDirty) save();
    } else if (!isField && (key === "z" || key === "y")) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) open.redo();
      else open.undo();
    }
  };
  // On the document: a button that was pressed and is then disabled loses the focus to the page.
  const newestKey = useRef(onKey);
  newestKey.current = onKey;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => newestKey.current(event);
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  const isRegistry = file.kind === "registries";
  const isText = content.kind === "text";
  const toggle = async (): Promise<void> => {
    setTextOnly(undefined);
    setFailure(undefined);
    if (!isText) {
      open.showText();
      setQuery({ as: "text" });
      return;
    }
    try {
      const why = await open.showCells();
      setTextOnly(why);
      if (why === undefined) setQuery({ as: undefined });
    } catch (error) {
      setFailure(error);
    }
  };
  return (
    <div class="stack file-editor">
      <header class="row apart">
        <div class="file-name">
          <a href="/registry">Registry</a> <span aria-hidden="true">/</span>{" "}
          <PageHeading title={file.name}>
            <Name text={file.name} />
          </PageHeading>{" "}
          <small class="quiet" role="status">
            {base.revision === null ? (
              "new, not saved yet"
            ) : isDirty ? (
              "changed, not saved"
            ) : (
              <>
                changed <Time at={base.modifiedAt} seconds={false} />
              </>
            )}
          </small>
        </div>
        <div class="row">
          <button type="button" class="button" disabled={!canUndo} onClick={() => open.undo()}>
            Undo
          </button>
          <button type="button" class="button" disabled={!canRedo} onClick={() => open.redo()}>
            Redo
          </button>
          {isRegistry && (
            <button type="button" class="button" onClick={() => void toggle()}>
              {isText ? "Show as cells" : "Show as text"}
            </button>
          )}
          <button type="button" class="button primary" disabled={!isDirty} onClick={save}>
            Save…
          </button>
        </div>
      </header>
      {base.encoding !== "utf-8" && (
        <p class="notice">The file on disk is {base.encoding}; a save writes it as UTF-8.</p>
      )}
      {textOnly !== undefined && (
        <p class="notice" role="status">
          {textOnly}
        </p>
      )}
      {failure !== undefined && <Failed error={failure} what="the cells" onRetry={() => void toggle()} />}
      {!isRegistry && <SecretsHint text={content.kind === "text" ? content.text : ""} />}
      {content.kind === "grid" ? (
        <CellEditor open={open} sheet={content.sheet} selection={content.selection} />
      ) : (
        <div class="with-problems">
          <TextEditor
            name={file.name}
            text={content.text}
            problems={checkResult.problems}
            onText={(text) => open.type(text)}
            goTo={goTo}
          />
          <ProblemList
            checkResult={checkResult}
            what={isRegistry ? "registry" : "config"}
            onGo={({ line, column }) => goTo.current(line, column)}
          />
        </div>
      )}
      {saving && <SaveDialog open={open} onClose={() => setSaving(false)} />}
      {leave && (
        <Dialog title="Leave without saving?" onClose={() => setLeave(undefined)}>
          <p>
            Your changes of <bdi>{file.name}</bdi> are not saved. Leaving drops them.
          </p>
          <div class="row end">
            <button type="button" class="button" onClick={() => setLeave(undefined)}>
              Stay
            </button>
            <button
              type="button"
              class="button danger"
              onClick={() => {
                open.isGivenUp = true;
                leave();
              }}
            >
              Leave without saving
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

/** What the dots in a config mean. */
function SecretsHint({ text }: { text: string }) {
  if (!text.includes("••••••••")) return null;
  return (
    <p class="quiet">
      <code>••••••••</code> stands for a secret that the page never sees. Left as it is, the secret on disk is
      kept; to change it, write the new one in its place. After a change of the server that it is sent to, it
      has to be entered again.
    </p>
  );
}
