import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeToken } from "../../src/web/access/tokens.ts";
import { chromiumInstalled, startChromium } from "../helpers/browser.ts";
import { endings } from "../helpers/endings.ts";
import { eventually } from "../helpers/eventually.ts";
import { WebSite } from "../helpers/web.ts";
import { cheapHash } from "./access-rig.ts";

const PASSWORD = "correct horse";
const SET = "/devices/site%2Fs1/points/allowedLoad_1/set";

describe("who may do what over HTTP", () => {
  let web: WebSite;
  let users: readonly object[];
  const operator = makeToken();
  const viewer = makeToken();
  beforeAll(async () => {
    const hash = cheapHash(PASSWORD);
    users = [
      { name: "vera", hash, role: "view" },
      { name: "oskar", hash, role: "operate" },
      { name: "ada", hash, role: "admin" },
    ];
    const tokens = [
      { name: "script", hash: operator.hash, role: "operate" },
      { name: "prometheus", hash: viewer.hash },
    ];
    web = await WebSite.start({
      stations: 1,
      web: { users, tokens },
      prepare(site) {
        const file = join(site.folder, "registry", "chargepoint.csv");
        appendFileSync(file, "userID_1,userID,LoadRegister,1,string,,,FALSE,,,,never\n");
      },
    });
    await web.scraped();
  });
  afterAll(() => web?.stop());

  const login = async (name: string, password = PASSWORD) => {
    const answer = await web.post("/session", { name, password });
    return { ...answer, cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0]! };
  };
  const sheds = () => web.simulator.calls.filter(({ operation }) => operation === "shedLoad").length;

  test("G12: without a login nothing is shown and nothing is written", async () => {
    for (const path of ["/devices", "/health", "/live", "/notices", "/commands", "/registries"])
      expect(await web.get(path)).toMatchObject({ status: 401, body: { detail: expect.any(String) } });
    expect((await web.post(SET, { value: 1 })).status).toBe(401);
    expect((await fetch(`${web.url}/metrics`)).status).toBe(401);
    expect((await web.get("/bridge")).body).toMatchObject({ instance: null, login: true, caller: null });
    expect(sheds()).toBe(0);
  });

  test("G12: a role may do what it is for, and no more", async () => {
    const [vera, oskar, ada] = await Promise.all(["vera", "oskar", "ada"].map((name) => login(name)));
    expect((await web.get("/devices", { cookie: vera!.cookie })).status).toBe(200);
    expect((await web.post(SET, { value: 1 }, { cookie: vera!.cookie })).body.type).toContain("role_needed");
    expect((await web.get("/registries", { cookie: oskar!.cookie })).status).toBe(403);
    expect((await web.get("/registries", { cookie: ada!.cookie })).status).toBe(200);
    const set = await web.post(SET, { value: 3, durationMinutes: 15 }, { cookie: oskar!.cookie });
    expect(set.body).toMatchObject({ requester: "oskar", status: "confirmed" });
    await web.post(SET.replace("/set", "/revert"), {}, { cookie: oskar!.cookie });
  });

  test("personal data is withheld from those who only look", async () => {
    const station = web.simulator.stationIDs[0]!;
    web.simulator.world.plugIn(station, "1", { kw: 6.6, needKwh: 50 });
    const [vera, oskar] = await Promise.all([login("vera"), login("oskar")]);
    const userID = async (cookie: string) =>
      (await web.get("/devices/site%2Fs1/points/userID_1", { cookie })).body;
    await eventually(async () => expect((await userID(oskar.cookie)).value).toMatch(/\d/));
    expect(await userID(vera.cookie)).toMatchObject({ value: null, withheld: true, personal: true });
  });

  test("G12: a session that ended is worth nothing, neither to its owner nor to a thief", async () => {
    const { cookie } = await login("oskar");
    expect((await web.call("DELETE", "/session", { headers: { cookie } })).status).toBe(204);
    expect((await web.post(SET, { value: 1 }, { cookie })).body.type).toContain("session_ended");
  });

  test("G12: requests that another page makes a browser send are refused", async () => {
    const { cookie } = await login("oskar");
    const before = sheds();
    const from = (headers: Record<string, string>) => web.post(SET, { value: 1 }, { cookie, ...headers });
    expect((await from({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await from({ "sec-fetch-site": "same-site" })).status).toBe(403);
    expect((await from({ "sec-fetch-site": "", origin: "https://evil.example" })).status).toBe(403);
    const text = await fetch(`${web.url}/api/v1${SET}`, {
      method: "POST",
      headers: { cookie, "sec-fetch-site": "same-origin", "content-type": "text/plain" },
      body: JSON.stringify({ value: 1 }),
    });
    expect(text.status).toBe(415);
    expect(sheds()).toBe(before);
  });

  test("G12: a name that points here is not enough (DNS rebinding)", async () => {
    const { hostname, port } = new URL(web.url);
    const asked = request({
      hostname,
      port,
      path: "/api/v1/bridge",
      headers: { host: `evil.example:${port}` },
    }).end();
    const [answer] = await once(asked, "response");
    expect(answer.statusCode).toBe(421);
    answer.resume();
  });

  test("a script with a token needs no cookie and no page", async () => {
    const headers = { authorization: `Bearer ${operator.token}`, "sec-fetch-site": "" };
    expect((await web.post(SET, { value: 2, durationMinutes: 15 }, headers)).body).toMatchObject({
      requester: "script",
    });
    await web.post(SET.replace("/set", "/revert"), {}, headers);
    expect((await web.get("/devices", { authorization: "Bearer wrong" })).body.type).toContain("wrong_token");
    const metrics = await fetch(`${web.url}/metrics`, {
      headers: { authorization: `Bearer ${viewer.token}` },
    });
    expect(await metrics.text()).toContain("voltbridge_mqtt_connected");
  });

  test("a user whose entry is removed from the file is out at once", async () => {
    const { cookie } = await login("ada");
    expect((await web.get("/registries", { cookie })).status).toBe(200);
    const file = JSON.parse(readFileSync(web.site.config, "utf8"));
    file.web.users = users.slice(0, 2);
    writeFileSync(web.site.config, JSON.stringify(file));
    await eventually(() => expect(web.notices.some(({ text }) => text.includes("web changed"))).toBe(true));
    expect((await web.get("/registries", { cookie })).status).toBe(401);
  });

  test("wrong passwords are slowed down, and say nothing about the user name", async () => {
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await login(i % 2 ? "mallory" : "nobody", `wrong ${i}`));
    expect(answers[0]).toMatchObject({
      status: 401,
      body: { detail: "the user name or the password is wrong" },
    });
    expect(answers.at(-1)!.status).toBe(429);
    expect(Number(answers.at(-1)!.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test.runIf(chromiumInstalled)(
    "G12: a form and a script of another origin in a real browser change nothing",
    async () => {
      const before = sheds();
      const evil = createServer((_, response) => {
        response.setHeader("content-type", "text/html");
        response.end(`<form id="f" method="post" enctype="text/plain" action="${web.url}/api/v1${SET}"><input name='{"value":1,"x":"' value='"}'></form>
        <script>
          const done = [];
          for (const mode of ["no-cors", "cors"])
            done.push(fetch("${web.url}/api/v1${SET}", { method: "POST", mode, credentials: "include", body: '{"value":1}', headers: mode === "cors" ? { "content-type": "application/json" } : {} }).then((r) => r.type + r.status, () => "blocked"));
          Promise.all(done).then((all) => { document.title = all.join(" "); });
        </script>`);
      }).listen(0, "127.0.0.1");
      await once(evil, "listening");
      endings.push(() => evil.close());
      const browser = await startChromium();
      endings.push(() => browser.close());
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
      await page.waitForFunction("document.title !== ''");
      expect(await page.title()).toBe("blocked blocked");
      const [answer] = await Promise.all([
        page.waitForNavigation(),
        page.evaluate("document.getElementById('f').submit()"),
      ]);
      expect(answer!.status()).toBeGreaterThanOrEqual(400);
      expect(sheds()).toBe(before);
    },
  );
});
