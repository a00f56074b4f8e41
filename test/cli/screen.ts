/** A terminal's screen as far as the demo uses one: lines that wrap and scroll, the cursor up, clear to the end. */
export class Screen {
  columns: number;
  readonly rows: number;
  /** Everything that ever stood on it; the last `rows` of them are on the screen. */
  #lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** What is to be seen, scrolled-off lines included. */
  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join("\n");
  }

  /** Makes the window narrower; lines that do not fit are broken, as terminals do. */
  narrow(columns: number): void {
    this.columns = columns;
    this.#lines = this.#lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""]);
    this.#row = this.#lines.length - 1;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads
    for (const [part, command, count] of [...text.matchAll(/\u001b\[(\d+)([AJ])|[^\u001b]|\u001b/g)].map(
      ([all, number, letter]) => [all, letter, Number(number)] as const,
    )) {
      if (command === "A") {
        // It stops at the upper edge of the screen.
        const top = Math.max(0, this.#lines.length - this.rows);
        this.#row = Math.max(top, this.#row - count);
      } else if (command === "J") {
        this.#lines.length = this.#row + 1;
        this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
      } else if (part === "\n") {
        this.#newLine();
      } else this.#put(part);
    }
  }

  #put(character: string): void {
    if (this.#column === this.columns) this.#newLine();
    const line = this.#lines[this.#row]!;
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    this.#lines[this.#row] ??= "";
  }
}
