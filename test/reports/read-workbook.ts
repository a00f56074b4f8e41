import { inflateRawSync } from "node:zlib";
import { XMLParser } from "fast-xml-parser";

export type ReadCell = string | number | boolean | Date | null;

export interface ReadSheet {
  readonly name: string;
  readonly rows: readonly (readonly ReadCell[])[];
  readonly frozenRows: number;
  readonly widths: readonly number[];
  /** Whether the cells of the first row are bold. */
  readonly boldHeader: boolean;
  /** Formats of the cells, as `0.0%`; empty where there is none. */
  readonly formats: readonly (readonly string[])[];
}

/** Reads an Excel workbook as others would; it knows nothing of how ours are written. Fails on a formula. */
export function readWorkbook(file: Buffer): ReadSheet[] {
  const entries = unzip(file);
  const xml = (name: string) => parser.parse(entries.get(name)!.toString("utf8"));
  const strings = list(xml("xl/sharedStrings.xml").sst.si).map((item) => decode(text(item.t)));
  const { styleSheet } = xml("xl/styles.xml");
  const custom = new Map(
    list(styleSheet.numFmts?.numFmt).map((format) => [format["@numFmtId"], decode(format["@formatCode"])]),
  );
  const styles = list(styleSheet.cellXfs.xf).map((style) => ({
    format: custom.get(style["@numFmtId"]) ?? (style["@numFmtId"] === "49" ? "@" : ""),
    bold: list(styleSheet.fonts.font)[Number(style["@fontId"])]?.b !== undefined,
  }));
  const targets = new Map(
    list(xml("xl/_rels/workbook.xml.rels").Relationships.Relationship).map((one) => [
      one["@Id"],
      one["@Target"],
    ]),
  );
  return list(xml("xl/workbook.xml").workbook.sheets.sheet).map((sheet) => {
    const { worksheet } = xml(`xl/${targets.get(sheet["@r:id"])}`);
    const cells = list(worksheet.sheetData.row).map((row) => list(row.c));
    const widest = Math.max(0, ...cells.flat().map((cell) => columnOf(cell["@r"]) + 1));
    const wide = <T>(row: Xml[], of: (cell: Xml) => T, none: T) => {
      const full = new Array<T>(widest).fill(none);
      for (const cell of row) full[columnOf(cell["@r"])] = of(cell);
      return full;
    };
    const styleOf = (cell: Xml) => styles[Number(cell["@s"] ?? 0)]!;
    const readCell = (cell: Xml): ReadCell => {
      if (cell.f !== undefined) throw new Error(`a formula: ${cell.f}`);
      const value = text(cell.v);
      if (cell["@t"] === "s") return strings[Number(value)]!;
      if (cell["@t"] === "b") return value === "1";
      if (value === "") return null;
      if (!Number.isFinite(Number(value))) throw new Error(`no number: ${value}`);
      return /y/.test(styleOf(cell).format)
        ? new Date(Math.round((Number(value) - 25_569) * 86_400_000))
        : Number(value);
    };
    return {
      name: decode(sheet["@name"]),
      rows: cells.map((row) => wide(row, readCell, null)),
      frozenRows: Number(list(worksheet.sheetViews?.sheetView)[0]?.pane?.["@ySplit"] ?? 0),
      widths: list(worksheet.cols?.col).map((column) => Number(column["@width"])),
      boldHeader: cells[0]!.every((cell) => styleOf(cell).bold),
      formats: cells.map((row) => wide(row, (cell) => styleOf(cell).format, "")),
    };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: XML of any shape
type Xml = any;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  trimValues: false,
});

function list(value: Xml): Xml[] {
  if (value === undefined || value === "") return [];
  return Array.isArray(value) ? value : [value];
}

function text(value: Xml): string {
  return typeof value === "object" ? String(value["#text"] ?? "") : String(value ?? "");
}

/** `_x0041_` stands for `A` in texts of a workbook. */
function decode(value: string): string {
  return value.replace(/_x([\dA-Fa-f]{4})_/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}

function columnOf(address: string): number {
  return [.../^[A-Z]+/.exec(address)![0]].reduce((at, letter) => at * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** Entries of a zip file by its central directory. */
export function unzip(file: Buffer): Map<string, Buffer> {
  const end = file.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const entries = new Map<string, Buffer>();
  let at = file.readUInt32LE(end + 16);
  for (let count = file.readUInt16LE(end + 10); count > 0; count--) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => file.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = file.toString("utf8", at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const packed = file.subarray(start, start + file.readUInt32LE(at + 20));
    entries.set(name, file.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
    at += 46 + nameLength + extra + comment;
  }
  return entries;
}
