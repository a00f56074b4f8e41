import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDiagnostic } from "../../src/config/index.ts";
import { parseRegistry, readRegistry } from "../../src/registry/index.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";

function parse(content: string | Uint8Array) {
  return parseRegistry(typeof content === "string" ? Buffer.from(content) : content, "r.csv");
}

/** One row with these cells, the others empty; its point or the codes of what is wrong with it. */
function one(cells: Record<string, string>) {
  const row: Record<string, string> = {
    "Volttron Point Name": "p",
    "Attribute Name": "a",
    "Register Name": "r",
    ...cells,
  };
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const { rows, diagnostics } = parse(`${Object.keys(row).map(quote)}\n${Object.values(row).map(quote)}\n`);
  return { row: rows[0], codes: diagnostics.map((d) => d.code), diagnostics };
}

describe("F1: reading a registry", () => {
  test.each([
    ["LF", "\n", ","],
    ["CRLF", "\r\n", ","],
    ["CR", "\r", ","],
    ["semicolons", "\r\n", ";"],
    ["tabs", "\n", "\t"],
  ])("%s", (_, newline, delimiter) => {
    const text = [HEADER, 'load,portLoad,LoadRegister,1,float,kW,,FALSE,"a ""b"""', "", "x,y,z"].join(
      newline,
    );
    const { rows, diagnostics } = parse(text.replaceAll(",", delimiter));
    expect(diagnostics).toEqual([]);
    expect(rows.map((row) => [row.point.name, row.line, row.register, row.port])).toEqual([
      ["load", 2, "LoadRegister", "1"],
      ["x", 4, "z", undefined],
    ]);
    expect(rows[0]?.point).toMatchObject({ type: "float", units: "kW", notes: 'a "b"' });
  });

  test("line ends may be mixed, and the last line may lack one", () => {
    const { rows } = parse(`${HEADER}\r\na,b,c\nd,e,f\rg,h,i`);
    expect(rows.map((row) => row.line)).toEqual([2, 3, 4]);
  });

  test.each([
    ["a UTF-8 byte order mark", Buffer.from(`\uFEFF${HEADER}\nZürich,b,c`)],
    [
      "UTF-16 as Excel writes it",
      Buffer.from(`\uFEFF${HEADER}\nZürich,b,c`.replaceAll(",", "\t"), "utf16le"),
    ],
    ["UTF-16, big end first", Buffer.from(`\uFEFF${HEADER}\nZürich,b,c`, "utf16le").swap16()],
  ])("%s", (_, bytes) => {
    const { rows, diagnostics } = parse(bytes);
    expect(diagnostics).toEqual([]);
    expect(rows[0]?.point.name).toBe("Zürich");
  });

  test("Windows-1252 is read, with a warning", () => {
    const { rows, diagnostics } = parse(Buffer.from(`${HEADER}\nZ\xfcrich \x80,b,c`, "latin1"));
    expect(rows[0]?.point.name).toBe("Zürich €");
    expect(diagnostics).toMatchObject([{ code: "not_utf8", severity: "warning" }]);
  });

  test("a sep= line counts, before a header in any order and case", () => {
    const { rows, diagnostics } = parse(
      'sep=|\n "ATTRIBUTE  name" |volttron point name|Register Name\ny|x|z',
    );
    expect(diagnostics).toEqual([]);
    expect(rows[0]).toMatchObject({ attribute: "y", register: "z", line: 3, point: { name: "x" } });
  });

  test("the header decides on the delimiter, though the cells hold others", () => {
    const { rows } = parse(
      "Volttron Point Name;Attribute Name;Register Name;Notes, and, more, of, them\na;b;c;d,e,f,g,h",
    );
    expect(rows[0]?.point.extra).toEqual({ "Notes, and, more, of, them": "d,e,f,g,h" });
  });

  test("short rows, empty lines and trailing empty columns are nothing to speak of", () => {
    const { rows, diagnostics } = parse(`\n\n${HEADER},,\na,b,c\n\n,,,,,,,,,,\nd,e,f,,,,,,,,,,,\n   \n`);
    expect(diagnostics).toEqual([]);
    expect(rows.map((row) => row.line)).toEqual([4, 7]);
  });

  test("rows without an attribute are skipped whatever else is wrong with them", () => {
    const { rows, diagnostics } = parse(`${HEADER}\na/b,,c,,nonsense\nx,y,z`);
    expect(diagnostics).toEqual([]);
    expect(rows).toHaveLength(1);
  });

  test("the line is the one on which the row begins, and a cell after a line break has its own", () => {
    const { rows, diagnostics } = parse(
      'Notes,Volttron Point Name,Attribute Name,Register Name,Type\n"one\r\ntwo\nthrée",a,b,c,float\n"x\ny",d,e,f,nonsense\nz,g,h,i',
    );
    expect(rows.map((row) => [row.point.name, row.line])).toEqual([
      ["a", 2],
      ["g", 7],
    ]);
    expect(diagnostics).toMatchObject([{ code: "bad_type", line: 6, column: 10 }]);
  });

  test("a row returns the position of its cells long after it was read", () => {
    const { rows } = parse(`${HEADER}\nfirst,"b, b", ü ,1\n`);
    const fault = {
      code: "unknown_register",
      severity: "error",
      message: "there is no such register",
    } as const;
    expect(rows[0]?.fault("Register Name", fault)).toEqual({
      ...fault,
      file: "r.csv",
      line: 2,
      column: 15,
      cell: "C2",
      path: "Register Name",
    });
    expect(rows[0]?.fault("Port #", fault)).toMatchObject({ line: 2, column: 18 });
    // Cells that the row lacks, and columns that the file lacks: the row's first cell.
    expect(rows[0]?.fault("Notes", fault)).toMatchObject({ line: 2, column: 1, path: "Notes" });
    expect(rows[0]?.fault("Deadband", fault)).toMatchObject({ line: 2, column: 1, path: "Deadband" });
  });

  test("whatever text a file holds, reading ends with rows or reasons", () => {
    const unit = fc.constantFrom('"', ",", ";", "\t", "\n", "\r", " ", "a", "ü", "=", "\u2028");
    const csvish = fc.string({ unit, maxLength: 60 });
    fc.assert(
      fc.property(csvish, (text) => {
        const { rows, diagnostics } = parse(`${HEADER}\n${text}`);
        for (const { line, column } of diagnostics) expect(line * column).toBeGreaterThan(0);
        expect(rows.length + diagnostics.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  test("what is written with quotes is read as it was, cell by cell", () => {
    const cell = fc
      .string({ unit: fc.constantFrom('"', ",", "\n", "ü", "x", "'", ";") })
      .map((text) => text.trim());
    fc.assert(
      fc.property(cell, cell, (notes, units) => {
        const { row } = one({ Notes: notes, Units: units });
        expect(row?.point).toMatchObject({ notes, units });
      }),
    );
  });
});

describe("F1: the columns of a row", () => {
  test.each([
    ["", "string"],
    ["string", "string"],
    ["STR", "string"],
    ["int", "integer"],
    ["Integer", "integer"],
    ["float", "float"],
    ["bool", "boolean"],
    ["boolean", "boolean"],
    ["datetime", "datetime"],
    ["date", "date"],
    ["time", "time"],
    ["dictionary", "dictionary"],
    ["dict", "dictionary"],
  ])("Type %j is %s", (word, type) => {
    expect(one({ Type: word })).toMatchObject({ codes: [], row: { point: { type } } });
  });

  test.each(["flot", "number", "constructor"])("Type %j is an error", (Type) => {
    expect(one({ Type })).toMatchObject({ codes: ["bad_type"], row: undefined });
  });

  test.each([
    ["TRUE", true, []],
    ["true", true, []],
    ["True", true, []],
    ["FALSE", false, []],
    ["", false, []],
    ["yes", false, ["odd_writable"]],
    ["1", false, ["odd_writable"]],
    ["x", false, ["odd_writable"]],
    ["WAHR", false, ["odd_writable"]],
  ])("Writable %j is %j", (Writable, writable, codes) => {
    expect(one({ Writable })).toMatchObject({ codes, row: { point: { writable } } });
  });

  test.each([
    ["integer", "0", 0],
    ["float", "7.20", 7.2],
    ["boolean", "TRUE", true],
    ["string", "007", "007"],
    ["datetime", "2026-11-21 08:00", "2026-11-21T08:00:00Z"],
  ])("a starting value has the point's type: %s %j", (Type, text, startingValue) => {
    expect(one({ Type, "Starting Value": text, Writable: "TRUE" }).row?.point).toMatchObject({
      startingValue,
    });
  });

  test.each([
    ["integer", "1.5"],
    ["float", "full"],
    ["float", "1e999"],
    ["boolean", "perhaps"],
    ["datetime", "2026-02-30"],
    ["dictionary", "x"],
  ])("a starting value of another type is an error: %s %j", (Type, text) => {
    expect(one({ Type, "Starting Value": text, Writable: "TRUE" })).toMatchObject({
      codes: ["bad_starting_value"],
      row: undefined,
    });
  });

  test("a starting value of a read-only point is a warning and does not count", () => {
    const { row, codes } = one({ Type: "float", "Starting Value": "5" });
    expect(codes).toEqual(["unused_starting_value"]);
    expect(row?.point).not.toHaveProperty("startingValue");
  });

  test("bounds, deadband and publishing are read and checked", () => {
    const good = one({
      Type: "float",
      Min: "-1",
      Max: "1e1",
      Deadband: "0.5",
      Publish: "Change",
      "Starting Value": "10",
      Writable: "TRUE",
    });
    expect(good).toMatchObject({
      codes: [],
      row: { point: { min: -1, max: 10, deadband: 0.5, publish: "change" } },
    });
    expect(one({ Type: "float" }).row?.point.publish).toBe("always");
    expect(one({ Store: "Change" })).toMatchObject({ codes: [], row: { point: { store: "change" } } });
    expect(one({ Store: "" }).row?.point).not.toHaveProperty("store");
    expect(one({ Store: "never" })).toMatchObject({ codes: ["bad_choice"], row: undefined });
    expect(one({ Type: "float", Min: "2", Max: "1" }).codes).toEqual(["bad_range"]);
    expect(one({ Type: "float", Min: "low" }).codes).toEqual(["bad_number"]);
    expect(one({ Type: "float", Max: "1,5" }).diagnostics).toMatchObject([
      { code: "bad_number", suggestion: "1.5" },
    ]);
    expect(one({ Type: "float", Deadband: "-1" }).codes).toEqual(["bad_range"]);
    expect(one({ Type: "integer", Max: "5", "Starting Value": "6", Writable: "TRUE" }).codes).toEqual([
      "bad_range",
    ]);
    expect(one({ Type: "string", Min: "1" })).toMatchObject({
      codes: ["unused_bound"],
      row: { point: { name: "p" } },
    });
    expect(one({ Publish: "sometimes" })).toMatchObject({ codes: ["bad_choice"], row: undefined });
  });

  test.each(["0", " 0 ", ""])("Port %j is the station itself", (port) => {
    expect(one({ "Port #": port }).row?.port).toBeUndefined();
  });

  test.each(["1", "1A", "01"])("Port %j is text as written", (port) => {
    expect(one({ "Port #": port }).row?.port).toBe(port);
  });

  test.each(["a/b", "a+", "#", "$SYS", "a\u0000b", "a\nb", "all", "quality", "x".repeat(70_000 / 2)])(
    "A24: a point that no topic can carry is refused: %#",
    (name) => {
      const { row, diagnostics } = one({ "Volttron Point Name": name });
      expect(row).toBeUndefined();
      expect(diagnostics).toHaveLength(1);
      expect(diagnostics[0]?.severity).toBe("error");
      expect(formatDiagnostic(diagnostics[0]!).length).toBeLessThan(300);
    },
  );

  test.each(["Status.TimeStamp", "⚡ load", "a b", "100%", "größe", "x".repeat(255)])(
    "A24: a point may be called %j",
    (name) => {
      expect(one({ "Volttron Point Name": name })).toMatchObject({ codes: [], row: { point: { name } } });
    },
  );

  test("spaces around a name are not part of it", () => {
    expect(one({ "Volttron Point Name": " load " }).row?.point.name).toBe("load");
  });

  test("columns that mean nothing are kept as metadata, whatever they are called", () => {
    expect(one({ Floor: "2", __proto__x: "y", Empty: "" }).row?.point.extra).toEqual({
      Floor: "2",
      __proto__x: "y",
    });
    const { rows } = parse(`${HEADER},__proto__\na,b,c,,,,,,,polluted`);
    expect(Object.entries(rows[0]!.point.extra)).toEqual([["__proto__", "polluted"]]);
  });
});

describe("Port #", () => {
  test.each(["1.0", "1.00", "1,0"])("%s, as Excel writes 1, is port 1, with a warning", (port) => {
    const { row, codes, diagnostics } = one({ "Port #": port });
    expect({ port: row?.port, codes }).toEqual({ port: "1", codes: ["odd_port"] });
    expect(diagnostics[0]).toMatchObject({ severity: "warning", path: "Port #", suggestion: "1" });
  });

  test.each(["0.0", "0"])("%s is the whole station", (port) => {
    expect(one({ "Port #": port }).row?.port).toBeUndefined();
  });

  test.each(["one", "1.5", "-1", "port 1", "#1"])("%s is an error that costs the row", (port) => {
    const { row, diagnostics } = one({ "Port #": port });
    expect(row).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: "bad_port", severity: "error", path: "Port #", found: JSON.stringify(port) },
    ]);
  });

  test.each(["1", "12", "1A", "2-b"])("%s stays as it is written", (port) => {
    expect(one({ "Port #": port })).toMatchObject({ row: { port }, codes: [] });
  });
});

describe("a NUL byte", () => {
  const sound = (name: string) => `${name},portLoad,LoadRegister,1,float,kW,,FALSE,`;

  test("costs its row only, and is named at its cell", () => {
    const { rows, diagnostics } = parse(
      [HEADER, sound("a"), "b,portLoad,LoadRegister,1,float,k\0W,,FALSE,", sound("c"), "\0", ""].join("\n"),
    );
    expect(rows.map(({ point, line }) => [point.name, line])).toEqual([
      ["a", 2],
      ["c", 4],
    ]);
    expect(diagnostics.map((d) => formatDiagnostic(d))).toEqual([
      'r.csv:3:33: error [nul_byte] F3 Units: this cell contains a NUL byte; the row is ignored; found "k\\u0000W"',
      expect.stringMatching(/^r\.csv:5:1: error \[nul_byte\]/),
    ]);
  });

  test("in the header: this is not a text file", () => {
    const { rows, diagnostics } = parse(`Volttron Point\0 Name,${HEADER}\n${sound("a")}\n`);
    expect(rows).toEqual([]);
    expect(diagnostics).toMatchObject([{ code: "not_csv", message: "this is not a text file" }]);
  });
});

describe("files that are no registry", () => {
  test("each gives one clear error and no row", () => {
    const error = (content: string | Uint8Array) => {
      const { rows, diagnostics } = parse(content);
      expect(rows).toEqual([]);
      expect(diagnostics).toHaveLength(1);
      return `${diagnostics[0]?.severity} ${diagnostics[0]?.code}`;
    };
    expect(error("")).toBe("error no_header");
    expect(error("\n\n,,\n")).toBe("error no_header");
    expect(error("a,b\n1,2\n")).toBe("error no_header");
    expect(error("PK\u0003\u0004rest of a workbook")).toBe("error not_csv");
    expect(error(Buffer.from([1, 0, 2, 0, 3]))).toBe("error not_csv");
    expect(error("Volttron Point Name,Register Name\na,b\n")).toBe("error missing_column");
    expect(error(HEADER)).toBe("warning no_points");
  });

  test("a file that is not there", async () => {
    expect(await readRegistry("/nowhere/r.csv")).toMatchObject({
      rows: [],
      diagnostics: [{ code: "unreadable_file", file: "/nowhere/r.csv" }],
    });
  });

  test("a file of nothing but broken quotes ends, soon", () => {
    const start = performance.now();
    const { diagnostics } = parse(`${HEADER}\n${'a,"b\n'.repeat(50_000)}`);
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(diagnostics.length).toBeLessThan(200);
    expect(diagnostics.at(-1)?.message).toContain("nothing more is read from here on");
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test("F10: a file of more rows than any device can have is refused as a whole", () => {
  const { rows, diagnostics } = parse(`${HEADER}\nx,y,z\n${"a\n".repeat(250_000)}`);
  expect(rows).toEqual([]);
  expect(diagnostics).toMatchObject([
    { code: "too_many_rows", line: 250_002, message: expect.stringContaining("more than 250000 rows") },
  ]);
});

test("F2: while a long registry is read, others have their turn every thousand rows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-registry-"));
  const file = join(folder, "r.csv");
  writeFileSync(file, `${HEADER}\n${Array.from({ length: 20_000 }, (_, i) => `p${i},a,b\n`).join("")}`);
  let turns = 0;
  let reading = true;
  const turn = () => {
    turns++;
    if (reading) setImmediate(turn);
  };
  setImmediate(turn);
  const { rows } = await readRegistry(file);
  reading = false;
  rmSync(folder, { recursive: true });
  expect(rows).toHaveLength(20_000);
  expect(turns).toBeGreaterThanOrEqual(19);
});

test("F2: 100,000 rows are read within 5 s and 300 MB", () => {
  const rows = Array.from(
    { length: 100_000 },
    (_, i) => `point ${i},portLoad,LoadRegister,${i % 3},float,kW,,FALSE,"note, ${i}"`,
  );
  const bytes = Buffer.from(`${HEADER}\n${rows.join("\n")}\n`);
  rows.length = 0;
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const registry = parse(bytes);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  expect(registry.diagnostics).toEqual([]);
  expect(registry.rows).toHaveLength(100_000);
  expect(registry.rows.at(-1)).toMatchObject({ line: 100_001, point: { name: "point 99999" } });
});
