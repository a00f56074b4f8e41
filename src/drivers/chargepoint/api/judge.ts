import { isUtf8 } from "node:buffer";
import type { HttpError } from "../../../net/http.ts";
import { retryAfterSeconds } from "../../../time/backoff.ts";
import { WriteRefusedError } from "../../errors.ts";
import { MAX_TAGS } from "./documents/markup-guard.ts";
import { type Answer, EnvelopeError, type Fault, type ReadAnswer } from "./documents/soap.ts";
import { XML_LIMITS, XmlError, type XmlLimits } from "./documents/xml.ts";
import { regionOf } from "./endpoints.ts";
import { ApiError, CredentialsError, ProtocolError, SoapFaultError, TransportError } from "./errors.ts";
import type { SoapAnswer } from "./http/http.ts";
import type { Operation } from "./message.ts";
import { classify } from "./response-codes.ts";

/** What judging an answer needs of the client. */
export interface Service {
  readonly url: URL;
  readonly username: string;
  readonly maxBodyBytes: number;
  readonly read: ReadAnswer;
  /** Removes the client's secrets from a text of the service. */
  readonly blank: (text: string) => string;
}

/** An accepted response, typed by its operation's description. */
export interface Judged {
  readonly value: Record<string, unknown>;
  readonly outcome: "success" | "empty";
}

const ANSWER_LIMITS: XmlLimits = { ...XML_LIMITS, maxTags: MAX_TAGS };

/** Statuses of temporary failures. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Local parts of faultcodes about the credentials; wsse:FailedCheck is an invalid signature or digest. */
const CREDENTIAL_FAULTS = new Set([
  "FailedAuthentication",
  "InvalidSecurity",
  "InvalidSecurityToken",
  "FailedCheck",
]);

/**
 * Returns the response in an HTTP answer to an operation.
 * @throws ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError
 */
export function judge(service: Service, operation: Operation, http: SoapAnswer): Judged {
  const { status } = http;
  const ok = status === 200;
  // SOAP 1.1 sends a fault with status 500; some services send it with 200 or 400.
  const answer = ok || status === 400 || status === 500 ? read(service, operation, http, ok) : null;
  if (answer?.kind === "fault") throw faultError(service, operation, answer.fault);
  if (status === 401 || status === 403) throw credentialsError(service, operation, `HTTP ${status}`);
  if (!ok || answer === null) throw statusError(service, operation, http);
  return judgeCode(service, operation, answer.value);
}

function judgeCode(service: Service, operation: Operation, value: Record<string, unknown>): Judged {
  if (!operation.coded) return { value, outcome: "success" };
  const { responseCode: code, responseText } = value;
  if (typeof code !== "string") {
    throw new ProtocolError(operation.name, "no code", "the answer carries no responseCode");
  }
  const text = typeof responseText === "string" ? service.blank(responseText) : null;
  const kind = classify(code);
  if (kind === "success") {
    if (value.Success === 0 || value.Results === false)
      throw new ApiError(operation.name, code, "not done", text);
    return { value, outcome: "success" };
  }
  // A write that finds nothing has done nothing, unless that was the goal.
  if (kind === "empty" && (operation.effect === "read" || operation.doneCodes?.includes(code))) {
    return { value, outcome: "empty" };
  }
  throw new ApiError(operation.name, service.blank(code), kind, text);
}

/** Reads the answer's document; returns null where it is unreadable and not required. */
function read(
  service: Service,
  operation: Operation,
  http: SoapAnswer,
  required: boolean,
): Answer<Operation["response"]> | null {
  try {
    const document = inUtf8(http.body, http.headers["content-type"]);
    return service.read(operation, document, { ...ANSWER_LIMITS, maxBytes: service.maxBodyBytes });
  } catch (error) {
    if (!(error instanceof XmlError || error instanceof EnvelopeError)) throw error;
    if (!required) return null;
    const fault = error instanceof XmlError ? error.fault : "not soap";
    throw new ProtocolError(
      operation.name,
      fault,
      `the service's answer is unreadable: ${service.blank(error.message)}`,
    );
  }
}

function faultError({ blank, ...service }: Service, operation: Operation, fault: Fault): Error {
  if (CREDENTIAL_FAULTS.has(fault.code)) return credentialsError(service, operation, fault.code);
  return new SoapFaultError(operation.name, {
    code: blank(fault.code),
    text: blank(fault.text),
    detail: blank(fault.detail),
  });
}

function credentialsError(
  { url, username }: Pick<Service, "url" | "username">,
  operation: Operation,
  code: string,
): CredentialsError {
  return new CredentialsError(operation.name, code, short(username), url.href, regionOf(url.href));
}

/** Shortens a user name so that it can be recognised but not used. */
function short(username: string): string {
  return `${username.slice(0, username.length > 8 ? 4 : 1)}…`;
}

function statusError(
  service: Service,
  operation: Operation,
  { status, headers }: SoapAnswer,
): TransportError {
  const after = retryAfterSeconds(headers);
  const redirect = status >= 300 && status < 400;
  return new TransportError(
    operation.name,
    `${service.url.origin} answered HTTP ${status}` +
      (redirect ? "; redirects are not followed, check the endpoint" : "") +
      (after === undefined ? "" : ` and asks to wait ${after} s`),
    {
      code: `http-${status}`,
      // Statuses that refuse the request, except those of a gateway whose server may have acted: RFC 9110 §15.5, §15.6.
      sent: status >= 500 && status !== 503,
      retryable: PASSING.has(status),
      status,
      ...(after === undefined ? {} : { retryAfterSeconds: after }),
    },
  );
}

/** Reasons with which the client itself ends an exchange. */
export const DEADLINE = Symbol("deadline");
export const CLOSED = Symbol("closed");

/** Node's codes for failed handshakes and certificates, which no retry can fix. */
const TLS_FAILURES =
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO)/;

/** Returns the error of a failed exchange; the caller's own reason where the caller aborted it. */
export function failure(service: Service, operation: Operation, error: HttpError): unknown {
  const { name } = operation;
  const { origin } = service.url;
  const { sent, cause } = error;
  switch (error.kind) {
    case "too large":
      return new ProtocolError(
        name,
        "too large",
        cause instanceof Error ? cause.message : `the answer exceeds ${service.maxBodyBytes} bytes`,
      );
    case "encoding":
      return new ProtocolError(name, "encoding", "the answer's content encoding cannot be unpacked");
    case "aborted":
      if (cause === CLOSED) {
        return new TransportError(name, "the client was closed", { code: "closed", sent, retryable: false });
      }
      if (cause !== DEADLINE) return cause;
      return new TransportError(name, `no answer from ${origin} within the deadline`, {
        code: "timeout",
        timedOut: true,
        sent,
        retryable: true,
      });
    case "late":
      if (!sent)
        return new WriteRefusedError(
          `${name} was not sent: the time in which this member of the estate may write is over`,
        );
      return new TransportError(name, `no answer from ${origin} while this member of the estate may write`, {
        code: "timeout",
        timedOut: true,
        sent,
        retryable: false,
      });
    case "network": {
      const { code = "network", message } = cause as { code?: string; message: string };
      const tls = TLS_FAILURES.test(code);
      return new TransportError(
        name,
        tls
          ? `no trusted connection to ${origin} (${code}): check its certificate and the configured authorities`
          : `the connection to ${origin} failed (${code})`,
        // Errors of the HTTP parser contain bytes of the answer; only code and message are kept.
        { code, sent, retryable: !tls, cause: new Error(message) },
      );
    }
  }
}

const UTF_8 = /^(utf-?8|us-ascii|ascii)$/i;
const CHARSET = /charset\s*=\s*["']?([\w.:-]+)/i;
const DECLARED = /^(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/;
/** Length of the document's start in which a declaration is searched, in bytes. */
const DECLARATION_BYTES = 200;

/**
 * Returns a document in UTF-8, whatever its charset. The charset of the HTTP header takes precedence over the XML
 * declaration's (RFC 7303 §3), unless it is UTF-8 and the bytes are not: many servers add that to any document.
 * @throws XmlError for an unknown charset, or bytes that are not valid in it
 */
function inUtf8(document: Buffer, contentType: string | undefined): Buffer {
  const inHeader = CHARSET.exec(contentType ?? "")?.[1];
  if (inHeader !== undefined && !UTF_8.test(inHeader)) return decoded(document, inHeader);
  const declared = DECLARED.exec(document.toString("latin1", 0, DECLARATION_BYTES))?.[1];
  if (declared === undefined || UTF_8.test(declared)) return document;
  if (inHeader !== undefined && isUtf8(document)) return document;
  return decoded(document, declared);
}

function decoded(document: Buffer, charset: string): Buffer {
  try {
    return Buffer.from(new TextDecoder(charset, { fatal: true }).decode(document));
  } catch (cause) {
    throw new XmlError("encoding", `the document cannot be read in the charset ${charset} that it declares`, {
      cause,
    });
  }
}
