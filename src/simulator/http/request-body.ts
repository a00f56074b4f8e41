import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";

/** The request is not valid HTTP; `status` is the answer. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** Maximum number of bytes read from a caller who sends too much: most would not see the answer while still sending. */
const MOST_HEARD = 16 * 1024 * 1024;

const UNPACKERS: Readonly<Record<string, (body: Buffer, options: object) => Promise<Buffer>>> = {
  gzip: promisify(gunzip) as never,
  "x-gzip": promisify(gunzip) as never,
  deflate: promisify(inflate) as never,
};

/**
 * Returns the document of a request, decompressed; as text where its encoding is not UTF-8, as bytes otherwise.
 * @throws HttpRefusal 413, 415, 400; stream errors where the caller disconnects
 */
export async function readDocument(request: IncomingMessage, maxBytes: number): Promise<Buffer | string> {
  const body = await readBody(request, maxBytes);
  const coding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const document = coding === "identity" ? body : await unpack(body, coding, maxBytes);
  const charset = charsetOf(document, request.headers["content-type"] ?? "");
  if (/^utf-?8$/i.test(charset)) return document;
  try {
    return new TextDecoder(charset, { fatal: true }).decode(document);
  } catch (error) {
    if (error instanceof RangeError) throw new HttpRefusal(415, `The charset ${charset} is not known.\n`);
    throw new HttpRefusal(400, `The request is not in ${charset}, as it says.\n`);
  }
}

export function tooLarge(maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, `A request may have ${maxBytes} bytes.\n`);
}

export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        chunks.length = 0;
        if (size > MOST_HEARD) reject(tooLarge(maxBytes));
      }
    });
    request.on("end", () => {
      if (size > maxBytes) reject(tooLarge(maxBytes));
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    });
    request.on("error", reject);
    request.on("close", () => reject(new Error("the caller left")));
  });
}

async function unpack(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  const unpacker = Object.hasOwn(UNPACKERS, coding) ? UNPACKERS[coding] : undefined;
  if (!unpacker)
    throw new HttpRefusal(415, `The content coding ${coding} is not known; gzip and deflate are.\n`);
  try {
    return await unpacker(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new HttpRefusal(400, `The request is not in ${coding}, as it says.\n`);
  }
}

/** By byte order mark, else by the Content-Type, else by the document's own declaration (RFC 7303 §3). */
function charsetOf(document: Buffer, contentType: string): string {
  if (document[0] === 0xef && document[1] === 0xbb && document[2] === 0xbf) return "utf-8";
  if (document[0] === 0xff && document[1] === 0xfe) return "utf-16le";
  if (document[0] === 0xfe && document[1] === 0xff) return "utf-16be";
  const named = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];
  if (named !== undefined) return named;
  if (document[0] !== 0x3c || document[1] !== 0x3f) return "utf-8";
  const declaration = document.subarray(0, 200).toString("latin1");
  return /^<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)/.exec(declaration)?.[1] ?? "utf-8";
}
