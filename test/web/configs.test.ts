import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeToken } from "../../src/web/access/tokens.ts";
import { WebSite } from "../helpers/web.ts";

const KEPT = "••••••••";
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a config
const VARIABLE = "${VOLTBRIDGE_TEST_SECRET}";
const SECRET = "hunter2-of-the-broker";

let web: WebSite;
const { token, hash } = makeToken();
const admin = { authorization: `Bearer ${token}` };
const at = (name: string) => join(web.site.folder, "configs", name);
const onDisk = (name: string) => readFileSync(at(name), "utf8");
const path = (name: string) => `/configs/${encodeURIComponent(name)}`;
const read = async (name: string) => (await web.get(path(name), admin)).body;
const check = (name: string, text: string) => web.post(`${path(name)}/check`, { text }, admin);
const put = (name: string, text: string, basedOn: string | null) =>
  web.call("PUT", path(name), { body: { text, basedOn }, headers: admin });
const codes = ({ body }: { body: { problems?: unknown[]; diagnostics?: unknown[] } }) =>
  ((body.problems ?? body.diagnostics) as { code: string; path: string }[]).map(
    (one) => `${one.code} ${one.path}`,
  );

/** A device config with comments, in the way people write them. */
const device = (more = "") => `{
  // The one at the gate
  "driver_type": "chargepoint",
  "driver_config": {
    "stationID": "1:999",
    "username": "key", "password": "${SECRET}", # old: "password": "earlier-secret"
    "endpoint": "http://127.0.0.1:9"${more}
  },
  "registry_config": "config://chargepoint.csv", /* all
     points */
}
`;

beforeAll(async () => {
  web = await WebSite.start({
    stations: 1,
    web: {
      tokens: [{ name: "engineer", hash, role: "admin" }],
      users: [{ name: "jo", password: "password-of-jo", role: "view" }],
    },
    prepare: (site) => {
      site.write("configs/devices/gate.json", device());
      process.env.VOLTBRIDGE_TEST_SECRET = "from-the-environment";
    },
  });
});
afterAll(async () => {
  delete process.env.VOLTBRIDGE_TEST_SECRET;
  await web?.stop();
});

describe("configs over HTTP", () => {
  test("are listed with the device that each makes", async () => {
    const { body } = await web.get("/configs", admin);
    expect(body.configs).toMatchObject([
      { name: "bridge.json", kind: "bridge", device: null },
      { name: "devices/gate.json", kind: "device", device: "gate" },
      { name: "devices/site/s1.json", kind: "device", device: "site/s1" },
    ]);
  });

  test("show no secret: not in settings, not in comments, not in the file of a user", async () => {
    const gate = await read("devices/gate.json");
    expect(gate.text).toBe(device().replace(SECRET, KEPT).replace("earlier-secret", KEPT));
    expect(gate.problems.filter(({ severity }: { severity: string }) => severity === "error")).toEqual([]);
    const bridge = await read("bridge.json");
    expect(bridge.text).not.toContain("password-of-jo");
    expect(bridge.text).not.toContain(hash);
    expect(JSON.parse(bridge.text).web.users).toEqual([{ name: "jo", password: KEPT, role: "view" }]);
  });

  test("show no secret of a file that is no JSON, and none in a URL", async () => {
    writeFileSync(
      at("devices/broken.json"),
      `{ "driver_config": { "password": "${SECRET}", "token": 'tick' "apiKey": "a key" `,
    );
    const broken = await read("devices/broken.json");
    expect(broken.text).toBe(
      `{ "driver_config": { "password": "${KEPT}", "token": '${KEPT}' "apiKey": "${KEPT}" `,
    );
    expect(broken.problems[0].code).toBe("bad_json");
    writeFileSync(
      at("devices/broken.json"),
      `{ "driver_config": { "endpoint": "http://me:pw@host/x", "pasword": "${SECRET}" } }`,
    );
    expect((await read("devices/broken.json")).text).toBe(
      `{ "driver_config": { "endpoint": "http://me:${KEPT}@host/x", "pasword": "${KEPT}" } }`,
    );
    const kept = await check(
      "devices/broken.json",
      `{ "driver_config": { "endpoint": "http://me:${KEPT}@elsewhere/x" } }`,
    );
    expect(codes(kept)).toContain("secret_needed driver_config.endpoint");
  });

  test("a save keeps the secret, the comments and the formatting, and a copy of what was there", async () => {
    const before = await read("devices/gate.json");
    const text = before.text.replace('"registry_config"', '"interval": 30,\n  "registry_config"');
    const { status, body } = await put("devices/gate.json", text, before.revision);
    expect(status).toBe(200);
    expect(onDisk("devices/gate.json")).toBe(
      device().replace('"registry_config"', '"interval": 30,\n  "registry_config"'),
    );
    expect(body.reload).toMatchObject({ result: "applied", changes: [{ kind: "changed", device: "gate" }] });
    expect(onDisk(`devices/${body.backup}`)).toBe(device());
    expect(statSync(at(`devices/${body.backup}`)).mode & 0o777).toBe(0o600);
    expect(statSync(at("devices/gate.json")).mode & 0o777).toBe(0o600);
    expect(web.bridge.devices.byPath.get("gate")!.intervalSeconds).toBe(30);
  });

  test("a kept secret is not sent to another server: the password is asked for again", async () => {
    const { text, revision } = await read("devices/gate.json");
    const before = onDisk("devices/gate.json");
    for (const changed of [
      text.replace("http://127.0.0.1:9", "http://attacker.example"),
      text.replace('"endpoint": "http://127.0.0.1:9"', '"region": "EU"'),
      text.replace('"endpoint": "http://127.0.0.1:9"', '"region": "EU", "endpoint": "http://127.0.0.1:9"'),
    ]) {
      const refused = await put("devices/gate.json", changed, revision);
      expect(refused.status).toBe(422);
      expect(codes(refused)).toEqual(["secret_needed driver_config.password"]);
      expect(refused.body.diagnostics[0].message).toContain("enter it again");
      expect(codes(await check("devices/gate.json", changed))).toEqual([
        "secret_needed driver_config.password",
      ]);
    }
    expect(onDisk("devices/gate.json")).toBe(before);
    const elsewhere = text
      .replace("http://127.0.0.1:9", "http://127.0.0.1:10")
      .replace(`"password": "${KEPT}"`, '"password": "typed-again"');
    expect((await put("devices/gate.json", elsewhere, revision)).status).toBe(200);
    expect(onDisk("devices/gate.json")).toContain('"password": "typed-again"');
    expect((await read("devices/gate.json")).text).not.toContain("typed-again");
  });

  test("a secret stays in its own setting and its own file", async () => {
    const { text } = await read("devices/gate.json");
    const moved = text.replace(
      `"username": "key", "password": "${KEPT}"`,
      `"username": "${KEPT}", "password": "x"`,
    );
    expect(codes(await check("devices/gate.json", moved))).toEqual(["secret_needed driver_config.username"]);
    expect(codes(await check("devices/other.json", text))).toEqual(["secret_needed driver_config.password"]);
    const topic = text.replace('"interval"', `"campus": "${KEPT}", "interval"`);
    expect(codes(await check("devices/gate.json", topic))).toEqual(["secret_needed campus"]);
  });

  test("neither the environment nor a file of the machine is read through a new reference", async () => {
    const { text } = await read("devices/gate.json");
    for (const [changed, place] of [
      [text.replace('"interval"', `"campus": "${VARIABLE}", "interval"`), "campus"],
      [text.replace(`"${KEPT}"`, `"${VARIABLE}"`), "driver_config.password"],
      [text.replace(`"${KEPT}"`, '{ "file": "/etc/shadow" }'), "driver_config.password.file"],
      [text.replace('"key"', '{ "file": "/etc/hostname" }'), "driver_config.username.file"],
    ] as const) {
      const found = await check("devices/gate.json", changed);
      expect(codes(found)).toEqual([`new_reference ${place}`]);
      expect(JSON.stringify(found.body)).not.toContain("from-the-environment");
    }
    const path = text.replace("config://chargepoint.csv", "../../../../etc/passwd");
    expect(codes(await check("devices/gate.json", path))).toEqual(["local_setting registry_config"]);
  });

  test("a new device uses the variables of those that run, for the same server only", async () => {
    const config = (more: object) =>
      JSON.stringify({
        driver_type: "chargepoint",
        driver_config: {
          stationID: "1:5",
          username: "other",
          password: VARIABLE,
          endpoint: "http://127.0.0.1:9",
          ...more,
        },
        registry_config: "config://chargepoint.csv",
      });
    web.site.write("configs/devices/known.json", config({}));
    await web.post("/reload", {}, admin);
    expect(codes(await check("devices/new.json", config({ endpoint: "http://attacker.example" })))).toEqual([
      "new_reference driver_config.password",
    ]);
    const made = await put("devices/new.json", config({ stationID: "1:6" }), null);
    expect(made.status).toBe(200);
    expect(statSync(at("devices/new.json")).mode & 0o777).toBe(0o600);
    const shown = await read("devices/new.json");
    expect(shown.text).toContain(VARIABLE);
  });

  test("users, folders and files of the machine are not changed through the web", async () => {
    const { text, revision } = await read("bridge.json");
    const changed = (change: (config: Record<string, never>) => void) => {
      const config = JSON.parse(text);
      change(config);
      return JSON.stringify(config);
    };
    // biome-ignore lint/suspicious/noExplicitAny: a config as written
    const cases: [string, (config: any) => void][] = [
      ["web", (config) => config.web.users.push({ name: "me", password: "mine", role: "admin" })],
      ["web", (config) => config.web.tokens.pop()],
      ["data", (config) => Object.assign(config, { data: "/tmp/elsewhere" })],
      ["devices", (config) => Object.assign(config, { devices: "/" })],
      ["registries", (config) => Object.assign(config, { registries: "/etc" })],
      ["mqtt.ca", (config) => Object.assign(config.mqtt, { ca: "/etc/passwd" })],
      [
        "historian.connection.path",
        (config) => Object.assign(config.historian, { connection: { path: "/tmp/x.sqlite" } }),
      ],
      ["metrics", (config) => Object.assign(config, { metrics: { host: "0.0.0.0", port: 9100 } })],
    ];
    for (const [place, change] of cases)
      expect(codes(await put("bridge.json", changed(change), revision))).toEqual([`local_setting ${place}`]);
    const site = changed((config) =>
      Object.assign(config, { limits: { garage: { devices: ["site/*"], max_kw: 20 } } }),
    );
    const saved = await put("bridge.json", site, revision);
    expect(saved.status === 200 ? [] : codes(saved)).toEqual([]);
    expect(saved.body.reload.settings).toEqual(["limits"]);
    expect(JSON.parse(onDisk("bridge.json")).web.users[0].password).toBe("password-of-jo");
  });

  test("a config with an error is not written; the problem is at its place in the text as given", async () => {
    const { text, revision } = await read("devices/gate.json");
    const before = onDisk("devices/gate.json");
    const wrong = text
      .replace('"username": "key"', '"username": "key"')
      .replace(/("password": "[^"]*",)/, '$1 "shed_lease_minutes": -1,');
    const { body, status } = await put("devices/gate.json", wrong, revision);
    expect(status).toBe(422);
    const [found] = body.diagnostics;
    const lines = wrong.split("\n");
    expect(lines[found.line - 1]!.slice(found.column - 1)).toMatch(/^-1/);
    expect((await put("devices/gate.json", "{ no json", revision)).status).toBe(422);
    expect(onDisk("devices/gate.json")).toBe(before);
  });

  test("what changed on disk meanwhile is never overwritten, and the answer has no secret of it", async () => {
    const { text, revision } = await read("devices/gate.json");
    const now = onDisk("devices/gate.json").replace('"interval": 30', '"interval": 60');
    writeFileSync(at("devices/gate.json"), now);
    const { status, body } = await put("devices/gate.json", text, revision);
    expect([status, body.type]).toEqual([409, "urn:voltbridge:problem:file_changed"]);
    expect(onDisk("devices/gate.json")).toBe(now);
    expect((await read("devices/gate.json")).revision).toBe(body.revision);
  });

  test("a preview shows the changed lines without secrets, and the changed device", async () => {
    const { text } = await read("devices/gate.json");
    const { body } = await web.post(
      `${path("devices/gate.json")}/preview`,
      {
        text: text
          .replace('"interval": 60', '"interval": 90')
          .replace(`"password": "${KEPT}"`, '"password": "brand-new"'),
      },
      admin,
    );
    expect(JSON.stringify(body)).not.toContain("brand-new");
    expect(
      body.diff
        .flatMap(({ lines }: { lines: string[] }) => lines)
        .filter((line: string) => /^[-+]/.test(line)),
    ).toEqual(['-  "interval": 60,', '+  "interval": 90,']);
    expect(body.changes).toMatchObject([{ kind: "changed", device: "gate" }]);
  });

  test("no name leads out of the folder, nor to the bridge config by another name", async () => {
    writeFileSync(join(web.site.folder, "outside.json"), "{}");
    symlinkSync(join(web.site.folder, "outside.json"), at("devices/link.json"));
    symlinkSync(at("bridge.json"), at("devices/alias.json"));
    for (const name of [
      "devices/../bridge.json",
      "devices/link.json",
      "devices/alias.json",
      "devices/x.csv",
      "devices//x.json",
      "devices/a.schema.json",
    ])
      expect([name, (await web.get(path(name), admin)).status]).toEqual([name, 400]);
    for (const name of ["other.json", "../outside.json", "/etc/passwd", "devices"])
      expect([name, (await web.get(path(name), admin)).status]).toEqual([name, 404]);
    expect((await web.get(path("devices/none.json"), admin)).status).toBe(404);
    expect((await web.get("/configs")).status).toBe(401);
    expect(existsSync(at("devices/x.csv"))).toBe(false);
    expect(readdirSync(at("devices")).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});
