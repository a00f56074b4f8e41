import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { duration } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { Time } from "../../kit/text/time.tsx";
import type { LoadedTopic, TextChange } from "./load.ts";

interface Row extends TextChange {
  readonly topic: string;
  readonly name: string;
}

/** Texts have no line: when each became another one, the newest first. */
export function TextChanges({
  texts,
  nameOf,
}: {
  texts: readonly Extract<LoadedTopic, { kind: "text" }>[];
  nameOf: (topic: string) => string;
}) {
  const rows = texts
    .flatMap(({ topic, changes }) =>
      changes.map((change): Row => ({ ...change, topic, name: nameOf(topic) })),
    )
    .sort((a, b) => b.from - a.from);
  return (
    <section class="stack" aria-labelledby="texts">
      <h2 id="texts">Texts</h2>
      <p class="quiet">
        When each became another one. In long ranges a text of a few moments may be left out; the download has
        all.
      </p>
      <DataTable
        caption="Changes of texts"
        rows={rows}
        columns={COLUMNS}
        keyOf={({ topic, from }) => `${topic} ${from}`}
        keys={false}
        empty={<p class="quiet">No texts in this time.</p>}
      />
    </section>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  { id: "point", title: "Point", header: true, cell: ({ name }) => <Name text={name} /> },
  { id: "text", title: "Text", cell: ({ text }) => <Name text={text} /> },
  { id: "from", title: "From", width: "144px", cell: ({ from }) => <Time at={from} /> },
  { id: "to", title: "To", width: "144px", wideOnly: true, cell: ({ to }) => <Time at={to} /> },
  { id: "for", title: "For", width: "112px", numeric: true, cell: ({ from, to }) => duration(to - from) },
];
