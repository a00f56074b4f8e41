import { decodeStrict, type Problem } from "../../drivers/chargepoint/api/decode.ts";
import type { Draft, Fields, Of, Operation } from "../../drivers/chargepoint/api/message.ts";
import { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { RESPONSE_CODES } from "../../drivers/chargepoint/api/response-codes.ts";
import { type Credentials, readCredentials } from "../../drivers/chargepoint/api/security.ts";
import {
  buildFault,
  buildResponse,
  type Envelope,
  EnvelopeError,
  parseEnvelope,
} from "../../drivers/chargepoint/api/soap.ts";
import { XML_LIMITS, XmlError, type XmlLimits, type XmlNode } from "../../drivers/chargepoint/api/xml.ts";
import type { Log } from "../../log.ts";
import { type Answer, Refusal, type Scene } from "../answers/answer.ts";
import { answers } from "../answers/index.ts";
import { wireTime } from "../answers/values.ts";
import type { Call, CallLog } from "../calls.ts";
import type { Trouble } from "../trouble.ts";

/** Bounds of a request; the largest, 500 station IDs, is far smaller. */
export const REQUEST_LIMITS: XmlLimits = { ...XML_LIMITS, maxBytes: 1024 * 1024, maxDepth: 32 };

export type Reply =
  | {
      readonly kind: "soap";
      readonly status: 200 | 500;
      readonly document: string;
      readonly call: Call | null;
    }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAfterSeconds: number | undefined;
      readonly call: Call;
    }
  /** Nothing is to be sent; when `over` is aborted the connection ends. */
  | { readonly kind: "hang"; readonly over: AbortSignal; readonly call: Call };

export interface ServiceOptions {
  readonly scene: Scene;
  readonly trouble: Trouble;
  readonly credentials: Credentials;
  readonly calls: CallLog;
  readonly log: Log;
}

/** What the log of calls will tell of a request, as far as it is known. */
interface Entry {
  readonly operation: string;
  request: unknown;
}

/** A SOAP Fault on its way out. `code` is the local part of the faultcode. */
class FaultError extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** From a request's document to what is to be replied: the whole of the web service but HTTP. */
export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  reply(document: Uint8Array): Reply {
    let envelope: Envelope;
    try {
      envelope = parseEnvelope(document, REQUEST_LIMITS);
    } catch (error) {
      return { kind: "soap", status: 500, document: this.#fault(error), call: null };
    }
    const { world } = this.#options.scene;
    world.catchUp();
    const entry: Entry = { operation: envelope.body?.name ?? "", request: null };
    const log = (outcome: string): Call =>
      this.#options.calls.add({ at: world.now, ...entry, outcome, completed: false });
    try {
      this.#authenticate(envelope);
      return this.#dispatch(envelope.body, entry, log);
    } catch (error) {
      const code = error instanceof FaultError ? error.code : "Server";
      return { kind: "soap", status: 500, document: this.#fault(error), call: log(`fault:${code}`) };
    }
  }

  #authenticate({ header }: Envelope): void {
    const given = readCredentials(header);
    if (given === null) {
      throw new FaultError(
        "InvalidSecurity",
        "the SOAP Header has no UsernameToken with username and password",
      );
    }
    const { username, password } = this.#options.credentials;
    if (given.username !== username || given.password !== password) {
      throw new FaultError("FailedAuthentication", "the licence key or password is not right");
    }
  }

  /** @throws FaultError */
  #dispatch(body: XmlNode | null, entry: Entry, log: (outcome: string) => Call): Reply {
    if (body === null) throw new FaultError("Client", "the SOAP Body is empty");
    if (!Object.hasOwn(operations, body.name)) {
      throw new FaultError("Client", `there is no operation ${body.name}`);
    }
    const name = body.name as keyof typeof operations;
    const operation: Operation = operations[name];
    const answer = answers[name] as unknown as Answer;
    const { value, problems } = decodeStrict(operation.request, body);
    entry.request = value;

    const struck = this.#options.trouble.strike(name, value);
    try {
      switch (struck?.effect.kind) {
        case "hang":
          return { kind: "hang", over: struck.over, call: log("hang") };
        case "status": {
          const { status, retryAfterSeconds } = struck.effect;
          return { kind: "status", status, retryAfterSeconds, call: log(`status:${status}`) };
        }
        case "fault":
          throw new FaultError(struck.effect.code, struck.effect.text);
        case "code":
          throw new Refusal(struck.effect.code, struck.effect.text);
      }
      refuseProblems(problems, answer);
      const response = answer.answer(value, this.#options.scene);
      const document = buildResponse(
        operation,
        operation.coded ? { ...coded("100"), ...response } : response,
      );
      return { kind: "soap", status: 200, document, call: log(operation.coded ? "100" : "ok") };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const document = buildResponse(operation, refusal(operation, error));
      return { kind: "soap", status: 200, document, call: log(error.code) };
    }
  }

  #fault(error: unknown): string {
    if (error instanceof FaultError) return buildFault({ code: error.code, text: error.message });
    if (error instanceof XmlError || error instanceof EnvelopeError) {
      return buildFault({ code: "Client", text: error.message });
    }
    const { log, scene } = this.#options;
    log.error("a request could not be answered; this is a defect of the simulator", {
      err: error,
      at: wireTime(scene.world.now),
    });
    return buildFault({ code: "Server", text: "internal error" });
  }
}

/** What a strict service would not take: a Fault, or the operation's own code for a value. */
function refuseProblems(problems: readonly Problem[], answer: Answer): void {
  for (const { kind, path, message } of problems) {
    const element = path.slice(path.lastIndexOf("/") + 1);
    const code = kind === "value" ? answer.badValues?.[element] : undefined;
    if (code === undefined) throw new FaultError("Client", `${path}: ${message}`);
    throw new Refusal(code);
  }
}

function refusal(operation: Operation, { code, text }: Refusal): Draft<Fields> {
  if (!operation.coded) throw new FaultError("Server", text ?? `response code ${code}`);
  return { ...coded(code, text), ...("Success" in operation.response ? { Success: 0 } : {}) };
}

/** What the service says on success, word for word (every sample of the guide). */
const SUCCESS_TEXT = "API input request executed successfully.";

function coded(
  code: string,
  text = code === "100" ? SUCCESS_TEXT : (RESPONSE_CODES[code] ?? ""),
): { responseCode: string; responseText: string } {
  return { responseCode: code, responseText: text };
}

/** Values of a request, for who reads the log of calls: `requestOf(operation, call)`. */
export function requestOf<Q extends Fields, A extends Fields>(operation: Operation<Q, A>, call: Call): Of<Q> {
  if (call.operation !== operation.name) throw new Error(`the call is of ${call.operation}`);
  return call.request as Of<Q>;
}
