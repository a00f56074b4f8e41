import type { IncomingMessage, ServerResponse } from "node:http";
import type { Static, TSchema } from "typebox";
import type { Role } from "../../config/index.ts";
import type { Caller } from "../access/caller.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A checked request. `params`: the parts of the path by name, decoded. */
export interface RouteRequest<Query = unknown, Body = unknown> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** The request as it came, e.g. for its headers. */
  readonly raw: Request;
  /** The connection, for a response that goes on. */
  readonly node: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse };
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** A route of the interface: everything that the server checks, and all that the OpenAPI document says. */
export interface Route {
  readonly method: Method;
  /** Below `/api/v1`, e.g. `/devices/{device}`. */
  readonly path: string;
  /** Who may call it; `open`: everybody, also without a login. */
  readonly role: Role | "open";
  /** One sentence. */
  readonly summary: string;
  /** Subject, by which the document groups routes. */
  readonly tag: string;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Maximum size of the body, in bytes. Default: 64 KiB. */
  readonly maxBytes?: number;
  /** JSON response by status, e.g. 200. A status without a body has no schema. */
  readonly responses?: Readonly<Record<number, TSchema | undefined>>;
  /** Media types of a response that is no JSON. */
  readonly content?: readonly string[];
  /** The response has measured values, in which secrets are not looked for. */
  readonly values?: true;
  /** Returns the JSON of status 200, a {@link Reply}, or a whole response. Throws {@link Problem} or another part's error. */
  handle(request: RouteRequest<never, never>): unknown;
}

/** JSON with a status other than 200, or with headers. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

type Definition<Query extends TSchema, Body extends TSchema, Answer extends TSchema> = Omit<
  Route,
  "query" | "body" | "responses" | "handle"
> & {
  readonly query?: Query;
  readonly body?: Body;
  /** JSON of status 200. */
  readonly response?: Answer;
  /** JSON of further statuses. */
  readonly others?: Readonly<Record<number, TSchema | undefined>>;
  handle(
    request: RouteRequest<Static<Query>, Static<Body>>,
  ): Static<Answer> | Reply | Response | Promise<Static<Answer> | Reply | Response>;
};

/** Defines a route; the types of its query, body and response come from their schemas. */
export function route<
  Query extends TSchema = TSchema,
  Body extends TSchema = TSchema,
  Answer extends TSchema = TSchema,
>({ response, others, handle, ...rest }: Definition<Query, Body, Answer>): Route {
  const responses = { ...(response && { 200: response }), ...others };
  return { ...rest, responses, handle: handle as Route["handle"] };
}
