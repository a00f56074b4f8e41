/**
 * Who may do what. A request comes in, and a caller with a role goes out, or a refusal: known by a session's cookie, a token, the
 * header of a trusted proxy, or, where none of these is configured, by being on this machine.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { BlockList } from "node:net";
import { addressList, ROLES, type Role, type WebSettings } from "../../config/index.ts";
import { isLoopback } from "../../config/loopback.ts";
import type { Log } from "../../log/log.ts";
import { QuietLog } from "../../log/notices.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import type { Clock } from "../../time/clock.ts";
import {
  type Caller,
  includes,
  isRefusal,
  type Refusal,
  type RefusalKind,
  type WebRequest,
} from "./caller.ts";
import { LoginLimit } from "./login-limit.ts";
import { isPassword, PasswordQueue, pretendToCheck } from "./passwords.ts";
import { crossSiteRefusal, hostRefusal, type Provenance, provenanceOf } from "./provenance.ts";
import { Sessions } from "./sessions.ts";
import { entryOf } from "./tokens.ts";

/** Namespace of {@link AccessParts.state} in the state store. */
export const SESSION_NAMESPACE = "web sessions";

/** The settings of `web` that decide about access; they can change while the bridge runs. */
export type AccessSettings = Pick<
  WebSettings,
  "host" | "users" | "tokens" | "trustedProxy" | "allowedHosts" | "session"
>;

export interface AccessParts {
  readonly settings: AccessSettings;
  /** Keeps the sessions: {@link SESSION_NAMESPACE}. */
  readonly state: StateNamespace;
  readonly clock: Clock;
  readonly log: Log;
  /** Role of everybody on this machine, where nobody can log in. */
  readonly guestRole: Role;
}

/** A login that succeeded; `cookie` is the value of a `Set-Cookie` header. */
export interface Login {
  readonly caller: Caller;
  readonly cookie: string;
}

type User = AccessSettings["users"][number];

const LONGEST_NAME = 100;
const NAME_OF_GUESTS = "local";

/** Every request passes {@link Access.checkHost} first; the other methods do not look at the name that it was sent to. */
export class Access {
  readonly #log: QuietLog;
  readonly #guestRole: Role;
  readonly #sessions: Sessions;
  readonly #limit: LoginLimit;
  readonly #passwords = new PasswordQueue();
  #settings: AccessSettings;
  #users: ReadonlyMap<string, User> = new Map();
  #hosts: ReadonlySet<string> = new Set();
  #proxies: BlockList | undefined;

  constructor({ settings, state, clock, log, guestRole }: AccessParts) {
    this.#log = new QuietLog(log, clock);
    this.#guestRole = guestRole;
    this.#limit = new LoginLimit(clock);
    this.#sessions = new Sessions(state, clock, settings.session);
    this.#settings = settings;
    this.change(settings);
  }

  /** Applies changed settings. Sessions of users whose password, hash or role has changed end. */
  change(settings: AccessSettings): void {
    this.#settings = settings;
    this.#sessions.limits = settings.session;
    this.#users = new Map(settings.users.map((user) => [user.name.normalize(), user]));
    this.#hosts = new Set([settings.host, ...settings.allowedHosts].map((host) => host.toLowerCase()));
    this.#proxies = settings.trustedProxy && addressList(settings.trustedProxy.addresses);
  }

  /** Whether there are users who can log in. */
  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  /** Returns the IP address of a request's client: that of the connection, or the one that the trusted proxy reports. */
  addressOf(request: WebRequest): string {
    return provenanceOf(request, this.#proxies).address;
  }

  /** Returns a refusal of a request that was sent to the name of somebody else. */
  checkHost(request: WebRequest): Refusal | undefined {
    return hostRefusal(provenanceOf(request, this.#proxies), this.#hosts);
  }

  /** Returns who makes a request. Counts as a use of the session. */
  identify(request: WebRequest): Caller | Refusal {
    return this.#identify(request, true);
  }

  /**
   * Returns whether the caller of a long request, such as a stream of events, is still the same with the same role. No use of the
   * session: a page that is only open does not keep it alive.
   */
  isStill(request: WebRequest, caller: Caller): boolean {
    if (this.checkHost(request)) return false;
    const now = this.#identify(request, false);
    return !isRefusal(now) && now.name === caller.name && now.role === caller.role && now.via === caller.via;
  }

  /** Returns a refusal of a request of a caller who needs another role, or whom a foreign page made send it. */
  check(request: WebRequest, caller: Caller, role: Role): Refusal | undefined {
    const from = provenanceOf(request, this.#proxies);
    const refusal = caller.via === "token" ? undefined : crossSiteRefusal(request, from);
    if (refusal) return refusal;
    if (includes(caller.role, role)) return undefined;
    const why =
      caller.via === "open"
        ? `without a login this bridge can only be looked at; make users with \`voltbridge web user\``
        : `${JSON.stringify(caller.name)} has the role "${caller.role}"`;
    return { status: 403, kind: "role_needed", detail: `this needs the role "${role}"; ${why}` };
  }

  /** Logs a user in. A session that the request already has ends. */
  async login(name: string, password: string, request: WebRequest): Promise<Login | Refusal> {
    const from = provenanceOf(request, this.#proxies);
    const refusal = unencryptedRefusal(request, from) ?? crossSiteRefusal(request, from);
    if (refusal) return refusal;
    const userName = name.slice(0, LONGEST_NAME + 1).normalize();
    const wait = this.#limit.take(from.address, userName);
    if (wait !== undefined) {
      this.#log.write("warn", "too_many_logins", `too many failed logins from ${from.address}`);
      return tooMany(wait);
    }
    const user = this.#users.get(userName);
    const check = this.#passwords.run(() => this.#isRight(user, password));
    if (check === undefined) {
      this.#limit.giveBack(from.address, userName);
      return tooMany(2);
    }
    // A user that was removed or changed meanwhile has not logged in.
    if (!(await check) || !user || this.#users.get(userName) !== user) {
      const whose = user ? `of ${JSON.stringify(user.name)}` : "with an unknown user name";
      this.#log.write("warn", "wrong_login", `failed login ${whose} from ${from.address}`);
      return unauthorized("wrong_login", "the user name or the password is wrong");
    }
    this.#limit.giveBack(from.address, userName);
    this.#log.write("info", "login", `${JSON.stringify(user.name)} logged in from ${from.address}`);
    const before = this.#sessionIdOf(request, from);
    if (before !== undefined) this.#sessions.end(before);
    const id = this.#sessions.start(user.name, credentialsOf(user));
    return {
      caller: { name: user.name, role: user.role, via: "session" },
      cookie: cookieFor(id, from.secure, this.#settings.session.absoluteSeconds),
    };
  }

  /** Ends the session of a request. Returns the `Set-Cookie` header that removes its cookie. */
  logout(request: WebRequest): { readonly cookie: string } | Refusal {
    const from = provenanceOf(request, this.#proxies);
    const refusal = unencryptedRefusal(request, from) ?? crossSiteRefusal(request, from);
    if (refusal) return refusal;
    const id = this.#sessionIdOf(request, from);
    if (id !== undefined) this.#sessions.end(id);
    return { cookie: cookieFor("", from.secure, 0) };
  }

  #identify(request: WebRequest, isUse: boolean): Caller | Refusal {
    const from = provenanceOf(request, this.#proxies);
    const refusal = unencryptedRefusal(request, from);
    if (refusal) return refusal;
    const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (bearer !== undefined) return this.#callerOfToken(bearer);
    const proxied = this.#callerOfProxy(request, from);
    if (proxied) return proxied;
    const id = this.#sessionIdOf(request, from);
    if (id !== undefined) {
      const name = this.#sessions.userOf(
        id,
        (user) => {
          const known = this.#users.get(user.normalize());
          return known && credentialsOf(known);
        },
        isUse,
      );
      const user = name === undefined ? undefined : this.#users.get(name.normalize());
      if (user) return { name: user.name, role: user.role, via: "session" };
    }
    const { users, tokens, trustedProxy } = this.#settings;
    const isOpen = users.length === 0 && tokens.length === 0 && !trustedProxy;
    if (isOpen && isLoopback(request.peer))
      return { name: NAME_OF_GUESTS, role: this.#guestRole, via: "open" };
    if (id === undefined) return unauthorized("login_needed", "this needs a login or a token");
    return unauthorized("session_ended", "the session has ended; log in again", {
      "Set-Cookie": cookieFor("", from.secure, 0),
    });
  }

  #callerOfToken(token: string): Caller | Refusal {
    const found = entryOf(token, this.#settings.tokens);
    if (found) return { name: found.name, role: found.role, via: "token" };
    return unauthorized(
      "wrong_token",
      "the token is not one of this bridge; `voltbridge web token` makes one",
      {
        "WWW-Authenticate": 'Bearer realm="voltbridge", error="invalid_token"',
      },
    );
  }

  /** Returns the user that the trusted proxy names; undefined if it names none. */
  #callerOfProxy({ headers }: WebRequest, { viaProxy }: Provenance): Caller | Refusal | undefined {
    const { userHeader, roleHeader, role } = this.#settings.trustedProxy ?? {};
    if (!viaProxy || userHeader === undefined) return undefined;
    // Headers are read byte by byte, as Latin-1; proxies write names in UTF-8.
    const name = Buffer.from(headers.get(userHeader) ?? "", "latin1")
      .toString()
      .trim();
    if (name === "") return undefined;
    // Two headers arrive as one, joined by a comma: a proxy that adds its own to that of the client is not set up as it must be.
    if (name.length > LONGEST_NAME || /[\p{C}\ufffd,]/u.test(name))
      return {
        status: 403,
        kind: "wrong_proxy_header",
        detail: `the proxy must replace the header ${userHeader}, with one user name in it`,
      };
    const sent = roleHeader === undefined ? [] : (headers.get(roleHeader) ?? "").split(",");
    const named = ROLES.findLast((one) => sent.some((text) => text.trim() === one));
    return { name, role: named ?? role!, via: "proxy" };
  }

  #sessionIdOf({ headers }: WebRequest, { secure }: Provenance): string | undefined {
    const cookies = (headers.get("cookie") ?? "").split(";").map((cookie) => cookie.trim());
    const prefix = `${cookieName(secure)}=`;
    return cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length) || undefined;
  }

  async #isRight(user: User | undefined, password: string): Promise<boolean> {
    if (user?.hash !== undefined) return isPassword(password, user.hash);
    // An unknown user, and one whose password is in the config, cost as much as the others.
    await pretendToCheck(password, this.#settings.users.find(({ hash }) => hash !== undefined)?.hash);
    return user?.password !== undefined && timingSafeEqual(sha256(password), sha256(user.password));
  }
}

/** Returns a refusal of a request that came from another machine in clear, before anybody asks whose it is. */
function unencryptedRefusal({ peer }: WebRequest, { secure, viaProxy }: Provenance): Refusal | undefined {
  if (secure || viaProxy || isLoopback(peer)) return undefined;
  return {
    status: 403,
    kind: "not_encrypted",
    detail: "from other machines this bridge is reached over https:// or through its proxy only",
  };
}

function credentialsOf({ role, hash, password }: User): string {
  return JSON.stringify([role, hash ?? null, password ?? null]);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text.normalize()).digest();
}

/** Over TLS the prefix keeps other hosts of the domain, and pages without TLS, from setting the cookie. */
function cookieName(secure: boolean): string {
  return secure ? "__Host-voltbridge" : "voltbridge";
}

function cookieFor(id: string, secure: boolean, maxAge: number): string {
  const attributes = [
    "Path=/",
    `Max-Age=${maxAge}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(secure ? ["Secure"] : []),
  ];
  return [`${cookieName(secure)}=${id}`, ...attributes].join("; ");
}

function unauthorized(
  kind: RefusalKind,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  return {
    status: 401,
    kind,
    detail,
    headers: { "WWW-Authenticate": 'Bearer realm="voltbridge"', ...headers },
  };
}

function tooMany(seconds: number): Refusal {
  return {
    status: 429,
    kind: "too_many_logins",
    detail: `too many logins; try again in ${seconds} s`,
    headers: { "Retry-After": String(seconds) },
  };
}
