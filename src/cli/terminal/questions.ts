import { createInterface, type Interface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Terminal } from "./terminal.ts";

export interface Question {
  /** Answer to an empty line; absent: an answer is required. */
  readonly preset?: string | undefined;
  /** The answer is not shown. */
  readonly hidden?: boolean;
  /** The answer is taken with the spaces around it. */
  readonly exact?: boolean;
  /** Returns what is wrong with an answer; undefined where it is fine. */
  readonly fault?: (answer: string) => string | undefined;
}

/** Returns whether somebody can be asked. */
export function canAsk({ input, interactive }: Terminal): boolean {
  return interactive && input?.().isTTY === true;
}

/** Asks questions at the terminal, one after the other. */
export class Questions {
  readonly #terminal: Terminal;
  readonly #lines: Interface;
  readonly #ended = new AbortController();
  /** Aborted when the command is to end: while questions are open, Ctrl-C is a key and no signal. */
  readonly ending: AbortSignal;
  #hidden = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.ending = AbortSignal.any([this.#ended.signal, terminal.ending]);
    const { streams, input } = terminal;
    const output = new Writable({
      // Done at once: a prompt that waited would come after the switch to hidden.
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#hidden && streams) streams.out.write(chunk);
        else if (!this.#hidden) terminal.out(chunk.toString());
        done();
      },
    });
    this.#lines = createInterface({ input: input!(), output, terminal: streams?.out.isTTY ?? false });
    // Ctrl-C and Ctrl-D; as raw input the first is no signal.
    const end = () => this.#ended.abort();
    this.#lines.on("SIGINT", end);
    this.#lines.on("close", end);
  }

  /**
   * Repeats a question until the answer is fine. Rejects when the command is ended instead.
   */
  async ask(text: string, { preset, hidden = false, exact = false, fault }: Question = {}): Promise<string> {
    for (;;) {
      const typed = await this.#line(`${text}${preset ? ` [${preset}]` : ""}: `, hidden);
      const answer = typed.trim() === "" ? (preset ?? "") : exact ? typed : typed.trim();
      const problem = answer === "" && preset === undefined ? "an answer is required" : fault?.(answer);
      if (problem === undefined) return answer;
      this.#terminal.out(`  ${problem}\n`);
    }
  }

  /** Asks a question with the answers yes and no. */
  async confirm(text: string, preset: boolean): Promise<boolean> {
    const answer = await this.ask(`${text} (y/n)`, {
      preset: preset ? "y" : "n",
      fault: (one) => (/^(y|yes|n|no)$/i.test(one) ? undefined : "y or n"),
    });
    return /^y/i.test(answer);
  }

  async #line(prompt: string, hidden: boolean): Promise<string> {
    try {
      const answer = this.#lines.question(prompt, { signal: this.ending });
      // The prompt has been written; what is typed from now on is not.
      this.#hidden = hidden;
      return await answer;
    } finally {
      this.#hidden = false;
      if (hidden && this.#terminal.streams) this.#terminal.out("\n");
    }
  }

  close(): void {
    this.#lines.close();
  }
}
