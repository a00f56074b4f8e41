import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSite } from "../helpers/web.ts";

const TOKEN = "a".repeat(43);
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };
/** More than most routes take, and more than any does. */
const HUGE = [64 * 1024, 17 * 1024 * 1024].map((size) => JSON.stringify({ x: "x".repeat(size) }));
const NAMES = [
  "..%2f..%2fetc%2fpasswd",
  "%00",
  "x".repeat(5000),
  "%3Cscript%3E",
  "site%2Fs1%00",
  "%2e%2e",
  "__proto__",
];

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Operation {
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: Schema } } };
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
}

/** Every route of the document is asked for what it cannot take. A new route is covered by being in THE LIST. */
describe("bad input", () => {
  let web: WebSite;
  let routes: { method: string; path: string; operation: Operation }[];
  let before: unknown;

  beforeAll(async () => {
    web = await WebSite.start({
      bridge: { sessions: { enabled: true }, limits: { garage: { devices: ["site/s2"] } } },
      web: {
        tokens: [{ name: "script", role: "admin", hash: createHash("sha256").update(TOKEN).digest("hex") }],
      },
    });
    await web.scraped();
    const { body } = await web.get("/openapi.json", AUTHORIZATION);
    const paths = body.paths as Record<string, Record<string, Operation>>;
    routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
      })),
    );
    before = await state();
  });
  afterAll(() => web?.stop());

  /** Everything that a request could have changed. */
  async function state(): Promise<unknown> {
    const views = ["/overrides", "/reservations", "/events", "/commands"];
    const bodies = await Promise.all(views.map(async (path) => (await web.get(path, AUTHORIZATION)).body));
    const { maxKw } = (await web.get("/limits/garage", AUTHORIZATION)).body;
    const files = readdirSync(web.site.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /configs|registry/.test(entry.parentPath))
      .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "utf8")]);
    return { bodies, maxKw, files };
  }

  async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${web.url}/api/v1${path}`, {
      method,
      headers: {
        ...AUTHORIZATION,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Expects a refusal with problem details. */
  async function refused(statuses: readonly number[], ...request: Parameters<typeof ask>): Promise<void> {
    const { status, headers, text } = await ask(...request);
    const what = `${request[0]} ${request[1].slice(0, 120)} ${(request[2] ?? "").slice(0, 120)}: ${text.slice(0, 300)}`;
    expect(statuses, what).toContain(status);
    expect(headers.get("content-type"), what).toBe("application/problem+json");
    const { type, detail, status: said } = JSON.parse(text);
    expect({ said, type }, what).toEqual({
      said: status,
      type: expect.stringMatching(/^urn:voltbridge:problem:\w+$/),
    });
    expect(detail.length, what).toBeGreaterThan(5);
    expect(text, what).not.toMatch(/\bat .*\.ts:\d|node_modules/);
  }

  const filled = (path: string, name = "none") => path.replace(/\{\w+\}/g, name);

  test("names with tricks in the path are unknown", async () => {
    for (const { method, path, operation } of routes)
      if (path.includes("{"))
        for (const name of NAMES)
          await refused([400, 404, 422, 503], method, filled(path, name), operation.requestBody && "{}");
    // Longer than the server's limit of a request's head.
    expect((await ask("GET", `/devices/${"x".repeat(20_000)}`)).status).toBe(431);
    expect(await state()).toEqual(before);
  });

  test("an unknown query parameter, and one of a wrong type, is named", async () => {
    for (const { method, path, operation } of routes) {
      const body = operation.requestBody && "{}";
      await refused([400], method, `${filled(path)}?nonsense=1`, body);
      for (const { name, in: place, schema } of operation.parameters) {
        if (place !== "query") continue;
        const kind = schema.type;
        if (kind === "integer" || kind === "boolean" || kind === "number")
          for (const wrong of ["abc", "1e999", "-1.5", "%00"])
            await refused([400], method, `${filled(path)}?${name}=${wrong}`, body);
        else if (path !== "/live") await refused([400], method, `${filled(path)}?${name}=%00`, body);
      }
    }
    expect(await state()).toEqual(before);
  });

  test("a body of a wrong type, size, form or media type is refused", async () => {
    for (const { method, path, operation } of routes) {
      const schema = operation.requestBody?.content["application/json"].schema;
      if (!schema) continue;
      const place = filled(path);
      for (const body of [
        "{",
        "",
        "null",
        "[]",
        '"x"',
        "1",
        '{"nonsense":1}',
        '{"__proto__":{"x":1}}',
        "[".repeat(5000),
      ])
        await refused([400], method, place, body);
      for (const [name, { type }] of Object.entries(schema.properties ?? {}))
        if (type !== undefined)
          for (const wrong of [{ $: 1 }, [[]], type === "boolean" ? "yes" : true])
            await refused([400], method, place, JSON.stringify({ [name]: wrong }));
      await refused([415], method, place, "{}", { "content-type": "text/plain" });
      let huge: Awaited<ReturnType<typeof ask>> | undefined;
      for (const large of HUGE) {
        huge = await ask(method, place, large).catch(() => undefined);
        if (huge?.status === 413) break;
      }
      if (huge) expect(huge.status).toBe(413);
    }
    expect(await state()).toEqual(before);
  });

  test("methods that a path does not have are refused with those that it has", async () => {
    const byPath = Map.groupBy(routes, ({ path }) => path);
    for (const [path, known] of byPath) {
      const methods = known.map(({ method }) => method);
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        // `/registries/attributes` is `/registries/{name}` too.
        const others = routes.filter(
          (one) => one.method === method && patternOf(one.path).test(filled(path)),
        );
        if (others.length > 0) continue;
        await refused([405], method, filled(path));
        const { headers } = await ask(method, filled(path));
        expect(headers.get("allow")?.split(", ")).toEqual(expect.arrayContaining(methods));
      }
    }
    expect(await state()).toEqual(before);
  });

  test("a body that nobody asked for is not waited for", async () => {
    for (const { method, path, operation } of routes)
      if (method === "DELETE" && !operation.requestBody && path !== "/session")
        await refused([400, 404, 503], method, filled(path), "x".repeat(1_000_000));
    expect(await state()).toEqual(before);
  });
});

/** Returns the pattern of the addresses that a path of the document stands for. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
}
