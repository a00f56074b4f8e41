import { useMemo } from "preact/hooks";
import { Chips } from "../../kit/controls/chips.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { NONE } from "../../kit/text/format.ts";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { Age, Time } from "../../kit/text/time.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { stationName } from "../../state/bridge/devices.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api } from "../../state/requests/api.ts";
import { useFollowed, useLoaded } from "../../state/requests/loaded.ts";

interface AlarmList {
  /** As the network reported them, the newest first. */
  readonly alarms: readonly {
    readonly station: string;
    readonly device: string | null;
    readonly port: string | null;
    readonly type: string;
    readonly at: string;
  }[];
  /** The last alarm of each port, as the devices show it. */
  readonly now: readonly {
    readonly device: string;
    readonly port: string | null;
    readonly point: string;
    readonly type: string;
    readonly readAt: string;
  }[];
}
type Reported = AlarmList["alarms"][number];
type Shown = AlarmList["now"][number];

const RANGES = [
  ["24h", "24 h"],
  ["7d", "7 days"],
  ["30d", "30 days"],
] as const;
type Range = (typeof RANGES)[number][0];
const FROM: Readonly<Record<Range, string>> = { "24h": "now -1d", "7d": "now -7d", "30d": "now -30d" };
const MOST = 1000;

/** Alarms as the stations show them now, and as the network reported them in the last days. */
export function StationAlarms() {
  const { query } = useSignalValue(place);
  const filter = query.get("filter") ?? "";
  const range = RANGES.find(([one]) => one === query.get("range"))?.[0] ?? "7d";
  const loaded = useFollowed(
    useLoaded(
      (signal) => api.get<AlarmList>("alarms", { query: { from: FROM[range], count: MOST }, signal }),
      [range],
    ),
    { events: [], seconds: 30 },
  );
  return (
    <>
      <div class="toolbar">
        <FilterBox value={filter} label="Filter alarms" onFilter={(text) => setQuery({ filter: text })} />
      </div>
      <LoadedView of={loaded} what="the alarms" lines={6}>
        {(list) => <Known list={list} filter={filter} range={range} />}
      </LoadedView>
    </>
  );
}

function Known({ list, filter, range }: { list: AlarmList; filter: string; range: Range }) {
  const info = useSignalValue(bridge);
  const [reported, shown] = useMemo(() => {
    const words = wordsOf(filter);
    return [
      list.alarms.filter(({ station, device, type }) =>
        matches(
          `${device === null ? "" : stationName(device)} ${device} ${station} ${type}`.toLowerCase(),
          words,
        ),
      ),
      list.now.filter(({ device, type }) =>
        matches(`${stationName(device)} ${device} ${type}`.toLowerCase(), words),
      ),
    ];
  }, [list, filter]);
  const hidden = <p class="quiet">No alarm has this in its station or type.</p>;
  return (
    <div class="stack wide">
      <section class="stack tight">
        <h2>Last alarm of each port</h2>
        <DataTable
          caption="Last alarm of each port, as the stations show it"
          rows={shown}
          columns={SHOWN}
          keyOf={({ device, point }) => `${device}/${point}`}
          empty={
            list.now.length > 0 ? (
              hidden
            ) : (
              <Empty title="No station shows an alarm.">
                Ports show their last alarm where the registry has a row with the attribute{" "}
                <code>alarmType</code>. Faulted ports are <a href="/?show=faulted">in the list of stations</a>
                .
              </Empty>
            )
          }
        />
      </section>
      <section class="stack tight">
        <div class="row apart">
          <h2>Reported by the network</h2>
          {info?.has.sessions && (
            <Chips
              label="Alarms of the last"
              choices={RANGES}
              value={range}
              onChoose={(one) => setQuery({ range: one === "7d" ? undefined : one })}
            />
          )}
        </div>
        {list.alarms.length === MOST && <p class="quiet">The newest {MOST} are shown.</p>}
        <DataTable
          caption="Alarms that the network reported, the newest first"
          rows={reported}
          columns={REPORTED}
          keyOf={({ station, port, type, at }) => `${station} ${port} ${type} ${at}`}
          keys={false}
          empty={
            list.alarms.length > 0 ? (
              hidden
            ) : info?.has.sessions ? (
              <Empty title="The network reported no alarm in this time." />
            ) : (
              <Empty title="Alarms of the past would be here.">
                They are read and kept together with the charging sessions, which this bridge does not read:{" "}
                <code>docs/sessions.md</code> says how to begin.
              </Empty>
            )
          }
        />
      </section>
    </div>
  );
}

const portCell = ({ port }: { readonly port: string | null }) => port ?? "station";

const SHOWN: readonly Column<Shown>[] = [
  { id: "station", title: "Station", header: true, cell: ({ device }) => <StationLink device={device} /> },
  { id: "port", title: "Port", width: "96px", cell: portCell },
  { id: "type", title: "Alarm", cell: ({ type }) => <Name text={type} /> },
  { id: "read", title: "Read", width: "144px", cell: ({ readAt }) => <Age at={readAt} /> },
];

const REPORTED: readonly Column<Reported>[] = [
  {
    id: "station",
    title: "Station",
    header: true,
    cell: ({ device, station }) =>
      device === null ? <Name text={station} /> : <StationLink device={device} />,
  },
  { id: "port", title: "Port", width: "96px", cell: portCell },
  { id: "type", title: "Alarm", cell: ({ type }) => <Name text={type || NONE} /> },
  { id: "time", title: "Time", width: "144px", cell: ({ at }) => <Time at={at} /> },
];
