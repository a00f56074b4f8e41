import type { Dispatcher } from "undici";
import { exchange, type HttpAnswer, type HttpCall, type HttpError } from "../../../net/http.ts";
import { EconnectError } from "./errors.ts";

/** Abort reason of a call that took too long; distinguishes it from an abort by the caller. */
export const DEADLINE = new Error("no answer within the deadline");

/**
 * Makes one call and returns its whole answer, redirects included.
 * @throws EconnectError; the signal's reason where it is not {@link DEADLINE}
 */
export async function get(dispatcher: Dispatcher, call: HttpCall): Promise<HttpAnswer> {
  try {
    return await exchange(dispatcher, call);
  } catch (error) {
    const { kind, cause } = error as HttpError;
    throw kind === "aborted" && cause !== DEADLINE ? cause : failure(call, kind, cause);
  }
}

function failure({ url, maxBytes }: HttpCall, kind: HttpError["kind"], cause: unknown): EconnectError {
  const place = url.origin;
  if (kind === "too large")
    return new EconnectError(`${place} sent a page of more than ${maxBytes} bytes; the rest was not read`, {
      fault: "answer",
      code: "too large",
    });
  if (kind === "aborted")
    return new EconnectError(`${place} did not answer in time`, { fault: "unreachable", code: "timeout" });
  const { code = "network", message } = cause as { code?: string; message: string };
  return new EconnectError(`${place} cannot be reached (${message || code})`, {
    fault: "unreachable",
    code,
    cause,
  });
}
