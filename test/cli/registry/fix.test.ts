import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const HEADER = "Volttron Point Name;Attribute Name;Register Name;Port #;Type;Units;Writable;Max";
const EUROPEAN = `\ufeff${HEADER}\r\nload;portLoad;LoadRegister;Port 1;float;kW;FALSCH;\r\nlimit;allowedLoad;LoadRegister;1;float;kW;WAHR;22,5\r\n`;
const MENDED = `${HEADER.replaceAll(";", ",")}\nload,portLoad,LoadRegister,1,float,kW,FALSE,\nlimit,allowedLoad,LoadRegister,1,float,kW,TRUE,22.5\n`;

let place: Workplace;
beforeEach(() => {
  place = new Workplace({ "r.csv": EUROPEAN });
});
afterEach(() => place.remove());

test("shows a diff and what is mended, writes nothing, and exits with 1", async () => {
  const { code, stdout, stderr } = await cli(["registry", "fix", place.at("r.csv")]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout).toMatch(/^--- .*r\.csv\n\+\+\+ .*r\.csv \(mended\)\n@@ -1,3 \+1,3 @@\n-Volttron/);
  expect(stdout).toContain("+limit,allowedLoad,LoadRegister,1,float,kW,TRUE,22.5\n");
  expect(stdout).toContain('TRUE and FALSE: G2 "FALSCH" → "FALSE", G3 "WAHR" → "TRUE"\n');
  expect(stdout).toContain("1 point more can be written then\n");
  expect(readFileSync(place.at("r.csv"), "utf8")).toBe(EUROPEAN);
  expect(readdirSync(place.folder)).toEqual(["r.csv"]);
});

test("--write: the file is replaced as a whole, keeps its permissions and a link to it, and the earlier ones are kept", async () => {
  chmodSync(place.at("r.csv"), 0o644);
  symlinkSync(place.at("r.csv"), place.at("link.csv"));
  const first = await cli(["registry", "fix", place.at("link.csv"), "--write"]);
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/written: .*link\.csv; the earlier file is .*r\.csv\.bak\n$/);
  expect(readFileSync(place.at("r.csv"), "utf8")).toBe(MENDED);
  expect(readFileSync(place.at("r.csv.bak"), "utf8")).toBe(EUROPEAN);
  expect(statSync(place.at("r.csv")).mode & 0o777).toBe(0o644);

  const again = await cli(["registry", "fix", place.at("r.csv"), "--write"]);
  expect(again).toMatchObject({ code: 0, stdout: `${place.at("r.csv")}: nothing to mend\n` });
  place.write("r.csv", EUROPEAN);
  await cli(["registry", "fix", place.at("r.csv"), "--write"]);
  expect(readdirSync(place.folder).sort()).toEqual(["link.csv", "r.csv", "r.csv.bak", "r.csv.bak2"]);
});

test("one file that cannot be mended does not stop the others", async () => {
  place.write("empty.csv", "");
  place.write("note.csv", `${HEADER}\nlimit;allowedLoad;LoadRegister;01:23:45;float;kW;TRUE;\n`);
  const files = ["empty.csv", "none.csv", "note.csv", "r.csv"].map((name) => place.at(name));
  const { code, stdout, stderr } = await cli(["registry", "fix", ...files, "--write"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/empty\.csv: the file is empty\n.*none\.csv: the file does not exist\n$/);
  expect(stdout).toMatch(/note\.csv:2:32: error \[excel_converted\] D2 Port #: a spreadsheet made a time/);
  expect(readFileSync(place.at("r.csv"), "utf8")).toBe(MENDED);
  expect(readFileSync(place.at("empty.csv"), "utf8")).toBe("");
});

test("--excel writes a copy; the registry stays as it is", async () => {
  const { code } = await cli(["registry", "fix", place.at("r.csv"), "--excel", place.at("for-excel.csv")]);
  expect(code).toBe(0);
  expect(readFileSync(place.at("r.csv"), "utf8")).toBe(EUROPEAN);
  expect(readFileSync(place.at("for-excel.csv"), "utf8")).toMatch(/^\ufeffsep=;\r\n.*;22\.5\r\n$/s);
  const same = await cli(["registry", "fix", place.at("r.csv"), "--excel", place.at("r.csv")]);
  expect(same).toMatchObject({ code: 2, stderr: expect.stringContaining("a name of its own") });
});

test("--json: every change with its place; a diff of the places that changed only", async () => {
  const { stdout } = await cli(["registry", "fix", place.at("r.csv"), "--json"]);
  const [result] = JSON.parse(stdout);
  expect(result.left).toEqual([]);
  expect(result.changes).toContainEqual({
    ...{ kind: "number", header: "Max", line: 3, column: 48, cell: "H3" },
    ...{ from: "22,5", to: "22.5" },
  });

  const rows = Array.from(
    { length: 20 },
    (_, i) => `p${i},portLoad,LoadRegister,${i === 9 ? "Port 1" : "1"}\n`,
  );
  place.write("long.csv", `Volttron Point Name,Attribute Name,Register Name,Port #\n${rows.join("")}`);
  const long = await cli(["registry", "fix", place.at("long.csv")]);
  expect(long.stdout).toMatch(
    /@@ -8,7 \+8,7 @@\n( p.*\n){3}-p9,.*\n\+p9,.*,1\n( p.*\n){3}\nports: D11 "Port 1" → "1"\n/,
  );
});

test("a folder that cannot be written to: the reason, and the file stays", async () => {
  place.write("locked/r.csv", EUROPEAN);
  const isRoot = process.getuid?.() === 0;
  // A folder in the place of the part file stops root too.
  place.write("locked/r.csv.part/x", "");
  if (!isRoot) chmodSync(place.at("locked"), 0o500);
  const { code, stderr } = await cli(["registry", "fix", place.at("locked/r.csv"), "--write"]);
  if (!isRoot) chmodSync(place.at("locked"), 0o700);
  expect(code).toBe(1);
  expect(stderr).toMatch(/cannot write: .*nothing was changed/);
  expect(readFileSync(place.at("locked/r.csv"), "utf8")).toBe(EUROPEAN);
  expect(existsSync(place.at("locked/r.csv.bak"))).toBe(false);
});
