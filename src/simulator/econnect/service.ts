import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { refuseStrangers } from "../control/control.ts";
import { HttpRefusal, readBody } from "../http/request-body.ts";
import { SERVER_NAME, sendJson } from "../send.ts";
import type { SimulatedStation } from "./stations.ts";
import { type EconnectEffect, type EconnectTroubles, parseTrouble } from "./trouble.ts";

/** A request for a page, and its answer. */
export interface EconnectCall {
  readonly method: string;
  readonly page: number;
  readonly size: number;
  /** 0 where the caller disconnected or got no answer. */
  status: number;
}

export interface EconnectServiceInit {
  readonly stations: readonly SimulatedStation[];
  readonly businessPartner: string;
  readonly username: string;
  readonly password: string;
  readonly troubles: EconnectTroubles;
  readonly calls: EconnectCall[];
}

const STATIONS_PATH = /^\/masterdata\/cpos\/([^/]+)\/chargingstations$/;
const JSON_TYPE = "application/json";
const CONTROL_PATH = "/control/trouble";
const MOST_PER_PAGE = 1000;
const MOST_CONTROL_BYTES = 64 * 1024;
/** Maximum number of calls kept. */
const MOST_CALLS = 10_000;

/** The Masterdata API, as far as it is documented: Basic authentication, a business partner, pages. */
export class EconnectService {
  readonly #init: EconnectServiceInit;
  readonly #authorization: Buffer;

  constructor(init: EconnectServiceInit) {
    this.#init = init;
    this.#authorization = Buffer.from(
      `Basic ${Buffer.from(`${init.username}:${init.password}`).toString("base64")}`,
    );
  }

  /** @throws HttpRefusal */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("Server", SERVER_NAME);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://simulator");
    if (pathname === CONTROL_PATH) return this.#control(request, response);
    const [, partner] = STATIONS_PATH.exec(pathname) ?? [];
    if (partner === undefined)
      throw new HttpRefusal(404, "there is /masterdata/cpos/{businessPartner}/chargingstations");
    const page = numberOf(searchParams, "page", 0, Number.MAX_SAFE_INTEGER, 0);
    const size = numberOf(searchParams, "size", 1, MOST_PER_PAGE, 20);
    const call = this.#remember({ method: request.method ?? "", page, size, status: 0 });
    response.on("finish", () => {
      call.status = response.statusCode;
    });
    if (request.method !== "GET") throw new HttpRefusal(405, "the stations can only be read");
    const { effect, over } = this.#init.troubles.strike(page);
    await this.#wait(effect, over, request);
    if (response.destroyed) return;
    if (effect?.kind === "status") return sendStatus(response, effect);
    this.#authorize(request, partner);
    this.#send(response, page, size, effect);
  }

  #remember(call: EconnectCall): EconnectCall {
    const { calls } = this.#init;
    if (calls.length >= MOST_CALLS) calls.shift();
    calls.push(call);
    return call;
  }

  #authorize(request: IncomingMessage, partner: string): void {
    const given = Buffer.from(request.headers.authorization ?? "");
    const known = this.#authorization;
    if (given.length !== known.length || !timingSafeEqual(given, known))
      throw new HttpRefusal(401, "username or password is wrong");
    if (partner !== encodeURIComponent(this.#init.businessPartner))
      throw new HttpRefusal(403, "not your business partner");
  }

  async #wait(
    effect: EconnectEffect | undefined,
    over: AbortSignal,
    request: IncomingMessage,
  ): Promise<void> {
    if (effect?.kind !== "slow" && effect?.kind !== "hang") return;
    const gone = new AbortController();
    const leave = () => gone.abort();
    request.socket.once("close", leave);
    const signal = AbortSignal.any([over, gone.signal]);
    const ms = effect.kind === "slow" ? effect.seconds * 1000 : 2 ** 31 - 1;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    request.socket.off("close", leave);
  }

  #send(response: ServerResponse, page: number, size: number, effect: EconnectEffect | undefined): void {
    const text = JSON.stringify({ content: this.#content(page, size, effect) });
    if (effect?.kind === "html")
      send(response, "text/html", "<html><body>Down for maintenance</body></html>");
    else if (effect?.kind === "bare") send(response, JSON_TYPE, "{}");
    else if (effect?.kind === "truncate") send(response, JSON_TYPE, text.slice(0, text.length / 2));
    else send(response, JSON_TYPE, text);
  }

  #content(page: number, size: number, effect: EconnectEffect | undefined): unknown[] {
    const { stations } = this.#init;
    const at = effect?.kind === "repeat" ? 0 : page;
    const content: unknown[] = stations.slice(at * size, (at + 1) * size);
    if (effect?.kind === "endless" && content.length === 0)
      return stations.slice(0, size).map((station, index) => ({ ...station, id: `CS-${page}-${index}` }));
    if (effect?.kind === "bad-record") content[0] = null;
    return content;
  }

  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await readBody(request, MOST_CONTROL_BYTES)).toString();
    refuseStrangers(request, false);
    const { troubles } = this.#init;
    if (request.method === "POST") {
      try {
        troubles.begin(parseTrouble(JSON.parse(body)));
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
        throw new HttpRefusal(400, error.message);
      }
    } else if (request.method === "DELETE") troubles.end();
    else if (request.method !== "GET") throw new HttpRefusal(405, `${CONTROL_PATH} takes GET, POST, DELETE`);
    sendJson(response, 200, troubles.list());
  }
}

function numberOf(query: URLSearchParams, name: string, min: number, max: number, preset: number): number {
  const text = query.get(name);
  if (text === null) return preset;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new HttpRefusal(400, `${name} must be a whole number from ${min} to ${max}`);
}

function sendStatus(
  response: ServerResponse,
  { status, retryAfterSeconds }: EconnectEffect & { kind: "status" },
): void {
  if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", String(retryAfterSeconds));
  sendJson(response, status, { error: `trouble ${status}` });
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) }).end(body);
}
