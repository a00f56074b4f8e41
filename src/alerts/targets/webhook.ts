import { createHmac } from "node:crypto";
import { Agent } from "undici";
import { exchange, type HttpAnswer, HttpError } from "../../net/http.ts";
import { retryAfterSeconds } from "../../time/backoff.ts";
import { type Clock, TimeoutError, withDeadline } from "../../time/clock.ts";
import { type Outgoing, type Target, TargetError } from "./target.ts";

/** Maximum duration of a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Maximum size of an answer, which nothing reads, in bytes. */
const LARGEST_ANSWER = 64 * 1024;

export interface WebhookOptions {
  readonly url: string;
  readonly key: Buffer;
  readonly instance: string;
  readonly version: string;
  readonly clock: Clock;
}

/** Posts messages as JSON, signed as Standard Webhooks 1.0 says. */
export class Webhook implements Target {
  readonly gatherMs = 0;
  readonly mostTogether = 1;
  readonly #options: WebhookOptions;
  readonly #url: URL;
  readonly #agent = new Agent({ connections: 1, connectTimeout: REQUEST_TIMEOUT_MS });

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
  }

  async send([outgoing]: readonly Outgoing[], signal: AbortSignal): Promise<undefined> {
    if (!outgoing) return undefined;
    const { clock, key, instance, version } = this.#options;
    const { id, message } = outgoing;
    const seconds = Math.floor(clock.now() / 1000);
    const body = JSON.stringify({
      type: `alert.${message.state}`,
      timestamp: message.at,
      data: { bridge: instance, ...message },
    });
    const headers = {
      "content-type": "application/json",
      "user-agent": `voltbridge/${version}`,
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": signature(key, id, seconds, body),
    };
    const call = { method: "POST", url: this.#url, headers, body, maxBytes: LARGEST_ANSWER } as const;
    const what = `the request to ${this.#url.origin}`;
    const answer = await withDeadline({ clock, ms: REQUEST_TIMEOUT_MS, signal, what }, (ending) =>
      exchange(this.#agent, { ...call, signal: ending }),
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      throw networkFailure(error, this.#url.origin);
    });
    const fault = faultOf(answer, this.#url.origin);
    if (fault) throw fault;
    return undefined;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Returns the value of `webhook-signature`. */
export function signature(key: Buffer, id: string, seconds: number, body: string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`;
}

function networkFailure(error: unknown, origin: string): TargetError {
  if (error instanceof TimeoutError)
    return new TargetError(`${origin} did not answer within ${REQUEST_TIMEOUT_MS / 1000} s`, false, 0, error);
  if (error instanceof HttpError && error.kind === "too large")
    // The receiver has the message.
    return new TargetError(
      `${origin} answered with more than ${LARGEST_ANSWER} bytes; is this the URL of a webhook?`,
      true,
      0,
      error,
    );
  const cause = error instanceof HttpError ? (error.cause as Error | undefined) : (error as Error);
  const { code = "" } = (cause ?? {}) as { code?: string };
  const reason = code === "ECONNREFUSED" ? "connection refused. Is it running?" : (cause?.message ?? code);
  return new TargetError(`cannot reach ${origin}: ${reason}`, false, 0, error);
}

/** Returns why an answer does not mean that the receiver has the message. */
function faultOf({ status, headers }: HttpAnswer, origin: string): TargetError | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    const place = typeof headers.location === "string" ? ` to ${originOf(headers.location, origin)}` : "";
    return new TargetError(
      `${origin} redirects (${status})${place}, which is not followed; write the final address as the target's url`,
      false,
    );
  }
  const isTemporary = status >= 500 || status === 408 || status === 429;
  if (!isTemporary)
    return new TargetError(
      `${origin} refused the message (${status}); check the target's url and secret`,
      true,
    );
  const { "retry-after": retryAfter, date } = headers;
  const pause = retryAfterSeconds({ "retry-after": retryAfter, date });
  return new TargetError(`${origin} answered ${status}`, false, pause);
}

/** Returns the scheme and host of a URL: the rest may hold a secret. */
function originOf(location: string, base: string): string {
  return URL.parse(location, base)?.origin ?? "an invalid address";
}
