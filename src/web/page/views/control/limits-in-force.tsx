import { type Signal, signal } from "@preact/signals-core";
import { useMemo, useState } from "preact/hooks";
import { FilterBox, matches, wordsOf } from "../../kit/controls/filter-box.tsx";
import { type Column, DataTable, type Sort, useSorted } from "../../kit/table/data-table.tsx";
import { Empty } from "../../kit/text/loading.tsx";
import { Name, StationLink } from "../../kit/text/name.tsx";
import { type MarkedState, StateMark } from "../../kit/text/state-mark.tsx";
import { Age, Remaining } from "../../kit/text/time.tsx";
import { stationName } from "../../state/bridge/devices.ts";
import { naturalKey } from "../../state/bridge/natural-key.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import {
  type HeldLimit,
  keyOf,
  limitValue,
  portText,
  ReleaseDialog,
  ReleaseSeveralDialog,
} from "./release.tsx";

export interface Holds {
  readonly held: readonly HeldLimit[];
  /** Limits that this bridge did not set. */
  readonly others: readonly { readonly device: string; readonly text: string; readonly seenAt: string }[];
}

const STATES: Readonly<
  Record<HeldLimit["state"], readonly [mark: MarkedState, word: string, means: string]>
> = {
  in_force: ["limited", "in force", "the station accepted it"],
  sent: ["in_use", "sent", "a command is on its way to the station, and not answered yet"],
  unknown: [
    "unknown",
    "unknown",
    "the answer to the last command was lost: the bridge counts the limit as its own, reads it back with every scrape, and ends it at its time",
  ],
  ended: ["available", "ended", "its time is over; the bridge checks that the station ended it"],
};

/** Every limit that the bridge holds, with its end; and those that others set. */
export function LimitsInForce({
  holds: { held, others },
  may,
  onChange,
}: {
  holds: Holds;
  may: boolean;
  onChange: () => void;
}) {
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<Sort>();
  const [releasing, setReleasing] = useState<readonly HeldLimit[]>();
  const chosen = useMemo(() => signal<ReadonlySet<string>>(new Set()), []);
  const columns = useMemo(() => columnsOf(may, chosen, (one) => setReleasing([one])), [may, chosen]);
  const shown = useMemo(() => {
    const words = wordsOf(filter);
    return held.filter((one) =>
      matches(`${stationName(one.device)} ${one.device} ${one.requester}`.toLowerCase(), words),
    );
  }, [held, filter]);
  const rows = useSorted(shown, columns, sort);
  const states = [...new Set(held.map(({ state }) => state))];
  return (
    <div class="stack">
      {held.length > 0 && (
        <div>
          <div class="toolbar">
            <FilterBox value={filter} label="Filter limits" onFilter={setFilter} />
            <span class="spring" />
            {may && <Selection rows={rows} chosen={chosen} onRelease={setReleasing} />}
          </div>
          <DataTable
            caption="Limits that this bridge holds"
            rows={rows}
            columns={columns}
            keyOf={keyOf}
            sort={sort}
            onSort={setSort}
            empty={<p class="quiet">No limit has this in its station or requester.</p>}
          />
          <ul class="quiet small meanings">
            {states.map((state) => (
              <li key={state}>
                <StateMark state={STATES[state][0]} text={STATES[state][1]} />: {STATES[state][2]}.
              </li>
            ))}
          </ul>
        </div>
      )}
      {held.length === 0 && (
        <Empty title="This bridge holds no limit at present.">
          Limits that are set here, over MQTT or by a site limit are listed with their ends. Set one on the
          page of a <a href="/">station</a>.
        </Empty>
      )}
      {others.length > 0 && (
        <section class="stack tight">
          <h2>Set by others</h2>
          <p class="quiet">
            As of the last scrape. This bridge neither renews nor ends them; on the page of the station they
            can be cleared.
          </p>
          <DataTable
            caption="Limits that this bridge did not set"
            rows={others}
            columns={OTHERS}
            keyOf={({ device, text }) => `${device} ${text}`}
            keys={false}
          />
        </section>
      )}
      {releasing?.length === 1 && (
        <ReleaseDialog limit={releasing[0]!} onClose={() => setReleasing(undefined)} />
      )}
      {releasing && releasing.length > 1 && (
        <ReleaseSeveralDialog
          limits={releasing}
          onClose={() => {
            setReleasing(undefined);
            chosen.value = new Set();
            onChange();
          }}
        />
      )}
    </div>
  );
}

/** Chooses among the rows that are shown, and releases the chosen ones. */
function Selection({
  rows,
  chosen,
  onRelease,
}: {
  rows: readonly HeldLimit[];
  chosen: Signal<ReadonlySet<string>>;
  onRelease: (limits: readonly HeldLimit[]) => void;
}) {
  const keys = useSignalValue(chosen);
  // Those that ended in the meantime are not there any more.
  const limits = rows.filter((row) => keys.has(keyOf(row)));
  const isAll = limits.length === rows.length;
  return (
    <>
      <button
        type="button"
        class="button plain"
        onClick={() => {
          chosen.value = new Set(isAll ? [] : rows.map(keyOf));
        }}
      >
        {isAll ? "Choose none" : `Choose all ${rows.length}`}
      </button>
      <button type="button" class="button" disabled={limits.length === 0} onClick={() => onRelease(limits)}>
        {limits.length === 0 ? "Release chosen…" : `Release ${limits.length} chosen…`}
      </button>
    </>
  );
}

function Choice({ row, chosen }: { row: HeldLimit; chosen: Signal<ReadonlySet<string>> }) {
  const keys = useSignalValue(chosen);
  const key = keyOf(row);
  return (
    <input
      type="checkbox"
      aria-label={`Choose the limit of ${stationName(row.device)}, port ${portText(row)}`}
      checked={keys.has(key)}
      onChange={({ currentTarget }) => {
        const next = new Set(keys);
        if (currentTarget.checked) next.add(key);
        else next.delete(key);
        chosen.value = next;
      }}
    />
  );
}

function columnsOf(
  may: boolean,
  chosen: Signal<ReadonlySet<string>>,
  onRelease: (limit: HeldLimit) => void,
): readonly Column<HeldLimit>[] {
  const columns: Column<HeldLimit>[] = [
    {
      id: "station",
      title: "Station",
      header: true,
      cell: ({ device }) => <StationLink device={device} />,
      sortKey: ({ device }) => naturalKey(stationName(device)),
    },
    { id: "port", title: "Port", width: "64px", cell: portText, sortKey: portText },
    {
      id: "limit",
      title: "Limit",
      width: "104px",
      numeric: true,
      cell: limitValue,
      sortKey: ({ value }) => (typeof value === "number" ? value : 0),
    },
    {
      id: "state",
      title: "State",
      width: "128px",
      cell: ({ state }) => (
        <StateMark state={STATES[state][0]} text={STATES[state][1]} title={STATES[state][2]} />
      ),
      sortKey: ({ state }) => state,
    },
    {
      id: "by",
      title: "Set by",
      width: "176px",
      cell: ({ requester }) => <Name text={requester.replace(/^limit:/, "site limit ")} />,
      sortKey: ({ requester }) => requester,
    },
    {
      id: "since",
      title: "Since",
      width: "144px",
      wideOnly: true,
      cell: ({ since }) => <Age at={since} />,
      sortKey: ({ since }) => since,
    },
    {
      id: "ends",
      title: "Ends in",
      width: "208px",
      cell: (row) => <Ends limit={row} />,
      sortKey: ({ endsAt, leaseSeconds }) => (leaseSeconds === null ? (endsAt ?? "~") : "~"),
    },
  ];
  if (!may) return columns;
  const choice: Column<HeldLimit> = {
    id: "choose",
    title: "Choose",
    width: "72px",
    cell: (row) => <Choice row={row} chosen={chosen} />,
  };
  const release: Column<HeldLimit> = {
    id: "release",
    title: "Command",
    width: "96px",
    cell: (row) => (
      <button
        type="button"
        class="link"
        aria-label={`Release the limit of ${stationName(row.device)}, port ${portText(row)}`}
        onClick={() => onRelease(row)}
      >
        Release
      </button>
    ),
  };
  return [choice, ...columns, release];
}

/** A lease is renewed until it is released: its end is only what happens when the bridge dies. */
function Ends({ limit: { endsAt, leaseSeconds, renewals } }: { limit: HeldLimit }) {
  if (leaseSeconds !== null)
    return (
      <span
        title={`Renewed ${renewals} times so far. If the bridge dies, the station ends it by itself after at most ${Math.ceil(leaseSeconds / 60)} min.`}
      >
        until released
      </span>
    );
  return endsAt === null ? <span>until released</span> : <Remaining until={endsAt} />;
}

const OTHERS: readonly Column<Holds["others"][number]>[] = [
  { id: "station", title: "Station", header: true, cell: ({ device }) => <StationLink device={device} /> },
  { id: "text", title: "Limit", cell: ({ text }) => <Name text={text} /> },
  { id: "seen", title: "Seen", width: "144px", cell: ({ seenAt }) => <Age at={seenAt} /> },
];
