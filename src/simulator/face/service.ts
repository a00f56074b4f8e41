import { decodeStrict, type Problem } from "../../drivers/chargepoint/api/decode.ts";
import type { Draft, Fields, Of, Operation } from "../../drivers/chargepoint/api/message.ts";
import { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { RESPONSE_CODES } from "../../drivers/chargepoint/api/response-codes.ts";
import { type Credentials, readCredentials } from "../../drivers/chargepoint/api/security.ts";
import {
  buildFault,
  buildResponse,
  EnvelopeError,
  parseEnvelope,
} from "../../drivers/chargepoint/api/soap.ts";
import { XML_LIMITS, XmlError, type XmlLimits, type XmlNode } from "../../drivers/chargepoint/api/xml.ts";
import type { Log } from "../../log.ts";
import { type Answer, Refusal, type Scene } from "../answers/answer.ts";
import { answers } from "../answers/index.ts";
import { wireTime } from "../answers/values.ts";
import type { Call, CallLog } from "../calls.ts";

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
  readonly credentials: Credentials;
  readonly calls: CallLog;
  readonly log: Log;
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
    try {
      return this.#dispatch(this.#admit(document));
    } catch (error) {
      return { kind: "soap", status: 500, document: this.#fault(error), call: null };
    }
  }

  /** The operation's element, once the envelope is sound and its sender known. */
  #admit(document: Uint8Array): XmlNode {
    const { header, body } = parseEnvelope(document, REQUEST_LIMITS);
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
    if (body === null) throw new FaultError("Client", "the SOAP Body is empty");
    return body;
  }

  #dispatch(body: XmlNode): Reply {
    const { scene, calls } = this.#options;
    const { world, trouble } = scene;
    world.catchUp();
    const name = body.name;
    if (!Object.hasOwn(operations, name)) throw new FaultError("Client", `there is no operation ${name}`);
    const operation: Operation = operations[name as keyof typeof operations];
    const answer = answers[name as keyof typeof operations] as unknown as Answer;
    const { value, problems } = decodeStrict(operation.request, body);
    const log = (outcome: string): Call =>
      calls.add({ at: world.now, operation: name, request: value, outcome, completed: false });

    const struck = trouble.strike(name, value);
    switch (struck?.effect.kind) {
      case "hang":
        return { kind: "hang", over: struck.over, call: log("hang") };
      case "status": {
        const { status, retryAfterSeconds } = struck.effect;
        return { kind: "status", status, retryAfterSeconds, call: log(`status:${status}`) };
      }
      case "fault": {
        const { code, text } = struck.effect;
        return {
          kind: "soap",
          status: 500,
          document: buildFault({ code, text }),
          call: log(`fault:${code}`),
        };
      }
    }
    try {
      if (struck?.effect.kind === "code") throw new Refusal(struck.effect.code, struck.effect.text);
      refuseProblems(problems, answer);
      const response = answer.answer(value, scene);
      const document = buildResponse(
        operation,
        operation.coded ? { ...coded("100"), ...response } : response,
      );
      return { kind: "soap", status: 200, document, call: log(operation.coded ? "100" : "ok") };
    } catch (error) {
      if (error instanceof Refusal) {
        const document = buildResponse(operation, refusal(operation, error));
        return { kind: "soap", status: 200, document, call: log(error.code) };
      }
      const code = error instanceof FaultError ? error.code : "Server";
      return { kind: "soap", status: 500, document: this.#fault(error), call: log(`fault:${code}`) };
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

function coded(
  code: string,
  text = RESPONSE_CODES[code] ?? "",
): { responseCode: string; responseText: string } {
  return { responseCode: code, responseText: text };
}

/** Values of a request, for who reads the log of calls: `requestOf(operation, call)`. */
export function requestOf<Q extends Fields, A extends Fields>(operation: Operation<Q, A>, call: Call): Of<Q> {
  if (call.operation !== operation.name) throw new Error(`the call is of ${call.operation}`);
  return call.request as Of<Q>;
}
