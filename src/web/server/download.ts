import type { ServerResponse } from "node:http";
import type { Log } from "../../log/log.ts";

export interface DownloadedFile {
  /** Name that a browser gives the file. Letters, digits, `-` and `.` only. */
  readonly name: string;
  readonly type: string;
}

export interface DownloadParts {
  readonly outgoing: ServerResponse;
  readonly log: Log;
}

/**
 * Returns a file of any length as a response. The first piece is awaited, so that a refusal is still a problem; the others are made as
 * fast as the client takes them, and no longer once it is gone. A failure in between breaks the connection off.
 */
export async function download(
  pieces: AsyncGenerator<string | Uint8Array>,
  { name, type }: DownloadedFile,
  { outgoing, log }: DownloadParts,
): Promise<Response> {
  const first = await pieces.next();
  const encoder = new TextEncoder();
  const bytes = (piece: string | Uint8Array) => (typeof piece === "string" ? encoder.encode(piece) : piece);
  const all = async function* () {
    if (first.done) return;
    yield bytes(first.value);
    try {
      for await (const piece of pieces) yield bytes(piece);
    } catch (error) {
      // The server would end the response as if it were complete.
      outgoing.destroy();
      if (!(error instanceof Error && error.name === "AbortError"))
        log.warn(`the download ${name} broke off`, { err: error });
    }
  };
  return new Response(ReadableStream.from(all()), {
    headers: {
      "content-type": type,
      "content-disposition": `attachment; filename="${name}"`,
      "cache-control": "no-store",
    },
  });
}

/** Media types by format. */
export const MEDIA_TYPES = {
  csv: "text/csv; charset=utf-8",
  json: "application/json",
  jsonl: "application/jsonl",
  parquet: "application/vnd.apache.parquet",
} as const;

/** Returns `<subject>-2026-11-21.csv`. */
export function fileName(subject: string, now: Date, ending: string): string {
  return `${subject}-${now.toISOString().slice(0, 10)}.${ending}`;
}
