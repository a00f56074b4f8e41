import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { dark } from "../../state/browser/media.ts";
import type { Preset, TimeRange } from "../../state/browser/range.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { type Column, DataTable } from "../table/data-table.tsx";
import { localTime, NONE, plainNumber } from "../text/format.ts";
import { Failed, Skeleton } from "../text/loading.tsx";
import { Time } from "../text/time.tsx";
import { type ChartBand, type ChartSeries, inWords, joinSeries, seriesColour } from "./chart-data.ts";

interface ChartProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  readonly bands?: readonly ChartBand[];
  readonly range: TimeRange;
  /** The reader dragged over a part, or went back to a wider one; the second result of `useRange` takes both. */
  readonly onZoom: (range: Preset | { from: number; to: number }) => void;
  /** Address of the same values as CSV. */
  readonly csv?: string | undefined;
  /** In pixels. Default: 240. */
  readonly height?: number;
  /** Shown beside the title, e.g. what the chart leaves out. */
  readonly note?: ComponentChildren;
}

const NO_BANDS: readonly ChartBand[] = [];

/**
 * A chart with its values as a table, and as CSV. Drag over a part to zoom, click twice to go back; all charts of a view
 * share the cursor.
 */
export function Chart({
  title,
  series,
  bands = NO_BANDS,
  range,
  onZoom,
  csv,
  height = 240,
  note,
}: ChartProps) {
  const [asTable, setAsTable] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const [drawn, setDrawn] = useState(false);
  const plot = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLDivElement>(null);
  const isDark = useSignalValue(dark);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const before = useRef<TimeRange[]>([]);
  const { from, to } = range;
  const shown = useRef(range);
  shown.current = range;

  // Another scheme has other colours.
  useEffect(() => {
    if (asTable) return undefined;
    let ended = false;
    let drawing: { destroy: () => void } | undefined;
    const events = {
      zoom(start: number, end: number): void {
        before.current.push(shown.current);
        zoom.current({ from: start, to: end });
      },
      back(): void {
        const last = before.current.pop();
        if (last) zoom.current(last.preset ?? { from: last.from, to: last.to });
      },
      point: (time: number | undefined, values: readonly (number | null | undefined)[]): void =>
        writeReadout(readout.current, time, values),
    };
    import("./plot.ts").then(
      ({ drawPlot }) => {
        if (ended || !plot.current) return;
        drawing = drawPlot(plot.current, { series, bands, from, to }, events);
        setDrawn(true);
      },
      (error: unknown) => setFailure(error),
    );
    return () => {
      ended = true;
      drawing?.destroy();
    };
  }, [asTable, series, bands, from, to, isDark]);

  const hasValues = series.some(({ times }) => times.length > 0);
  return (
    <figure class="chart" style={{ "--chart-height": `${height}px` }}>
      <figcaption class="row apart">
        <h2>{title}</h2>
        <span class="row">
          {note && <small class="quiet">{note}</small>}
          <button type="button" class="button plain" onClick={() => setAsTable(!asTable)}>
            {asTable ? "Chart" : "Table"}
          </button>
          {csv && (
            <a class="button plain" href={csv} download>
              CSV
            </a>
          )}
        </span>
      </figcaption>
      {failure !== undefined && <Failed error={failure} what={`the chart of ${title}`} />}
      {asTable ? (
        <SeriesTable title={title} series={series} />
      ) : (
        <>
          <div
            ref={plot}
            class="plot"
            role="img"
            aria-label={`${title}. ${series.map(inWords).join(". ")}. The button Table shows the values.`}
          >
            {!drawn && failure === undefined && <Skeleton what={`the chart of ${title}`} lines={4} />}
          </div>
          {!hasValues && <p class="quiet">No values in this time.</p>}
          <div class="legend" ref={readout} aria-hidden="true">
            <span data-time="" class="quiet" />
            {series.map((one, index) => (
              <span key={one.label}>
                <span
                  class={one.dashed ? "swatch dashed" : "swatch"}
                  style={{ "--swatch": `var(${seriesColour(one, index)})` }}
                />
                <bdi>{one.label}</bdi> <strong data-value={one.unit} />
              </span>
            ))}
          </div>
        </>
      )}
    </figure>
  );
}

/** Writes the values at the cursor beside the names; draws nothing again. */
function writeReadout(
  place: HTMLElement | null,
  time: number | undefined,
  values: readonly (number | null | undefined)[],
): void {
  if (!place) return;
  const clock = place.querySelector("[data-time]");
  if (clock) clock.textContent = time === undefined ? "" : localTime(new Date(time), new Date());
  for (const [index, element] of place.querySelectorAll<HTMLElement>("[data-value]").entries()) {
    const value = values[index];
    const unit = element.dataset.value ?? "";
    element.textContent = time === undefined || value === undefined ? "" : textOf(value, unit);
  }
}

const textOf = (value: number | null | undefined, unit: string): string =>
  value === null || value === undefined ? NONE : `${plainNumber(value, 4)} ${unit}`.trim();

interface SeriesRow {
  readonly time: number;
  readonly values: readonly (number | null | undefined)[];
}

function SeriesTable({ title, series }: Pick<ChartProps, "title" | "series">) {
  const rows = useMemo((): SeriesRow[] => {
    const { times, columns } = joinSeries(
      series.map((one) => ({ ...one, gap: Number.POSITIVE_INFINITY, holds: undefined })),
    );
    return times.map((time, index) => ({ time, values: columns.map((column) => column[index]) }));
  }, [series]);
  const columns: Column<SeriesRow>[] = [
    { id: "time", title: "Time", header: true, cell: ({ time }) => <Time at={time} /> },
    ...series.map(
      (one, index): Column<SeriesRow> => ({
        id: `${index}`,
        title: one.unit ? `${one.label}, ${one.unit}` : one.label,
        numeric: true,
        cell: ({ values }) => (values[index] === undefined ? "" : textOf(values[index], "")),
      }),
    ),
  ];
  return (
    <DataTable
      caption={`Values of ${title}`}
      rows={rows}
      columns={columns}
      keyOf={({ time }) => String(time)}
      keys={false}
      empty={<p class="quiet">No values in this time.</p>}
    />
  );
}
