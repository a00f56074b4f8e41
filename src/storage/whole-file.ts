import { open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";

type Pieces = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/**
 * Writes a file atomically, replacing an existing one; only its owner can read it. `content`: the file's pieces, or a function that
 * writes to the given path.
 */
export async function writeWholeFile(
  file: string,
  content: Pieces | ((part: string) => Promise<void>),
): Promise<void> {
  const path = resolve(file);
  const part = `${path}.part`;
  // The file of an interrupted run may be readable by others.
  await rm(part, { force: true });
  try {
    const handle = await open(part, "wx", 0o600);
    try {
      if (typeof content === "function") await content(part);
      else for await (const piece of content) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
