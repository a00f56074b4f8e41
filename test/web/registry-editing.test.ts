import { describe, expect, test } from "vitest";
import { parseRegistry, readingGrid } from "../../src/registry/index.ts";
import { formatCells, parseCells } from "../../src/web/page/views/registry/model/clipboard.ts";
import {
  knownColumns,
  offerOf,
  suggestions,
  type Vocabulary,
} from "../../src/web/page/views/registry/model/completion.ts";
import { fieldText, withLineEnds } from "../../src/web/page/views/registry/model/line-ends.ts";
import { byRow, nextProblem, placeProblems } from "../../src/web/page/views/registry/model/problems.ts";
import { moved, one, rangeOf, tabbed } from "../../src/web/page/views/registry/model/selection.ts";
import {
  cellsIn,
  columnCount,
  deleteRows,
  fillDown,
  findCell,
  insertRows,
  moveRows,
  pasteCells,
  type Sheet,
  setCells,
  sheetOf,
  sheetText,
} from "../../src/web/page/views/registry/model/sheet.ts";
import { advance, amend, begin, redo, undo } from "../../src/web/page/views/registry/model/timeline.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable,Notes";
const LOAD = "portLoad_1,portLoad,LoadRegister,1,float,kW,FALSE,";
const NAME = "stationName,stationName,StationRegister,,string,,FALSE,";

/** The sheet of a text, whose cells the bridge finds. */
function sheet(text: string): Sheet {
  const reading = readingGrid(Buffer.from(text));
  for (;;) {
    const { done, value } = reading.next();
    if (!done) continue;
    return sheetOf(text, value!);
  }
}

const text = (...rows: string[]) => `${[HEADER, ...rows].join("\n")}\n`;
const cells = ({ rows }: Sheet) => rows.map((row) => row.cells);

describe("a sheet", () => {
  test("keeps the text of rows that are not edited, byte for byte", () => {
    const strange = `sep=;\r\n\r\n"Volttron Point Name" ;Attribute Name;Register Name\r\n  a ; "b" ;"c\r\nd"\n\n;;\re;f;g`;
    const before = sheet(strange);
    expect(sheetText(before)).toBe(strange);
    expect(before.firstNumber).toBe(2);
    const after = setCells(before, [[1, 1, 'say "x"; y']]);
    expect(sheetText(after)).toBe(strange.replace(/ {2}a [\s\S]*?d"\n/, 'a;"say ""x""; y";"c\r\nd"\r\n'));
    expect(setCells(before, [[1, 0, "a"]])).toBe(before);
  });

  test("what is written is read as the same cells", () => {
    const odd = ["a,b", 'q"q', "two\nlines", "", "=1", "sep=;", "tab\tbed", "ü€"];
    const before = sheet(text(LOAD, NAME));
    const after = setCells(
      before,
      odd.map((cell, column) => [2, column, cell]),
    );
    expect(cells(sheet(sheetText(after)))).toEqual(cells(after));
  });

  test("rows come, go and move; the column names stay first", () => {
    const start = sheet(text(LOAD, NAME));
    const ids = start.rows.map(({ id }) => id);
    expect(moveRows(start, 1, 1, -1)).toBe(start);
    expect(moveRows(start, 1, 1, 1).rows.map(({ id }) => id)).toEqual([ids[0], ids[2], ids[1]]);
    expect(sheetText(deleteRows(start, 0, 1))).toBe(text(NAME));
    expect(sheetText(insertRows(start, 0))).toBe(text(",,,,,,,", LOAD, NAME));
    const grown = setCells(start, [[4, 0, "x"]]);
    expect(grown.rows).toHaveLength(5);
    expect(sheetText(insertRows(sheet(`${HEADER}\n${LOAD}`), 2))).toBe(text(LOAD, ",,,,,,,"));
  });

  test("fills down a range, or the cell above a single row", () => {
    const start = sheet(text(LOAD, NAME, NAME));
    const range = { top: 1, left: 4, bottom: 3, right: 5 };
    expect(cellsIn(fillDown(start, range), range)).toEqual([
      ["float", "kW"],
      ["float", "kW"],
      ["float", "kW"],
    ]);
    expect(fillDown(start, { top: 2, left: 0, bottom: 2, right: 0 }).rows[2]!.cells[0]).toBe("portLoad_1");
    expect(fillDown(start, { top: 1, left: 0, bottom: 1, right: 0 })).toBe(start);
  });

  test("a pasted block adds rows, is repeated over a multiple of it, and is cut at the last column", () => {
    const start = sheet(text(LOAD));
    const at = (row: number, column: number) => ({ top: row, left: column, bottom: row, right: column });
    const pasted = pasteCells(start, at(1, 6), [
      ["TRUE", "n1", "too far"],
      ["TRUE", "n2"],
    ]);
    expect(pasted.clipped).toBe(1);
    expect(pasted.range).toEqual({ top: 1, left: 6, bottom: 2, right: 7 });
    expect(cellsIn(pasted.sheet, pasted.range)).toEqual([
      ["TRUE", "n1"],
      ["TRUE", "n2"],
    ]);
    const wide = { top: 1, left: 4, bottom: 4, right: 5 };
    expect(cellsIn(pasteCells(start, wide, [["x"], ["y"]]).sheet, wide)).toEqual([
      ["x", "x"],
      ["y", "y"],
      ["x", "x"],
      ["y", "y"],
    ]);
  });

  test("finds cells both ways and around the end", () => {
    const start = sheet(text(LOAD, NAME));
    expect(findCell(start, "STATION", { row: 1, column: 2 }, 1)).toEqual({ row: 2, column: 0 });
    expect(findCell(start, "station", { row: 2, column: 2 }, 1)).toEqual({ row: 2, column: 0 });
    expect(findCell(start, "station", { row: 2, column: 0 }, -1)).toEqual({ row: 2, column: 2 });
    expect(findCell(start, "nowhere", { row: 2, column: 0 }, 1)).toBeUndefined();
  });
});

describe("the clipboard", () => {
  test("takes what Excel and LibreOffice copy, and gives it back", () => {
    const block = [
      ["a", "two\nlines", 'a "quoted" word'],
      ["", '"', "tab\there"],
    ];
    expect(parseCells(formatCells(block), ",", 3)).toEqual(block);
    expect(parseCells('a\t"x\r\ny ""z"""\r\n\tb\r\n', ",", 2)).toEqual([
      ["a", 'x\ny "z"'],
      ["", "b"],
    ]);
    expect(parseCells('12" pipe\t"open', ",", 2)).toEqual([['12" pipe', '"open']]);
    expect(parseCells("a\t", ",", 2)).toEqual([["a", ""]]);
    expect(parseCells("\n", ",", 2)).toEqual([[""]]);
  });

  test("takes lines of CSV with as many cells as the sheet has columns, and no other commas", () => {
    expect(parseCells('a,"b,c",d\ne,f,g\n', ",", 3)).toEqual([
      ["a", "b,c", "d"],
      ["e", "f", "g"],
    ]);
    expect(parseCells("Load, in kW", ",", 8)).toEqual([["Load, in kW"]]);
  });
});

describe("selection and undo", () => {
  test("moves within the sheet, extends from the anchor, tabs around the end of a row", () => {
    const size = { rows: 3, columns: 4 };
    expect(moved(one(0, 0), -1, 0, size)).toEqual(one(0, 0));
    const range = moved(moved(one(1, 1), 1, 0, size, true), 0, -1, size, true);
    expect(rangeOf(range)).toEqual({ top: 1, left: 0, bottom: 2, right: 1 });
    expect(tabbed(one(1, 3), 1, size)).toEqual(one(2, 0));
    expect(tabbed(one(0, 0), -1, size)).toEqual(one(0, 0));
  });

  test("undo and redo go through the steps; a new step ends redo", () => {
    let line = advance(advance(begin("a"), "b"), "c");
    line = undo(undo(amend(line, "C")));
    expect(line.present).toBe("a");
    expect(redo(redo(redo(line))).present).toBe("C");
    expect(redo(advance(line, "d")).present).toBe("d");
    expect(undo(undo(line)).present).toBe("a");
  });
});

describe("problems", () => {
  test("belong to rows, wherever these are moved to", () => {
    const faulty = text(`${LOAD}"two\nlines"`, NAME.replace("string", "strnig"));
    const start = sheet(faulty);
    const problems = parseRegistry(Buffer.from(faulty), "f.csv").diagnostics.map((problem) => ({
      ...{ path: null, found: null, expected: null, suggestion: null },
      ...problem,
      cell: problem.cell ?? null,
      cellColumn: 4,
    }));
    const placed = placeProblems(start, problems);
    expect(byRow(placed).get(start.rows[2]!.id)).toMatchObject([{ code: "bad_type", line: 4 }]);
    const changed = moveRows(start, 2, 2, -1);
    expect(nextProblem(changed, placed, { row: 0, column: 0 }, 1)).toBe(placed[0]);
    expect(nextProblem(changed, placed, { row: 1, column: 4 }, 1)).toBe(placed[0]);
    expect(nextProblem(changed, [], { row: 1, column: 4 }, 1)).toBeUndefined();
  });
});

describe("completion", () => {
  const known = {
    driver: "chargepoint",
    type: "float",
    unit: "kW",
    meaning: "m",
    writable: false,
    call: null,
  };
  const vocabulary: Vocabulary = {
    columns: [...HEADER.split(","), "Publish"],
    types: ["string", "float"],
    attributes: [
      { ...known, register: "LoadRegister", attribute: "portLoad", level: "port" },
      { ...known, register: "LoadRegister", attribute: "allowedLoad", level: "port", writable: true },
      {
        ...known,
        register: "StationRegister",
        attribute: "stationName",
        level: "either",
        type: "string",
        unit: null,
      },
    ],
  };
  const start = sheet(text(LOAD, ",,LoadRegister,2,,,,", ",,,,,,,"));
  const offered = (row: number, column: number, typed = "") =>
    suggestions(start, row, column, typed, vocabulary).map((one) => one.text);

  test("offers the attributes of the row's register, those that begin with the text first", () => {
    expect(offered(2, 1)).toEqual(["portLoad", "allowedLoad"]);
    expect(offered(2, 1, "a")).toEqual(["allowedLoad", "portLoad"]);
    expect(offered(3, 1)).toEqual(["portLoad", "allowedLoad", "stationName"]);
    expect(offered(1, 1, "portLoad")).toEqual([]);
  });

  test("offers what the attribute says, ports of the file, words, and columns that are not there", () => {
    expect(offered(1, 5)).toEqual(["kW"]);
    expect(offered(1, 4)).toEqual(["float", "string"]);
    expect(offered(2, 3)).toEqual(["1", "2"]);
    expect(offered(1, 6)).toEqual(["FALSE"]);
    expect(offered(3, 6)).toEqual(["TRUE", "FALSE"]);
    expect(offered(0, 7)).toEqual(["Publish"]);
    expect(suggestions(setCells(start, [[2, 1, "portLoad"]]), 2, 0, "", vocabulary)[0]!.text).toBe(
      "portLoad_2",
    );
  });

  test("a chosen attribute fills what is empty, and offers what differs", () => {
    const chosen = setCells(start, [
      [2, 1, "portLoad"],
      [2, 4, "string"],
    ]);
    const columns = knownColumns(chosen, vocabulary);
    expect(columns.get("Type")).toBe(4);
    expect(offerOf(chosen, 2, vocabulary)).toEqual({
      empty: [
        [2, 5, "kW"],
        [2, 6, "FALSE"],
      ],
      different: [[2, 4, "float"]],
    });
    expect(offerOf(start, 1, vocabulary)).toEqual({ empty: [], different: [] });
    expect(columnCount(chosen)).toBe(8);
  });
});

describe("line ends", () => {
  test("a text field keeps those of lines that were not edited", () => {
    const mixed = "a\r\nb\nc\rd\r\n";
    expect(withLineEnds(mixed, fieldText(mixed))).toBe(mixed);
    expect(withLineEnds(mixed, "a\nB\nnew\nc\nd\n")).toBe("a\r\nB\r\nnew\r\nc\rd\r\n");
    expect(withLineEnds(mixed, "a\nb\nc\nd")).toBe("a\r\nb\nc\rd");
    expect(withLineEnds("a\nb", "x\nb")).toBe("x\nb");
    expect(withLineEnds("a\r\n", "")).toBe("");
  });
});
