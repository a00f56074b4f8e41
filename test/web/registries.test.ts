import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeToken } from "../../src/web/access/tokens.ts";
import { WebSite } from "../helpers/web.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable";
const LOAD = "portLoad_1,portLoad,LoadRegister,1,float,kW,FALSE";
const NAME = "stationName,stationName,StationRegister,,string,,FALSE";
const text = (...rows: string[]) => `${[HEADER, ...rows].join("\n")}\n`;

let web: WebSite;
const { token, hash } = makeToken();
const viewer = makeToken();
const admin = { authorization: `Bearer ${token}` };
const file = (name: string) => join(web.site.folder, "registry", name);
const get = (path: string) => web.get(path, admin);
const post = (path: string, body: unknown) => web.post(path, body, admin);
const put = (name: string, body: unknown, headers: Record<string, string> = admin) =>
  web.call("PUT", `/registries/${encodeURIComponent(name)}`, { body, headers });
const put1 = async (name: string, content: string) => {
  writeFileSync(file(name), content);
  return (await get(`/registries/${name}`)).body;
};

beforeAll(async () => {
  web = await WebSite.start({
    web: {
      tokens: [
        { name: "engineer", hash, role: "admin" },
        { name: "operator", hash: viewer.hash, role: "operate" },
      ],
    },
    prepare: (site) => writeFileSync(join(site.folder, "registry", "chargepoint.csv"), text(LOAD, NAME)),
  });
  await web.scraped();
});
afterAll(() => web?.stop());

describe("registries over HTTP", () => {
  test("only an admin may look at them or write them", async () => {
    const operator = { authorization: `Bearer ${viewer.token}` };
    expect((await web.get("/registries", operator)).status).toBe(403);
    expect((await put("chargepoint.csv", { text: text(LOAD), basedOn: null }, operator)).status).toBe(403);
    expect((await web.get("/registries")).status).toBe(401);
    expect(readFileSync(file("chargepoint.csv"), "utf8")).toBe(text(LOAD, NAME));
  });

  test("the list has what is used, how much, and how many problems it has", async () => {
    writeFileSync(file("bad.csv"), text(LOAD.replace("float", "flaot")));
    const { body } = await get("/registries");
    const named = (name: string) => body.registries.find((one: { name: string }) => one.name === name);
    expect(named("chargepoint.csv")).toMatchObject({ devices: 2, errors: 0 });
    expect(named("bad.csv")).toMatchObject({ devices: 0, errors: 1 });
    expect(body.folder).toBe(join(web.site.folder, "registry"));
  });

  test("a registry has its cells, its problems by cell, and the devices that use it", async () => {
    const { body } = await get("/registries/chargepoint.csv");
    expect(body).toMatchObject({ text: text(LOAD, NAME), encoding: "utf-8", problems: [] });
    expect(body.grid.columns[0]).toEqual({ name: "Volttron Point Name", header: "Volttron Point Name" });
    expect(body.grid.rows[1]).toEqual({ line: 3, lines: 1, cells: NAME.split(",") });
    expect(body.devices.map(({ device }: { device: string }) => device)).toEqual(["site/s1", "site/s2"]);
    expect(body.revision).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a text is checked as the drivers of its devices see it, with rows and columns of the grid", async () => {
    const faulty = text(
      NAME,
      LOAD.replace("LoadRegister,1", "LoadRegister,").replace("portLoad,", "portLaod,"),
    );
    const { body } = await post("/registries/chargepoint.csv/check", { text: faulty });
    expect(body.problems).toContainEqual(
      expect.objectContaining({
        code: "unknown_attribute",
        severity: "error",
        line: 3,
        cell: "B3",
        row: 1,
        cellColumn: 1,
        suggestion: "portLoad",
      }),
    );
    const spanning = await post("/registries/new.csv/check", {
      text: `${HEADER},Notes\n${LOAD},"two\nlines"\n${NAME.replace("string", "strnig")}\n`,
    });
    expect(
      spanning.body.grid.rows.map(({ line, lines }: { line: number; lines: number }) => [line, lines]),
    ).toEqual([
      [2, 2],
      [4, 1],
    ]);
    expect(spanning.body.problems).toContainEqual(
      expect.objectContaining({ line: 4, row: 1, cell: "E3", cellColumn: 4 }),
    );
    const broken = await post("/registries/new.csv/check", { text: `${HEADER}\n"never closed,a\n` });
    expect(broken.body).toMatchObject({ grid: null, problems: [{ code: "bad_csv" }] });
  });

  test("what rows can name is listed with level, unit and call", async () => {
    const { body } = await get("/registries/attributes");
    expect(body.attributes).toContainEqual(
      expect.objectContaining({
        driver: "chargepoint",
        attribute: "portLoad",
        level: "port",
        unit: "kW",
        call: "getLoad",
      }),
    );
  });

  test("a text is tried on a station by its account, and the running device keeps its rows", async () => {
    const before = web.bridge.devices.counters().drivers.chargepoint!.calls!;
    const { status, body } = await post("/registries/chargepoint.csv/try", {
      text: text(
        LOAD,
        "mac,stationModel,StationRegister,,string,,FALSE",
        "oops,nothing,StationRegister,,string,,FALSE",
      ),
      device: "site/s1",
    });
    expect(status).toBe(200);
    expect(body.points.map(({ point }: { point: string }) => point)).toEqual(["portLoad_1", "mac"]);
    expect(body.points[0]).toMatchObject({ value: 0, call: "getLoad", units: "kW", failure: null });
    expect(body.points[0].ageSeconds).toBeGreaterThanOrEqual(0);
    expect(body.problems).toContainEqual(expect.objectContaining({ code: "unknown_attribute" }));
    expect(web.bridge.devices.counters().drivers.chargepoint!.calls!).toBeGreaterThan(before);
    expect([...web.bridge.devices.byPath.get("site/s1")!.points.keys()]).toEqual([
      "portLoad_1",
      "stationName",
    ]);
    const nobody = await post("/registries/chargepoint.csv/try", { text: text(LOAD), device: "site/s9" });
    expect(nobody).toMatchObject({ status: 404, body: { type: "urn:voltbridge:problem:device_not_found" } });
    const useless = await post("/registries/chargepoint.csv/try", {
      text: text("oops,nothing,StationRegister,,string,,FALSE"),
      device: "site/s1",
    });
    expect(useless).toMatchObject({ status: 422, body: { type: "urn:voltbridge:problem:file_not_usable" } });
  });

  test("a preview has the lines, points and devices that would change, and writes nothing", async () => {
    const { body } = await post("/registries/chargepoint.csv/preview", {
      text: text(LOAD, "label,stationName,StationRegister,,string,,FALSE"),
    });
    expect(body.diff).toEqual([
      {
        oldStart: 1,
        newStart: 1,
        lines: [` ${HEADER}`, ` ${LOAD}`, `-${NAME}`, "+label,stationName,StationRegister,,string,,FALSE"],
      },
    ]);
    expect(body.points).toEqual({ added: ["label"], removed: ["stationName"], changed: [] });
    expect(body.changes).toMatchObject([
      { kind: "changed", device: "site/s1" },
      { kind: "changed", device: "site/s2" },
    ]);
    expect(readFileSync(file("chargepoint.csv"), "utf8")).toBe(text(LOAD, NAME));
  });

  test("a save keeps the file before it, its permissions, and changes the running devices", async () => {
    chmodSync(file("chargepoint.csv"), 0o640);
    const { revision } = (await get("/registries/chargepoint.csv")).body;
    const more = text(LOAD, NAME, "mac,stationModel,StationRegister,,string,,FALSE");
    const { status, body } = await put("chargepoint.csv", { text: more, basedOn: revision });
    expect(status).toBe(200);
    expect(body.reload).toMatchObject({
      result: "applied",
      changes: [{ device: "site/s1" }, { device: "site/s2" }],
    });
    expect(body.backup).toMatch(/^chargepoint\.csv\.\d{4}-.*\.bak$/);
    expect(readFileSync(file(body.backup), "utf8")).toBe(text(LOAD, NAME));
    expect(statSync(file(body.backup)).mode & 0o777).toBe(0o640);
    expect(statSync(file("chargepoint.csv")).mode & 0o777).toBe(0o640);
    expect(readFileSync(file("chargepoint.csv"), "utf8")).toBe(more);
    expect(web.bridge.devices.byPath.get("site/s1")!.points.has("mac")).toBe(true);
    expect((await get("/registries/chargepoint.csv")).body.revision).toBe(body.revision);
    const { notices } = (await get("/notices")).body;
    expect(notices).toContainEqual(
      expect.objectContaining({ kind: "file_written", text: expect.stringContaining("by engineer") }),
    );
    const again = await put("chargepoint.csv", { text: more, basedOn: body.revision });
    expect(again.body).toMatchObject({ changed: false, backup: null });
  });

  test("what changed on disk meanwhile is never overwritten", async () => {
    const { revision } = await put1("shared.csv", text(LOAD));
    writeFileSync(file("shared.csv"), text(NAME));
    const conflict = await put("shared.csv", { text: text(LOAD, NAME), basedOn: revision });
    expect(conflict).toMatchObject({ status: 409, body: { type: "urn:voltbridge:problem:file_changed" } });
    const now = (await get("/registries/shared.csv")).body;
    expect(now.text).toBe(text(NAME));
    expect(conflict.body.revision).toBe(now.revision);
    expect((await put("shared.csv", { text: text(LOAD, NAME), basedOn: now.revision })).status).toBe(200);
    expect(await put("shared.csv", { text: text(LOAD), basedOn: null })).toMatchObject({ status: 409 });
    expect(await put("gone.csv", { text: text(LOAD), basedOn: now.revision })).toMatchObject({ status: 409 });
  });

  test("of saves at the same time, from one revision, one is made and the others are told", async () => {
    const { revision } = await put1("race.csv", text(LOAD));
    const texts = Array.from({ length: 8 }, (_, i) => text(LOAD.replace("portLoad_1", `load${i}`)));
    const answers = await Promise.all(texts.map((one) => put("race.csv", { text: one, basedOn: revision })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(readFileSync(file("race.csv"), "utf8")).toBe(texts[winner]);
    expect(readdirSync(join(web.site.folder, "registry")).filter((name) => name.endsWith(".part"))).toEqual(
      [],
    );
  });

  test("the last ten backups stay, and those of others", async () => {
    let { revision } = await put1("many.csv", text(LOAD));
    writeFileSync(file("many.csv.bak"), "by hand");
    for (let i = 0; i < 13; i++) {
      const { body } = await put("many.csv", {
        text: text(LOAD.replace("portLoad_1", `load${i}`)),
        basedOn: revision,
      });
      revision = body.revision;
    }
    const backups = readdirSync(join(web.site.folder, "registry")).filter((name) =>
      /^many\.csv\..*Z.*\.bak$/.test(name),
    );
    expect(backups).toHaveLength(10);
    const kept = backups.map((name) => /load(\d+)/.exec(readFileSync(file(name), "utf8"))?.[1]).map(Number);
    expect(kept.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(readFileSync(file("many.csv.bak"), "utf8")).toBe("by hand");
  });

  test("a bad row is saved, and its devices keep what runs; a broken header is not", async () => {
    const { revision } = await put1("rows.csv", text(LOAD));
    const bad = await put("rows.csv", {
      text: text(LOAD, NAME.replace("string", "strnig")),
      basedOn: revision,
    });
    expect(bad.status).toBe(200);
    const header = await put("rows.csv", {
      text: text(LOAD).replace("Attribute Name", "Wrong"),
      basedOn: bad.body.revision,
    });
    expect(header).toMatchObject({
      status: 422,
      body: {
        type: "urn:voltbridge:problem:file_not_usable",
        diagnostics: [{ code: "missing_column", line: 1 }],
      },
    });
    expect((await get("/registries/rows.csv")).body.revision).toBe(bad.body.revision);
  });

  test("a byte order mark and CRLF stay, whatever a text field made of them", async () => {
    writeFileSync(file("excel.csv"), `\uFEFF${text(LOAD).replaceAll("\n", "\r\n")}`);
    const { revision, text: shown } = (await get("/registries/excel.csv")).body;
    expect(shown).toBe(text(LOAD).replaceAll("\n", "\r\n"));
    await put("excel.csv", { text: text(LOAD, NAME), basedOn: revision });
    expect(readFileSync(file("excel.csv"), "utf8")).toBe(
      `\uFEFF${text(LOAD, NAME).replaceAll("\n", "\r\n")}`,
    );
  });

  test("a new file is made, in a folder that exists", async () => {
    expect(await put("new/deep.csv", { text: text(LOAD), basedOn: null })).toMatchObject({
      status: 503,
      body: { type: "urn:voltbridge:problem:file_not_written" },
    });
    mkdirSync(file("sub"));
    expect(await put("sub/made.csv", { text: text(LOAD), basedOn: null })).toMatchObject({
      status: 200,
      body: { backup: null, changed: true },
    });
    expect((await get("/registries/sub%2Fmade.csv")).body.text).toBe(text(LOAD));
  });

  test("no name leads out of the folder", async () => {
    const secret = join(web.site.folder, "secret.csv");
    writeFileSync(secret, "secret");
    symlinkSync(secret, file("link.csv"));
    symlinkSync(web.site.folder, file("up"));
    symlinkSync(join(web.site.folder, "nothing.csv"), file("dangling.csv"));
    symlinkSync("shared.csv", file("inside.csv"));
    const names = [
      "../secret.csv",
      "sub/../../secret.csv",
      secret,
      "..\\secret.csv",
      "link.csv",
      "up/secret.csv",
      "dangling.csv",
      "chargepoint.csv\0.csv",
      "./chargepoint.csv",
      "sub//made.csv",
      ".hidden.csv",
      "chargepoint.txt",
      "C:secret.csv",
      `${"a".repeat(600)}.csv`,
    ];
    for (const name of names) {
      const path = `/registries/${encodeURIComponent(name)}`;
      expect([name, (await get(path)).status]).toEqual([name, 400]);
      expect([name, (await put(name, { text: text(LOAD), basedOn: null })).status]).toEqual([name, 400]);
    }
    expect(readFileSync(secret, "utf8")).toBe("secret");
    expect(existsSync(join(web.site.folder, "nothing.csv"))).toBe(false);
    const listed = (await get("/registries")).body.registries.map(({ name }: { name: string }) => name);
    expect(listed).toContain("inside.csv");
    expect(listed).not.toContain("link.csv");
    expect((await get("/registries/none.csv")).status).toBe(404);
  });

  test("a link inside the folder stays one", async () => {
    const { revision } = (await get("/registries/inside.csv")).body;
    expect((await put("inside.csv", { text: text(NAME), basedOn: revision })).status).toBe(200);
    expect(readFileSync(file("shared.csv"), "utf8")).toBe(text(NAME));
  });

  test("a folder that may not be written to is said, and nothing is left", async (context) => {
    if (process.getuid?.() === 0) context.skip();
    const { revision } = (await get("/registries/chargepoint.csv")).body;
    const before = readdirSync(join(web.site.folder, "registry"));
    chmodSync(join(web.site.folder, "registry"), 0o555);
    try {
      const { status, body } = await put("chargepoint.csv", { text: text(NAME), basedOn: revision });
      expect(status).toBe(503);
      expect(body.detail).toContain("may not write to this folder");
    } finally {
      chmodSync(join(web.site.folder, "registry"), 0o755);
    }
    expect(readdirSync(join(web.site.folder, "registry"))).toEqual(before);
  });

  test("too much is refused", async () => {
    const huge = await put("huge.csv", { text: "a".repeat(9_000_000), basedOn: null });
    expect(huge.status).toBe(413);
    const larger = await post("/registries/huge.csv/check", { text: "a".repeat(17_000_000) });
    expect(larger.status).toBe(413);
  });
});
