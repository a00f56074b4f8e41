import { useEffect, useRef, useState } from "preact/hooks";
import { answer } from "../../kit/controls/answers.tsx";
import { LoadedView } from "../../kit/text/loading.tsx";
import { Time } from "../../kit/text/time.tsx";
import { useLoaded } from "../../state/requests/loaded.ts";
import { Diff, reversed } from "./diff.tsx";
import { fileOnDisk, previewFile } from "./files-api.ts";
import type { OpenFile } from "./open-file.ts";

/** The file was changed on disk while it was edited: shows both, and lets the reader choose. Nothing is written here. */
export function Conflict({ open, onDone }: { open: OpenFile; onDone: () => void }) {
  const { file } = open;
  const [copied, setCopied] = useState(false);
  const heading = useRef<HTMLParagraphElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const loaded = useLoaded(
    async (signal) => {
      const stored = await fileOnDisk(file, signal);
      const [theirs, mine] = await Promise.all([
        previewFile(file, open.base.peek().text, signal),
        previewFile(file, open.text(), signal),
      ]);
      return { stored, theirs: reversed(theirs.diff), mine: mine.diff };
    },
    [file.kind, file.name],
  );
  const { value } = loaded;
  const download = (): void => {
    const address = URL.createObjectURL(new Blob([open.text()], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `mine-${file.name.split("/").at(-1)}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    setCopied(true);
  };
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(open.text());
      setCopied(true);
    } catch {
      answer("The browser does not let the page write to the clipboard here: download the text.", "failed");
    }
  };
  return (
    <>
      <p ref={heading} tabIndex={-1}>
        <strong>
          {value && !value.stored
            ? `${file.name} was removed from disk while you edited it.`
            : `${file.name} was changed on disk while you edited it.`}
        </strong>{" "}
        Nothing was written, and your text is still here.{" "}
        {value?.stored && (
          <>
            The file is of <Time at={value.stored.modifiedAt} />.
          </>
        )}
      </p>
      <LoadedView of={loaded} what="the file on disk" lines={6}>
        {({ stored, theirs, mine }) => (
          <>
            <h3>What was changed on disk</h3>
            <Diff hunks={theirs} label="What was changed on disk" />
            <h3>Your text, compared with the file on disk</h3>
            <Diff hunks={mine} label="Your text, compared with the file on disk" />
            <ul class="choices">
              <li>
                <span class="row">
                  <button type="button" class="button" onClick={() => void copy()}>
                    Copy my text
                  </button>
                  <button type="button" class="button" onClick={download}>
                    Download my text
                  </button>
                  {copied && <span role="status">Kept.</span>}
                </span>
                <small class="quiet">Keeps what you wrote, whatever you choose below.</small>
              </li>
              {stored && (
                <li>
                  <button
                    type="button"
                    class="button"
                    onClick={() => {
                      open.take(stored);
                      answer(`${file.name} is shown as it is on disk. Undo brings your text back.`, "note");
                      onDone();
                    }}
                  >
                    Take the file on disk
                  </button>
                  <small class="quiet">Your changes are taken out; undo brings them back.</small>
                </li>
              )}
              <li>
                <button
                  type="button"
                  class="button"
                  onClick={() => {
                    if (stored) open.rebase(stored);
                    else open.rebase(removed(open));
                    onDone();
                  }}
                >
                  Go on with my text
                </button>
                <small class="quiet">
                  Nothing is written yet. The next save compares your text with the file as it is now, and
                  shows what it takes out.
                </small>
              </li>
            </ul>
          </>
        )}
      </LoadedView>
      <div class="row end">
        <button type="button" class="button" onClick={onDone}>
          Back to my text
        </button>
      </div>
    </>
  );
}

/** A file that is no longer there is a new one when it is saved. */
function removed(open: OpenFile) {
  const { text, encoding } = open.base.peek();
  return { text, encoding, revision: "", modifiedAt: "", problems: [] };
}
