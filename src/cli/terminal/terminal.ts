import { createLog, type Log, type LogLevel, printable, Secrets } from "../../log/log.ts";
import { coloured } from "./colour.ts";

/** The process's own streams, and what else a command sees of it. */
export interface Surroundings {
  out(text: string): void;
  err(text: string): void;
  /** Whether `out` is a screen that can be drawn over. */
  readonly interactive: boolean;
  /** The streams behind `out` and `err`, where there are any: colours and progress depend on what they are. */
  readonly streams?: { readonly out: NodeJS.WriteStream; readonly err: NodeJS.WriteStream };
  /** Of the screen, as it is now. */
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the user or the system wants the command to end (Ctrl-C, TERM). */
  readonly ending: AbortSignal;
}

/**
 * Where a command prints. Results go to `out`; log lines and errors go to `err`. Both blank secrets, and escape what could make a
 * terminal do or show something else.
 */
export interface Terminal extends Surroundings {
  /** Blanked in all that is printed. */
  readonly secrets: Secrets;
  /** Prints stored values to `out` as they are: only characters that a terminal must not get are escaped. */
  data(text: string): void;
  /** Rewrites the line of progress on `err`, where that is a screen. Whatever is printed next replaces it; so does no line. */
  progress(line?: string): void;
  /** Takes away the last lines that `out` has printed. */
  erase(lines: number): void;
}

/** The terminal of one command, on these streams. */
export function terminalOn(surroundings: Surroundings): Terminal {
  const secrets = new Secrets();
  const { streams } = surroundings;
  let hasProgress = false;
  const hideProgress = () => {
    if (hasProgress) surroundings.err("\r\u001b[K");
    hasProgress = false;
  };
  const clean = (text: string): string => printable(secrets.blank(text));
  return {
    out(text) {
      hideProgress();
      surroundings.out(coloured(clean(text), streams?.out));
    },
    err(text) {
      hideProgress();
      surroundings.err(coloured(clean(text), streams?.err));
    },
    data(text) {
      hideProgress();
      surroundings.out(printable(text));
    },
    progress(line) {
      hideProgress();
      if (line === undefined || !streams?.err.isTTY) return;
      // A line that wraps cannot be rewritten.
      surroundings.err(clean(line).slice(0, (streams.err.columns || 100) - 1));
      hasProgress = true;
    },
    erase: (lines) => surroundings.out(`\u001b[${lines}A\u001b[0J`),
    secrets,
    interactive: surroundings.interactive,
    ...(streams && { streams }),
    get columns() {
      return surroundings.columns;
    },
    get rows() {
      return surroundings.rows;
    },
    env: surroundings.env,
    ending: surroundings.ending,
  };
}

/** A second Ctrl-C within this time is the first one, come by another way. */
const SAME_SIGNAL_MS = 500;
const EXIT_INTERRUPTED = 130;

export function processSurroundings(): Surroundings {
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
    streams: { out: process.stdout, err: process.stderr },
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

/** Secrets are blanked in texts only, so that it stays JSON whatever they are. */
export function printJson(terminal: Terminal, value: unknown): void {
  const blank = (_: string, inner: unknown) =>
    typeof inner === "string" ? terminal.secrets.blank(inner) : inner;
  terminal.data(`${JSON.stringify(value, blank, terminal.interactive ? 2 : undefined)}\n`);
}
