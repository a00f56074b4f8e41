import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { localDate, plainNumber, two } from "../text/format.ts";
import { type ChartBand, type ChartSeries, joinSeries, seriesColour } from "./chart-data.ts";

/** What a plot shows; times in milliseconds since 1970. */
export interface PlotContent {
  readonly series: readonly ChartSeries[];
  readonly bands: readonly ChartBand[];
  readonly from: number;
  readonly to: number;
}

export interface PlotEvents {
  /** The reader dragged over a part of the time. */
  zoom(from: number, to: number): void;
  /** The reader clicked twice. */
  back(): void;
  /** The cursor is at a time, with the value of each series there; undefined: it left. */
  point(time: number | undefined, values: readonly (number | null | undefined)[]): void;
}

/** Charts of one view share their cursor. */
const SHARED = "voltbridge";

/** Draws a plot into an element; loaded only where there is one. Colours are those of the scheme at the time. */
export function drawPlot(
  element: HTMLElement,
  content: PlotContent,
  events: PlotEvents,
): { destroy: () => void } {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `${colour("--small-size")} ${style.fontFamily}`;
  const units = [...new Set(content.series.map(({ unit }) => unit))];
  const axis: UPlot.Axis = {
    stroke: colour("--quiet"),
    font,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 4 },
  };
  const { times, columns } = joinSeries(content.series);
  const lone = columns.map(loneValues);
  const steps = UPlot.paths.stepped?.({ align: 1 });
  const plot = new UPlot(
    {
      width: Math.max(1, element.clientWidth),
      height: Math.max(1, element.clientHeight),
      legend: { show: false },
      scales: {
        x: { range: [content.from / 1000, content.to / 1000] },
        ...Object.fromEntries(units.map((unit) => [unit, { range: withZero }])),
      },
      axes: [
        { ...axis, values: timeLabels, space: 72 },
        ...units.slice(0, 2).map(
          (unit, index): UPlot.Axis => ({
            ...axis,
            scale: unit,
            side: index === 0 ? 3 : 1,
            grid: index === 0 ? axis.grid! : { show: false },
            size: 64,
            values: (_, splits) => splits.map((value) => `${plainNumber(value)} ${unit}`.trim()),
          }),
        ),
      ],
      series: [
        {},
        ...content.series.map(
          (one, index): UPlot.Series => ({
            label: one.label,
            scale: one.unit,
            stroke: colour(seriesColour(one, index)),
            width: 1.5,
            // A value between two gaps has no line.
            points: {
              show: true,
              size: 4,
              fill: colour(seriesColour(one, index)),
              filter: () => lone[index]!,
            },
            ...(one.dashed && { dash: [6, 4] }),
            ...(one.step && steps && { paths: steps }),
          }),
        ),
      ],
      cursor: {
        sync: { key: SHARED, setSeries: false, scales: ["x", null] },
        drag: { x: true, y: false, setScale: false },
        y: false,
        points: { size: 7 },
        bind: {
          dblclick: () => () => {
            events.back();
            return null;
          },
        },
      },
      hooks: {
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < 4) return;
            const from = self.posToVal(left, "x") * 1000;
            const to = self.posToVal(left + width, "x") * 1000;
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            events.zoom(from, to);
          },
        ],
        setCursor: [
          (self) => {
            const index = self.cursor.idx;
            if (index === null || index === undefined || self.cursor.left! < 0) events.point(undefined, []);
            else
              events.point(
                times[index],
                columns.map((column) => valueAt(column, index)),
              );
          },
        ],
        drawClear: [(self) => drawBands(self, content.bands, colour("--band"))],
      },
    },
    [times.map((time) => time / 1000), ...columns] as UPlot.AlignedData,
    element,
  );
  const resized = new ResizeObserver(() => {
    plot.setSize({ width: Math.max(1, element.clientWidth), height: Math.max(1, element.clientHeight) });
  });
  resized.observe(element);
  return {
    destroy() {
      resized.disconnect();
      plot.destroy();
    },
  };
}

/** Returns the places of values with a gap, or nothing, on both sides. */
function loneValues(column: readonly (number | null | undefined)[]): number[] {
  const places = column.flatMap((value, index) => (value === undefined ? [] : index));
  const isGap = (place: number | undefined): boolean => place === undefined || column[place] === null;
  return places.filter((place, at) => !isGap(place) && isGap(places[at - 1]) && isGap(places[at + 1]));
}

/** A series without a value of its own at this time shows the one before it, unless a gap is between. */
function valueAt(column: readonly (number | null | undefined)[], index: number): number | null | undefined {
  for (let at = index; at >= 0; at--) if (column[at] !== undefined) return column[at];
  return undefined;
}

/** Powers and energies are read against zero. */
function withZero(_: UPlot, least: number | null, most: number | null): UPlot.Range.MinMax {
  if (least === null || most === null) return [0, 1];
  return UPlot.rangeNum(Math.min(0, least), Math.max(0, most), {
    min: { pad: 0.05, soft: 0, mode: 1 },
    max: { pad: 0.1, soft: 0, mode: 1 },
  });
}

function timeLabels(_: UPlot, splits: number[], __: number, ___: number, step: number): string[] {
  const now = new Date();
  let day = "";
  return splits.map((seconds) => {
    const at = new Date(seconds * 1000);
    const date = localDate(at, now);
    const isNewDay = date !== day && (day !== "" || step >= 86_400 || date !== localDate(now, now));
    day = date;
    if (step >= 86_400) return date;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}${step < 60 ? `:${two(at.getSeconds())}` : ""}`;
    return isNewDay ? `${clock}\n${date}` : clock;
  });
}

function drawBands(self: UPlot, bands: readonly ChartBand[], colour: string): void {
  const { ctx } = self;
  ctx.save();
  ctx.fillStyle = colour;
  for (const { from, to } of bands) {
    const left = Math.max(self.bbox.left, self.valToPos(from / 1000, "x", true));
    const right = Math.min(self.bbox.left + self.bbox.width, self.valToPos(to / 1000, "x", true));
    if (right > left) ctx.fillRect(left, self.bbox.top, right - left, self.bbox.height);
  }
  ctx.restore();
}
