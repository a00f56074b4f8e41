import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { freePort, makeCertificates } from "../helpers/mosquitto.ts";
import { WebSite } from "../helpers/web.ts";

describe.concurrent("the HTTP server", () => {
  let web: WebSite;
  beforeAll(async () => {
    web = await WebSite.start({ device: { interval: 60 }, guestRole: "operate" });
  });
  afterAll(() => web?.stop());

  test("serves the page for the address of every view, and nothing besides its own files", async () => {
    for (const path of ["/", "/stations/site/s1", "/system"]) {
      const page = await fetch(web.url + path);
      expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    }
    for (const path of [
      "/assets/nothing.js",
      "/assets/..%2f..%2fpackage.json",
      "/assets/%2e%2e/%2e%2e/package.json",
    ])
      expect((await fetch(web.url + path)).headers.get("content-type")).not.toContain("javascript");
    const [, asset] = /src="(\/assets\/[^"]+)"/.exec(await (await fetch(web.url)).text())!;
    const script = await fetch(web.url + asset!, { headers: { "accept-encoding": "gzip, br" } });
    expect(script.headers.get("content-encoding")).toBe("br");
    expect(script.headers.get("cache-control")).toContain("immutable");
  });

  test("unknown routes and other methods get problem details", async () => {
    const unknown = await fetch(`${web.url}/api/v1/nothing`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ type: "urn:voltbridge:problem:no_such_route" });
    const put = await fetch(`${web.url}/api/v1/devices`, { method: "PUT", body: "{}" });
    expect(put.status).toBe(405);
    expect(put.headers.get("allow")).toBe("GET");
    expect((await fetch(`${web.url}/stations`, { method: "POST" })).status).toBe(405);
  });

  test("a body that is too large, no JSON or of another type is refused", async () => {
    const post = (body: string, type: string) =>
      fetch(`${web.url}/api/v1/devices/site%2Fs1/revert`, {
        method: "POST",
        headers: { "content-type": type, "sec-fetch-site": "same-origin" },
        body,
      });
    expect((await post(JSON.stringify({ id: "x".repeat(100_000) }), "application/json")).status).toBe(413);
    expect((await post("{", "application/json")).status).toBe(400);
    expect((await post("{}", "text/plain")).status).toBe(415);
    expect(web.simulator.calls.filter(({ operation }) => operation === "clearShedState")).toEqual([]);
  });

  test("a client that sends its request too slowly is cut off", async ({ onTestFinished }) => {
    const { hostname, port } = new URL(web.url);
    const slow = createConnection(Number(port), hostname);
    onTestFinished(() => void slow.destroy());
    slow.write("GET /healthz HTTP/1.1\r\nHost: x\r\n");
    slow.resume();
    await once(slow, "close");
  });

  test("is alive at once, and ready when broker, store and scrapes are", async () => {
    expect((await fetch(`${web.url}/healthz`)).status).toBe(200);
    await eventually(async () => expect((await fetch(`${web.url}/readyz`)).status).toBe(200));
  });

  test("a port that is taken does not keep the bridge from starting; the page opens when it is free", async ({
    onTestFinished,
  }) => {
    const port = await freePort();
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const site = await WebSite.start({ stations: 1, web: { port }, device: { interval: 60 } });
    onTestFinished(() => site.stop());
    expect(site.bridge.web!.url).toBeUndefined();
    other.close();
    await eventually(() => expect(site.bridge.web!.url).toBe(`http://127.0.0.1:${port}`));
  });

  test("a bridge that stops while a command is under way still answers it", async () => {
    const site = await WebSite.start({ stations: 1, guestRole: "operate" });
    await site.scraped();
    site.simulator.trouble.add({ operation: "shedLoad", effect: { kind: "delay", seconds: 1.5 } });
    const answer = site.post("/devices/site%2Fs1/points/allowedLoad_1/set", { value: 3 });
    await eventually(() =>
      expect(site.simulator.calls.some(({ operation }) => operation === "shedLoad")).toBe(true),
    );
    await site.stop();
    expect(["accepted", "confirmed", "unconfirmed", "failed"]).toContain(
      (await answer).body.status ?? (await answer).body.command.status,
    );
  });

  test("over TLS a renewed certificate is taken while it runs, and one that does not fit its key is not", async ({
    onTestFinished,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), "voltbridge-tls-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    makeCertificates(folder);
    const [cert, key] = [join(folder, "used.pem"), join(folder, "used.key")];
    const use = (name: string) => {
      copyFileSync(join(folder, `${name}.key`), key);
      copyFileSync(join(folder, `${name}.pem`), cert);
    };
    use("server");
    const site = await WebSite.start({ stations: 1, web: { tls: { cert, key } }, device: { interval: 60 } });
    onTestFinished(() => site.stop());
    const subject = () =>
      new Promise<string>((resolve, reject) => {
        const asked = request(
          `${site.bridge.web!.url}/healthz`,
          { rejectUnauthorized: false, agent: false },
          (answer) => {
            answer.resume();
            const { subject } = (answer.socket as import("node:tls").TLSSocket).getPeerCertificate();
            answer.on("end", () => resolve(String(subject.CN)));
          },
        );
        asked.on("error", reject).end();
      });
    expect(await subject()).toBe("server");
    copyFileSync(join(folder, "other-ca.pem"), cert);
    await eventually(() =>
      expect(site.notices.some(({ kind }) => kind === "certificate_refused")).toBe(true),
    );
    expect(await subject()).toBe("server");
    use("client");
    await eventually(async () => expect(await subject()).toBe("client"));
  });
});
