import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const starter = fileURLToPath(new URL("../../bin/voltbridge", import.meta.url));

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command of the real command line to its end. */
export async function voltbridge(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const running = new RunningVoltbridge(args, options);
  const code = await running.ended;
  return { code, stdout: running.stdout, stderr: running.stderr };
}

/** A command of the real command line that goes on until it is told to end. */
export class RunningVoltbridge {
  stdout = "";
  stderr = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #wake: (() => void)[] = [];

  constructor(args: readonly string[], { env = {}, cwd }: CliOptions = {}) {
    this.#child = spawn(process.execPath, [starter, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      // A pipe of a machine that forces colours gets none, unless a test asks for them.
      env: { ...process.env, FORCE_COLOR: undefined, ...env },
      ...(cwd === undefined ? {} : { cwd: resolve(cwd) }),
    });
    // Where a test process ends early, its commands must not stay behind.
    const endWithUs = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", endWithUs);
    this.#child.once("exit", () => process.off("exit", endWithUs));
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.stdout += chunk;
      this.#wakeAll();
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk;
      this.#wakeAll();
    });
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when what it has printed (both streams) matches; rejects when it ends before that. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let over = false;
    void this.ended.then(() => {
      over = true;
      this.#wakeAll();
    });
    for (;;) {
      const match = `${this.stdout}${this.stderr}`.match(pattern);
      if (match) return match;
      if (over) throw new Error(`ended before printing ${pattern}:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Sends the signal and waits for the end; gives the exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal);
    return this.ended;
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
