import { chmod, chown, open, rename, rm, stat, writeFile } from "node:fs/promises";
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

/** A file that cannot be replaced without taking it away from its owner. */
export class OwnedByOthersError extends Error {
  override readonly name = "OwnedByOthersError";
}

/**
 * Writes a file as {@link writeWholeFile}, with the permissions and the owner of the file that it replaces. `check` is called last, when
 * everything is written but nothing replaced; if it throws, the file stays as it is.
 * @throws OwnedByOthersError where this process cannot give the new file the same owner
 */
export async function replaceFile(
  file: string,
  content: string | Uint8Array,
  check?: () => void,
): Promise<void> {
  const { mode, uid, gid } = await stat(file);
  await writeWholeFile(file, async (part) => {
    await writeFile(part, content);
    const made = await stat(part);
    if (made.uid !== uid || made.gid !== gid)
      await chown(part, uid, gid).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== "EPERM") throw cause;
        const message = `${file} belongs to user ${uid} and group ${gid}, and this process (user ${made.uid}) cannot give a new file to them; change the owner of the file, or edit it as that user`;
        throw new OwnedByOthersError(message, { cause });
      });
    await chmod(part, mode & 0o777);
    check?.();
  });
}
