import { once } from "node:events";
import type { Log } from "../../log/log.ts";
import { type Condition, conditionText } from "../../service/condition.ts";
import { ServiceManager } from "../../service/service-manager.ts";
import { DataFolderInUseError } from "../../storage/data-lock.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Time in which a process ends after it was asked to, in milliseconds. Service managers kill it after ten seconds. */
const END_MS = 9500;
/** Failures to open a port that can end by themselves: another process has it, or the address of the machine is not there yet. */
const PASSING = new Set(["EADDRINUSE", "EADDRNOTAVAIL"]);

/** A bridge or a historian that runs. */
interface Running {
  condition(): Condition;
  stop(): Promise<void>;
}

/**
 * Starts a process that runs until it is asked to end, also during its start, and reports to a service manager. Rejects with the reason
 * of `terminal.ending` where the start was ended.
 */
export async function serve(terminal: Terminal, log: Log, start: () => Promise<Running>): Promise<void> {
  const { env, secrets, ending } = terminal;
  ending.throwIfAborted();
  reportFatalErrors(env.LOGS_DIRECTORY);
  const manager = new ServiceManager({ env, log, secrets });
  const onEnding = () => {
    log.info("stopping");
    manager.stopping();
    terminal.endWithin?.(END_MS, () =>
      log.error(
        `the stop took longer than ${END_MS / 1000} s and was cut short; what waits on disk is delivered after the next start`,
      ),
    );
  };
  ending.addEventListener("abort", onEnding, { once: true });
  const running = await start().catch((error: unknown) => {
    if (ending.aborted) log.info("stopped before the start was complete");
    throw error;
  });
  if (!ending.aborted) {
    manager.ready(() => conditionText(running.condition()));
    await once(ending, "abort");
  }
  await running.stop();
  log.info("stopped");
}

/** Has Node write a report where it ends by a fault of its own, such as an exhausted heap; without the environment, which can hold secrets. */
function reportFatalErrors(folder: string | undefined): void {
  if (!folder) return;
  // Two units can name several folders.
  process.report.directory = folder.split(":")[0]!;
  process.report.reportOnFatalError = true;
  process.report.excludeEnv = true;
}

/** Returns the error of a process that cannot start. Its exit code says whether another start may succeed with the same configs. */
export function startError(what: string, error: unknown): CommandError {
  const { message, cause } = error as Error;
  const { code = "" } = (cause ?? {}) as NodeJS.ErrnoException;
  const isPassing = error instanceof DataFolderInUseError || PASSING.has(code);
  const exitCode = isPassing ? EXIT.failed : EXIT.configuration;
  return new CommandError(`${what} cannot start: ${message}`, exitCode, { cause: error });
}
