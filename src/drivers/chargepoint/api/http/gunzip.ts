import { constants, createGunzip, type Gunzip, gunzipSync, type ZlibReset } from "node:zlib";
import { HttpError } from "../../../../net/http.ts";
import { MarkupGuard } from "../documents/markup-guard.ts";
import type { AnswerShare } from "./answer-budget.ts";

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
 * @throws TooLargeError, HttpError where the signal aborts, or zlib's error where the packed bytes are damaged or cut off
 */
export async function gunzip(packed: Buffer, bounds: GunzipBounds): Promise<Buffer> {
  const { maxBytes, share, signal } = bounds;
  if (packed.byteLength <= SMALL) {
    const whole = gunzipNow(packed, maxBytes);
    share.bytes += whole.byteLength;
    return whole;
  }
  await share.beforeUnpacking(signal);
  const engine = spare.pop() ?? (createGunzip({ chunkSize: CHUNK }) as Engine);
  const whole = await run(engine, packed, bounds);
  engine.reset();
  if (spare.length < MOST_SPARE) spare.push(engine);
  return whole;
}

export interface GunzipBounds {
  /** Most bytes, unpacked. */
  readonly maxBytes: number;
  readonly share: AnswerShare;
  readonly signal: AbortSignal;
}

/** It is more than was allowed, as its message says. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** Its types leave out `reset`, which every unpacking class of node:zlib has. */
type Engine = Gunzip & ZlibReset;

const spare: Engine[] = [];

function gunzipNow(packed: Buffer, maxOutputLength: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw new TooLargeError(`the answer exceeds ${maxOutputLength} bytes`, { cause: error });
  }
}

/** After a failure the engine is of no use any more. */
function run(engine: Engine, packed: Buffer, { maxBytes, share, signal }: GunzipBounds): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const bytes = share.newBody();
    const guard = new MarkupGuard();
    let flushed = false;
    const settle = (): void => {
      engine.off("data", take);
      engine.off("error", fail);
      signal.removeEventListener("abort", abort);
    };
    const fail = (error: Error): void => {
      settle();
      engine.on("error", () => undefined);
      engine.destroy();
      reject(error);
    };
    const abort = (): void => fail(new HttpError("aborted", true, signal.reason));
    const take = (chunk: Buffer): void => {
      if (bytes.size + chunk.byteLength > maxBytes) {
        fail(new TooLargeError(`the answer exceeds ${maxBytes} bytes`));
        return;
      }
      const wrong = guard.pass(chunk);
      if (wrong !== undefined) {
        fail(new TooLargeError(wrong));
        return;
      }
      bytes.add(chunk);
      if (!share.take(chunk.byteLength, () => engine.resume())) engine.pause();
      if (flushed) endIfDrained();
    };
    /** Where the answer waits for room, unpacked bytes may still be in the engine when it has been flushed. */
    const endIfDrained = (): void => {
      if (engine.readableLength > 0) return;
      settle();
      engine.resume();
      resolve(bytes.view());
    };
    signal.addEventListener("abort", abort, { once: true });
    engine.on("data", take);
    engine.on("error", fail);
    engine.write(packed);
    // Says so where the packed bytes end too early.
    engine.flush(constants.Z_FINISH, () => {
      flushed = true;
      endIfDrained();
    });
  });
}
