import { createLog, type Log, type LogLevel, type Secrets } from "../log.ts";

/** Where a command prints. Data goes to `out`; progress, log lines and errors go to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether `out` is a screen that can be drawn over. */
  readonly interactive: boolean;
  /** Of the screen, as it is now. */
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the user or the system wants the command to end (Ctrl-C, TERM). */
  readonly ending: AbortSignal;
}

/** A second Ctrl-C within this time is the first one, come by another way. */
const SAME_SIGNAL_MS = 500;
const EXIT_INTERRUPTED = 130;

export function processTerminal(): Terminal {
  const ending = new AbortController();
  let askedAt = 0;
  const end = () => {
    if (!ending.signal.aborted) {
      askedAt = performance.now();
      ending.abort(new Error("asked to end"));
    } else if (performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(EXIT_INTERRUPTED);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  // The starter that handed over to this Node is gone, without a word where it was killed.
  process.once("disconnect", end);
  process.channel?.unref();
  // Whoever reads has seen enough (`… | head`).
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") end();
    else throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stdout.isTTY === true,
    get columns() {
      return process.stdout.columns || 100;
    },
    get rows() {
      return process.stdout.rows || 50;
    },
    env: process.env,
    ending: ending.signal,
  };
}

export interface LogFlags {
  readonly logLevel?: LogLevel;
  readonly logFormat?: "text" | "json";
}

export function terminalLog(terminal: Terminal, flags: LogFlags, secrets: Secrets): Log {
  return createLog({
    level: flags.logLevel ?? "info",
    format: flags.logFormat ?? "text",
    write: (line) => terminal.err(line),
    secrets,
  });
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, terminal.interactive ? 2 : undefined)}\n`);
}
