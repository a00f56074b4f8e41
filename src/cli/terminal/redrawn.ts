import type { Terminal } from "./terminal.ts";

/** Lines at the end of a screen that are drawn again in place. */
export class Redrawn {
  readonly #terminal: Terminal;
  /** Lengths of the lines on the screen. */
  #drawn: readonly number[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Replaces the lines, cut to the size of the screen: what does not fit cannot be redrawn. */
  draw(lines: readonly string[]): void {
    this.erase();
    const { columns, rows } = this.#terminal;
    const room = Math.max(rows - 1, 4);
    const left = lines.length - (room - 1);
    const fitting =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${left} more lines in a taller window`];
    const shown = fitting.map((line) => line.slice(0, columns).trimEnd());
    this.#drawn = shown.map((line) => line.length);
    this.#terminal.out(`${shown.join("\n")}\n`);
  }

  /** Removes the lines, so that others can be printed above the next ones. */
  erase(): void {
    // A screen that has become narrower has wrapped the lines.
    const { columns } = this.#terminal;
    const height = this.#drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    if (height > 0) this.#terminal.erase(height);
    this.#drawn = [];
  }

  /** Leaves the lines on the screen. */
  leave(): void {
    this.#drawn = [];
  }
}
