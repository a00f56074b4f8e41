import { useMemo, useState } from "preact/hooks";
import { type Column, DataTable, type Sort, useSorted } from "../../kit/table/data-table.tsx";
import { count, duration, energy, localDate, money, NONE } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { setQuery } from "../../state/browser/router.ts";
import { type By, type Money, type Sums, totalOf } from "./answers.ts";

/** What all the sessions make together. */
export function Totals({ rows }: { rows: readonly Sums[] }) {
  const { sessions, energyKwh, connectedSeconds, money: sums } = totalOf(rows);
  return (
    <dl class="totals">
      <Total name={sessions === 1 ? "session" : "sessions"} value={count(sessions)} />
      <Total name="energy" value={energy(energyKwh)} />
      <Total name="a session, mean" value={sessions > 0 ? energy(energyKwh / sessions) : NONE} />
      <Total
        name="connected, mean"
        value={sessions > 0 ? duration((connectedSeconds / sessions) * 1000) : NONE}
      />
      {sums.map(({ currency, gross, net }) => (
        <Total
          key={currency}
          name={`paid by drivers; ${money(net, currency)} of it to you`}
          value={money(gross, currency)}
        />
      ))}
    </dl>
  );
}

function Total({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt class="quiet small">{name}</dt>
      <dd class="big">{value}</dd>
    </div>
  );
}

const TITLES: Readonly<Record<By, string>> = { day: "Day", month: "Month", station: "Station" };

/** A row for each day, month or station; each leads to its sessions. */
export function SumsTable({ by, rows }: { by: By; rows: readonly Sums[] }) {
  const [sort, setSort] = useState<Sort>();
  const columns = useMemo(() => columnsOf(by), [by]);
  const listed = useMemo(
    () =>
      by === "station"
        ? rows.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }))
        : rows.toReversed(),
    [by, rows],
  );
  const sorted = useSorted(listed, columns, sort);
  return (
    <DataTable
      caption={`Sums by ${by}`}
      rows={sorted}
      columns={columns}
      keyOf={({ key }) => key}
      sort={sort}
      onSort={setSort}
      keys={false}
    />
  );
}

const nameOf = ({ key, name }: Sums): string => name ?? key;

function columnsOf(by: By): readonly Column<Sums>[] {
  return [
    {
      id: "key",
      title: TITLES[by],
      header: true,
      sortKey: by === "station" ? (row) => nameOf(row).toLowerCase() : ({ key }) => key,
      cell: (row) => (
        <button type="button" class="link" onClick={() => narrowTo(by, row.key)}>
          {by === "station" ? <Name text={nameOf(row)} /> : dateName(by, row.key)}
        </button>
      ),
    },
    {
      id: "sessions",
      title: "Sessions",
      numeric: true,
      width: "96px",
      sortKey: ({ sessions }) => sessions,
      cell: ({ sessions }) => count(sessions),
    },
    {
      id: "energy",
      title: "Energy",
      numeric: true,
      width: "112px",
      sortKey: ({ energyKwh }) => energyKwh,
      cell: ({ energyKwh }) => energy(energyKwh),
    },
    {
      id: "mean",
      title: "Mean",
      numeric: true,
      width: "112px",
      sortKey: meanOf,
      cell: (row) => energy(meanOf(row)),
    },
    {
      id: "connected",
      title: "Connected",
      numeric: true,
      width: "112px",
      wideOnly: true,
      sortKey: ({ connectedSeconds }) => connectedSeconds,
      cell: ({ connectedSeconds }) => duration(connectedSeconds * 1000),
    },
    {
      id: "charging",
      title: "Charging",
      numeric: true,
      width: "112px",
      wideOnly: true,
      sortKey: ({ chargingSeconds }) => chargingSeconds,
      cell: ({ chargingSeconds }) => duration(chargingSeconds * 1000),
    },
    {
      id: "paid",
      title: "Paid",
      numeric: true,
      width: "144px",
      sortKey: ({ money: sums }) => sums.reduce((sum, { gross }) => sum + gross, 0),
      cell: ({ money: sums }) => <Amounts sums={sums} of="gross" />,
    },
    {
      id: "revenue",
      title: "To you",
      numeric: true,
      width: "144px",
      wideOnly: true,
      sortKey: ({ money: sums }) => sums.reduce((sum, { net }) => sum + net, 0),
      cell: ({ money: sums }) => <Amounts sums={sums} of="net" />,
    },
  ];
}

/** A row has one line: several currencies are one after the other, with all of them on hover. */
function Amounts({ sums, of }: { sums: readonly Money[]; of: "gross" | "net" }) {
  const text = sums.map((sum) => money(sum[of], sum.currency)).join(" + ") || NONE;
  return <span title={sums.length > 1 ? text : undefined}>{text}</span>;
}

const meanOf = ({ energyKwh, sessions }: Sums): number => (sessions > 0 ? energyKwh / sessions : 0);

/** Shows the day, the month or the station alone. */
function narrowTo(by: By, key: string): void {
  if (by === "station") {
    setQuery({ station: key, by: "day" }, { entry: true });
    return;
  }
  const [year = 0, month = 1, day = 1] = key.split("-").map(Number);
  const from = new Date(year, month - 1, day);
  const to = by === "day" ? new Date(year, month - 1, day + 1) : new Date(year, month, 1);
  setQuery(
    {
      range: undefined,
      ...{ from: from.toISOString(), to: to.toISOString() },
      by: by === "day" ? "station" : "day",
    },
    { entry: true },
  );
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function dateName(by: By, key: string): string {
  const [year = 0, month = 1, day = 1] = key.split("-").map(Number);
  const date = new Date(year, month - 1, day);
  if (by === "month") return date.toLocaleDateString("en", { month: "long", year: "numeric" });
  return `${WEEKDAYS[date.getDay()]} ${localDate(date, new Date())}`;
}
