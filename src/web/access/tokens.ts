import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN_BYTES = 32;
/** Tells people, and scanners of published files, what a text is. */
const PREFIX = "vbt_";

/** Makes a token, and the hash by which the bridge knows it. */
export function makeToken(): { readonly token: string; readonly hash: string } {
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  return { token, hash: digestOf(token).toString("hex") };
}

/** Returns the entry of a token. Compares with all of them, so that the time says nothing about them. */
export function entryOf<Entry extends { readonly hash: string }>(
  token: string,
  entries: readonly Entry[],
): Entry | undefined {
  const digest = digestOf(token);
  return entries.filter(({ hash }) => {
    const known = Buffer.from(hash, "hex");
    return known.length === digest.length && timingSafeEqual(known, digest);
  })[0];
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
