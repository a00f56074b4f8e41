import { Component, type ComponentChildren } from "preact";
import { type PlacedProblem, problemText, worstOf } from "./model/problems.ts";
import type { SheetRow } from "./model/sheet.ts";
import { type RowTrial, TrialText } from "./trial.tsx";

/** What a row of the grid shows; it is drawn again only when one of these is another one. */
export interface GridRowProps {
  readonly row: SheetRow;
  readonly index: number;
  readonly number: number;
  readonly top: number;
  readonly columns: number;
  /** Chosen columns, from and to; -1: none. */
  readonly from: number;
  readonly to: number;
  /** Column of the focus; -1: in another row. */
  readonly active: number;
  readonly problems: readonly PlacedProblem[] | undefined;
  readonly live: string;
  readonly trial: RowTrial | undefined;
  /** Whether its row names a point that can be tried. */
  readonly canTry: boolean;
  /** Field in place of the active cell. */
  readonly editor: ComponentChildren;
}

const SIGNS = { error: "▲", warning: "◐", note: "●" } as const;

/** A row of the grid: its number, its cells, the live value, and what a trial read. The first row has the column names. */
export class GridRow extends Component<GridRowProps> {
  override shouldComponentUpdate(next: GridRowProps): boolean {
    const now = this.props;
    return (Object.keys(next) as (keyof GridRowProps)[]).some((name) => now[name] !== next[name]);
  }

  render({ index, number, top, columns, row, problems, live, trial, canTry }: GridRowProps) {
    const isHeader = index === 0;
    return (
      <div
        role="row"
        tabIndex={-1}
        aria-rowindex={index + 1}
        class={isHeader ? "names" : undefined}
        style={isHeader ? undefined : { top: `${top}px` }}
      >
        <div
          role="rowheader"
          tabIndex={-1}
          class="row-number"
          data-row={index}
          data-column={-1}
          aria-colindex={1}
        >
          {number}
        </div>
        {Array.from({ length: columns }, (_, column) =>
          this.#cell(
            column,
            row.cells[column] ?? "",
            problems?.filter((one) => (one.cellColumn ?? 0) === column),
          ),
        )}
        {this.#cell(columns, isHeader ? "Live value" : live)}
        {this.#cell(
          columns + 1,
          isHeader ? "Try" : trial || canTry ? <TrialText trial={trial} row={row} /> : "",
        )}
      </div>
    );
  }

  #cell(column: number, content: ComponentChildren, problems: readonly PlacedProblem[] = []) {
    const { index, from, to, active, editor, columns } = this.props;
    const isHeader = index === 0;
    const isActive = column === active;
    const worst = worstOf(problems);
    const isChosen = column >= from && column <= to;
    const said = problems.map((one) => `${one.severity}: ${problemText(one)}`).join("; ");
    const isExtra = column >= columns;
    const classes = ["cell", worst, isChosen && "chosen", isActive && "active", isExtra && "extra"];
    return (
      <div
        key={column}
        role={isHeader ? "columnheader" : "gridcell"}
        tabIndex={isActive ? 0 : -1}
        aria-colindex={column + 2}
        aria-selected={isChosen}
        aria-invalid={worst === "error" ? true : undefined}
        aria-readonly={isExtra ? true : undefined}
        data-row={index}
        data-column={column}
        class={classes.filter(Boolean).join(" ")}
        title={said === "" ? undefined : said}
      >
        {isActive && editor ? (
          editor
        ) : (
          <>
            <span class="text">{content}</span>
            {worst && (
              <span class="sign" aria-hidden="true">
                {SIGNS[worst]}
              </span>
            )}
            {said !== "" && <span class="hidden-text">, {said}</span>}
          </>
        )}
      </div>
    );
  }
}
