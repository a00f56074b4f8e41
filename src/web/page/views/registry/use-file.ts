import { useEffect } from "preact/hooks";
import { place } from "../../state/browser/router.ts";
import { type Loaded, useLoaded } from "../../state/requests/loaded.ts";
import { checkFile, type FileName, listAttributes, loadFile, type StoredFile } from "./files-api.ts";
import type { Vocabulary } from "./model/completion.ts";
import { OpenFile } from "./open-file.ts";

/** Files with changes that are not saved, also while the reader logs in again. */
const unsaved = new Map<string, OpenFile>();

const keyOf = ({ kind, name }: FileName): string => `${kind}/${name}`;

/** Opens a file: with the changes that were not saved, or as it is on disk. */
export function useFile(file: FileName): Loaded<OpenFile> {
  const loaded = useLoaded(
    async (signal) => {
      const known = unsaved.get(keyOf(file));
      if (known) return known;
      const asText = place.peek().query.get("as") === "text";
      const [stored, words] = await Promise.all([
        loadFile(file, signal),
        file.kind === "registries" ? listAttributes() : undefined,
      ]);
      return new OpenFile(file, stored, asText, words && vocabularyOf(stored, words));
    },
    [file.kind, file.name],
  );
  const open = loaded.value;
  useEffect(() => {
    if (!open) return undefined;
    const stop = open.startChecks();
    return () => {
      stop();
      if (open.isDirty.peek() && !open.isGivenUp) unsaved.set(keyOf(file), open);
      else unsaved.delete(keyOf(file));
    };
  }, [open]);
  return loaded;
}

/** Begins a file that does not exist yet; it is opened by {@link useFile}. */
export async function beginFile(file: FileName, text: string): Promise<void> {
  const isRegistry = file.kind === "registries";
  const [{ problems, grid }, words] = await Promise.all([
    checkFile(file, text, true),
    isRegistry ? listAttributes() : undefined,
  ]);
  const stored: StoredFile = { text, problems, grid, revision: "", encoding: "utf-8", modifiedAt: "" };
  unsaved.set(keyOf(file), new OpenFile(file, stored, false, words && vocabularyOf(stored, words)));
}

/** What the drivers of its devices know; without a device, what any knows. */
function vocabularyOf({ devices = [] }: StoredFile, words: Vocabulary): Vocabulary {
  const drivers = new Set(devices.map(({ driver }) => driver));
  if (drivers.size === 0) return words;
  const attributes = words.attributes.filter(({ driver }) => drivers.has(driver));
  return attributes.length === 0 ? words : { ...words, attributes };
}
