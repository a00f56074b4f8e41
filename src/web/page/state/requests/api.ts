import { signal } from "@preact/signals-core";
import { ApiError, type Problem } from "./api-error.ts";

/** Values of a query string; `undefined` is left out, a list is repeated. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Counts the answers that asked for a login; the frame then shows the login view. */
export const loginsAsked = signal(0);

/** Returns the address of a path below the interface, e.g. for a link to a download. */
export function apiHref(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return `/api/v1/${path}${text === "" ? "" : `?${text}`}`;
}

/** Returns a path with each value as one segment: ``apiPath`devices/${name}` ``. */
export function apiPath(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: texts }, ...values.map(encodeURIComponent));
}

interface RequestOptions {
  readonly query?: Query;
  readonly signal?: AbortSignal | undefined;
}

/** Requests to `/api/v1`. Each throws an {@link ApiError}, or the reason of the signal that aborted it. */
export const api = {
  get: <T>(path: string, options: RequestOptions = {}): Promise<T> =>
    send<T>("GET", path, undefined, options),
  post: <T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> =>
    send<T>("POST", path, body, options),
  put: <T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> =>
    send<T>("PUT", path, body, options),
  delete: <T>(path: string, options: RequestOptions = {}): Promise<T> =>
    send<T>("DELETE", path, undefined, options),
};

async function send<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  let response: Response;
  let text: string;
  try {
    response = await fetch(apiHref(path, options.query), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: options.signal ?? null,
      credentials: "same-origin",
    });
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw new ApiError(
      0,
      {
        type: "urn:voltbridge:problem:unreachable",
        title: "Bridge unreachable",
        detail: `no answer from ${location.host}: ${error instanceof Error ? error.message : String(error)}`,
      },
      method !== "GET",
    );
  }
  // 202 and 200 carry JSON; 204 has no body.
  if (response.ok) return (text === "" ? undefined : parsed(text, response)) as T;
  if (response.status === 401) loginsAsked.value += 1;
  throw new ApiError(response.status, problemOf(response, text), method !== "GET" && response.status >= 502);
}

function parsed(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(response.status, {
      type: "urn:voltbridge:problem:not-json",
      title: "Not an answer of the bridge",
      detail: `${new URL(response.url).pathname} did not answer with JSON. Is there a proxy in between?`,
    });
  }
}

/** A proxy in between answers with a page of its own: then the status is all that is known. */
export function problemOf(response: Response, text: string): Problem {
  if (!response.headers.get("content-type")?.includes("json"))
    return { title: response.statusText || `Status ${response.status}`, status: response.status };
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return { title: response.statusText, status: response.status };
  }
}
