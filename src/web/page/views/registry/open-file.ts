import { computed, effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { ApiError } from "../../state/requests/api-error.ts";
import { checkFile, type FileName, type StoredFile } from "./files-api.ts";
import type { Vocabulary } from "./model/completion.ts";
import { type FileProblem, type PlacedProblem, placeProblems } from "./model/problems.ts";
import { fitted, one, rangeOf, type Selection, shifted } from "./model/selection.ts";
import { columnCount, moveRows, type Sheet, sheetOf, sheetText } from "./model/sheet.ts";
import { advance, amend, begin, redo, type Timeline, undo } from "./model/timeline.ts";

/** What is edited: cells or text. Both can be made of each other. */
export type Content =
  | { readonly kind: "grid"; readonly sheet: Sheet; readonly selection: Selection }
  | { readonly kind: "text"; readonly text: string };

/** What the edited text was made from. */
export interface Base {
  readonly text: string;
  /** Null: the file is new. */
  readonly revision: string | null;
  readonly encoding: string;
  readonly modifiedAt: string | undefined;
}

/** What the bridge says of the text. */
export interface CheckResult {
  readonly problems: readonly PlacedProblem[];
  /** The text was changed since, or was never checked. */
  readonly pending: boolean;
  /** Why it could not be checked. */
  readonly error?: unknown;
}

/** Columns after the cells of the file: the live value, and the trial. */
export const EXTRA_COLUMNS = 2;

/** Wait for further changes before the bridge checks the text, in milliseconds. */
const SETTLE = 400;

/** A registry or config that is open: its content, what can be undone, and what the bridge says of it. */
export class OpenFile {
  readonly file: FileName;
  readonly vocabulary: Vocabulary | undefined;
  /** Devices that used the registry when it was loaded. */
  readonly devices: readonly { readonly device: string; readonly driver: string }[];
  readonly #base = signal<Base>({ text: "", revision: null, encoding: "utf-8", modifiedAt: undefined });
  readonly #line;
  readonly #checkResult = signal<CheckResult>({ problems: [], pending: true });
  readonly base: ReadonlySignal<Base> = this.#base;
  readonly checkResult: ReadonlySignal<CheckResult> = this.#checkResult;
  readonly content: ReadonlySignal<Content>;
  readonly isDirty: ReadonlySignal<boolean>;
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;
  /** The reader left it without saving. */
  isGivenUp = false;
  #isTyping = false;

  constructor(file: FileName, stored: StoredFile, asText: boolean, vocabulary?: Vocabulary) {
    this.file = file;
    this.vocabulary = vocabulary;
    this.devices = stored.devices ?? [];
    this.#line = signal<Timeline<Content>>(begin(contentOf(stored, asText)));
    this.content = computed(() => this.#line.value.present);
    this.isDirty = computed(() => {
      const { text, revision } = this.#base.value;
      return revision === null || textOf(this.content.value) !== text;
    });
    this.canUndo = computed(() => this.#line.value.past.length > 0);
    this.canRedo = computed(() => this.#line.value.future.length > 0);
    this.#base.value = baseOf(stored);
    this.#checkResult.value = { problems: this.#placed(stored.problems), pending: false };
  }

  text(): string {
    return textOf(this.content.peek());
  }

  /** Has the text checked a moment after each change, until the returned function is called. */
  startChecks(): () => void {
    let checked: Sheet | string | undefined = sourceOf(this.content.peek());
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | undefined;
    const check = async (): Promise<void> => {
      running?.abort();
      running = new AbortController();
      const { signal: ended } = running;
      const content = this.content.peek();
      try {
        const { problems } = await checkFile(this.file, textOf(content), false, ended);
        // The sheet that was checked knows which row has which line.
        this.#checkResult.value = { problems: placedIn(content, problems), pending: false };
      } catch (error) {
        if (ended.aborted) return;
        this.#checkResult.value = { ...this.#checkResult.peek(), pending: false, error };
      }
    };
    const end = effect(() => {
      const source = sourceOf(this.content.value);
      if (source === checked) return;
      checked = source;
      clearTimeout(timer);
      running?.abort();
      if (!this.#checkResult.peek().pending)
        this.#checkResult.value = { problems: this.#checkResult.peek().problems, pending: true };
      timer = setTimeout(() => void check(), SETTLE);
    });
    if (this.#checkResult.peek().pending) void check();
    return () => {
      end();
      clearTimeout(timer);
      running?.abort();
    };
  }

  /** Changes the cells, as one step; nothing where the sheet stays the same. */
  edit(change: (sheet: Sheet) => Sheet, selection?: Selection): void {
    const content = this.content.peek();
    if (content.kind !== "grid") return;
    const sheet = change(content.sheet);
    if (sheet === content.sheet) {
      if (selection) this.select(selection);
      return;
    }
    this.#isTyping = false;
    const next = fitted(selection ?? content.selection, sizeOf(sheet));
    this.#line.value = advance(this.#line.peek(), { kind: "grid", sheet, selection: next });
  }

  /** Moves the chosen rows up (-1) or down (1), and the selection with them. */
  moveRows(way: 1 | -1): void {
    const content = this.content.peek();
    if (content.kind !== "grid") return;
    const { top, bottom } = rangeOf(content.selection);
    const sheet = moveRows(content.sheet, top, bottom, way);
    if (sheet !== content.sheet) this.edit(() => sheet, shifted(content.selection, way));
  }

  select(selection: Selection): void {
    const content = this.content.peek();
    if (content.kind !== "grid") return;
    const next = fitted(selection, sizeOf(content.sheet));
    this.#line.value = amend(this.#line.peek(), { ...content, selection: next });
  }

  /** Changes the text; what is typed in one go is one step. */
  type(text: string): void {
    const line = this.#line.peek();
    this.#line.value = (this.#isTyping ? amend : advance)(line, { kind: "text", text });
    this.#isTyping = true;
  }

  undo(): void {
    this.#isTyping = false;
    this.#line.value = undo(this.#line.peek());
  }

  redo(): void {
    this.#isTyping = false;
    this.#line.value = redo(this.#line.peek());
  }

  showText(): void {
    const { kind } = this.content.peek();
    if (kind === "grid") this.#show({ kind: "text", text: this.text() });
  }

  /** Shows the text as cells. Returns why it cannot; undefined where it can. */
  async showCells(): Promise<string | undefined> {
    const text = this.text();
    const { grid, problems } = await checkFile(this.file, text, true);
    if (text !== this.text()) return undefined;
    this.#checkResult.value = { problems: this.#placed(problems), pending: false };
    if (!grid)
      return "These lines are not cells of one table: mend the rows that are listed, or edit it as text. Files of more than 20,000 rows are text only.";
    const sheet = sheetOf(text, grid);
    this.#show({ kind: "grid", sheet, selection: one(Math.min(1, sheet.rows.length - 1), 0) });
    this.#checkResult.value = { problems: this.#placed(problems), pending: false };
    return undefined;
  }

  /** The other view of the same text is a step too: going back leads to the cells as they were. */
  #show(content: Content): void {
    this.#isTyping = false;
    this.#line.value = advance(this.#line.peek(), content);
  }

  /** Replaces what was edited by the text on disk; that can be undone. */
  take(stored: StoredFile): void {
    this.#base.value = baseOf(stored);
    this.#show(contentOf(stored, this.content.peek().kind === "text"));
    this.#checkResult.value = { problems: this.#placed(stored.problems), pending: false };
  }

  /** Keeps what is edited, based on the text on disk from now on. */
  rebase(stored: StoredFile): void {
    this.#base.value = baseOf(stored);
  }

  /** The text was written. */
  saved(text: string, revision: string): void {
    this.#base.value = { text, revision, encoding: "utf-8", modifiedAt: new Date().toISOString() };
  }

  /** The text was written, and is shown as the bridge has it now: with new secrets masked, also in what could be undone. */
  replaced(stored: StoredFile): void {
    this.#base.value = baseOf(stored);
    this.#line.value = begin(contentOf(stored, this.content.peek().kind === "text"));
    this.#isTyping = false;
    this.#checkResult.value = { problems: this.#placed(stored.problems), pending: false };
  }

  #placed(problems: readonly FileProblem[]): PlacedProblem[] {
    return placedIn(this.content.peek(), problems);
  }
}

export function sizeOf(sheet: Sheet): { rows: number; columns: number } {
  return { rows: sheet.rows.length, columns: columnCount(sheet) + EXTRA_COLUMNS };
}

/** Whether a save was refused because the file was written, removed or created in the meantime. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && (error.kind === "file_changed" || error.kind === "file_exists");
}

function contentOf({ text, grid }: StoredFile, asText: boolean): Content {
  if (asText || !grid) return { kind: "text", text };
  const sheet = sheetOf(text, grid);
  return { kind: "grid", sheet, selection: one(Math.min(1, sheet.rows.length - 1), 0) };
}

function baseOf({ text, revision, encoding, modifiedAt }: StoredFile): Base {
  return { text, encoding, revision: revision === "" ? null : revision, modifiedAt: modifiedAt || undefined };
}

const textOf = (content: Content): string =>
  content.kind === "text" ? content.text : sheetText(content.sheet);
const sourceOf = (content: Content): Sheet | string =>
  content.kind === "text" ? content.text : content.sheet;

function placedIn(content: Content, problems: readonly FileProblem[]): PlacedProblem[] {
  return content.kind === "grid"
    ? placeProblems(content.sheet, problems)
    : problems.map((problem) => ({ ...problem, rowId: undefined }));
}
