import { constants, createGunzip, type Gunzip, gunzipSync, type ZlibReset } from "node:zlib";
import { HttpError } from "../../../../net/http.ts";
import { MarkupGuard } from "../documents/markup-guard.ts";
import type { AnswerShare } from "./answer-budget.ts";

/**
 * Size up to which an answer is decompressed in this thread, in bytes: passing a small one to another thread and back takes
 * longer.
 */
const SMALL = 4 * 1024;
/** Size of the decompressed pieces, in bytes. Each of them is a round trip to the other thread. */
const CHUNK = 256 * 1024;
/** Maximum number of engines kept for later answers. */
const MAX_SPARE = 16;

/**
 * Decompresses gzip, large answers in another thread. Engines are reused: a new one for each answer keeps its output until
 * V8 collects its older objects, and such buffers force that collection constantly.
 * @throws TooLargeError, HttpError where the signal aborts, or zlib's error where the compressed bytes are damaged or cut
 * off
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
  if (spare.length < MAX_SPARE) spare.push(engine);
  return whole;
}

export interface GunzipBounds {
  /** Maximum size after decompression, in bytes. */
  readonly maxBytes: number;
  readonly share: AnswerShare;
  readonly signal: AbortSignal;
}

/** The answer is larger than allowed; the message has the limit. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/** The type declarations omit `reset`, which every decompressor of node:zlib has. */
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

/** An engine cannot be reused after a failure. */
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
    /** Where the answer waits for memory, decompressed bytes may still be in the engine when it was flushed. */
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
    // Reports an error where the compressed bytes end too early.
    engine.flush(constants.Z_FINISH, () => {
      flushed = true;
      endIfDrained();
    });
  });
}
