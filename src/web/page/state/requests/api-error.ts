/** Details of a problem, RFC 9457. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  /** Members of this kind of problem. */
  readonly [member: string]: unknown;
}

/** The bridge refused a request, or could not be reached. */
export class ApiError extends Error {
  /** HTTP status; 0 where there was no response. */
  readonly status: number;
  /** Last part of the problem's type, e.g. `not-found`; `unreachable` where there was no response. */
  readonly kind: string;
  readonly problem: Problem;
  /** The request could have changed something, and its outcome is not known. */
  readonly outcomeUnknown: boolean;

  constructor(status: number, problem: Problem, outcomeUnknown = false) {
    super(problem.detail ?? problem.title ?? `the bridge answered with status ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.kind = problem.type?.split(":").at(-1) ?? String(status);
    this.outcomeUnknown = outcomeUnknown;
  }
}

/** What happened, what is safe and what to do, in one sentence each. */
export interface Explanation {
  readonly happened: string;
  readonly safe: string;
  readonly todo: string;
}

/** Explains why `what` ("the stations", "the limit of port 2") failed. */
export function explain(error: unknown, what: string): Explanation {
  if (!(error instanceof ApiError)) {
    return {
      happened: `The page could not show ${what}: ${error instanceof Error ? error.message : String(error)}`,
      safe: "This is a fault of the page. The bridge was not affected.",
      todo: "Reload the page. If it happens again, report it with the text above.",
    };
  }
  return { happened: happened(error, what), safe: safe(error), todo: todo(error) };
}

/** The same in one text, for answers beside the page. */
export function failureText(error: unknown, what: string): string {
  const { happened, safe, todo } = explain(error, what);
  return `${happened} ${safe} ${todo}`;
}

function happened({ status, message, problem }: ApiError, what: string): string {
  if (status === 0) return `The bridge could not be reached for ${what}.`;
  if (status >= 500) return `The bridge failed at ${what}: ${message}`;
  return problem.detail ? `${problem.title ?? "Refused"}: ${problem.detail}` : message;
}

function safe({ status, outcomeUnknown }: ApiError): string {
  if (outcomeUnknown) return "It is not known whether the bridge received the request.";
  if (status === 0) return "Nothing was changed. Limits that are in force stay in force in the stations.";
  return "Nothing was changed.";
}

function todo({ status, outcomeUnknown }: ApiError): string {
  if (outcomeUnknown) return "Look at the log of writes before you send it again.";
  if (status === 0) return "Check that the bridge is running and that this computer reaches it.";
  if (status === 401) return "Log in, then try again.";
  if (status === 403) return "Ask an administrator of the bridge for the role that this needs.";
  if (status === 404) return "Check the address, or look for it in the list.";
  if (status === 409) return "Load it again: somebody changed it in the meantime.";
  if (status === 429) return "Wait a moment, then try again.";
  if (status >= 500) return "Try again. If it stays, the log of the bridge says why.";
  return "Correct what is named above, then try again.";
}
