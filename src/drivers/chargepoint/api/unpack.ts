import { constants, createGunzip, type Gunzip, gunzipSync, type ZlibReset } from "node:zlib";

/** Answers of a station or a few: to hand them to another thread and back takes longer than to unpack them. */
const SMALL = 4 * 1024;
/** Each piece of an answer is a way to the other thread and back. */
const CHUNK = 256 * 1024;
/** Kept for the next answers. */
const MOST_SPARE = 16;

/**
 * Unpacks gzip. Large answers in another thread, by engines that are used again: a new one for each answer keeps what it
 * unpacked until V8 collects its older objects, which such buffers then make it do all the time.
 *
 * @throws TooLargeError, or zlib's error where the packed bytes are damaged or cut off
 */
export async function unpack(packed: Buffer, mostBytes: number): Promise<Buffer> {
  if (packed.byteLength <= SMALL) return unpackNow(packed, mostBytes);
  const engine = spare.pop() ?? (createGunzip({ chunkSize: CHUNK }) as Engine);
  const whole = await run(engine, packed, mostBytes);
  engine.reset();
  if (spare.length < MOST_SPARE) spare.push(engine);
  return whole;
}

/** It unpacks to more than was allowed. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** Its types leave out `reset`, which every unpacking class of node:zlib has. */
type Engine = Gunzip & ZlibReset;

const spare: Engine[] = [];

function unpackNow(packed: Buffer, maxOutputLength: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw new TooLargeError(`more than ${maxOutputLength} bytes`, { cause: error });
  }
}

/** After a failure the engine is of no use any more. */
function run(engine: Engine, packed: Buffer, mostBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (): void => {
      engine.off("data", take);
      engine.off("error", fail);
    };
    const fail = (error: Error): void => {
      settle();
      engine.on("error", () => undefined);
      engine.destroy();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size > mostBytes) fail(new TooLargeError(`more than ${mostBytes} bytes`));
      else chunks.push(chunk);
    };
    engine.on("data", take);
    engine.on("error", fail);
    engine.write(packed);
    // Says so where the packed bytes end too early.
    engine.flush(constants.Z_FINISH, () => {
      settle();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    });
  });
}
