/** A password's hash in its parts: `scrypt$N$r$p$salt$key`, salt and key in base64. */
export interface PasswordHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

const FORM = /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([\w+/-]{22,88}={0,2})\$([\w+/-]{43,88}={0,2})$/;
const MIN_N = 2 ** 12;
/** Maximum memory of one check, in bytes: a login must not take what the bridge needs. */
export const MAX_HASH_MEMORY = 128 * 1024 * 1024;
/** Maximum N·r·p of one check; four times that of the hashes that are made, some seconds on a small machine. */
const MAX_WORK = 4 * 2 ** 15 * 8 * 3;

/** Parses a password's hash; undefined if the form is wrong, or the cost too low or too high. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ...parts] = FORM.exec(text) ?? [];
  const [N = 0, r = 0, p = 0] = parts.slice(0, 3).map(Number);
  const isPowerOf2 = Number.isInteger(Math.log2(N));
  if (!isPowerOf2 || N < MIN_N || r < 1 || p < 1) return undefined;
  if (128 * N * r > MAX_HASH_MEMORY || N * r * p > MAX_WORK) return undefined;
  const [salt, key] = parts.slice(3).map((part) => Buffer.from(part, "base64"));
  return { N, r, p, salt: salt!, key: key! };
}
