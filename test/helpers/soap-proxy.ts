import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/**
 * What the proxy does to a call. The service acts on the call:
 *
 * - `lost`: then the connection is reset before the first byte of the answer
 * - `cut`: then it is reset in the middle of the body
 * - `silent`: then nothing comes until the caller gives up, or the trouble is over
 * - `gateway`: then HTTP 504 comes in place of the answer
 * - `delay`: then the answer comes so much later
 * - `endless`: the shed has no end there, whatever `timeInterval` says; the answer comes as it is
 *
 * The service never sees it:
 *
 * - `dropped`: the connection is reset once the request has come in full
 * - `hang`: nothing comes until the caller gives up, or the trouble is over
 * - `unavailable`, `too many`: HTTP 503, HTTP 429; with Retry-After
 * - `fault`: a SOAP Fault in an HTTP 500
 */
export type CallTrouble =
  | { readonly kind: "lost" | "cut" | "silent" | "gateway" | "endless" | "dropped" | "hang" | "fault" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "unavailable" | "too many"; readonly retryAfterSeconds?: number };

/** A call that changes a limit, as it is on the wire. */
export interface ShedCall {
  readonly operation: "shedLoad" | "clearShedState";
  readonly stationID: string;
  /** Undefined: the whole station. */
  readonly port: string | undefined;
  readonly mode: "allowedLoad" | "percentShed" | undefined;
  readonly value: number | undefined;
  /** `timeInterval`; 0: until cleared. */
  readonly minutes: number;
}

/** A call that changes a limit, and how it fared. Times are milliseconds since 1970. */
export interface Exchange extends ShedCall {
  readonly at: number;
  readonly trouble: CallTrouble["kind"] | undefined;
  /** Whether the service got it. */
  passed: boolean;
  /** Whether the caller got the whole answer, be it the service's or a refusal in its name. */
  answered: boolean;
  /** When it was over for the caller. */
  endedAt?: number;
}

/**
 * An HTTP proxy before the SOAP service that knows of each call whether the service got it, and of each answer whether the
 * caller did. Calls that change a limit reach the service one after the other, in the order of `exchanges`.
 */
export class SoapProxy {
  readonly port: number;
  readonly exchanges: Exchange[] = [];
  /** Calls of any kind. */
  calls = 0;
  /** When connections were reset; what was on its way in one of them was lost. */
  readonly resets: number[] = [];
  /** Asked for every call. */
  troubleOf: (call: ShedCall | undefined) => CallTrouble | undefined = () => undefined;
  readonly #server: Server;
  readonly #target: number;
  #turn: Promise<unknown> = Promise.resolve();
  #over = new AbortController();

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as { port: number }).port;
  }

  static async before(target: number): Promise<SoapProxy> {
    const server = createServer((incoming, response) => void proxy.#serve(incoming, response));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = new SoapProxy(server, target);
    return proxy;
  }

  /** Ends every trouble; what hangs is reset. */
  heal(): void {
    if (!this.#server.listening) this.#server.listen(this.port, "127.0.0.1");
    this.troubleOf = () => undefined;
    this.#over.abort();
    this.#over = new AbortController();
  }

  /** Nobody listens any more until {@link heal}, and connections that are kept end. */
  refuse(): void {
    this.resets.push(Date.now());
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    this.heal();
    if (!this.#server.listening) await once(this.#server, "listening");
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    const pieces: Buffer[] = [];
    try {
      for await (const piece of incoming) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    this.calls++;
    const document = Buffer.concat(pieces).toString();
    const call = readShedCall(document);
    const trouble = this.troubleOf(call);
    const exchange: Exchange | undefined = call && {
      ...call,
      at: Date.now(),
      trouble: trouble?.kind,
      passed: false,
      answered: false,
    };
    if (exchange) this.exchanges.push(exchange);
    response.once("close", () => {
      if (!exchange) return;
      exchange.endedAt = Date.now();
      exchange.answered = response.writableFinished && !["cut", "gateway"].includes(trouble?.kind ?? "");
    });
    if (trouble && (await this.#instead(trouble, incoming, response))) return;
    const sent =
      trouble?.kind === "endless"
        ? document.replace(TIME_INTERVAL, "<timeInterval>0</timeInterval>")
        : document;
    const forward = () => {
      if (exchange) exchange.passed = true;
      return this.#forward(incoming, sent);
    };
    const answer = await (exchange ? this.#inTurn(forward) : forward()).catch(() => undefined);
    if (!answer) response.destroy();
    else await this.#deliver(answer, trouble, incoming, response);
  }

  /** One that changes a limit waits for the one before: the service's log has them in the same order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** What is said in the service's name without asking it; false where it is to be asked. */
  async #instead(
    trouble: CallTrouble,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    switch (trouble.kind) {
      case "dropped":
        incoming.socket.resetAndDestroy();
        return true;
      case "hang":
        await this.#silence(response);
        return true;
      case "unavailable":
      case "too many": {
        const { kind, retryAfterSeconds } = trouble;
        if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", String(retryAfterSeconds));
        response
          .writeHead(kind === "unavailable" ? 503 : 429, { "Content-Type": "text/plain" })
          .end("later\n");
        return true;
      }
      case "fault":
        response.writeHead(500, { "Content-Type": "text/xml; charset=utf-8" }).end(FAULT);
        return true;
      default:
        return false;
    }
  }

  async #deliver(
    { status, headers, body }: ServiceAnswer,
    trouble: CallTrouble | undefined,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (trouble?.kind === "lost") {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (trouble?.kind === "silent") return this.#silence(response);
    if (trouble?.kind === "gateway") {
      response.writeHead(504, { "Content-Type": "text/plain" }).end("gateway timeout\n");
      return;
    }
    if (trouble?.kind === "delay")
      await delay(trouble.ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
    if (response.destroyed) return;
    response.writeHead(status, headers);
    if (trouble?.kind === "cut")
      response.write(body.subarray(0, body.length >> 1), () => incoming.socket.resetAndDestroy());
    else response.end(body);
  }

  /** Until the trouble is over or the caller has gone. */
  async #silence(response: ServerResponse): Promise<void> {
    const { signal } = this.#over;
    await Promise.race([
      once(response, "close"),
      new Promise((over) => signal.addEventListener("abort", over)),
    ]);
    response.destroy();
  }

  async #forward({ method, url, headers }: IncomingMessage, document: string): Promise<ServiceAnswer> {
    const body = Buffer.from(document);
    const forwarded = request({
      ...{ host: "127.0.0.1", port: this.#target, method, path: url },
      headers: { ...headers, "content-length": String(body.length), connection: "close" },
    });
    forwarded.end(body);
    const [answer] = (await once(forwarded, "response")) as [IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of answer) pieces.push(piece as Buffer);
    const { connection: _, "transfer-encoding": __, ...kept } = answer.headers;
    return { status: answer.statusCode ?? 502, headers: kept, body: Buffer.concat(pieces) };
  }
}

interface ServiceAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

const FAULT =
  '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>' +
  "<faultcode>soap:Server</faultcode><faultstring>the service has trouble</faultstring></soap:Fault></soap:Body></soap:Envelope>";
const TIME_INTERVAL = /<timeInterval>\d+<\/timeInterval>/;

/** Undefined for a call that changes no limit. */
function readShedCall(document: string): ShedCall | undefined {
  const [, operation] = /<(?:\w+:)?(shedLoad|clearShedState)[\s>]/.exec(document) ?? [];
  if (operation === undefined) return undefined;
  const text = (element: string) => new RegExp(`<${element}>([^<]*)</`).exec(document)?.[1];
  const [, mode, , value] = /<(allowedLoad|percentShed)Per(Station|Port)>([^<]*)</.exec(document) ?? [];
  return {
    operation: operation as ShedCall["operation"],
    stationID: text("stationID") ?? "",
    port: text("portNumber"),
    mode: mode as ShedCall["mode"],
    value: value === undefined ? undefined : Number(value),
    minutes: Number(text("timeInterval") ?? 0),
  };
}
