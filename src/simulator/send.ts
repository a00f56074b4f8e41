import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

export const SERVER_NAME = "voltbridge-simulator";
export const XML_TYPE = "text/xml; charset=utf-8";
/** Size in characters below which compressing costs more than sending. */
const WORTH_COMPRESSING = 8 * 1024;
const compress = promisify(gzip);

/** Sends a document, compressed where that is worthwhile and the caller accepts it. */
export async function sendXml(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  document: string,
): Promise<void> {
  const headers: Record<string, string | number> = { "Content-Type": XML_TYPE, Vary: "Accept-Encoding" };
  if (document.length < WORTH_COMPRESSING || !acceptsGzip(request)) {
    headers["Content-Length"] = Buffer.byteLength(document);
    response.writeHead(status, headers).end(document);
    return;
  }
  const body = await compress(document, { level: 1 });
  headers["Content-Encoding"] = "gzip";
  headers["Content-Length"] = body.length;
  response.writeHead(status, headers).end(body);
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers["accept-encoding"];
  return (
    accepted !== undefined && /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test(accepted)
  );
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, "text/plain; charset=utf-8", text);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) }).end(body);
}
