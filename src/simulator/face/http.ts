import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Log } from "../../log.ts";
import { REQUEST_LIMITS, type Service } from "./service.ts";

/** The part of the address that the service's own address has (guide §2.1). */
export const SERVICE_PATH = "/webservices/chargepoint/services/5.1";

const SERVER_NAME = "voltbridge-simulator";
const WORTH_COMPRESSING = 1024;
/** How long a request may take to arrive. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the pause between the scrapes of most clients. */
const KEEP_ALIVE_MS = 75_000;

const compress = promisify(gzip);

/** The service over HTTP/1.1. */
export function createHttpServer(service: Service, log: Log): Server {
  const server = createServer((request, response) => {
    response.setHeader("Server", SERVER_NAME);
    serve(service, request, response).catch((error: unknown) => {
      // The caller is gone, or the answer could not be written; nobody is left to be told but the log.
      log.debug("a request ended early", { err: error });
      response.destroy();
    });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").split("?")[0];
  if (path !== SERVICE_PATH && path !== "/") return sendText(response, 404, notFound());
  if (request.method === "GET" || request.method === "HEAD") return sendText(response, 200, about());
  if (path === "/") return sendText(response, 404, notFound());
  if (request.method !== "POST") {
    response.setHeader("Allow", "GET, HEAD, POST");
    return sendText(response, 405, "POST a SOAP request.\n");
  }
  const document = await readBody(request);
  if (document === null) {
    return sendText(response, 413, `A request may have ${REQUEST_LIMITS.maxBytes} bytes.\n`);
  }

  const reply = service.reply(document);
  response.on("finish", () => {
    if (reply.call && reply.kind !== "hang") reply.call.completed = true;
  });
  switch (reply.kind) {
    case "hang":
      await endOf(reply.over, response);
      response.destroy();
      return;
    case "status":
      if (reply.retryAfterSeconds !== undefined) {
        response.setHeader("Retry-After", String(reply.retryAfterSeconds));
      }
      return sendText(response, reply.status, "Trouble on request.\n");
    case "soap":
      return sendXml(request, response, reply.status, reply.document);
  }
}

/** The whole body; null where it is larger than a request may be. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Read to its end and dropped where it is too large: who is still sending would not see the answer.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= REQUEST_LIMITS.maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size <= REQUEST_LIMITS.maxBytes ? Buffer.concat(chunks) : null;
}

async function sendXml(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  document: string,
): Promise<void> {
  let body: Buffer = Buffer.from(document);
  response.setHeader("Content-Type", "text/xml; charset=utf-8");
  response.setHeader("Vary", "Accept-Encoding");
  if (body.length >= WORTH_COMPRESSING && acceptsGzip(request)) {
    body = await compress(body, { level: 1 });
    response.setHeader("Content-Encoding", "gzip");
  }
  response.setHeader("Content-Length", body.length);
  response.writeHead(status).end(body);
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = String(request.headers["accept-encoding"] ?? "").split(",");
  return accepted.some((coding) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

/** Waits until a trouble is over or the caller has gone. */
function endOf(over: AbortSignal, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted || response.destroyed) return resolve();
    over.addEventListener("abort", () => resolve(), { once: true });
    response.once("close", () => resolve());
  });
}

function about(): string {
  return (
    "This is a simulated ChargePoint network of voltbridge: none of its stations exist.\n" +
    `POST SOAP requests of the ChargePoint Web Services API 5.1 to ${SERVICE_PATH},\n` +
    "with the username and password that it was started with.\n"
  );
}

function notFound(): string {
  return `There is nothing here. The service is at ${SERVICE_PATH}.\n`;
}
