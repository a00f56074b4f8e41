/** Where a request comes from: its client, the name that it was sent to, and the page that sent it. */

import { type BlockList, isIP, isIPv6 } from "node:net";
import { isLoopback } from "../../config/loopback.ts";
import type { Refusal, WebRequest } from "./caller.ts";

/** A request with what a trusted proxy says about it. */
export interface Provenance {
  /** IP address of the client; for a request of the trusted proxy, that of the proxy's client. */
  readonly address: string;
  /** Whether the client's connection is encrypted. */
  readonly secure: boolean;
  readonly viaProxy: boolean;
  /** Values of `Host`, and of `X-Forwarded-Host` from the trusted proxy; the last one is that of the client. */
  readonly hosts: readonly string[];
}

export function provenanceOf(
  { headers, peer, secure }: WebRequest,
  proxies: BlockList | undefined,
): Provenance {
  const hosts = valuesOf(headers, "host");
  if (!proxies || !isIn(proxies, peer)) return { address: peer, secure, viaProxy: false, hosts };
  // Each proxy appends the address of its client; what stands before the first one that is not trusted, anybody can write.
  const client = valuesOf(headers, "x-forwarded-for").findLast((address) => !isIn(proxies, address));
  return {
    address: client !== undefined && isIP(client) !== 0 ? client : peer,
    secure: secure || valuesOf(headers, "x-forwarded-proto").at(-1) === "https",
    viaProxy: true,
    hosts: [...hosts, ...valuesOf(headers, "x-forwarded-host")],
  };
}

function valuesOf(headers: Headers, name: string): string[] {
  const values = headers.get(name)?.split(",") ?? [];
  return values.map((value) => value.trim()).filter((value) => value !== "");
}

function isIn(list: BlockList, address: string): boolean {
  const plain = address.replace(/%.*/, "");
  return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/**
 * Returns a refusal of a request to a name that is not the bridge's. A page of `evil.example` can point its own name at the bridge's
 * address and would then be of the same origin. Addresses and `localhost` cannot be pointed elsewhere, at any port: tunnels and
 * containers change it.
 */
export function hostRefusal({ hosts }: Provenance, allowed: ReadonlySet<string>): Refusal | undefined {
  const wrong = hosts.length === 0 ? "" : hosts.find((host) => !isAllowed(host, allowed));
  if (wrong === undefined) return undefined;
  const name = nameOf(wrong);
  return {
    status: 421,
    kind: "wrong_host",
    detail:
      name === undefined
        ? "the request has no usable Host header"
        : `this bridge is not known as ${JSON.stringify(name)}; if it is to be reached by that name, add it to web.allowed_hosts`,
  };
}

function isAllowed(host: string, allowed: ReadonlySet<string>): boolean {
  const name = nameOf(host);
  if (name === undefined) return false;
  const address = name.replace(/^\[(.*)\]$/, "$1");
  return isIP(address) !== 0 || isLoopback(name) || allowed.has(name) || allowed.has(host.toLowerCase());
}

/** Returns the name in a `Host` header, in lower case, without its port. */
function nameOf(host: string): string | undefined {
  const isPlain = /^[^\s/?#@\\]{1,300}$/.test(host);
  return (isPlain && URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "")) || undefined;
}

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

/**
 * Returns a refusal of a request that a page of another origin made a browser send: every one that could change something, and every
 * one that is not a link to a page. Needed where browsers log in by themselves: cookies, proxies, no login at all.
 */
export function crossSiteRefusal(request: WebRequest, { secure, hosts }: Provenance): Refusal | undefined {
  const { headers, method } = request;
  const site = headers.get("sec-fetch-site");
  const isLink = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  const refusal: Refusal = {
    status: 403,
    kind: "cross_site",
    detail:
      "the request was not made by this bridge's own page; programs use a token, which `voltbridge web token` makes",
  };
  if (SAFE_METHODS.includes(method)) {
    const isOwn = site === null || site === "same-origin" || site === "none";
    return isOwn || (isLink && method === "GET") ? undefined : refusal;
  }
  const own = URL.parse(`${secure ? "https" : "http"}://${hosts.at(-1)}`)?.origin;
  const origin = headers.get("origin");
  const isOwn =
    site !== null
      ? site === "same-origin" || site === "none"
      : origin !== null && own !== undefined && URL.parse(origin)?.origin === own;
  if (!isOwn) return refusal;
  // Forms of any page can send other types without asking.
  const hasBody = Number(headers.get("content-length") ?? 0) > 0 || headers.has("transfer-encoding");
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (!hasBody || type === "application/json") return undefined;
  return { status: 415, kind: "unsupported_media_type", detail: "send the body as application/json" };
}
