/** A failed request as problem details (RFC 9457): what happened, what to do, and a stable `kind` for programs. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly kind: string;
  /** Further members of the response. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    kind: string,
    detail: string,
    {
      headers = {},
      ...members
    }: Readonly<Record<string, unknown>> & {
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(detail);
    this.status = status;
    this.kind = kind;
    this.members = members;
    this.headers = headers;
  }

  /** Returns the response; `blank` removes secrets from its text. */
  response(blank: (text: string) => string): Response {
    const title = TITLES[this.status] ?? "Error";
    const type = `urn:voltbridge:problem:${this.kind}`;
    const body = { type, title, status: this.status, detail: this.message, ...this.members };
    return new Response(`${blank(JSON.stringify(body))}\n`, {
      status: this.status,
      headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...this.headers },
    });
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Log in first",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  408: "Request timeout",
  409: "Conflict",
  410: "Expired",
  413: "Too large",
  415: "Unsupported media type",
  421: "Misdirected request",
  422: "Invalid value",
  429: "Too many requests",
  500: "Internal fault",
  502: "The charging network failed",
  503: "Not available",
  504: "No answer in time",
};

/** Status of the errors of other parts, by their class. */
const STATUS: Readonly<Record<string, number>> = {
  DeviceNotFoundError: 404,
  DeviceElsewhereError: 409,
  PointNotFoundError: 404,
  LimitGroupNotFoundError: 404,
  QueryError: 400,
  RequesterError: 400,
  InvalidValueError: 422,
  InvalidLimitError: 422,
  PointReadOnlyError: 403,
  ReadOnlyBridgeError: 403,
  CommandExpiredError: 410,
  ScheduleError: 409,
  OverrideError: 409,
  PausedDeviceError: 409,
  LimitInForceError: 409,
  SupersededError: 409,
  DuplicateIdError: 409,
  WriteRefusedError: 409,
  NotPermittedError: 503,
  HistorianError: 503,
  SessionDatabaseError: 503,
  TimeoutError: 504,
};

/** Returns the status of a refused or failed request by the class of its error: that of the charging network for the others. */
export function statusOf(errorName: string): number {
  return STATUS[errorName] ?? 502;
}

/** Returns the problem of an error that a handler threw; undefined for an unexpected one. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return undefined;
  const isKnown = Object.hasOwn(STATUS, error.name) || "retryable" in error;
  return isKnown ? new Problem(statusOf(error.name), kindOf(error.name), error.message) : undefined;
}

/** `PointNotFoundError` → `point_not_found` */
export function kindOf(errorName: string): string {
  return errorName
    .replace(/Error$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, "_")
    .toLowerCase();
}
