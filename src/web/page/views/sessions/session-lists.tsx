import { useState } from "preact/hooks";
import { Chips } from "../../kit/chips.tsx";
import { type Column, DataTable } from "../../kit/data-table.tsx";
import { count, duration, energy } from "../../kit/format.ts";
import { PageHeading } from "../../kit/heading.tsx";
import { Empty, Failed, LoadedView } from "../../kit/loading.tsx";
import { Menu } from "../../kit/menu.tsx";
import { Name } from "../../kit/name.tsx";
import { RangeBar } from "../../kit/range-bar.tsx";
import { StateMark } from "../../kit/state-mark.tsx";
import { Time } from "../../kit/time.tsx";
import { api, apiHref } from "../../state/api.ts";
import { useKept, useLoaded } from "../../state/loaded.ts";
import { type Preset, type TimeRange, useRange } from "../../state/range.ts";
import { place, setQuery } from "../../state/router.ts";
import { useSignalValue } from "../../state/signal.ts";
import type { By, SessionPage, SessionRow, Summary } from "./answers.ts";
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
  const known = useKept(stations)?.rows ?? [];
  const names = new Map(known.map(({ key, name }) => [key, name ?? key]));
  const file = (format: string): string => apiHref("sessions/download", { ...span, station, format });
  return (
    <div class="sessions-view">
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
      <List
        key={`${span.from} ${span.to} ${station} ${show}`}
        span={span}
        station={station}
        show={show}
        names={names}
      />
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

const PAGE = 100;

function List({
  span,
  station,
  show,
  names,
}: {
  span: Span;
  station: string | undefined;
  show: Show;
  names: ReadonlyMap<string, string>;
}) {
  const page = (after: string | undefined, signal?: AbortSignal): Promise<SessionPage> => {
    const open = show === "all" ? undefined : show === "active";
    return api.get<SessionPage>("sessions", {
      query: { ...span, station, open, count: PAGE, after },
      signal,
    });
  };
  const first = useLoaded((signal) => page(undefined, signal), []);
  const [more, setMore] = useState<readonly SessionPage[]>([]);
  const [isLoading, setLoading] = useState(false);
  const [error, setError] = useState<unknown>();
  const loadMore = async (after: string): Promise<void> => {
    setLoading(true);
    setError(undefined);
    try {
      const next = await page(after);
      setMore((before) => [...before, next]);
    } catch (reason) {
      setError(reason);
    }
    setLoading(false);
  };
  return (
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
      <LoadedView of={first} what="the sessions" lines={8}>
        {(start) => {
          const pages = [start, ...more];
          const rows = pages.flatMap(({ sessions }) => sessions);
          const next = pages.at(-1)!.next;
          return (
            <>
              <DataTable
                caption={`Sessions, ${count(rows.length)}${next === null ? "" : " of more"}`}
                rows={rows}
                columns={columnsOf(names)}
                keyOf={({ session_id }) => session_id}
                empty={<NoSessions show={show} />}
              />
              {error !== undefined && <Failed error={error} what="further sessions" />}
              {next !== null && (
                <p>
                  <button
                    type="button"
                    class="button"
                    disabled={isLoading}
                    onClick={() => void loadMore(next)}
                  >
                    {isLoading ? "Loading…" : `Show ${PAGE} more`}
                  </button>
                </p>
              )}
            </>
          );
        }}
      </LoadedView>
    </section>
  );
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
    {
      id: "start",
      title: "Start",
      header: true,
      width: "136px",
      cell: ({ session_id, started_at }) => (
        <a href={`/sessions/${session_id}`}>
          <Time at={started_at} seconds={false} />
        </a>
      ),
    },
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
    {
      id: "for",
      title: "Connected",
      numeric: true,
      width: "112px",
      cell: ({ connected_seconds, started_at, ended_at }) =>
        duration(connectedFor({ connected_seconds, started_at, ended_at })),
    },
    {
      id: "energy",
      title: "Energy",
      numeric: true,
      width: "112px",
      cell: ({ energy_kwh }) => energy(energy_kwh),
    },
  ];
}

/** Time that the vehicle was connected, in milliseconds; what the network counted, else from start to end or now. */
export function connectedFor({
  connected_seconds,
  started_at,
  ended_at,
}: Pick<SessionRow, "connected_seconds" | "started_at" | "ended_at">): number {
  if (connected_seconds !== null && ended_at !== null) return connected_seconds * 1000;
  return (ended_at === null ? Date.now() : Date.parse(ended_at)) - Date.parse(started_at);
}
