import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { count, duration } from "../../kit/text/format.ts";
import { LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import { stationName } from "../../state/bridge/devices.ts";
import { api } from "../../state/requests/api.ts";
import { useKept, useLoaded } from "../../state/requests/loaded.ts";
import { partsOf } from "./choice.ts";
import { rangeOf, type Shown } from "./load.ts";

interface GapsAnswer {
  readonly devices: readonly {
    readonly device: string;
    readonly gaps: readonly Omit<Gap, "device">[];
  }[];
}

interface Gap {
  readonly device: string;
  readonly from: string;
  readonly to: string;
  readonly missing: number;
  readonly reason: string;
  readonly detail: string;
}

const REASONS: Readonly<Record<string, string>> = {
  offline: "The station could not be read",
  bridge_down: "No bridge ran",
  dropped: "Read, and dropped: the spool had no room",
  dead_letter: "Read, and refused by the store; set aside",
  skipped: "The scrape before was still running",
  missed: "Single scrapes failed, or wait in the spool",
  not_configured: "Not a device of the bridge then",
  unknown: "Not recorded",
};

/** When values of the chosen stations are missing, and why. */
export function Gaps({ shown: { choice, from, to } }: { shown: Shown }) {
  const paths = [...new Set(choice.topics.map((topic) => partsOf(topic).device))];
  const loaded = useLoaded(
    (signal) => api.get<GapsAnswer>("gaps", { query: { device: paths, ...rangeOf({ from, to }) }, signal }),
    [paths.join("\n"), from, to],
  );
  const kept = useKept(loaded);
  const rowsOf = ({ devices }: GapsAnswer): readonly Gap[] => {
    const wanted = new Set(paths.map((path) => path.toLowerCase()));
    return devices
      .filter(({ device }) => wanted.has(device.toLowerCase()))
      .flatMap(({ device, gaps }) => gaps.map((gap): Gap => ({ ...gap, device })))
      .sort((a, b) => (a.from < b.from ? 1 : -1));
  };
  return (
    <section class="stack" aria-labelledby="gaps">
      <h2 id="gaps">Missing values</h2>
      <LoadedView of={kept} what="the missing values" lines={2}>
        {(answer) => (
          <DataTable
            caption="When values are missing, and why"
            rows={rowsOf(answer)}
            columns={paths.length > 1 ? [STATION, ...COLUMNS] : COLUMNS}
            keyOf={({ device, from: start }) => `${device} ${start}`}
            keys={false}
            empty={<p class="quiet">No scrape is missing in this time.</p>}
          />
        )}
      </LoadedView>
    </section>
  );
}

const STATION: Column<Gap> = {
  id: "station",
  title: "Station",
  header: true,
  cell: ({ device }) => <Name text={stationName(device)} />,
};

const COLUMNS: readonly Column<Gap>[] = [
  { id: "from", title: "From", header: true, width: "144px", cell: ({ from }) => <Time at={from} /> },
  { id: "to", title: "To", width: "144px", wideOnly: true, cell: ({ to }) => <Time at={to} /> },
  {
    id: "for",
    title: "For",
    width: "104px",
    numeric: true,
    cell: ({ from, to }) => duration(Date.parse(to) - Date.parse(from)),
  },
  { id: "missing", title: "Scrapes", width: "88px", numeric: true, cell: ({ missing }) => count(missing) },
  {
    id: "why",
    title: "Why",
    whole: true,
    cell: ({ reason, detail }) => (
      <Name text={[REASONS[reason] ?? reason, detail].filter(Boolean).join(": ")} />
    ),
  },
];
