import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { DeviceDetails } from "../../../schemas.ts";
import { answer } from "../../kit/controls/answers.tsx";
import { Menu } from "../../kit/controls/menu.tsx";
import { SuggestInput } from "../../kit/controls/suggest-input.tsx";
import { anyValue } from "../../kit/text/format.ts";
import { devices } from "../../state/bridge/devices.ts";
import { useKeys } from "../../state/browser/keys.ts";
import { narrow } from "../../state/browser/media.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { useDevice } from "../station/device.ts";
import { FindBar } from "./find-bar.tsx";
import { Grid } from "./grid.tsx";
import { attributeOf, knownColumns, offerOf } from "./model/completion.ts";
import { nextProblem, type PlacedProblem } from "./model/problems.ts";
import { type CellPlace, one, rangeOf, type Selection } from "./model/selection.ts";
import {
  cellAt,
  columnCount,
  columnLetters,
  deleteRows,
  duplicateRows,
  fillDown,
  insertRows,
  rowNumber,
  type Sheet,
  setCells,
} from "./model/sheet.ts";
import type { OpenFile } from "./open-file.ts";
import { ProblemList } from "./problem-list.tsx";
import { RowCards } from "./row-cards.tsx";
import { Trials } from "./trial.tsx";

interface CellEditorProps {
  readonly open: OpenFile;
  readonly sheet: Sheet;
  readonly selection: Selection;
}

const NO_VALUES: ReadonlyMap<string, string> = new Map();

/** The cells of a registry, with what is wrong in them, the values of a station, and trials. On a phone: a card for each row. */
export function CellEditor({ open, sheet, selection }: CellEditorProps) {
  const vocabulary = open.vocabulary!;
  const { query } = useSignalValue(place);
  const checkResult = useSignalValue(open.checkResult);
  const isNarrow = useSignalValue(narrow);
  const list = useSignalValue(devices);
  const trials = useMemo(() => new Trials(), [open]);
  const isTrying = useSignalValue(trials.busy);
  const [finding, setFinding] = useState(false);
  const [live, setLive] = useState(NO_VALUES);
  const focus = useRef<() => void>(() => undefined);
  const known = useMemo(() => knownColumns(sheet, vocabulary), [sheet.rows[0], vocabulary]);
  const nameColumn = known.get("Volttron Point Name") ?? 0;
  const paths =
    open.devices.length > 0 ? open.devices.map(({ device }) => device) : list.map(({ path }) => path);
  const device = query.get("device") ?? paths[0] ?? "";
  const isKnown = paths.includes(device) || list.some(({ path }) => path === device);
  const range = rangeOf(selection);
  const { row, column } = selection.active;

  const go = (target: CellPlace): void => {
    open.select(one(target.row, target.column));
    focus.current();
  };
  const goToProblem = (problem: PlacedProblem | undefined): void => {
    if (!problem) {
      answer("There is no problem in a cell.", "note");
      return;
    }
    const at = sheet.rows.findIndex(({ id }) => id === problem.rowId);
    if (at >= 0) go({ row: at, column: problem.cellColumn ?? 0 });
  };
  const toNext = (way: 1 | -1): void =>
    goToProblem(nextProblem(sheet, checkResult.problems, selection.active, way));
  const run = async (rows: Sheet["rows"]): Promise<void> => {
    if (!isKnown) {
      answer("Choose the station to read first, above the cells.", "failed");
      return;
    }
    const why = await trials.run(open.file.name, sheet, rows, device, nameColumn);
    if (why !== undefined) answer(why, "failed");
  };
  const edit = (change: (before: Sheet) => Sheet, next?: Selection): void => {
    open.edit(change, next);
    focus.current();
  };
  const move = (way: 1 | -1): void => {
    open.moveRows(way);
    focus.current();
  };
  useKeys([
    { keys: "/", what: "Find in the cells", run: () => setFinding(true) },
    { keys: "F8", what: "Next problem", run: () => toNext(1) },
  ]);

  const rows = sheet.rows.slice(1);
  const attribute = known.get("Attribute Name") ?? 0;
  const missing = vocabulary.columns.filter((name) => !known.has(name));
  return (
    <>
      {isKnown && <LiveValues key={device} device={device} onValues={setLive} />}
      <div class="toolbar grid-toolbar">
        <span class="row">
          <label for="device">Station</label>
          <DeviceField device={device} paths={paths} />
        </span>
        <button
          type="button"
          class="button"
          disabled={isTrying || rows.length === 0}
          title={`Reads ${device} once with the rows as they are edited. Nothing is written, and the running device keeps its rows.`}
          onClick={() => void run(rows.filter(({ cells }) => (cells[attribute] ?? "") !== ""))}
        >
          {isTrying ? "Reading…" : "Try all rows"}
        </button>
        <button type="button" class="button" onClick={() => setFinding(!finding)} aria-expanded={finding}>
          Find
        </button>
        {!isNarrow && (
          <Menu
            label="Rows and columns"
            button="Rows ▾"
            items={[
              {
                text: "Insert a row above",
                run: () => edit((s) => insertRows(s, Math.max(1, range.top)), one(Math.max(1, range.top), 0)),
              },
              {
                text: "Insert a row below",
                run: () => edit((s) => insertRows(s, range.bottom + 1), one(range.bottom + 1, 0)),
              },
              {
                text: "Duplicate the rows",
                run: () => edit((s) => duplicateRows(s, range.top, range.bottom)),
              },
              {
                text: "Delete the rows",
                run: () => edit((s) => deleteRows(s, range.top, range.bottom), one(range.top, column)),
              },
              { text: "Move up", run: () => move(-1) },
              { text: "Move down", run: () => move(1) },
              { text: "Fill down", run: () => edit((s) => fillDown(s, range)) },
              ...missing.map((name) => ({
                text: `Add the column ${name}`,
                run: () => edit((s) => setCells(s, [[0, columnCount(s), name]]), one(0, columnCount(sheet))),
              })),
            ]}
          />
        )}
        <span class="spring" />
        {!isNarrow && (
          <small class="quiet">
            <kbd>F2</kbd> edit · <kbd>Ctrl D</kbd> fill down · <kbd>F8</kbd> next problem
          </small>
        )}
      </div>
      {finding && (
        <FindBar
          sheet={sheet}
          from={selection.active}
          onFound={(target) => open.select(one(target.row, target.column))}
          onClose={() => {
            setFinding(false);
            focus.current();
          }}
        />
      )}
      <div class="with-problems">
        {isNarrow ? (
          <RowCards
            open={open}
            sheet={sheet}
            selection={selection}
            live={live}
            trials={trials}
            onTry={(index) => void run([sheet.rows[index]!])}
          />
        ) : (
          <div>
            <Grid
              open={open}
              sheet={sheet}
              selection={selection}
              trials={trials}
              live={live}
              onTry={(index) => void run([sheet.rows[index]!])}
              onFind={() => setFinding(true)}
              onNextProblem={toNext}
              focus={focus}
            />
            <CellLine open={open} sheet={sheet} row={row} column={column} onEdit={edit} />
          </div>
        )}
        <ProblemList
          checkResult={checkResult}
          what="registry"
          onGo={goToProblem}
          onUse={(problem, suggestion) => {
            const at = sheet.rows.findIndex(({ id }) => id === problem.rowId);
            const to = problem.cellColumn ?? 0;
            if (at >= 0) edit((s) => setCells(s, [[at, to, suggestion]]), one(at, to));
          }}
        />
      </div>
    </>
  );
}

/** The station whose values are shown, and that trials read; of many stations, those that fit what is typed. */
function DeviceField({ device, paths }: { device: string; paths: readonly string[] }) {
  const [typed, setTyped] = useState(device);
  useEffect(() => setTyped(device), [device]);
  const words = typed === device ? "" : typed.toLowerCase();
  const found = paths.filter((path) => path.toLowerCase().includes(words)).slice(0, 50);
  const choose = (path: string): void => {
    if (paths.includes(path)) setQuery({ device: path });
    else setTyped(device);
  };
  return (
    <SuggestInput
      id="device"
      class="input"
      value={typed}
      placeholder="no station runs"
      suggestions={found.map((text) => ({ text }))}
      onValue={setTyped}
      onTake={choose}
      onLeave={() => choose(typed)}
      onKey={(event) => {
        if (event.key === "Enter") choose(typed);
      }}
    />
  );
}

/** Follows the values of a station; draws nothing. */
function LiveValues({
  device,
  onValues,
}: {
  device: string;
  onValues: (values: ReadonlyMap<string, string>) => void;
}) {
  const { value } = useDevice(device);
  useEffect(() => onValues(value ? valuesOf(value) : NO_VALUES), [value, onValues]);
  return null;
}

function valuesOf({ points }: DeviceDetails): ReadonlyMap<string, string> {
  return new Map(
    points.map(({ point, value, units, withheld, quality }) => [
      point,
      withheld
        ? "withheld"
        : `${anyValue(value)}${value !== null && units ? ` ${units}` : ""}${quality === "good" ? "" : ` (${quality})`}`,
    ]),
  );
}

/** What the cell with the focus is about, and what its attribute says of the cells beside it. */
function CellLine({
  open,
  sheet,
  row,
  column,
  onEdit,
}: {
  open: OpenFile;
  sheet: Sheet;
  row: number;
  column: number;
  onEdit: (change: (before: Sheet) => Sheet) => void;
}) {
  const vocabulary = open.vocabulary!;
  const known = row === 0 ? undefined : attributeOf(sheet, row, vocabulary);
  const { different } = offerOf(sheet, row, vocabulary);
  const offered = row === 0 ? [] : different;
  const text = offered
    .map(([, at, value]) => `${cellAt(sheet, 0, at)} ${value === "" ? "empty" : value}`)
    .join(", ");
  return (
    <div class="cell-line">
      <strong>
        {column < columnCount(sheet) ? columnLetters(column) : "–"}
        {rowNumber(sheet, row)}
      </strong>
      <span class="whole">
        {known ? (
          <>
            <bdi>{known.attribute}</bdi>: {known.meaning}
            <span class="quiet">
              {" "}
              {[
                known.level === "port" ? "of a port" : known.level === "station" ? "of the station" : "",
                known.type ?? "",
                known.unit ?? "",
                known.writable ? "can be set" : "read only",
                known.call === null ? "" : `by ${known.call}`,
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
          </>
        ) : (
          <bdi class="quiet">{cellAt(sheet, row, column)}</bdi>
        )}
      </span>
      {offered.length > 0 && (
        <button
          type="button"
          class="button small"
          title="What the attribute says differs from the cells of this row."
          onClick={() => onEdit((before) => setCells(before, offered))}
        >
          Set {text}
        </button>
      )}
    </div>
  );
}
