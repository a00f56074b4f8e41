import type { IncomingMessage, ServerResponse } from "node:http";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { secureHeaders } from "hono/secure-headers";
import type { Access } from "../access/access.ts";
import { type Caller, isRefusal, type Refusal, type WebRequest } from "../access/caller.ts";
import { bodyCheck, queryReader } from "./check-request.ts";
import { API } from "./openapi.ts";
import type { PageFiles } from "./page-files.ts";
import { Problem, problemOf } from "./problem.ts";
import { Reply, type Route, type RouteRequest } from "./route.ts";

export interface AppOptions {
  readonly routes: readonly Route[];
  readonly access: Access;
  readonly page: PageFiles;
  /** Answers `/healthz`, `/readyz` and `/metrics`. */
  readonly probes: readonly Probe[];
  /** Removes secrets from a text. */
  readonly blank: (text: string) => string;
  readonly onFault: (error: unknown, request: string) => void;
}

/** A path beside the interface, for programs that supervise the bridge. */
export interface Probe {
  readonly path: string;
  /** Whether anybody may read it. Otherwise it needs a login or a token. */
  readonly open: boolean;
  handle(): Promise<Response> | Response;
}

/** What node's server knows of a request. */
export interface Bindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

type Env = { Bindings: Bindings };

const MAX_BODY_BYTES = 64 * 1024;

/** Returns the whole HTTP application: interface, probes, page. Every refusal and failure is a {@link Problem}. */
export function createApp({ routes, access, page, probes, blank, onFault }: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  const answer = (error: unknown, request: Request): Response => {
    const known = problemOf(error);
    if (!known) onFault(error, `${request.method} ${new URL(request.url).pathname}`);
    const text = "an internal fault; the log of the bridge has the reason. Please report it";
    return (known ?? new Problem(500, "internal_fault", text)).response(blank);
  };

  app.use(secureHeaders(HEADERS));
  app.use(compress({ encoding: "gzip" }));
  app.use(async (c, next) => {
    const host = access.checkHost(webRequest(c.req.raw, c.env));
    if (host) throw refused(host);
    await next();
  });

  for (const { path, open, handle } of probes)
    app.get(path, async (c) => {
      const request = webRequest(c.req.raw, c.env);
      if (!open) {
        const caller = access.identify(request);
        if (isRefusal(caller)) throw refused(caller);
      }
      return await handle();
    });

  for (const route of routes) {
    const run = runner(route, blank);
    app.on(route.method, honoPath(route.path), async (c) => {
      const request = webRequest(c.req.raw, c.env);
      const caller = callerOf(access, route, request);
      if (isRefusal(caller)) throw refused(caller);
      return await run(c.req.raw, c.req.param(), caller, c.env);
    });
  }
  const methods = Map.groupBy(routes, ({ path }) => path);
  for (const [path, known] of methods) {
    const allow = [...new Set(known.map(({ method }) => method))].join(", ");
    app.all(honoPath(path), (c) => {
      const detail = `${c.req.method} is not possible here; possible: ${allow}`;
      throw new Problem(405, "method_not_allowed", detail, { headers: { allow } });
    });
  }
  app.all("/api/*", (c) => {
    throw new Problem(
      404,
      "no_such_route",
      `there is no ${c.req.path}; ${API}/openapi.json lists all routes`,
    );
  });
  app.get("*", async (c) => {
    const found = await page.response(c.req.path, c.req.header("accept-encoding") ?? "");
    if (!found) throw new Problem(404, "no_such_file", `there is no ${c.req.path}`);
    return found;
  });
  app.all("*", (c) => {
    throw new Problem(405, "method_not_allowed", `${c.req.method} is not possible here`, {
      headers: { allow: "GET, HEAD" },
    });
  });
  app.onError((error, c) => answer(error, c.req.raw));
  return app;
}

const SELF = ["'self'"];

/** Nothing is loaded from elsewhere, nothing inline is run, and no other page may frame this one. */
const HEADERS: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: SELF,
    baseUri: ["'none'"],
    formAction: SELF,
    frameAncestors: ["'none'"],
    objectSrc: ["'none'"],
    imgSrc: ["'self'", "data:"],
  },
  crossOriginResourcePolicy: "same-origin",
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  // Only meaningful over https, where the operator's proxy decides on it.
  strictTransportSecurity: false,
};

/** Returns the problem of a refusal. */
export function refused({ status, kind, detail, headers = {} }: Refusal): Problem {
  return new Problem(status, kind, detail, { headers });
}

function honoPath(path: string): string {
  return `${API}${path.replace(/\{(\w+)\}/g, ":$1")}`;
}

export function webRequest(request: Request, { incoming }: Bindings): WebRequest {
  const { remoteAddress = "" } = incoming.socket;
  const secure = "encrypted" in incoming.socket;
  return { method: request.method, headers: request.headers, peer: remoteAddress, secure };
}

/** Returns who sent a request that may do what the route does; else why not. Open routes know their caller too, if there is one. */
function callerOf(access: Access, { role }: Route, request: WebRequest): Caller | Refusal {
  const caller = access.identify(request);
  if (role === "open") return isRefusal(caller) ? NOBODY : caller;
  if (isRefusal(caller)) return caller;
  return access.check(request, caller, role) ?? caller;
}

/** The caller of an open route who has not logged in. */
const NOBODY: Caller = { name: "", role: "view", via: "open" };

/** Returns the function that checks a request, calls the handler, and makes its response. */
function runner(route: Route, blank: (text: string) => string) {
  const readQuery = queryReader(route.query);
  const checkBody = route.body && bodyCheck(route.body);
  return async (
    raw: Request,
    params: Record<string, string>,
    caller: Caller,
    node: Bindings,
  ): Promise<Response> => {
    const query = readQuery(new URL(raw.url).searchParams);
    let body: unknown;
    if (checkBody) {
      body = await readJson(raw, node.incoming, route.maxBytes ?? MAX_BODY_BYTES);
      checkBody(body);
    }
    const request: RouteRequest = { params, query, body, caller, raw, node, signal: raw.signal };
    const result = await route.handle(request as RouteRequest<never, never>);
    if (result instanceof Response) return result;
    const reply = result instanceof Reply ? result : new Reply(200, result);
    if (reply.body === undefined) return new Response(null, { status: reply.status, headers: reply.headers });
    const text = JSON.stringify(reply.body);
    return new Response(`${route.values ? text : blank(text)}\n`, {
      status: reply.status,
      headers: { "content-type": "application/json", "cache-control": "no-store", ...reply.headers },
    });
  };
}

/**
 * Reads a JSON body of at most `maxBytes`. From node's own message: the body of a web `Request` costs a set point a fifth of its way
 * through the bridge.
 */
async function readJson({ headers }: Request, incoming: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new Problem(415, "unsupported_media_type", "send the body as application/json");
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // The response still has to be sent over the connection of a message that is left early.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new Problem(413, "too_large", `the body is larger than ${maxBytes} bytes`, {
        headers: { connection: "close" },
      });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new Problem(400, "bad_json", `the body is no JSON: ${(error as Error).message}`);
  }
}
