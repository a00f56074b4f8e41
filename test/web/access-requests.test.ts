import { describe, expect, test } from "vitest";
import type { Caller } from "../../src/web/access/caller.ts";
import { makeToken } from "../../src/web/access/tokens.ts";
import { AccessRig, ANN, get, post } from "./access-rig.ts";

const NEEDED = {
  status: 401,
  kind: "login_needed",
  headers: { "WWW-Authenticate": 'Bearer realm="voltbridge"' },
};
const SESSION: Caller = { name: "ann", role: "operate", via: "session" };

describe("without users, tokens and a proxy", () => {
  const rig = new AccessRig();

  test("everybody on this machine may look and not touch", () => {
    for (const peer of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect(rig.access.identify(get({}, { peer }))).toEqual({ name: "local", role: "view", via: "open" });
    const caller: Caller = { name: "local", role: "view", via: "open" };
    expect(rig.access.check(get(), caller, "view")).toBeUndefined();
    expect(rig.access.check(post(), caller, "operate")).toMatchObject({
      status: 403,
      kind: "role_needed",
      detail: expect.stringMatching(/voltbridge web user/),
    });
  });

  test("other machines may not even look", () => {
    expect(rig.access.identify(get({}, { peer: "192.0.2.1" }))).toMatchObject({ kind: "not_encrypted" });
    expect(rig.access.identify(get({}, { peer: "192.0.2.1", secure: true }))).toMatchObject(NEEDED);
  });

  test("a first user ends that at once", () => {
    const opened = new AccessRig();
    opened.change({ users: [ANN] });
    expect(opened.access.identify(get())).toMatchObject(NEEDED);
  });
});

describe("roles", () => {
  const rig = new AccessRig({ users: [ANN] });

  test.each([
    ["view", "view", true],
    ["view", "operate", false],
    ["view", "admin", false],
    ["operate", "view", true],
    ["operate", "operate", true],
    ["operate", "admin", false],
    ["admin", "operate", true],
    ["admin", "admin", true],
  ] as const)("G12: %s where %s is needed: %s", (role, needed, allowed) => {
    const refusal = rig.access.check(post(), { ...SESSION, role }, needed);
    if (allowed) expect(refusal).toBeUndefined();
    else expect(refusal).toMatchObject({ status: 403, kind: "role_needed" });
  });
});

describe("G12: a Host header", () => {
  const rig = new AccessRig({ allowedHosts: ["Console.example", "tunnel.example:9000"] });
  const refused = (host: string) => rig.access.checkHost(get({ host }));

  test.each([
    "127.0.0.1:8080",
    "localhost:8080",
    "localhost",
    "LOCALHOST.:9000",
    "one.localhost:8080",
    "[::1]:8080",
    "192.168.1.20:8080",
    "console.example",
    "console.example:8443",
    "tunnel.example:9000",
  ])("%s is the bridge's", (host) => expect(refused(host)).toBeUndefined());

  test.each([
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example:8080",
    "localhost.evil.example",
    "evil.example@localhost",
    "evil.example/localhost",
    "tunnel.example",
    "sub.console.example",
    "localhost, evil.example",
    "loc alhost",
    "",
    "<script>",
  ])("%j is not", (host) => {
    expect(refused(host)).toMatchObject({ status: 421, kind: "wrong_host" });
  });

  test("of a stream that goes on must still be the bridge's", () => {
    const { token, hash } = makeToken();
    const own = new AccessRig({
      tokens: [{ name: "ems", hash, role: "admin" }],
      allowedHosts: ["a.example"],
    });
    const stream = get({ host: "a.example", authorization: `Bearer ${token}` });
    const caller = own.access.identify(stream) as Caller;
    expect(own.access.isStill(stream, caller)).toBe(true);
    own.change({ allowedHosts: [] });
    expect(own.access.isStill(stream, caller)).toBe(false);
  });

  test("of the name to listen on is the bridge's", () => {
    const named = new AccessRig({ host: "bridge.lan" });
    expect(named.access.checkHost(get({ host: "bridge.lan:8080" }))).toBeUndefined();
  });
});

describe("G12: a request that another site makes a browser send", () => {
  const rig = new AccessRig({ users: [ANN] });
  const check = (headers: Record<string, string>, caller: Caller = SESSION, method = "POST") =>
    rig.access.check(get(headers, { method }), caller, "view");
  const CROSS = { status: 403, kind: "cross_site" };

  test.each([
    ["cross-site", { "sec-fetch-site": "cross-site" }],
    ["another port of this host", { "sec-fetch-site": "same-site" }],
    ["says another origin", { origin: "http://evil.example" }],
    ["another port", { origin: "http://127.0.0.1:8081" }],
    ["another scheme", { origin: "https://127.0.0.1:8080" }],
    ["of a sandboxed frame", { origin: "null" }],
    ["says nothing", {}],
    ["lies in Origin", { origin: "http://127.0.0.1:8080", "sec-fetch-site": "cross-site" }],
  ])("%s: is refused", (_, headers) => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
      expect(check(headers as Record<string, string>, SESSION, method)).toMatchObject(CROSS);
    for (const via of ["open", "proxy"] as const)
      expect(check(headers as Record<string, string>, { ...SESSION, via })).toMatchObject(CROSS);
    // A token does not go with a request by itself.
    expect(check(headers as Record<string, string>, { ...SESSION, via: "token" })).toBeUndefined();
  });

  test.each([
    ["its own page", { "sec-fetch-site": "same-origin" }],
    ["its own page in an old browser", { origin: "http://127.0.0.1:8080" }],
    ["the address line", { "sec-fetch-site": "none" }],
  ])("but not %s", (_, headers) => expect(check(headers as Record<string, string>)).toBeUndefined());

  test("as an image or a stream is refused; a link to the bridge is followed", () => {
    const cross = { "sec-fetch-site": "cross-site" };
    const link = { ...cross, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect(check({ ...cross, "sec-fetch-mode": "no-cors" }, SESSION, "GET")).toMatchObject(CROSS);
    expect(check(link, SESSION, "GET")).toBeUndefined();
    expect(check({ ...link, "sec-fetch-dest": "iframe" }, SESSION, "GET")).toMatchObject(CROSS);
    expect(check({}, SESSION, "GET")).toBeUndefined();
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""])(
    "a body of the type %j is not taken",
    (type) => {
      const headers = { "sec-fetch-site": "same-origin", "content-type": type };
      const refused = { status: 415, kind: "unsupported_media_type" };
      expect(check({ ...headers, "content-length": "4" })).toMatchObject(refused);
      expect(check({ ...headers, "transfer-encoding": "chunked" })).toMatchObject(refused);
      expect(check({ ...headers, "content-length": "0" })).toBeUndefined();
    },
  );

  test("a body of application/json with a charset is", () =>
    expect(
      rig.access.check(post({ "content-type": "Application/JSON; charset=utf-8" }), SESSION, "view"),
    ).toBe(undefined));

  test("neither logs a user in nor out", async () => {
    const cookie = await rig.cookie();
    const cross = { "sec-fetch-site": "cross-site" };
    expect(await rig.login("ann", "canary-ann", post(cross))).toMatchObject(CROSS);
    expect(rig.access.logout(post({ ...cross, cookie }))).toMatchObject(CROSS);
    expect(rig.identify(cookie)).toMatchObject({ name: "ann" });
  });
});

describe("a token", () => {
  const { token, hash } = makeToken();
  const rig = new AccessRig({ tokens: [{ name: "ems", hash: hash.toUpperCase(), role: "operate" }] });
  const identify = (authorization: string) => rig.access.identify(get({ authorization }));

  test("names its program and its role", () => {
    expect(token).toMatch(/^vbt_[\w-]{43}$/);
    for (const scheme of ["Bearer", "bearer"])
      expect(identify(`${scheme} ${token}`)).toEqual({ name: "ems", role: "operate", via: "token" });
  });

  test.each([token.slice(0, -1), `${token}x`, hash, token.toLowerCase(), "vbt_"])(
    "G12: a wrong one is refused: %.12s…",
    (wrong) =>
      expect(identify(`Bearer ${wrong}`)).toMatchObject({
        status: 401,
        kind: "wrong_token",
        headers: { "WWW-Authenticate": expect.stringContaining("invalid_token") },
      }),
  );

  test("G12: a wrong one is refused where the browser has a session too", async () => {
    const both = new AccessRig({ users: [ANN], tokens: rig.settings.tokens });
    const cookie = await both.cookie();
    expect(both.access.identify(get({ cookie, authorization: "Bearer x" }))).toMatchObject({
      kind: "wrong_token",
    });
  });

  test("is needed on this machine too once there is one; other schemes are not asked", () => {
    expect(rig.access.identify(get())).toMatchObject(NEEDED);
    expect(identify("Basic YW5uOmNhbmFyeS1hbm4=")).toMatchObject(NEEDED);
  });

  test("that was removed ends at once", () => {
    const short = new AccessRig({ tokens: rig.settings.tokens });
    const request = get({ authorization: `Bearer ${token}` });
    const caller = short.access.identify(request) as Caller;
    expect(short.access.isStill(request, caller)).toBe(true);
    short.change({ tokens: [{ name: "other", hash: makeToken().hash, role: "view" }] });
    expect(short.access.isStill(request, caller)).toBe(false);
  });
});

describe("a trusted proxy", () => {
  const trustedProxy = {
    addresses: ["10.0.0.2", "10.1.0.0/16", "2001:db8::/64"],
    userHeader: "Remote-User",
    roleHeader: "Remote-Groups",
    role: "view",
  } as const;
  const settings = { host: "10.0.0.5", trustedProxy, allowedHosts: ["console.example"] };
  const rig = new AccessRig(settings);
  const sent = (headers: Record<string, string>, peer = "10.0.0.2") =>
    rig.access.identify(get({ host: "console.example", ...headers }, { peer }));

  test("names the user, and the highest role of its list", () => {
    expect(sent({ "remote-user": "ann" })).toEqual({ name: "ann", role: "view", via: "proxy" });
    const groups = (text: string) => sent({ "remote-user": "ann", "remote-groups": text });
    expect(groups("operate")).toMatchObject({ role: "operate" });
    expect(groups("staff, admin,view")).toMatchObject({ role: "admin" });
    expect(groups("administrators")).toMatchObject({ role: "view" });
    const utf8 = Buffer.from("zoë").toString("latin1");
    expect(sent({ "remote-user": utf8 })).toMatchObject({ name: "zoë" });
  });

  test.each(["10.0.0.2", "10.1.200.3", "::ffff:10.0.0.2", "2001:db8::7", "2001:db8::7%eth0"])(
    "is known at %s",
    (peer) => expect(sent({ "remote-user": "ann" }, peer)).toMatchObject({ name: "ann" }),
  );

  test.each(["10.0.0.3", "192.0.2.1", "::ffff:10.0.0.3", "2001:db8:1::7", ""])(
    "G12: its headers from a stranger, %s, count for nothing",
    (peer) => {
      const headers = {
        "remote-user": "ann",
        "remote-groups": "admin",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "10.0.0.2",
      };
      expect(sent(headers, peer)).toMatchObject({ status: 403, kind: "not_encrypted" });
      const secure = get({ host: "console.example", ...headers }, { peer, secure: true });
      expect(rig.access.identify(secure)).toMatchObject(NEEDED);
      expect(rig.access.addressOf(secure)).toBe(peer);
    },
  );

  test("G12: on this machine its headers count for nothing either, where it is elsewhere", () =>
    expect(sent({ "remote-user": "ann" }, "127.0.0.1")).toMatchObject(NEEDED));

  test.each(["ann, admin", "ann\u0085", "ann\u00c2\u0085", "x".repeat(101)])(
    "G12: the user %j is refused",
    (name) =>
      expect(sent({ "remote-user": name })).toMatchObject({ status: 403, kind: "wrong_proxy_header" }),
  );

  test("tells the client's address: the last one that is not a proxy's", () => {
    const address = (text: string) =>
      rig.access.addressOf(get({ "x-forwarded-for": text }, { peer: "10.0.0.2" }));
    expect(address("192.0.2.7")).toBe("192.0.2.7");
    expect(address("198.51.100.1, 192.0.2.7, 10.1.0.1")).toBe("192.0.2.7");
    expect(address("not an address")).toBe("10.0.0.2");
    expect(address("")).toBe("10.0.0.2");
  });

  test("G12: the name that it was asked for must be the bridge's, besides the one that it asks for", () => {
    const host = (headers: Record<string, string>) =>
      rig.access.checkHost(get(headers, { peer: "10.0.0.2" }));
    expect(host({ "x-forwarded-host": "console.example" })).toBeUndefined();
    expect(host({ "x-forwarded-host": "evil.example" })).toMatchObject({ status: 421 });
    expect(host({ "x-forwarded-host": "evil.example, console.example" })).toMatchObject({ status: 421 });
    expect(host({ host: "evil.example", "x-forwarded-host": "console.example" })).toMatchObject({
      status: 421,
    });
  });

  test("that encrypts: users log in at the bridge, with the cookie of https and their own address", async () => {
    const { userHeader: _, roleHeader: __, ...plain } = trustedProxy;
    const behind = new AccessRig({ ...settings, trustedProxy: plain, users: [ANN] });
    const headers = {
      host: "10.0.0.5:8080",
      "x-forwarded-host": "console.example",
      "x-forwarded-proto": "https",
      "x-forwarded-for": "192.0.2.7",
    };
    const old = { ...headers, origin: "https://console.example", "content-type": "application/json" };
    const login = await behind.login("ann", "canary-ann", get(old, { method: "POST", peer: "10.0.0.2" }));
    expect("cookie" in login && login.cookie).toMatch(/^__Host-voltbridge=.*Secure$/);
    expect(behind.log).toMatch(/from 192\.0\.2\.7/);
    // The header of a proxy that names no users is nobody's.
    const named = get({ ...headers, "remote-user": "ann" }, { peer: "10.0.0.2" });
    expect(behind.access.identify(named)).toMatchObject(NEEDED);
  });
});
