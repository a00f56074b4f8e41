import { type ReadonlySignal, signal } from "@preact/signals-core";
import { anyValue } from "../../kit/text/format.ts";
import { ApiError, explain } from "../../state/requests/api-error.ts";
import { type TriedPoint, tryRegistry } from "./files-api.ts";
import { type FileProblem, problemText } from "./model/problems.ts";
import { rowAlone, type Sheet, type SheetRow, sheetText } from "./model/sheet.ts";

/** What a trial of a row found. */
export interface RowTrial {
  /** The row as it was tried. */
  readonly row: SheetRow;
  readonly device: string;
  readonly state: "reading" | "read" | "failed";
  readonly point?: TriedPoint;
  /** Why there is no value. */
  readonly why?: string;
}

/** Trials of rows on a station; the bridge makes one at a time. */
export class Trials {
  readonly #rows = signal<ReadonlyMap<number, RowTrial>>(new Map());
  readonly #busy = signal(false);
  readonly rows: ReadonlySignal<ReadonlyMap<number, RowTrial>> = this.#rows;
  readonly busy: ReadonlySignal<boolean> = this.#busy;

  /** Reads a station once with one row, or with all. Returns why it could not be read; undefined where it was. */
  async run(
    name: string,
    sheet: Sheet,
    rows: readonly SheetRow[],
    device: string,
    nameColumn: number,
  ): Promise<string | undefined> {
    if (this.#busy.peek()) return "A trial is under way; wait until it is done.";
    this.#busy.value = true;
    const only = rows.length === 1 ? rows[0] : undefined;
    this.#set(rows.map((row) => ({ row, device, state: "reading" })));
    try {
      const text = only ? rowAlone(sheet, only) : sheetText(sheet);
      const { points, problems } = await tryRegistry(name, text, device);
      const byName = new Map(points.map((point) => [point.point, point]));
      this.#set(
        rows.map((row): RowTrial => {
          const point = byName.get(row.cells[nameColumn] ?? "");
          if (!point)
            return { row, device, state: "failed", why: whyNot(only && problems) ?? "the row has a problem" };
          const why = point.failure ?? (point.value === null ? point.missing : null) ?? undefined;
          return { row, device, state: why === undefined ? "read" : "failed", point, why };
        }),
      );
      return undefined;
    } catch (error) {
      const diagnostics =
        error instanceof ApiError
          ? (error.problem.diagnostics as readonly FileProblem[] | undefined)
          : undefined;
      const { happened, todo } = explain(error, "the trial");
      const why = whyNot(diagnostics) ?? (error instanceof ApiError ? error.message : happened);
      this.#set(rows.map((row) => ({ row, device, state: "failed", why })));
      return only && diagnostics ? undefined : `${happened} ${todo}`;
    } finally {
      this.#busy.value = false;
    }
  }

  #set(trials: readonly RowTrial[]): void {
    const next = new Map(this.#rows.peek());
    for (const trial of trials) next.set(trial.row.id, trial);
    this.#rows.value = next;
  }
}

function whyNot(problems: readonly FileProblem[] | undefined): string | undefined {
  const problem = problems?.find(({ severity }) => severity === "error");
  return problem && problemText(problem);
}

/** The value that a trial read, what the service sent, and the call; or why there is none. */
export function TrialText({ trial, row }: { trial: RowTrial | undefined; row: SheetRow }) {
  if (!trial) return <span class="try">try</span>;
  if (trial.state === "reading") return <span class="quiet">reading…</span>;
  const { point, why, device } = trial;
  const isOld = trial.row !== row;
  const text =
    why ??
    [
      `${anyValue(point!.value)} ${point!.units}`.trim(),
      point!.sent === null ? "" : `sent ${anyValue(point!.sent)}`,
      point!.call ?? "",
    ]
      .filter(Boolean)
      .join(" · ");
  return (
    <span
      class={isOld ? "quiet" : why === undefined ? undefined : "state faulted"}
      title={`${isOld ? "Before the row was edited: " : ""}${text} (${device})`}
    >
      {why !== undefined && (
        <span class="mark" aria-hidden="true">
          ▲
        </span>
      )}
      <bdi>{text}</bdi>
      {isOld && " (before the edit)"}
    </span>
  );
}
