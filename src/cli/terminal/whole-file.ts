import { open, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";

/** Writes a file that only its owner can read. It is in place when all of it is, and takes the place of an older one. */
export async function writeWholeFile(
  file: string,
  pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  const path = resolve(file);
  const part = `${path}.part`;
  // What an earlier run left behind may be open to others.
  await rm(part, { force: true });
  try {
    const handle = await open(part, "wx", 0o600);
    try {
      for await (const piece of pieces) await handle.writeFile(piece);
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
