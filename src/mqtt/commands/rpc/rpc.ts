import { randomUUID } from "node:crypto";
import { closest } from "../../../config/files/did-you-mean.ts";
import type { Command, CommandResult, Control, ScheduleAnswer } from "../../../devices/commands.ts";
import type { PointValue, Write } from "../../../points/index.ts";
import { type Incoming, type Message, reasonOf } from "../../broker/link.ts";
import { parseJson } from "../../payloads.ts";
import { answerOf } from "../answers.ts";
import { decodeJson, foldedHeaders, isObject, LONGEST_REQUEST, readHeaders } from "../command-payload.ts";
import {
  RefusedError,
  type RequestContext,
  RetainedRefusals,
  refusedForAge,
  retainedError,
  termsOf,
} from "../incoming-request.ts";
import { notedAddress, type Replies, replyNote } from "../replies.ts";
import { withPreempted } from "../schedule.ts";
import { volttronError } from "../volttron-errors.ts";
import { bridgeVerbs } from "./bridge-verbs.ts";
import { historyVerbs } from "./history-verbs.ts";
import { BadParamsError, Params, splitParams } from "./params.ts";
import { pointVerbs } from "./point-verbs.ts";
import { scheduleVerbs } from "./schedule-verbs.ts";
import { shareOf } from "./share.ts";
import { orderOf, serviceCode, succeeded, usageOf, type Verb, WriteFailedError } from "./verb.ts";

/** THE LIST of verbs: VOLTTRON's, and the bridge's own where VOLTTRON has none. */
const verbs: Readonly<Record<string, Verb>> = {
  ...pointVerbs,
  ...scheduleVerbs,
  ...historyVerbs,
  ...bridgeVerbs,
};

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
const STOP_MS = 2000;
const MEMBERS = ["jsonrpc", "method", "params", "id", "command_id", "requester", "time", "expires_at"];
const EXPECTED = '{"jsonrpc": "2.0", "id": 1, "params": […]}';

/**
 * JSON-RPC 2.0 over MQTT: one topic for each verb, single calls and batches, answered on the request's response topic or
 * on the verb's own. Requester and expiry are keys beside `params`, or user properties as with every command.
 */
export class RpcReceiver {
  readonly #context: RequestContext;
  readonly #control: Control;
  readonly #replies: Replies;
  readonly #retained: RetainedRefusals;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #calls = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(context: RequestContext, control: Control, replies: Replies) {
    this.#context = context;
    this.#control = control;
    this.#replies = replies;
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
    const share = shareOf(verb, message, this.#context, this.#control);
    if (share === "none") return;
    const running = this.#respond(verb, message).then((response) => {
      if (response !== undefined && share !== "carried out only") this.#send(verb, message, response);
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
      response = failure(id ?? null, codeOf(error), error, this.#context.answers);
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
    const { commands, health, answers, bus } = this.#context;
    const control = this.#control;
    const split = splitParams(given);
    const order = orderOf(known, split, this.#context.devices);
    const names = [...known.params, ...(known.actuator ?? []), ...(known.named ?? []), "requester_id"];
    const params = new Params(split, order, names, usageOf(known));
    const named = requesterOf(params, request, message);
    const { terms } = this.#context.requesters.read(message.topic);
    const requester = terms.requester ?? named;
    let command: Command;
    try {
      // The scheduler checks the name of its requester itself.
      const checked = known.schedules || named === "" ? null : named;
      command = this.#command(verb, message, { ...request, requester: checked });
    } catch (error) {
      if (!known.schedules) throw error;
      const info = `MALFORMED_REQUEST: ${(error as Error).name}: ${reasonOf(error)}`;
      return { result: "FAILURE", info, data: {} };
    }
    this.#calls++;
    try {
      const { signal } = this.#stopping;
      const call = () =>
        known.call(params, { commands, control, health, command, requester, answers, signal });
      if (known.schedules && answers === "volttron") return withPreempted(bus, call as () => ScheduleAnswer);
      const result = await call();
      return known.write ? this.#written(known.write, succeeded(result as CommandResult), command) : result;
    } finally {
      this.#calls--;
    }
  }

  /** Returns the result of a write. VOLTTRON's actuator publishes it as well, as if it had been asked for by topic. */
  #written(action: "set" | "revert", result: CommandResult, { requester }: Command): PointValue {
    const { device: path, point } = result;
    const target = point === undefined ? { path } : { path, point };
    if (this.#context.answers === "volttron")
      this.#replies.send(answerOf(action, result), {
        topic: { view: "volttron", target },
        requester,
        message: { responseTopic: undefined, correlationData: undefined },
      });
    return writtenValue(action, result);
  }

  #command(
    verb: string,
    message: Incoming,
    { id: callId, command_id, requester, time, expires_at }: Readonly<Record<string, PointValue>>,
  ): Command {
    const { arrivedAt, requesters } = this.#context;
    // The id of a call is often a counter from 1 on, so it does not identify a command.
    const { id: _, ...properties } = readHeaders(message.userProperties);
    const own = { id: command_id, requester, time, expires_at };
    const given = Object.entries(own).filter(
      (entry): entry is [string, PointValue] => (entry[1] ?? null) !== null,
    );
    const terms = { ...properties, ...readHeaders(Object.fromEntries(given)) };
    const refusal = refusedForAge(terms, this.#context.scope);
    const anonymous = { id: randomUUID(), requester: "mqtt", via: "rpc", sentAt: arrivedAt() };
    const signed = requesters.read(message.topic).terms;
    const replyTo = callId === undefined ? {} : { replyTo: replyNote({ verb, id: callId }, message) };
    const old = refusal && { refusal };
    return { ...anonymous, ...termsOf(terms, message, arrivedAt()), ...old, ...signed, ...replyTo };
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
        : failure(id, CODES.server, new WriteFailedError(result), this.#context.answers);
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

/** Returns the requester as sent: in the parameters, beside them, or as user property; null where none is. */
function requesterOf(
  params: Params,
  { requester }: Readonly<Record<string, PointValue>>,
  message: Incoming,
): PointValue {
  const properties = foldedHeaders(message.userProperties);
  const named = [requester, properties.get("requester"), properties.get("requesterid")];
  return [params.raw("requester_id"), ...named].find((one) => (one ?? null) !== null) ?? null;
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
function failure(
  id: Id,
  code: number,
  error: unknown,
  answers: RequestContext["answers"] = "bridge",
): Response {
  const name = (error as { name?: string }).name ?? "Error";
  const { status, readBack } = error instanceof WriteFailedError ? error.result : {};
  const text = reasonOf(error);
  const data = { type: name, status, readBack, code: serviceCode(error) };
  if (answers === "bridge" || code !== CODES.server)
    return { jsonrpc: "2.0", id, error: { code, message: text, data } };
  // VOLTTRON's own clients make a RemoteError of this (`exception_from_json`).
  const { type, args } = volttronError(name, text, data.code);
  const exception = { exc_type: type, exc_args: args };
  return {
    jsonrpc: "2.0",
    id,
    error: {
      code,
      message: "unhandled exception",
      data: { ...data, detail: text, "exception.py": exception },
    },
  };
}
