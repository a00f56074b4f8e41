import type writeExcelFile from "write-excel-file/node";

type WriterOptions = NonNullable<Parameters<typeof writeExcelFile>[1]>;
type Feature = NonNullable<WriterOptions["features"]>[number];

/** Setup of every sheet: columns fit on a page's width, and the header can filter and sort. */
export const printSetup: Feature = {
  files: {
    transform: {
      "xl/worksheets/sheet{id}.xml": {
        transform: (xml) =>
          xml
            .replace(/<worksheet[^>]*>/, '$&<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>')
            .replace("</sheetData>", `$&${autoFilter(xml)}`),
        transformElementAttributes: (tag, attributes) =>
          tag === "pageSetup" ? { ...attributes, fitToWidth: 1, fitToHeight: 0, paperSize: 9 } : attributes,
      },
    },
  },
};

/** Returns a filter for all cells; a sheet with only a header has none. */
function autoFilter(xml: string): string {
  const rows = xml.lastIndexOf("<row ");
  const last = /^<row [^>]*\br="(\d+)"/.exec(xml.slice(rows, rows + 200))?.[1];
  const header = /<row [^>]*\br="1"[^>]*>(.*?)<\/row>/s.exec(xml)?.[1] ?? "";
  const column = [...header.matchAll(/<c [^>]*\br="([A-Z]+)1"/g)].at(-1)?.[1];
  return last === undefined || last === "1" || column === undefined
    ? ""
    : `<autoFilter ref="A1:${column}${last}"/>`;
}
