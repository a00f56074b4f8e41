import { Redrawn } from "../terminal/redrawn.ts";
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
  readonly #table: Redrawn;
  #parts: DemoParts | undefined;
  #timer: NodeJS.Timeout | undefined;
  #shownAt = 0;
  #printedAt = Number.NEGATIVE_INFINITY;
  #unsubscribe: (() => void)[] = [];
  #introduced = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#table = new Redrawn(terminal);
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
    this.#table.erase();
    this.#terminal.err(line);
    if (this.#introduced && this.#terminal.interactive) this.#draw();
  }

  /** Leaves the table on the screen and prints the text below it. */
  end(text: string): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    clearTimeout(this.#timer);
    this.#parts = undefined;
    this.#table.leave();
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
    this.#table.draw(["", ...stationTable(states).trimEnd().split("\n")]);
  }
}
