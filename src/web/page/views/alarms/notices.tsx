import { useMemo, useState } from "preact/hooks";
import type { NoticeView } from "../../../schemas.ts";
import { Chips } from "../../kit/controls/chips.tsx";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { Facts } from "../../kit/text/facts.tsx";
import { NONE } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { SeverityMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { stationName } from "../../state/bridge/devices.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";

const SEVERITIES = ["all", "error", "warning", "info"] as const;
type Shown = (typeof SEVERITIES)[number];

/** What the bridge reported since its start, the newest first. */
export function Notices({ list }: { list: readonly NoticeView[] }) {
  const { query } = useSignalValue(place);
  const severity = SEVERITIES.find((one) => one === query.get("severity")) ?? "all";
  const kind = query.get("kind") ?? "";
  const filter = query.get("filter") ?? "";
  const [open, setOpen] = useState<NoticeView>();
  const columns = useMemo(() => columnsOf(setOpen), []);
  const kinds = useMemo(() => [...new Set(list.map((one) => one.kind))].sort(), [list]);
  const rows = useMemo(() => {
    const words = wordsOf(filter);
    return list.filter(
      (one) =>
        (severity === "all" || one.severity === severity) &&
        (kind === "" || one.kind === kind) &&
        matches(textOf(one), words),
    );
  }, [list, severity, kind, filter]);
  const choices = SEVERITIES.map((one): readonly [Shown, string] => {
    const count = one === "all" ? list.length : list.filter((notice) => notice.severity === one).length;
    return [one, `${one} ${count}`];
  });
  return (
    <>
      <div class="toolbar">
        <FilterBox value={filter} label="Filter notices" onFilter={(text) => setQuery({ filter: text })} />
        <Chips
          label="Severity"
          choices={choices}
          value={severity}
          onChoose={(one) => setQuery({ severity: one === "all" ? undefined : one })}
        />
        <select
          class="input"
          aria-label="Kind"
          value={kind}
          onChange={({ currentTarget }) => setQuery({ kind: currentTarget.value })}
        >
          <option value="">every kind</option>
          {/* One that was in the address, and is not reported (any more). */}
          {(kind === "" || kinds.includes(kind) ? kinds : [...kinds, kind]).map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </div>
      <DataTable
        caption="Notices of the bridge since its start, the newest first"
        rows={rows}
        columns={columns}
        keyOf={(one) => `${one.at} ${one.kind} ${one.text}`}
        empty={
          list.length === 0 ? (
            <Empty title="The bridge has reported nothing since its start.">
              Accounts that are refused, limits that ended or could not be kept, files with errors and a store
              that is away are reported here as they happen.
            </Empty>
          ) : (
            <Empty title="No notice is like that.">
              <a href="/alarms?tab=notices">Show all.</a>
            </Empty>
          )
        }
      />
      {open && <Details notice={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function textOf({ kind, text, device }: NoticeView): string {
  const name = device === null ? "" : `${stationName(device)} ${device}`;
  return `${kind} ${text} ${name}`.toLowerCase();
}

function columnsOf(onOpen: (notice: NoticeView) => void): readonly Column<NoticeView>[] {
  return [
    {
      id: "kind",
      title: "Kind",
      width: "208px",
      header: true,
      cell: (notice) => (
        <button type="button" class="link" onClick={() => onOpen(notice)}>
          <Name text={notice.kind} />
        </button>
      ),
    },
    {
      id: "severity",
      title: "Severity",
      width: "112px",
      cell: ({ severity }) => <SeverityMark severity={severity} />,
    },
    { id: "time", title: "Time", width: "128px", cell: ({ at }) => <Time at={at} /> },
    {
      id: "station",
      title: "Station",
      width: "240px",
      cell: ({ device }) => (device === null ? NONE : <StationLink device={device} />),
    },
    { id: "text", title: "What happened", cell: ({ text }) => <Name text={text} /> },
  ];
}

function Details({ notice, onClose }: { notice: NoticeView; onClose: () => void }) {
  const { severity, kind, at, device, text } = notice;
  return (
    <Dialog title="Notice" onClose={onClose}>
      <p class="effect">
        <bdi>{text}</bdi>
      </p>
      <Facts
        facts={[
          ["Severity", <SeverityMark key="s" severity={severity} />],
          ["Time", <Time key="t" at={at} />],
          device !== null && ["Station", <StationLink key="d" device={device} />],
          ["Kind", <code key="k">{kind}</code>],
        ]}
      />
      <p class="quiet">
        What each kind means, and what to do, is in <code>docs/mqtt.md</code>, “The bridge itself”. The same
        notices are published as events over MQTT.
      </p>
    </Dialog>
  );
}
