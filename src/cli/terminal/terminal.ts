/** The terminal: everything that a command prints passes through here, without secrets and control characters. */

import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { createLog, type Log, type LogLevel, PRIORITIES, printable, Secrets } from "../../log/log.ts";
import { coloured } from "./colour.ts";
import { EXIT } from "./command-error.ts";

/** The streams and the environment of the process, as a command sees them. */
export interface Surroundings {
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` goes to systemd's journal. */
  readonly journal?: boolean;
  /** Whether `out` is a screen whose lines can be rewritten. */
  readonly interactive: boolean;
  /** The streams of `out` and `err`; without them, there are no colours and no progress. */
  readonly streams?: { readonly out: NodeJS.WriteStream; readonly err: NodeJS.WriteStream };
  /** Opens the stream on which answers to questions are typed; without it, or where it is no terminal, nobody can be asked. */
  input?(): NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Current size of the screen, in characters. */
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user or the system ends the command (Ctrl-C, TERM). */
  readonly ending: AbortSignal;
  /**
   * Calls the listener at each SIGHUP instead of ending the command, where the process has no terminal: there the signal is
   * the request of a service manager to load the configs again. In a terminal it means that the terminal was closed.
   */
  onHangUp?(listener: () => void): void;
  /** Calls `last` and ends the process with a failure where it still runs after `ms`. Absent where several commands share a process. */
  endWithin?(ms: number, last: () => void): void;
}

/**
 * Where a command prints. Results go to `out`; log lines and errors go to `err`. Both blank secrets, escape control characters,
 * and then add colours.
 */
export interface Terminal extends Surroundings {
  /** Blanked in all that is printed. */
  readonly secrets: Secrets;
  /**
   * As {@link Surroundings.err}. Text of a level, such as an error that ends the command: in the journal each line has its
   * priority, and after {@link logAsJson} each is a line of the log.
   */
  err(text: string, level?: "warn" | "error"): void;
  /** Called by a command whose standard error is JSON lines. */
  logAsJson(log: Log): void;
  /** Prints stored values to `out`, with only control characters escaped. */
  data(text: string): void;
  /** Rewrites the line of progress, where `err` is a screen. The next output replaces it; without a line, it is erased. */
  progress(line?: string): void;
  /** Erases the last lines printed to `out`. */
  erase(lines: number): void;
}

/** Returns the terminal of one command. */
export function terminalOn(surroundings: Surroundings): Terminal {
  const secrets = new Secrets();
  const { streams, journal = false } = surroundings;
  let hasProgress = false;
  let jsonLog: Log | undefined;
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
    err(text, level) {
      hideProgress();
      if (jsonLog && level) {
        for (const line of text.split("\n")) if (line.trim() !== "") jsonLog[level](line);
        return;
      }
      const lines = coloured(clean(text), streams?.err);
      surroundings.err(journal && level ? lines.replaceAll(/^(?=.)/gm, PRIORITIES[level]) : lines);
    },
    logAsJson(log) {
      jsonLog = log;
    },
    journal,
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
    ...(surroundings.input && { input: surroundings.input }),
    get columns() {
      return surroundings.columns;
    },
    get rows() {
      return surroundings.rows;
    },
    env: surroundings.env,
    ending: surroundings.ending,
    onHangUp: (listener) => surroundings.onHangUp?.(listener),
    endWithin: (ms, last) => surroundings.endWithin?.(ms, last),
  };
}

/** Maximum time between two signals of one Ctrl-C that arrives by two ways, in milliseconds. */
const SAME_SIGNAL_MS = 500;
const EXIT_INTERRUPTED = 130;

/**
 * Returns whether standard error goes to the journal: `JOURNAL_STREAM` is the device and inode of its stream, as
 * systemd.exec(5) describes. Programs that inherit the variable and redirect their output do not match.
 */
function isJournal(stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // Standard error is closed.
    return false;
  }
}

export function processSurroundings(): Surroundings {
  const ending = new AbortController();
  let askedAt = 0;
  const end = () => {
    if (!ending.signal.aborted) {
      askedAt = performance.now();
      ending.abort(new Error("asked to end"));
    } else if (performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(EXIT_INTERRUPTED);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  let hungUp = end;
  process.on("SIGHUP", () => hungUp());
  // Read now: a terminal that was closed is none any more.
  const hasTerminal = [0, 1, 2].some((stream) => isatty(stream));
  // The starter of this process has exited; when it was killed, it forwarded no signal.
  process.once("disconnect", end);
  process.channel?.unref();
  // The reader has closed the pipe (`… | head`).
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") end();
    else throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    journal: isJournal(process.env.JOURNAL_STREAM),
    interactive: process.stdout.isTTY === true,
    streams: { out: process.stdout, err: process.stderr },
    input: () => process.stdin,
    get columns() {
      return process.stdout.columns || 100;
    },
    get rows() {
      return process.stdout.rows || 50;
    },
    env: process.env,
    ending: ending.signal,
    onHangUp(listener) {
      if (hasTerminal) return;
      hungUp = () => {
        if (!ending.signal.aborted) listener();
      };
    },
    endWithin(ms, last) {
      const end = () => {
        last();
        process.exit(EXIT.failed);
      };
      setTimeout(end, ms).unref();
    },
  };
}

export interface LogFlags {
  readonly logLevel?: LogLevel;
  readonly logFormat?: "text" | "json";
}

export function terminalLog(terminal: Terminal, flags: LogFlags, secrets: Secrets): Log {
  const log = createLog({
    level: flags.logLevel ?? "info",
    format: flags.logFormat ?? "text",
    journal: terminal.journal ?? false,
    write: (line) => terminal.err(line),
    secrets,
  });
  if (flags.logFormat === "json") terminal.logAsJson(log);
  return log;
}

/** Prints a value as JSON. Secrets are blanked within strings only, so that the output stays valid JSON. */
export function printJson(terminal: Terminal, value: unknown): void {
  const blank = (_: string, inner: unknown) =>
    typeof inner === "string" ? terminal.secrets.blank(inner) : inner;
  terminal.data(`${JSON.stringify(value, blank, terminal.interactive ? 2 : undefined)}\n`);
}
