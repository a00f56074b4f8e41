import { useEffect, useMemo, useState } from "preact/hooks";
import { Chips } from "../../kit/controls/chips.tsx";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { DataTable, type Sort, useSorted } from "../../kit/table/data-table.tsx";
import { count, counted } from "../../kit/text/format.ts";
import { PageHeading } from "../../kit/text/heading.tsx";
import { Empty, Failed, Skeleton } from "../../kit/text/loading.tsx";
import { devices, devicesState, reloadDevices } from "../../state/bridge/devices.ts";
import { narrow } from "../../state/browser/media.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { StationCards } from "./cards.tsx";
import { COLUMNS } from "./columns.tsx";
import { isShown, type PortRow, rowsOf, SHOWN, type Show } from "./rows.ts";

/** Every station with its ports: a row for each port, or a card for each station. */
export default function Stations() {
  const { query } = useSignalValue(place);
  const isNarrow = useSignalValue(narrow);
  const list = useSignalValue(devices);
  const state = useSignalValue(devicesState);
  const show = showOf(query.get("show"));
  const filter = query.get("filter") ?? "";
  const asCards = isNarrow || query.get("as") === "cards";
  const sort = sortOf(query.get("sort"));

  const all = useMemo(() => list.flatMap(rowsOf), [list]);
  const [update, setUpdate] = useState(0);
  // The rows are chosen when the reader asks, not when a state changes: a row does not vanish while it is read.
  const found = useMemo(() => {
    const words = wordsOf(filter);
    if (show === "all" && words.length === 0) return all;
    return all.filter((row) => isShown(row, show) && matches(row.cell.text, words));
    // `update`: the reader asked again.
  }, [all, show, filter, update]);
  const rows = useSorted(found, COLUMNS, sort);
  const changed = useChanged(all, found, show, filter);

  return (
    <>
      <PageHeading title="Stations" hidden />
      {typeof state === "object" && (
        <Failed error={state.error} what="the stations" onRetry={reloadDevices} />
      )}
      <div class="toolbar">
        <FilterBox value={filter} label="Filter stations" onFilter={(text) => setQuery({ filter: text })} />
        <Chips
          label="Ports shown"
          choices={SHOWN.some(([one]) => one === show) ? SHOWN : [...SHOWN, [show, show.replace("_", " ")]]}
          value={show}
          onChoose={(one) => setQuery({ show: one === "all" ? undefined : one })}
        />
        <span class="spring" />
        {changed > 0 && (
          <button type="button" class="button plain" onClick={() => setUpdate((times) => times + 1)}>
            {counted(changed, "port has", "ports have")} changed: update the list
          </button>
        )}
        {!isNarrow && (
          <Chips
            label="Shown as"
            choices={[
              ["table", "table"],
              ["cards", "cards"],
            ]}
            value={asCards ? "cards" : "table"}
            onChoose={(one) => setQuery({ as: one === "table" ? undefined : one })}
          />
        )}
      </div>
      {list.length === 0 && state === "loading" ? (
        <Skeleton what="the stations" lines={12} />
      ) : rows.length === 0 ? (
        typeof state === "string" && <NoRows none={list.length === 0} total={all.length} />
      ) : asCards ? (
        <StationCards rows={rows} />
      ) : (
        <DataTable
          caption={`Ports of all stations, ${count(rows.length)} of ${count(all.length)}`}
          rows={rows}
          columns={COLUMNS}
          keyOf={keyOf}
          rowClass={classOf}
          follow={followed}
          sort={sort}
          onSort={(next) => setQuery({ sort: next && `${next.column}${next.down ? " down" : ""}` })}
        />
      )}
    </>
  );
}

const keyOf = ({ key }: PortRow): string => key;
/** Faded while the values are not those of now. */
const classOf = ({ cell }: PortRow): string | undefined =>
  cell.view.peek().availability === "online" ? undefined : "stale";
const followed = ({ cell }: PortRow) => cell.view;

function NoRows({ none, total }: { none: boolean; total: number }) {
  if (none)
    return (
      <Empty title="Every station with its ports would be here.">
        The bridge has no devices yet. Write a config for each account and a registry for its stations:{" "}
        <code>voltbridge discover</code> makes both, or begin in the <a href="/registry">Registry</a>.
      </Empty>
    );
  return (
    <Empty title="No port is like that at present.">
      {count(total)} ports are hidden by the filter. <a href="/">Show all.</a>
    </Empty>
  );
}

/** Interval at which rows that no longer belong to the chosen ones are counted, in milliseconds. */
const COUNTED = 3000;

/** Returns how many ports would come or go if the rows were chosen now. */
function useChanged(all: readonly PortRow[], found: readonly PortRow[], show: Show, filter: string): number {
  const [changed, setChanged] = useState(0);
  useEffect(() => {
    setChanged(0);
    if (show === "all") return undefined;
    const shown = new Set(found);
    const words = wordsOf(filter);
    const timer = setInterval(() => {
      const wrong = all.filter(
        (row) => matches(row.cell.text, words) && isShown(row, show) !== shown.has(row),
      );
      setChanged(wrong.length);
    }, COUNTED);
    return () => clearInterval(timer);
  }, [all, found, show, filter]);
  return changed;
}

const OTHERS: readonly Show[] = ["available", "unreachable", "unknown"];

function showOf(text: string | null): Show {
  return [...SHOWN.map(([show]) => show), ...OTHERS].find((show) => show === text) ?? "all";
}

/** `?sort=load down` */
function sortOf(text: string | null): Sort | undefined {
  const [column, way] = text?.split(" ") ?? [];
  return column ? { column, down: way === "down" } : undefined;
}
