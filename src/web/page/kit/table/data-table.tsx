import { effect, type ReadonlySignal } from "@preact/signals-core";
import { Component, type ComponentChildren } from "preact";
import { useCallback, useId, useMemo, useRef } from "preact/hooks";
import { useKeys } from "../../state/browser/keys.ts";
import { narrow } from "../../state/browser/media.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { useVisibleRows } from "./visible-rows.ts";

/** A column of a {@link DataTable}. */
export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Makes the column one that rows can be sorted by: a number, or a text that plain comparison sorts. */
  readonly sortKey?: (row: Row) => number | string;
  /** Right-aligned. */
  readonly numeric?: boolean;
  /** CSS width, e.g. `120px`; without one the column takes what is left. */
  readonly width?: string;
  /** Says what the row is: its cell is a header for screen readers, and the title of the card on a phone. */
  readonly header?: boolean;
  /** Left out on a phone. */
  readonly wideOnly?: boolean;
  /** Takes a line of its own on a phone: for texts. */
  readonly whole?: boolean;
}

export interface Sort {
  readonly column: string;
  readonly down: boolean;
}

interface DataTableProps<Row> {
  /** Says what the table holds; read by screen readers. */
  readonly caption: string;
  readonly rows: readonly Row[];
  /** The same list as long as the cells are the same: rows are not drawn again then. */
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly sort?: Sort | undefined;
  /** Absent: rows cannot be sorted. */
  readonly onSort?: (sort: Sort | undefined) => void;
  /** Class of a row, e.g. `stale`. */
  readonly rowClass?: ((row: Row) => string | undefined) | undefined;
  /** A signal that the cells of a row read: the row alone is drawn again when it changes. */
  readonly follow?: ((row: Row) => ReadonlySignal<unknown>) | undefined;
  /** Shown where there are no rows. */
  readonly empty?: ComponentChildren;
  /** Whether `j` and `k` go through this table. Default: true; one table a view. */
  readonly keys?: boolean | undefined;
}

/**
 * A table of which only the rows in the window are drawn. All rows have one height. `j` and `k` move among the first
 * links or buttons of the rows, and Enter opens them. On a phone each row is a card.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, rows, keyOf, sort, onSort, empty } = props;
  const isNarrow = useSignalValue(narrow);
  const columns = useMemo(
    () => (isNarrow ? props.columns.filter(({ wideOnly }) => !wideOnly) : props.columns),
    [isNarrow, props.columns],
  );
  const height = isNarrow ? cardHeight(columns) : 32;
  const body = useRef<HTMLTableSectionElement>(null);
  const { first, end } = useVisibleRows(body, rows.length, height);
  const current = useRef(-1);

  const go = useCallback(
    (step: number) => {
      const next = Math.min(Math.max(0, current.current + step), rows.length - 1);
      if (next < 0) return;
      current.current = next;
      focusRow(body.current, next, height);
    },
    [rows.length, height],
  );
  useKeys(
    props.keys === false
      ? []
      : [
          { keys: "j", what: "Next row", run: () => go(1) },
          { keys: "k", what: "Previous row", run: () => go(-1) },
        ],
  );

  if (rows.length === 0 && empty) return <>{empty}</>;
  return (
    <>
      {onSort && isNarrow && <NarrowSort columns={columns} sort={sort} onSort={onSort} />}
      <table class="table" aria-rowcount={rows.length + 1}>
        <caption class="hidden-text">{caption}</caption>
        <colgroup>
          {columns.map(({ id, width }) => (
            <col key={id} style={width ? { width } : undefined} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <HeadCell key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody
          ref={body}
          style={{ "--row-height": `${height}px` }}
          onFocusCapture={(event) => {
            const row = (event.target as Element).closest("tr[aria-rowindex]");
            if (row) current.current = Number(row.getAttribute("aria-rowindex")) - 2;
          }}
        >
          <Space height={first * height} columns={columns.length} />
          {rows.slice(first, end).map((row, index) => (
            <TableRow
              key={keyOf(row)}
              row={row}
              place={first + index}
              columns={columns}
              rowClass={props.rowClass}
              follow={props.follow}
            />
          ))}
          <Space height={(rows.length - end) * height} columns={columns.length} />
        </tbody>
      </table>
    </>
  );
}

interface TableRowProps<Row> extends Pick<DataTableProps<Row>, "rowClass" | "follow"> {
  readonly row: Row;
  readonly place: number;
  readonly columns: readonly Column<Row>[];
}

/**
 * A row is drawn again when it is another one, when its columns are other ones, or when the signal that it follows changes;
 * not when the list around it is scrolled.
 */
class TableRow<Row> extends Component<TableRowProps<Row>> {
  #unfollow: (() => void) | undefined;

  override componentDidMount(): void {
    this.#follow();
  }

  override shouldComponentUpdate(next: TableRowProps<Row>): boolean {
    const { row, place, columns, rowClass } = this.props;
    return row !== next.row || place !== next.place || columns !== next.columns || rowClass !== next.rowClass;
  }

  override componentDidUpdate(before: TableRowProps<Row>): void {
    if (before.row !== this.props.row) this.#follow();
  }

  override componentWillUnmount(): void {
    this.#unfollow?.();
  }

  #follow(): void {
    this.#unfollow?.();
    const signal = this.props.follow?.(this.props.row);
    if (!signal) return;
    let shown = signal.peek();
    this.#unfollow = effect(() => {
      if (signal.value === shown) return;
      shown = signal.value;
      this.forceUpdate();
    });
  }

  render({ row, place, columns, rowClass }: TableRowProps<Row>) {
    return (
      <tr aria-rowindex={place + 2} class={rowClass?.(row)}>
        {columns.map((column) =>
          column.header ? (
            <th key={column.id} scope="row">
              {column.cell(row)}
            </th>
          ) : (
            <td key={column.id} data-title={column.title} class={classOf(column)}>
              {column.cell(row)}
            </td>
          ),
        )}
      </tr>
    );
  }
}

function classOf<Row>({ numeric, whole }: Column<Row>): string | undefined {
  return numeric ? "number" : whole ? "whole" : undefined;
}

/** Stands for rows that are not drawn. */
function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus
    <tr class="space" aria-hidden="true" style={{ height: `${height}px` }}>
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

function HeadCell<Row>({
  column,
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: DataTableProps<Row>["onSort"];
}) {
  const sorted = sort?.column === column.id ? sort : undefined;
  const direction = sorted && (sorted.down ? "descending" : "ascending");
  return (
    <th scope="col" class={column.numeric ? "number" : undefined} aria-sort={direction}>
      {onSort && column.sortKey ? (
        <button type="button" onClick={() => onSort(nextSort(column.id, sorted))}>
          {column.title}
          <span aria-hidden="true">{sorted ? (sorted.down ? " ↓" : " ↑") : ""}</span>
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

/** Up, down, and back to the order of the names. */
function nextSort(column: string, sorted: Sort | undefined): Sort | undefined {
  if (!sorted) return { column, down: false };
  return sorted.down ? undefined : { column, down: true };
}

function NarrowSort<Row>({
  columns,
  sort,
  onSort,
}: {
  columns: readonly Column<Row>[];
  sort: Sort | undefined;
  onSort: (sort: Sort | undefined) => void;
}) {
  const id = useId();
  const choices = columns.filter(({ sortKey }) => sortKey);
  if (choices.length === 0) return null;
  return (
    <p class="narrow-sort">
      <label for={id}>Sort by</label>
      <select
        id={id}
        class="input"
        value={sort ? `${sort.column} ${sort.down ? "down" : "up"}` : ""}
        onChange={({ currentTarget }) => {
          const [column, way] = currentTarget.value.split(" ");
          onSort(column ? { column, down: way === "down" } : undefined);
        }}
      >
        <option value="">as listed</option>
        {choices.flatMap(({ id: column, title }) => [
          <option key={`${column}u`} value={`${column} up`}>{`${title} ↑`}</option>,
          <option key={`${column}d`} value={`${column} down`}>{`${title} ↓`}</option>,
        ])}
      </select>
    </p>
  );
}

/** Height of a card: its title, and two values a line. */
function cardHeight<Row>(columns: readonly Column<Row>[]): number {
  const titles = columns.filter(({ header, whole }) => header || whole).length;
  return (titles + Math.ceil((columns.length - titles) / 2)) * 24 + 17;
}

/** Focuses the first link, button or field of a row, which may have to be scrolled to and drawn first. */
function focusRow(body: HTMLElement | null, index: number, height: number): void {
  if (!body) return;
  const top = body.getBoundingClientRect().top + index * height;
  // The header of the page and of the table cover the top.
  const covered = 120;
  if (top < covered) scrollBy(0, top - covered);
  else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight + height);
  requestAnimationFrame(() => {
    const row = body.querySelector(`tr[aria-rowindex="${index + 2}"]`);
    row?.querySelector<HTMLElement>("a, button, input, select")?.focus({ preventScroll: true });
  });
}

/**
 * Returns rows in the order that the reader chose. The order is made when the rows or the choice change, never when a
 * value does: nothing moves under the reader's eyes.
 */
export function useSorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort | undefined,
): readonly Row[] {
  // Columns are made anew with each drawing.
  return useMemo(() => {
    const key = columns.find(({ id }) => id === sort?.column)?.sortKey;
    if (!key || !sort) return rows;
    const way = sort.down ? -1 : 1;
    return rows
      .map((row) => ({ row, key: key(row) }))
      .sort((a, b) => (a.key < b.key ? -way : a.key > b.key ? way : 0))
      .map(({ row }) => row);
  }, [rows, sort?.column, sort?.down]);
}
