import { useMemo, useState } from "preact/hooks";
import type { DeviceDetails, PointView } from "../../../schemas.ts";
import { Sparkline } from "../../kit/chart/sparkline.tsx";
import { answer } from "../../kit/controls/answers.tsx";
import { Chips } from "../../kit/controls/chips.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { count } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { Age } from "../../kit/text/time.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { lastDays } from "../../state/bridge/history.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { failureText } from "../../state/requests/api-error.ts";
import { useCurve } from "../../state/requests/row-curves.ts";
import { isPlotted } from "./chooser.tsx";
import { PointDialog, Quality, Value } from "./point.tsx";

/** Which points are shown: all, those that can be written, those of the station, or of one port (`port 1`). */
type Part = string;

/** Every point of the station: value, age, quality, where it comes from, the last day. */
export function Points({
  details,
  why,
  onRead,
}: {
  details: DeviceDetails;
  /** Why nothing can be set now; undefined where it can. */
  why: string | undefined;
  onRead: (point: PointView) => void;
}) {
  const [part, setPart] = useState<Part>("all");
  const [filter, setFilter] = useState("");
  const [open, setOpen] = useState<string>();
  const info = useSignalValue(bridge);
  const mayRead = info?.caller?.role !== "view" && !details.paused;
  const rows = useMemo(() => {
    const words = wordsOf(filter);
    return details.points.filter((point) => isOfPart(point, part) && matches(textOf(point), words));
  }, [details.points, part, filter]);
  const [reading, setReading] = useState<ReadonlySet<string>>(new Set());
  const read = async ({ point }: PointView): Promise<void> => {
    setReading((before) => new Set(before).add(point));
    try {
      onRead(
        await api.get<PointView>(apiPath`devices/${details.device}/points/${point}`, {
          query: { fresh: true },
        }),
      );
    } catch (error) {
      answer(failureText(error, `the reading of ${point}`), "failed");
    } finally {
      setReading((before) => new Set([...before].filter((one) => one !== point)));
    }
  };
  const columns: readonly Column<PointView>[] = [
    {
      id: "point",
      title: "Point",
      header: true,
      cell: (point) => (
        <button type="button" class="link" onClick={() => setOpen(point.point)}>
          <Name text={point.point} />
        </button>
      ),
    },
    { id: "value", title: "Value", numeric: true, width: "184px", cell: (point) => <Value point={point} /> },
    { id: "age", title: "Read", width: "96px", cell: ({ readAt }) => <Age at={readAt} class="quiet" /> },
    { id: "quality", title: "Quality", width: "80px", cell: (point) => <Quality point={point} /> },
    {
      id: "day",
      title: "Last 24 h",
      width: "112px",
      wideOnly: true,
      cell: (point) =>
        info?.has.history && isPlotted(point) && <Day topic={`${details.device}/${point.point}`} />,
    },
    { id: "call", title: "Call", width: "176px", wideOnly: true, cell: ({ call }) => call ?? "" },
    {
      id: "register",
      title: "Register, attribute",
      width: "232px",
      wideOnly: true,
      cell: ({ register, attribute, port }) => (
        <span class="quiet" title={[register, attribute, port && `port ${port}`].filter(Boolean).join(", ")}>
          {[register?.replace(/Register$/, ""), attribute].filter(Boolean).join(", ")}
        </span>
      ),
    },
    {
      id: "actions",
      title: "Actions",
      width: "124px",
      wideOnly: true,
      cell: (point) => (
        <span class="row-actions">
          {mayRead && (
            <button
              type="button"
              class="link"
              aria-label={`Read ${point.point} now`}
              disabled={reading.has(point.point)}
              onClick={() => void read(point)}
            >
              {reading.has(point.point) ? "reading" : "read"}
            </button>
          )}
          {point.writable && why === undefined && (
            <button
              type="button"
              class="link"
              aria-label={`Set ${point.point}`}
              onClick={() => setOpen(point.point)}
            >
              set
            </button>
          )}
        </span>
      ),
    },
  ];
  const opened = details.points.find(({ point }) => point === open);
  return (
    <>
      <div class="toolbar">
        <FilterBox value={filter} label="Filter points" onFilter={setFilter} />
        <Chips label="Points shown" choices={partsOf(details)} value={part} onChoose={setPart} />
      </div>
      <DataTable
        caption={`Points of the station, ${count(rows.length)} of ${count(details.points.length)}`}
        rows={rows}
        columns={columns}
        keyOf={({ point }) => point}
        rowClass={({ quality }) => (quality === "good" ? undefined : "stale")}
        empty={
          <Empty title="No point is like that.">
            {details.points.length === 0
              ? "The registry of this device has no rows."
              : `${count(details.points.length)} points are hidden by the filter.`}
          </Empty>
        }
      />
      {opened && (
        <PointDialog
          details={details}
          point={opened}
          why={why}
          isReading={reading.has(opened.point)}
          onRead={mayRead ? () => void read(opened) : undefined}
          onClose={() => setOpen(undefined)}
        />
      )}
    </>
  );
}

function partsOf({ points, ports }: DeviceDetails): (readonly [Part, string])[] {
  const parts: (readonly [Part, string])[] = [["all", "all"]];
  if (points.some(({ writable }) => writable)) parts.push(["writable", "can be set"]);
  if (ports.length > 0) parts.push(["station", "station"]);
  for (const { port } of ports) parts.push([`port ${port}`, `port ${port}`]);
  return parts;
}

function isOfPart({ writable, port }: PointView, part: Part): boolean {
  if (part === "all") return true;
  if (part === "writable") return writable;
  return part === "station" ? port === null : part === `port ${port}`;
}

function textOf({ point, notes, register, attribute, call, units }: PointView): string {
  return [point, notes, register, attribute, call, units].join(" ").toLowerCase();
}

/** The last day, asked for when its row is visible. */
function Day({ topic }: { topic: string }) {
  const values = useCurve(lastDays, topic);
  return values?.some((value) => value !== null) ? <Sparkline values={values} /> : null;
}
