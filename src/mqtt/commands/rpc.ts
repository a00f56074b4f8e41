import { randomUUID } from "node:crypto";
import { closest } from "../../config/files/did-you-mean.ts";
import type { Command, CommandResult, Control } from "../../devices/commands.ts";
import type { PointValue, Write } from "../../points/index.ts";
import { type Incoming, type Message, reasonOf } from "../broker/link.ts";
import { parseJson } from "../payloads.ts";
import { decodeJson, isObject, LONGEST_REQUEST, readHeaders } from "./command-payload.ts";
import {
  RefusedError,
  type RequestContext,
  RetainedRefusals,
  retainedError,
  termsOf,
} from "./incoming-request.ts";
import { notedAddress, replyNote } from "./replies.ts";
import { BadParamsError, Params, succeeded, verbs, WriteFailedError } from "./verbs.ts";

/** Id of a JSON-RPC call. */
type Id = string | number | null;

/** Response object (JSON-RPC 2.0 §5). */
interface Response {
  readonly jsonrpc: "2.0";
  readonly id: Id;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

const CODES = {
  parse: -32_700,
  request: -32_600,
  method: -32_601,
  params: -32_602,
  server: -32_000,
} as const;

const MOST_IN_BATCH = 100;
/** Maximum number of calls that run at a time. Further ones are refused with an answer. */
const MOST = 1000;
const STOP_MS = 10_000;
const MEMBERS = ["jsonrpc", "method", "params", "id", "command_id", "requester", "time", "expires_at"];
const EXPECTED = '{"jsonrpc": "2.0", "id": 1, "params": […]}';

/**
 * JSON-RPC 2.0 over MQTT: one topic for each verb, single calls and batches, answered on the request's response topic or
 * on the verb's own. Requester and expiry are keys beside `params`, or user properties as with every command.
 */
export class RpcReceiver {
  readonly #context: RequestContext;
  readonly #control: Control;
  readonly #retained: RetainedRefusals;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #calls = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(context: RequestContext, control: Control) {
    this.#context = context;
    this.#control = control;
    this.#retained = new RetainedRefusals(context.link);
  }

  start(): void {
    const { link, topics, requesters } = this.#context;
    this.#retained.start();
    this.#unsubscribe = link.subscribe({
      filters: requesters.filters([topics.rpc("+")]),
      onMessage: (message) => this.#receive(message),
    });
  }

  /** Takes no more calls, and waits until those under way are answered. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the bridge is stopping"));
    this.#unsubscribe?.();
    this.#retained.stop();
    const late = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([Promise.all(this.#running), late]);
  }

  #receive(message: Incoming): void {
    const { topics, requesters } = this.#context;
    const verb = topics.parseRpc(requesters.read(message.topic).topic);
    if (verb === undefined) return;
    if (message.retained && (message.payload.length === 0 || this.#retained.wasRefused(message))) return;
    const running = this.#respond(verb, message).then((response) => {
      if (response !== undefined) this.#send(verb, message, response);
    });
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  /** Resolves with undefined for notifications only, which are carried out and not answered (JSON-RPC §4.1). */
  async #respond(verb: string, message: Incoming): Promise<Response | Response[] | undefined> {
    let body: PointValue | undefined;
    try {
      body = decodeJson(message.payload, { expected: EXPECTED, longest: LONGEST_REQUEST });
    } catch (error) {
      return failure(null, CODES.parse, error);
    }
    if (!Array.isArray(body)) return this.#one(verb, message, body);
    if (body.length === 0 || body.length > MOST_IN_BATCH)
      return failure(
        null,
        CODES.request,
        new Error(`a batch has 1 to ${MOST_IN_BATCH} calls, not ${body.length}`),
      );
    const responses = await Promise.all(body.map((one) => this.#one(verb, message, one)));
    const answered = responses.filter((response) => response !== undefined);
    return answered.length > 0 ? answered : undefined;
  }

  async #one(
    verb: string,
    message: Incoming,
    request: PointValue | undefined,
  ): Promise<Response | undefined> {
    const faulty = requestFault(verb, request);
    if (faulty !== undefined) return failure(null, CODES.request, new Error(faulty));
    const { id, params } = request as { id?: Id; params?: PointValue };
    let response: Response;
    try {
      const result = await this.#call(verb, message, request as Record<string, PointValue>, params);
      response = { jsonrpc: "2.0", id: id ?? null, result: result ?? null };
    } catch (error) {
      response = failure(id ?? null, codeOf(error), error);
    }
    return id === undefined ? undefined : response;
  }

  async #call(
    verb: string,
    message: Incoming,
    request: Readonly<Record<string, PointValue>>,
    given: PointValue | undefined,
  ): Promise<unknown> {
    if (message.retained) throw retainedError(message.topic);
    if (this.#stopping.signal.aborted) throw new RefusedError("StoppingError", "the bridge is stopping");
    if (this.#calls >= MOST)
      throw new RefusedError("TooManyCommandsError", `${this.#calls} calls run already; send it again later`);
    const known = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (!known) throw new UnknownVerbError(verb);
    const { commands, health } = this.#context;
    const control = this.#control;
    const params = new Params(given, known.params, [...(known.named ?? []), "requester_id"]);
    const { command, requester } = this.#command(verb, message, request, params.raw("requester_id"));
    this.#calls++;
    try {
      const { signal } = this.#stopping;
      const result = await known.call(params, { commands, control, health, command, requester, signal });
      return known.write ? writtenValue(known.write, succeeded(result as CommandResult)) : result;
    } finally {
      this.#calls--;
    }
  }

  #command(
    verb: string,
    message: Incoming,
    { id: callId, command_id, requester, time, expires_at }: Readonly<Record<string, PointValue>>,
    requesterId: PointValue | undefined,
  ): { command: Command; requester: PointValue | undefined } {
    const { arrivedAt, requesters } = this.#context;
    // The id of a call is often a counter from 1 on, so it does not identify a command.
    const own = { id: command_id, requester: requesterId ?? requester, time, expires_at };
    const given = Object.fromEntries(Object.entries(own).filter(([, value]) => (value ?? null) !== null));
    const { id: _, ...properties } = readHeaders(message.userProperties);
    const terms = {
      ...properties,
      ...readHeaders(given as Record<string, PointValue>),
    };
    const anonymous = { id: randomUUID(), requester: "mqtt", via: "rpc", sentAt: arrivedAt() };
    const signed = requesters.read(message.topic).terms;
    const replyTo = callId === undefined ? {} : { replyTo: replyNote({ verb, id: callId }, message) };
    const command: Command = { ...anonymous, ...termsOf(terms, message, arrivedAt()), ...signed, ...replyTo };
    return { command, requester: signed.requester ?? terms.requester };
  }

  #send(verb: string, message: Incoming, response: Response | Response[]): void {
    void this.#context.sender.send(this.#message(verb, message, response));
  }

  /** Returns the answer to a call of an earlier run that wrote one point or device; undefined for any other write. */
  late(write: Write): Message[] | undefined {
    const { verb, id = null, ...note } = write.via === "rpc" ? (parseJson(write.replyTo ?? "") ?? {}) : {};
    if (!(Object.hasOwn(verbs, verb) && verbs[verb]!.write && write.status)) return undefined;
    const { status, readBack, code, text, requested, tookMs = 0, error } = write;
    const result = {
      id: write.id,
      device: write.device.path,
      requested,
      status,
      tookMs,
      readBack,
      code,
      text,
      error,
    };
    const response: Response =
      status === "confirmed"
        ? { jsonrpc: "2.0", id, result: writtenValue(write.action, result) }
        : failure(id, CODES.server, new WriteFailedError(result));
    return [this.#message(verb, notedAddress(note), response)];
  }

  #message(
    verb: string,
    { responseTopic, correlationData }: Pick<Incoming, "responseTopic" | "correlationData">,
    response: Response | Response[],
  ): Message {
    const { topics } = this.#context;
    const direct = responseTopic !== undefined && !topics.isReserved(responseTopic);
    return {
      topic: direct ? responseTopic : topics.rpcResponse(verb),
      payload: JSON.stringify(response),
      qos: 1,
      retain: false,
      ...("error" in response && { yields: true }),
      ...(direct && correlationData && { correlationData }),
    };
  }
}

/** Returns the result of a call that wrote one point or device. */
function writtenValue(action: Write["action"], { readBack, requested }: CommandResult): PointValue {
  return action === "set" ? (readBack ?? requested) : null;
}

class UnknownVerbError extends Error {
  override readonly name = "UnknownVerbError";

  constructor(verb: string) {
    const near = closest(verb, Object.keys(verbs));
    super(`there is no verb ${verb}${near ? `; did you mean "${near}"?` : ""}`);
  }
}

/** Returns why a request is not a call of the verb, if it is not. */
function requestFault(verb: string, request: PointValue | undefined): string | undefined {
  if (!isObject(request)) return `this is no call; expected ${EXPECTED}`;
  const { jsonrpc, method, id } = request;
  if (jsonrpc !== undefined && jsonrpc !== "2.0") return `"jsonrpc" is "2.0", not ${JSON.stringify(jsonrpc)}`;
  if (method !== undefined && method !== verb) return `"method" is left out, or the topic's own: "${verb}"`;
  if (id !== undefined && id !== null && typeof id !== "string" && typeof id !== "number")
    return '"id" is text or a number';
  const unknown = Object.keys(request).find((key) => !MEMBERS.includes(key));
  if (unknown === undefined) return undefined;
  const near = closest(unknown, MEMBERS);
  return `unknown key "${unknown}"${near ? `; did you mean "${near}"?` : ""}; expected ${EXPECTED}`;
}

function codeOf(error: unknown): number {
  if (error instanceof UnknownVerbError) return CODES.method;
  return error instanceof BadParamsError ? CODES.params : CODES.server;
}

/** Returns an error response: `data.type` is the error's class; for a failed write, `data` holds the result too. */
function failure(id: Id, code: number, error: unknown): Response {
  const { name, code: service } = error as { name?: string; code?: unknown };
  const { status, readBack, code: ownCode } = error instanceof WriteFailedError ? error.result : {};
  const serviceCode = ownCode ?? (typeof service === "string" ? service : undefined);
  const data = { type: name ?? "Error", status, readBack, code: serviceCode };
  return { jsonrpc: "2.0", id, error: { code, message: reasonOf(error), data } };
}
