import { useMemo, useState } from "preact/hooks";
import { Chart } from "../../kit/chart/chart.tsx";
import { type ChartSeries, seriesColour } from "../../kit/chart/chart-data.ts";
import { RangeBar } from "../../kit/chart/range-bar.tsx";
import { Chips } from "../../kit/controls/chips.tsx";
import { Menu } from "../../kit/controls/menu.tsx";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, Failed, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { devices, nameOf, stationName } from "../../state/bridge/devices.ts";
import { useKeys } from "../../state/browser/keys.ts";
import { rangeNow, useLoadedAgain, useRange } from "../../state/browser/range.ts";
import { setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { apiHref } from "../../state/requests/api.ts";
import { ApiError } from "../../state/requests/api-error.ts";
import { useKept, useLoaded } from "../../state/requests/loaded.ts";
import "../../styles/history.css";
import {
  AGGREGATES,
  type Aggregate,
  type Choice,
  chooseTopics,
  PERIODS,
  type Period,
  partsOf,
  periodOf,
  useChoice,
} from "./choice.ts";
import { Gaps } from "./gaps.tsx";
import { type LoadedTopic, loadChoice, rangeOf, type Shown, type Span } from "./load.ts";
import { Statistics } from "./statistics.tsx";
import { TextChanges } from "./text-changes.tsx";
import { TopicChooser } from "./topic-chooser.tsx";

/** Any points over any time: compared, aggregated, as table and as file. The address holds the whole choice. */
export default function History() {
  const info = useSignalValue(bridge);
  return (
    <>
      <PageHeading title="History" hidden />
      {info && !info.has.history ? (
        <Empty title="Curves of any point over any time would be here.">
          This bridge stores nothing: set <code>historian.backend</code> in its config (<code>sqlite</code>{" "}
          needs nothing else) and restart it.
        </Empty>
      ) : (
        <Stored />
      )}
    </>
  );
}

function Stored() {
  const choice = useChoice();
  const [choosing, setChoosing] = useState(false);
  const choose = (): void => setChoosing(true);
  useKeys([{ keys: "p", what: "Choose points", run: choose }]);
  return (
    <div class="stack">
      {choice.topics.length === 0 ? (
        <NothingChosen onChoose={choose} />
      ) : (
        <Chosen choice={choice} onChoose={choose} />
      )}
      {choosing && (
        <TopicChooser
          chosen={choice.topics}
          onChosen={(topics) => {
            setChoosing(false);
            if (topics.join("\n") !== choice.topics.join("\n")) chooseTopics(topics);
          }}
          onClose={() => setChoosing(false)}
        />
      )}
    </div>
  );
}

function Chosen({ choice, onChoose }: { choice: Choice; onChoose: () => void }) {
  const [range, setRange] = useRange("24h");
  const loaded = useLoaded(
    (signal) => loadChoice(choice, rangeNow(range), signal),
    [choice, range.preset ?? `${range.from} ${range.to}`],
  );
  useLoadedAgain(range, loaded.refresh);
  const kept = useKept(loaded);
  return (
    <>
      <div class="row apart">
        <RangeBar range={range} onRange={setRange} />
        <Menu
          label="Download what is chosen"
          button="Download ▾"
          items={["CSV", "JSON", "Parquet"].map((text) => ({
            text,
            download: true,
            href: downloadHref(choice, choice.topics, kept.value ?? range, text.toLowerCase()),
          }))}
        />
      </div>
      <ChosenTopics choice={choice} onChoose={onChoose} />
      <ChartChoices choice={choice} span={range} />
      <LoadedView of={kept} what="the values of this time" lines={9}>
        {(shown) => (
          <Values shown={shown} isLoading={loaded.loading} onZoom={setRange} reload={loaded.reload} />
        )}
      </LoadedView>
    </>
  );
}

/** Stations offered at the beginning. */
const OFFERED = 4;

function NothingChosen({ onChoose }: { onChoose: () => void }) {
  const list = useSignalValue(devices);
  const offered = list.flatMap(({ view }) => {
    const one = view.peek();
    const loads = one.ports.flatMap(({ loadPoint }) => loadPoint ?? []);
    return loads.length > 0 ? [{ one, topic: loads.map((point) => `${one.device}/${point}`) }] : [];
  });
  return (
    <div class="notice">
      <p>
        <strong>Curves of the points that you choose would be here.</strong>
      </p>
      <p class="quiet">
        Any point with stored values, of one station or of several, over any time: compared in one chart or
        one below the other, as means or sums of periods, as a table, and as a file.
      </p>
      <button type="button" class="button primary" onClick={onChoose}>
        Choose points…
      </button>
      {offered.length > 0 && (
        <div class="quiet">
          Or begin with the load of
          <ul class="offered">
            {offered.slice(0, OFFERED).map(({ one, topic }) => (
              <li key={one.device}>
                <a href={`/history?${new URLSearchParams(topic.map((name) => ["topic", name]))}`}>
                  <Name text={nameOf(one)} />
                </a>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

/** Address of a file with exactly what is chosen; without an aggregate, with every stored value. */
function downloadHref(choice: Choice, topic: readonly string[], span: Span, format: string): string {
  const { aggregate } = choice;
  const periods = aggregate && { agg_type: aggregate, agg_period: periodOf(choice, span) };
  return apiHref("history/download", { topic, ...rangeOf(span), ...periods, format });
}

/** The chosen points, each with a button that takes it out. */
function ChosenTopics({ choice: { topics }, onChoose }: { choice: Choice; onChoose: () => void }) {
  useSignalValue(devices);
  return (
    <ul class="chosen" aria-label="Points chosen">
      {topics.map((topic, index) => (
        <li key={topic}>
          <span class="swatch" style={{ "--swatch": `var(${seriesColour({}, index)})` }} />
          <Name text={labelOf(topic, [])} />
          <button
            type="button"
            class="button plain"
            aria-label={`Take out ${labelOf(topic, [])}`}
            onClick={() => chooseTopics(topics.filter((one) => one !== topic))}
          >
            ✕
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="button" onClick={onChoose}>
          Points…
        </button>
      </li>
    </ul>
  );
}

const AGGREGATE_NAMES: Readonly<Record<Aggregate, string>> = {
  avg: "mean",
  min: "minimum",
  max: "maximum",
  sum: "sum",
  count: "number of values",
  first: "first value",
  last: "last value",
};

const PERIOD_NAMES: Readonly<Record<Period, string>> = {
  "5m": "5 minutes",
  "15m": "15 minutes",
  "1h": "hour",
  "1d": "day (UTC)",
  "1w": "week (UTC)",
  "1M": "month (UTC)",
};

function ChartChoices({ choice, span }: { choice: Choice; span: Span }) {
  const { aggregate, period, apart, topics } = choice;
  return (
    <div class="row apart">
      <div class="row">
        <label class="row">
          Values
          <select
            class="input"
            value={aggregate ?? ""}
            onChange={({ currentTarget }) => setQuery({ agg: currentTarget.value })}
          >
            <option value="">as stored</option>
            {AGGREGATES.map((one) => (
              <option key={one} value={one}>
                {AGGREGATE_NAMES[one]}
              </option>
            ))}
          </select>
        </label>
        {aggregate && (
          <label class="row">
            of each
            <select
              class="input"
              value={period ?? ""}
              onChange={({ currentTarget }) => setQuery({ period: currentTarget.value })}
            >
              <option value="">
                {PERIOD_NAMES[periodOf({ ...choice, period: undefined }, span)]}: automatic
              </option>
              {(Object.keys(PERIODS) as Period[]).map((one) => (
                <option key={one} value={one}>
                  {PERIOD_NAMES[one]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {topics.length > 1 && (
        <Chips
          label="Charts"
          choices={[
            ["together", "together"],
            ["apart", "one below the other"],
          ]}
          value={apart ? "apart" : "together"}
          onChoose={(one) => setQuery({ charts: one === "apart" ? "apart" : undefined })}
        />
      )}
    </div>
  );
}

function Values({
  shown,
  isLoading,
  onZoom,
  reload,
}: {
  shown: Shown;
  isLoading: boolean;
  onZoom: ReturnType<typeof useRange>[1];
  reload: () => void;
}) {
  const list = useSignalValue(devices);
  // Names of stations come with the list of devices.
  const charts = useMemo(() => chartsOf(shown), [shown, list]);
  const failed = shown.topics.filter((one) => one.kind === "failed");
  const texts = shown.topics.filter((one) => one.kind === "text");
  const name = (topic: string): string => labelOf(topic, shown.choice.topics);
  return (
    <>
      <FailedTopics failed={failed} isAll={failed.length === shown.topics.length} reload={reload} />
      {charts.map(({ title, topics, series }) => (
        <Chart
          key={topics.join("\n")}
          title={title}
          series={series}
          range={shown}
          onZoom={onZoom}
          csv={downloadHref(shown.choice, topics, shown, "csv")}
          height={charts.length > 1 ? 180 : 320}
          note={isLoading ? "loading…" : undefined}
        />
      ))}
      {texts.length > 0 && <TextChanges texts={texts} nameOf={name} />}
      {failed.length < shown.topics.length && (
        <>
          <Statistics shown={shown} nameOf={name} />
          <Gaps shown={shown} />
        </>
      )}
    </>
  );
}

function FailedTopics({
  failed,
  isAll,
  reload,
}: {
  failed: readonly Extract<LoadedTopic, { kind: "failed" }>[];
  isAll: boolean;
  reload: () => void;
}) {
  const [first] = failed;
  if (!first) return null;
  const isSame = failed.every(
    ({ error }) => error instanceof ApiError && error.status !== 404 && error.status !== 403,
  );
  if (isAll && isSame) return <Failed error={first.error} what="the values of this time" onRetry={reload} />;
  return (
    <>
      {failed.map(({ topic, error }) => (
        <Failed key={topic} error={error} what={`the values of ${topic}`} onRetry={reload} />
      ))}
    </>
  );
}

interface OneChart {
  readonly title: string;
  readonly topics: readonly string[];
  readonly series: readonly ChartSeries[];
}

/** A chart has room for two axes: with more units, each unit has a chart of its own. */
function chartsOf({ choice, topics }: Shown): OneChart[] {
  const numbers = topics.filter((one) => one.kind === "numbers");
  const units = new Set(numbers.map(({ unit }) => unit));
  const groups = choice.apart
    ? numbers.map((one) => [one])
    : units.size > 2
      ? [...Map.groupBy(numbers, ({ unit }) => unit).values()]
      : [numbers];
  return groups
    .filter((group) => group.length > 0)
    .map((group) => ({
      title:
        group.length === 1
          ? labelOf(group[0]!.topic, [])
          : groups.length === 1
            ? titleOf(choice)
            : group[0]!.unit || "Without unit",
      topics: group.map(({ topic }) => topic),
      series: group.map((one): ChartSeries => {
        const { topic, unit, type, drawn, period } = one;
        return {
          ...drawn,
          ...{ label: labelOf(topic, choice.topics), unit },
          colour: choice.topics.indexOf(topic) + 1,
          step: period !== undefined || type !== "float",
          ...(period && { holds: PERIODS[period] }),
        };
      }),
    }));
}

function titleOf({ aggregate, topics }: Choice): string {
  const stations = new Set(topics.map((topic) => partsOf(topic).device));
  const of = stations.size === 1 ? stationName([...stations][0]!) : `${stations.size} stations`;
  return aggregate ? `${of}, ${AGGREGATE_NAMES[aggregate]}` : of;
}

/** The name of a topic among others: the station is left out where all are of one. */
function labelOf(topic: string, among: readonly string[]): string {
  const { device, point } = partsOf(topic);
  if (among.length > 0 && among.every((one) => partsOf(one).device === device)) return point;
  return `${stationName(device)} · ${point}`;
}
