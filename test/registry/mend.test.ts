import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  excelText,
  mendRegistry,
  parseRegistry,
  type RegistryRow,
  strictText,
  UnmendableError,
} from "../../src/registry/index.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes,Min,Max";
const ROW = "load,portLoad,LoadRegister,1,float,kW,,FALSE,,,";

const mend = (text: string | Uint8Array) =>
  mendRegistry(typeof text === "string" ? Buffer.from(text) : text, "r.csv");
const mended = (text: string | Uint8Array) => strictText(mend(text));

/** The rows of a registry without their places. */
function rowsOf(bytes: string | Uint8Array) {
  const { rows } = parseRegistry(typeof bytes === "string" ? Buffer.from(bytes) : bytes, "r.csv");
  return rows.map(({ point, attribute, register, port }: RegistryRow) => ({
    point,
    attribute,
    register,
    port,
  }));
}

function utf16(text: string): Buffer {
  return Buffer.from(`\ufeff${text}`, "utf16le");
}

describe("F1: the form of a file is mended, and its rows are read as before", () => {
  test.each<[string, string | Buffer]>([
    ["a byte order mark", `\ufeff${HEADER}\n${ROW}\n`],
    ["UTF-16, as Unicode text of Excel", utf16(`${HEADER}\n${ROW}\n`.replaceAll(",", "\t"))],
    ["Windows-1252", Buffer.from(`${HEADER}\n${ROW.replace("FALSE,", "FALSE,S\u00fcd")}\n`, "latin1")],
    ["CRLF", `${HEADER}\r\n${ROW}\r\n`],
    ["CR", `${HEADER}\r${ROW}\r`],
    ["semicolons", `${HEADER}\n${ROW}\n`.replaceAll(",", ";")],
    ["a line sep=;", `sep=;\r\n${`${HEADER}\r\n${ROW}\r\n`.replaceAll(",", ";")}`],
    ["tabs", `${HEADER}\n${ROW}\n`.replaceAll(",", "\t")],
    ["column names in another case, with spaces", `${HEADER.toLowerCase().replaceAll(",", " , ")}\n${ROW}\n`],
    ["spaces around cells", `${HEADER}\n${ROW.replaceAll(",", " , ")}\n`],
    ["empty columns and rows at the end", `${HEADER},,\n${ROW},,\n${",".repeat(12)}\n\n`],
    ["short rows", `${HEADER}\nload,portLoad,LoadRegister,1\n`],
    ["Excel's TRUE", `${HEADER}\nlimit,allowedLoad,LoadRegister,1,float,kW,,true,,,\n`],
    ["a port of 1.0", `${HEADER}\n${ROW.replace(",1,", ",1.0,")}\n`],
    ["a whole number of 2.0", `${HEADER}\nshed,percentShed,LoadRegister,1,int,%,2.0,TRUE,,,\n`],
  ])("%s", (_, before) => {
    const { changes, left } = mend(before);
    expect(changes).not.toEqual([]);
    expect(left).toEqual([]);
    const after = mended(before);
    expect(rowsOf(after)).toEqual(rowsOf(before));
    expect(rowsOf(after)).toHaveLength(1);
    expect(after).toMatch(/^Volttron Point Name,/);
    expect(after).not.toMatch(/\r|\ufeff|;| ,|, /);
    expect(mend(after).changes).toEqual([]);
  });

  test("a file in the strict form stays as it is, with its own quotes and without a line end at its end", () => {
    const text = `${HEADER}\n"load","portLoad",LoadRegister,1,float,kW,,FALSE,"a ""note"", of\ntwo lines",,`;
    const { changes, lines } = mend(text);
    expect(changes).toEqual([]);
    expect(lines.map(({ after }) => after).join("\n")).toBe(text);
  });

  test("any rows, in any form a spreadsheet writes: read before and after they are the same", () => {
    const word = fc.stringMatching(/^[a-z][\w ,;"'äß-]{0,8}$/).map((text) => text.trim());
    const row = fc.record({
      name: fc.stringMatching(/^[a-z]\w{0,6}$/),
      attribute: fc.option(fc.stringMatching(/^[a-zA-Z]{1,8}$/), { nil: "" }),
      port: fc.constantFrom("", "1", "1A", "1.0", "0"),
      type: fc.constantFrom("float", "int", "string", ""),
      start: fc.constantFrom("", "2", "2.0", "1.5"),
      writable: fc.constantFrom("TRUE", "true", "FALSE", ""),
      notes: word,
    });
    const form = fc.record({
      delimiter: fc.constantFrom(",", ";", "\t"),
      end: fc.constantFrom("\n", "\r\n", "\r"),
      encode: fc.constantFrom<(text: string) => Buffer>(
        (text) => Buffer.from(text),
        (text) => Buffer.from(`\ufeff${text}`),
        utf16,
        (text) => Buffer.from(text, "latin1"),
      ),
      pad: fc.constantFrom("", " "),
      surplus: fc.nat(2),
    });
    const cell = (text: string) => (/[",;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), form, (rows, how) => {
        const table = [
          HEADER.split(","),
          ...rows.map((r) => [
            r.name,
            r.attribute,
            "LoadRegister",
            r.port,
            r.type,
            "kW",
            r.start,
            r.writable,
            r.notes,
          ]),
        ];
        const text = table
          .map(
            (cells) =>
              [...cells.map(cell), ...Array(how.surplus).fill("")].join(how.pad + how.delimiter) + how.end,
          )
          .join("");
        const before = how.encode(text);
        const after = mended(before);
        expect(rowsOf(after)).toEqual(rowsOf(before));
        expect(mend(after).changes).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("what the reader refuses is mended where it can only mean one thing", () => {
  const cellOf = (header: string, text: string, type = "float") => {
    const given: Record<string, string> = { Type: type, Writable: "TRUE", [header]: text };
    const row = HEADER.split(",").map(
      (name) => given[name] ?? ROW.split(",")[HEADER.split(",").indexOf(name)]!,
    );
    const result = mend(`${HEADER}\n${row.map((cell) => `"${cell}"`).join(",")}\n`);
    return { ...result, cell: result.rows[1]![HEADER.split(",").indexOf(header)] };
  };

  test.each(["Volttron_Point-Name", "VOLTTRON  POINT NAME", "VolttronPointName", "Point name"])(
    "the column name %s",
    (name) => {
      const { rows } = mend(`${HEADER.replace("Volttron Point Name", name)}\n${ROW}\n`);
      expect(rows[0]![0]).toBe("Volttron Point Name");
    },
  );

  test("Port stands for Port #, but not beside it", () => {
    expect(mend(`${HEADER.replace("Attribute Name", "Attribut Name")}\n${ROW}\n`).rows[0]).toContain(
      "Attribute Name",
    );
    expect(mend(`${HEADER.replace("Port #", "Port")}\n${ROW}\n`).rows[0]).toContain("Port #");
    expect(mend(`${HEADER},Port\n${ROW},x\n`).rows[0]!.at(-1)).toBe("Port");
  });

  test.each([
    ["Port 1", "1"],
    ["port #1A", "1A"],
    ["#2", "2"],
    ["1,0", "1"],
    ["Nord", "Nord"],
  ])("the port %s", (text, port) => expect(cellOf("Port #", text).cell).toBe(port));

  test.each(["WAHR", "VRAI", "OUI", "Ja", "yes", "ИСТИНА", "Sí", "VERDADERO"])("%s is TRUE", (text) => {
    expect(cellOf("Writable", text).cell).toBe("TRUE");
  });
  test.each(["FALSCH", "FAUX", "non", "Nein", "ЛОЖЬ"])("%s is FALSE", (text) => {
    expect(cellOf("Writable", text).cell).toBe("FALSE");
  });
  test.each(["1", "x", "maybe"])("%s in Writable is a guess", (text) => {
    expect(cellOf("Writable", text).cell).toBe(text);
  });

  test.each([
    ["Max", "22,5", "float", "22.5"],
    ["Max", "1,5E3", "float", "1.5E3"],
    ["Starting Value", "0,0", "int", "0"],
    ["Starting Value", "-1,25", "float", "-1.25"],
    ["Starting Value", "WAHR", "boolean", "TRUE"],
    ["Starting Value", "on", "boolean", "on"],
    ["Starting Value", "1,5", "string", "1,5"],
  ])("%s %s of type %s", (header, text, type, becomes) => {
    expect(cellOf(header, text, type).cell).toBe(becomes);
  });

  test("1,234 is a decimal comma in a file with semicolons, and a question in one with commas", () => {
    const asked = cellOf("Max", "1,234");
    expect(asked.cell).toBe("1,234");
    expect(asked.left).toMatchObject([{ code: "ambiguous_number", expected: "1.234 or 1234" }]);
    const text = `${HEADER}\n${ROW}`.replaceAll(",", ";");
    const { rows, left } = mend(`${text}1,234\n`);
    expect(rows[1]!.at(-1)).toBe("1.234");
    expect(left).toEqual([]);
  });

  test("a row with a text that was cut at its commas is left alone: its cells are in wrong columns", () => {
    const { rows } = mend(`${HEADER}\nload,portLoad,LoadRegister,Port 1,float,kW,,OUI,a, b,1,5\n`);
    expect(rows[1]).toContain("Port 1");
    expect(rows[1]).toContain("OUI");
  });
});

describe("what Excel made of other text is explained, never guessed", () => {
  test.each([
    ["Port #", "01:23:45", "a time"],
    ["Port #", "2345-01-01", "a date"],
    ["Port #", "01. Jan", "a date"],
    ["Port #", "05-Mär", "a date"],
    ["Volttron Point Name", "Mar-05", "a date"],
    ["Port #", "1.2345E+04", "a number in scientific notation"],
    ["Max", "01.05.2026", "a date"],
    ["Station ID", "206:45:00", "a time"],
    ["Station ID", "1,2345E+09", "a number in scientific notation"],
  ])("%s %s", (header, text, what) => {
    const names = [...HEADER.split(","), "Station ID"];
    const row = names.map((name, i) => (name === header ? text : (ROW.split(",")[i] ?? "")));
    const before = `${names.join(";")}\n${row.join(";")}\n`;
    const { rows, left } = mend(before);
    expect(rows[1]![names.indexOf(header)]).toBe(text);
    expect(left).toHaveLength(1);
    expect(left[0]).toMatchObject({
      code: "excel_converted",
      line: 2,
      path: header,
      found: JSON.stringify(text),
    });
    expect(left[0]!.cell).toBe(`${"ABCDEFGHIJKL"[names.indexOf(header)]}2`);
    expect(left[0]!.message).toContain(`a spreadsheet made ${what}`);
    expect(left[0]!.column).toBe(
      row.slice(0, names.indexOf(header)).join(";").length + (names.indexOf(header) ? 2 : 1),
    );
  });

  test.each([
    ["Notes", "01:23:45"],
    ["Max", "1.5E+03"],
    ["Commissioned", "2026-05-01"],
    ["Units", "kW"],
  ])("%s %s may have been typed so", (header, text) => {
    const names = [...HEADER.split(","), "Commissioned"];
    const row = names.map((name, i) => (name === header ? text : (ROW.split(",")[i] ?? "")));
    expect(mend(`${names.join(",")}\n${row.join(",")}\n`).left).toEqual([]);
  });
});

describe("G10: formulas", () => {
  const withNote = (note: string) => `${HEADER}\n${ROW.replace("FALSE,", `FALSE,"${note}"`)}\n`;

  test.each(["=cmd|'/c calc'!A0", "@SUM(1+1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "=1+1"])(
    "%s is written as text, once",
    (formula) => {
      const { rows, changes } = mend(withNote(formula));
      expect(rows[1]![8]).toBe(`'${formula}`);
      expect(changes).toMatchObject([{ kind: "formula", cell: "I2", header: "Notes" }]);
      expect(mend(mended(withNote(formula))).changes).toEqual([]);
    },
  );

  test("text that only begins as a formula stays, and comes back from Excel as it was", () => {
    const text = withNote("-100 to 300");
    expect(mend(text).changes).toEqual([]);
    const excel = excelText(mend(text), false);
    expect(excel).toContain("'-100 to 300");
    expect(rowsOf(mended(excel))).toEqual(rowsOf(text));
  });
});

describe("for Excel", () => {
  const text = `${HEADER}\nlimit,allowedLoad,LoadRegister,1,float,kW,-1.5,TRUE,=1+1,0,22.5\n`;

  test("a byte order mark, semicolons, CRLF, no formula; the registry reads it as it is", () => {
    const excel = excelText(mend(text), false);
    expect(excel).toMatch(/^\ufeffsep=;\r\nVolttron Point Name;/);
    expect(excel).toContain(";-1.5;TRUE;'=1+1;0;22.5\r\n");
    expect(rowsOf(excel)).toEqual(rowsOf(mended(text)));
  });

  test("with other letters than ASCII there is no sep= line, which makes Excel forget the encoding", () => {
    expect(excelText(mend(text.replace("=1+1", "S\u00fcd")), false)).toMatch(/^\ufeffVolttron Point Name;/);
  });

  test("with a decimal comma, mended when it comes back", () => {
    const excel = excelText(mend(text), true);
    expect(excel).toContain(";-1,5;TRUE;'=1+1;0;22,5\r\n");
    expect(rowsOf(mended(excel))).toEqual(rowsOf(mended(text)));
  });
});

test.each<[string, string | Buffer, RegExp]>([
  ["an empty file", "", /r\.csv: the file is empty/],
  ["spaces", " \n\n", /the file is empty/],
  ["binary junk", Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256)), /not a text file/],
  ["a workbook", "PK\u0003\u0004rest", /Excel workbook/],
  ["some other table", "a,b\n1,2\n", /not a registry/],
  ["a quote that is never closed", `${HEADER}\n"load,portLoad\n`, /r\.csv:2:1: .*never closed/],
])("%s cannot be mended", (_, before, message) => {
  expect(() => mend(before)).toThrow(UnmendableError);
  expect(() => mend(before)).toThrow(message);
});
