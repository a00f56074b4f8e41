import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface ServerStart {
  readonly program: string;
  readonly args: readonly string[];
  readonly options?: Pick<SpawnOptions, "cwd" | "uid" | "gid">;
  /** Whether it answers by now. */
  readonly answers: () => Promise<boolean>;
  readonly deadlineMs: number;
}

/** A process that is a server to tests. It can be started again after its end. */
export class ServerProcess {
  readonly #killSignal: NodeJS.Signals;
  #log = "";
  #child: ChildProcess | undefined;

  /** `killSignal` ends the server, and what it started, without a last word. */
  constructor(killSignal: NodeJS.Signals = "SIGKILL") {
    this.#killSignal = killSignal;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it answers. Rejects with what it wrote where it ends before, or takes too long. */
  async start({ program, args, options, answers, deadlineMs }: ServerStart): Promise<void> {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.#child = child;
    // Where a test process ends early, its servers must not stay behind.
    const endWithUs = (): void => void child.kill(this.#killSignal);
    process.once("exit", endWithUs);
    child.once("exit", () => process.off("exit", endWithUs));
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        this.#log += chunk;
      });
    const deadline = Date.now() + deadlineMs;
    while (!(await answers())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill(this.#killSignal);
        throw new Error(`${basename(program)} did not start:\n${this.#log}`);
      }
      await delay(20);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Keeps its connections and does nothing, from the return on: one of many threads may go on for a moment. */
  pause(): void {
    this.signal("SIGSTOP");
    const deadline = Date.now() + 2000;
    while (this.pid !== undefined && !isStopped(this.pid) && Date.now() < deadline);
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  /** Resolves when it has ended by the signal, or was not running. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  kill(): Promise<void> {
    return this.end(this.#killSignal);
  }
}

/** Every thread of it, by /proc/<pid>/task/<thread>/stat (proc(5)): the state follows the name, which is in brackets. */
function isStopped(pid: number): boolean {
  const folder = `/proc/${pid}/task`;
  try {
    return readdirSync(folder).every((thread) =>
      /\) T /.test(readFileSync(`${folder}/${thread}/stat`, "latin1")),
    );
  } catch {
    return true;
  }
}
