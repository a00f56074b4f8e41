import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Dialog } from "../../kit/controls/dialog.tsx";
import { Field } from "../../kit/controls/field.tsx";
import { SuggestInput } from "../../kit/controls/suggest-input.tsx";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { Name } from "../../kit/text/name.tsx";
import { SeverityMark } from "../../kit/text/state-mark.tsx";
import { useSignalValue } from "../../state/browser/signal.ts";
import { knownColumns, offerOf, suggestions } from "./model/completion.ts";
import { byRow, type PlacedProblem, problemText, worstOf } from "./model/problems.ts";
import { one, type Selection } from "./model/selection.ts";
import {
  cellAt,
  columnCount,
  deleteRows,
  insertRows,
  rowNumber,
  type Sheet,
  type SheetRow,
  setCells,
} from "./model/sheet.ts";
import type { OpenFile } from "./open-file.ts";
import { type Trials, TrialText } from "./trial.tsx";

interface RowCardsProps {
  readonly open: OpenFile;
  readonly sheet: Sheet;
  readonly selection: Selection;
  readonly live: ReadonlyMap<string, string>;
  readonly trials: Trials;
  readonly onTry: (row: number) => void;
}

/** On a phone: a card for each row, and a form for one of them. */
export function RowCards({ open, sheet, selection, live, trials, onTry }: RowCardsProps) {
  const vocabulary = open.vocabulary!;
  const { problems } = useSignalValue(open.checkResult);
  const [opened, setOpened] = useState<number>();
  const found = useMemo(() => byRow(problems), [problems]);
  const known = useMemo(() => knownColumns(sheet, vocabulary), [sheet.rows[0], vocabulary]);
  const text = (row: SheetRow, name: string): string => row.cells[known.get(name) ?? -1] ?? "";
  const rows = useMemo(() => sheet.rows.slice(1), [sheet]);
  // A problem in the list leads to its row.
  const selected = useRef(selection);
  useEffect(() => {
    if (selected.current === selection) return;
    selected.current = selection;
    setOpened(sheet.rows[selection.active.row]?.id);
  }, [selection]);
  const columns: Column<SheetRow>[] = [
    {
      id: "name",
      title: "Point",
      header: true,
      cell: (row) => (
        <button type="button" class="link" onClick={() => setOpened(row.id)}>
          <Worst problems={found.get(row.id)} />
          <Name text={text(row, "Volttron Point Name") || "(no name)"} />
        </button>
      ),
    },
    { id: "attribute", title: "Is", cell: (row) => <Name text={text(row, "Attribute Name")} /> },
    { id: "port", title: "Port", cell: (row) => text(row, "Port #") || "–" },
    {
      id: "live",
      title: "Value",
      cell: (row) => <Name text={live.get(text(row, "Volttron Point Name")) ?? "–"} />,
    },
    { id: "units", title: "Units", cell: (row) => text(row, "Units") || "–" },
  ];
  const at = sheet.rows.findIndex(({ id }) => id === opened);
  return (
    <div>
      <DataTable
        caption={`Rows of ${open.file.name}`}
        rows={rows}
        columns={columns}
        keyOf={({ id }) => String(id)}
      />
      <button
        type="button"
        class="button"
        onClick={() => open.edit((s) => insertRows(s, s.rows.length), one(sheet.rows.length, 0))}
      >
        Add a row
      </button>
      {at >= 0 && (
        <RowForm
          open={open}
          sheet={sheet}
          index={at}
          problems={found.get(opened!) ?? []}
          trials={trials}
          onTry={() => onTry(at)}
          onClose={() => setOpened(undefined)}
        />
      )}
    </div>
  );
}

function Worst({ problems = [] }: { problems: readonly PlacedProblem[] | undefined }) {
  const worst = worstOf(problems);
  return worst && worst !== "note" ? <SeverityMark severity={worst} text={`${worst} `} /> : null;
}

/** The cells of one row as fields. */
function RowForm({
  open,
  sheet,
  index,
  problems,
  trials,
  onTry,
  onClose,
}: {
  open: OpenFile;
  sheet: Sheet;
  index: number;
  problems: readonly PlacedProblem[];
  trials: Trials;
  onTry: () => void;
  onClose: () => void;
}) {
  const vocabulary = open.vocabulary!;
  const row = sheet.rows[index]!;
  const trial = useSignalValue(trials.rows).get(row.id);
  const isHeader = index === 0;
  const set = (column: number, text: string, isChosen: boolean): void =>
    open.edit((before) => {
      const after = setCells(before, [[index, column, text]]);
      return isChosen && !isHeader ? setCells(after, offerOf(after, index, vocabulary).empty) : after;
    });
  return (
    <Dialog title={isHeader ? "Column names" : `Row ${rowNumber(sheet, index)}`} onClose={onClose}>
      <div class="form">
        {Array.from({ length: columnCount(sheet) }, (_, column) => {
          const wrong = problems.filter((one) => (one.cellColumn ?? 0) === column).map(problemText);
          const value = cellAt(sheet, index, column);
          return (
            <Field
              key={column}
              label={(isHeader ? "" : cellAt(sheet, 0, column)) || `Column ${column + 1}`}
              error={wrong.length > 0 ? wrong.join("; ") : undefined}
            >
              {(tied) => (
                <SuggestInput
                  {...tied}
                  value={value}
                  suggestions={suggestions(sheet, index, column, value, vocabulary)}
                  onValue={(text) => set(column, text, false)}
                  onTake={(text) => set(column, text, true)}
                />
              )}
            </Field>
          );
        })}
        {!isHeader && trial && (
          <p role="status">
            <TrialText trial={trial} row={row} />
          </p>
        )}
        <div class="row end">
          {!isHeader && (
            <>
              <button
                type="button"
                class="button danger"
                onClick={() => {
                  open.edit((s) => deleteRows(s, index, index));
                  onClose();
                }}
              >
                Delete the row
              </button>
              <button type="button" class="button" onClick={onTry}>
                Try
              </button>
            </>
          )}
          <button type="button" class="button primary" onClick={onClose}>
            Done
          </button>
        </div>
      </div>
    </Dialog>
  );
}
