import { randomBytes, scryptSync } from "node:crypto";
import { createLog } from "../../src/log/log.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { Access, type AccessSettings, type Login, SESSION_NAMESPACE } from "../../src/web/access/access.ts";
import { isRefusal, type Refusal, type WebRequest } from "../../src/web/access/caller.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

export const HOUR_MS = 3_600_000;

/** A hash of the least cost that is accepted, so that tests are quick. */
export function cheapHash(password: string, N = 4096, r = 8, p = 1): string {
  const salt = randomBytes(16);
  const key = scryptSync(password, salt, 32, { N, r, p, maxmem: 2 ** 30 });
  return ["scrypt", N, r, p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

export const ANN = { name: "ann", hash: cheapHash("canary-ann"), role: "operate" } as const;
export const BOB = { name: "bob", hash: cheapHash("canary-bob"), role: "admin" } as const;

export class AccessRig {
  readonly clock = new ManualClock();
  readonly store = StateStore.open(":memory:");
  settings: AccessSettings;
  access: Access;
  log = "";

  constructor(settings: Partial<AccessSettings> = {}) {
    this.settings = {
      host: "127.0.0.1",
      users: [],
      tokens: [],
      allowedHosts: [],
      session: { idleSeconds: 8 * 3600, absoluteSeconds: 24 * 3600 },
      ...settings,
    };
    this.access = this.#open();
  }

  /** The bridge starts again with the same data folder. */
  restart(): void {
    this.access = this.#open();
  }

  change(settings: Partial<AccessSettings>): void {
    this.settings = { ...this.settings, ...settings };
    this.access.change(this.settings);
  }

  login(name: string, password: string, request: WebRequest = post()): Promise<Login | Refusal> {
    return this.access.login(name, password, request);
  }

  /** Logs in and returns the cookie as a browser sends it. */
  async cookie(name = "ann", request: WebRequest = post()): Promise<string> {
    const login = await this.login(name, `canary-${name}`, request);
    if (isRefusal(login)) throw new Error(`${login.status} ${login.detail}`);
    return login.cookie.split(";")[0]!;
  }

  identify(cookie: string) {
    return this.access.identify(get({ cookie }));
  }

  #open(): Access {
    return new Access({
      settings: this.settings,
      state: this.store.namespace(SESSION_NAMESPACE),
      clock: this.clock,
      log: createLog({
        write: (line) => {
          this.log += line;
        },
      }),
      guestRole: "view",
    });
  }
}

export function get(headers: Record<string, string> = {}, more: Partial<WebRequest> = {}): WebRequest {
  return {
    method: "GET",
    peer: "127.0.0.1",
    secure: false,
    ...more,
    headers: new Headers({ host: "127.0.0.1:8080", ...headers }),
  };
}

/** A request of the bridge's own page. */
export function post(headers: Record<string, string> = {}, more: Partial<WebRequest> = {}): WebRequest {
  const own = { "sec-fetch-site": "same-origin", "content-type": "application/json", "content-length": "2" };
  return get({ ...own, ...headers }, { method: "POST", ...more });
}
