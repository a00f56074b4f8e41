import { useMemo } from "preact/hooks";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { count, NONE, plainNumber } from "../../kit/text/format.ts";
import { Failed } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import { useKept, useLoaded } from "../../state/requests/loaded.ts";
import { type LoadedTopic, loadMeans, type Mean, type Shown } from "./load.ts";

type Row = Extract<LoadedTopic, { kind: "numbers" }> & { readonly mean: Mean | undefined };

/** Least, mean, largest and last of all stored values of this time, whatever the chart makes of them. */
export function Statistics({ shown, nameOf }: { shown: Shown; nameOf: (topic: string) => string }) {
  const { from, to } = shown;
  const numbers = shown.topics.filter((one) => one.kind === "numbers");
  const topics = numbers.map(({ topic }) => topic);
  const loaded = useLoaded(
    (signal) => loadMeans(topics, { from, to }, signal),
    [topics.join("\n"), from, to],
  );
  const means = useKept(loaded).value;
  const rows = numbers.map((one): Row => ({ ...one, mean: means?.get(one.topic) }));
  const columns = useMemo(
    (): Column<Row>[] => [
      { id: "point", title: "Point", header: true, cell: ({ topic }) => <Name text={nameOf(topic)} /> },
      number("Min", ({ least }) => least),
      number("Mean", ({ mean }) => mean?.mean),
      number("Max", ({ most }) => most),
      number("Last", ({ last }) => last?.value),
      {
        id: "at",
        title: "Last at",
        width: "144px",
        wideOnly: true,
        cell: ({ last }) => <Time at={last?.at} />,
      },
      {
        id: "values",
        title: "Values",
        numeric: true,
        width: "104px",
        cell: ({ mean }) => (mean ? count(mean.count) : NONE),
      },
    ],
    [nameOf],
  );
  if (rows.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="statistics">
      <h2 id="statistics">Statistics</h2>
      {loaded.error !== undefined && (
        <Failed error={loaded.error} what="the mean values" onRetry={loaded.reload} />
      )}
      <DataTable
        caption="Statistics of all stored values of this time"
        rows={rows}
        columns={columns}
        keyOf={({ topic }) => topic}
        keys={false}
      />
    </section>
  );
}

const withUnit = (value: number | undefined, unit: string): string =>
  value === undefined ? NONE : `${plainNumber(value, 4)} ${unit === "values" ? "" : unit}`.trim();

const number = (title: string, of: (row: Row) => number | undefined): Column<Row> => ({
  id: title,
  title,
  numeric: true,
  width: "120px",
  cell: (row) => withUnit(of(row), row.unit),
});
