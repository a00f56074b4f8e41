import type { Problem } from "../../drivers/chargepoint/api/documents/decode.ts";
import { buildResponse } from "../../drivers/chargepoint/api/documents/soap.ts";
import type { Draft, Fields, Operation } from "../../drivers/chargepoint/api/message.ts";
import type { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { RESPONSE_CODES } from "../../drivers/chargepoint/api/response-codes.ts";
import { type Answer, Refusal, type Scene } from "../answers/answer.ts";
import { answers } from "../answers/index.ts";
import { FaultError, tell } from "./envelope.ts";

/** A request's values, and the faults found by a strict reader. */
export interface ReadRequest {
  readonly value: Record<string, unknown>;
  readonly problems: readonly Problem[];
}

/**
 * Returns the document that answers a request, including a refusal of the service, and its response code (`ok` where the
 * operation has none). `calledAs` is the name by which it was called; `enter` returns the input of the answer, or throws a
 * Refusal.
 * @throws FaultError
 */
export function answerTo(
  operation: Operation,
  { value, problems }: ReadRequest,
  calledAs: string,
  enter: () => Scene,
): { readonly document: string; readonly outcome: string } {
  const answer = answers[operation.name as keyof typeof operations] as unknown as Answer;
  try {
    const scene = enter();
    refuseProblems(problems, operation, answer);
    const response = answer.answer(value, scene);
    const whole = operation.coded ? { ...coded("100"), ...response } : response;
    return { document: buildResponse(operation, whole, calledAs), outcome: operation.coded ? "100" : "ok" };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { document: buildResponse(operation, refusal(operation, error), calledAs), outcome: error.code };
  }
}

/** Rejects what a strict service does not accept: with a Fault, or the operation's own code for a value. */
function refuseProblems(problems: readonly Problem[], operation: Operation, answer: Answer): void {
  for (const problem of problems) {
    const { kind, path } = problem;
    const element = path.slice(path.lastIndexOf("/") + 1);
    const code = kind === "value" ? answer.badValues?.[element] : undefined;
    if (code === undefined) {
      throw new FaultError("Client", tell(operation.name, operation.request, problem));
    }
    throw new Refusal(code);
  }
}

function refusal(operation: Operation, { code, text }: Refusal): Draft<Fields> {
  if (!operation.coded) throw new FaultError("Server", text ?? `response code ${code}`);
  return { ...coded(code, text), ...("Success" in operation.response ? { Success: 0 } : {}) };
}

/** The service's text for success, word for word (every sample of the guide). */
const SUCCESS_TEXT = "API input request executed successfully.";

function coded(
  code: string,
  text = code === "100" ? SUCCESS_TEXT : (RESPONSE_CODES[code] ?? ""),
): { responseCode: string; responseText: string } {
  return { responseCode: code, responseText: text };
}
