import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { wsdl } from "../../drivers/chargepoint/api/schema/wsdl.ts";
import type { Log } from "../../log/log.ts";
import { SERVER_NAME, sendText, sendXml } from "../send.ts";
import { deliver } from "../trouble/delivery.ts";
import { sendInstead } from "../trouble/instead.ts";
import { REQUEST_LIMITS } from "./envelope.ts";
import { HttpRefusal, readDocument, tooLarge } from "./request-body.ts";
import type { Reply } from "./service.ts";

/** The path of the service's own address (guide §2.1). */
export const SERVICE_PATH = "/webservices/chargepoint/services/5.1";
/** The path of the service's own WSDL (guide §2.1). */
const WSDL_PATH = "/cp_api_5.1.wsdl";
const CONTROL_PATH = /^\/control(\/|$)/;

/** Time limits for a caller, in milliseconds. */
export interface Patience {
  /** Until the head of a request has been received. */
  readonly head: number;
  /** Until all of it has been received. */
  readonly request: number;
  /** Between two signs of activity during a request; callers who do not read their answer show none. */
  readonly silence: number;
  /** Until the next request. Longer than the pause between the scrapes of most clients. */
  readonly next: number;
}

const PATIENCE: Patience = { head: 15_000, request: 30_000, silence: 60_000, next: 75_000 };
/** Interval of the checks for late callers. */
const CHECKS_PER_PATIENCE = 3;

/** The web service that it serves. */
interface Service {
  reply(document: Uint8Array | string, client: string | null): Reply;
}

/** The answer to requests below `/control`. */
export type ControlFace = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The service over HTTP/1.1. */
export function createHttpServer(
  service: Service,
  control: ControlFace | null,
  log: Log,
  patience = PATIENCE,
): Server {
  const wsdl = new Wsdl(SERVICE_PATH);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader("Server", SERVER_NAME);
    serve(service, control, wsdl, request, response).catch((error: unknown) => {
      if (error instanceof HttpRefusal) return refuse(request, response, error);
      // The caller has disconnected, so only the log remains.
      if (response.destroyed || request.destroyed) return log.debug("a request ended early", { err: error });
      log.error("a request could not be answered; this is a defect of the simulator", { err: error });
      response.destroy();
    });
  };
  const server = createServer(
    { connectionsCheckingInterval: Math.ceil(patience.head / CHECKS_PER_PATIENCE) },
    answer,
  );
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    if (!(Number(request.headers["content-length"]) > REQUEST_LIMITS.maxBytes)) {
      response.writeContinue();
      return answer(request, response);
    }
    refuse(request, response, tooLarge(REQUEST_LIMITS.maxBytes));
  });
  server.headersTimeout = patience.head;
  server.requestTimeout = patience.request;
  server.timeout = patience.silence;
  server.keepAliveTimeout = patience.next;
  return server;
}

async function serve(
  service: Service,
  control: ControlFace | null,
  wsdl: Wsdl,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = "" } = request;
  if (method === "POST" && url === SERVICE_PATH) return soap(service, request, response);
  const [path = "", query = ""] = url.split("?");
  if (control && CONTROL_PATH.test(path)) return control(request, response);
  if (![SERVICE_PATH, WSDL_PATH, "/"].includes(path)) return sendText(response, 404, notFound());
  if (method === "GET" || method === "HEAD") {
    const wanted = path === WSDL_PATH || (path === SERVICE_PATH && /^(single)?wsdl\b/i.test(query));
    return wanted ? sendXml(request, response, 200, wsdl.for(request)) : sendText(response, 200, about());
  }
  if (path !== SERVICE_PATH) return sendText(response, 404, notFound());
  if (method === "POST") return soap(service, request, response);
  response.setHeader("Allow", "GET, HEAD, POST");
  sendText(response, 405, "POST a SOAP request.\n");
}

async function soap(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const document = await readDocument(request, REQUEST_LIMITS.maxBytes);
  const reply = service.reply(document, request.headers["user-agent"] ?? null);
  const { call } = reply;
  if (reply.kind === "soap" && reply.delivery === null) {
    if (call) {
      response.on("finish", () => {
        call.completed = true;
      });
    }
    return sendXml(request, response, reply.status, reply.document);
  }
  // A trouble takes its own time.
  request.socket.setTimeout(0);
  const completed =
    reply.kind === "soap"
      ? await deliver(request, response, reply, reply.delivery!)
      : await sendInstead(request, response, reply.operation, reply.struck);
  if (call) call.completed = completed;
}

/** Ends the connection without waiting for what is still being received. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, message }: HttpRefusal): void {
  response.setHeader("Server", SERVER_NAME);
  if (!request.complete) response.setHeader("Connection", "close");
  sendText(response, status, message);
}

function about(): string {
  return (
    "This is a simulated ChargePoint network of voltbridge: none of its stations exist.\n" +
    `POST SOAP requests of the ChargePoint Web Services API 5.1 to ${SERVICE_PATH},\n` +
    "with the username and password that it was started with.\n" +
    `Its WSDL is at ${WSDL_PATH}.\n`
  );
}

function notFound(): string {
  return `There is nothing here. The service is at ${SERVICE_PATH}, its WSDL at ${WSDL_PATH}.\n`;
}

const MOST_KEPT = 16;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;

/** Serves the WSDL of the service, with the address by which each caller reaches it. */
class Wsdl {
  readonly #path: string;
  readonly #kept = new Map<string, string>();

  /** `path` is that of the service. */
  constructor(path: string) {
    this.#path = path;
  }

  for(request: IncomingMessage): string {
    const { host = "" } = request.headers;
    const { localAddress = "", localPort } = request.socket;
    const own = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
    const reached = HOST.test(host) ? host : `${own}:${localPort}`;
    const kept = this.#kept.get(reached);
    if (kept !== undefined) return kept;
    const made = wsdl({ endpoint: `http://${reached}${this.#path}` });
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(reached, made);
    return made;
  }
}
