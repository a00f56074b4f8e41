import { ROLES, type Role } from "../../config/index.ts";

/** Who makes a request, and what they may do. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** How the caller is known; `open`: without users, tokens and a proxy everybody on this machine is a caller. */
  readonly via: "session" | "token" | "proxy" | "open";
}

/** A request as far as access depends on it. */
export interface WebRequest {
  readonly method: string;
  readonly headers: Headers;
  /** IP address of the other end of the connection. */
  readonly peer: string;
  /** Whether the connection is TLS. */
  readonly secure: boolean;
}

/** Why a request is not carried out. */
export interface Refusal {
  readonly status: 401 | 403 | 415 | 421 | 429;
  readonly kind: RefusalKind;
  /** What is wrong, and what to do, for the caller. */
  readonly detail: string;
  /** Headers of the response. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type RefusalKind =
  | "wrong_host"
  | "not_encrypted"
  | "login_needed"
  | "session_ended"
  | "wrong_login"
  | "wrong_token"
  | "wrong_proxy_header"
  | "too_many_logins"
  | "cross_site"
  | "unsupported_media_type"
  | "role_needed";

export function isRefusal(result: object): result is Refusal {
  return "status" in result && "kind" in result;
}

/** Returns whether a role includes another one. */
export function includes(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
