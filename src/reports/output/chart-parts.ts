import type writeExcelFile from "write-excel-file/node";
import type { Cell } from "../field.ts";

/**
 * Charts of a workbook: the parts that ECMA-376 (part 1, §21.2 DrawingML charts, §20.5 spreadsheet drawings) requires, added to the file
 * that write-excel-file makes. A chart refers to cells, and carries their values for programs that show it without a calculation.
 */

type Feature = NonNullable<NonNullable<Parameters<typeof writeExcelFile>[1]>["features"]>[number];

/** Cells of one column. */
export interface CellRange {
  /** Name of the sheet, as in the file. */
  readonly sheet: string;
  /** From 0. */
  readonly column: number;
  /** From 1, as shown. */
  readonly firstRow: number;
  readonly values: readonly Cell[];
  /** Excel's number format. */
  readonly format?: string | undefined;
}

export interface BookChart {
  readonly title: string;
  /** `columns` over time, or `bars` with a label each. */
  readonly kind: "columns" | "bars";
  readonly categories: CellRange;
  /** Name of the values: one cell. */
  readonly name: CellRange;
  readonly values: CellRange;
  /** `2b6cb0` */
  readonly colour: string;
  /** Colours of single bars, by their position. */
  readonly colours?: ReadonlyMap<number, string>;
  /** Cell at its upper left corner, from 0. */
  readonly at: { readonly column: number; readonly row: number };
}

/** Size of a chart in cells, so that charts do not overlap whatever a row's height is in a program. */
export const CHART_SIZE = { columns: 8, rows: 16 };

/** Returns a feature of the writer that adds charts to the sheet with an index. */
export function chartFeature(sheetIndex: number, charts: readonly BookChart[]): Feature {
  const numbered = charts.map((chart, at) => ({ chart, number: at + 1 }));
  const on = (index: number, of: (all: typeof numbered) => string) =>
    index === sheetIndex ? of(numbered) : "";
  return {
    files: {
      transform: {
        "[Content_Types].xml": {
          insert: () =>
            numbered
              .map(
                ({ number }) =>
                  `<Override PartName="/xl/charts/chart${number}.xml" ContentType="application/vnd.openxmlformats-officedocument.drawingml.chart+xml"/>`,
              )
              .join(""),
        },
        "xl/drawings/drawing{id}.xml": {
          insert: (_, { sheetIndex: index }) => on(index, (all) => all.map(anchor).join("")),
        },
        "xl/drawings/_rels/drawing{id}.xml.rels": {
          insert: (_, { sheetIndex: index }) =>
            on(index, (all) =>
              all
                .map(
                  ({ number }) =>
                    `<Relationship Id="rId-chart-${number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart" Target="../charts/chart${number}.xml"/>`,
                )
                .join(""),
            ),
        },
      },
      write: {
        files: () =>
          Object.fromEntries(
            numbered.map(({ chart, number }) => [`xl/charts/chart${number}.xml`, chartPart(chart)]),
          ),
      },
    },
  };
}

function anchor({ chart, number }: { readonly chart: BookChart; readonly number: number }): string {
  const { at, title } = chart;
  const cell = (column: number, row: number) =>
    `<xdr:col>${column}</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>${row}</xdr:row><xdr:rowOff>0</xdr:rowOff>`;
  return (
    `<xdr:twoCellAnchor><xdr:from>${cell(at.column, at.row)}</xdr:from>` +
    `<xdr:to>${cell(at.column + CHART_SIZE.columns, at.row + CHART_SIZE.rows)}</xdr:to><xdr:graphicFrame macro=""><xdr:nvGraphicFramePr>` +
    `<xdr:cNvPr id="${number + 1}" name="Chart ${number}" descr="${escapedXml(title)}"/><xdr:cNvGraphicFramePr/></xdr:nvGraphicFramePr>` +
    `<xdr:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></xdr:xfrm><a:graphic><a:graphicData uri="${CHART}">` +
    `<c:chart xmlns:c="${CHART}" xmlns:r="${RELATIONSHIPS}" r:id="rId-chart-${number}"/>` +
    `</a:graphicData></a:graphic></xdr:graphicFrame><xdr:clientData/></xdr:twoCellAnchor>`
  );
}

const CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart";
const DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main";
const RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

const TEXT_COLOUR = "44505f";
const LINE_COLOUR = "dfe3e9";
/** Identifiers of the axes, which are of one chart only. */
const CATEGORY_AXIS = 1;
const VALUE_AXIS = 2;

function chartPart(chart: BookChart): string {
  const isBars = chart.kind === "bars";
  return (
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><c:chartSpace xmlns:c="${CHART}" xmlns:a="${DRAWING}">` +
    `<c:roundedCorners val="0"/><c:chart>${titlePart(chart.title)}<c:autoTitleDeleted val="0"/>` +
    `<c:plotArea><c:layout/><c:barChart><c:barDir val="${isBars ? "bar" : "col"}"/><c:grouping val="clustered"/>` +
    `<c:varyColors val="0"/>${seriesPart(chart)}<c:gapWidth val="${isBars ? barGap(chart.values.values.length) : 35}"/>` +
    `<c:axId val="${CATEGORY_AXIS}"/><c:axId val="${VALUE_AXIS}"/></c:barChart>${categoryAxis(chart)}${valueAxis(chart)}</c:plotArea>` +
    `<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>` +
    `<c:spPr><a:solidFill><a:srgbClr val="ffffff"/></a:solidFill><a:ln w="9525">${fill(LINE_COLOUR)}</a:ln></c:spPr></c:chartSpace>`
  );
}

/** Space between bars, in percent of their width: few bars are not made as wide as the chart. */
function barGap(count: number): number {
  return Math.max(45, 330 - 60 * count);
}

function titlePart(title: string): string {
  return (
    `<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:pPr><a:defRPr sz="1200" b="1"/></a:pPr><a:r><a:rPr lang="en-US" sz="1200" b="1">${fill(TEXT_COLOUR)}</a:rPr>` +
    `<a:t>${escapedXml(title)}</a:t></a:r></a:p></c:rich></c:tx><c:overlay val="0"/></c:title>`
  );
}

function seriesPart({ kind, name, categories, values, colour, colours = new Map() }: BookChart): string {
  const points = [...colours].map(
    ([at, own]) =>
      `<c:dPt><c:idx val="${at}"/><c:invertIfNegative val="0"/><c:bubble3D val="0"/><c:spPr>${fill(own)}</c:spPr></c:dPt>`,
  );
  const labels = `<c:dLbls><c:numFmt formatCode="${escapedXml(shownFormat(values))}" sourceLinked="0"/><c:spPr><a:noFill/><a:ln><a:noFill/></a:ln></c:spPr>${textPart(900)}<c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/><c:showPercent val="0"/><c:showBubbleSize val="0"/></c:dLbls>`;
  return (
    `<c:ser><c:idx val="0"/><c:order val="0"/><c:tx>${textReference(name)}</c:tx><c:spPr>${fill(colour)}</c:spPr><c:invertIfNegative val="0"/>` +
    `${points.join("")}${kind === "bars" ? labels : ""}<c:cat>${reference(categories)}</c:cat><c:val>${reference(values)}</c:val></c:ser>`
  );
}

function categoryAxis({ kind, categories }: BookChart): string {
  const isBars = kind === "bars";
  const hasDays = categories.values.some((value) => value instanceof Date);
  const element = hasDays ? "c:dateAx" : "c:catAx";
  const format = escapedXml(categories.format ?? "General");
  return (
    `<${element}><c:axId val="${CATEGORY_AXIS}"/><c:scaling><c:orientation val="${isBars ? "maxMin" : "minMax"}"/></c:scaling><c:delete val="0"/>` +
    `<c:axPos val="${isBars ? "l" : "b"}"/><c:numFmt formatCode="${format}" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>` +
    `<c:tickLblPos val="low"/><c:spPr><a:ln w="9525">${fill(LINE_COLOUR)}</a:ln></c:spPr>${textPart(900)}<c:crossAx val="${VALUE_AXIS}"/><c:crosses val="autoZero"/>` +
    (hasDays
      ? `<c:auto val="0"/><c:lblOffset val="100"/><c:baseTimeUnit val="days"/></c:dateAx>`
      : `<c:auto val="0"/><c:lblAlgn val="ctr"/><c:lblOffset val="100"/><c:noMultiLvlLbl val="1"/></c:catAx>`)
  );
}

/** Bars have their values beside them instead. */
function valueAxis({ kind, values }: BookChart): string {
  const isBars = kind === "bars";
  const lines = isBars
    ? ""
    : `<c:majorGridlines><c:spPr><a:ln w="6350">${fill(LINE_COLOUR)}</a:ln></c:spPr></c:majorGridlines>`;
  return (
    `<c:valAx><c:axId val="${VALUE_AXIS}"/><c:scaling><c:orientation val="minMax"/><c:min val="0"/></c:scaling><c:delete val="${isBars ? 1 : 0}"/>` +
    `<c:axPos val="${isBars ? "t" : "l"}"/>${lines}<c:numFmt formatCode="${escapedXml(shownFormat(values))}" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>` +
    `<c:tickLblPos val="nextTo"/><c:spPr><a:ln><a:noFill/></a:ln></c:spPr>${textPart(900)}<c:crossAx val="${CATEGORY_AXIS}"/><c:crosses val="autoZero"/><c:crossBetween val="between"/></c:valAx>`
  );
}

/** Beside a bar or a scale, whole numbers are enough. */
function shownFormat({ format }: CellRange): string {
  return format?.endsWith("%") ? format : "#,##0";
}

function textPart(size: number): string {
  return `<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="${size}">${fill(TEXT_COLOUR)}</a:defRPr></a:pPr><a:endParaRPr lang="en-US"/></a:p></c:txPr>`;
}

function fill(colour: string): string {
  return `<a:solidFill><a:srgbClr val="${colour}"/></a:solidFill>`;
}

function reference(range: CellRange): string {
  if (range.values.some((value) => typeof value === "string")) return textReference(range);
  const points = range.values.flatMap((value, at) =>
    value === null ? [] : [`<c:pt idx="${at}"><c:v>${numberOf(value)}</c:v></c:pt>`],
  );
  return `<c:numRef><c:f>${escapedXml(address(range))}</c:f><c:numCache><c:formatCode>${escapedXml(range.format ?? "General")}</c:formatCode><c:ptCount val="${range.values.length}"/>${points.join("")}</c:numCache></c:numRef>`;
}

function textReference(range: CellRange): string {
  const points = range.values.flatMap((value, at) =>
    value === null ? [] : [`<c:pt idx="${at}"><c:v>${escapedXml(String(value))}</c:v></c:pt>`],
  );
  return `<c:strRef><c:f>${escapedXml(address(range))}</c:f><c:strCache><c:ptCount val="${range.values.length}"/>${points.join("")}</c:strCache></c:strRef>`;
}

/** Days since 1899-12-30, as Excel counts them from March 1900. */
function numberOf(value: NonNullable<Cell>): number {
  return value instanceof Date ? value.getTime() / 86_400_000 + 25_569 : Number(value);
}

function address({ sheet, column, firstRow, values }: CellRange): string {
  const letters = columnLetters(column);
  const first = `'${sheet.replaceAll("'", "''")}'!$${letters}$${firstRow}`;
  return values.length === 1 ? first : `${first}:$${letters}$${firstRow + values.length - 1}`;
}

function columnLetters(column: number): string {
  const last = String.fromCharCode(65 + (column % 26));
  return column < 26 ? last : columnLetters(Math.floor(column / 26) - 1) + last;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Returns text for the content or an attribute of an XML element. */
export function escapedXml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!);
}
