import type { HttpAnswer } from "../../../net/http.ts";
import { retryAfterSeconds } from "../../../time/backoff.ts";
import { EconnectError, type EconnectFault } from "./errors.ts";

/** The requested stations, for messages. */
export interface Asked {
  readonly url: URL;
  readonly username: string;
  readonly businessPartner: string;
  /** Removes secrets from a text of the service. */
  redact(text: string): string;
}

const MAX_TEXT = 200;

/** Returns the records of a page. @throws EconnectError */
export function judge(asked: Asked, answer: HttpAnswer): unknown[] {
  if (answer.status !== 200) throw refusal(asked, answer);
  const encoding = String(answer.headers["content-encoding"] ?? "identity");
  if (encoding !== "identity") throw unreadable("encoding", `a page in the encoding ${encoding}`);
  const text = answer.body.toString();
  if (/^\s*</.test(text)) {
    throw unreadable("html", `a page of HTML or XML instead of JSON; check endpoint (${asked.url.origin})`);
  }
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch (cause) {
    throw unreadable("malformed", `a page that is not JSON (${(cause as Error).message})`, cause);
  }
  const content = (page as { content?: unknown } | null)?.content;
  if (!Array.isArray(content)) throw unreadable("malformed", 'a page without the list "content"');
  return content;
}

function unreadable(code: string, what: string, cause?: unknown): EconnectError {
  return new EconnectError(`the service sent ${what}`, { fault: "answer", code, cause });
}

function refusal(asked: Asked, { status, headers, body }: HttpAnswer): EconnectError {
  const own = asked.redact(body.toString()).replace(/\s+/g, " ").trim().slice(0, MAX_TEXT);
  const said = own === "" || own.startsWith("<") ? "" : ` (service: ${JSON.stringify(own)})`;
  const [fault, text] = meaning(asked, status);
  return new EconnectError(`${text}${said}`, {
    fault,
    code: String(status),
    retryAfterSeconds: retryAfterSeconds(headers),
  });
}

function meaning({ url, username, businessPartner }: Asked, status: number): [EconnectFault, string] {
  const partner = `business partner ${businessPartner}`;
  if (status === 401) {
    return [
      "credentials",
      `${url.origin} does not accept user "${shorten(username)}" (401); check username and password`,
    ];
  }
  if (status === 403) {
    return [
      "refused",
      `user "${shorten(username)}" may not see the stations of ${partner} (403); check business_partner, or ask for the right`,
    ];
  }
  if (status === 404) {
    return ["refused", `${url.origin} does not know ${partner} (404); check business_partner and endpoint`];
  }
  if (status === 429) return ["unavailable", "the service received too many requests (429)"];
  if (status === 408 || status >= 500) return ["unavailable", `the service cannot answer now (${status})`];
  if (status >= 300 && status < 400) {
    return [
      "refused",
      `${url.origin} redirects to another address (${status}), which is not followed; check endpoint`,
    ];
  }
  return ["refused", `the service refuses the request (${status})`];
}

/** Shortens a user name to what distinguishes accounts. */
export function shorten(username: string): string {
  return username.length > 12 ? `${username.slice(0, 8)}…` : username;
}
