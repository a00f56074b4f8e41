import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { HttpRefusal, readBody } from "../http/request-body.ts";
import { sendJson } from "../send.ts";
import { TroubleRulesError } from "../trouble/rules.ts";
import { controlLog } from "./log.ts";
import type { Controlled, Part } from "./part.ts";
import { controlTrouble } from "./trouble.ts";
import { controlWorld } from "./world.ts";

const PARTS: Readonly<Record<string, { readonly methods: readonly string[]; readonly part: Part }>> = {
  trouble: { methods: ["GET", "POST", "DELETE"], part: controlTrouble },
  log: { methods: ["GET", "DELETE"], part: controlLog },
  world: { methods: ["GET", "POST"], part: controlWorld },
};

const MOST_BYTES = 1024 * 1024;
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * Serves `/control/trouble`, `/control/log` and `/control/world`, for tests of other software. There is no password, so
 * only callers on this machine are answered unless `anywhere` is set, and no web pages.
 */
export function createControl(controlled: Controlled, anywhere: boolean) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const body = await readBody(request, MOST_BYTES);
      refuseStrangers(request, anywhere);
      sendJson(response, 200, answer(controlled, request, body.toString()));
    } catch (error) {
      const { status, message } = problemOf(error);
      sendJson(response, status, { error: message.trimEnd() });
    }
  };
}

function answer(controlled: Controlled, request: IncomingMessage, body: string): unknown {
  const { pathname, searchParams: query } = new URL(request.url ?? "", "http://simulator");
  const [, , name = "", ...rest] = pathname.split("/");
  const method = request.method ?? "";
  if (!Object.hasOwn(PARTS, name)) {
    throw new HttpRefusal(
      404,
      `there is ${Object.keys(PARTS)
        .map((part) => `/control/${part}`)
        .join(", ")}`,
    );
  }
  const { methods, part } = PARTS[name]!;
  if (!methods.includes(method)) throw new HttpRefusal(405, `/control/${name} takes ${methods.join(", ")}`);
  return part(controlled, { method, rest: decodeURIComponent(rest.join("/")), query, body });
}

export function refuseStrangers({ headers, socket }: IncomingMessage, anywhere: boolean): void {
  if (headers.origin !== undefined)
    throw new HttpRefusal(403, "pages of a browser may not control the simulator");
  if (!isOwnHost(headers.host ?? ""))
    throw new HttpRefusal(
      403,
      "the Host header names another machine; call the simulator by its address, localhost or its short name",
    );
  if (anywhere || LOOPBACK.test(socket.remoteAddress ?? "")) return;
  throw new HttpRefusal(
    403,
    "the simulator is controlled from its own machine only, unless started otherwise",
  );
}

/**
 * Returns whether a Host header names this machine. The owner of a domain can point it at any address (DNS rebinding), and
 * a browser then treats the simulator as part of that site; this is not possible with an address or a name without a dot.
 */
function isOwnHost(header: string): boolean {
  const name = URL.parse(`http://${header}`)?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "";
  return (
    isIP(name) !== 0 ||
    /^[^.]+$/.test(name) ||
    name.endsWith(".localhost") ||
    name === hostname().toLowerCase()
  );
}

function problemOf(error: unknown): { status: number; message: string } {
  if (error instanceof HttpRefusal) return error;
  if (error instanceof TroubleRulesError || error instanceof URIError) {
    return { status: 400, message: error.message };
  }
  throw error;
}
