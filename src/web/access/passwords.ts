import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { MAX_HASH_MEMORY, type PasswordHash, parsePasswordHash } from "../../config/password-hash.ts";

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Cost of new hashes: OWASP's choice for scrypt with 32 MB of memory. */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** Maximum length of a password, in characters. */
export const MAX_LENGTH = 1000;

/** Returns the hash of a password, for `web.users`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await keyOf(password, { ...COST, salt, key: Buffer.alloc(KEY_BYTES) });
  const { N, r, p } = COST;
  return ["scrypt", N, r, p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Returns whether a password is the one of a hash; false for text that is no hash. Takes the same time either way. */
export async function isPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parsePasswordHash(hash);
  if (!parsed) return false;
  return timingSafeEqual(await keyOf(password, parsed), parsed.key) && password.length <= MAX_LENGTH;
}

/** Takes as long as {@link isPassword} does with this hash, or with a new one. */
export async function pretendToCheck(password: string, like?: string): Promise<void> {
  const hash = like === undefined ? undefined : parsePasswordHash(like);
  await keyOf(password, hash ?? { ...COST, salt: randomBytes(SALT_BYTES), key: Buffer.alloc(KEY_BYTES) });
}

function keyOf(password: string, { N, r, p, salt, key }: PasswordHash): Promise<Buffer> {
  // The same characters can be typed in more than one way: é, and e with an accent.
  const text = password.slice(0, MAX_LENGTH).normalize("NFC");
  return derive(text, salt, key.length, { N, r, p, maxmem: 2 * MAX_HASH_MEMORY });
}

/** Runs checks of passwords one after the other: each takes a thread that reads and writes of files need too. */
export class PasswordQueue {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `most` checks may wait. */
  constructor(most = 10) {
    this.#most = most;
  }

  /** Returns the result of a check; undefined, at once, if too many are waiting. */
  run(check: () => Promise<boolean>): Promise<boolean> | undefined {
    if (this.#waiting > this.#most) return undefined;
    this.#waiting++;
    const result = this.#last.then(check).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
