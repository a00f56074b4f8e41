import { runCli } from "../../src/cli/index.ts";
import type { Surroundings } from "../../src/cli/terminal/terminal.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line within this process: as fast as a call, and both its streams apart. */
export async function cli(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new RunningCli(args, env).ended;
}

/** A command line within this process that goes on until it is told to end. */
export class RunningCli {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Outcome>;
  readonly #ending = new AbortController();
  #wake: (() => void)[] = [];

  constructor(args: readonly string[], env: Record<string, string> = {}, screen: Partial<Surroundings> = {}) {
    const took = () => {
      for (const wake of this.#wake.splice(0)) wake();
    };
    const terminal: Surroundings = {
      out: (text) => {
        this.stdout += text;
        took();
      },
      err: (text) => {
        this.stderr += text;
        took();
      },
      interactive: false,
      columns: 100,
      rows: 50,
      env,
      ending: this.#ending.signal,
    };
    // Getters stay getters: a screen can change its size.
    Object.defineProperties(terminal, Object.getOwnPropertyDescriptors(screen));
    this.ended = runCli(args, terminal).then((code) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  /** Resolves when what it has printed on either stream matches; rejects when it ends before that. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let over = false;
    void this.ended.then(() => {
      over = true;
      for (const wake of this.#wake.splice(0)) wake();
    });
    for (;;) {
      const match = `${this.stdout}\n${this.stderr}`.match(pattern);
      if (match) return match;
      if (over) throw new Error(`ended before printing ${pattern}:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** As Ctrl-C or TERM do. */
  async stop(): Promise<Outcome> {
    this.#ending.abort(new Error("asked to end"));
    return this.ended;
  }
}
