import { useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import { Chart } from "../../kit/chart/chart.tsx";
import type { ChartBand, ChartSeries } from "../../kit/chart/chart-data.ts";
import { RangeBar } from "../../kit/chart/range-bar.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { downloadHref, loadPlot, type TopicValues } from "../../state/bridge/history.ts";
import { rangeNow, useLoadedAgain, useRange } from "../../state/browser/range.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { useKept, useLoaded } from "../../state/requests/loaded.ts";
import { isPlotted, PointChooser } from "./chooser.tsx";

/** Number of values of a line: about one for each pixel of a wide window. */
const POINTS = 1200;

/** A line of the chart and the points that it is made of. */
interface Line {
  readonly label: string;
  readonly point: string;
  /** 1 while the limit is in force; the limit is no line where it is 0. */
  readonly limited?: string | undefined;
  readonly unit: string;
  readonly isLimit: boolean;
  readonly isStep: boolean;
  readonly colour: number;
}

/** Load and limit of the station over time, with any other points that the reader adds. */
export function StationChart({
  details,
  bands,
}: {
  details: DeviceDetails;
  /** The spans of time to mark, e.g. the sessions. */
  bands: readonly ChartBand[];
}) {
  const info = useSignalValue(bridge);
  const [range, setRange] = useRange("24h");
  const { query } = useSignalValue(place);
  const [choosing, setChoosing] = useState(false);
  const added = addedOf(query.get("points"));
  const lines = linesOf(details, added);
  const topics = [...new Set(lines.flatMap(({ point, limited }) => [point, limited ?? []]).flat())].map(
    (point) => `${details.device}/${point}`,
  );
  const { preset } = range;
  const loaded = useLoaded(
    async (signal) => {
      const now = rangeNow(range);
      const plots = await loadPlot(topics, { ...now, points: POINTS }, signal);
      const byPoint = new Map(topics.map((topic, index) => [topic, plots[index]!]));
      return { ...now, series: lines.map((line) => seriesOf(line, details.device, byPoint)) };
    },
    [topics.join("\n"), preset ?? `${range.from} ${range.to}`, info?.has.history],
  );
  useLoadedAgain(range, loaded.refresh);
  const kept = useKept(loaded);
  if (info && !info.has.history)
    return (
      <Empty title="Load and limit over time would be here.">
        This bridge stores nothing: set historian.backend in its config and restart it.
      </Empty>
    );
  return (
    <>
      <div class="row apart">
        <RangeBar range={range} onRange={setRange} />
        <button type="button" class="button" onClick={() => setChoosing(true)}>
          Points…
        </button>
      </div>
      <LoadedView of={kept} what="the values of this time" lines={7}>
        {(shown) => (
          <Chart
            title="Load and limit"
            series={shown.series}
            bands={bands}
            range={shown}
            onZoom={setRange}
            csv={downloadHref(topics, shown.from, shown.to)}
            note={loaded.loading ? "loading…" : undefined}
          />
        )}
      </LoadedView>
      {choosing && (
        <PointChooser
          details={details}
          chosen={added}
          onChosen={(points) => setQuery({ points: points.map(encodeURIComponent).join(",") })}
          onClose={() => setChoosing(false)}
        />
      )}
    </>
  );
}

function addedOf(text: string | null): readonly string[] {
  if (!text) return [];
  try {
    return text.split(",").map(decodeURIComponent);
  } catch {
    // A percent sign that encodes nothing.
    return [];
  }
}

function linesOf({ points, ports }: DeviceDetails, added: readonly string[]): Line[] {
  const lines: Line[] = [];
  const meant = (measure: string, port: string | null): PointView | undefined =>
    points.find((point) => point.measure === measure && point.port === port);
  const add = (name: string, port: string | null, colour: number): void => {
    const load = meant("load", port);
    const limit = meant("limit", port);
    const limited = meant("limited", port)?.point;
    const line = { colour, isStep: false, isLimit: false };
    if (load) lines.push({ ...line, label: `${name} load`, point: load.point, unit: load.units });
    if (limit)
      lines.push({
        ...{ label: `${name} limit`, point: limit.point, unit: limit.units, colour },
        ...{ limited, isStep: true, isLimit: true },
      });
  };
  for (const [index, { port }] of ports.entries()) add(`Port ${port}`, port, index + 1);
  if (ports.every(({ loadPoint }) => loadPoint === null)) add("Station", null, 1);
  for (const name of added) {
    const point = points.find((one) => one.point === name);
    if (!point || !isPlotted(point) || lines.some((line) => line.point === name)) continue;
    const isStep = point.type !== "float";
    lines.push({
      label: name,
      point: name,
      unit: point.units,
      isStep,
      isLimit: false,
      colour: lines.length + 1,
    });
  }
  return lines;
}

function seriesOf(line: Line, device: string, plots: ReadonlyMap<string, TopicValues>): ChartSeries {
  const { label, unit, colour, isStep, isLimit, limited } = line;
  const own = plots.get(`${device}/${line.point}`) ?? { times: [], values: [] };
  const values = isLimit ? inForce(own, limited && plots.get(`${device}/${limited}`)) : own;
  return { ...values, label, unit, colour, step: isStep, dashed: isLimit };
}

/** The limit at the times when it was in force; a limit of 0 kW is one, and a port without a limit reads 0 too. */
function inForce(limit: TopicValues, limited: TopicValues | undefined | ""): TopicValues {
  if (!limited || limited.times.length === 0)
    return { times: limit.times, values: limit.values.map((kw) => (kw === 0 ? null : kw)) };
  const times = [...new Set([...limit.times, ...limited.times])].sort((a, b) => a - b);
  const kw = cursor(limit);
  const is = cursor(limited);
  return { times, values: times.map((time) => (is(time) === 1 ? kw(time) : null)) };
}

/** Returns a function of ascending times: the value at or before each. */
function cursor({ times, values }: TopicValues): (time: number) => number | null {
  let at = -1;
  return (time) => {
    while (at + 1 < times.length && times[at + 1]! <= time) at++;
    return values[at] ?? null;
  };
}
