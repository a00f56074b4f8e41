import { ServiceError } from "../../errors.ts";
import type { Fault } from "./documents/soap.ts";
import type { Outcome } from "./response-codes.ts";
import { describe } from "./response-codes.ts";

/** Maximum length of a text of the service in a message. */
const MAX_TEXT = 300;

/** The service refused the call with a response code (guide §3). */
export class ApiError extends ServiceError {
  override readonly name = "ApiError";
  readonly operation: string;
  /** How to handle it; `not done` where a write succeeded by its code but not by its answer. */
  readonly kind: Exclude<Outcome, "success"> | "not done";
  /** The guide's meaning of the code, in our words; null for a code it does not list. */
  readonly guideText: string | null;
  /** The service's own text. */
  readonly serviceText: string | null;

  /** `advice`: what the caller knows of the cause. */
  constructor(
    operation: string,
    wireCode: string,
    kind: ApiError["kind"],
    wireText: string | null,
    advice?: string,
  ) {
    const code = oneLine(wireCode);
    const serviceText = wireText === null ? null : oneLine(wireText);
    const meaning = kind === "not done" ? "but the answer says that it was not done" : describe(code);
    const own = serviceText === null ? "" : ` (service: "${serviceText}")`;
    super(
      `${operation}: code ${code}, ${meaning ?? "which the guide does not list"}${own}${advice === undefined ? "" : `; ${advice}`}`,
      code,
      kind === "transient",
    );
    this.operation = operation;
    this.kind = kind;
    this.guideText = describe(code);
    this.serviceText = serviceText;
  }
}

/** The service does not accept the credentials. `code` is the fault's code or the HTTP status. */
export class CredentialsError extends ServiceError {
  override readonly name = "CredentialsError";
  readonly operation: string;
  /** The shortened user name. */
  readonly account: string;
  readonly endpoint: string;

  constructor(operation: string, code: string, account: string, endpoint: string, region: string | null) {
    super(
      `${operation}: ${endpoint}${region ? ` (region ${region})` : ""} does not accept the credentials of account ` +
        `"${account}" (${code}): check the API licence key and API password (ChargePoint: Organizations > API Info) ` +
        `and that the account belongs to this region`,
      code,
      false,
    );
    this.operation = operation;
    this.account = account;
    this.endpoint = endpoint;
  }
}

/** The service answered with a SOAP Fault that is not about credentials. */
export class SoapFaultError extends ServiceError {
  override readonly name = "SoapFaultError";
  readonly operation: string;
  readonly fault: Fault;

  constructor(operation: string, { code: wireCode, text, detail }: Fault) {
    const fault = { code: oneLine(wireCode), text: oneLine(text), detail: oneLine(detail) };
    const code = fault.code || "without code";
    // SOAP 1.1 §4.4.1: Server faults are not about the message; it may succeed later.
    super(`${operation}: SOAP Fault ${code}: ${fault.text}`, code, fault.code.startsWith("Server"));
    this.operation = operation;
    this.fault = fault;
  }
}

export interface TransportDetails {
  /** Such as `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `timeout`, `closed`, `http-503`. */
  readonly code: string;
  /** No answer arrived within the deadline. */
  readonly timedOut?: boolean;
  /** Whether the request may have reached the service: a write may then have taken effect. */
  readonly sent: boolean;
  readonly retryable: boolean;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** Wait that the service asks for, in seconds. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** There was no answer, or one that only says that the service cannot answer now. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly operation: string;
  readonly code: string;
  readonly timedOut: boolean;
  readonly sent: boolean;
  readonly retryable: boolean;
  readonly status?: number;
  readonly retryAfterSeconds?: number;

  constructor(operation: string, message: string, details: TransportDetails) {
    super(`${operation}: ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.operation = operation;
    this.code = details.code;
    this.timedOut = details.timedOut ?? false;
    this.sent = details.sent;
    this.retryable = details.retryable;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

export type ProtocolFault =
  | "html"
  | "doctype"
  | "encoding"
  | "malformed"
  | "too deep"
  | "too large"
  | "not soap"
  | "no code"
  | "paging";

/** The answer is unusable: an HTML page, broken XML, the answer to something else, or pages without end. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** The service did something, but this answer does not show what. */
  readonly sent = true;
  readonly operation: string;
  readonly fault: ProtocolFault;
  readonly retryable = false;

  constructor(operation: string, fault: ProtocolFault, message: string) {
    super(`${operation}: ${oneLine(message)}`);
    this.operation = operation;
    this.fault = fault;
  }
}

/** Shortens a text of the service to one bounded line for a message. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}
