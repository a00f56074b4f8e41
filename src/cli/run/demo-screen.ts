import type { Terminal } from "../terminal/terminal.ts";
import type { DemoParts } from "./demo-text.ts";
import { commandsToTry, stationTable, whatWasStarted } from "./demo-text.ts";

/** Time between two tables where the screen cannot be redrawn, in milliseconds. */
const PRINT_EVERY_MS = 60_000;
/** Time in which the scrapes of one round are collected and drawn once, in milliseconds. */
const SETTLE_MS = 300;
/** Maximum time to wait for every station's first reading, in milliseconds: the printed commands name a port that charges. */
const FIRST_READINGS_MS = 5000;

/** Output of the demo: what was started, the commands to try, and a table of the stations that is kept up to date. */
export class DemoScreen {
  readonly #terminal: Terminal;
  #parts: DemoParts | undefined;
  /** Lengths of the table's lines on the screen. */
  #drawn: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #shownAt = 0;
  #printedAt = Number.NEGATIVE_INFINITY;
  #unsubscribe: (() => void)[] = [];
  #introduced = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(parts: DemoParts): void {
    this.#parts = parts;
    this.#shownAt = performance.now();
    const { bus } = parts.bridge;
    const changed = () => {
      this.#timer ??= setTimeout(() => this.#draw(), SETTLE_MS);
    };
    this.#unsubscribe = [bus.on("scrape", changed), bus.on("availability", changed)];
    this.#terminal.out(whatWasStarted(parts));
  }

  /** Prints a line of the log above the table. */
  note(line: string): void {
    this.#erase();
    this.#terminal.err(line);
    if (this.#introduced && this.#terminal.interactive) this.#draw();
  }

  /** Leaves the table on the screen and prints the text below it. */
  end(text: string): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    clearTimeout(this.#timer);
    this.#parts = undefined;
    this.#drawn = [];
    this.#terminal.out(`\n${text}\n`);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#parts) return;
    const states = this.#parts.bridge.devices.latest.all();
    const now = performance.now();
    if (!this.#introduced) {
      if (now - this.#shownAt < FIRST_READINGS_MS && !states.every((state) => state.observedAt)) return;
      this.#introduced = true;
      this.#terminal.out(commandsToTry(this.#parts, states));
    }
    if (!this.#terminal.interactive) {
      if (now - this.#printedAt < PRINT_EVERY_MS) return;
      this.#printedAt = now;
      this.#terminal.out(`\n${stationTable(states)}`);
      return;
    }
    this.#erase();
    const lines = this.#fitted(["", ...stationTable(states).trimEnd().split("\n")]);
    this.#drawn = lines.map((line) => line.length);
    this.#terminal.out(`${lines.join("\n")}\n`);
  }

  /** Cuts lines and table to the size of the screen: what does not fit cannot be redrawn. */
  #fitted(lines: readonly string[]): string[] {
    const { columns, rows } = this.#terminal;
    const room = Math.max(rows - 1, 4);
    const left = lines.length - (room - 1);
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${left} more lines in a taller window`];
    return shown.map((line) => line.slice(0, columns).trimEnd());
  }

  #erase(): void {
    // A screen that has become narrower has wrapped the lines.
    const { columns } = this.#terminal;
    const height = this.#drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    if (height > 0) this.#terminal.erase(height);
    this.#drawn = [];
  }
}
