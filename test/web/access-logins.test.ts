import { describe, expect, test } from "vitest";
import { parsePasswordHash } from "../../src/config/password-hash.ts";
import type { Refusal } from "../../src/web/access/caller.ts";
import { hashPassword, isPassword } from "../../src/web/access/passwords.ts";
import { AccessRig, ANN, BOB, cheapHash, get, HOUR_MS, post } from "./access-rig.ts";

const ENDED = { status: 401, kind: "session_ended" };

describe("a login", () => {
  test("gives a caller and a cookie that scripts and other sites cannot use", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const login = await rig.login("ann", "canary-ann");
    expect(login).toMatchObject({ caller: { name: "ann", role: "operate", via: "session" } });
    expect("cookie" in login && login.cookie).toMatch(
      /^voltbridge=[\w-]{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Strict$/,
    );
    expect(rig.identify(await rig.cookie())).toEqual({ name: "ann", role: "operate", via: "session" });
    expect(rig.log).toMatch(/"ann" logged in from 127\.0\.0\.1/);
  });

  test("over TLS the cookie has the prefix __Host-, and no other is read", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const secure = { secure: true };
    const login = await rig.login("ann", "canary-ann", post({}, secure));
    expect("cookie" in login && login.cookie).toMatch(/^__Host-voltbridge=.*; Secure$/);
    const cookie = "cookie" in login ? login.cookie.split(";")[0]! : "";
    expect(rig.access.identify(get({ cookie }, secure))).toMatchObject({ name: "ann" });
    const plain = cookie.replace("__Host-", "");
    expect(rig.access.identify(get({ cookie: plain }, secure))).toMatchObject({ kind: "login_needed" });
  });

  test("with a wrong password and with an unknown name has one answer, and neither is in the log", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const wrong = await rig.login("ann", "canary-wrong");
    expect(wrong).toMatchObject({ status: 401, kind: "wrong_login" });
    expect(await rig.login("canary-name", "canary-ann")).toEqual(wrong);
    expect(await rig.login("ann", "")).toEqual(wrong);
    expect(rig.log).toMatch(/failed login of "ann" from 127\.0\.0\.1/);
    expect(rig.log).not.toMatch(/canary/);
  });

  test("with an unknown name takes as long as with a known one", async () => {
    // Costly enough to be seen: about 100 ms.
    const slow = { name: "ann", hash: cheapHash("canary-ann", 2 ** 15, 8, 1), role: "view" } as const;
    const rig = new AccessRig({ users: [slow] });
    const cpu = async (name: string) => {
      const before = process.cpuUsage();
      await rig.login(name, "canary-wrong");
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const known = await cpu("ann");
    expect(await cpu("nobody")).toBeGreaterThan(known / 3);
  });

  test("with a password of the config works, whatever its form in Unicode", async () => {
    const rig = new AccessRig({ users: [{ name: "zoë", password: "canary-é", role: "view" }, ANN] });
    const [name, password] = ["zoe\u0308", "canary-e\u0301"];
    expect(await rig.login(name, password)).toMatchObject({ caller: { name: "zoë" } });
    expect(await rig.login("zoë", "canary-e")).toMatchObject({ kind: "wrong_login" });
  });

  test("ends the session that the browser had", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const first = await rig.cookie();
    const second = await rig.cookie("ann", post({ cookie: first }));
    expect(second).not.toBe(first);
    expect(rig.identify(first)).toMatchObject(ENDED);
    expect(rig.identify(second)).toMatchObject({ name: "ann" });
  });
});

describe("G12: a session", () => {
  test("ends after its idle time, which a use begins again and an open page does not", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const cookie = await rig.cookie();
    const caller = { name: "ann", role: "operate", via: "session" } as const;
    for (const _ of [1, 2]) {
      rig.clock.block(7 * HOUR_MS);
      expect(rig.identify(cookie)).toEqual(caller);
    }
    rig.clock.block(7 * HOUR_MS);
    expect(rig.access.isStill(get({ cookie }), caller)).toBe(true);
    rig.clock.block(HOUR_MS);
    expect(rig.access.isStill(get({ cookie }), caller)).toBe(false);
    expect(rig.identify(cookie)).toMatchObject(ENDED);
  });

  test("ends after its absolute time, however much it is used", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const cookie = await rig.cookie();
    for (let hour = 1; hour < 24; hour++) {
      rig.clock.block(HOUR_MS);
      expect(rig.identify(cookie)).toMatchObject({ name: "ann" });
    }
    rig.clock.block(HOUR_MS);
    expect(rig.identify(cookie)).toMatchObject(ENDED);
  });

  test("that was logged out is of no use to a thief of its cookie, also after a restart", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const [cookie, other] = [await rig.cookie(), await rig.cookie()];
    expect(rig.access.logout(post({ cookie }))).toEqual({
      cookie: "voltbridge=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
    });
    expect(rig.identify(cookie)).toMatchObject({
      ...ENDED,
      headers: { "Set-Cookie": expect.stringContaining("Max-Age=0"), "WWW-Authenticate": /Bearer/ as never },
    });
    rig.restart();
    expect(rig.identify(cookie)).toMatchObject(ENDED);
    expect(rig.identify(other)).toMatchObject({ name: "ann" });
  });

  test("survives a restart with the time that is left, and a clock that was set back adds none", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const cookie = await rig.cookie();
    rig.clock.block(5 * HOUR_MS);
    rig.identify(cookie);
    rig.clock.block(2 * HOUR_MS);
    rig.restart();
    rig.clock.block(5 * HOUR_MS);
    expect(rig.identify(cookie)).toMatchObject({ name: "ann" });
    rig.clock.set(rig.clock.now() - 1000 * HOUR_MS);
    rig.restart();
    rig.clock.block(8 * HOUR_MS);
    expect(rig.identify(cookie)).toMatchObject(ENDED);
  });

  test.each([
    ["hash", { ...ANN, hash: cheapHash("canary-ann") }],
    ["role", { ...ANN, role: "view" as const }],
  ])("ends when the user's %s changes, and not when another user's does", async (_, changed) => {
    const rig = new AccessRig({ users: [ANN, BOB] });
    const [ann, bob] = [await rig.cookie("ann"), await rig.cookie("bob")];
    rig.change({ users: [changed, BOB] });
    expect(rig.identify(ann)).toMatchObject(ENDED);
    rig.change({ users: [ANN, BOB] });
    expect(rig.identify(ann)).toMatchObject(ENDED);
    expect(rig.identify(bob)).toMatchObject({ name: "bob", role: "admin" });
    rig.change({ users: [ANN] });
    expect(rig.identify(bob)).toMatchObject(ENDED);
  });

  test("is one of ten of a user; a further login ends the one that was used longest ago", async () => {
    const rig = new AccessRig({ users: [ANN, BOB] });
    const other = await rig.cookie("bob");
    const cookies: string[] = [];
    for (let i = 0; i < 10; i++) {
      rig.clock.block(1000);
      cookies.push(await rig.cookie());
    }
    rig.clock.block(1000);
    rig.identify(cookies[0]!);
    await rig.cookie();
    const ended = cookies.filter((cookie) => "status" in rig.identify(cookie));
    expect(ended).toEqual([cookies[1]]);
    expect(rig.identify(other)).toMatchObject({ name: "bob" });
  });

  test("leaves neither its id nor a password in the state file", async () => {
    const rig = new AccessRig({ users: [{ name: "ann", password: "canary-ann", role: "view" }] });
    const cookie = await rig.cookie();
    const saved = rig.store.namespace("web sessions").entries();
    expect(saved).toHaveLength(1);
    expect(JSON.stringify(saved)).not.toContain(cookie.split("=")[1]);
    expect(JSON.stringify(saved)).not.toContain("canary");
  });

  test("damaged in the state file is set aside, and the others go on", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const cookie = await rig.cookie();
    rig.store.namespace("web sessions").set("x", { user: 3 });
    rig.restart();
    expect(rig.identify(cookie)).toMatchObject({ name: "ann" });
    expect(rig.store.namespace("set aside").entries()).toHaveLength(1);
  });

  test.each(["voltbridge=", "voltbridge=x", "voltbridge; =;;", `voltbridge=${"A".repeat(20_000)}`])(
    "is not made up: %.20s",
    (cookie) => {
      const rig = new AccessRig({ users: [ANN] });
      expect(rig.identify(cookie)).toMatchObject({ status: 401 });
    },
  );
});

describe("G12: guesses", () => {
  const limited = (seconds: number) => ({
    status: 429,
    kind: "too_many_logins",
    headers: { "Retry-After": String(seconds) },
  });

  test("of one address: ten, then one a minute; others and those with a session notice nothing", async () => {
    const rig = new AccessRig({ users: [ANN, BOB] });
    const cookie = await rig.cookie("bob");
    const from = (peer: string) => post({}, { peer, secure: true });
    const guess = (n: number) => rig.login(`user-${n}`, "guess", from("192.0.2.1"));
    for (let n = 0; n < 10; n++) expect(await guess(n)).toMatchObject({ kind: "wrong_login" });
    expect(await guess(10)).toMatchObject(limited(60));
    rig.clock.block(45_000);
    expect(await rig.login("ann", "canary-ann", from("192.0.2.1"))).toMatchObject(limited(15));
    expect(await rig.login("ann", "canary-ann", from("192.0.2.2"))).toMatchObject({ caller: ANN_CALLER });
    expect(rig.identify(cookie)).toMatchObject({ name: "bob" });
    rig.clock.block(15_000);
    expect(await guess(11)).toMatchObject({ kind: "wrong_login" });
    expect(await guess(12)).toMatchObject(limited(60));
  });

  test("of one name: twenty from anywhere, then one in 30 seconds; the right password waits too", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const guess = (n: number, password = "guess") =>
      rig.login("ann", password, post({}, { peer: `192.0.2.${n}`, secure: true }));
    for (let n = 0; n < 20; n++) expect(await guess(n)).toMatchObject({ kind: "wrong_login" });
    expect(await guess(20, "canary-ann")).toMatchObject(limited(30));
    rig.clock.block(30_000);
    expect(await guess(20, "canary-ann")).toMatchObject({ caller: ANN_CALLER });
  });

  test("of one IPv6 customer count together, and so does IPv4 written as IPv6", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const guess = (peer: string, n: number) => rig.login(`u${n}`, "x", post({}, { peer, secure: true }));
    for (let n = 0; n < 10; n++) await guess(`2001:db8:0:1::${n}`, n);
    expect(await guess("2001:0db8::1:ffff:0:0:1", 10)).toMatchObject(limited(60));
    expect(await guess("2001:db8:0:2::1", 11)).toMatchObject({ kind: "wrong_login" });
    for (let n = 0; n < 10; n++) await guess("192.0.2.9", 20 + n);
    expect(await guess("::ffff:192.0.2.9", 31)).toMatchObject(limited(60));
  });

  test("logins that succeed are not counted", async () => {
    const rig = new AccessRig({ users: [ANN] });
    for (let n = 0; n < 25; n++) await rig.cookie();
    expect(await rig.login("ann", "guess")).toMatchObject({ kind: "wrong_login" });
  });

  test("many at once are checked one after the other, and only a few wait", async () => {
    const rig = new AccessRig({ users: [ANN] });
    const guess = (_: unknown, n: number) =>
      rig.login(`u${n}`, "x", post({}, { peer: `192.0.2.${n}`, secure: true }));
    const answers = await Promise.all(Array.from({ length: 200 }, guess));
    const kinds = answers.map((answer) => (answer as Refusal).kind);
    expect(kinds.filter((kind) => kind === "wrong_login")).toHaveLength(11);
    expect(kinds.filter((kind) => kind === "too_many_logins")).toHaveLength(189);
    expect(await rig.login("ann", "canary-ann")).toMatchObject({ caller: ANN_CALLER });
  });

  const ANN_CALLER = { name: "ann", role: "operate", via: "session" };
});

describe("a hash", () => {
  test("is of its password only, and another one each time", async () => {
    const hash = await hashPassword("canary-é");
    expect(hash).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    expect(await isPassword("canary-e\u0301", hash)).toBe(true);
    expect(await isPassword("canary-e", hash)).toBe(false);
    expect(await hashPassword("canary-é")).not.toBe(hash);
  });

  test.each([
    ["4 GB of memory", (hash: string) => hash.replace("$4096$8$1$", "$4194304$8$1$")],
    ["512 MB through r", (hash: string) => hash.replace("$4096$8$1$", "$65536$64$1$")],
    ["minutes through p", (hash: string) => hash.replace("$4096$8$1$", "$65536$8$99$")],
    ["no power of 2", (hash: string) => hash.replace("$4096$", "$4097$")],
    ["next to no cost", (hash: string) => hash.replace("$4096$", "$2$")],
    ["zero", (hash: string) => hash.replace("$4096$8$1$", "$4096$0$1$")],
    ["no salt", (hash: string) => hash.replace(/[\w-]{22}\$/, "$")],
    ["another algorithm", (hash: string) => hash.replace("scrypt", "bcrypt")],
    ["cut off", (hash: string) => hash.slice(0, -8)],
  ])("with %s is of no password, and is not computed", async (_, change) => {
    const hash = change(ANN.hash);
    expect(parsePasswordHash(hash)).toBeUndefined();
    expect(await isPassword("canary-ann", hash)).toBe(false);
    const rig = new AccessRig({ users: [{ ...ANN, hash }, BOB] });
    expect(await rig.login("ann", "canary-ann")).toMatchObject({ kind: "wrong_login" });
    expect(await rig.login("bob", "canary-bob")).toMatchObject({ caller: { name: "bob" } });
  });

  test("of a password of a million characters is refused without an hour's work", async () => {
    const rig = new AccessRig({ users: [ANN] });
    expect(await rig.login("ann", "x".repeat(1_000_000))).toMatchObject({ kind: "wrong_login" });
  });
});
