import { RangeBar } from "../../kit/chart/range-bar.tsx";
import { Chips } from "../../kit/controls/chips.tsx";
import { Menu } from "../../kit/controls/menu.tsx";
import type { Column } from "../../kit/table/data-table.tsx";
import { count } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { type Preset, type TimeRange, useRange } from "../../state/browser/range.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api, apiHref } from "../../state/requests/api.ts";
import { useKept, useLoaded } from "../../state/requests/loaded.ts";
import type { By, SessionRow, Summary } from "./answers.ts";
import { CONNECTED, ENERGY, SessionTable, START } from "./session-table.tsx";
import { SumsTable, Totals } from "./sums.tsx";

const RANGES: readonly Preset[] = ["24h", "7d", "30d", "365d"];
const BYS: readonly (readonly [By, string])[] = [
  ["day", "by day"],
  ["month", "by month"],
  ["station", "by station"],
];
const SHOWN = [
  ["all", "all"],
  ["active", "active"],
  ["ended", "ended"],
] as const;
type Show = (typeof SHOWN)[number][0];

/** Sums of the sessions of a time, and the sessions themselves; the address says which. */
export function SessionLists() {
  const { query } = useSignalValue(place);
  const [range, setRange] = useRange("30d");
  const by = BYS.find(([one]) => one === query.get("by"))?.[0] ?? "day";
  const show = SHOWN.find(([one]) => one === query.get("show"))?.[0] ?? "all";
  const station = query.get("station") || undefined;
  const span = spanOf(range);
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const stations = useLoaded(
    (signal) => api.get<Summary>("sessions/summary", { query: { ...span, timezone, by: "station" }, signal }),
    [span.from, span.to, timezone],
  );
  const sums = useLoaded(
    (signal) => api.get<Summary>("sessions/summary", { query: { ...span, timezone, by, station }, signal }),
    [span.from, span.to, timezone, by, station],
  );
  const known = useKept(stations).value?.rows ?? [];
  const names = new Map(known.map(({ key, name }) => [key, name ?? key]));
  const file = (format: string): string => apiHref("sessions/download", { ...span, station, format });
  return (
    <div class="stack sessions-view">
      <PageHeading title="Sessions" hidden />
      <div class="row apart">
        <RangeBar range={range} onRange={setRange} presets={RANGES} />
        <Menu
          label="Download these sessions"
          button="Download ▾"
          items={[
            { text: "CSV", download: true, href: file("csv") },
            { text: "JSON, a line each", download: true, href: file("jsonl") },
            { text: "Parquet", download: true, href: file("parquet") },
          ]}
        />
      </div>
      <div class="row apart">
        <Chips label="Sums" choices={BYS} value={by} onChoose={(one) => setQuery({ by: one })} />
        <label class="row">
          Station
          <select
            class="input"
            value={station ?? ""}
            onChange={({ currentTarget }) => setQuery({ station: currentTarget.value })}
          >
            <option value="">all</option>
            {stationChoices(names, station).map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <LoadedView of={sums} what="the sums of these sessions" lines={8}>
        {({ rows }) => (
          <>
            <Totals rows={rows} />
            {rows.length > 0 && <SumsTable by={by} rows={rows} />}
          </>
        )}
      </LoadedView>
      <section class="stack" aria-labelledby="sessions">
        <div class="row apart">
          <h2 id="sessions">Sessions, the newest first</h2>
          <Chips
            label="Sessions shown"
            choices={SHOWN}
            value={show}
            onChoose={(one) => setQuery({ show: one === "all" ? undefined : one })}
          />
        </div>
        <SessionTable
          key={`${span.from} ${span.to} ${station} ${show}`}
          caption={(rows, isAll) => `Sessions, ${count(rows)}${isAll ? "" : " of more"}`}
          query={{ ...span, station, open: show === "all" ? undefined : show === "active" }}
          count={100}
          columns={columnsOf(names)}
          empty={<NoSessions show={show} />}
        />
      </section>
    </div>
  );
}

interface Span {
  readonly from: string;
  readonly to: string;
}

/** Whole days of the reader's calendar, today among them: a first day in part would be a small one. */
function spanOf({ from, to, preset }: TimeRange): Span {
  const start = new Date(from);
  if (preset !== undefined && preset !== "1h" && preset !== "24h") {
    start.setDate(start.getDate() + 1);
    start.setHours(0, 0, 0, 0);
  }
  return { from: start.toISOString(), to: new Date(to).toISOString() };
}

/** Stations of the range by name, and the chosen one although it had no session. */
function stationChoices(
  names: ReadonlyMap<string, string>,
  chosen: string | undefined,
): (readonly [id: string, name: string])[] {
  const all = new Map(names);
  if (chosen !== undefined && !all.has(chosen)) all.set(chosen, chosen);
  return [...all].sort(([, a], [, b]) => a.localeCompare(b, undefined, { numeric: true }));
}

function NoSessions({ show }: { show: Show }) {
  return (
    <Empty
      title={show === "active" ? "No session of this time is active." : "No session began in this time."}
    >
      The bridge reads new sessions every few minutes. Earlier ones come with{" "}
      <code>voltbridge sessions sync</code>.
    </Empty>
  );
}

function columnsOf(names: ReadonlyMap<string, string>): readonly Column<SessionRow>[] {
  return [
    START,
    {
      id: "station",
      title: "Station",
      whole: true,
      cell: ({ station_id }) => <Name text={names.get(station_id) ?? station_id} />,
    },
    { id: "port", title: "Port", width: "64px", cell: ({ port_number }) => port_number ?? "" },
    {
      id: "state",
      title: "State",
      width: "160px",
      cell: ({ ended_at, ended_by }) =>
        ended_at === null ? (
          <StateMark state="in_use" text="active" />
        ) : (
          <Name text={ended_by ?? "ended"} class="quiet" />
        ),
    },
    CONNECTED,
    ENERGY,
  ];
}
